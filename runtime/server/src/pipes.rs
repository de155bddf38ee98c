//! The two pipes of a client: the end of one is kept back, and while the other is not read, nothing is read.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// What the two sides of a connection know of each other.
#[derive(Clone, Default)]
pub(crate) struct Pipes {
    /// Set when the client has said all.
    pub(crate) read_all: CancellationToken,
    /// Set when the client can be told nothing any more.
    pub(crate) unwritable: CancellationToken,
    /// To be set when the input may end for the protocol's side, too.
    pub(crate) drained: CancellationToken,
    gate: Arc<Gate>,
}

/// Closed while the client does not read: each further request would leave one more answer to be kept.
#[derive(Default)]
struct Gate {
    is_closed: AtomicBool,
    reader: AtomicWaker,
    /// Told when it closes.
    closed: Notify,
}

impl Pipes {
    /// Whether the client does not read what it is sent now.
    pub(crate) fn is_unread(&self) -> bool {
        self.gate.is_closed.load(Ordering::SeqCst)
    }

    /// Waits until the client does not read what it is sent.
    pub(crate) async fn unread(&self) {
        loop {
            let closed = self.gate.closed.notified();
            if self.is_unread() {
                return;
            }
            closed.await;
        }
    }

    /// Input whose end is kept back until the runs have ended: at its end the protocol's side would give them up.
    pub(crate) fn input<R>(&self, inner: R) -> Input<R> {
        Input {
            inner,
            drained: Box::pin(self.drained.clone().cancelled_owned()),
            has_ended: false,
            pipes: self.clone(),
        }
    }

    /// Output that says when it cannot be written any more.
    pub(crate) fn output<W>(&self, inner: W) -> Output<W> {
        Output {
            inner,
            pipes: self.clone(),
        }
    }
}

/// What the client says.
pub(crate) struct Input<R> {
    inner: R,
    drained: Pin<Box<WaitForCancellationFutureOwned>>,
    has_ended: bool,
    pipes: Pipes,
}

impl<R: AsyncRead + Unpin> AsyncRead for Input<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.drained.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if self.has_ended {
            return Poll::Pending;
        }
        let gate = &self.pipes.gate;
        gate.reader.register(context.waker());
        // Looked at after the registration, so that no opening is missed.
        if gate.is_closed.load(Ordering::SeqCst) {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        match Pin::new(&mut self.inner).poll_read(context, buffer) {
            Poll::Ready(Ok(())) if buffer.filled().len() > before => Poll::Ready(Ok(())),
            // Input that cannot be read has ended, too.
            Poll::Ready(_) => {
                self.has_ended = true;
                self.pipes.read_all.cancel();
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// What the client is told.
pub(crate) struct Output<W> {
    inner: W,
    pipes: Pipes,
}

impl<W> Output<W> {
    fn seen<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let gate = &self.pipes.gate;
        let was_closed = gate.is_closed.swap(polled.is_pending(), Ordering::SeqCst);
        match polled.is_pending() {
            true if !was_closed => gate.closed.notify_one(),
            true => {}
            false => gate.reader.wake(),
        }
        if matches!(polled, Poll::Ready(Err(_))) {
            self.pipes.unwritable.cancel();
        }
        polled
    }
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Output<W> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.seen(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_flush(context);
        self.seen(polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    #[tokio::test]
    async fn nothing_is_read_from_a_client_that_does_not_read() {
        let pipes = Pipes::default();
        let (mut requests, input) = duplex(64);
        let (mut answers, output) = duplex(4);
        let (mut input, mut output) = (pipes.input(input), pipes.output(output));
        requests.write_all(b"one").await.unwrap();
        let mut read = [0; 3];
        input.read_exact(&mut read).await.unwrap();
        requests.write_all(b"two").await.unwrap();
        let mut writes = Box::pin(output.write_all(b"an answer"));
        assert!((&mut writes).now_or_never().is_none());
        let mut reads = Box::pin(input.read_exact(&mut read));
        assert!((&mut reads).now_or_never().is_none());
        let mut taken = [0; 9];
        let (taken, written) = tokio::join!(answers.read_exact(&mut taken), writes);
        taken.unwrap();
        written.unwrap();
        reads.await.unwrap();
        assert_eq!(&read, b"two");
    }

    #[tokio::test]
    async fn the_end_of_input_is_kept_back_until_all_is_drained() {
        let pipes = Pipes::default();
        let mut input = pipes.input(&b"x"[..]);
        let mut read = Vec::new();
        let mut reads = Box::pin(input.read_to_end(&mut read));
        assert!((&mut reads).now_or_never().is_none());
        assert!(pipes.read_all.is_cancelled());
        pipes.drained.cancel();
        reads.await.unwrap();
        assert_eq!(read, b"x");
    }
}
