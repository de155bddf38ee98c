use serde_json::json;
use wxmcp_run::Ledger;

use super::*;

fn effort() -> Effort {
    Effort::for_weight(1 << 20, &Ledger::unbounded())
}

impl Validator {
    /// The first few ways in which a value does not fit, rounded numbers apart.
    pub(crate) fn mismatches(&self, value: &Value) -> Vec<Mismatch> {
        match self.fits(value, &effort()).unwrap() {
            true => Vec::new(),
            false => self.told(value, &effort()).unwrap(),
        }
    }
}

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

/// None of these numbers is one of floating point.
#[test]
fn integers_of_any_size_are_compared_exactly() {
    let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let far = "1000000000000000000000000000001";
    for (schema, fits, other) in [
        (
            "{\"const\": 9007199254740993}",
            "9007199254740993",
            "9007199254740992",
        ),
        (
            "{\"enum\": [1, 1000000000000000000000000000001]}",
            far,
            "1000000000000000000000000000000",
        ),
        (
            "{\"maximum\": 1000000000000000000000000000001}",
            far,
            "1000000000000000000000000000002",
        ),
        (
            "{\"exclusiveMinimum\": 1000000000000000000000000000000}",
            far,
            "1000000000000000000000000000000",
        ),
        (
            "{\"minimum\": -9007199254740993}",
            "-9007199254740993",
            "-9007199254740994",
        ),
        (
            "{\"multipleOf\": 10000000000000000000000}",
            "30000000000000000000000",
            "30000000000000000000001",
        ),
        (
            "{\"uniqueItems\": true}",
            "[9007199254740993, 9007199254740992]",
            "[1, 1.0]",
        ),
        (
            "{\"type\": \"integer\"}",
            far,
            "1000000000000000000000000000001.5",
        ),
    ] {
        let schema = value(schema);
        assert!(told(&schema, &value(fits)).is_empty(), "{schema} {fits}");
        assert_eq!(told(&schema, &value(other)).len(), 1, "{schema} {other}");
    }
    let named = told(&json!({"maximum": 5}), &value(far));
    assert!(named[0].contains(far), "{named:?}");
}

#[test]
fn a_float_that_may_be_another_integer_is_none() {
    let schema = json!({
        "properties": {
            "id": {"type": "integer"},
            "ids": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]}},
            "ratio": {"type": "number", "minimum": 0},
            "any": {},
        },
    });
    let compiled = Validator::new(&schema).unwrap();
    let rounded = |value: Value| -> Vec<String> {
        assert!(compiled.mismatches(&value).is_empty(), "{value}");
        let rounded = compiled.rounded(&value, &effort()).unwrap().into_iter();
        rounded.map(|mismatch| mismatch.path).collect()
    };
    assert!(
        rounded(json!({"id": 9_007_199_254_740_993_i64, "ratio": 1e20, "any": 1e20})).is_empty()
    );
    assert!(rounded(json!({"id": 5.0, "ids": [2.0]})).is_empty());
    assert_eq!(rounded(json!({"id": 1e16, "ratio": 1e20})), ["/id"]);
    assert_eq!(rounded(json!({"ids": [1, "a", -1e300]})), ["/ids/2"]);
    let misread = |text: &str| -> Vec<String> {
        let value = serde_json::from_str(text).unwrap();
        let misread = compiled.misread(&value, &effort()).unwrap().into_iter();
        misread.map(|mismatch| mismatch.message).collect()
    };
    for text in [
        r#"{"id": 9007199254740993, "any": 9007199254740993.0, "ratio": 9007199254740993.0}"#,
        r#"{"id": 9007199254740992.0, "ids": [-9007199254740994.00, 1e20, 12345678901234568000000.0]}"#,
        r#"{"id": 100000000000000000000.0, "ids": [1e300]}"#,
    ] {
        assert!(misread(text).is_empty(), "{text}");
    }
    assert_eq!(
        misread(r#"{"id": -9007199254740993.0, "ids": [9007199254740995.00]}"#),
        [
            "-9007199254740993 is written as a floating-point number, and none is that integer",
            "9007199254740995 is written as a floating-point number, and none is that integer",
        ]
    );
}

