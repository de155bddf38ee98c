//! Tools as JSON: their schemas, and the arrays that model providers take.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{StubFile, ToolSet, file_stem};
use crate::digest::name_hex;
use crate::tool::Tool;

/// Longest name of a tool that every provider takes, in bytes.
const MAX_PROVIDER_NAME: usize = 64;

/// Digits of a name's SHA-256 that tell it from others.
const NAME_DIGITS: usize = 16;

/// Anthropic's tool that runs the code from which these tools may be called.
const CODE_EXECUTION: &str = "code_execution_20260521";

/// A file a namespace, `NAME.json`: of each tool its name, identifier, description, and
/// the JSON Schemas of its arguments and, where it is declared, of its answer.
pub fn json_schema(sets: &[ToolSet]) -> Vec<StubFile> {
    sets.iter()
        .map(|set| {
            let tools: Vec<Value> = set
                .tools
                .iter()
                .map(|(attribute, tool)| {
                    let mut told = json!({
                        "name": tool.name(),
                        "attribute": attribute,
                        "description": tool.description(),
                        "input": tool.input_schema(),
                    });
                    put(&mut told, "output", tool.output_schema());
                    told
                })
                .collect();
            StubFile {
                path: format!("{}.json", file_stem(&set.namespace)),
                text: pretty(&json!({"namespace": set.namespace, "tools": tools})),
            }
        })
        .collect()
}

/// `anthropic.json`: the `tools` of a request to Anthropic's Messages API, callable from
/// code execution and loaded when they are searched for.
pub fn anthropic(sets: &[ToolSet]) -> Vec<StubFile> {
    let tools = named(sets)
        .map(|(name, tool)| {
            json!({
                "name": name,
                "description": tool.description(),
                "input_schema": object_schema(tool.input_schema()),
                "allowed_callers": [CODE_EXECUTION],
                "defer_loading": true,
            })
        })
        .collect();
    one_file("anthropic.json", tools)
}

/// `openai.json`: the `tools` of a request to OpenAI's Responses API, callable from
/// programs and loaded when they are searched for.
pub fn openai(sets: &[ToolSet]) -> Vec<StubFile> {
    let tools = named(sets)
        .map(|(name, tool)| {
            let mut told = json!({
                "type": "function",
                "name": name,
                "description": tool.description(),
                "parameters": object_schema(tool.input_schema()),
                // Schemas stay as their owners wrote them; strict ones must be of a subset.
                "strict": false,
                "defer_loading": true,
                "allowed_callers": ["programmatic"],
            });
            put(&mut told, "output_schema", tool.output_schema());
            told
        })
        .collect();
    one_file("openai.json", tools)
}

fn one_file(path: &str, tools: Vec<Value>) -> Vec<StubFile> {
    vec![StubFile {
        path: path.to_owned(),
        text: pretty(&Value::from(tools)),
    }]
}

fn put(told: &mut Value, key: &str, schema: Option<&Value>) {
    if let (Some(told), Some(schema)) = (told.as_object_mut(), schema) {
        told.insert(key.to_owned(), schema.clone());
    }
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

/// Providers want an object's schema at the top.
fn object_schema(schema: &Value) -> Value {
    let mut object = match schema {
        Value::Object(object) => object.clone(),
        _ => Map::new(),
    };
    object
        .entry("type")
        .or_insert_with(|| Value::from("object"));
    Value::from(object)
}

/// Each tool with a name of ASCII letters, digits, `_` and `-` that no other tool has:
/// `namespace__tool`. A name that is too long, or that two ask for, ends in digits of the
/// full name's SHA-256.
fn named(sets: &[ToolSet]) -> impl Iterator<Item = (String, &Tool)> {
    let wanted = |set: &ToolSet, attribute: &str| format!("{}__{attribute}", set.namespace);
    let mut asked: BTreeMap<String, usize> = BTreeMap::new();
    for set in sets {
        for (attribute, _) in &set.tools {
            let times = asked.entry(wanted(set, attribute)).or_default();
            *times = times.saturating_add(1);
        }
    }
    sets.iter().flat_map(move |set| {
        let names: Vec<(String, &Tool)> = set
            .tools
            .iter()
            .map(|(attribute, tool)| {
                let name = wanted(set, attribute);
                let is_plain = name
                    .bytes()
                    .all(|b| b == b'_' || b == b'-' || b.is_ascii_alphanumeric());
                let is_alone = asked.get(&name) == Some(&1);
                if is_plain && is_alone && name.len() <= MAX_PROVIDER_NAME {
                    return (name, tool);
                }
                let stem: String = name
                    .chars()
                    .filter(|c| *c == '_' || c.is_ascii_alphanumeric())
                    .take(MAX_PROVIDER_NAME.saturating_sub(NAME_DIGITS + 1))
                    .collect();
                let full = name_hex(&format!("{}.{}", set.namespace, tool.name()));
                let digits: String = full.chars().take(NAME_DIGITS).collect();
                (format!("{stem}_{digits}"), tool)
            })
            .collect();
        names
    })
}
