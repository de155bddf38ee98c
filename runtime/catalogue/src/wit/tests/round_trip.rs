//! JSON to values and back, and values to JSON and back: nothing is lost.

use serde_json::{Map, Value as Json, json};

use super::super::numbers::whole;
use super::super::{Arguments, Body, Value};
use super::choices::{Choices, holds};
use super::generator::{fields, instance, object, schema, value};
use super::*;
use crate::validate::Validator;

/// Whether two values are the same but for how numbers are spelled.
pub(super) fn is_same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Number(one), Json::Number(other)) => {
            let exact = |it: &serde_json::Number| {
                it.as_i64()
                    .map(i128::from)
                    .or_else(|| it.as_u64().map(i128::from))
                    .or_else(|| it.as_f64().and_then(whole))
            };
            match (exact(one), exact(other)) {
                (None, None) => one.as_f64() == other.as_f64(),
                (one, other) => one == other,
            }
        }
        (Json::Array(one), Json::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| is_same(a, b))
        }
        (Json::Object(one), Json::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, a)| other.get(name).is_some_and(|b| is_same(a, b)))
        }
        _ => one == other,
    }
}

/// A schema with definitions that it may refer to.
pub(super) fn document(choices: &mut Choices) -> Json {
    let names = ["A", "B", "C"];
    let defs: Map<String, Json> = names
        .iter()
        .map(|name| ((*name).to_owned(), schema(choices, 2, &names)))
        .collect();
    let mut document = if choices.below(2) == 0 {
        object(choices, 4, &names)
    } else {
        schema(choices, 4, &names)
    };
    document["$defs"] = Json::Object(defs);
    document
}

#[test]
fn json_comes_back_as_it_went() {
    let (mut typed, mut invalid) = (0_usize, 0_usize);
    holds(2_000, |choices| {
        let schema = document(choices);
        let wit = generate(&[tool("get", "", schema.clone(), Some(schema.clone()))]);
        let (interface, function) = only(&wit);
        if choices.chance(10) {
            validate(&wit);
        }
        let validator = Validator::new(&schema).ok();
        for _ in 0..8 {
            // Where a definition is nothing but a way to itself, there is no instance.
            if validator.is_none() {
                break;
            }
            let json = instance(choices, &schema, &schema, 4);
            if let Some(validator) = &validator
                && !validator.mismatches(&json).is_empty()
            {
                // `oneOf` takes no value that two alternatives take.
                invalid += 1;
                continue;
            }
            let told = || format!("{schema}\n{json}\n{}", text(&wit));
            let value = interface
                .value_of(&function.answer, &json)
                .unwrap_or_else(|error| panic!("{error}\n{}", told()));
            let back = interface.json_of(&function.answer, &value).unwrap();
            assert!(is_same(&json, &back), "{back}\n{}", told());
            if json.is_object() {
                let parameters = interface
                    .parameters_of(function, &json)
                    .unwrap_or_else(|error| panic!("{error}\n{}", told()));
                let back = interface.arguments_of(function, &parameters).unwrap();
                assert!(is_same(&json, &back), "{back}\n{}", told());
            }
            typed += usize::from(!matches!(value, Value::String(_)));
        }
    });
    assert!(typed > 5_000, "{typed}");
    assert!(invalid < 2_000, "{invalid}");
}

#[test]
fn values_come_back_as_they_went() {
    let mut seen = std::collections::BTreeMap::<&str, usize>::new();
    holds(2_000, |choices| {
        let schema = document(choices);
        let wit = generate(&[tool("get", "", schema.clone(), Some(schema.clone()))]);
        let (interface, function) = only(&wit);
        for definition in &interface.definitions {
            let kind = match &definition.body {
                Body::Record(record) if record.others.is_some() => "record with others",
                Body::Record(_) => "record",
                Body::Variant { tag: Some(_), .. } => "tagged variant",
                Body::Variant { .. } => "variant",
                Body::Enum(_) => "enum",
                Body::Flags(_) => "flags",
            };
            *seen.entry(kind).or_default() += 1;
        }
        for _ in 0..4 {
            let went = value(choices, interface, &function.answer);
            let json = interface.json_of(&function.answer, &went).unwrap();
            let back = interface.value_of(&function.answer, &json);
            assert_eq!(back.as_ref(), Ok(&went), "{schema}\n{json}");
            if let Arguments::Members(record) = &function.arguments {
                let went: Vec<Value> = fields(choices, interface, record)
                    .into_iter()
                    .map(|(_, value)| value)
                    .collect();
                let json = interface.arguments_of(function, &went).unwrap();
                let back = interface.parameters_of(function, &json);
                assert_eq!(back, Ok(went), "{schema}\n{json}");
            }
        }
    });
    for kind in [
        "record with others",
        "record",
        "tagged variant",
        "variant",
        "enum",
        "flags",
    ] {
        assert!(
            seen.get(kind).is_some_and(|count| *count > 100),
            "{kind}: {seen:?}"
        );
    }
}

#[test]
fn members_that_are_silent_in_the_schema_are_left_out_and_said_to_be() {
    let wit = generate(&[answering(json!({
        "type": "object", "properties": {"a": {"type": "string"}},
    }))]);
    let (interface, function) = only(&wit);
    let value = interface
        .value_of(&function.answer, &json!({"a": "x", "b": 1}))
        .unwrap();
    let back = interface.json_of(&function.answer, &value).unwrap();
    assert_eq!(back, json!({"a": "x"}));
    assert!(text(&wit).contains("/// JSON: other members are left out\n  record get-answer"));
}