#[test]
fn of_alternatives_the_one_that_is_meant_is_told() {
    let nullable = json!({"properties": {"n": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}}});
    assert_eq!(
        told(&nullable, &json!({"n": "x"})),
        ["/n: \"x\" is not of type \"integer\""]
    );
    assert_eq!(
        told(&nullable, &json!({"n": 0})),
        ["/n: 0 is less than the minimum of 1"]
    );
    let shapes = json!({"oneOf": [
        {"properties": {"kind": {"const": "circle"}, "r": {"type": "number"}}, "required": ["kind", "r"]},
        {"properties": {"kind": {"const": "square"}, "a": {"type": "number"}}, "required": ["kind", "a"]},
    ]});
    assert_eq!(
        told(&shapes, &json!({"kind": "circle", "a": 1})),
        [": \"r\" is a required property"]
    );
    assert_eq!(
        told(&shapes, &json!({"kind": "line"})),
        [": /kind: \"circle\" was expected, and /kind: \"square\" was expected"]
    );
    let either = json!({"properties": {"x": {"anyOf": [{"type": "integer"}, {"items": {"type": "string"}, "type": "array"}]}}});
    assert_eq!(
        told(&either, &json!({"x": [1]})),
        ["/x: [1] is not of type \"integer\", and /0: 1 is not of type \"string\""]
    );
    assert_eq!(
        told(&json!({"anyOf": [{"type": "null"}]}), &json!(1)).len(),
        1
    );
    let mut deep = json!({"type": "integer"});
    for _ in 0..20 {
        deep = json!({"anyOf": [deep, {"type": "boolean"}, {"type": "null"}]});
    }
    assert_eq!(told(&deep, &json!("x")).len(), 1);
}

