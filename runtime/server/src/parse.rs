//! What one line of a client says, or which error of JSON-RPC answers it.

#![expect(
    deprecated,
    reason = "clients of older revisions set the level of log messages"
)]

use rmcp::RoleServer;
use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CancelTaskRequest, ClientJsonRpcMessage, ClientRequest,
    DiscoverRequest, ErrorCode, GetTaskRequest, InitializeRequest, JsonRpcMessage,
    ListResourceTemplatesRequest, ListResourcesRequest, ListToolsRequest, PingRequest,
    ReadResourceRequest, RequestId, SetLevelRequest, SubscriptionsListenRequest, UpdateTaskRequest,
};
use rmcp::service::RxJsonRpcMessage;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use serde_json::value::RawValue;

use crate::skim::{Skim, id_of};

/// Length of a line from which on its values are counted, in bytes: a shorter one has too few to be large in memory.
const COUNTED: usize = 64 << 10;

/// Values of one message. A program is one, however long it is; each takes some hundred bytes once it is read.
const MAX_VALUES: usize = 50_000;

/// Longest words about a message that cannot be read, in characters.
const MAX_WORDS: usize = 300;

/// UTF-8 files begin with this mark on some systems, and so do some pipes.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What a line is.
#[derive(Debug)]
pub(crate) enum Parsed {
    /// A message.
    Message(Box<RxJsonRpcMessage<RoleServer>>),
    /// Something that asks for no answer.
    Nothing,
    /// Something that cannot be carried out.
    Refused(Refusal),
}

/// An error, and the request that it answers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// As the client wrote it; `null` where it cannot be read.
    id: Option<String>,
    code: i32,
    words: String,
}

impl Refusal {
    fn new(id: Option<String>, code: ErrorCode, words: impl Into<String>) -> Self {
        let words: String = words.into();
        Self {
            id,
            code: code.0,
            words: words.chars().take(MAX_WORDS).collect(),
        }
    }

    /// The refusal of a request that could be read.
    pub(crate) fn of(id: &RequestId, words: &str) -> Self {
        let id = serde_json::to_string(id).ok();
        Self::new(id, ErrorCode::INVALID_REQUEST, words)
    }

    /// The answer, as a line.
    pub(crate) fn to_line(&self) -> Vec<u8> {
        let error = json!({"code": self.code, "message": self.words});
        let id = self.id.as_deref().unwrap_or("null");
        format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{error}}}\n").into_bytes()
    }
}

/// What a line says.
pub(crate) fn line(bytes: &[u8]) -> Parsed {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    if bytes.trim_ascii().is_empty() {
        return Parsed::Nothing;
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        let words = "the line is not UTF-8";
        return Parsed::Refused(Refusal::new(None, ErrorCode::PARSE_ERROR, words));
    };
    if text.len() > COUNTED && values(bytes) > MAX_VALUES {
        let words = format!("the message has more than {MAX_VALUES} values");
        return refused(text, &words);
    }
    if let Some(call) = call(text) {
        return Parsed::Message(Box::new(call));
    }
    match serde_json::from_str::<RxJsonRpcMessage<RoleServer>>(text) {
        Ok(JsonRpcMessage::Request(request)) => match &request.request {
            ClientRequest::CustomRequest(unknown) => {
                let (code, words) = misfit(&unknown.method, text);
                let outline = serde_json::from_str::<Outline>(text).ok();
                let id = outline.and_then(|it| id_of(it.id?.get()));
                Parsed::Refused(Refusal::new(id, code, words))
            }
            _ => Parsed::Message(Box::new(JsonRpcMessage::Request(request))),
        },
        Ok(message) => Parsed::Message(Box::new(message)),
        Err(error) => refused(text, &error.to_string()),
    }
}

/// The answer to a line that was not kept, since it is too long.
pub(crate) fn too_long(skim: Skim, most: usize) -> Parsed {
    let words = format!("the message is longer than {most} bytes");
    Parsed::Refused(Refusal::new(skim.id(), ErrorCode::INVALID_REQUEST, words))
}

/// Members of a message as they are written, whatever they are.
#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// A member that is there, also where it is `null`.
fn present<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(reader).map(Some)
}

