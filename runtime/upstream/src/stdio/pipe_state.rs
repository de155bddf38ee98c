//! What the two directions of a pipe, and those who look from outside, know together.

use std::collections::HashMap;
use std::sync::OnceLock;

use parking_lot::{Mutex, MutexGuard};
use rmcp::model::{ClientNotification, ClientRequest, GetMeta as _, JsonRpcMessage, RequestId};
use rmcp::service::{RoleClient, TxJsonRpcMessage};
use tokio::time::Instant;
use wxmcp_catalogue::clean;

use wxmcp_policy::Redactor;

/// Longest excerpt of output that is not the protocol, in bytes.
const MAX_NOISE_BYTES: usize = 200;

/// How much of such output is looked at for secrets.
const MAX_NOISE_READ_BYTES: usize = 16 * 1024;

/// Why a connection was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A line passed the limit, and nothing shows which request it answered.
    TooLarge,
    /// The server answered something that is not the protocol.
    Protocol(String),
}

/// What the two sides of a pipe know together.
#[derive(Debug, Default)]
pub(crate) struct PipeState {
    redactor: Redactor,
    requests: Mutex<Requests>,
    fault: OnceLock<Fault>,
    noise: Mutex<Option<String>>,
    stray: Mutex<Stray>,
}

#[derive(Debug, Default)]
struct Requests {
    /// Requests that wait for their answer.
    open: HashMap<i64, Open>,
    /// Ids of open requests by their progress tokens.
    tokens: HashMap<i64, i64>,
    /// One more than the highest id sent.
    next: i64,
}

/// A request that waits for its answer.
#[derive(Debug)]
struct Open {
    reading: Reading,
    token: Option<i64>,
    /// When the server last reported progress of it.
    progressed: Option<Instant>,
}

/// The last answer that belongs to no request, in words.
#[derive(Debug, Default)]
struct Stray {
    last: Option<String>,
    is_told: bool,
}

/// How an answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// As plain JSON: a call.
    Call,
    /// As plain JSON: a page of the tool list.
    Listing,
    /// As rmcp's types: the handshake.
    Typed,
}

impl PipeState {
    /// Nothing sent, nothing wrong.
    pub(crate) fn new(redactor: Redactor) -> Self {
        Self {
            redactor,
            ..Self::default()
        }
    }

    /// Why the connection was given up, if it was.
    pub(crate) fn fault(&self) -> Option<&Fault> {
        self.fault.get()
    }

    /// Gives the connection up. The first fault is the cause.
    pub(super) fn give_up(&self, fault: Fault) {
        let _ = self.fault.set(fault);
    }

    /// The last line on stdout that was not the protocol: redacted, cleaned, cut.
    pub(crate) fn noise(&self) -> Option<String> {
        self.noise.lock().clone()
    }

    /// Remembers output that is not the protocol.
    pub(super) fn note_noise(&self, line: &[u8]) {
        let shown = self.shown(line);
        *self.noise.lock() = Some(shown);
    }

    /// The start of what a server wrote: redacted, cleaned, cut.
    pub(super) fn shown(&self, written: &[u8]) -> String {
        // Redacted before it is cut, so that no part of a secret is left.
        let start: Vec<u8> = written.iter().take(MAX_NOISE_READ_BYTES).copied().collect();
        let text = self.redactor.redact(&String::from_utf8_lossy(&start));
        clean(text.trim(), MAX_NOISE_BYTES)
    }

    /// Remembers an answer that belongs to no request.
    pub(super) fn note_stray(&self, what: String) {
        self.strays().last = Some(what);
    }

    /// The last answer that belonged to no request, in words.
    pub(crate) fn stray(&self) -> Option<String> {
        self.strays().last.clone()
    }

    /// The same, once.
    pub(crate) fn take_stray(&self) -> Option<String> {
        let mut strays = self.strays();
        let last = strays.last.clone().filter(|_| !strays.is_told);
        strays.is_told |= last.is_some();
        last
    }

