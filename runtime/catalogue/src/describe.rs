//! A tool as one line of typed code.

use std::fmt::Write as _;

use serde_json::Value;

use crate::arguments::null_is_left_out;
use crate::schema::{follow, is_everything, properties};
use crate::text::{clean, shorten};
use crate::tool::Tool;

/// Longest signature, in bytes.
const MAX_SIGNATURE_BYTES: usize = 2_000;

/// Parameters shown before the rest become `...`.
const MAX_SHOWN: usize = 32;

/// Alternatives shown in a union or among literals.
const MAX_ALTERNATIVES: usize = 8;

/// How deep types are spelled out; below, they are `Any`.
const MAX_TYPE_DEPTH: usize = 6;

/// Schema nodes looked at for one signature, whatever `$ref` makes of them.
const MAX_NODES: usize = 500;

/// Longest literal that is shown, in bytes.
const MAX_LITERAL_BYTES: usize = 40;

/// A call of the tool as a line of Python:
/// `everything.get_sum(a: float, b: float) -> Any`.
///
/// A tool without an output schema answers text, JSON that was sent as text,
/// or content blocks: `Any` is all that is known, unless it was learned; a remark
/// behind the line says so.
pub fn signature(namespace: &str, attribute: &str, tool: &Tool) -> String {
    let mut types = Types {
        root: tool.input_schema(),
        nodes_left: MAX_NODES,
    };
    let (required, optional): (Vec<_>, Vec<_>) = properties(tool.input_schema())
        .into_iter()
        .partition(|parameter| parameter.required);
    let total = required.len().saturating_add(optional.len());
    let mut shown: Vec<String> = Vec::new();
    let mut unspeakable: Vec<String> = Vec::new();
    for parameter in required.iter().chain(&optional).take(MAX_SHOWN) {
        let mut of = types.spell(parameter.schema, 0);
        if !parameter.required && null_is_left_out(tool.input_schema(), parameter.schema) {
            of.push_str(" | None");
        }
        if !is_identifier(parameter.name) {
            unspeakable.push(format!("{}: {of}", literal(&Value::from(parameter.name))));
        } else if parameter.required {
            shown.push(format!("{}: {of}", parameter.name));
        } else {
            let default = default_of(parameter.schema);
            shown.push(format!("{}: {of} = {default}", parameter.name));
        }
    }
    if !unspeakable.is_empty() {
        shown.push(format!("**{{{}}}", unspeakable.join(", ")));
    }
    if total > MAX_SHOWN {
        shown.push("...".to_owned());
    }
    let declared = tool.output_schema();
    let answer = declared.or(tool.learned_output()).map_or_else(
        || "Any".to_owned(),
        |schema| {
            Types {
                root: schema,
                nodes_left: MAX_NODES,
            }
            .spell_answer(schema)
        },
    );
    let mut line = format!("{namespace}.{attribute}({})", shown.join(", "));
    // Writing to a string cannot fail.
    let _ = write!(line, " -> {answer}");
    if declared.is_none() && tool.learned_output().is_some() {
        line.push_str("  # learned from answers, not declared");
    }
    shorten(&line, MAX_SIGNATURE_BYTES)
}

/// Spells the types of one schema document.
struct Types<'a> {
    root: &'a Value,
    nodes_left: usize,
}

impl<'a> Types<'a> {
    /// The answer's type; the keys of an object are worth their place here.
    fn spell_answer(&mut self, schema: &'a Value) -> String {
        let members: Vec<String> = properties(schema)
            .into_iter()
            .take(MAX_SHOWN)
            .map(|member| {
                let of = self.spell(member.schema, 1);
                format!("{}: {of}", literal(&Value::from(member.name)))
            })
            .collect();
        if members.is_empty() {
            self.spell(schema, 0)
        } else {
            format!("{{{}}}", members.join(", "))
        }
    }

