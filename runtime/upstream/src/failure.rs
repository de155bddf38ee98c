//! What went wrong with a server, in words: a handshake that failed, a request without an answer, a process that ended.

use std::time::Duration;

use rmcp::model::{ErrorCode, ErrorData};
use rmcp::service::ClientInitializeError;
use serde_json::{Value, json};
use wxmcp_broker::bounded_error;
use wxmcp_catalogue::wording::{bounded, quoted};
use wxmcp_policy::Redactor;
use wxmcp_run::{Held, OverBudget, ToolError, ToolErrorKind};

use crate::answer::rpc_error;
use crate::call_deadline::Late;
use crate::stdio::guard::{NOT_EXECUTABLE, NOT_FOUND};
use crate::stdio::pipe_state::{Fault, PipeState};
use crate::stdio::process::{Process, describe};

/// How long the process behind a closed pipe is waited for, to learn how it
/// ended. Shorter than it is left alone: later it would be us who ended it.
const LAST_WORDS: Duration = Duration::from_millis(900);

/// Why a request has no answer.
#[derive(Debug)]
pub(crate) enum RequestError {
    /// The server answered with a JSON-RPC error; what is charged for it.
    Refused(Box<ErrorData>, Held),
    /// The answer was larger than the limit; why that is known.
    TooLarge(String),
    /// The answer was not what the protocol says.
    Malformed(String),
    /// The host may not hold what is sent, or the answer.
    OverBudget(OverBudget),
    /// The server is gone; how, in words.
    Gone(String),
    /// The server did not answer in time.
    Late(Late),
}

/// Why a server did not start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StartError {
    /// What happened, in words; the server's own are redacted.
    pub(crate) message: String,
    /// Whether another handshake might fare better.
    pub(crate) worth_another_try: bool,
    /// Whether the server was slow to answer `server/discover`, and knows no `initialize`.
    pub(crate) may_be_modern: bool,
}

/// Why a server gives no tools: it cannot be had, or must not.
pub(crate) struct NoTools {
    /// What happened, in words.
    pub(crate) reason: String,
    /// It is another wxmcp, which would offer to run programs with the tools that this one has.
    pub(crate) is_wxmcp: bool,
}

impl NoTools {
    pub(crate) fn of_wxmcp() -> Self {
        Self {
            reason: "it is wxmcp itself, which runs programs with tools, and is left out"
                .to_owned(),
            is_wxmcp: true,
        }
    }
}

impl From<String> for NoTools {
    fn from(reason: String) -> Self {
        Self {
            reason,
            is_wxmcp: false,
        }
    }
}

/// What an error has in its data where the server is wxmcp itself.
pub(crate) fn marks_itself() -> Value {
    json!({ITSELF: true})
}

/// The member of that data.
const ITSELF: &str = "isWxmcpItself";

/// Whether a server was not used since it is wxmcp itself: nothing is wrong with that.
pub fn is_wxmcp_itself(error: &ToolError) -> bool {
    let data = error.data.as_ref();
    error.kind == ToolErrorKind::UpstreamUnavailable
        && data.is_some_and(|data| data.get(ITSELF) == Some(&Value::Bool(true)))
}

/// Why a handshake failed: the fault of the pipe, else how the process ended, else the error of rmcp.
pub(crate) async fn explain(
    error: &ClientInitializeError,
    process: &Process,
    pipe: &PipeState,
    redactor: &Redactor,
) -> StartError {
    let message = match (pipe.fault(), error) {
        (Some(Fault::TooLarge), _) => {
            "it answered the handshake with a line that does not end within the limit".to_owned()
        }
        (Some(Fault::Protocol(problem)), _) => problem.clone(),
        (
            None,
            ClientInitializeError::ConnectionClosed(_)
            | ClientInitializeError::TransportError { .. },
        ) => {
            return StartError {
                message: last_words(process).await,
                worth_another_try: can_run(process).await,
                may_be_modern: false,
            };
        }
        (None, error) => words_of(error, redactor),
    };
    StartError {
        message,
        worth_another_try: true,
        may_be_modern: false,
    }
}

