//! What shapes are learned of answers.

use super::*;

fn learned(answers: &[Value]) -> Value {
    let mut shape = Shape::default();
    // Names are kept when three answers had them.
    for answer in answers.iter().cycle().take(3 * answers.len()) {
        shape.observe(answer);
    }
    shape.schema().unwrap_or(Value::Null)
}

#[test]
fn types_names_and_what_is_always_there() {
    let answers = [
        json!({"rows": [{"id": 1, "name": "Ann"}, {"id": 2.5, "name": null}], "next": "x"}),
        json!({"rows": [], "total": 2}),
    ];
    assert_eq!(
        learned(&answers),
        json!({
            "type": "object",
            "properties": {
                "next": {"type": "string"},
                "rows": {"type": "array", "items": {
                    "type": "object",
                    "properties": {
                        "id": {"type": "number"},
                        "name": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                    },
                    "required": ["id", "name"],
                }},
                "total": {"type": "integer"},
            },
            "required": ["rows"],
        })
    );
    assert_eq!(learned(&[]), Value::Null);
    assert_eq!(learned(&[json!("text")]), json!({"type": "string"}));
}

/// No value, and no key that may be one.
#[test]
fn nothing_of_the_data_is_kept() {
    let mut many = Map::new();
    for n in 0..100_u8 {
        let name: String = format!("{n:03}")
            .bytes()
            .map(|b| char::from(b + 49))
            .collect();
        many.insert(name, json!("canary"));
    }
    for answer in [
        json!({"canary@example.com": {"canary": 1}}),
        json!({"order_1234canary": 5}),
        json!({"a": {"canary of words": ["canary"]}}),
        Value::Object(many),
    ] {
        let mut shape = Shape::default();
        shape.observe(&json!({"a": {"canari": {"x": "canary"}}}));
        let before = serde_json::to_string(&shape).unwrap();
        assert!(!before.contains("canary"), "{before}");
        let mut shape = Shape::default();
        shape.observe(&answer);
        let kept = serde_json::to_string(&shape).unwrap();
        assert!(!kept.contains("canary@"), "{kept}");
        assert!(!kept.contains("1234"), "{kept}");
        assert!(!kept.contains("words"), "{kept}");
        assert!(
            !kept.contains("\"canary\":\"") && !kept.contains("[\"canary"),
            "{kept}"
        );
        assert!(kept.len() < 400, "{kept}");
    }
}

#[test]
fn a_record_becomes_a_map_and_keeps_the_types() {
    let answers = [
        json!({"ann": {"age": 3}, "bob": {"age": 4, "tall": true}}),
        json!({"c d": {"age": 5}}),
    ];
    assert_eq!(
        learned(&answers),
        json!({"type": "object", "additionalProperties": {
            "type": "object",
            "properties": {"age": {"type": "integer"}, "tall": {"type": "boolean"}},
            "required": ["age"],
        }})
    );
}

#[test]
fn keys_that_come_one_by_one_are_data() {
    let mut shape = Shape::default();
    for key in ["ann", "bob", "cat", "dan", "eve", "fay", "gus"] {
        let mut answer = Map::new();
        answer.insert(key.to_owned(), json!(1));
        shape.observe(&Value::Object(answer));
    }
    assert_eq!(
        shape.schema(),
        Some(json!({"type": "object", "additionalProperties": {"type": "integer"}}))
    );
}

/// However often one answer has it.
#[test]
fn a_name_is_kept_when_three_answers_had_it() {
    let mut shape = Shape::default();
    let rows =
        json!([{"amount": 1, "alice": 1}, {"amount": 2, "alice": 1}, {"amount": 2}, {"amount": 3}]);
    for _ in 0..2 {
        assert!(shape.observe(&rows));
        let kept = serde_json::to_string(&shape).unwrap();
        assert!(
            !kept.contains("amount") && !kept.contains("alice"),
            "{kept}"
        );
        let schema = json!({"type": "array", "items": {"type": "object"}});
        assert_eq!(shape.schema(), Some(schema));
        // As the next process reads it.
        shape = serde_json::from_str(&kept).unwrap();
    }
    shape.observe(&json!([{"amount": 4.5}]));
    let kept = serde_json::to_string(&shape).unwrap();
    assert!(kept.contains("amount") && !kept.contains("alice"), "{kept}");
    let row = json!({"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]});
    assert_eq!(shape.schema(), Some(json!({"type": "array", "items": row})));
}

#[test]
fn names_that_look_like_data_are_told_from_others() {
    for data in [
        "sk_live_51HxYzA9bCdEfGh",
        "AKIAIOSFODNNEXAMPLE",
        "ann@example.com",
        "2026-01-01",
        "a1b2c3d4e5f6",
        "deadbeefcafe",
        "xkqzjvwpyrtbnm",
        "dGhpc0lzQmFzZTY0",
        "correct horse",
        "order_1234",
        "x1y22z33",
        "a_name_that_is_longer_than_forty_bytes_is_text",
    ] {
        assert!(!is_chosen(data), "{data}");
    }
    for name in [
        "id",
        "createdAt",
        "html_url",
        "httpStatusCode",
        "isHTTPOnly",
        "@type",
        "$ref",
        "xml:lang",
        "content-type",
        "x1",
        "utf8",
        "stargazers_count",
        "MAX_CONNECTIONS",
        "lengths",
        "_links",
        "addressLine2",
    ] {
        assert!(is_chosen(name), "{name}");
    }
}

#[test]
fn what_was_seen_before_is_not_new() {
    let mut shape = Shape::default();
    for _ in 0..3 {
        assert!(shape.observe(&json!([{"a": 1}])));
    }
    assert!(!shape.observe(&json!([{"a": 2}, {"a": 3}])));
    assert!(shape.observe(&json!([{}])));
    let text = serde_json::to_string(&shape).unwrap();
    assert_eq!(serde_json::from_str::<Shape>(&text).unwrap(), shape);
}

#[test]
fn hostile_answers_are_bounded() {
    let mut deep = json!(1);
    for _ in 0..100 {
        deep = json!([{ "a": deep }]);
    }
    let mut shape = Shape::default();
    shape.observe(&deep);
    let mut wide = Map::new();
    for n in 0..60_u32 {
        let name: String = format!("{n:02}")
            .bytes()
            .map(|b| char::from(b + 49))
            .collect();
        let inner: Map<String, Value> = (0..60_u32)
            .map(|m| {
                (
                    format!("{name}{}", m % 60).replace(' ', ""),
                    json!({"x": [m]}),
                )
            })
            .collect();
        wide.insert(name, Value::Object(inner));
    }
    shape.observe(&Value::Object(wide));
    assert!(shape.nodes() < 3 * MAX_NODES, "{}", shape.nodes());
    assert!(shape.schema().is_some());
}
