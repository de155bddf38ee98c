//! The transport under `rmcp`: MCP over a server's stdin and stdout.
//!
//! Ours rather than rmcp's, since that one drops what it cannot take, and a call
//! whose answer was dropped hangs. Here every answer that cannot be taken fails
//! the call it belongs to, at once and with the reason, and a server that does
//! not speak the protocol is given up.

mod take;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use rmcp::model::JsonRpcMessage;
use rmcp::service::{RoleClient, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use wxmcp_policy::Redactor;

use self::take::Taken;
use super::lines::{Line, Lines};
use super::pipe_state::PipeState;
use super::process::Lifeline;

/// Answers to the server's own requests that may wait to be written. A server
/// that asks and does not read is not read from.
const MAX_UNSENT_ANSWERS: usize = 256;

/// MCP over two pipes.
pub(crate) struct Pipe<R, W> {
    lines: Lines<R>,
    limit: usize,
    writer: Arc<AsyncMutex<W>>,
    state: Arc<PipeState>,
    unsent: Arc<Semaphore>,
    /// Whether the line being skipped was already answered for.
    answered: bool,
    /// Whether lines of a message that is spread over several are being skipped.
    is_spread: bool,
    /// Messages of a line that held several.
    ready: VecDeque<Box<RxJsonRpcMessage<RoleClient>>>,
    lifeline: Option<Lifeline>,
}

impl<R, W> Pipe<R, W>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    /// A transport that takes lines of at most `limit` bytes and lets go of the
    /// server when it is dropped.
    pub(crate) fn new(
        reader: R,
        writer: W,
        limit: usize,
        redactor: Redactor,
        lifeline: Option<Lifeline>,
    ) -> Self {
        Self {
            lines: Lines::new(reader, limit),
            limit,
            writer: Arc::new(AsyncMutex::new(writer)),
            state: Arc::new(PipeState::new(redactor)),
            unsent: Arc::new(Semaphore::new(MAX_UNSENT_ANSWERS)),
            answered: false,
            is_spread: false,
            ready: VecDeque::new(),
            lifeline,
        }
    }

    /// What can be known of the pipe from outside.
    pub(crate) fn state(&self) -> Arc<PipeState> {
        Arc::clone(&self.state)
    }
}

impl<R, W> Transport<RoleClient> for Pipe<R, W>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        self.state.note_sent(&item);
        let is_answer = matches!(item, JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_));
        let permit = is_answer.then(|| Arc::clone(&self.unsent).try_acquire_owned());
        let writer = Arc::clone(&self.writer);
        async move {
            let mut line = serde_json::to_vec(&item)?;
            line.push(b'\n');
            let mut writer = writer.lock().await;
            writer.write_all(&line).await?;
            writer.flush().await?;
            drop(permit);
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            // Lines that are at hand must not keep others from running.
            tokio::task::coop::consume_budget().await;
            if let Some(message) = self.ready.pop_front() {
                return Some(*message);
            }
            drop(self.unsent.acquire().await);
            let line = self.lines.next().await.unwrap_or(Line::End);
            match self.take(line) {
                Taken::Message(message) => return Some(*message),
                Taken::Nothing => {}
                Taken::End => return None,
            }
        }
    }

    /// Lets go of the server. Its stdin closes with the last reference to the
    /// writer: a write that hangs must not be waited for.
    async fn close(&mut self) -> io::Result<()> {
        self.lifeline = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