/// Whether the server refused `initialize` as one that speaks the newer era alone.
pub(crate) fn knows_no_initialize(error: &ClientInitializeError) -> bool {
    match error {
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => {
            knows_no_initialize(fallback)
        }
        ClientInitializeError::JsonRpcError(refused) => [
            ErrorCode::METHOD_NOT_FOUND,
            ErrorCode::INVALID_PARAMS,
            ErrorCode::UNSUPPORTED_PROTOCOL_VERSION,
        ]
        .contains(&refused.code),
        _ => false,
    }
}

/// An error of the handshake in words. rmcp's own text would hold whole messages; this has the parts that help,
/// redacted before they are cut.
fn words_of(error: &ClientInitializeError, redactor: &Redactor) -> String {
    match error {
        ClientInitializeError::JsonRpcError(refused) => format!(
            "it refused the handshake: {} (code {})",
            quoted(&redactor.redact(&refused.message)),
            refused.code.0
        ),
        ClientInitializeError::ExpectedInitResult(_)
        | ClientInitializeError::ExpectedInitResponse(_) => {
            "its answer to the handshake is not what the protocol says".to_owned()
        }
        ClientInitializeError::NoCompatibleProtocolVersion {
            server_supported, ..
        } => {
            let versions: Vec<String> = server_supported
                .iter()
                .map(ToString::to_string)
                .take(8)
                .collect();
            format!(
                "it speaks none of our protocol versions, only {}",
                quoted(&redactor.redact(&versions.join(", ")))
            )
        }
        ClientInitializeError::LegacyFallbackFailed { fallback, .. } => {
            words_of(fallback, redactor)
        }
        other => bounded(&redactor.redact(&other.to_string())),
    }
}

/// What is known of a server that did not answer in time.
pub(crate) fn silence(what: &str, given: Duration, process: &Process, pipe: &PipeState) -> String {
    let mut message = format!("it did not answer {what} within {given:?}");
    if let Some(noise) = pipe.noise() {
        message.push_str(&format!(
            "; it wrote {}, which is not the protocol",
            quoted(&noise)
        ));
    }
    if let Some(stray) = pipe.stray() {
        message.push_str(&format!("; it {stray}"));
    }
    message.push_str(&wrote(process));
    message
}

/// How a process ended, and what it last wrote to stderr.
pub(crate) async fn last_words(process: &Process) -> String {
    let ended = match tokio::time::timeout(LAST_WORDS, process.end()).await {
        Ok(status) => describe(status),
        Err(_) => "closed its output".to_owned(),
    };
    format!("it {ended}{}", wrote(process))
}

/// The end of what a process wrote to stderr.
fn wrote(process: &Process) -> String {
    let lines = process.log().last_lines();
    match lines.as_slice() {
        [] => String::new(),
        [line] => format!("; its last words: {}", quoted(line)),
        lines => format!("; its last words:\n  {}", lines.join("\n  ")),
    }
}

/// Whether the command is one that can be run at all.
async fn can_run(process: &Process) -> bool {
    let ended = tokio::time::timeout(LAST_WORDS, process.end()).await;
    let code = ended.ok().flatten().and_then(|status| status.code());
    ![NOT_FOUND, NOT_EXECUTABLE]
        .iter()
        .any(|known| code == Some(i32::from(*known)))
}

/// A server's error; what is left of it is bounded, and was charged until then.
pub(crate) fn refused(error: ErrorData, held: Held, redactor: &Redactor) -> ToolError {
    let refused = rpc_error(error.code.0, &error.message, error.data);
    let refused = redacted(refused, redactor);
    drop(held);
    refused
}

/// Redacts first: a secret that was cut in two could not be recognised.
pub(crate) fn redacted(error: ToolError, redactor: &Redactor) -> ToolError {
    bounded_error(ToolError {
        kind: error.kind,
        message: redactor.redact(&error.message),
        data: error.data.map(|data| redactor.redact_value(data)),
    })
}
