//! From a `tools/call` result to the value that a script gets.

use serde_json::{Map, Value};
use wxmcp_sandbox::{ToolError, ToolErrorKind};
use wxmcp_tooltree::{shorten, spell_unreadable_numbers};

use crate::json;

/// Longest error text that is passed on, in bytes.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;

/// Longest error detail that is passed on, in bytes of JSON.
const MAX_DATA_BYTES: usize = 256 * 1024;

/// Unwraps a result:
///
/// 1. structured content, if there is any;
/// 2. one text block: the JSON object or array that it holds, if the tool
///    declares no output schema; else the text;
/// 3. several text blocks: a list of what each alone would be;
/// 4. anything else: the list of content blocks as the protocol has them, or
///    the one block there is. No content at all is `null`.
///
/// # Errors
///
/// `isError` results, with the tool's own words; requests for input, which
/// nothing can answer yet; and what is no result.
pub(crate) fn unwrap(result: Value, declares_output: bool) -> Result<Value, ToolError> {
    let Value::Object(mut result) = result else {
        return Err(invalid("the result is not an object"));
    };
    match result.get("resultType").map(Value::as_str) {
        None | Some(Some("complete")) => {}
        Some(Some("input_required")) => {
            return Err(ToolError::new(
                ToolErrorKind::ToolFailed,
                "the tool asked for input from a person, which wxmcp cannot give yet",
            ));
        }
        Some(Some("task")) => {
            return Err(ToolError::new(
                ToolErrorKind::ToolFailed,
                "the tool answered with a background task, which wxmcp cannot follow yet",
            ));
        }
        Some(_) => return Err(invalid("the result has an unknown `resultType`")),
    }
    let failed = match result.remove("isError") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(failed)) => failed,
        Some(_) => return Err(invalid("`isError` is not a boolean")),
    };
    let structured = result.remove("structuredContent");
    let blocks = match result.remove("content") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(blocks)) => blocks,
        Some(_) => return Err(invalid("`content` is not an array")),
    };
    if let Some(problem) = blocks.iter().find_map(problem_of) {
        return Err(invalid(problem));
    }
    if failed {
        return Err(failure(&blocks, structured));
    }
    if let Some(structured) = structured {
        return Ok(structured);
    }
    Ok(unwrap_blocks(blocks, declares_output))
}

fn unwrap_blocks(blocks: Vec<Value>, declares_output: bool) -> Value {
    let all_text = !blocks.is_empty() && blocks.iter().all(|block| text_of(block).is_some());
    let mut values: Vec<Value> = if all_text {
        blocks
            .into_iter()
            .map(|block| match text_of(&block) {
                Some(text) => unwrap_text(text, declares_output),
                None => block,
            })
            .collect()
    } else {
        blocks
    };
    match values.len() {
        0 => Value::Null,
        1 => values.remove(0),
        _ => Value::Array(values),
    }
}

/// The JSON object or array that a text holds, or the text.
fn unwrap_text(text: &str, declares_output: bool) -> Value {
    if !declares_output && text.trim_start().starts_with(['{', '[']) {
        // What cannot be parsed, or not within bounds, stays text.
        if let Ok(value) = json::parse(text) {
            return value;
        }
    }
    Value::from(text)
}

fn text_of(block: &Value) -> Option<&str> {
    if block.get("type")?.as_str()? == "text" {
        block.get("text")?.as_str()
    } else {
        None
    }
}

/// What keeps a value from being a content block. Types that wxmcp does not
/// know are passed on: the protocol adds some now and then.
fn problem_of(block: &Value) -> Option<&'static str> {
    match block.get("type").and_then(Value::as_str) {
        None => Some("a content block has no `type`"),
        Some("text") if text_of(block).is_none() => Some("a text block has no `text`"),
        Some("image" | "audio") if !block.get("data").is_some_and(Value::is_string) => {
            Some("an image or audio block has no `data`")
        }
        Some(_) => None,
    }
}

fn failure(blocks: &[Value], structured: Option<Value>) -> ToolError {
    let texts: Vec<&str> = blocks.iter().filter_map(text_of).collect();
    let message = match texts.join("\n") {
        text if text.trim().is_empty() => "the tool failed and did not say why".to_owned(),
        text => text,
    };
    ToolError {
        kind: ToolErrorKind::ToolFailed,
        message,
        data: structured,
    }
}

/// A JSON-RPC error as the script sees it: the server's words and code.
pub(crate) fn rpc_error(code: i32, message: &str, data: Option<Value>) -> ToolError {
    const INVALID_PARAMS: i32 = -32602;
    let mut detail = Map::new();
    detail.insert("code".to_owned(), code.into());
    if let Some(data) = data {
        detail.insert("data".to_owned(), data);
    }
    ToolError {
        kind: if code == INVALID_PARAMS {
            ToolErrorKind::InvalidArguments
        } else {
            ToolErrorKind::ToolFailed
        },
        message: match message.trim() {
            "" => format!("the tool's server answered with error {code}"),
            text => text.to_owned(),
        },
        data: Some(Value::Object(detail)),
    }
}

