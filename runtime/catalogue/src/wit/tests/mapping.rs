//! Which type each kind of schema becomes.

use serde_json::{Value as Json, json};

use super::super::{Reason, Type, Value, Wit};
use super::*;

/// The text of a tool that answers what a schema describes, from its first type on.
fn shown(output: Json) -> String {
    let wit = generate(&[answering(output)]);
    validate(&wit);
    let text = text(&wit);
    let (_, text) = text.split_once("tool-error};\n\n").unwrap();
    let text = text.strip_suffix("}\n").unwrap();
    text.lines()
        .map(|line| line.strip_prefix("  ").unwrap_or(line))
        .filter(|line| !line.starts_with("/// Gets.") && !line.starts_with("/// JSON: other"))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// The type of the answer.
fn answer(output: Json) -> String {
    let shown = shown(output);
    let line = shown
        .lines()
        .find(|line| line.starts_with("get: "))
        .unwrap();
    line.strip_prefix("get: func() -> result<")
        .and_then(|line| line.strip_suffix(", tool-error>;"))
        .unwrap()
        .to_owned()
}

#[test]
fn a_tool_is_a_function_with_its_required_parameters_first() {
    let input = json!({
        "type": "object",
        "properties": {
            "limit": {"type": "integer", "minimum": 1, "default": 10},
            "sql": {"type": "string", "description": "One statement."},
            "userId": {"type": "string"},
            "from": {"type": ["string", "null"]},
        },
        "required": ["sql", "userId", "from"],
        "additionalProperties": false,
    });
    let output = json!({"type": "array", "items": {"type": "object", "additionalProperties": {}}});
    let wit = Wit::generate([(
        "database",
        &[tool(
            "query",
            "Runs a statement.\n\nReads only.",
            input,
            Some(output),
        )],
    )]);
    validate(&wit);
    assert_eq!(
        text(&wit),
        r#"package tools:database@0.1.0;

/// The tools of one namespace.
interface database {
  use wxmcp:tool-types/types@0.1.0.{json, tool-error};

  /// Runs a statement.
  ///
  /// Reads only.
  ///
  /// - `sql`: One statement.
  /// - `user-id`: JSON: "userId"
  /// - `from`: JSON: always there, null for none
  /// - `limit`: At least: `1`. Default: `10`.
  query: func(sql: string, user-id: string, %from: option<string>, limit: option<s64>) -> result<list<json>, tool-error>;
}
"#
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn objects_are_records_maps_flags_or_json() {
    assert_eq!(
        shown(json!({
            "type": "object",
            "description": "A row.",
            "properties": {
                "id": {"type": "integer", "minimum": 0, "maximum": 18446744073709551615_u64},
                "first-name": {"type": "string", "description": "How they are called."},
                "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            },
            "required": ["id"],
            "additionalProperties": {"type": "number"},
        })),
        r#"/// A row.
record get-answer {
  /// At least: `0`. At most: `18446744073709551615`.
  id: u64,
  /// How they are called.
  /// JSON: "first-name"
  first-name: option<string>,
  note: option<json>,
  /// JSON: all other members
  others: list<tuple<string, f64>>,
}

get: func() -> result<get-answer, tool-error>;
"#
    );
    assert_eq!(
        shown(json!({
            "type": "object",
            "properties": {"canRead": {"type": "boolean"}, "write": {"type": "boolean"}},
            "required": ["write", "canRead"],
            "additionalProperties": false,
        })),
        r#"flags get-answer {
  /// JSON: "canRead"
  can-read,
  write,
}

get: func() -> result<get-answer, tool-error>;
"#
    );
    let boolean = json!({"type": "boolean"});
    for (schema, of) in [
        (json!({"type": "object"}), "json"),
        (
            json!({"type": "object", "properties": {}, "additionalProperties": false}),
            "json",
        ),
        (
            json!({"type": "object", "additionalProperties": true}),
            "json",
        ),
        (
            json!({"type": "object", "additionalProperties": boolean}),
            "list<tuple<string, bool>>",
        ),
        (
            json!({"type": "object", "properties": {"a": boolean}, "patternProperties": {"x": {}}}),
            "json",
        ),
        (
            json!({"type": "object", "properties": {"a": boolean}, "required": ["b"]}),
            "json",
        ),
        (json!({"properties": {"a": boolean}}), "json"),
    ] {
        assert_eq!(answer(schema.clone()), of, "{schema}");
    }
}

#[test]
fn constants_are_enums() {
    assert_eq!(
        shown(json!({"enum": ["ASC", "desc", "by_name", 1, true, "list"]})),
        r#"enum get-answer {
  /// JSON: "ASC"
  asc,
  desc,
  by-name,
  /// JSON: 1
  n1,
  /// JSON: true
  true,
  %list,
}

get: func() -> result<get-answer, tool-error>;
"#
    );
    assert_eq!(answer(json!({"const": "x"})), "get-answer");
    assert_eq!(answer(json!({"enum": ["x", null]})), "option<get-answer>");
    assert_eq!(answer(json!({"enum": [true, false]})), "bool");
    assert_eq!(answer(json!({"enum": [{}, 1]})), "json");
    assert_eq!(answer(json!({"enum": []})), "json");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn alternatives_that_can_be_told_apart_are_variants() {
    assert_eq!(
        shown(json!({"anyOf": [
            {"type": "string"}, {"type": "null"}, {"type": "array", "items": {"type": "integer"}},
        ]})),
        r#"variant get-answer {
  text(string),
  items(list<s64>),
}

get: func() -> result<option<get-answer>, tool-error>;
"#
    );
    let shape = |kind: &str, size: &str| {
        json!({
            "type": "object",
            "properties": {"kind": {"const": kind}, size: {"type": "number"}},
            "required": ["kind", size],
            "additionalProperties": false,
        })
    };
    let shown = shown(json!({"oneOf": [shape("circle", "r"), shape("square", "a")]}));
    assert!(
        shown.contains(
            "/// JSON: told apart by \"kind\"\nvariant get-answer {\n  circle(get-answer1),\n  square(get-answer2),\n}"
        ),
        "{shown}"
    );
    for (schema, of) in [
        (
            json!({"oneOf": [shape("circle", "r"), shape("circle", "a")]}),
            "json",
        ),
        (
            json!({"anyOf": [{"type": "integer"}, {"type": "number"}]}),
            "json",
        ),
        (
            json!({"type": ["integer", "number", "null"]}),
            "option<f64>",
        ),
        (
            json!({"anyOf": [{"enum": ["a"]}, {"type": "string"}]}),
            "string",
        ),
        (
            json!({"anyOf": [{"const": "a"}, {"const": "b"}]}),
            "get-answer",
        ),
        (json!({"anyOf": [{"type": "string"}, {}]}), "json"),
        (json!({"allOf": [{"type": "string"}]}), "string"),
        (
            json!({"allOf": [{"type": "string"}, {"minLength": 1}]}),
            "json",
        ),
        (json!({"type": ["string", "object"]}), "json"),
        (
            json!({"type": "string", "nullable": true}),
            "option<string>",
        ),
    ] {
        assert_eq!(answer(schema.clone()), of, "{schema}");
    }
}

#[test]
fn numbers_and_arrays_have_the_type_that_holds_them() {
    let string = json!({"type": "string"});
    let number = json!({"type": "number"});
    let pair = json!({
        "type": "array", "prefixItems": [string, number], "minItems": 2, "maxItems": 2,
    });
    for (schema, of) in [
        (json!({"type": "integer"}), "s64"),
        (json!({"type": "integer", "minimum": 0}), "s64"),
        (json!({"type": "integer", "maximum": 1e19}), "json"),
        (
            json!({"type": "integer", "minimum": 0, "maximum": 1e19}),
            "u64",
        ),
        (
            json!({"type": "integer", "minimum": 0, "maximum": 1e20}),
            "json",
        ),
        (json!({"type": "integer", "minimum": -1e20}), "json"),
        (
            json!({"type": "integer", "minimum": i64::MIN, "maximum": i64::MAX}),
            "s64",
        ),
        (
            json!({"type": "integer", "maximum": i64::MAX.unsigned_abs() + 1}),
            "json",
        ),
        (
            json!({"type": "integer", "exclusiveMaximum": i64::MAX.unsigned_abs() + 1}),
            "s64",
        ),
        (
            json!({"type": "integer", "exclusiveMinimum": -0.5, "maximum": u64::MAX}),
            "u64",
        ),
        (json!({"type": "array"}), "list<json>"),
        (json!({"type": "array", "items": number}), "list<f64>"),
        (pair.clone(), "tuple<string, f64>"),
        (
            json!({"type": "array", "prefixItems": [string, number]}),
            "list<json>",
        ),
        // Would read as an object.
        (json!({"type": "array", "items": pair}), "list<json>"),
        (json!(true), "json"),
        (json!({}), "json"),
    ] {
        assert_eq!(answer(schema.clone()), of, "{schema}");
    }
}

#[test]
fn what_refers_to_itself_is_json_where_it_does() {
    assert_eq!(
        shown(json!({
            "$ref": "#/$defs/Node",
            "$defs": {"Node": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
                },
                "required": ["name", "children"],
            }},
        })),
        r#"record get-node {
  name: string,
  children: list<json>,
}

get: func() -> result<get-node, tool-error>;
"#
    );
}

