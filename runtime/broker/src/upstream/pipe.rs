//! The transport under `rmcp`: MCP over a server's stdin and stdout.
//!
//! Ours rather than rmcp's, since that one drops what it cannot take, and a call
//! whose answer was dropped hangs. Here every answer that cannot be taken fails
//! the call it belongs to, at once and with the reason, and a server that does
//! not speak the protocol is given up.
//!
//! Answers to `tools/call` and `tools/list` are handed on as plain JSON, wrapped
//! as [`Arrived`]: what is in them is the broker's to judge, and trying all of
//! the protocol's result types on a large answer costs more than reading it.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rmcp::model::{
    ClientNotification, ClientRequest, CustomResult, ErrorData, JsonRpcMessage, RequestId,
    ServerResult,
};
use rmcp::service::{RoleClient, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use wxmcp_tooltree::clean;

use super::lines::{Line, Lines};
use super::process::Lifeline;
use crate::json::{self, JsonError};
use crate::redact::Redactor;

/// Largest message that is not an answer to a tool call or listing, in bytes.
const MAX_OTHER_BYTES: usize = 1024 * 1024;

/// Answers to the server's own requests that may wait to be written. A server
/// that asks and does not read is not read from.
const MAX_UNSENT_ANSWERS: usize = 256;

/// Longest excerpt of output that is not the protocol, in bytes.
const MAX_NOISE_BYTES: usize = 200;

/// How much of such output is looked at for secrets.
const MAX_NOISE_READ_BYTES: usize = 16 * 1024;

/// An answer to a tool call or a listing.
#[derive(Debug, PartialEq)]
pub(crate) enum Arrived {
    /// The result, and its size in bytes as it arrived.
    Result(Value, u64),
    /// The answer was larger than the limit, or held too many values.
    TooLarge(String),
    /// The answer was not what the protocol says.
    Malformed(String),
}

/// Why a connection was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A line passed the limit and it cannot be told whose answer it was.
    TooLarge,
    /// The server answered something that is not the protocol.
    Protocol(String),
}

/// What is wrong with an answer to `initialize` or `server/discover`.
const UNREADABLE_HANDSHAKE: &str = "its answer to the handshake is not what the protocol says";

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
enum Reading {
    /// As plain JSON: calls and listings.
    Plain,
    /// As rmcp's types: the handshake.
    Typed,
}

impl PipeState {
    /// Why the connection was given up, if it was.
    pub(crate) fn fault(&self) -> Option<&Fault> {
        self.fault.get()
    }

