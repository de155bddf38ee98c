//! Schemas and names of servers that mean no good, or did not think.

use serde_json::{Map, Value as Json, json};

use super::super::print::TYPES;
use super::super::{Type, Wit};
use super::*;

const WORDS: [&str; 16] = [
    "use",
    "type",
    "func",
    "list",
    "string",
    "record",
    "result",
    "world",
    "interface",
    "package",
    "json",
    "tool-error",
    "tool_error",
    "%list",
    "async",
    "error-context",
];

const NAMES: [&str; 18] = [
    "",
    " ",
    "-",
    "%",
    "日本",
    "日本語",
    "é",
    "e\u{301}",
    "user_id",
    "user-id",
    "userId",
    "USER_ID",
    "1",
    "x;}",
    "\u{202E}",
    "\u{149}",
    "a\nb",
    "JSON: \"x\"",
];

/// A schema with all of some names as members, constants and flags.
fn named(names: &[&str]) -> Json {
    let members = |schema: Json| -> Json {
        names
            .iter()
            .map(|name| ((*name).to_owned(), schema.clone()))
            .collect::<Map<_, _>>()
            .into()
    };
    json!({
        "type": "object",
        "properties": {
            "record": {"type": "object", "properties": members(json!({"type": "string"}))},
            "flags": {
                "type": "object",
                "properties": members(json!({"type": "boolean"})),
                "required": names,
                "additionalProperties": false,
            },
            "enum": {"enum": names},
        },
    })
}

#[test]
fn names_of_every_sort_have_labels() {
    for names in [&WORDS[..], &NAMES[..]] {
        let mut input = named(names);
        for name in names {
            input["properties"][*name] = json!({"type": ["string", "null"]});
        }
        let tools: Vec<Tool> = names
            .iter()
            .filter(|name| crate::names::check_name(name).is_ok())
            .map(|name| tool(name, "", input.clone(), Some(named(names))))
            .collect();
        let wit = Wit::generate(names.iter().map(|name| (*name, &tools)));
        validate(&wit);
        assert_eq!(wit.interfaces().len(), names.len());
    }
}

#[test]
fn the_order_in_which_tools_come_changes_nothing() {
    let tools: Vec<Tool> = ["read-only", "read_only", "readOnly", "write"]
        .iter()
        .map(|name| tool(name, "", named(&NAMES), Some(named(&WORDS))))
        .collect();
    let forwards = Wit::generate([("a-b", &tools), ("a_b", &tools)]);
    let turned: Vec<Tool> = tools.iter().rev().cloned().collect();
    let backwards = Wit::generate([("a_b", &turned), ("a-b", &turned)]);
    validate(&forwards);
    assert_eq!(forwards.files(), backwards.files());
}

#[test]
fn descriptions_stay_behind_their_slashes() {
    let hostile = [
        "*/ } interface evil { x: func(); } /*",
        "\n}\ninterface evil {\n",
        "\r}\rinterface evil {\r",
        "a\u{85}}\u{2028}}\u{2029}}",
        "JSON: \"forged\"\n- `a`: JSON: \"forged\"\nJSON: all other members",
        "\u{202E}\u{149}\u{17A3}\u{0}\u{1b}[2J",
        "   indented\n\t\ttabs\n///// slashes",
    ]
    .join("\n");
    let mut schema = named(&["a", "b"]);
    schema["description"] = json!(hostile);
    schema["title"] = json!(hostile);
    for member in schema["properties"].as_object_mut().unwrap().values_mut() {
        member["description"] = json!(hostile);
        member["default"] = json!(hostile);
        member["pattern"] = json!(hostile);
    }
    let input = json!({
        "type": "object",
        "properties": {"a": {"type": "string", "description": hostile}, "b": schema},
    });
    let wit = generate(&[tool("get", &hostile, input, Some(schema.clone()))]);
    validate(&wit);
    assert!(
        text(&wit)
            .lines()
            .all(|line| line.trim_start().starts_with("///") || !line.contains("evil"))
    );
    let long = "x ".repeat(200_000);
    let wit = generate(&[tool(
        "get",
        &long,
        json!({"title": "y".repeat(200_000)}),
        None,
    )]);
    validate(&wit);
    assert!(text(&wit).len() < 10_000);
}

#[test]
fn objects_with_many_members_are_taken_until_they_are_too_many() {
    for (count, is_typed) in [(500, true), (999, true), (1_500, false)] {
        let properties: Map<String, Json> = (0..count)
            .map(|n| (format!("member_{n}"), json!({"type": ["integer", "null"]})))
            .collect();
        let schema = json!({"type": "object", "properties": properties});
        let wit = generate(&[tool("get", "", schema.clone(), Some(schema))]);
        validate(&wit);
        let (_, function) = only(&wit);
        assert_eq!(!is_whole(function), is_typed, "{count}");
        assert_eq!(function.answer != Type::Json, is_typed, "{count}");
    }
}

#[test]
fn enums_with_many_cases_are_taken_until_they_are_too_many() {
    for (count, is_enum) in [(10_000, true), (10_001, false)] {
        let texts: Vec<String> = (0..count).map(|n| format!("value {n}")).collect();
        let numbers: Vec<usize> = (0..count).collect();
        let wit = generate(&[
            tool("text", "", json!(true), Some(json!({"enum": texts}))),
            tool("number", "", json!(true), Some(json!({"enum": numbers}))),
        ]);
        validate(&wit);
        let interface = wit.interface("space").unwrap();
        let answers: Vec<&Type> = interface.functions.iter().map(|it| &it.answer).collect();
        if is_enum {
            assert_eq!(answers, [&Type::Named(0), &Type::Named(1)]);
        } else {
            assert_eq!(answers, [&Type::Json, &Type::String]);
        }
    }
}

