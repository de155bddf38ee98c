//! Values against JSON Schema, 2020-12 unless the schema says otherwise.

use jsonschema::{PatternOptions, Validator as Compiled};
use serde_json::Value;

use crate::text::shorten;

/// Mismatches that are told of one value.
const MAX_MISMATCHES: usize = 5;

/// Longest text of one mismatch, in bytes.
const MAX_MESSAGE_BYTES: usize = 300;

/// Words of schemas whose cost may grow faster than schema and value do.
const COSTLY: [&str; 11] = [
    "$ref",
    "$dynamicRef",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "contains",
    "uniqueItems",
    "pattern",
    "patternProperties",
];

/// A schema, compiled. Patterns are matched in linear time, and references lead
/// nowhere outside the schema.
#[derive(Clone, Debug)]
pub struct Validator {
    compiled: Compiled,
    is_cheap: bool,
}

/// One way in which a value does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where in the value, a JSON pointer; empty for the whole.
    pub path: String,
    /// What was expected and what came.
    pub message: String,
}

impl Validator {
    /// Compiles a schema; `None` for one that is no valid schema, refers to
    /// something outside itself, or refers to itself without end: there is nothing
    /// that values could be held against.
    pub fn new(schema: &Value) -> Option<Self> {
        if refers_to_itself(schema) {
            return None;
        }
        let compiled = jsonschema::options()
            .with_pattern_options(PatternOptions::regex())
            .build(schema)
            .ok()?;
        Some(Self {
            compiled,
            is_cheap: is_cheap(schema),
        })
    }

    /// Whether checking takes no longer than reading schema and value once.
    pub fn is_cheap(&self) -> bool {
        self.is_cheap
    }

    /// The first few ways in which a value does not fit; none if it does.
    pub fn mismatches(&self, value: &Value) -> Vec<Mismatch> {
        if self.compiled.is_valid(value) {
            return Vec::new();
        }
        self.compiled
            .iter_errors(value)
            .take(MAX_MISMATCHES)
            .map(|error| Mismatch {
                path: shorten(&error.instance_path().to_string(), MAX_MESSAGE_BYTES),
                message: shorten(&error.to_string(), MAX_MESSAGE_BYTES),
            })
            .collect()
    }
}

fn is_cheap(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => members
            .iter()
            .all(|(word, inner)| !COSTLY.contains(&word.as_str()) && is_cheap(inner)),
        Value::Array(items) => items.iter().all(is_cheap),
        _ => true,
    }
}

/// Whether a schema is nothing but a way back to itself.
fn refers_to_itself(schema: &Value) -> bool {
    let reference = |schema: &Value| {
        schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| reference.strip_prefix('#'))
            .map(str::to_owned)
    };
    let mut all = vec![schema];
    while let Some(next) = all.pop() {
        match next {
            Value::Object(members) => all.extend(members.values()),
            Value::Array(items) => all.extend(items),
            _ => {}
        }
        let (mut at, mut steps) = (next, 0);
        while let Some(target) = reference(at).and_then(|pointer| schema.pointer(&pointer)) {
            steps += 1;
            if steps > 100 {
                return true;
            }
            at = target;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(schema: &Value, value: &Value) -> Vec<String> {
        Validator::new(schema)
            .unwrap()
            .mismatches(value)
            .into_iter()
            .map(|mismatch| format!("{}: {}", mismatch.path, mismatch.message))
            .collect()
    }

    #[test]
    fn a_mismatch_tells_where_and_what() {
        let schema = json!({
            "type": "object",
            "properties": {"rows": {"type": "array", "items": {"type": "integer", "minimum": 1}}},
            "required": ["rows"],
            "additionalProperties": false,
        });
        assert!(told(&schema, &json!({"rows": [1, 2]})).is_empty());
        assert_eq!(
            told(&schema, &json!({"rows": [1, "x", 0]})),
            [
                "/rows/1: \"x\" is not of type \"integer\"",
                "/rows/2: 0 is less than the minimum of 1"
            ]
        );
        assert_eq!(
            told(&schema, &json!({})),
            [": \"rows\" is a required property"]
        );
        assert!(told(&schema, &json!({"rows": [], "b": 1}))[0].contains("'b' was unexpected"));
    }

    #[test]
    fn schemas_without_end_or_outside_are_not_used() {
        for schema in [
            json!({"$ref": "#"}),
            json!({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
            json!({"$ref": "https://example.com/schema.json"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"type": 5}),
        ] {
            assert!(Validator::new(&schema).is_none(), "{schema}");
        }
        let tree = json!({"type": "object", "properties": {"child": {"$ref": "#"}}});
        let mut value = json!({});
        for _ in 0..120 {
            value = json!({"child": value});
        }
        assert!(told(&tree, &value).is_empty());
    }

    #[test]
    fn much_of_a_value_is_not_repeated_in_a_message() {
        let long = Value::from("x".repeat(1_000_000));
        let told = told(&json!({"type": "integer"}), &long);
        assert!(told[0].len() < 400, "{}", told[0].len());
        let many = Value::from(vec!["x"; 100]);
        let schema = json!({"items": {"type": "integer"}});
        assert_eq!(self::told(&schema, &many).len(), MAX_MISMATCHES);
    }

    #[test]
    fn patterns_take_linear_time() {
        let schema = json!({"pattern": "^(a+)+$"});
        let value = Value::from(format!("{}!", "a".repeat(10_000)));
        assert_eq!(told(&schema, &value).len(), 1);
        assert!(!Validator::new(&schema).unwrap().is_cheap());
        assert!(
            Validator::new(&json!({"type": "string"}))
                .unwrap()
                .is_cheap()
        );
    }
}
