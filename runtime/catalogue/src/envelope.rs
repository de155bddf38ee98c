//! Answers in an envelope. MCP's structured content must be an object, so FastMCP puts every
//! other answer into `{"result": ..}`, and marks its schema with `x-fastmcp-wrap-result`.

use serde_json::{Map, Value};

/// The mark.
const MARK: &str = "x-fastmcp-wrap-result";

/// The only member of the envelope.
const RESULT: &str = "result";

/// Where definitions stand that other parts of a schema refer to.
const DEFINITIONS: [&str; 2] = ["$defs", "definitions"];

/// The schema of what is inside the envelope, and whether there is one. A schema without the
/// mark, or of an object with other members, stays as it is.
pub(crate) fn opened(schema: Value) -> (Value, bool) {
    if schema.get(MARK) != Some(&Value::Bool(true)) {
        return (schema, false);
    }
    let Some(members) = schema.get("properties") else {
        // The mark without the object, of a server that declares what is inside.
        let is_object = schema.get("type").is_some_and(|of| of == "object");
        return (schema, !is_object);
    };
    let only = members.as_object().filter(|members| members.len() == 1);
    match only.and_then(|members| members.get(RESULT)) {
        Some(Value::Object(inner)) => (Value::Object(standing_alone(inner, &schema)), true),
        Some(inner @ Value::Bool(_)) => (inner.clone(), true),
        _ => (schema, false),
    }
}

/// A part of a schema as a schema of its own, with all definitions that it may refer to.
fn standing_alone(inner: &Map<String, Value>, whole: &Value) -> Map<String, Value> {
    let mut alone = inner.clone();
    if let Some(dialect) = whole.get("$schema") {
        alone.insert("$schema".to_owned(), dialect.clone());
    }
    for place in DEFINITIONS {
        let Some(Value::Object(shared)) = whole.get(place) else {
            continue;
        };
        let own = alone
            .entry(place)
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(own) = own {
            for (name, definition) in shared {
                own.entry(name.clone())
                    .or_insert_with(|| definition.clone());
            }
        }
    }
    let mut alone = Value::Object(alone);
    redirect(&mut alone);
    match alone {
        Value::Object(alone) => alone,
        _ => Map::new(),
    }
}

/// References into the envelope lead to what was inside. Schemas are bounded in depth before.
fn redirect(schema: &mut Value) {
    match schema {
        Value::Object(words) => {
            if let Some(Value::String(reference)) = words.get_mut("$ref")
                && let Some(rest) = reference.strip_prefix("#/properties/result")
                && (rest.is_empty() || rest.starts_with('/'))
            {
                *reference = format!("#{rest}");
            }
            words.values_mut().for_each(redirect);
        }
        Value::Array(items) => items.iter_mut().for_each(redirect),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn envelope(inner: Value) -> Value {
        json!({"type": "object", "properties": {"result": inner}, "required": ["result"], MARK: true})
    }

    #[test]
    fn a_marked_envelope_is_opened() {
        for inner in [json!({"type": "string"}), json!({}), json!(true)] {
            assert_eq!(opened(envelope(inner.clone())), (inner, true));
        }
    }

    #[test]
    fn definitions_and_references_come_along() {
        let mut schema = envelope(json!({"type": "array", "items": {"$ref": "#/$defs/Row"},
            "contains": {"$ref": "#/properties/result/items"}}));
        schema["$defs"] = json!({"Row": {"properties": {"all": {"$ref": "#/properties/result"}}}});
        schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
        let expected = json!({"type": "array", "items": {"$ref": "#/$defs/Row"},
            "contains": {"$ref": "#/items"},
            "$defs": {"Row": {"properties": {"all": {"$ref": "#"}}}},
            "$schema": "http://json-schema.org/draft-07/schema#"});
        assert_eq!(opened(schema), (expected, true));
    }

    #[test]
    fn the_mark_without_the_object_says_that_answers_come_in_one() {
        for schema in [
            json!({"type": "array", "items": {"type": "integer"}, MARK: true}),
            json!({MARK: true}),
        ] {
            assert_eq!(opened(schema.clone()), (schema, true));
        }
    }

    #[test]
    fn what_is_not_marked_or_no_envelope_stays() {
        let inner = json!({"type": "string"});
        for schema in [
            json!({"type": "object", "properties": {"result": inner}}),
            json!({"type": "object", "properties": {"result": inner}, MARK: false}),
            json!({"type": "object", "properties": {"result": inner}, MARK: "true"}),
            json!({"type": "object", "properties": {"result": inner, "more": {}}, MARK: true}),
            json!({"type": "object", "properties": {"rows": inner}, MARK: true}),
            json!({"type": "object", "properties": [], MARK: true}),
            json!({"type": "object", "properties": {"result": 3}, MARK: true}),
            json!({"type": "object", MARK: true}),
            json!(true),
        ] {
            assert_eq!(opened(schema.clone()), (schema, false));
        }
    }
}