/// Cuts an error's words, and drops detail that is too long.
pub(crate) fn bound_error(error: ToolError) -> ToolError {
    let mut data = error
        .data
        .filter(|data| data.to_string().len() <= MAX_DATA_BYTES);
    if let Some(data) = &mut data {
        spell_unreadable_numbers(data);
    }
    ToolError {
        kind: error.kind,
        message: shorten(&error.message, MAX_MESSAGE_BYTES),
        data,
    }
}

fn invalid(problem: &str) -> ToolError {
    ToolError::new(
        ToolErrorKind::InvalidAnswer,
        format!("the tool's answer is not what the protocol says: {problem}"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn content(blocks: Value) -> Value {
        unwrap(json!({ "content": blocks }), false).unwrap()
    }

    #[test]
    fn structured_content_wins() {
        let result =
            json!({"content": [{"type": "text", "text": "x"}], "structuredContent": {"n": 1}});
        assert_eq!(unwrap(result, true), Ok(json!({"n": 1})));
        assert_eq!(
            unwrap(json!({"structuredContent": null}), true),
            Ok(json!(null))
        );
    }

    #[test]
    fn text_is_text_unless_it_is_a_json_object_or_array() {
        for (text, value) in [
            ("plain", json!("plain")),
            ("42", json!("42")),
            ("\"quoted\"", json!("\"quoted\"")),
            (" {\"a\": [1]}\n", json!({"a": [1]})),
            ("[1, 2]", json!([1, 2])),
            ("[1, 2", json!("[1, 2")),
            ("{} trailing", json!("{} trailing")),
            ("", json!("")),
        ] {
            assert_eq!(
                content(json!([{"type": "text", "text": text}])),
                value,
                "{text}"
            );
        }
        let declared = json!({"content": [{"type": "text", "text": "[1]"}]});
        assert_eq!(unwrap(declared, true), Ok(json!("[1]")));
    }

    #[test]
    fn several_blocks_are_a_list() {
        let text = |text: &str| json!({"type": "text", "text": text});
        assert_eq!(
            content(json!([text("a"), text("{\"b\": 1}")])),
            json!(["a", {"b": 1}])
        );
        let image = json!({"type": "image", "data": "aGk=", "mimeType": "image/png"});
        assert_eq!(content(json!([image.clone()])), image);
        assert_eq!(
            content(json!([text("a"), image.clone()])),
            json!([text("a"), image])
        );
        assert_eq!(content(json!([])), json!(null));
        assert_eq!(
            content(json!([{"type": "novel", "x": 1}])),
            json!({"type": "novel", "x": 1})
        );
    }

    #[test]
    fn a_failure_carries_the_tools_own_words() {
        let error = unwrap(
            json!({"isError": true, "content": [
                {"type": "text", "text": "no such table"}, {"type": "text", "text": "at line 3"},
            ], "structuredContent": {"code": 7}}),
            true,
        )
        .unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::ToolFailed);
        assert_eq!(error.message, "no such table\nat line 3");
        assert_eq!(error.data, Some(json!({"code": 7})));
        let silent = unwrap(json!({"isError": true}), false).unwrap_err();
        assert_eq!(silent.message, "the tool failed and did not say why");
        let long =
            json!({"isError": true, "content": [{"type": "text", "text": "x".repeat(1 << 20)}]});
        let long = bound_error(unwrap(long, false).unwrap_err());
        assert!(long.message.len() <= MAX_MESSAGE_BYTES);
    }

    #[test]
    fn what_is_no_result_is_named() {
        for (result, problem) in [
            (json!([]), "not an object"),
            (json!({"content": "x"}), "not an array"),
            (json!({"content": ["x"]}), "no `type`"),
            (json!({"content": [{"type": "text"}]}), "no `text`"),
            (json!({"content": [{"type": "image"}]}), "no `data`"),
            (json!({"isError": "no"}), "not a boolean"),
            (json!({"resultType": "later"}), "resultType"),
            (json!({"resultType": 3}), "resultType"),
        ] {
            let error = unwrap(result, false).unwrap_err();
            assert_eq!(error.kind, ToolErrorKind::InvalidAnswer);
            assert!(error.message.contains(problem), "{}", error.message);
        }
        for kind in ["input_required", "task"] {
            let error = unwrap(json!({ "resultType": kind }), false).unwrap_err();
            assert_eq!(error.kind, ToolErrorKind::ToolFailed);
        }
    }

    #[test]
    fn rpc_errors_keep_their_code() {
        let error = rpc_error(-32602, "bad `path`", Some(json!(["path"])));
        assert_eq!(error.kind, ToolErrorKind::InvalidArguments);
        assert_eq!(error.message, "bad `path`");
        assert_eq!(error.data, Some(json!({"code": -32602, "data": ["path"]})));
        assert_eq!(rpc_error(-32603, "", None).kind, ToolErrorKind::ToolFailed);
    }
}