#[test]
fn arguments_that_are_no_plain_object_are_one_parameter() {
    for input in [
        json!({"type": "object"}),
        json!({"type": "object", "additionalProperties": {"type": "string"}}),
        json!({"anyOf": [{"type": "object"}, {"type": "string"}]}),
        json!(true),
    ] {
        let wit = generate(&[tool("get", "", input.clone(), None)]);
        validate(&wit);
        assert!(is_whole(only(&wit).1), "{input}");
    }
    let wit = generate(&[tool(
        "get",
        "",
        json!({"properties": {"arguments": {}}}),
        None,
    )]);
    validate(&wit);
    assert!(!is_whole(only(&wit).1));
    assert_eq!(
        line(&wit, "get"),
        "get: func(arguments: option<json>) -> result<json, tool-error>;"
    );
}

#[test]
fn alternatives_that_only_require_members_change_no_type() {
    let mut input = json!({
        "type": "object",
        "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
        "anyOf": [{"required": ["id"]}, {"required": ["name"]}],
    });
    let wit = generate(&[tool("get", "", input.clone(), None)]);
    validate(&wit);
    assert_eq!(
        line(&wit, "get"),
        "get: func(id: option<s64>, name: option<string>) -> result<json, tool-error>;"
    );
    // A member that is not declared would be lost.
    input["anyOf"][0]["required"] = json!(["other"]);
    assert!(is_whole(only(&generate(&[tool("get", "", input, None)])).1));
}

