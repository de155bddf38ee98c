//! The transport under `rmcp`: MCP over a server's stdin and stdout.
//!
//! Ours rather than rmcp's, since that one drops what it cannot take, and a call
//! whose answer was dropped hangs. Here every answer that cannot be taken fails
//! the call it belongs to, at once and with the reason, and a server that does
//! not speak the protocol is given up.

mod room;
mod take;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use rmcp::model::{GetExtensions as _, JsonRpcMessage};
use rmcp::service::{RoleClient, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use wxmcp_run::{Charge, OverBudget};

use self::room::Waiting;
use self::take::Taken;
use super::lines::{Line, Lines};
use super::payer::Payer;
use super::pipe_state::{Outgoing, PipeState};
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
    /// Why the line being skipped may not be held, if that is why it is skipped.
    over: Option<OverBudget>,
    /// Whether lines of a message that is spread over several are being skipped.
    is_spread: bool,
    /// Messages of a line that held several.
    ready: VecDeque<Box<RxJsonRpcMessage<RoleClient>>>,
    /// What is charged for the messages of such a line, until all are passed on.
    several: Option<Charge>,
    /// An answer that waits until the process may hold it.
    waiting: Option<Waiting>,
    /// What is charged for such an answer, or why it may not be held.
    granted: Option<Result<Charge, OverBudget>>,
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
        state: PipeState,
        lifeline: Option<Lifeline>,
    ) -> Self {
        Self {
            lines: Lines::new(reader, limit, state.process().clone()),
            limit,
            writer: Arc::new(AsyncMutex::new(writer)),
            state: Arc::new(state),
            unsent: Arc::new(Semaphore::new(MAX_UNSENT_ANSWERS)),
            answered: false,
            over: None,
            is_spread: false,
            ready: VecDeque::new(),
            several: None,
            waiting: None,
            granted: None,
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
        let outgoing = self.state.note_sent(&item);
        let is_answer = matches!(item, JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_));
        let permit = is_answer.then(|| Arc::clone(&self.unsent).try_acquire_owned());
        let writer = Arc::clone(&self.writer);
        let state = Arc::clone(&self.state);
        async move {
            let (id, mut closed) = match outgoing {
                Outgoing::Request(id, closed) => (Some(id), Some(closed)),
                Outgoing::Other => (None, None),
                Outgoing::Nothing => return Ok(()),
            };
            let unwanted = async {
                match &mut closed {
                    Some(closed) => closed.wait().await,
                    None => std::future::pending().await,
                }
            };
            let mut writer = tokio::select! {
                biased;
                // A call that is given up takes its message with it.
                () = unwanted => return Ok(()),
                writer = writer.lock() => writer,
            };
            if id.is_some_and(|id| !state.begin_writing(id)) {
                return Ok(());
            }
            let mut line = serde_json::to_vec(&item)?;
            line.push(b'\n');
            // What is begun is written to its end, and charged until then.
            let _payer = payer_of(&item);
            drop(item);
            writer.write_all(&line).await?;
            writer.flush().await?;
            if let Some(id) = id {
                state.note_written(id);
            }
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
            self.several = None;
            let taken = match &mut self.waiting {
                Some(waiting) => {
                    self.granted = waiting.room.wait().await;
                    let line = self.waiting.take().map(|waiting| waiting.line);
                    match line.filter(|_| self.granted.is_some()) {
                        Some(line) => self.take(Line::Whole(line)),
                        None => Taken::Nothing,
                    }
                }
                None => {
                    drop(self.unsent.acquire().await);
                    let line = self.lines.next().await.unwrap_or(Line::End);
                    self.take(line)
                }
            };
            match taken {
                Taken::Message(message) => return Some(*message),
                // What waits is looked at in the next turn.
                Taken::Nothing | Taken::Wait(_) => {}
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

fn payer_of(message: &TxJsonRpcMessage<RoleClient>) -> Option<Payer> {
    match message {
        JsonRpcMessage::Request(request) => request.request.extensions().get().cloned(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