    fn spell(&mut self, schema: &'a Value, depth: usize) -> String {
        let any = || "Any".to_owned();
        let (Some(object), Some(left)) = (schema.as_object(), self.nodes_left.checked_sub(1))
        else {
            return any();
        };
        self.nodes_left = left;
        if depth >= MAX_TYPE_DEPTH {
            return any();
        }
        let below = depth.saturating_add(1);
        if object.contains_key("$ref") {
            return match follow(self.root, object) {
                Some(target) => self.spell(target, below),
                None => any(),
            };
        }
        if let Some(only) = object.get("const") {
            return format!("Literal[{}]", literal(only));
        }
        if let Some(values) = object.get("enum").and_then(Value::as_array) {
            return literals(values);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(alternatives) = object.get(key).and_then(Value::as_array) {
                let spelled = alternatives
                    .iter()
                    .take(MAX_ALTERNATIVES)
                    .map(|alternative| self.spell(alternative, below))
                    .collect();
                return union(spelled, alternatives.len());
            }
        }
        match object.get("type") {
            Some(Value::String(name)) => self.spell_named(name, schema, below),
            Some(Value::Array(names)) if is_everything(names) => any(),
            Some(Value::Array(names)) => {
                let spelled = names
                    .iter()
                    .take(MAX_ALTERNATIVES)
                    .map(|name| match name.as_str() {
                        Some(name) => self.spell_named(name, schema, below),
                        None => any(),
                    })
                    .collect();
                union(spelled, names.len())
            }
            _ if object.contains_key("properties") => "dict".to_owned(),
            _ => any(),
        }
    }

    fn spell_named(&mut self, name: &str, schema: &'a Value, below: usize) -> String {
        match name {
            "string" => "str".to_owned(),
            "integer" => "int".to_owned(),
            "number" => "float".to_owned(),
            "boolean" => "bool".to_owned(),
            "null" => "None".to_owned(),
            "array" => match schema.get("items") {
                Some(items) if items.is_object() => format!("list[{}]", self.spell(items, below)),
                _ => "list".to_owned(),
            },
            "object" => match schema.get("additionalProperties") {
                Some(values) if values.is_object() && schema.get("properties").is_none() => {
                    format!("dict[str, {}]", self.spell(values, below))
                }
                _ => "dict".to_owned(),
            },
            _ => "Any".to_owned(),
        }
    }
}

/// `A | B`, each once, `None` last; more than was looked at makes it open.
fn union(spelled: Vec<String>, of: usize) -> String {
    let mut alternatives: Vec<String> = Vec::new();
    for alternative in spelled {
        if !alternatives.contains(&alternative) {
            alternatives.push(alternative);
        }
    }
    if of > MAX_ALTERNATIVES || alternatives.is_empty() || alternatives.iter().any(|a| a == "Any") {
        return "Any".to_owned();
    }
    alternatives.sort_by_key(|alternative| alternative == "None");
    alternatives.join(" | ")
}

fn literals(values: &[Value]) -> String {
    let mut shown: Vec<String> = values.iter().take(MAX_ALTERNATIVES).map(literal).collect();
    if values.len() > MAX_ALTERNATIVES {
        shown.push("...".to_owned());
    }
    format!("Literal[{}]", shown.join(", "))
}

/// A default as Python; `...` where there is none worth showing.
fn default_of(schema: &Value) -> String {
    match schema.get("default") {
        Some(default) if !default.is_array() && !default.is_object() => literal(default),
        _ => "...".to_owned(),
    }
}

/// A scalar as Python source. Strings are quoted and cleaned, so that nothing
/// in them can end the literal or the line.
fn literal(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => shorten(&number.to_string(), MAX_LITERAL_BYTES),
        Value::String(text) => Value::from(clean(text, MAX_LITERAL_BYTES)).to_string(),
        Value::Array(_) | Value::Object(_) => "...".to_owned(),
    }
}

