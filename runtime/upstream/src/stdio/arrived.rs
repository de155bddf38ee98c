//! Answers to `tools/call` and `tools/list` on their way past `rmcp`.
//!
//! They are read as plain JSON: what is in them is the broker's to judge, and trying all of the protocol's result
//! types on a large answer costs more than reading it. They wait in the state of the pipe, with what is charged for
//! them; `rmcp` passes on an empty result that says that they are there.

use rmcp::model::{CustomResult, ErrorData, JsonRpcMessage, RequestId, ServerResult};
use rmcp::service::{RoleClient, RxJsonRpcMessage};
use serde_json::Value;
use wxmcp_catalogue::json;
use wxmcp_run::{Held, OverBudget};

/// An answer to a tool call or a listing.
#[derive(Debug, PartialEq)]
pub(crate) enum Arrived {
    /// The result.
    Result(Received),
    /// An answer that is long: it is still to be read, beside the event loop.
    Unread(Unread),
    /// The server answered with an error, which is as long as it may be: what is charged for it.
    Refused(Box<ErrorData>, Held),
    /// The answer was larger than the limit, or held too many values.
    TooLarge(String),
    /// The answer was not what the protocol says.
    Malformed(String),
    /// The host may not hold the answer.
    OverBudget(OverBudget),
}

/// A result as it arrived.
#[derive(Debug, PartialEq)]
pub(crate) struct Received {
    pub(crate) value: Value,
    /// Its size in bytes as it arrived, without the message around it, in which the number of the request is.
    pub(crate) bytes: u64,
    /// What is charged for it.
    pub(crate) held: Held,
}

/// An answer as it arrived.
#[derive(Debug, PartialEq)]
pub(crate) struct Unread {
    pub(crate) json: Box<str>,
    /// Whether it is an error.
    pub(crate) is_error: bool,
    /// Size in bytes of the line that it came in.
    pub(crate) bytes: u64,
    /// What is charged for it, read and unread.
    pub(crate) held: Held,
}

impl Unread {
    /// Reads it.
    pub(crate) fn read(self) -> Arrived {
        read(&self.json, self.is_error, self.held)
    }
}

/// Reads an answer for which its parsed size is charged.
pub(crate) fn read(json: &str, is_error: bool, held: Held) -> Arrived {
    if is_error {
        return match json::read::<ErrorData>(json.as_bytes()) {
            Ok(error) => Arrived::Refused(Box::new(error), held),
            Err(_) => Arrived::Malformed(NOT_AN_ERROR.to_owned()),
        };
    }
    match json::readable(json) {
        Ok(value) => Arrived::Result(Received {
            value,
            bytes: u64::try_from(json.len()).unwrap_or(u64::MAX),
            held,
        }),
        Err(error) => Arrived::Malformed(error.to_string()),
    }
}

/// What is wrong with an error that cannot be read.
pub(crate) const NOT_AN_ERROR: &str = "its error has no code or no message";

/// What tells rmcp's caller that the answer to its request has arrived.
pub(super) fn notice(id: i64) -> RxJsonRpcMessage<RoleClient> {
    let result = ServerResult::CustomResult(CustomResult::new(Value::Null));
    JsonRpcMessage::response(result, RequestId::Number(id))
}
