//! From a `tools/call` result to the value that a script gets.

mod same;

use serde_json::{Map, Value};
use wxmcp_catalogue::{Tool, shorten, spell_unreadable_numbers};
use wxmcp_run::{ToolError, ToolErrorKind};

use crate::json;

/// Longest error text that is passed on, in bytes.
const MAX_MESSAGE_BYTES: usize = 16 * 1024;

/// Longest error detail that is passed on, in bytes of JSON.
const MAX_DATA_BYTES: usize = 256 * 1024;

/// Members of such detail that are looked at one by one, and the longest name of one that is left
/// out, in bytes.
const MAX_DATA_MEMBERS: usize = 100;
const MAX_NAME_BYTES: usize = 100;

/// The member in which FastMCP wraps what is not an object.
const WRAPPED: &str = "result";

/// What a tool returned, before it is validated against the tool's output schema.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    /// What the script gets.
    pub(crate) value: Value,
    /// The content blocks, where they say what the value does not; else none.
    pub(crate) content: Vec<Value>,
    /// Whether the value must fit what the tool declares.
    pub(crate) must_fit: bool,
    /// Whether the value is still inside `{"result": ..}`: the answer says so, and the tool
    /// declares the object.
    is_wrapped: bool,
    /// Size in bytes as it arrived.
    pub(crate) bytes: u64,
}

impl Answer {
    /// The answer of a tool file: a value that must fit.
    pub(crate) fn of_file(value: Value, bytes: u64) -> Self {
        Self {
            value,
            content: Vec::new(),
            must_fit: true,
            is_wrapped: false,
            bytes,
        }
    }

    /// Whether the value says nothing, and content does.
    pub(crate) fn is_only_content(&self) -> bool {
        let is_empty = match &self.value {
            Value::Null => true,
            Value::Object(members) => members.is_empty(),
            _ => false,
        };
        self.must_fit && is_empty && !self.content.is_empty()
    }

    /// What content alone gives.
    pub(crate) fn into_content_only(self, declares_output: bool) -> Self {
        Self {
            value: unwrap_blocks(self.content, declares_output),
            content: Vec::new(),
            must_fit: false,
            is_wrapped: false,
            bytes: self.bytes,
        }
    }

    /// The answer as the script gets it, validated against the tool's output schema.
    pub(crate) fn unwrapped(mut self) -> Self {
        if self.is_wrapped {
            self.value = take_wrapped(self.value).unwrap_or_else(|whole| whole);
            self.is_wrapped = false;
        }
        self
    }

    /// What the content blocks are, in words: `1 text, 2 images`.
    pub(crate) fn content_in_words(&self) -> String {
        let count = |kinds: &[&str]| {
            self.content
                .iter()
                .filter(|block| {
                    let kind = block.get("type").and_then(Value::as_str);
                    kind.is_some_and(|kind| kinds.contains(&kind))
                })
                .count()
        };
        let known = [
            ("text", "texts", count(&["text"])),
            ("image", "images", count(&["image"])),
            ("sound", "sounds", count(&["audio"])),
            (
                "resource",
                "resources",
                count(&["resource", "resource_link"]),
            ),
        ];
        let counted: usize = known.iter().map(|(_, _, count)| count).sum();
        let others = self.content.len().saturating_sub(counted);
        let words: Vec<String> = known
            .into_iter()
            .chain([("other block", "other blocks", others)])
            .filter(|(_, _, count)| *count > 0)
            .map(|(one, many, count)| format!("{count} {}", if count == 1 { one } else { many }))
            .collect();
        words.join(", ")
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
pub(crate) fn unwrap(result: Value, bytes: u64, tool: &Tool) -> Result<Answer, ToolError> {
    let Value::Object(mut result) = result else {
        return Err(invalid("the result is not an object", result));
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
        Some(_) => return Err(invalid("the result has an unknown `resultType`", result)),
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
        return Err(failure(&blocks, structured));
    }
    let declares_output = tool.output_schema().is_some();
    let Some(structured) = structured else {
        return Ok(Answer {
            value: unwrap_blocks(blocks, declares_output),
            content: Vec::new(),
            must_fit: false,
            is_wrapped: false,
            bytes,
        });
    };
    let is_marked = tool.wraps_result() || is_marked_as_wrapped(&result);
    let is_wrapped = is_marked && wrapped(&structured).is_some();
    let content = if adds_to(&blocks, &structured) {
        blocks
    } else {
        Vec::new()
    };
    // A schema without the mark is one of the object.
    let is_declared_whole = declares_output && !tool.wraps_result();
    let answer = Answer {
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

/// The same, taken out; else the value as it was.
fn take_wrapped(structured: Value) -> Result<Value, Value> {
    match structured {
        Value::Object(mut members) if members.len() == 1 => {
            members.remove(WRAPPED).ok_or(Value::Object(members))
        }
        other => Err(other),
    }
}

/// Whether content says what structured content does not.
fn adds_to(blocks: &[Value], structured: &Value) -> bool {
    let texts: Option<Vec<&str>> = blocks.iter().map(text_of).collect();
    texts.is_none_or(|texts| !same::repeats(&texts, structured))
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

/// Cuts an error's words, and leaves out detail that is too long: it says so in its place.
pub(crate) fn bound_error(error: ToolError) -> ToolError {
    let mut data = error.data.map(bound_data);
    if let Some(data) = &mut data {
        spell_unreadable_numbers(data);
    }
    ToolError {
        kind: error.kind,
        message: shorten(&error.message, MAX_MESSAGE_BYTES),
        data,
    }
}

fn bound_data(data: Value) -> Value {
    let size = data.to_string().len();
    let mut left = MAX_DATA_BYTES;
    match data {
        data if size <= MAX_DATA_BYTES => data,
        // Small members, such as a code, stay.
        Value::Object(members) if members.len() <= MAX_DATA_MEMBERS => members
            .into_iter()
            .map(|(name, member)| {
                let size = name.len().saturating_add(member.to_string().len());
                match left.checked_sub(size) {
                    Some(rest) => {
                        left = rest;
                        (name, member)
                    }
                    None => (shorten(&name, MAX_NAME_BYTES), left_out(size)),
                }
            })
            .collect(),
        _ => left_out(size),
    }
}

fn left_out(size: usize) -> Value {
    Value::from(format!(
        "left out: {size} bytes, and an error carries at most {MAX_DATA_BYTES}"
    ))
}

/// An answer that the protocol does not know; the script finds it in `data`.
fn invalid(problem: &str, answer: impl Into<Value>) -> ToolError {
    ToolError {
        kind: ToolErrorKind::InvalidAnswer,
        message: format!("the tool's answer is not what the protocol says: {problem}"),
        data: Some(serde_json::json!({ "answer": answer.into() })),
    }
}

#[cfg(test)]
mod tests;