/// A call of a tool: what nearly all lines are. It is read at once, without trying what else it could be.
fn call(text: &str) -> Option<ClientJsonRpcMessage> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Call<'a> {
        jsonrpc: &'a str,
        id: RequestId,
        method: &'a str,
        params: CallToolRequestParams,
    }
    // What is no such call, or is one that is wrong, is read in all ways below.
    let call: Call = text
        .contains("\"tools/call\"")
        .then(|| serde_json::from_str(text).ok())??;
    if call.jsonrpc != "2.0" || call.method != "tools/call" {
        return None;
    }
    let mut params = call.params;
    let meta = params.meta.take();
    let mut request = CallToolRequest::new(params);
    if let Some(meta) = meta {
        request.extensions.insert(meta);
    }
    let request = ClientRequest::CallToolRequest(request);
    Some(ClientJsonRpcMessage::request(request, call.id))
}

/// Values of a text that may be JSON, at most: marks between them.
fn values(bytes: &[u8]) -> usize {
    let (mut count, mut in_text, mut is_escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = in_text,
            b'"' => in_text = !in_text,
            b',' | b'[' | b'{' if !in_text => count = count.saturating_add(1),
            _ => {}
        }
    }
    count
}

/// Why a request is none of ours: its method is not known, or its parameters are not those of the method.
fn misfit(method: &str, text: &str) -> (ErrorCode, String) {
    let why = match method {
        "initialize" => why::<InitializeRequest>(text),
        "ping" => why::<PingRequest>(text),
        "server/discover" => why::<DiscoverRequest>(text),
        "tools/list" => why::<ListToolsRequest>(text),
        "tools/call" => why::<CallToolRequest>(text),
        "resources/list" => why::<ListResourcesRequest>(text),
        "resources/templates/list" => why::<ListResourceTemplatesRequest>(text),
        "resources/read" => why::<ReadResourceRequest>(text),
        "logging/setLevel" => why::<SetLevelRequest>(text),
        "subscriptions/listen" => why::<SubscriptionsListenRequest>(text),
        "tasks/get" => why::<GetTaskRequest>(text),
        "tasks/update" => why::<UpdateTaskRequest>(text),
        "tasks/cancel" => why::<CancelTaskRequest>(text),
        unknown => {
            let shown: String = unknown.chars().take(100).collect();
            let words = format!("there is no method `{shown}`");
            return (ErrorCode::METHOD_NOT_FOUND, words);
        }
    };
    let words = format!("these are no parameters of `{method}`: {why}");
    (ErrorCode::INVALID_PARAMS, words)
}

fn why<T: DeserializeOwned>(text: &str) -> String {
    let error = serde_json::from_str::<T>(text).err();
    error.map_or_else(|| "they do not fit".to_owned(), |error| error.to_string())
}

