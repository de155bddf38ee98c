//! What hosts of tools answer, as JSON and back.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use wxmcp_run::{
    Detail, Held, Ledger, NamespaceListing, Note, ToolAnswer, ToolDescription, ToolError,
    ToolErrorKind, ToolHit, ToolListing, Written,
};

use crate::event::Answer;

/// An answer, as the event that it is.
pub(crate) fn answer<T>(result: &Result<T, ToolError>, write: impl FnOnce(&T) -> Value) -> Answer {
    match result {
        Ok(answer) => Answer::Ok(write(answer).to_string()),
        Err(error) => Answer::Err(serde_json::to_value(error).unwrap_or_default().to_string()),
    }
}

/// An answer that was recorded.
pub(crate) fn read<T>(
    answer: &Answer,
    read: impl FnOnce(Value) -> Option<T>,
) -> Result<T, ToolError> {
    match answer {
        Answer::Ok(json) => {
            let value = serde_json::from_str(json).ok().and_then(read);
            value.ok_or_else(|| unreadable("answer"))
        }
        Answer::Err(json) => {
            Err(serde_json::from_str(json).unwrap_or_else(|_| unreadable("error")))
        }
    }
}

fn unreadable(what: &str) -> ToolError {
    let message = format!("the {what} in the recording is of another kind than the question");
    ToolError::new(ToolErrorKind::InvalidAnswer, message)
}

/// A tool's answer: `{"value", "content"?, "notes"?: [[about, text], ..], "bytes"}`.
pub(crate) fn of_call(answer: &ToolAnswer) -> Value {
    let mut written = Map::new();
    written.insert("value".to_owned(), answer.value.clone());
    written.insert("bytes".to_owned(), answer.bytes.into());
    if let Some(content) = &answer.content {
        written.insert("content".to_owned(), content.clone());
    }
    if !answer.notes.is_empty() {
        let notes = answer.notes.iter();
        let notes = notes.map(|note| json!([note.about, note.text])).collect();
        written.insert("notes".to_owned(), notes);
    }
    Value::Object(written)
}

pub(crate) fn to_call(value: Value) -> Option<ToolAnswer> {
    let mut written = object(value)?;
    let notes = written.remove("notes").unwrap_or_default();
    let note = |note: &Value| {
        Some(Note {
            about: note.get(0)?.as_str()?.to_owned(),
            text: note.get(1)?.as_str()?.to_owned(),
        })
    };
    Some(ToolAnswer {
        bytes: written.get("bytes")?.as_u64()?,
        value: written.remove("value")?,
        content: written.remove("content"),
        notes: notes
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(note)
            .collect(),
        held: Held::default(),
    })
}

/// A listing, as `wit/guest.wit` has it.
pub(crate) fn of_listing(listing: &NamespaceListing) -> Value {
    serde_json::to_value(listing).unwrap_or_default()
}

pub(crate) fn to_listing(value: Value) -> Option<NamespaceListing> {
    let mut written = object(value)?;
    let tool = |tool: &Value| {
        let parameters = tool.get("parameters")?.as_array()?.iter();
        Some(ToolListing {
            name: text(tool, "name")?,
            attribute: text(tool, "attribute")?,
            parameters: parameters
                .map(|name| name.as_str().map(str::to_owned))
                .collect::<Option<_>>()?,
            object_first: tool.get("object-first").is_some_and(|it| it == true),
            description: text(tool, "description")?,
        })
    };
    let tools = written.remove("tools")?;
    Some(NamespaceListing {
        name: written.get("name")?.as_str()?.to_owned(),
        tools: tools.as_array()?.iter().map(tool).collect::<Option<_>>()?,
        held: Held::default(),
    })
}

/// What is known of the tools of a namespace.
pub(crate) fn of_known(known: &Option<Vec<[String; 2]>>) -> Value {
    json!(known)
}

pub(crate) fn to_known(value: Value) -> Option<Option<Vec<[String; 2]>>> {
    serde_json::from_value(value).ok()
}

/// Hits, as `wit/guest.wit` has them.
pub(crate) fn of_hits(hits: &Vec<ToolHit>) -> Value {
    serde_json::to_value(hits).unwrap_or_default()
}

