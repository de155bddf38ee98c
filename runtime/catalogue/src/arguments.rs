//! Which arguments a tool takes: by which names, and where `null` means that one is left out.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::schema::{follow, parameters, required};
use crate::suggest::nearest;
use crate::text::clean;

/// Schema nodes that are looked at for one question, whatever `$ref` makes of them.
const MAX_NODES: usize = 500;

/// Parameters that a refusal lists.
const MAX_SHOWN: usize = 20;

/// Longest name in a refusal, in bytes.
const MAX_NAME_BYTES: usize = 100;

/// Names that programs elsewhere wrap the arguments of a call in.
const WRAPPERS: [&str; 7] = [
    "args",
    "arguments",
    "input",
    "inputs",
    "kwargs",
    "parameters",
    "params",
];

/// An argument that the tool has no parameter for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownArgument {
    /// Its name.
    pub name: String,
    /// What is wrong, to stand behind the tool's name, with the nearest name.
    pub message: String,
}

/// The first argument whose name the tool does not know. A tool knows every name if its
/// schema declares none, or says what others may be (`additionalProperties`).
pub fn unknown_argument(
    input_schema: &Value,
    arguments: &Map<String, Value>,
) -> Option<UnknownArgument> {
    let properties = input_schema.get("properties").and_then(Value::as_object);
    let is_listed = |name: &str| properties.is_some_and(|listed| listed.contains_key(name));
    if arguments.keys().all(|name| is_listed(name)) {
        return None;
    }
    let Some(known) = declared(input_schema) else {
        return wrapped_once_more(input_schema, arguments);
    };
    let (name, value) = arguments
        .iter()
        .find(|(name, _)| !known.contains(name.as_str()))?;
    let told = shown(name);
    let mut message = format!("has no parameter `{told}`");
    let is_alone = arguments.len() == 1;
    if is_alone && value.is_object() && WRAPPERS.contains(&name.as_str()) {
        message.push_str(&format!(
            "; pass what is inside `{told}` as the arguments themselves"
        ));
    } else if known.is_empty() {
        message = format!("takes no arguments, and so no `{told}`");
    } else {
        message.push_str(&instead(name, input_schema, &known));
    }
    if let Some(first) = object_parameter(input_schema) {
        message.push_str(&format!(
            " (an object that is the value of `{}` is passed by that name)",
            shown(&first)
        ));
    }
    Some(UnknownArgument {
        name: name.clone(),
        message,
    })
}

/// What may have been meant by a name that is none.
fn instead(name: &str, input_schema: &Value, known: &HashSet<&str>) -> String {
    // Python's programs write `from_` for what they cannot write as a name.
    if let Some(word) = name.strip_suffix('_').filter(|word| known.contains(word)) {
        return format!("; `{word}` is passed in a mapping, {{\"{word}\": ..}}");
    }
    let close = nearest(name, known.iter().copied());
    if close.is_empty() {
        return format!("; it has {}", listed(input_schema, known));
    }
    let close: Vec<String> = close.into_iter().map(shown).collect();
    format!("; did you mean `{}`?", close.join("` or `"))
}

/// `{"arguments": {..}}` for a tool that takes other names besides those that it declares,
/// where all that is inside is declared.
fn wrapped_once_more(
    input_schema: &Value,
    arguments: &Map<String, Value>,
) -> Option<UnknownArgument> {
    let properties = input_schema.get("properties")?.as_object()?;
    let (name, value) = arguments.iter().next().filter(|_| arguments.len() == 1)?;
    let inside = value.as_object().filter(|inside| !inside.is_empty())?;
    let is_wrapped = WRAPPERS.contains(&name.as_str())
        && !properties.contains_key(name)
        && inside.keys().all(|name| properties.contains_key(name));
    is_wrapped.then(|| UnknownArgument {
        name: name.clone(),
        message: format!(
            "has no parameter `{name}`; pass what is inside `{name}` as the arguments themselves"
        ),
    })
}

/// A name inside a sentence, between backticks that it cannot close.
fn shown(name: &str) -> String {
    clean(name, MAX_NAME_BYTES).replace(['\n', '\t', '`'], "'")
}

fn listed(input_schema: &Value, known: &HashSet<&str>) -> String {
    let mut names: Vec<String> = parameters(input_schema);
    if names.is_empty() {
        names = known.iter().map(|name| (*name).to_owned()).collect();
        names.sort_unstable();
    }
    let some: Vec<String> = names
        .iter()
        .take(MAX_SHOWN)
        .map(|name| format!("`{}`", shown(name)))
        .collect();
    let more = known.len().saturating_sub(some.len());
    match more {
        0 => some.join(", "),
        _ => format!("{} and {more} more", some.join(", ")),
    }
}

/// The first parameter, if one object whose keys are no parameters may be its value: its
/// schema allows objects, and the tool knows no names but those of its parameters.
pub fn object_parameter(input_schema: &Value) -> Option<String> {
    let properties = input_schema.get("properties")?.as_object()?;
    let names = parameters(input_schema);
    let first = names.first()?;
    // With parameters that callers are not told of, an unknown key may be one of them.
    if names.len() != properties.len() || !admits(input_schema, properties.get(first)?, "object") {
        return None;
    }
    declared(input_schema).map(|_| first.clone())
}

