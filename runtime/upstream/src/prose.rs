//! What a server says of its tools, without its secrets.

use serde_json::Value;
use wxmcp_catalogue::Offer;
use wxmcp_policy::Redactor;

/// Keywords of schemas whose values say something and demand nothing.
const PROSE: [&str; 6] = [
    "title",
    "description",
    "markdownDescription",
    "$comment",
    "default",
    "examples",
];

/// Keywords whose values are compared with those of a call.
const COMPARED: [&str; 3] = ["enum", "const", "required"];

/// Keywords whose values have schemas as members, by names that are no keywords.
const NAMED: [&str; 5] = [
    "properties",
    "patternProperties",
    "$defs",
    "definitions",
    "dependentSchemas",
];

/// A tool without secrets in its prose. Names, and values that a schema demands, stay: with others it could not be called.
pub(crate) fn without_secrets(mut offer: Offer, redactor: &Redactor) -> Offer {
    let definition = &mut offer.definition;
    definition.description = redactor.redact(&definition.description);
    for schema in [
        Some(&mut definition.input_schema),
        definition.output_schema.as_mut(),
    ] {
        schema
            .into_iter()
            .for_each(|it| redact_schema(it, redactor));
    }
    offer
}

fn redact_schema(schema: &mut Value, redactor: &Redactor) {
    match schema {
        Value::Array(items) => {
            let items = items.iter_mut();
            items.for_each(|item| redact_schema(item, redactor));
        }
        Value::Object(members) => {
            for (key, member) in members {
                match key.as_str() {
                    key if PROSE.contains(&key) => *member = redactor.redact_value(member.take()),
                    key if COMPARED.contains(&key) => {}
                    key if NAMED.contains(&key) => {
                        let named = member.as_object_mut().into_iter();
                        let named = named.flat_map(|members| members.values_mut());
                        named.for_each(|schema| redact_schema(schema, redactor));
                    }
                    _ => redact_schema(member, redactor),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wxmcp_catalogue::Definition;

    use super::*;

    #[test]
    fn prose_shows_no_secret_and_what_is_compared_stays() {
        let redactor = Redactor::new([("TOKEN", "canary-123")]);
        let schema = |prose: &str, default: Value| {
            json!({
                "type": "object",
                "description": prose,
                "properties": {
                    "description": {"type": "string", "title": prose, "default": default, "enum": ["canary-123"]},
                    "default": {"anyOf": [{"examples": [prose], "const": "canary-123"}]},
                },
                "$defs": {"title": {"items": {"$comment": prose}}},
                "required": ["description"],
            })
        };
        let offer = |prose: &str, default: Value| Offer {
            definition: Definition {
                name: "get".to_owned(),
                description: prose.to_owned(),
                input_schema: schema(prose, default.clone()),
                output_schema: Some(schema(prose, default)),
            },
            odd: Vec::new(),
        };
        let redacted = |prose: &str, default: Value| {
            without_secrets(offer(prose, default), &redactor).definition
        };
        let secret = redacted("uses CANARY-\n123", json!({"a": "canary-123"}));
        assert_eq!(
            secret,
            offer("uses [TOKEN]", json!({"a": "[TOKEN]"})).definition
        );
        let near = json!(["canary-12"]);
        let plain = offer("uses canary-124", near.clone()).definition;
        assert_eq!(redacted("uses canary-124", near), plain);
    }
}
