//! The transport of a client at two pipes: a message is a line of JSON.
//!
//! The SDK's own drops lines that it cannot read, and their senders wait for ever. Here each line that asks for an answer
//! gets one: the message's, or an error of JSON-RPC that says what is wrong.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use rmcp::RoleServer;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::Mutex;

use crate::open::{Open, Waiting};
use crate::parse::{self, Parsed, Refusal};
use crate::skim::Skim;

/// Longest message of a client, in bytes: a program of 8 MiB as JSON writes it.
const MAX_LINE: usize = 32 << 20;

/// Bytes of a line's buffer that are kept for the next line.
const MAX_KEPT: usize = 1 << 20;

/// Bytes that are read at once.
const READ: usize = 32 << 10;

/// Lines of JSON in, lines of JSON out.
pub(crate) struct Wire<R, W> {
    input: BufReader<R>,
    /// The line so far. It survives a read that is given up.
    line: Vec<u8>,
    /// Set while the rest of a line that is too long is passed over.
    long: Option<Skim>,
    output: Arc<Mutex<Output<W>>>,
    open: Open,
    /// An error that is to be written.
    owed: Option<Vec<u8>>,
    /// Whether an error is not written yet; nothing is read before.
    owes: bool,
}

/// The end that is written. What is not written yet survives a write that is given up.
struct Output<W> {
    /// None once it is closed.
    inner: Option<W>,
    lines: VecDeque<(Vec<u8>, Option<Waiting>)>,
    /// Bytes of the first line that were written.
    written: usize,
}

impl<W: AsyncWrite + Unpin> Output<W> {
    async fn flush(&mut self) -> io::Result<()> {
        let Some(inner) = &mut self.inner else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        while let Some((line, _)) = self.lines.front() {
            let rest = line.get(self.written..).unwrap_or_default();
            if rest.is_empty() {
                self.lines.pop_front();
                self.written = 0;
                continue;
            }
            let written = inner.write(rest).await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.written = self.written.saturating_add(written);
        }
        inner.flush().await
    }
}

impl<R: AsyncRead + Unpin, W> Wire<R, W> {
    pub(crate) fn new(input: R, output: W, open: Open) -> Self {
        Self {
            open,
            input: BufReader::with_capacity(READ, input),
            line: Vec::new(),
            long: None,
            output: Arc::new(Mutex::new(Output {
                inner: Some(output),
                lines: VecDeque::new(),
                written: 0,
            })),
            owed: None,
            owes: false,
        }
    }

    /// What the next line says; none at the end of the input. May be given up and begun again.
    async fn next(&mut self) -> Option<Parsed> {
        loop {
            let arrived = match self.input.fill_buf().await {
                Ok([]) | Err(_) => return None,
                Ok(arrived) => arrived,
            };
            let end = memchr(arrived);
            let taken = end.map_or(arrived.len(), |at| at.saturating_add(1));
            let part = arrived.get(..end.unwrap_or(taken)).unwrap_or_default();
            match &mut self.long {
                Some(skim) => skim.read(part),
                None if self.line.len().saturating_add(part.len()) > MAX_LINE => {
                    let mut skim = Skim::default();
                    skim.read(&self.line);
                    skim.read(part);
                    self.long = Some(skim);
                    self.line = Vec::new();
                }
                None => self.line.extend_from_slice(part),
            }
            self.input.consume(taken);
            if end.is_none() {
                continue;
            }
            if let Some(skim) = self.long.take() {
                return Some(parse::too_long(skim, MAX_LINE));
            }
            let parsed = match parse::line(&self.line) {
                Parsed::Message(message) => match self.open.take(&message, self.line.len()) {
                    Ok(()) => Parsed::Message(message),
                    Err((id, why)) => Parsed::Refused(Refusal::of(&id, &why)),
                },
                other => other,
            };
            match self.line.capacity() > MAX_KEPT {
                true => self.line = Vec::new(),
                false => self.line.clear(),
            }
            return Some(parsed);
        }
    }
}

/// Where the first line end is.
fn memchr(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n')
}

impl<R, W> Transport<RoleServer> for Wire<R, W>
where
    R: AsyncRead + Send + Unpin,
    W: AsyncWrite + Send + Unpin + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let output = Arc::clone(&self.output);
        let mut waiting = self.open.answers(&item);
        async move {
            let mut line = serde_json::to_vec(&item)?;
            drop(item);
            line.push(b'\n');
            waiting.has(line.len());
            let mut output = output.lock().await;
            output.lines.push_back((line, Some(waiting)));
            output.flush().await
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if self.owes {
                let mut output = self.output.lock().await;
                output
                    .lines
                    .extend(self.owed.take().map(|line| (line, None)));
                output.flush().await.ok()?;
                self.owes = false;
            }
            // What is read now would be one more answer to keep for a client that does not read.
            while self.open.is_full() {
                self.output.lock().await.flush().await.ok()?;
                tokio::task::yield_now().await;
            }
            match self.next().await? {
                Parsed::Message(message) => return Some(*message),
                Parsed::Nothing => {}
                Parsed::Refused(refusal) => {
                    self.owed = Some(refusal.to_line());
                    self.owes = true;
                }
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        drop(self.output.lock().await.inner.take());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use rmcp::model::{ErrorData, JsonRpcMessage};
    use tokio::io::{AsyncReadExt as _, duplex};

    const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

    #[tokio::test]
    async fn a_client_that_does_not_read_its_answers_is_not_read_either() {
        let (mut requests, input) = duplex(4096);
        let (mut answers, output) = duplex(16);
        let open = Open::default();
        let mut wire = Wire::new(input, output, open.clone());
        let line = format!("{PING}\n");
        requests.write_all(line.as_bytes()).await.unwrap();
        assert!(wire.receive().await.is_some());
        requests.write_all(line.as_bytes()).await.unwrap();
        let sending: Vec<_> = (0..200)
            .map(|_| {
                let error = ErrorData::internal_error("x", None);
                tokio::spawn(wire.send(JsonRpcMessage::error(error, None)))
            })
            .collect();
        assert!(open.is_full());
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        assert!(wire.receive().now_or_never().is_none());
        // Reading goes on when the answers are read.
        let reads = tokio::spawn(async move {
            let mut all = Vec::new();
            answers.read_to_end(&mut all).await.map(|_| all)
        });
        // Its id is open: the first one has no answer yet.
        drop(requests);
        assert!(wire.receive().await.is_none());
        for sent in sending {
            sent.await.unwrap().unwrap();
        }
        wire.close().await.unwrap();
        let all = String::from_utf8(reads.await.unwrap().unwrap()).unwrap();
        assert_eq!(all.lines().count(), 201);
        assert!(all.contains("a request with this `id` is open"), "{all}");
        assert!(!open.is_full());
    }
}
