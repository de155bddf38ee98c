//! One client over standard input and output.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rmcp::ServiceExt as _;
use rmcp::service::ServerInitializeError;
use rmcp::transport::async_rw::AsyncRwTransport;
use rmcp::transport::io::stdio_pipes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::config::Client;
use crate::connection::Connection;
use crate::service::Service;

/// Longest message of a client, in bytes: a program of 8 MiB as JSON writes it.
const MAX_LINE: usize = 32 << 20;

/// How often it is looked whether anybody still reads our output, once nothing more is read.
const LOOK: Duration = Duration::from_millis(50);

/// How long the last answers may take to be written.
const FLUSH: Duration = Duration::from_secs(5);

/// Serves the client at standard input and output until its input ends, or `stop` does. Runs that go on then have the
/// time to drain.
///
/// # Errors
///
/// When the client did not speak the protocol.
pub(crate) async fn serve(
    service: &Arc<Service>,
    client: Client,
    stop: impl Future<Output = ()>,
) -> Result<(), ServerInitializeError> {
    let (read_all, drained) = (CancellationToken::new(), CancellationToken::new());
    let unwritable = CancellationToken::new();
    let (input, output) = stdio_pipes();
    let input = Input {
        inner: input,
        read_all: read_all.clone(),
        drained: Box::pin(drained.clone().cancelled_owned()),
        has_ended: false,
    };
    let output = Output {
        inner: output,
        unwritable: unwritable.clone(),
    };
    let transport = AsyncRwTransport::new_server(input, output).with_max_line_length(MAX_LINE);
    let connection = Connection::new(Arc::clone(service), client);
    let serving = tokio::spawn(async move {
        match connection.serve(transport).await {
            Ok(running) => {
                let _how_it_ended = running.waiting().await;
                Ok(())
            }
            // It left before it had said anything.
            Err(ServerInitializeError::ConnectionClosed(_)) => Ok(()),
            Err(error) => Err(error),
        }
    });
    tokio::select! {
        () = stop => {}
        () = read_all.cancelled() => {}
        () = unwritable.cancelled() => {}
    }
    service
        .drain(async {
            while !unwritable.is_cancelled() && is_read() {
                tokio::time::sleep(LOOK).await;
            }
        })
        .await;
    drained.cancel();
    match tokio::time::timeout(FLUSH, serving).await {
        Ok(Ok(served)) => served,
        // Nobody reads the last answers, or the task was lost: there is nobody to say it to.
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

/// Whether anybody has the other end of standard output.
fn is_read() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let stdout = rustix::stdio::stdout();
    let mut fds = [PollFd::new(&stdout, PollFlags::OUT)];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    match poll(&mut fds, Some(&at_once)) {
        Ok(_) => !fds
            .iter()
            .any(|fd| fd.revents().intersects(PollFlags::ERR | PollFlags::HUP)),
        Err(_) => true,
    }
}

/// Input whose end is kept back until the runs have ended: at its end the protocol's side would give them up.
struct Input<R> {
    inner: R,
    read_all: CancellationToken,
    drained: Pin<Box<WaitForCancellationFutureOwned>>,
    has_ended: bool,
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
        let before = buffer.filled().len();
        match Pin::new(&mut self.inner).poll_read(context, buffer) {
            Poll::Ready(Ok(())) if buffer.filled().len() > before => Poll::Ready(Ok(())),
            // Input that cannot be read has ended, too.
            Poll::Ready(_) => {
                self.has_ended = true;
                self.read_all.cancel();
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Output that says when it cannot be written any more.
struct Output<W> {
    inner: W,
    unwritable: CancellationToken,
}

impl<W> Output<W> {
    fn seen<T>(&self, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if matches!(polled, Poll::Ready(Err(_))) {
            self.unwritable.cancel();
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
