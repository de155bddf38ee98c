//! Answers to `tools/call` and `tools/list` on their way through `rmcp`.
//!
//! They travel as plain JSON: what is in them is the broker's to judge, and
//! trying all of the protocol's result types on a large answer costs more than
//! reading it.

use rmcp::model::{CustomResult, JsonRpcMessage, RequestId, ServerResult};
use rmcp::service::{RoleClient, RxJsonRpcMessage};
use serde_json::{Map, Value};

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

// A message passes through rmcp as one JSON value. All answers to calls and
// listings are made here, so that no server can forge one.
impl Arrived {
    /// The answer as a message to rmcp, which hands it to the caller.
    pub(super) fn into_message(self, id: i64) -> RxJsonRpcMessage<RoleClient> {
        let result = ServerResult::CustomResult(CustomResult::new(self.into_value()));
        JsonRpcMessage::response(result, RequestId::Number(id))
    }

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

    /// Takes apart what [`Self::into_message`] put together.
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