#[test]
fn a_format_is_an_annotation_in_every_dialect() {
    for dialect in [
        None,
        Some("http://json-schema.org/draft-04/schema#"),
        Some("http://json-schema.org/draft-06/schema#"),
        Some("http://json-schema.org/draft-07/schema#"),
        Some("https://json-schema.org/draft/2019-09/schema"),
        Some("https://json-schema.org/draft/2020-12/schema"),
    ] {
        for format in ["date-time", "email", "uri", "ipv4", "regex", "uuid"] {
            let mut schema = json!({"type": "string", "format": format});
            if let Some(dialect) = dialect {
                schema["$schema"] = json!(dialect);
            }
            assert!(told(&schema, &json!("(")).is_empty(), "{schema}");
            assert_eq!(told(&schema, &json!(1)).len(), 1, "{schema}");
        }
    }
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
        assert!(Validator::new(&schema).is_err(), "{schema}");
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

/// ECMA-262 has patterns that look around and back; none takes for ever.
#[test]
fn patterns_that_look_around_are_bounded() {
    let ahead =
        json!({"properties": {"k": {"pattern": "^(?=.*[0-9])x"}, "n": {"type": "integer"}}});
    assert!(told(&ahead, &json!({"k": "x1", "n": 1})).is_empty());
    assert_eq!(told(&ahead, &json!({"k": "x", "n": "1"})).len(), 2);
    let back = json!({"pattern": "^(a*)*\\1b$"});
    let value = Value::from("a".repeat(5_000));
    assert_eq!(told(&back, &value).len(), 1);
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

/// A schema whose references multiply: 2 to the power of 40.
fn exploding() -> Value {
    let mut schemas = serde_json::Map::new();
    for n in 0..40 {
        let next = json!({"$ref": format!("#/$defs/a{}", n + 1)});
        schemas.insert(format!("a{n}"), json!({"allOf": [next, next]}));
    }
    schemas.insert("a40".to_owned(), json!({"type": ["array", "integer"]}));
    json!({"$defs": schemas, "properties": {"v": {"$ref": "#/$defs/a0"}}})
}

#[test]
fn what_takes_too_many_steps_is_refused_and_what_takes_few_is_not() {
    let validator = Validator::new(&exploding()).unwrap();
    let check = |value: &Value| validator.check(value, Rounding::WillBe, &effort());
    assert_eq!(check(&json!({"w": 1})), Ok(Vec::new()));
    assert!(matches!(check(&json!({"v": 1})), Err(Unfinished::Steps(steps)) if steps > 1_000));
    // Each value is held against each branch: that many steps are allowed.
    let union: Vec<Value> = (0..50)
        .map(|n| json!({"type": "string", "minLength": n}))
        .collect();
    let many = Validator::new(&json!({"items": {"anyOf": union}})).unwrap();
    let value = json!(vec!["a"; 10_000]);
    assert_eq!(
        many.check(&value, Rounding::WillBe, &effort()),
        Ok(Vec::new())
    );
}

#[test]
fn what_is_stopped_ends() {
    let validator = Validator::new(&exploding()).unwrap();
    let stopped = Effort {
        steps: u64::MAX,
        ..effort()
    };
    stopped.stop.stop();
    let check = validator.check(&json!({"v": 1}), Rounding::WillBe, &stopped);
    assert_eq!(check, Err(Unfinished::Stopped));
}

#[test]
fn no_more_errors_are_kept_than_there_is_room_for() {
    let branches: Vec<Value> = (0..50)
        .map(|n| json!({"type": "string", "minLength": n}))
        .collect();
    let any = json!({"items": {"anyOf": branches}});
    for (schema, value, told) in [
        (
            json!({"items": {"type": "string"}}),
            json!(vec![0; 1_000_000]),
            "/0: 0 is not of type \"string\"",
        ),
        (
            any.clone(),
            json!(vec![0; 1_000_000]),
            "/0: 0 is not of type \"string\", and 0 is not",
        ),
        (
            json!({"anyOf": [any, {"items": {"type": "null"}}]}),
            json!(vec![0; 1_000_000]),
            ": it does not fit, and is too large",
        ),
        (
            json!({"additionalProperties": {"not": {}}}),
            json!({"x": vec![0; 1_000_000]}),
            ": Additional",
        ),
        (
            json!({"required": ["a"], "type": "string"}),
            json!(vec![0; 1_000_000]),
            ": [0,0,0",
        ),
    ] {
        let told_of = self::told(&schema, &value);
        let first = told_of.first().unwrap();
        assert!(first.starts_with(told) || !told.starts_with('/'), "{first}");
        assert!(first.len() < 400, "{}", first.len());
    }
    // Those of a small value are told one by one.
    assert_eq!(
        self::told(&json!({"items": {"type": "string"}}), &json!([1, 2, 3])).len(),
        3
    );
}

/// What the library is not asked about cannot be metered: references must lead to schemas.
#[test]
fn every_schema_that_is_referred_to_spends_steps() {
    let hidden = |place: &str, reference: &str| {
        let mut schema = json!({"properties": {"v": {"$ref": reference}}});
        schema[place] = json!([{"type": "string"}]);
        Validator::new(&schema).err()
    };
    for (place, reference) in [
        ("enum", "#/enum/0"),
        ("default", "#/default/0"),
        ("examples", "#/%65xamples/0"),
        ("examples", "#/examples/0"),
    ] {
        let refused = hidden(place, reference).unwrap();
        assert!(
            refused.contains("refers to something that is no schema"),
            "{refused}"
        );
    }
    assert_eq!(hidden("x-more", "#/x-more/0"), None);
    assert_eq!(hidden("anyOf", "#/anyOf/0"), None);
}

#[test]
fn names_that_are_repeated_in_places_are_bounded() {
    let inner: serde_json::Map<String, Value> =
        (0..4_000).map(|n| (format!("p{n}"), json!({}))).collect();
    let nested = |name: usize| json!({"properties": {"n".repeat(name): {"properties": inner}}});
    let refused = Validator::new(&nested(100_000)).err().unwrap();
    assert!(refused.contains("bytes when it is compiled"), "{refused}");
    assert!(Validator::new(&nested(1_000)).is_ok());
}

#[test]
fn patterns_are_bounded_each_and_together() {
    let of = |patterns: Vec<String>| {
        let members: serde_json::Map<String, Value> = patterns
            .into_iter()
            .enumerate()
            .map(|(n, pattern)| {
                (
                    format!("p{n}"),
                    json!({"type": "string", "pattern": pattern}),
                )
            })
            .collect();
        Validator::new(&json!({"properties": members})).map(|it| it.bytes())
    };
    let large = |n: usize| format!("(\\p{{L}}{{{n}}}){{9}}x");
    let refused = of(vec![large(13)]).unwrap_err();
    assert!(
        refused.contains("cannot be compiled within 1048576 bytes"),
        "{refused}"
    );
    let refused = of((1..=40)
        .map(|n| format!("\\p{{L}}{{10}}y{{{n}}}"))
        .collect())
    .unwrap_err();
    assert!(refused.contains("its patterns take more than"), "{refused}");
    assert!(of(vec![large(1)]).is_ok());
    let small: Vec<String> = (1..=300)
        .map(|n| format!("^[a-z]{{2}}-{n}[0-9]+$"))
        .collect();
    assert!(of(small).unwrap() > 300 * 4096);
}

#[test]
fn long_texts_cost_more_the_larger_the_pattern_is() {
    let check = |pattern: &str, length: usize| {
        let validator = Validator::new(&json!({ "pattern": pattern })).unwrap();
        let value = Value::from("a".repeat(length));
        validator.check(&value, Rounding::WillBe, &effort())
    };
    assert_eq!(check("^[a-z]+$", 5_000_000), Ok(Vec::new()));
    assert_eq!(check("^(?=.*a)[a-z]+$", 1_000), Ok(Vec::new()));
    assert!(matches!(
        check("^(?=.*a)[a-z]+$", 5_000_000),
        Err(Unfinished::Steps(_))
    ));
}