pub(crate) fn to_hits(value: Value, detail: Detail) -> Option<Vec<ToolHit>> {
    let hit = |hit: &Value| {
        Some(match detail {
            Detail::Names => ToolHit::Name {
                name: text(hit, "name")?,
            },
            Detail::Brief => ToolHit::Brief {
                name: text(hit, "name")?,
                description: text(hit, "description")?,
            },
            Detail::Full => ToolHit::Full(to_description(hit)?),
        })
    };
    value.as_array()?.iter().map(hit).collect()
}

/// Descriptions, as `wit/guest.wit` has them.
pub(crate) fn of_descriptions(tools: &Vec<ToolDescription>) -> Value {
    serde_json::to_value(tools).unwrap_or_default()
}

pub(crate) fn to_descriptions(value: Value) -> Option<Vec<ToolDescription>> {
    value.as_array()?.iter().map(to_description).collect()
}

fn to_description(tool: &Value) -> Option<ToolDescription> {
    Some(ToolDescription {
        name: text(tool, "name")?,
        description: text(tool, "description")?,
        signature: text(tool, "signature")?,
        input: Arc::new(tool.get("input")?.clone()),
        output: tool.get("output").cloned().map(Arc::new),
        held: Held::default(),
    })
}

/// What a capability answered, which is JSON already; null, which a replay refuses, where it is no text.
pub(crate) fn of_capability(written: &Written) -> Value {
    std::str::from_utf8(&written.json).map_or(Value::Null, Value::from)
}

pub(crate) fn to_capability(value: Value, ledger: &Ledger) -> Option<Written> {
    let json = value.as_str()?.as_bytes().to_vec();
    Written::charged(json, ledger).ok()
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key)?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_what_they_were() {
        let mut call = ToolAnswer::new(json!({"n": 9_007_199_254_740_993_u64}), 7);
        assert_eq!(to_call(of_call(&call)), Some(call.clone()));
        call.content = Some(json!([{"type": "text", "text": "x"}]));
        call.notes.push(Note {
            about: "github".to_owned(),
            text: "is slow".to_owned(),
        });
        assert_eq!(to_call(of_call(&call)), Some(call));
        let listing = NamespaceListing {
            name: "a".to_owned(),
            tools: vec![ToolListing {
                name: "b-c".to_owned(),
                attribute: "b_c".to_owned(),
                parameters: vec!["d".to_owned()],
                object_first: true,
                description: "Does it.".to_owned(),
            }],
            held: Held::default(),
        };
        assert_eq!(to_listing(of_listing(&listing)), Some(listing));
        let tool = ToolDescription {
            name: "a.b".to_owned(),
            description: "c".to_owned(),
            signature: "b()".to_owned(),
            input: Arc::new(json!({"type": "object"})),
            output: Some(Arc::new(json!(true))),
            held: Held::default(),
        };
        let tools = vec![tool.clone()];
        assert_eq!(to_descriptions(of_descriptions(&tools)), Some(tools));
        for (detail, hit) in [
            (
                Detail::Names,
                ToolHit::Name {
                    name: "a.b".to_owned(),
                },
            ),
            (
                Detail::Brief,
                ToolHit::Brief {
                    name: "a.b".to_owned(),
                    description: "c".to_owned(),
                },
            ),
            (Detail::Full, ToolHit::Full(tool)),
        ] {
            let hits = vec![hit];
            assert_eq!(to_hits(of_hits(&hits), detail), Some(hits));
        }
    }

    #[test]
    fn errors_are_what_they_were_and_nonsense_is_named() {
        let error = ToolError {
            kind: ToolErrorKind::ToolFailed,
            message: "no".to_owned(),
            data: Some(json!({"code": 1})),
        };
        let failed = answer(&Err(error.clone()), of_call);
        assert_eq!(read(&failed, to_call), Err(error));
        let nonsense = read(&Answer::Ok("[1]".to_owned()), to_call);
        assert_eq!(nonsense.unwrap_err().kind, ToolErrorKind::InvalidAnswer);
    }
}
