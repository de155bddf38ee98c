//! What the broker and the descriptions need to know of a JSON Schema.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::text::is_unseen;

/// Largest schema that is kept, in bytes of JSON.
pub const MAX_SCHEMA_BYTES: usize = 256 * 1024;

/// Deepest schema that is kept, in nested objects and arrays.
pub const MAX_SCHEMA_DEPTH: usize = 64;

/// Parameters that are named at all; a tool may still take more.
const MAX_PARAMETERS: usize = 256;

/// Longest parameter name, in bytes.
const MAX_PARAMETER_BYTES: usize = 128;

/// How deep parameters of parameters are described for the search.
const MAX_PROSE_DEPTH: usize = 6;

/// Names of a tool's parameters: required ones first, each group in the order
/// in which the schema declares it. Hostile names are left out.
pub fn parameters(input_schema: &Value) -> Vec<String> {
    let declared = properties(input_schema);
    let (required, optional): (Vec<_>, Vec<_>) = declared
        .into_iter()
        .partition(|parameter| parameter.required);
    required
        .into_iter()
        .chain(optional)
        .map(|parameter| parameter.name.to_owned())
        .collect()
}

/// What a schema says of its parameters, and of theirs, in prose; at most so many bytes (and
/// one description more).
pub(crate) fn parameter_prose(input_schema: &Value, most: usize) -> String {
    let mut prose = String::new();
    let mut open = vec![(input_schema, 0_usize)];
    while let Some((schema, depth)) = open.pop() {
        if let Some(said) = schema.get("description").and_then(Value::as_str)
            && depth > 0
        {
            prose.push_str(said);
            prose.push('\n');
        }
        if depth >= MAX_PROSE_DEPTH || prose.len() >= most {
            continue;
        }
        let below = depth.saturating_add(1);
        let declared = properties(schema).into_iter().rev();
        open.extend(declared.map(|parameter| (parameter.schema, below)));
        open.extend(schema.get("items").map(|items| (items, below)));
        for choice in ["anyOf", "oneOf", "allOf"] {
            let choices = schema.get(choice).and_then(Value::as_array);
            open.extend(choices.into_iter().flatten().map(|choice| (choice, below)));
        }
    }
    prose
}

/// One parameter as its schema declares it.
pub(crate) struct Parameter<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// The schema of its value.
    pub(crate) schema: &'a Value,
    /// Whether a call must have it.
    pub(crate) required: bool,
}

/// The properties of an object schema, in declared order and bounded.
pub(crate) fn properties(schema: &Value) -> Vec<Parameter<'_>> {
    let Some(declared) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    let required = required(schema);
    declared
        .iter()
        .filter(|(name, _)| is_showable(name))
        .take(MAX_PARAMETERS)
        .map(|(name, schema)| Parameter {
            name,
            schema,
            required: required.contains(name.as_str()),
        })
        .collect()
}

/// The names that a schema requires.
pub(crate) fn required(schema: &Value) -> HashSet<&str> {
    let names = schema.get("required").and_then(Value::as_array);
    names
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn is_showable(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_PARAMETER_BYTES && !name.chars().any(is_unseen)
}

/// Whether a value is nested no deeper than `depth`.
pub(crate) fn is_within_depth(value: &Value, depth: usize) -> bool {
    let Some(below) = depth.checked_sub(1) else {
        return !matches!(value, Value::Array(_) | Value::Object(_));
    };
    match value {
        Value::Array(items) => items.iter().all(|item| is_within_depth(item, below)),
        Value::Object(members) => members.values().all(|item| is_within_depth(item, below)),
        _ => true,
    }
}

/// The target of a `$ref` inside the same document.
pub(crate) fn follow<'a>(root: &'a Value, object: &Map<String, Value>) -> Option<&'a Value> {
    let pointer = object.get("$ref")?.as_str()?.strip_prefix('#')?;
    root.pointer(pointer)
}

/// Whether a list of types has all that JSON has.
pub(crate) fn is_everything(names: &[Value]) -> bool {
    ["null", "boolean", "number", "string", "array", "object"]
        .iter()
        .all(|name| names.iter().any(|listed| listed == name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn required_parameters_come_first_in_declared_order() {
        let schema = json!({
            "type": "object",
            "properties": {"z": {}, "limit": {}, "a": {}, "": {}, "x\u{202E}": {}},
            "required": ["a", "z", "absent", 3],
        });
        assert_eq!(parameters(&schema), ["z", "a", "limit"]);
    }

    #[test]
    fn prose_of_parameters_is_found_at_every_depth_that_counts() {
        let schema = json!({
            "description": "not of a parameter",
            "properties": {
                "a": {"description": "one", "type": "array", "items": {"properties": {"b": {"description": "two"}}}},
                "c": {"anyOf": [{"description": "three"}, {"type": "null"}]},
            },
        });
        assert_eq!(parameter_prose(&schema, 100), "one\ntwo\nthree\n");
        assert_eq!(parameter_prose(&schema, 1), "one\n");
        assert_eq!(parameter_prose(&json!(true), 100), "");
    }

    #[test]
    fn nonsense_declares_no_parameters() {
        for schema in [json!(null), json!([]), json!({"properties": 3}), json!("x")] {
            assert!(parameters(&schema).is_empty());
        }
    }

    #[test]
    fn depth_is_measured() {
        assert!(is_within_depth(&json!({"a": [1]}), 2));
        assert!(!is_within_depth(&json!({"a": [[1]]}), 2));
        assert!(is_within_depth(&json!(1), 0));
    }
}
