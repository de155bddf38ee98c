//! What each type is in JSON.

use serde_json::{Value as Json, json};

use super::super::super::Value;
use super::super::super::exports::{
    Answer, Case, Export, Failure, Field, Integer, Mapping, Record, Said, Type, Variant,
};
use super::{field, labels, list, option, record};

fn mapped(of: &Type) -> Mapping {
    Mapping::new(of).unwrap()
}

fn schema(of: Type) -> Json {
    mapped(&of).schema()
}

/// What JSON says of a value of a type, which is what it was made from.
fn json(of: &Type, value: &Value) -> Json {
    let json = mapped(of).json_of(value).unwrap();
    assert_eq!(mapped(of).value_of(&json).as_ref(), Ok(value), "{json}");
    json
}

fn some(value: Value) -> Value {
    Value::Option(Some(Box::new(value)))
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn variant<'a>(cases: impl IntoIterator<Item = (&'a str, Option<Type>)>) -> Type {
    let cases = cases.into_iter().map(|(label, of)| Case {
        label: label.to_owned(),
        of,
    });
    Type::Variant(Variant {
        cases: cases.collect(),
        ..Variant::default()
    })
}

fn held(label: &str, value: Value) -> Value {
    Value::Variant(label.to_owned(), Some(Box::new(value)))
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn a_function_is_a_tool_with_a_closed_object_of_arguments() {
    let fields = vec![
        Field {
            label: "id".to_owned(),
            of: Type::Integer(Integer::U32),
            docs: Some("Which.\u{202E}".to_owned()),
        },
        field("full-name", option(Type::String)),
    ];
    let of = Type::Record(Record {
        said: Said {
            label: Some("user-row".to_owned()),
            docs: Some(" A user.\n".to_owned()),
        },
        fields,
    });
    let parameters = [
        field("limit", option(Type::Integer(Integer::U8))),
        field("user", of),
    ];
    let export = Export::new(&parameters, Some(&list(Type::String))).unwrap();
    assert_eq!(
        export.input_schema(),
        &json!({
            "type": "object",
            "properties": {
                "limit": {"type": "integer", "minimum": 0, "maximum": 255},
                "user": {
                    "type": "object",
                    "title": "user-row",
                    "description": "A user.",
                    "properties": {
                        "id": {
                            "type": "integer", "minimum": 0, "maximum": 4_294_967_295_u64,
                            "description": "Which.",
                        },
                        "full_name": {"type": "string"},
                    },
                    "required": ["id"],
                    "additionalProperties": false,
                },
            },
            "required": ["user"],
            "additionalProperties": false,
        })
    );
    assert_eq!(
        export.output_schema(),
        &json!({"type": "array", "items": {"type": "string"}})
    );
    let parameters = export.parameters_of(&json!({"user": {"id": 1e2, "full_name": "Ann"}}));
    let user = Value::Record(vec![
        ("id".to_owned(), Value::U32(100)),
        ("full-name".to_owned(), some(text("Ann"))),
    ]);
    assert_eq!(parameters, Ok(vec![Value::Option(None), user]));
    for (arguments, told) in [
        (json!([]), "expected an object, found an array"),
        (json!({}), "member `user` is missing"),
        (
            json!({"user": {"id": -1}}),
            "at `/user/id`: the number does not fit `u32` exactly",
        ),
        (
            json!({"user": {"id": 1.5}}),
            "at `/user/id`: the number does not fit `u32` exactly",
        ),
        (
            json!({"user": {"id": 1, "full-name": "x"}}),
            "at `/user`: there is no member `full-name`",
        ),
        (
            json!({"user": {"id": 1}, "limit": null}),
            "at `/limit`: expected an integer, found null",
        ),
        (json!({"user": {"id": 1}, "x": 1}), "there is no member `x`"),
    ] {
        let error = export.parameters_of(&arguments).unwrap_err();
        assert_eq!(error.to_string(), told);
    }
}

#[test]
fn options_that_hold_options_are_told_apart() {
    let twice = option(option(Type::Bool));
    assert_eq!(json(&twice, &Value::Option(None)), json!(null));
    assert_eq!(
        json(&twice, &some(Value::Option(None))),
        json!({"some": null})
    );
    assert_eq!(
        json(&twice, &some(some(Value::Bool(true)))),
        json!({"some": true})
    );
    let any = option(Type::Json);
    assert_eq!(json(&any, &Value::Option(None)), json!(null));
    assert_eq!(json(&any, &some(text("null"))), json!({"some": null}));
    // A member that is there and null is not one that is absent.
    let holds = record([("a", twice)]);
    let of = |value: Value| Value::Record(vec![("a".to_owned(), value)]);
    assert_eq!(json(&holds, &of(Value::Option(None))), json!({}));
    assert_eq!(
        json(&holds, &of(some(Value::Option(None)))),
        json!({"a": null})
    );
    assert_eq!(
        json(&holds, &of(some(some(Value::Bool(true))))),
        json!({"a": true})
    );
    assert_eq!(
        schema(list(option(Type::String))),
        json!({"type": "array", "items": {"type": ["string", "null"]}})
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn cases_are_what_they_hold_where_that_tells_which_it_is() {
    let either = variant([("a", Some(Type::String)), ("b", Some(list(Type::Bool)))]);
    assert_eq!(json(&either, &held("a", text("x"))), json!("x"));
    assert_eq!(json(&either, &held("b", Value::List(vec![]))), json!([]));
    let shape =
        |kind: &'static str| record([("r", Type::F64), ("kind", Type::Enum(labels([kind])))]);
    let shapes = variant([("c", Some(shape("circle"))), ("s", Some(shape("square")))]);
    let square = Value::Record(vec![
        ("r".to_owned(), Value::F64(1.0)),
        ("kind".to_owned(), Value::Enum("square".to_owned())),
    ]);
    assert_eq!(
        json(&shapes, &held("s", square)),
        json!({"r": 1, "kind": "square"})
    );
    for (of, value, told) in [
        (
            variant([("a", Some(Type::String)), ("b", Some(Type::Char))]),
            held("b", Value::Char('x')),
            json!({"tag": "b", "value": "x"}),
        ),
        (
            variant([("not-found", None), ("b", Some(Type::Char))]),
            Value::Variant("not-found".to_owned(), None),
            json!({"tag": "not_found"}),
        ),
        (
            variant([("c", Some(shape("same"))), ("d", Some(shape("same")))]),
            held(
                "d",
                Value::Record(vec![
                    ("r".to_owned(), Value::F64(0.5)),
                    ("kind".to_owned(), Value::Enum("same".to_owned())),
                ]),
            ),
            json!({"tag": "d", "value": {"r": 0.5, "kind": "same"}}),
        ),
        (
            Type::Result {
                ok: None,
                error: Some(Box::new(Type::String)),
            },
            Value::Result(Ok(None)),
            json!({"ok": null}),
        ),
        (
            Type::Result {
                ok: None,
                error: Some(Box::new(Type::String)),
            },
            Value::Result(Err(Some(Box::new(text("x"))))),
            json!({"error": "x"}),
        ),
    ] {
        assert_eq!(json(&of, &value), told);
    }
    assert_eq!(
        schema(variant([
            ("a", None),
            ("b-c", None),
            ("d", Some(Type::Char))
        ])),
        json!({"anyOf": [
            {
                "type": "object",
                "properties": {"tag": {"enum": ["a", "b_c"]}},
                "required": ["tag"],
                "additionalProperties": false,
            },
            {
                "type": "object",
                "properties": {
                    "tag": {"const": "d"},
                    "value": {"type": "string", "minLength": 1, "maxLength": 1},
                },
                "required": ["tag", "value"],
                "additionalProperties": false,
            },
        ]})
    );
}

#[test]
fn names_are_plain_and_maps_are_objects() {
    let flags = Type::Flags(labels(["can-read", "write"]));
    let set = Value::Flags(vec!["can-read".to_owned()]);
    assert_eq!(
        json(&flags, &set),
        json!({"can_read": true, "write": false})
    );
    let enumerated = Type::Enum(labels(["by-name", "URL"]));
    assert_eq!(
        json(&enumerated, &Value::Enum("by-name".to_owned())),
        json!("by_name")
    );
    assert_eq!(
        json(&enumerated, &Value::Enum("URL".to_owned())),
        json!("URL")
    );
    let map = list(Type::Tuple(vec![Type::String, Type::Integer(Integer::U8)]));
    let pair = |name: &str, it: u8| Value::Tuple(vec![text(name), Value::U8(it)]);
    let value = Value::List(vec![pair("b", 1), pair("a", 2)]);
    assert_eq!(json(&map, &value).to_string(), r#"{"b":1,"a":2}"#);
    let twice = Value::List(vec![pair("b", 1), pair("b", 1)]);
    let error = mapped(&map).json_of(&twice).unwrap_err();
    assert_eq!(error.to_string(), "member `b` is given twice");
    let bytes = list(Type::Integer(Integer::U8));
    assert_eq!(
        json(&bytes, &Value::List(vec![Value::U8(255)])),
        json!([255])
    );
    // The length says that these are no map.
    let pairs = Type::FixedList(Box::new(Type::Tuple(vec![Type::String, Type::Bool])), 1);
    let one = Value::List(vec![Value::Tuple(vec![text("a"), Value::Bool(true)])]);
    assert_eq!(json(&pairs, &one), json!([["a", true]]));
}

#[test]
fn numbers_are_exact_or_refused() {
    for (of, value, told) in [
        (
            Type::Integer(Integer::S64),
            Value::S64(i64::MIN),
            i64::MIN.into(),
        ),
        (
            Type::Integer(Integer::U64),
            Value::U64(u64::MAX),
            json!(u64::MAX),
        ),
        (Type::F32, Value::F32(0.1), json!(0.1)),
        (Type::F32, Value::F32(16_777_216.0), json!(16_777_216)),
        (Type::F64, Value::F64(1e300), json!(1e300)),
        (Type::Char, Value::Char('\u{10FFFF}'), json!("\u{10FFFF}")),
    ] {
        assert_eq!(json(&of, &value), told);
    }
    for (of, value) in [
        (Type::F32, Value::F32(f32::NAN)),
        (Type::F64, Value::F64(f64::NEG_INFINITY)),
    ] {
        assert_eq!(
            mapped(&of).json_of(&value).unwrap_err().to_string(),
            "JSON has no number that is infinite or not a number"
        );
    }
    for (of, json, told) in [
        (
            Type::F32,
            json!(16_777_217),
            "the number does not fit `f32` exactly",
        ),
        (
            Type::F32,
            json!(1e39),
            "the number does not fit `f32` exactly",
        ),
        (
            Type::Integer(Integer::S8),
            json!(128),
            "the number does not fit `s8` exactly",
        ),
        (
            Type::Char,
            json!("ab"),
            "expected a string of one character",
        ),
        (Type::Char, json!(""), "expected a string of one character"),
        (Type::Json, json!("x"), ""),
    ] {
        let read = mapped(&of).value_of(&json);
        assert_eq!(
            read.err().map(|it| it.to_string()).unwrap_or_default(),
            told
        );
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn a_result_is_an_answer_or_says_what_went_wrong() {
    let fails = |error: Option<Type>, value: Option<Value>| {
        let result = Type::Result {
            ok: Some(Box::new(Type::Bool)),
            error: error.map(Box::new),
        };
        let export = Export::new(&[], Some(&result)).unwrap();
        assert_eq!(export.output_schema(), &json!({"type": "boolean"}));
        let ok = Value::Result(Ok(Some(Box::new(Value::Bool(true)))));
        assert_eq!(export.answer_of(Some(&ok)), Ok(Answer::Value(json!(true))));
        match export.answer_of(Some(&Value::Result(Err(value.map(Box::new))))) {
            Ok(Answer::Failed(failure)) => failure,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        fails(Some(Type::String), Some(text("no such row"))),
        Failure {
            kind: None,
            message: "no such row".to_owned(),
            data: None,
        }
    );
    let tool_error = record([
        ("kind", Type::String),
        ("message", Type::String),
        ("data", option(Type::String)),
    ]);
    let error = |data: Value| {
        Value::Record(vec![
            ("kind".to_owned(), text("denied")),
            ("message".to_owned(), text("not yours")),
            ("data".to_owned(), data),
        ])
    };
    for (data, read) in [
        (Value::Option(None), None),
        (some(text(r#"{"a": 1}"#)), Some(json!({"a": 1}))),
        (some(text("{")), Some(json!("{"))),
    ] {
        assert_eq!(
            fails(Some(tool_error.clone()), Some(error(data))),
            Failure {
                kind: Some("denied".to_owned()),
                message: "not yours".to_owned(),
                data: read,
            }
        );
    }
    let other = record([
        ("message", Type::String),
        ("code", Type::Integer(Integer::U8)),
    ]);
    let value = Value::Record(vec![
        ("message".to_owned(), text("broken")),
        ("code".to_owned(), Value::U8(7)),
    ]);
    assert_eq!(
        fails(Some(other), Some(value)),
        Failure {
            kind: None,
            message: "broken".to_owned(),
            data: Some(json!({"message": "broken", "code": 7})),
        }
    );
    let code = fails(Some(Type::Integer(Integer::U8)), Some(Value::U8(7)));
    assert_eq!((code.message.as_str(), code.data), ("7", Some(json!(7))));
    assert_eq!(
        fails(None, None).message,
        "the tool failed and does not say why"
    );
    let nothing = Export::new(&[], None).unwrap();
    assert_eq!(nothing.answer_of(None), Ok(Answer::Value(Json::Null)));
    assert_eq!(nothing.output_schema(), &json!({"type": "null"}));
    let error = nothing.answer_of(Some(&Value::Bool(true))).unwrap_err();
    assert_eq!(error.to_string(), "expected no result, found a bool");
}
