//! What providers answer, on its way to a caller.

use serde_json::Value;
use wxmcp_catalogue::{json, shorten, spell_unreadable_numbers};
use wxmcp_run::{Held, ToolError};

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
pub struct Answer {
    /// What the script gets.
    pub value: Value,
    /// The content blocks, where they say what the value does not; else none.
    pub content: Vec<Value>,
    /// Whether the value must fit what the tool declares.
    pub must_fit: bool,
    /// Whether the value is still inside `{"result": ..}`: the answer says so, and the tool
    /// declares the object.
    pub is_wrapped: bool,
    /// Size in bytes as it arrived.
    pub bytes: u64,
    /// What is charged for it.
    pub held: Held,
}

impl Answer {
    /// The answer of a tool file: a value that must fit.
    pub fn of_file(value: Value, bytes: u64) -> Self {
        Self {
            value,
            content: Vec::new(),
            must_fit: true,
            is_wrapped: false,
            bytes,
            held: Held::default(),
        }
    }

    /// An answer of content alone: its value is one text block (the JSON object or array that it holds, if the
    /// tool declares no output schema), a list of what several text blocks would be, or anything else as the
    /// protocol has it. No content at all is `null`.
    pub fn of_content(blocks: Vec<Value>, declares_output: bool, bytes: u64) -> Self {
        Self {
            value: unwrap_blocks(blocks, declares_output),
            content: Vec::new(),
            must_fit: false,
            is_wrapped: false,
            bytes,
            held: Held::default(),
        }
    }

    /// The answer with what is charged for it.
    pub fn held(self, held: Held) -> Self {
        Self { held, ..self }
    }

    /// Whether the value says nothing, and content does.
    pub fn is_only_content(&self) -> bool {
        let is_empty = match &self.value {
            Value::Null => true,
            Value::Object(members) => members.is_empty(),
            _ => false,
        };
        self.must_fit && is_empty && !self.content.is_empty()
    }

    /// What content alone gives.
    pub fn into_content_only(self, declares_output: bool) -> Self {
        Self {
            held: self.held,
            ..Self::of_content(self.content, declares_output, self.bytes)
        }
    }

    /// The answer as the script gets it, validated against the tool's output schema.
    pub fn unwrapped(mut self) -> Self {
        if self.is_wrapped {
            self.value = take_wrapped(self.value).unwrap_or_else(|whole| whole);
            self.is_wrapped = false;
        }
        self
    }

    /// What the content blocks are, in words: `1 text, 2 images`.
    pub fn content_in_words(&self) -> String {
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

/// What is inside `{"result": ..}`, if that is all there is; else the value as it was.
fn take_wrapped(structured: Value) -> Result<Value, Value> {
    match structured {
        Value::Object(mut members) if members.len() == 1 => {
            members.remove(WRAPPED).ok_or(Value::Object(members))
        }
        other => Err(other),
    }
}

fn unwrap_blocks(blocks: Vec<Value>, declares_output: bool) -> Value {
    let all_text = !blocks.is_empty() && blocks.iter().all(|block| text_of(block).is_some());
    let mut values: Vec<Value> = if all_text {
        blocks
            .into_iter()
            .map(|block| unwrap_text(block, declares_output))
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

/// The JSON object or array that a text block holds, or its text.
fn unwrap_text(mut block: Value, declares_output: bool) -> Value {
    if let Some(text) = text_of(&block)
        && !declares_output
        && text.trim_start().starts_with(['{', '['])
        // What cannot be parsed, or not within bounds, stays text.
        && let Ok(value) = json::parse(text)
    {
        return value;
    }
    block.get_mut("text").map(Value::take).unwrap_or_default()
}

/// The text of a text block.
pub fn text_of(block: &Value) -> Option<&str> {
    if block.get("type")?.as_str()? == "text" {
        block.get("text")?.as_str()
    } else {
        None
    }
}

/// Cuts an error's words, and leaves out detail that is too long: it says so in its place.
pub fn bounded_error(error: ToolError) -> ToolError {
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

/// Bytes of an answer from which on it is not looked through on the event loop.
const LARGE: u64 = 256 << 10;

/// A part of an answer that an error is to have: in place of one that is too long, that it was left out. One that is
/// large is looked through, and dropped, by another thread.
pub(crate) async fn lightened(part: Value, bytes: u64, held: Held) -> Value {
    if bytes < LARGE {
        return part;
    }
    let looking = tokio::task::spawn_blocking(move || {
        let size = length(&part);
        let light = match size > MAX_DATA_BYTES {
            true => left_out(size),
            false => part,
        };
        drop(held);
        light
    });
    looking.await.unwrap_or_default()
}

/// How long a value is as JSON; no copy is made.
fn length(value: &Value) -> usize {
    struct Counter(usize);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // Writing to it does not fail.
    let _counted = serde_json::to_writer(&mut counter, value);
    counter.0
}

fn bound_data(data: Value) -> Value {
    let size = length(&data);
    let mut left = MAX_DATA_BYTES;
    match data {
        data if size <= MAX_DATA_BYTES => data,
        // Small members, such as a code, stay.
        Value::Object(members) if members.len() <= MAX_DATA_MEMBERS => members
            .into_iter()
            .map(|(name, member)| {
                let size = name.len().saturating_add(length(&member));
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

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};
    use wxmcp_run::ToolErrorKind;

    use super::*;

    #[test]
    fn long_words_are_cut() {
        let error = ToolError::new(ToolErrorKind::ToolFailed, "x".repeat(1 << 20));
        assert!(bounded_error(error).message.len() <= MAX_MESSAGE_BYTES);
    }

    #[test]
    fn detail_that_is_too_long_is_left_out_in_words() {
        let long = "x".repeat(MAX_DATA_BYTES);
        let bounded = |data: Value| {
            let error = ToolError {
                data: Some(data),
                ..ToolError::new(ToolErrorKind::ToolFailed, "no")
            };
            bounded_error(error).data.unwrap()
        };
        let fits = json!({"code": 7, "answer": "x"});
        assert_eq!(bounded(fits.clone()), fits);
        let words = "left out: 262146 bytes, and an error carries at most 262144";
        assert_eq!(bounded(json!(long)), words);
        let members = bounded(json!({"code": 7, "answer": long, "more": [1]}));
        let words = "left out: 262152 bytes, and an error carries at most 262144";
        assert_eq!(members, json!({"code": 7, "answer": words, "more": [1]}));
        let many: Map<String, Value> = (0..200)
            .map(|n| (format!("{n}{}", "k".repeat(10_000)), json!(1)))
            .collect();
        assert!(bounded(Value::Object(many)).is_string());
    }
}
