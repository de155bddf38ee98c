//! From a `tools/call` result to the value that a script gets.

mod same;

use serde_json::{Map, Value};
use wxmcp_broker::{Answer, text_of};
use wxmcp_catalogue::Tool;
use wxmcp_policy::Redactor;
use wxmcp_run::{Ledger, ToolError, ToolErrorKind, parsed_size, size_of};

use crate::stdio::Received;

/// The member in which FastMCP wraps what is not an object.
const WRAPPED: &str = "result";

/// What a tool declares of its answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Declared {
    /// Whether it has an output schema.
    output: bool,
    wraps_result: bool,
}

impl From<&Tool> for Declared {
    fn from(tool: &Tool) -> Self {
        Self {
            output: tool.output_schema().is_some(),
            wraps_result: tool.wraps_result(),
        }
    }
}

/// The answer with the names of secrets in place of those that the server sends back.
pub(crate) fn without_secrets(answer: Answer, redactor: &Redactor) -> Answer {
    let content = answer.content.into_iter();
    Answer {
        value: redactor.redact_value(answer.value),
        content: content.map(|block| redactor.redact_value(block)).collect(),
        ..answer
    }
}

/// Unwraps a result:
///
/// 1. structured content, if there is any; content that says more stays beside it. What
///    FastMCP wrapped in `{"result": ..}`, and marked so, is taken out;
/// 2. one text block: the JSON object or array that it holds, if the tool
///    declares no output schema; else the text;
/// 3. several text blocks: a list of what each alone would be;
/// 4. anything else: the list of content blocks as the protocol has them, or
///    the one block there is. No content at all is `null`.
///
/// # Errors
///
/// `isError` results, with the tool's own words; requests for input, which
/// nothing can answer yet; and what is no result, which is then in `data`.
///
/// JSON inside of texts is charged to the ledger before it is read.
#[expect(
    clippy::too_many_lines,
    reason = "one part of a result after the other"
)]
pub(crate) fn unwrap(
    received: Received,
    declared: Declared,
    ledger: &Ledger,
) -> Result<Answer, ToolError> {
    let Received {
        value: result,
        bytes,
        mut held,
    } = received;
    let Value::Object(mut result) = result else {
        return Err(invalid("the result is not an object", result));
    };
    match result.get("resultType").map(Value::as_str) {
        None | Some(Some("complete")) => {}
        Some(kind) => {
            return Err(match kind.and_then(not_possible_yet) {
                Some(why) => ToolError::new(ToolErrorKind::ToolFailed, why),
                None => invalid("the result has an unknown `resultType`", result),
            });
        }
    }
    if let Some(problem) = problem_of_result(&result) {
        return Err(invalid(problem, result));
    }
    let structured = result.remove("structuredContent");
    let blocks = match result.remove("content") {
        Some(Value::Array(blocks)) => blocks,
        _ => Vec::new(),
    };
    if result.get("isError") == Some(&Value::Bool(true)) {
        // Its words and what goes with them are copied.
        let copies = blocks.iter().map(size_of).fold(0, u64::saturating_add);
        let _copies = ledger.charge(copies)?;
        return Err(failure(&blocks, structured));
    }
    let declares_output = declared.output;
    let Some(structured) = structured else {
        if !declares_output {
            held.add(ledger.charge(inside_of(&blocks))?);
        }
        return Ok(Answer::of_content(blocks, declares_output, bytes).held(held));
    };
    let is_marked = declared.wraps_result || is_marked_as_wrapped(&result);
    let is_wrapped = is_marked && wrapped(&structured).is_some();
    let content = if adds_to(&blocks, &structured) {
        blocks
    } else {
        Vec::new()
    };
    if !declares_output && !content.is_empty() {
        held.add(ledger.charge(inside_of(&content))?);
    }
    // A schema without the mark is one of the object.
    let is_declared_whole = declares_output && !declared.wraps_result;
    let answer = Answer {
        held,
        value: structured,
        content,
        must_fit: true,
        is_wrapped,
        bytes,
    };
    Ok(if is_declared_whole {
        answer
    } else {
        answer.unwrapped()
    })
}

/// Why a result of this type cannot be an answer.
fn not_possible_yet(kind: &str) -> Option<&'static str> {
    match kind {
        "input_required" => {
            Some("the tool asked for input from a person, which wxmcp cannot give yet")
        }
        "task" => Some("the tool answered with a background task, which wxmcp cannot follow yet"),
        _ => None,
    }
}

/// What the JSON inside of texts takes once it is read.
fn inside_of(blocks: &[Value]) -> u64 {
    let texts = blocks.iter().filter_map(text_of);
    let json = texts.filter(|text| text.trim_start().starts_with(['{', '[']));
    json.map(|text| parsed_size(text.as_bytes()))
        .fold(0, u64::saturating_add)
}

/// What keeps an object from being a result.
fn problem_of_result(result: &Map<String, Value>) -> Option<&'static str> {
    if !matches!(
        result.get("isError"),
        None | Some(Value::Null | Value::Bool(_))
    ) {
        return Some("`isError` is not a boolean");
    }
    match result.get("content") {
        None | Some(Value::Null) => None,
        Some(Value::Array(blocks)) => blocks.iter().find_map(problem_of),
        Some(_) => Some("`content` is not an array"),
    }
}

/// Whether the result itself says that its structured content is wrapped.
fn is_marked_as_wrapped(result: &Map<String, Value>) -> bool {
    result
        .get("_meta")
        .and_then(|meta| meta.get("fastmcp")?.get("wrap_result"))
        == Some(&Value::Bool(true))
}

/// What is inside `{"result": ..}`, if that is all there is.
fn wrapped(structured: &Value) -> Option<&Value> {
    let members = structured.as_object()?;
    members.get(WRAPPED).filter(|_| members.len() == 1)
}

/// Whether content says what structured content does not.
fn adds_to(blocks: &[Value], structured: &Value) -> bool {
    let texts: Option<Vec<&str>> = blocks.iter().map(text_of).collect();
    texts.is_none_or(|texts| !same::repeats(&texts, structured))
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
    let has_others = texts.len() < blocks.len();
    ToolError {
        kind: ToolErrorKind::ToolFailed,
        message,
        // An image of what went wrong, say.
        data: structured.or_else(|| has_others.then(|| serde_json::json!({ "content": blocks }))),
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

/// An answer that the protocol does not know; the script finds it in `data`.
fn invalid(problem: &str, answer: impl Into<Value>) -> ToolError {
    // Moved: `json!` would copy it.
    let data = Map::from_iter([("answer".to_owned(), answer.into())]);
    ToolError {
        kind: ToolErrorKind::InvalidAnswer,
        message: format!("the tool's answer is not what the protocol says: {problem}"),
        data: Some(Value::Object(data)),
    }
}

#[cfg(test)]
mod tests;