/// The answer to a line that is no message, of which `why` says what is wrong.
fn refused(text: &str, why: &str) -> Parsed {
    // This reads any depth, and halves of surrogates, in little memory.
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        let words = format!("the line is no JSON: {error}");
        return Parsed::Refused(Refusal::new(None, ErrorCode::PARSE_ERROR, words));
    }
    let invalid = |id, words: &str| {
        let refusal = Refusal::new(id, ErrorCode::INVALID_REQUEST, words);
        Parsed::Refused(refusal)
    };
    if text.trim_start().starts_with('[') {
        return invalid(
            None,
            "batches are not taken: a message is a line of its own",
        );
    }
    let Ok(outline) = serde_json::from_str::<Outline>(text) else {
        return invalid(None, "a message is an object with each member once");
    };
    let has = |member: Option<&RawValue>, value: &str| member.is_some_and(|it| it.get() == value);
    let is_current = has(outline.jsonrpc, "\"2.0\"");
    let is_method = |it: &RawValue| serde_json::from_str::<String>(it.get()).is_ok();
    let id = match (outline.method, outline.id) {
        // An answer to something that we did not ask.
        (None, _) if outline.result.is_some() || outline.error.is_some() => return Parsed::Nothing,
        (None, id) => {
            let id = id.and_then(|it| id_of(it.get()));
            return invalid(id, "the message has no `method`");
        }
        // A notification is never answered.
        (Some(method), None) if is_current && is_method(method) => return Parsed::Nothing,
        (Some(_), None) => None,
        (Some(_), Some(id)) => match id_of(id.get()) {
            Some(id) => Some(id),
            None => return invalid(None, "`id` is a text or a whole number, and not long"),
        },
    };
    if !is_current {
        return invalid(id, "`jsonrpc` is not \"2.0\"");
    }
    let is_list = outline.params.is_some_and(|it| !it.get().starts_with('{'));
    if is_list && outline.method.is_some_and(is_method) {
        let words = "`params` is no object";
        return Parsed::Refused(Refusal::new(id, ErrorCode::INVALID_PARAMS, words));
    }
    invalid(id, &format!("the request cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code and the id of the answer to a line; none if it gets none.
    fn answer(text: &str) -> Option<(i32, Option<String>)> {
        match line(text.as_bytes()) {
            Parsed::Refused(refusal) => Some((refusal.code, refusal.id)),
            Parsed::Message(message) => panic!("{message:?}"),
            Parsed::Nothing => None,
        }
    }

    fn refuses(text: &str, code: i32, id: Option<&str>) {
        let shown = text.get(..80).unwrap_or(text);
        assert_eq!(answer(text), Some((code, id.map(str::to_owned))), "{shown}");
    }

    #[test]
    fn what_is_no_json_is_answered_without_an_id() {
        for text in ["{", "hello", "{\"id\": 1,}", "{'id': 1}", "\u{0}"] {
            refuses(text, -32700, None);
        }
        assert!(matches!(line(b"{\"id\": \"\xff\"}"), Parsed::Refused(it) if it.code == -32700));
        for text in ["", "  ", "\r"] {
            assert_eq!(answer(text), None);
        }
    }

    #[test]
    fn json_that_cannot_be_read_is_answered_with_its_id() {
        let call = |id: &str, code: &str| {
            format!(
                r#"{{"method":"tools/call","params":{{"name":"run_code","arguments":{{"code":{code}}}}},"jsonrpc":"2.0","id":{id}}}"#
            )
        };
        let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        refuses(&call("7", r#""\ud800""#), -32600, Some("7"));
        refuses(&call("\"a\"", &deep(130)), -32600, Some("\"a\""));
        refuses(&call("7", &deep(1_000_000)), -32600, Some("7"));
        refuses(
            &call("18446744073709551615", "\"1\""),
            -32600,
            Some("18446744073709551615"),
        );
        let many = format!("[{}1]", "1,".repeat(MAX_VALUES));
        refuses(&call("7", &many), -32600, Some("7"));
        // Twins that are just inside.
        for code in [
            deep(100),
            r#""\ud83d\ude00""#.to_owned(),
            format!("\"{}\"", ",[".repeat(MAX_VALUES)),
        ] {
            let call = call("7", &code);
            assert!(
                matches!(line(call.as_bytes()), Parsed::Message(_)),
                "{call}"
            );
        }
    }

    #[test]
    fn requests_that_are_none_are_refused_and_what_asks_for_nothing_is_passed_over() {
        refuses("[]", -32600, None);
        refuses(
            r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#,
            -32600,
            None,
        );
        refuses(r#"{"id":1,"method":"ping"}"#, -32600, Some("1"));
        refuses(
            r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
            -32600,
            Some("1"),
        );
        refuses(r#"{"jsonrpc":"2.0","id":1}"#, -32600, Some("1"));
        refuses(r#"{"jsonrpc":"2.0","id":1,"method":5}"#, -32600, Some("1"));
        refuses(r#"{"jsonrpc":"2.0","method":5}"#, -32600, None);
        for id in ["null", "true", "{}", "[1]"] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
            refuses(&text, -32600, None);
        }
        refuses("5", -32600, None);
        let answers = [
            r#"{"jsonrpc":"2.0","id":[],"result":{}}"#,
            r#"{"id":1,"error":5}"#,
        ];
        assert_eq!(answers.map(answer), [None, None]);
    }

    #[test]
    fn parameters_that_do_not_fit_and_methods_that_are_none_have_codes_of_their_own() {
        for params in [
            "",
            r#","params":{}"#,
            r#","params":{"name":1}"#,
            r#","params":[]"#,
        ] {
            let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call"{params}}}"#);
            refuses(&text, -32602, Some("1"));
        }
        refuses(
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#,
            -32602,
            Some("1"),
        );
        refuses(
            r#"{"jsonrpc":"2.0","id":"x","method":"no/such"}"#,
            -32601,
            Some("\"x\""),
        );
    }

    #[test]
    fn a_call_is_read_the_same_by_either_road() {
        let text = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"run_code","arguments":{"code":"1.50","n":1e400},"_meta":{"progressToken":"t"}}}"#;
        let quick = call(text).unwrap();
        let slow: ClientJsonRpcMessage = serde_json::from_str(text).unwrap();
        assert_eq!(format!("{quick:?}"), format!("{slow:?}"));
    }
}