    /// The last line on stdout that was not the protocol: redacted, cleaned, cut.
    pub(crate) fn noise(&self) -> Option<String> {
        self.noise
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note_noise(&self, line: &[u8]) {
        // Redacted before it is cut, so that no part of a secret is left.
        let start: Vec<u8> = line.iter().take(MAX_NOISE_READ_BYTES).copied().collect();
        let text = self.redactor.redact(&String::from_utf8_lossy(&start));
        let shown = clean(text.trim(), MAX_NOISE_BYTES);
        *self.noise.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
    }

    fn note_sent(&self, message: &TxJsonRpcMessage<RoleClient>) {
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

    fn addressee(&self, id: i64) -> Addressee {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        match requests.open.remove(&id) {
            Some(reading) => Addressee::Open(reading),
            None if (0..requests.next).contains(&id) => Addressee::Gone,
            None => Addressee::Nobody,
        }
    }
}

/// Whom an answer is for.
enum Addressee {
    /// A request that waits for it.
    Open(Reading),
    /// A request that was cancelled, or has its answer.
    Gone,
    /// No request has that id.
    Nobody,
}

/// MCP over two pipes.
pub(crate) struct Pipe<R, W> {
    lines: Lines<R>,
    limit: usize,
    writer: Arc<AsyncMutex<W>>,
    state: Arc<PipeState>,
    unsent: Arc<Semaphore>,
    /// Whether the line being skipped was already answered for.
    answered: bool,
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
        let state = PipeState {
            redactor,
            ..PipeState::default()
        };
        Self {
            lines: Lines::new(reader, limit),
            limit,
            writer: Arc::new(AsyncMutex::new(writer)),
            state: Arc::new(state),
            unsent: Arc::new(Semaphore::new(MAX_UNSENT_ANSWERS)),
            answered: false,
            lifeline,
        }
    }

    /// What can be known of the pipe from outside.
    pub(crate) fn state(&self) -> Arc<PipeState> {
        Arc::clone(&self.state)
    }

    /// Gives the connection up.
    fn give_up(&mut self, fault: Fault) {
        // The first fault is the cause.
        let _ = self.state.fault.set(fault);
        self.lifeline = None;
    }

    fn give_up_on(&mut self, problem: &str) -> Taken {
        self.give_up(Fault::Protocol(problem.to_owned()));
        Taken::End
    }

    fn take(&mut self, line: Line) -> Taken {
        match line {
            Line::Whole(line) => self.take_line(&line),
            Line::TooLong(head) => {
                let id = id_at_start(&head);
                self.answered = id.is_some();
                id.map_or(Taken::Nothing, |id| self.refuse_long(id))
            }
            Line::Skipped(_) if self.answered => Taken::Nothing,
            Line::Skipped(tail) => match id_at_end(&tail) {
                Some(id) => self.refuse_long(id),
                None => {
                    self.give_up(Fault::TooLarge);
                    Taken::End
                }
            },
            Line::Endless => {
                self.give_up(Fault::TooLarge);
                Taken::End
            }
            Line::End => Taken::End,
        }
    }

    /// Fails the call that an over-long line answers.
    fn refuse_long(&mut self, id: i64) -> Taken {
        match self.state.addressee(id) {
            Addressee::Open(Reading::Plain) => Taken::message(
                id,
                Arrived::TooLarge(format!("it is larger than {}", bytes_in_words(self.limit))),
            ),
            Addressee::Open(Reading::Typed) => self.give_up_on(UNREADABLE_HANDSHAKE),
            Addressee::Gone => Taken::Nothing,
            Addressee::Nobody => self.give_up_on(&answered_nothing(id)),
        }
    }

    fn take_line(&mut self, line: &[u8]) -> Taken {
        let line = line
            .strip_prefix(b"\xEF\xBB\xBF")
            .unwrap_or(line)
            .trim_ascii();
        if line.is_empty() {
            return Taken::Nothing;
        }
        let Ok(envelope) = serde_json::from_slice::<Envelope<'_>>(line) else {
            // Programs print to stdout by mistake; that alone harms nobody.
            self.state.note_noise(line);
            return Taken::Nothing;
        };
        if envelope.method.is_some() || envelope.id.is_none() {
            return self.take_other(line);
        }
        let Some(id) = envelope.id.and_then(|id| number(id.get())) else {
            return if envelope.error.is_some() {
                // An error that could not be tied to a request has `id: null`.
                self.take_other(line)
            } else {
                self.give_up_on("it answered with an id that is not a number")
            };
        };
        let size = u64::try_from(line.len()).unwrap_or(u64::MAX);
        match self.state.addressee(id) {
            Addressee::Nobody => self.give_up_on(&answered_nothing(id)),
            Addressee::Gone => Taken::Nothing,
            Addressee::Open(Reading::Plain) => take_plain(id, &envelope, size),
            Addressee::Open(Reading::Typed) => match self.take_other(line) {
                Taken::Nothing => self.give_up_on(UNREADABLE_HANDSHAKE),
                taken => taken,
            },
        }
    }

    /// Notifications, the server's requests, and answers of the handshake.
    fn take_other(&mut self, line: &[u8]) -> Taken {
        if line.len() <= MAX_OTHER_BYTES
            && let Ok(message) = serde_json::from_slice(line)
        {
            return Taken::Message(Box::new(message));
        }
        self.state.note_noise(line);
        Taken::Nothing
    }
}