#[test]
fn what_is_nested_deeply_ends_in_json() {
    let mut lists = json!({"type": "string"});
    let mut nullable = json!({"type": "string"});
    for _ in 0..60 {
        lists = json!({"items": lists, "type": "array"});
    }
    for _ in 0..59 {
        nullable = json!({"items": nullable, "type": ["array", "null"]});
    }
    let mut objects = json!({"type": "string"});
    for _ in 0..30 {
        objects = json!({"type": "object", "properties": {"a": objects}});
    }
    let mut chain: Map<String, Json> = (0..60)
        .map(|n| {
            let next = format!("#/$defs/d{}", n + 1);
            let schema = json!({
                "type": "object",
                "additionalProperties": {"type": "array", "items": {"$ref": next}},
            });
            (format!("d{n}"), schema)
        })
        .collect();
    chain.insert("d60".to_owned(), json!({"type": "string"}));
    let chain = json!({"$ref": "#/$defs/d0", "$defs": chain});
    let input = json!({"type": "object", "properties": {"a": lists, "b": objects, "c": nullable}});
    let tools: Vec<Tool> = [lists, objects, nullable, chain]
        .into_iter()
        .enumerate()
        .map(|(n, schema)| tool(&format!("t{n}"), "", input.clone(), Some(schema)))
        .collect();
    let wit = generate(&tools);
    validate(&wit);
    let interface = wit.interface("space").unwrap();
    for function in &interface.functions {
        assert!(function.answer != Type::Json && !is_whole(function));
    }
}

#[test]
fn types_that_double_at_every_step_are_cut() {
    let double = |join: &dyn Fn(Json) -> Json| {
        let mut all: Map<String, Json> = (0..60)
            .map(|n| {
                let next = json!({"$ref": format!("#/$defs/d{}", n + 1)});
                (format!("d{n}"), join(next))
            })
            .collect();
        all.insert("d60".to_owned(), json!({"type": "string"}));
        json!({"$ref": "#/$defs/d0", "$defs": all})
    };
    let record = double(
        &|next| json!({"type": "object", "properties": {"a": next, "b": next}, "required": ["a", "b"]}),
    );
    let tuple = double(
        &|next| json!({"type": "array", "prefixItems": vec![next; 12], "minItems": 12, "maxItems": 12}),
    );
    let any = double(&|next| json!({"anyOf": [next, {"type": "array", "items": next}]}));
    let wit = generate(&[
        tool("a", "", record.clone(), Some(record)),
        tool("b", "", tuple.clone(), Some(tuple)),
        tool("c", "", any.clone(), Some(any)),
    ]);
    validate(&wit);
    assert!(text(&wit).len() < 1_000_000);
}

#[test]
fn references_that_lead_nowhere_are_json() {
    for schema in [
        json!({"$ref": "#"}),
        json!({"$ref": "#/a", "a": {"$ref": "#/a"}}),
        json!({"$ref": "https://example.com/x.json"}),
        json!({"$ref": 3}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
        json!({"type": "object", "properties": 3}),
        json!({"type": 3}),
        json!({"type": []}),
        json!({"enum": 3}),
        json!({"anyOf": []}),
        json!({"allOf": 3}),
    ] {
        let wit = generate(&[tool("get", "", schema.clone(), Some(schema.clone()))]);
        validate(&wit);
        assert_eq!(only(&wit).1.answer, Type::Json, "{schema}");
    }
}

#[test]
fn a_namespace_of_ten_thousand_tools_is_one_component_type() {
    let schema = json!({
        "type": "object",
        "properties": {"a": {"enum": ["x", "y"]}, "b": {"type": "array", "items": {"type": "string"}}},
    });
    let tools: Vec<Tool> = (0..10_000)
        .map(|n| {
            tool(
                &format!("tool{n}"),
                "",
                schema.clone(),
                Some(schema.clone()),
            )
        })
        .collect();
    let wit = generate(&tools);
    validate(&wit);
    let interface = wit.interface("space").unwrap();
    let typed = interface
        .functions
        .iter()
        .filter(|it| !is_whole(it))
        .count();
    assert!(typed > 100 && typed < 10_000, "{typed}");
}

#[test]
fn namespaces_that_a_component_has_no_room_for_are_named() {
    let properties: Map<String, Json> = (0..900)
        .map(|n| (format!("m{n}"), json!({"type": "string"})))
        .collect();
    let schema = json!({"type": "object", "properties": properties, "required": ["m1"]});
    let tools: Vec<Tool> = (0..100)
        .map(|n| {
            tool(
                &format!("tool{n}"),
                "",
                schema.clone(),
                Some(schema.clone()),
            )
        })
        .collect();
    let wit = Wit::generate(["a", "b", "c"].map(|name| (name, &tools)));
    validate(&wit);
    assert_eq!(wit.left_out(), ["c"]);
    let world = &wit.files()[0].text;
    assert!(world.contains("no room for it: \"c\"") && !world.contains("import tools:c/"));
}

#[test]
fn the_shared_package_is_named_by_nobody_else() {
    let nothing: [Tool; 0] = [];
    let wit = Wit::generate([
        ("types", &nothing),
        ("tool-types", &nothing),
        ("tools", &nothing),
    ]);
    validate(&wit);
    let none: [(&str, [Tool; 0]); 0] = [];
    let none = none.iter().map(|(name, tools)| (*name, tools));
    validate(&Wit::generate(none));
    assert!(TYPES.contains("type json = string;"));
}
