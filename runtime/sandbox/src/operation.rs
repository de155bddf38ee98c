//! What a guest asks of its host through `submit` and `call`.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::aside::aside;
use crate::family::Wanted;
use wxmcp_run::Held;
use wxmcp_run::without_lone_surrogates;
use wxmcp_run::{Capability, ToolError, ToolErrorKind};
use wxmcp_run::{Detail, Search};

/// Bytes of what is said about a request that cannot be read.
const REASON: usize = 256;

/// The operation that starts another run.
pub(crate) const RUN: u8 = 10;

/// Hits that a guest may ask for.
const MAX_HITS: usize = 100;

/// What `submit` is asked to begin; the numbers are in `wit/guest.wit`.
#[derive(Debug, PartialEq)]
pub(crate) enum Operation {
    Call {
        name: String,
        arguments: serde_json::Map<String, Value>,
        /// Whether the guest takes an answer's content beside its value.
        content: bool,
    },
    Search(Search),
    Describe {
        names: Vec<String>,
    },
    Namespaces,
    Namespace {
        name: String,
    },
    /// Ends after this time; no tool is asked.
    Timer(Duration),
    /// Something that a grant allows.
    Capability {
        capability: Capability,
        request: serde_json::Map<String, Value>,
    },
    /// Another script, in an instance of its own.
    Run(Wanted),
}

/// Reads a request; a thread that reads a large one keeps what is charged for it.
pub(crate) async fn read(
    operation: u8,
    payload: Vec<u8>,
    held: &Held,
) -> Result<Operation, ToolError> {
    let held = held.clone();
    let parsed = aside(payload.len(), move || {
        let parsed = parse(operation, &payload);
        drop((payload, held));
        parsed
    });
    parsed.await
}

/// Reads a request. Nothing in it is trusted; serde_json refuses deep nesting.
#[expect(clippy::too_many_lines, reason = "one arm for each operation")]
fn parse(operation: u8, payload: &[u8]) -> Result<Operation, ToolError> {
    #[derive(Deserialize)]
    struct Call {
        name: String,
        #[serde(default)]
        arguments: serde_json::Map<String, Value>,
        #[serde(default)]
        content: bool,
    }
    #[derive(Deserialize)]
    struct Question {
        query: String,
        limit: Option<usize>,
        #[serde(default)]
        detail: Detail,
    }
    #[derive(Deserialize)]
    struct Names {
        names: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Name {
        name: String,
    }
    #[derive(Deserialize)]
    struct Timer {
        us: u64,
    }
    fn read<T: DeserializeOwned>(payload: &[u8]) -> Result<T, ToolError> {
        // Members in an array, by their order, are what serde takes for an object, too.
        if payload.trim_ascii_start().first() != Some(&b'{') {
            return Err(ToolError::new(
                ToolErrorKind::InvalidCall,
                "the request is not valid: it is no JSON object",
            ));
        }
        let read = serde_json::from_slice(payload).or_else(|error| {
            without_lone_surrogates(payload)
                .map_or(Err(error), |mended| serde_json::from_slice(&mended))
        });
        read.map_err(|error| {
            let reason = error.to_string();
            let reason = reason.get(..reason.floor_char_boundary(REASON));
            ToolError::new(
                ToolErrorKind::InvalidCall,
                format!("the request is not valid: {}", reason.unwrap_or_default()),
            )
        })
    }
    match operation {
        1 => read(payload).map(|call: Call| Operation::Call {
            name: call.name,
            arguments: call.arguments,
            content: call.content,
        }),
        2 => read(payload).map(|question: Question| {
            Operation::Search(Search {
                query: question.query,
                limit: question.limit.unwrap_or(10).min(MAX_HITS),
                detail: question.detail,
            })
        }),
        3 => read(payload).map(|Names { names }| Operation::Describe { names }),
        4 => Ok(Operation::Namespaces),
        5 => read(payload).map(|Name { name }| Operation::Namespace { name }),
        6 => read(payload).map(|Timer { us }| Operation::Timer(Duration::from_micros(us))),
        7..=9 => {
            let capability = match operation {
                7 => Capability::Sql,
                8 => Capability::Http,
                _ => Capability::Files,
            };
            read(payload).map(|request| Operation::Capability {
                capability,
                request,
            })
        }
        RUN => read(payload).map(Operation::Run),
        other => Err(ToolError::new(
            ToolErrorKind::InvalidCall,
            format!("there is no operation {other}"),
        )),
    }
}

/// What a report calls a request: its method and host, without what a URL may hold besides.
pub(crate) fn request_name(request: &serde_json::Map<String, Value>) -> String {
    let text = |key: &str| request.get(key).and_then(Value::as_str);
    let url = text("url").unwrap_or_default();
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    let connects = request.get("connect").and_then(Value::as_bool);
    let method = match connects {
        Some(true) => "CONNECT",
        _ => text("method").unwrap_or("GET"),
    };
    match text("connection") {
        Some(connection) => format!("http {method} {connection}"),
        None => format!("http {method} {scheme}://{host}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_an_object() {
        let call = br#" {"name": "a.b"}"#;
        assert!(matches!(parse(1, call), Ok(Operation::Call { .. })));
        let error = parse(1, br#"["a.b", {}]"#).unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::InvalidCall);
    }

    #[test]
    fn half_a_surrogate_in_a_request_is_replaced() {
        let call = br#"{"name": "a.b", "arguments": {"t\ud83d": ["\ude00", "\\ude00"]}}"#;
        let Ok(Operation::Call { arguments, .. }) = parse(1, call) else {
            panic!("no call");
        };
        let expected = json!({"t\u{fffd}": ["\u{fffd}", "\\ude00"]});
        assert_eq!(Value::Object(arguments), expected);
    }

    #[test]
    fn a_request_is_named_without_what_may_be_secret() {
        for (request, name) in [
            (
                json!({"url": "https://u:p@a.test/x?key=1"}),
                "http GET https://a.test",
            ),
            (
                json!({"url": "https://a.test:81?key=1", "method": "PUT"}),
                "http PUT https://a.test:81",
            ),
            (
                json!({"url": "/users?key=1", "connection": "github"}),
                "http GET github",
            ),
            (
                json!({"url": "http://a.test:81", "connect": true}),
                "http CONNECT http://a.test:81",
            ),
            (json!({}), "http GET ://"),
        ] {
            let Value::Object(request) = request else {
                panic!("{request} is no object");
            };
            assert_eq!(request_name(&request), name);
        }
    }
}