fn take_plain(id: i64, envelope: &Envelope<'_>, size: u64) -> Taken {
    let malformed = |problem: &str| Taken::message(id, Arrived::Malformed(problem.to_owned()));
    match (envelope.result, envelope.error) {
        (Some(result), None) => Taken::message(
            id,
            match json::parse(result.get()) {
                Ok(result) => Arrived::Result(result, size),
                Err(error @ JsonError::TooMany) => Arrived::TooLarge(error.to_string()),
                Err(error) => Arrived::Malformed(error.to_string()),
            },
        ),
        (None, Some(error)) => match serde_json::from_str::<ErrorData>(error.get()) {
            Ok(error) => {
                let id = Some(RequestId::Number(id));
                Taken::Message(Box::new(JsonRpcMessage::error(error, id)))
            }
            Err(_) => malformed("its error has no code or no message"),
        },
        (Some(_), Some(_)) => malformed("it holds both a result and an error"),
        (None, None) => malformed("it holds neither a result nor an error"),
    }
}

/// What came of a line.
enum Taken {
    Message(Box<RxJsonRpcMessage<RoleClient>>),
    Nothing,
    End,
}

impl Taken {
    fn message(id: i64, arrived: Arrived) -> Self {
        let result = ServerResult::CustomResult(CustomResult::new(arrived.into_value()));
        let message = JsonRpcMessage::response(result, RequestId::Number(id));
        Self::Message(Box::new(message))
    }
}

// A message passes through rmcp as one JSON value. All answers to calls and
// listings are made here, so that no server can forge one.
impl Arrived {
    fn into_value(self) -> Value {
        let mut value = Map::new();
        match self {
            Self::Result(result, bytes) => {
                value.insert("result".to_owned(), result);
                value.insert("bytes".to_owned(), bytes.into());
            }
            Self::TooLarge(reason) => {
                value.insert("too-large".to_owned(), reason.into());
            }
            Self::Malformed(reason) => {
                value.insert("malformed".to_owned(), reason.into());
            }
        }
        Value::Object(value)
    }

    /// Takes apart what [`Pipe`] put together.
    pub(crate) fn from_result(result: ServerResult) -> Self {
        let strange = || Self::Malformed("it is of an unexpected kind".to_owned());
        let ServerResult::CustomResult(CustomResult(Value::Object(mut value))) = result else {
            return strange();
        };
        if let Some(result) = value.remove("result") {
            let bytes = value
                .get("bytes")
                .and_then(Value::as_u64)
                .unwrap_or_default();
            return Self::Result(result, bytes);
        }
        if let Some(Value::String(reason)) = value.remove("too-large") {
            return Self::TooLarge(reason);
        }
        match value.remove("malformed") {
            Some(Value::String(reason)) => Self::Malformed(reason),
            _ => strange(),
        }
    }
}

/// The parts of a message that say what it is. Parsed without recursion.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Ids are numbers; some servers send them back as strings.
fn number(id: &str) -> Option<i64> {
    id.trim_matches('"').parse().ok()
}

fn answered_nothing(id: i64) -> String {
    format!("it answered a request that was never made (id {id})")
}

fn bytes_in_words(bytes: usize) -> String {
    const MIB: usize = 1024 * 1024;
    if bytes >= MIB && bytes.is_multiple_of(MIB) {
        format!("{} MiB", bytes / MIB)
    } else {
        format!("{bytes} bytes")
    }
}

/// The message's id, if it stands before the result in the start of a line.
fn id_at_start(head: &[u8]) -> Option<i64> {
    let head = String::from_utf8_lossy(head);
    let inside = head.trim_start().strip_prefix('{')?;
    let (before, after) = inside.split_once("\"id\"")?;
    // Only plain members may come before it: `"jsonrpc":"2.0",`.
    if before.contains(['{', '[', '\\']) || before.contains("\"result\"") {
        return None;
    }
    let value = after.trim_start().strip_prefix(':')?.trim_start();
    let end = value.find([',', '}'])?;
    number(value.get(..end)?.trim())
}

