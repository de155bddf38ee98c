//! For the fuzzer alone: what reads a server's output, without a server.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, ClientRequest, JsonRpcMessage, ListToolsRequest,
    PingRequest, RequestId,
};
use rmcp::service::{RoleClient, RxJsonRpcMessage};
use rmcp::transport::Transport as _;
use serde_json::Value;
use tokio::io::{AsyncRead, ReadBuf, sink};
use wxmcp_policy::Redactor;
use wxmcp_run::Ledger;

use super::Arrived;
use super::frame::Damaged;
use super::pipe::Pipe;
use super::pipe_state::PipeState;

/// What was made of a server's output.
#[derive(Debug)]
pub struct Transcript {
    messages: Vec<(RxJsonRpcMessage<RoleClient>, Option<Arrived>)>,
    told: String,
}

impl Transcript {
    /// The values that arrived as results, by the ids of their requests.
    pub fn results(&self) -> impl Iterator<Item = (i64, &Value)> {
        self.messages
            .iter()
            .filter_map(|(message, arrived)| match (message, arrived) {
                (JsonRpcMessage::Response(response), Some(Arrived::Result(received))) => {
                    match response.id {
                        RequestId::Number(id) => Some((id, &received.value)),
                        RequestId::String(_) => None,
                    }
                }
                _ => None,
            })
    }

    /// The ids of requests that were answered, in order.
    pub fn answered(&self) -> impl Iterator<Item = i64> {
        self.messages
            .iter()
            .filter_map(|(message, arrived)| match message {
                JsonRpcMessage::Response(response) if arrived.is_some() => match response.id {
                    RequestId::Number(id) => Some(id),
                    RequestId::String(_) => None,
                },
                _ => None,
            })
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (message, arrived) in &self.messages {
            match arrived {
                Some(arrived) => writeln!(f, "{message:?}: {arrived:?}")?,
                None => writeln!(f, "{message:?}")?,
            }
        }
        f.write_str(&self.told)
    }
}

/// Reads a server's output in chunks of this many bytes, with lines of at most `limit` bytes. Two calls (0 and 1) and a
/// listing (2) are open, and a question of the handshake (3) if it is wanted.
pub async fn transcript(output: &[u8], chunk: usize, limit: usize, handshake: bool) -> Transcript {
    let source = Chunks {
        rest: output,
        most: chunk.max(1),
    };
    let state = PipeState::new(Redactor::default(), Ledger::unbounded());
    let mut pipe = Pipe::new(source, sink(), limit, state, None);
    let call =
        || ClientRequest::CallToolRequest(CallToolRequest::new(CallToolRequestParams::new("x")));
    let mut requests = vec![
        call(),
        call(),
        ClientRequest::ListToolsRequest(ListToolsRequest::default()),
    ];
    if handshake {
        requests.push(ClientRequest::PingRequest(PingRequest::default()));
    }
    for (id, request) in (0_i64..).zip(requests) {
        let message = JsonRpcMessage::request(request, RequestId::Number(id));
        // Nothing fails that is written nowhere.
        let _sent = pipe.send(message).await;
    }
    let mut messages = Vec::new();
    while let Some(message) = pipe.receive().await {
        let arrived = match &message {
            JsonRpcMessage::Response(response) => match response.id {
                RequestId::Number(id) => pipe.state().take_arrived(id),
                RequestId::String(_) => None,
            },
            _ => None,
        };
        messages.push((message, arrived));
    }
    let state = pipe.state();
    Transcript {
        messages,
        told: format!(
            "{:?} {:?} {:?}",
            state.fault(),
            state.noise(),
            state.stray()
        ),
    }
}

/// The id of a line that is read though it may be damaged, and whether it looks like an answer.
pub fn damaged(line: &[u8]) -> (Option<i64>, bool) {
    let damaged = Damaged::look_at(line);
    (damaged.id, damaged.is_answer())
}

struct Chunks<'a> {
    rest: &'a [u8],
    most: usize,
}

impl AsyncRead for Chunks<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let most = self.most.min(buffer.remaining()).min(self.rest.len());
        let (now, rest) = self.rest.split_at(most);
        buffer.put_slice(now);
        self.rest = rest;
        Poll::Ready(Ok(()))
    }
}