    fn strays(&self) -> MutexGuard<'_, Stray> {
        self.stray.lock()
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock()
    }

    /// Remembers a request until it is answered or cancelled.
    pub(super) fn note_sent(&self, message: &TxJsonRpcMessage<RoleClient>) {
        let mut requests = self.requests();
        match message {
            JsonRpcMessage::Request(request) => {
                let RequestId::Number(id) = &request.id else {
                    return;
                };
                requests.next = requests.next.max(id.saturating_add(1));
                let reading = match request.request {
                    ClientRequest::CallToolRequest(_) => Reading::Call,
                    ClientRequest::ListToolsRequest(_) => Reading::Listing,
                    // The handshake asks one thing at a time: what it asked before
                    // is given up, though a slow server may answer it yet.
                    _ => {
                        requests
                            .open
                            .retain(|_, open| open.reading != Reading::Typed);
                        Reading::Typed
                    }
                };
                let token = match request.request.get_meta().get_progress_token() {
                    Some(token) if reading == Reading::Call => match token.0 {
                        RequestId::Number(token) => Some(token),
                        RequestId::String(_) => None,
                    },
                    _ => None,
                };
                if let Some(token) = token {
                    requests.tokens.insert(token, *id);
                }
                let progressed = None;
                let open = Open {
                    reading,
                    token,
                    progressed,
                };
                requests.open.insert(*id, open);
            }
            JsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) =
                    &notification.notification
                    && let Some(RequestId::Number(id)) = &cancelled.params.request_id
                {
                    requests.close(*id);
                }
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {}
        }
    }

    /// How the answer to a request that waits for one is read.
    pub(super) fn reading(&self, id: i64) -> Option<Reading> {
        self.requests().open.get(&id).map(|open| open.reading)
    }

    /// The one call or listing that waits for its answer, if nothing else does. What a server
    /// prints while it starts is more likely to be noise.
    pub(super) fn only_open(&self) -> Option<i64> {
        let requests = self.requests();
        let mut all = requests.open.iter();
        let (id, open) = all.next()?;
        (all.next().is_none() && open.reading != Reading::Typed).then_some(*id)
    }

    /// Whether an answer of the handshake is waited for.
    pub(super) fn is_shaking_hands(&self) -> bool {
        let requests = self.requests();
        requests
            .open
            .values()
            .any(|open| open.reading == Reading::Typed)
    }

    /// Remembers that the server reported progress. Tokens that no open request has are nothing.
    pub(super) fn note_progress(&self, token: i64) {
        let mut requests = self.requests();
        if let Some(id) = requests.tokens.get(&token).copied()
            && let Some(open) = requests.open.get_mut(&id)
        {
            open.progressed = Some(Instant::now());
        }
    }

    /// When the server last reported progress of an open request.
    pub(crate) fn progressed(&self, id: i64) -> Option<Instant> {
        self.requests().open.get(&id)?.progressed
    }

    /// Whom an answer with this id is for. A request is answered once.
    pub(super) fn addressee(&self, id: i64) -> Addressee {
        let mut requests = self.requests();
        match requests.close(id) {
            Some(open) => Addressee::Open(open.reading),
            None if (0..requests.next).contains(&id) => Addressee::Gone,
            None => Addressee::None,
        }
    }
}

impl Requests {
    fn close(&mut self, id: i64) -> Option<Open> {
        let open = self.open.remove(&id)?;
        if let Some(token) = open.token {
            self.tokens.remove(&token);
        }
        Some(open)
    }
}

/// Whom an answer is for.
pub(super) enum Addressee {
    /// A request that waits for it.
    Open(Reading),
    /// A request that was cancelled, or has its answer.
    Gone,
    /// No request has that id.
    None,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_redacted_before_it_is_cut() {
        let noise = "x".repeat(MAX_NOISE_BYTES - 10) + "canary-12345";
        let state = PipeState::new(Redactor::new([("TOKEN", "canary-12345")]));
        state.note_noise(noise.as_bytes());
        assert!(state.noise().is_some_and(|noise| !noise.contains("canary")));
    }
}