/// The message's id, if it is the last member of a line, `jsonrpc` aside.
fn id_at_end(tail: &[u8]) -> Option<i64> {
    let tail = String::from_utf8_lossy(tail);
    let inside = tail.trim_end().strip_suffix('}')?.trim_end();
    let inside = inside
        .strip_suffix("\"jsonrpc\":\"2.0\"")
        .map_or(inside, |rest| rest.trim_end().trim_end_matches(','));
    let (_, value) = inside.rsplit_once("\"id\":")?;
    number(value.trim())
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
mod tests {
    use std::pin::Pin;

    use rmcp::model::{CallToolRequest, CallToolRequestParams, PingRequest};

    use super::*;

    const LIMIT: usize = 1000;

    type TestPipe = Pipe<tokio::io::DuplexStream, tokio::io::DuplexStream>;

    /// A pipe on which calls 0 and 1 are open and a ping, 2, was sent.
    async fn pipe() -> (TestPipe, tokio::io::DuplexStream, tokio::io::DuplexStream) {
        let (theirs, reader) = tokio::io::duplex(1 << 20);
        let (writer, sent) = tokio::io::duplex(1 << 20);
        let mut pipe = Pipe::new(reader, writer, LIMIT, Redactor::default(), None);
        for id in 0..2 {
            let call = CallToolRequest::new(CallToolRequestParams::new("x"));
            let message = JsonRpcMessage::request(
                ClientRequest::CallToolRequest(call),
                RequestId::Number(id),
            );
            pipe.send(message).await.unwrap();
        }
        let ping = ClientRequest::PingRequest(PingRequest::default());
        pipe.send(JsonRpcMessage::request(ping, RequestId::Number(2)))
            .await
            .unwrap();
        (pipe, theirs, sent)
    }

    async fn receive(line: &str) -> (Option<Arrived>, Option<Fault>) {
        let (mut pipe, mut theirs, _sent) = pipe().await;
        theirs.write_all(line.as_bytes()).await.unwrap();
        theirs.write_all(b"\n").await.unwrap();
        drop(theirs);
        let arrived = match pipe.receive().await {
            Some(JsonRpcMessage::Response(response)) => Some(Arrived::from_result(response.result)),
            Some(other) => panic!("{other:?}"),
            None => None,
        };
        (arrived, pipe.state().fault().cloned())
    }

    #[tokio::test]
    async fn a_result_arrives_with_its_size() {
        let line = r#"{"jsonrpc":"2.0","id":1,"result":{"malformed":"no"}}"#;
        let result = serde_json::json!({"malformed": "no"});
        let size = u64::try_from(line.len()).unwrap();
        assert_eq!(
            receive(line).await,
            (Some(Arrived::Result(result, size)), None)
        );
        let as_string = r#"{"id":"1","result":1}"#;
        assert!(matches!(
            receive(as_string).await,
            (Some(Arrived::Result(..)), None)
        ));
    }

    #[tokio::test]
    async fn an_answer_that_cannot_be_taken_fails_its_call() {
        let deep = format!(
            r#"{{"id":0,"result":{}{}}}"#,
            "[".repeat(200),
            "]".repeat(200)
        );
        for line in [
            r#"{"id":0}"#,
            r#"{"id":0,"result":null}"#,
            r#"{"id":0,"result":1,"error":{"code":1,"message":""}}"#,
            r#"{"id":0,"error":"no"}"#,
            &deep,
        ] {
            let (arrived, fault) = receive(line).await;
            assert!(
                matches!(arrived, Some(Arrived::Malformed(_))),
                "{line}: {arrived:?}"
            );
            assert_eq!(fault, None);
        }
    }

    #[tokio::test]
    async fn a_long_answer_fails_its_call_wherever_its_id_stands() {
        let text = "x".repeat(5000);
        for line in [
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"t":"{text}"}}}}"#),
            format!(r#"{{"result":{{"t":"{text}"}},"jsonrpc":"2.0","id":1}}"#),
            format!(r#"{{"result":{{"t":"{text}"}},"id":1,"jsonrpc":"2.0"}}"#),
        ] {
            let (arrived, fault) = receive(&line).await;
            let expected = Arrived::TooLarge("it is larger than 1000 bytes".to_owned());
            assert_eq!((arrived, fault), (Some(expected), None));
        }
        for line in [
            format!(r#"{{"result":{{"id":1,"t":"{text}"}}}}"#),
            format!(r#"{{"result":{{"t":"{text}\"id\":1"}}}}"#),
            text,
        ] {
            assert_eq!(
                receive(&line).await,
                (None, Some(Fault::TooLarge)),
                "{line}"
            );
        }
    }

    #[tokio::test]
    async fn an_answer_to_nobody_ends_the_connection() {
        for line in [
            r#"{"id":99,"result":{}}"#,
            r#"{"id":-1,"result":{}}"#,
            r#"{"id":"x","result":{}}"#,
            r#"{"id":[0],"result":{}}"#,
        ] {
            let (arrived, fault) = receive(line).await;
            assert_eq!(arrived, None);
            assert!(
                matches!(fault, Some(Fault::Protocol(_))),
                "{line}: {fault:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_late_answer_to_a_handshake_that_was_given_up_is_dropped() {
        let (mut pipe, mut theirs, _sent) = pipe().await;
        let ping = ClientRequest::PingRequest(PingRequest::default());
        pipe.send(JsonRpcMessage::request(ping, RequestId::Number(3)))
            .await
            .unwrap();
        for line in [
            r#"{"id":2,"error":{"code":-32601,"message":"x"}}"#,
            r#"{"jsonrpc":"2.0","id":3,"result":{}}"#,
        ] {
            theirs.write_all(line.as_bytes()).await.unwrap();
            theirs.write_all(b"\n").await.unwrap();
        }
        let Some(JsonRpcMessage::Response(response)) = pipe.receive().await else {
            panic!("no response");
        };
        assert_eq!(response.id, RequestId::Number(3));
    }

    #[tokio::test]
    async fn noise_is_noted_and_harms_nobody() {
        let (mut pipe, mut theirs, _sent) = pipe().await;
        let secret = "x".repeat(MAX_NOISE_BYTES - 10) + "canary-12345";
        let redactor = Redactor::new([("TOKEN", "canary-12345")]);
        let state = PipeState {
            redactor,
            ..PipeState::default()
        };
        state.note_noise(secret.as_bytes());
        assert!(state.noise().is_some_and(|noise| !noise.contains("canary")));
        let noise = "Listening on \u{1b}[1mport\nnull\n[]\n42\n{\"x\":1}\n{\"method\":3}\n\n";
        theirs.write_all(noise.as_bytes()).await.unwrap();
        // The second answer to a call is nobody's; a late one neither.
        for _ in 0..2 {
            theirs
                .write_all(b"{\"id\":0,\"result\":{}}\n")
                .await
                .unwrap();
        }
        drop(theirs);
        assert!(matches!(
            pipe.receive().await,
            Some(JsonRpcMessage::Response(_))
        ));
        while let Some(message) = pipe.receive().await {
            // rmcp drops answers that nobody waits for.
            assert!(matches!(message, JsonRpcMessage::Response(_)));
        }
        assert_eq!(pipe.state().fault(), None);
        assert_eq!(pipe.state().noise().as_deref(), Some("{\"method\":3}"));
    }

    #[tokio::test]
    async fn a_server_that_asks_and_does_not_read_is_not_read_from() {
        let (mut theirs, reader) = tokio::io::duplex(1 << 20);
        let (writer, _unread) = tokio::io::duplex(1);
        let mut pipe = Pipe::new(reader, writer, LIMIT, Redactor::default(), None);
        let mut unsent: Vec<Pin<Box<dyn Future<Output = io::Result<()>>>>> = Vec::new();
        for id in 0..300 {
            let line = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n");
            theirs.write_all(line.as_bytes()).await.unwrap();
        }
        let answered = async {
            while let Some(JsonRpcMessage::Request(request)) = pipe.receive().await {
                let answer = rmcp::model::ClientResult::empty(());
                unsent.push(Box::pin(
                    pipe.send(JsonRpcMessage::response(answer, request.id)),
                ));
            }
        };
        tokio::select! {
            biased;
            () = answered => panic!("the pipe did not stop reading"),
            () = async { for _ in 0..100 { tokio::task::yield_now().await } } => {}
        }
        assert_eq!(unsent.len(), MAX_UNSENT_ANSWERS);
    }
}