/// Takes out each `null` that means "not given": of an optional parameter whose default is
/// `null`, but whose schema does not allow it.
pub fn leave_out_nulls(input_schema: &Value, arguments: &mut Map<String, Value>) {
    if !arguments.values().any(Value::is_null) {
        return;
    }
    let properties = input_schema.get("properties").and_then(Value::as_object);
    let required = required(input_schema);
    arguments.retain(|name, value| {
        let declared = properties.and_then(|properties| properties.get(name));
        !value.is_null()
            || required.contains(name.as_str())
            || !declared.is_some_and(|declared| null_is_left_out(input_schema, declared))
    });
}

/// Whether a `null` for an optional parameter means that it is not given.
pub(crate) fn null_is_left_out(root: &Value, declared: &Value) -> bool {
    declared.get("default").is_some_and(Value::is_null) && !admits(root, declared, "null")
}

/// Whether a call must have the argument.
pub fn is_required(input_schema: &Value, name: &str) -> bool {
    input_schema
        .get("required")
        .and_then(Value::as_array)
        .is_some_and(|names| names.iter().any(|required| required == name))
}

/// All names that a schema declares; none if it allows others.
fn declared(root: &Value) -> Option<HashSet<&str>> {
    let mut names = HashSet::new();
    let mut is_closed = false;
    let mut open = vec![root.as_object()?];
    let mut left = MAX_NODES;
    while let Some(schema) = open.pop() {
        left = left.checked_sub(1)?;
        for word in ["additionalProperties", "unevaluatedProperties"] {
            match schema.get(word) {
                None => {}
                Some(Value::Bool(false)) => is_closed = true,
                Some(_) => return None,
            }
        }
        let is_patterned = |word: &str| schema.get(word).is_some_and(|value| !is_empty(value));
        if is_patterned("patternProperties") || schema.contains_key("$dynamicRef") {
            return None;
        }
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            names.extend(properties.keys().map(String::as_str));
        }
        if schema.contains_key("$ref") {
            open.push(follow(root, schema)?.as_object()?);
        }
        for word in ["allOf", "anyOf", "oneOf"] {
            let inner = schema.get(word).and_then(Value::as_array);
            open.extend(inner.into_iter().flatten().filter_map(Value::as_object));
        }
        for word in ["if", "then", "else"] {
            open.extend(schema.get(word).and_then(Value::as_object));
        }
        for word in ["dependentSchemas", "dependencies"] {
            let inner = schema.get(word).and_then(Value::as_object);
            let inner = inner.into_iter().flat_map(Map::values);
            open.extend(inner.filter_map(Value::as_object));
        }
    }
    (is_closed || !names.is_empty()).then_some(names)
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(Map::is_empty)
}

/// Whether a schema may allow a value of a kind, `null` or `object`, as far as types,
/// constants and alternatives tell.
fn admits(root: &Value, schema: &Value, kind: &str) -> bool {
    let mut left = MAX_NODES;
    may_admit(root, schema, kind, &mut left)
}

