//! Tools to hold against the contract: generated, as servers write them, and real ones.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value as Json, json};

use super::choices::Choices;
use super::round_trip::document;
use super::tool;
use crate::names::Identifiers;
use crate::tool::Tool;

/// A namespace with its tools, none of them twice.
pub(super) type Space = (String, Vec<Tool>);

/// Each tool with its identifier.
pub(super) fn identified(tools: &[Tool]) -> Vec<(String, Tool)> {
    let identifiers = Identifiers::assign(tools.iter().map(Tool::name));
    tools
        .iter()
        .map(|tool| {
            let identifier = identifiers.identifier(tool.name()).unwrap();
            (identifier.to_owned(), tool.clone())
        })
        .collect()
}

/// Some tools with any schemas.
pub(super) fn generated(choices: &mut Choices) -> Space {
    let names = [
        "get", "get-all", "get_all", "list", "readFile", "2fa", "日本",
    ];
    let tools = names
        .iter()
        .take(1 + choices.below(names.len()))
        .map(|name| tool(name, "", document(choices), Some(document(choices))))
        .collect();
    ("space".to_owned(), tools)
}

/// Schemas as the libraries write them by which most servers are made.
#[expect(clippy::too_many_lines, reason = "one table of cases")]
pub(super) fn written() -> Space {
    let zod = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "Which file."},
            "edits": {"type": "array", "items": {
                "type": "object",
                "properties": {"oldText": {"type": "string"}, "newText": {"type": "string"}},
                "required": ["oldText", "newText"],
                "additionalProperties": false,
            }},
            "dryRun": {"type": "boolean", "default": false},
            "head": {"type": "number"},
            "sortBy": {"type": "string", "enum": ["name", "size"], "default": "name"},
        },
        "required": ["path", "edits"],
        "additionalProperties": false,
    });
    let pydantic = json!({
        "$defs": {"Filter": {
            "title": "Filter",
            "type": "object",
            "properties": {
                "field": {"title": "Field", "type": "string"},
                "op": {"enum": ["eq", "lt", "gt"], "title": "Op", "type": "string"},
                "value": {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]},
            },
            "required": ["field", "op", "value"],
        }},
        "title": "searchArguments",
        "type": "object",
        "properties": {
            "query": {"title": "Query", "type": "string"},
            "filters": {"items": {"$ref": "#/$defs/Filter"}, "type": "array"},
            "limit": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": null},
            "labels": {"additionalProperties": {"type": "string"}, "type": "object"},
        },
        "required": ["query", "filters"],
    });
    let go = json!({
        "type": "object",
        "properties": {
            "owner": {"type": "string"},
            "issue_number": {"type": "integer", "minimum": 1},
            "state": {"type": ["string", "null"], "enum": ["open", "closed", null]},
            "assignee": {
                "type": ["object", "null"],
                "properties": {"login": {"type": "string"}, "admin": {"type": "boolean"}},
                "required": ["login"],
            },
            "permissions": {
                "type": "object",
                "properties": {"pull": {"type": "boolean"}, "push": {"type": "boolean"}},
                "required": ["pull", "push"],
                "additionalProperties": false,
            },
            "point": {
                "type": "array",
                "prefixItems": [{"type": "number"}, {"type": "number"}],
                "minItems": 2,
                "maxItems": 2,
            },
        },
        "required": ["owner", "issue_number", "state", "assignee"],
    });
    let shapes = json!({
        "type": "object",
        "properties": {"shape": {"oneOf": [
            {
                "type": "object",
                "properties": {"kind": {"const": "circle"}, "r": {"type": "number"}},
                "required": ["kind", "r"],
            },
            {
                "type": "object",
                "properties": {"kind": {"const": "square"}, "a": {"type": "number"}},
                "required": ["kind", "a"],
            },
        ]}},
        "required": ["shape"],
    });
    let either = json!({
        "type": "object",
        "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
        "anyOf": [{"required": ["id"]}, {"required": ["name"]}],
    });
    let tools = [
        ("find", either, None),
        ("edit_file", zod.clone(), Some(zod)),
        ("search", pydantic.clone(), Some(pydantic)),
        ("update_issue", go.clone(), Some(go)),
        ("draw-shape", shapes.clone(), Some(shapes)),
        ("ping", json!({"type": "object", "properties": {}}), None),
        ("anything", json!({"type": "object"}), None),
    ];
    let tools = tools
        .into_iter()
        .map(|(name, input, output)| tool(name, "Does.", input, output));
    ("servers".to_owned(), tools.collect())
}

/// The tools of real servers, as the bench of the search lists them. What they say is theirs:
/// it is never committed.
pub(super) fn real() -> Vec<Space> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bench-servers/tools.json");
    let listed: Json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut spaces: BTreeMap<String, BTreeMap<String, Tool>> = BTreeMap::new();
    for listed in listed["tools"].as_array().unwrap() {
        let (space, name) = listed["name"].as_str().unwrap().split_once('.').unwrap();
        let output = listed.get("output").filter(|it| !it.is_null());
        let tool = tool(
            name,
            listed["description"].as_str().unwrap_or_default(),
            listed["input"].clone(),
            output.cloned(),
        );
        spaces
            .entry(space.to_owned())
            .or_default()
            .insert(name.to_owned(), tool);
    }
    spaces
        .into_iter()
        .map(|(space, tools)| (space, tools.into_values().collect()))
        .collect()
}