#[test]
fn what_a_reference_names_is_one_type_wherever_it_is_used() {
    let shown = shown(json!({
        "type": "object",
        "properties": {
            "first": {"$ref": "#/$defs/UserRow"},
            "rest": {"type": "array", "items": {"$ref": "#/$defs/UserRow", "description": "One."}},
        },
        "required": ["first", "rest"],
        "$defs": {"UserRow": {
            "type": "object", "description": "A user.", "properties": {"id": {"type": "integer"}},
        }},
    }));
    assert_eq!(shown.matches("record get-user-row {").count(), 1, "{shown}");
    assert!(
        shown.contains("/// A user.\nrecord get-user-row"),
        "{shown}"
    );
    assert!(shown.contains("  first: get-user-row,"), "{shown}");
    assert!(shown.contains("  rest: list<get-user-row>,"), "{shown}");
}

#[test]
fn what_does_not_fit_is_told_with_its_place() {
    let wit = generate(&[answering(json!({
        "type": "object",
        "properties": {
            "rows": {"type": "array", "items": {"type": "integer"}},
            "sort": {"enum": ["up", "down"]},
            "big": {"type": "number"},
            "a/b": {"type": "object", "properties": {"x": {"type": "boolean"}}, "required": ["x"]},
        },
        "additionalProperties": false,
    }))]);
    let (interface, function) = only(&wit);
    for (json, told) in [
        (json!([]), "expected an object, found an array"),
        (
            json!({"rows": [1, "x"]}),
            "at `/rows/1`: expected an integer, found a string",
        ),
        (
            json!({"rows": [1.5]}),
            "at `/rows/0`: the number does not fit `s64` exactly",
        ),
        (
            json!({"rows": [u64::MAX]}),
            "at `/rows/0`: 18446744073709551615 does not fit `s64` exactly",
        ),
        (
            json!({"big": 9007199254740993_u64}),
            "at `/big`: 9007199254740993 does not fit `f64` exactly",
        ),
        (
            json!({"sort": "left"}),
            "at `/sort`: it is none of the constants of `get-answer-sort`",
        ),
        (json!({"a/b": {}}), "at `/a~1b`: member `x` is missing"),
        (json!({"other": 1}), "there is no member `other`"),
    ] {
        let error = interface.value_of(&function.answer, &json).unwrap_err();
        assert_eq!(error.to_string(), told, "{json}");
    }
    let error = interface
        .json_of(&Type::F64, &Value::F64(f64::NAN))
        .unwrap_err();
    assert_eq!(error.reason, Reason::NotFinite);
    let error = interface
        .json_of(&Type::Json, &Value::String("{".to_owned()))
        .unwrap_err();
    assert_eq!(error.reason, Reason::NotJson);
    let pair = |name: &str| Value::Tuple(vec![Value::String(name.to_owned()), Value::Bool(true)]);
    let error = interface
        .json_of(
            &Type::Map(Box::new(Type::Bool)),
            &Value::List(vec![pair("a"), pair("a")]),
        )
        .unwrap_err();
    assert_eq!(error.to_string(), "member `a` is given twice");
}