fn may_admit(root: &Value, schema: &Value, kind: &str, left: &mut usize) -> bool {
    let Some(object) = schema.as_object() else {
        return *schema != Value::Bool(false);
    };
    let Some(fewer) = left.checked_sub(1) else {
        return true;
    };
    *left = fewer;
    let is_of_kind = |value: &Value| match kind {
        "null" => value.is_null(),
        _ => value.is_object(),
    };
    let named = match object.get("type") {
        Some(Value::String(name)) => name == kind,
        Some(Value::Array(names)) => names.iter().any(|name| name == kind),
        _ => true,
    };
    let listed = object.get("enum").and_then(Value::as_array);
    let mut inner = |schema: &Value| may_admit(root, schema, kind, left);
    named
        && object.get("const").is_none_or(is_of_kind)
        && listed.is_none_or(|values| values.iter().any(is_of_kind))
        && follow(root, object).is_none_or(&mut inner)
        && ["anyOf", "oneOf"].iter().all(|word| {
            let choices = object.get(*word).and_then(Value::as_array);
            choices.is_none_or(|choices| choices.iter().any(&mut inner))
        })
        && object
            .get("allOf")
            .and_then(Value::as_array)
            .is_none_or(|parts| parts.iter().all(&mut inner))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(schema: &Value, arguments: Value) -> Option<String> {
        let Value::Object(arguments) = arguments else {
            return None;
        };
        unknown_argument(schema, &arguments).map(|unknown| unknown.message)
    }

    fn schema() -> Value {
        json!({"type": "object", "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}}})
    }

    #[test]
    fn a_name_that_is_no_parameter_is_refused_with_the_nearest() {
        assert_eq!(refused(&schema(), json!({"query": "x", "limit": 1})), None);
        assert_eq!(refused(&schema(), json!({})), None);
        assert_eq!(
            refused(&schema(), json!({"querry": "x"})).unwrap(),
            "has no parameter `querry`; did you mean `query`?"
        );
        assert_eq!(
            refused(&schema(), json!({"query": "x", "colour": 1})).unwrap(),
            "has no parameter `colour`; it has `query`, `limit`"
        );
        let mail = json!({"properties": {"from": {"type": "string"}}});
        assert_eq!(
            refused(&mail, json!({"from_": "x"})).unwrap(),
            "has no parameter `from_`; `from` is passed in a mapping, {\"from\": ..}"
        );
    }

    #[test]
    fn arguments_that_are_wrapped_once_more_are_refused() {
        for wrapper in WRAPPERS {
            let message = refused(&schema(), json!({wrapper: {"query": "x"}})).unwrap();
            assert!(message.contains("pass what is inside"), "{message}");
        }
        let open = json!({"properties": {"query": {}}, "additionalProperties": true});
        assert!(refused(&open, json!({"params": {"query": 1}})).is_some());
        assert_eq!(refused(&open, json!({"params": {"other": 1}})), None);
        assert_eq!(refused(&open, json!({"params": 1})), None);
        let own = json!({"properties": {"input": {"type": "object"}}});
        assert_eq!(refused(&own, json!({"input": {"a": 1}})), None);
    }

    #[test]
    fn tools_that_take_other_names_get_them() {
        for open in [
            json!(true),
            json!({}),
            json!({"type": "object"}),
            json!({"properties": {}}),
            json!({"properties": {"a": {}}, "additionalProperties": true}),
            json!({"properties": {"a": {}}, "additionalProperties": {"type": "string"}}),
            json!({"properties": {"a": {}}, "patternProperties": {"^x": {}}}),
            json!({"properties": {"a": {}}, "allOf": [{"additionalProperties": {}}]}),
            json!({"properties": {"a": {}}, "$ref": "#/nowhere"}),
            json!({"properties": {"a": {}}, "$ref": "#"}),
        ] {
            assert_eq!(refused(&open, json!({"other": 1})), None, "{open}");
            assert_eq!(object_parameter(&open), None, "{open}");
        }
        let none = json!({"type": "object", "additionalProperties": false});
        assert_eq!(
            refused(&none, json!({"x": 1})).unwrap(),
            "takes no arguments, and so no `x`"
        );
    }

    #[test]
    fn names_may_be_declared_wherever_a_schema_says_more() {
        let schema = json!({
            "$defs": {"page": {"properties": {"cursor": {}}}},
            "properties": {"kind": {}},
            "oneOf": [{"properties": {"radius": {}}}, {"properties": {"width": {}}}],
            "allOf": [{"$ref": "#/$defs/page"}],
            "if": {"properties": {"a": {}}}, "then": {"properties": {"b": {}}},
            "dependentSchemas": {"kind": {"properties": {"c": {}}}},
        });
        for name in ["kind", "radius", "width", "cursor", "a", "b", "c"] {
            assert_eq!(refused(&schema, json!({name: 1})), None, "{name}");
        }
        assert_eq!(
            refused(&schema, json!({"radus": 1})).unwrap(),
            "has no parameter `radus`; did you mean `radius`? (an object that is the value of `kind` is passed by that name)"
        );
    }

    #[test]
    fn one_object_may_be_the_value_of_a_parameter_that_allows_objects() {
        let first = |of: Value| {
            let schema =
                json!({"$defs": {"o": {"type": "object"}}, "properties": {"a": of, "b": {}}});
            object_parameter(&schema)
        };
        for of in [
            json!({}),
            json!(true),
            json!({"type": "object"}),
            json!({"type": ["object", "null"]}),
            json!({"anyOf": [{"type": "string"}, {"$ref": "#/$defs/o"}]}),
            json!({"enum": [1, {}]}),
        ] {
            assert_eq!(first(of.clone()).as_deref(), Some("a"), "{of}");
        }
        for of in [
            json!({"type": "string"}),
            json!({"enum": [1, "x"]}),
            json!({"const": null}),
            json!({"oneOf": [{"type": "string"}, {"type": "array"}]}),
            json!({"allOf": [{}, {"type": "integer"}]}),
            json!(false),
        ] {
            assert_eq!(first(of.clone()), None, "{of}");
        }
        let unseen = json!({"properties": {"a": {}, "x\u{202e}": {}}});
        assert_eq!(object_parameter(&unseen), None);
    }

    #[test]
    fn a_null_is_left_out_only_where_the_default_says_so() {
        let schema = json!({
            "properties": {
                "cursor": {"type": "string", "default": null},
                "nullable": {"type": ["string", "null"], "default": null},
                "since": {"type": "string"},
                "limit": {"type": "integer", "default": 10},
                "must": {"type": "string", "default": null},
            },
            "required": ["must"],
        });
        let given = json!({
            "cursor": null, "nullable": null, "since": null, "limit": null, "must": null, "other": null,
        });
        let Value::Object(mut arguments) = given else {
            panic!("no object");
        };
        leave_out_nulls(&schema, &mut arguments);
        let left: Vec<&str> = arguments.keys().map(String::as_str).collect();
        assert_eq!(left, ["nullable", "since", "limit", "must", "other"]);
    }
}
