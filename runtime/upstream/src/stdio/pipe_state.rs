//! What the two directions of a pipe, and those who look from outside, know together.

use std::collections::HashMap;
use std::sync::OnceLock;

use parking_lot::{Mutex, MutexGuard};
use rmcp::model::{
    ClientNotification, ClientRequest, GetExtensions as _, GetMeta as _, JsonRpcMessage, RequestId,
};
use rmcp::service::{RoleClient, TxJsonRpcMessage};
use tokio::sync::watch;
use tokio::time::Instant;
use wxmcp_catalogue::clean;
use wxmcp_policy::{Cut, Redactor};
use wxmcp_run::{CallProgress, Ledger};

use super::arrived::Arrived;
use super::frame::Progress;
use super::payer::{Payer, Places};

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
#[derive(Debug)]
pub(crate) struct PipeState {
    redactor: Redactor,
    /// The ledger of the process.
    process: Ledger,
    /// Places of messages that wait to be written.
    pub(crate) places: Places,
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
    /// Answers that rmcp passes on, until who waits for them takes them.
    arrived: HashMap<i64, Arrived>,
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
    /// Who hears how far it is.
    progress: CallProgress,
    /// Where its answer is charged.
    ledger: Ledger,
    written: Written,
    /// Dropped when the request is closed, which ends what is under way for it.
    open: watch::Sender<()>,
}

/// How much of a request's message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Nothing,
    Some,
    All,
}

/// How a message is sent.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// A request, unless it is closed before.
    Request(i64, Closed),
    /// A notification or an answer.
    Other,
    /// Not at all: what it cancels was not sent.
    Nothing,
}

/// Tells when a request is closed.
#[derive(Clone, Debug)]
pub(super) struct Closed(watch::Receiver<()>);

impl Closed {
    /// Waits until the request has its answer, or is cancelled.
    pub(super) async fn wait(&mut self) {
        while self.0.changed().await.is_ok() {}
    }
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
    pub(crate) fn new(redactor: Redactor, process: Ledger) -> Self {
        Self {
            redactor,
            process,
            places: Places::default(),
            requests: Mutex::default(),
            fault: OnceLock::new(),
            noise: Mutex::default(),
            stray: Mutex::default(),
        }
    }

    /// The ledger of the process.
    pub(super) fn process(&self) -> &Ledger {
        &self.process
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
        let cut = Cut {
            front: false,
            back: start.len() < written.len(),
        };
        let text = String::from_utf8_lossy(&start);
        clean(
            self.redactor.redact_part(&text, cut).trim(),
            MAX_NOISE_BYTES,
        )
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

    /// Remembers a request until it is answered or cancelled; says how the message is sent.
    pub(super) fn note_sent(&self, message: &TxJsonRpcMessage<RoleClient>) -> Outgoing {
        let mut requests = self.requests();
        match message {
            JsonRpcMessage::Request(request) => {
                let RequestId::Number(id) = &request.id else {
                    return Outgoing::Other;
                };
                let closed = requests.open(*id, &request.request, &self.process);
                Outgoing::Request(*id, closed)
            }
            JsonRpcMessage::Notification(notification) => {
                let ClientNotification::CancelledNotification(cancelled) =
                    &notification.notification
                else {
                    return Outgoing::Other;
                };
                let Some(RequestId::Number(id)) = &cancelled.params.request_id else {
                    return Outgoing::Other;
                };
                requests.arrived.remove(id);
                match requests.close(*id) {
                    Some(open) if open.written == Written::Nothing => Outgoing::Nothing,
                    _ => Outgoing::Other,
                }
            }
            JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => Outgoing::Other,
        }
    }

    /// Notes that a request's message begins to be written; false if nobody wants that any more.
    pub(super) fn begin_writing(&self, id: i64) -> bool {
        let mut requests = self.requests();
        let open = requests.open.get_mut(&id);
        open.map(|open| open.written = Written::Some).is_some()
    }

    /// Notes that it is written.
    pub(super) fn note_written(&self, id: i64) {
        if let Some(open) = self.requests().open.get_mut(&id) {
            open.written = Written::All;
        }
    }

    /// Whether the message of an open request was not read so far that all of it could be written.
    pub(crate) fn is_unread(&self, id: i64) -> bool {
        let requests = self.requests();
        let open = requests.open.get(&id);
        open.is_some_and(|open| open.written != Written::All)
    }

    /// Who pays for the answer to an open request, and when it is closed.
    pub(super) fn payer(&self, id: i64) -> Option<(Ledger, Closed)> {
        let requests = self.requests();
        let open = requests.open.get(&id)?;
        Some((open.ledger.clone(), Closed(open.open.subscribe())))
    }

    /// Keeps an answer until it is taken.
    pub(super) fn keep(&self, id: i64, arrived: Arrived) {
        self.requests().arrived.insert(id, arrived);
    }

    /// Takes an answer that rmcp has announced.
    pub(crate) fn take_arrived(&self, id: i64) -> Option<Arrived> {
        self.requests().arrived.remove(&id)
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

    /// Remembers that the server reported progress, and passes on what it says. Tokens that no open request has are
    /// nothing.
    pub(super) fn note_progress(&self, token: i64, reported: &Progress<'_>) {
        let progress = {
            let mut requests = self.requests();
            let id = requests.tokens.get(&token).copied();
            let Some(open) = id.and_then(|id| requests.open.get_mut(&id)) else {
                return;
            };
            open.progressed = Some(Instant::now());
            open.progress.clone()
        };
        progress.report(|| reported.step(|words| self.shown(words)));
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
    fn open(&mut self, id: i64, request: &ClientRequest, process: &Ledger) -> Closed {
        self.next = self.next.max(id.saturating_add(1));
        let reading = match request {
            ClientRequest::CallToolRequest(_) => Reading::Call,
            ClientRequest::ListToolsRequest(_) => Reading::Listing,
            // The handshake asks one thing at a time: what it asked before
            // is given up, though a slow server may answer it yet.
            _ => {
                self.open.retain(|_, open| open.reading != Reading::Typed);
                Reading::Typed
            }
        };
        let token = match request.get_meta().get_progress_token() {
            Some(token) if reading == Reading::Call => match token.0 {
                RequestId::Number(token) => Some(token),
                RequestId::String(_) => None,
            },
            _ => None,
        };
        if let Some(token) = token {
            self.tokens.insert(token, id);
        }
        let payer = request.extensions().get::<Payer>();
        let (open, closed) = watch::channel(());
        let opened = Open {
            reading,
            token,
            progressed: None,
            progress: payer.map_or_else(CallProgress::default, |payer| payer.progress.clone()),
            ledger: payer.map_or_else(|| process.clone(), |payer| payer.ledger.clone()),
            written: Written::Nothing,
            open,
        };
        self.open.insert(id, opened);
        Closed(closed)
    }

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
        let state = PipeState::new(
            Redactor::new([("TOKEN", "canary-12345")]),
            Ledger::unbounded(),
        );
        state.note_noise(noise.as_bytes());
        assert!(state.noise().is_some_and(|noise| !noise.contains("canary")));
    }
}
