//! The transport under `rmcp`: MCP over a server's stdin and stdout.
//!
//! Ours rather than rmcp's, since that one drops what it cannot take, and a call
//! whose answer was dropped hangs. Here every answer that cannot be taken fails
//! the call it belongs to, at once and with the reason, and a server that does
//! not speak the protocol is given up.

use std::io;
use std::sync::Arc;

use rmcp::model::{ErrorData, JsonRpcMessage, RequestId};
use rmcp::service::{RoleClient, RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use super::arrived::Arrived;
use super::ids::{at_end, at_start, number};
use super::lines::{Line, Lines};
use super::pipe_state::{Addressee, Fault, PipeState, Reading};
use super::process::Lifeline;
use crate::json::{self, JsonError};
use crate::redact::Redactor;

/// Largest message that is not an answer to a tool call or listing, in bytes.
const MAX_OTHER_BYTES: usize = 1024 * 1024;

/// Answers to the server's own requests that may wait to be written. A server
/// that asks and does not read is not read from.
const MAX_UNSENT_ANSWERS: usize = 256;

/// What is wrong with an answer to `initialize` or `server/discover`.
const UNREADABLE_HANDSHAKE: &str = "its answer to the handshake is not what the protocol says";

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
        Self {
            lines: Lines::new(reader, limit),
            limit,
            writer: Arc::new(AsyncMutex::new(writer)),
            state: Arc::new(PipeState::new(redactor)),
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
        self.state.give_up(fault);
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
                let id = at_start(&head);
                self.answered = id.is_some();
                id.map_or(Taken::Nothing, |id| self.refuse_long(id))
            }
            Line::Skipped(_) if self.answered => Taken::Nothing,
            Line::Skipped(tail) => match at_end(&tail) {
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
            // Through a value: numbers of any size cannot be read into rmcp's untagged types at once.
            && let Ok(value) = serde_json::from_slice::<Value>(line)
            && let Ok(message) = serde_json::from_value(value)
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
        Self::Message(Box::new(arrived.into_message(id)))
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

    use rmcp::model::{CallToolRequest, CallToolRequestParams, ClientRequest, PingRequest};

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