/// Whether Python takes the name as it is: ASCII only, since Python folds the rest.
pub(crate) fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric())
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !crate::names::is_keyword(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tool::Definition;

    fn signed(input: Value, output: Option<Value>) -> String {
        let tool = Tool::new(Definition {
            name: "get-it".to_owned(),
            description: String::new(),
            input_schema: input,
            output_schema: output,
        })
        .unwrap();
        signature("things", "get_it", &tool)
    }

    #[test]
    fn scalars_defaults_and_order() {
        let input = json!({
            "type": "object",
            "properties": {
                "limit": {"type": "integer", "default": 10},
                "a": {"type": "number"},
                "deep": {"type": "boolean"},
                "path": {"type": "string"},
                "cursor": {"type": "string", "default": null},
            },
            "required": ["path", "a"],
        });
        assert_eq!(
            signed(input, None),
            "things.get_it(a: float, path: str, limit: int = 10, deep: bool = ..., cursor: str | None = None) -> Any"
        );
    }

    #[test]
    fn unions_enums_references_and_answers() {
        let input = json!({
            "$defs": {"Id": {"type": "string"}},
            "properties": {
                "ids": {"type": "array", "items": {"$ref": "#/$defs/Id"}},
                "mode": {"enum": ["fast", "slow", 3, null]},
                "since": {"anyOf": [{"type": "null"}, {"type": "integer"}]},
                "tags": {"type": "object", "additionalProperties": {"type": "string"}},
                "any": {"type": ["string", "null"]},
                "user-id": {"type": "string"},
                "class": {"const": "x"},
            },
        });
        let output = json!({
            "type": "object",
            "properties": {"rows": {"type": "array", "items": {"type": "object"}}, "n": {"type": "integer"}},
        });
        assert_eq!(
            signed(input, Some(output)),
            "things.get_it(ids: list[str] = ..., mode: Literal[\"fast\", \"slow\", 3, None] = ..., \
             since: int | None = ..., tags: dict[str, str] = ..., any: str | None = ..., \
             **{\"user-id\": str, \"class\": Literal[\"x\"]}) -> {\"rows\": list[dict], \"n\": int}"
        );
    }

    #[test]
    fn what_was_learned_is_marked() {
        let tool = Tool::new(Definition {
            name: "get".to_owned(),
            description: String::new(),
            input_schema: Value::Null,
            output_schema: None,
        })
        .unwrap()
        .with_learned_output(Some(json!({"properties": {"n": {"type": "integer"}}})));
        assert_eq!(
            signature("things", "get", &tool),
            "things.get() -> {\"n\": int}  # learned from answers, not declared"
        );
    }

    #[test]
    fn strings_cannot_leave_their_literal_or_the_line() {
        let input = json!({
            "properties": {"x": {"enum": ["\"]): pass\nimport os #\u{202E}", "\\"]}},
        });
        assert_eq!(
            signed(input, None),
            "things.get_it(x: Literal[\"\\\"]): pass\\nimport os #\", \"\\\\\"] = ...) -> Any"
        );
    }

    #[test]
    fn hostile_schemas_end() {
        let looping = json!({
            "$defs": {"A": {"anyOf": [
                {"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"}, {"$ref": "#/$defs/A"},
                {"type": "array", "items": {"$ref": "#/$defs/A"}},
            ]}},
            "properties": {"a": {"$ref": "#/$defs/A"}, "b": {"$ref": "#"}, "c": {"$ref": "http://x/"}},
        });
        assert_eq!(
            signed(looping, None),
            "things.get_it(a: Any = ..., b: dict = ..., c: Any = ...) -> Any"
        );
        let mut many = serde_json::Map::new();
        for n in 0..3_000 {
            many.insert(format!("p{n}"), json!({"enum": ["x".repeat(39)]}));
        }
        let line = signed(json!({ "properties": many }), None);
        assert!(line.len() <= MAX_SIGNATURE_BYTES);
    }
}
