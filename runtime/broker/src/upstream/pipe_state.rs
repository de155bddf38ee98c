//! What the two directions of a pipe, and those who look from outside, know together.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use rmcp::model::{ClientNotification, ClientRequest, JsonRpcMessage, RequestId};
use rmcp::service::{RoleClient, TxJsonRpcMessage};
use wxmcp_tooltree::clean;

use crate::redact::Redactor;

/// Longest excerpt of output that is not the protocol, in bytes.
const MAX_NOISE_BYTES: usize = 200;

/// How much of such output is looked at for secrets.
const MAX_NOISE_READ_BYTES: usize = 16 * 1024;

/// Why a connection was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A line passed the limit and it cannot be told whose answer it was.
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
}

#[derive(Debug, Default)]
struct Requests {
    /// Requests that wait for their answer.
    open: HashMap<i64, Reading>,
    /// One more than the highest id sent.
    next: i64,
}

/// How an answer is read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reading {
    /// As plain JSON: calls and listings.
    Plain,
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
        self.noise
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Remembers output that is not the protocol.
    pub(super) fn note_noise(&self, line: &[u8]) {
        // Redacted before it is cut, so that no part of a secret is left.
        let start: Vec<u8> = line.iter().take(MAX_NOISE_READ_BYTES).copied().collect();
        let text = self.redactor.redact(&String::from_utf8_lossy(&start));
        let shown = clean(text.trim(), MAX_NOISE_BYTES);
        *self.noise.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
    }

    /// Remembers a request until it is answered or cancelled.
    pub(super) fn note_sent(&self, message: &TxJsonRpcMessage<RoleClient>) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        match message {
            JsonRpcMessage::Request(request) => {
                let RequestId::Number(id) = &request.id else {
                    return;
                };
                requests.next = requests.next.max(id.saturating_add(1));
                let reading = match request.request {
                    ClientRequest::CallToolRequest(_) | ClientRequest::ListToolsRequest(_) => {
                        Reading::Plain
                    }
                    // The handshake asks one thing at a time: what it asked before
                    // is given up, though a slow server may answer it yet.
                    _ => {
                        requests
                            .open
                            .retain(|_, reading| !matches!(reading, Reading::Typed));
                        Reading::Typed
                    }
                };
                requests.open.insert(*id, reading);
            }
            JsonRpcMessage::Notification(notification) => {
                if let ClientNotification::CancelledNotification(cancelled) =
                    &notification.notification
                    && let Some(RequestId::Number(id)) = &cancelled.params.request_id
                {
                    requests.open.remove(id);
                }
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {}
        }
    }

    /// Whom an answer with this id is for. A request is answered once.
    pub(super) fn addressee(&self, id: i64) -> Addressee {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        match requests.open.remove(&id) {
            Some(reading) => Addressee::Open(reading),
            None if (0..requests.next).contains(&id) => Addressee::Gone,
            None => Addressee::Nobody,
        }
    }
}

/// Whom an answer is for.
pub(super) enum Addressee {
    /// A request that waits for it.
    Open(Reading),
    /// A request that was cancelled, or has its answer.
    Gone,
    /// No request has that id.
    Nobody,
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
