use serde_json::json;
use wxmcp_catalogue::Definition;

use wxmcp_run::Held;

use super::*;

/// A tool with this output schema.
fn tool(output_schema: Option<Value>) -> Tool {
    let definition = Definition {
        name: "t".to_owned(),
        description: String::new(),
        input_schema: Value::Null,
        output_schema,
    };
    Tool::new(definition).unwrap()
}

fn object() -> Option<Value> {
    Some(json!({"type": "object"}))
}

fn received(value: Value) -> Received {
    Received {
        value,
        bytes: 0,
        held: Held::default(),
    }
}

fn unwrapped(result: Value, output_schema: Option<Value>) -> Result<Answer, ToolError> {
    let received = received(result);
    unwrap(
        received,
        Declared::from(&tool(output_schema)),
        &Ledger::unbounded(),
    )
    .map(Answer::unwrapped)
}

fn value(result: Value, output_schema: Option<Value>) -> Value {
    unwrapped(result, output_schema).unwrap().value
}

fn content(blocks: Value) -> Value {
    value(json!({ "content": blocks }), None)
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn image() -> Value {
    json!({"type": "image", "data": "aGk=", "mimeType": "image/png"})
}

#[test]
fn structured_content_wins() {
    let result = json!({"content": [text("x")], "structuredContent": {"n": 1}});
    assert_eq!(value(result, object()), json!({"n": 1}));
    let null = json!({"structuredContent": null});
    assert_eq!(value(null, object()), json!(null));
}

#[test]
fn content_that_says_more_stays_beside_structured_content() {
    let beside = |blocks: Value| {
        let result = json!({"content": blocks, "structuredContent": {"n": 1}});
        let answer = unwrapped(result, None).unwrap();
        assert_eq!(
            (answer.value.clone(), answer.must_fit),
            (json!({"n": 1}), true)
        );
        answer
    };
    for same in [
        json!([]),
        json!([text("")]),
        json!([text("{ \"n\": 1.0 }")]),
        json!([text("{\"n\":1}"), text(" ")]),
    ] {
        assert_eq!(beside(same).content, Vec::<Value>::new());
    }
    let several = json!([
        text("see"), image(), text("{\"n\":1}"), {"type": "audio", "data": ""},
        {"type": "resource_link", "uri": "x:1"}, {"type": "novel"},
    ]);
    let answer = beside(several.clone());
    assert_eq!(Value::from(answer.content.clone()), several);
    assert_eq!(
        answer.content_in_words(),
        "2 texts, 1 image, 1 sound, 1 resource, 1 other block"
    );
    assert_eq!(
        beside(json!([text("the body")])).content_in_words(),
        "1 text"
    );
}

#[test]
fn where_structured_content_is_empty_content_may_take_its_place() {
    for (structured, blocks, is_only_content) in [
        (json!({}), json!([text("real")]), true),
        (json!(null), json!([image()]), true),
        (json!({}), json!([text("{}")]), false),
        (json!(null), json!([text("null")]), false),
        (json!({}), json!([]), false),
        (json!([]), json!([text("real")]), false),
    ] {
        let result = json!({"content": blocks, "structuredContent": structured});
        let answer = unwrapped(result.clone(), None).unwrap();
        assert_eq!(answer.is_only_content(), is_only_content, "{result}");
    }
    let result = json!({"content": [text("[1]")], "structuredContent": {}});
    let answer = unwrapped(result, None).unwrap();
    assert_eq!(answer.into_content_only(false).value, json!([1]));
}

#[test]
fn a_marked_result_is_taken_out_of_its_object_and_no_other() {
    let schema = |marked: Value| {
        json!({"type": "object", "properties": {"result": {"type": "string"}}, "required": ["result"],
               "x-fastmcp-wrap-result": marked})
    };
    let whole = json!({"result": "a\nb"});
    let plain = json!({"content": [text("a\nb")], "structuredContent": whole});
    let mut by_meta = plain.clone();
    by_meta["_meta"] = json!({"fastmcp": {"wrap_result": true}});
    for (result, output_schema, expected) in [
        (&plain, Some(schema(json!(true))), json!("a\nb")),
        (&by_meta, Some(schema(json!(true))), json!("a\nb")),
        (&by_meta, None, json!("a\nb")),
        (&by_meta, Some(schema(json!(false))), json!("a\nb")),
        (&plain, Some(schema(json!(false))), whole.clone()),
        (&plain, Some(schema(json!("true"))), whole.clone()),
        (&plain, None, whole.clone()),
    ] {
        let answer = unwrapped(result.clone(), output_schema).unwrap();
        assert_eq!(answer.value, expected);
        assert_eq!(answer.content, Vec::<Value>::new());
    }
    let false_mark = |mark: Value| {
        let mut result = plain.clone();
        result["_meta"] = mark;
        value(result, None)
    };
    for mark in [
        json!({"fastmcp": {"wrap_result": false}}),
        json!({"fastmcp": true}),
        json!({"wrap_result": true}),
        json!(null),
        json!([]),
    ] {
        assert_eq!(false_mark(mark), whole);
    }
    for other in [
        json!({"result": 1, "more": 2}),
        json!({"rows": []}),
        json!([1]),
        json!({}),
    ] {
        let result = json!({"structuredContent": other, "_meta": by_meta["_meta"]});
        assert_eq!(value(result, None), other);
    }
}

/// A schema without the mark is one of the object, and the object is held against it.
#[test]
fn what_only_the_answer_marks_is_taken_out_after_it_was_checked() {
    let result =
        json!({"structuredContent": {"result": 1}, "_meta": {"fastmcp": {"wrap_result": true}}});
    let answer = unwrap(
        received(result),
        Declared::from(&tool(object())),
        &Ledger::unbounded(),
    )
    .unwrap();
    assert_eq!(answer.value, json!({"result": 1}));
    assert_eq!(answer.unwrapped().value, json!(1));
}

#[test]
fn text_is_text_unless_it_is_a_json_object_or_array() {
    for (told, expected) in [
        ("plain", json!("plain")),
        ("42", json!("42")),
        ("\"quoted\"", json!("\"quoted\"")),
        (" {\"a\": [1]}\n", json!({"a": [1]})),
        ("[1, 2]", json!([1, 2])),
        ("[1, 2", json!("[1, 2")),
        ("{} trailing", json!("{} trailing")),
        ("{\"mean\": NaN}", json!("{\"mean\": NaN}")),
        ("[\"\\ud83d\"]", json!(["\u{fffd}"])),
        ("", json!("")),
    ] {
        assert_eq!(content(json!([text(told)])), expected, "{told}");
    }
    let declared = json!({"content": [text("[1]")]});
    assert_eq!(value(declared, object()), json!("[1]"));
}

#[test]
fn several_blocks_are_a_list() {
    assert_eq!(
        content(json!([text("a"), text("{\"b\": 1}")])),
        json!(["a", {"b": 1}])
    );
    assert_eq!(content(json!([image()])), image());
    assert_eq!(
        content(json!([text("a"), image()])),
        json!([text("a"), image()])
    );
    assert_eq!(content(json!([])), json!(null));
    assert_eq!(
        content(json!([{"type": "novel", "x": 1}])),
        json!({"type": "novel", "x": 1})
    );
}
#[test]
fn what_is_no_result_is_named_and_not_lost() {
    for (result, problem) in [
        (json!([]), "not an object"),
        (json!({"content": "x"}), "not an array"),
        (json!({"content": ["x"]}), "no `type`"),
        (json!({"content": [{"type": "text"}]}), "no `text`"),
        (json!({"content": [{"type": "image"}]}), "no `data`"),
        (json!({"isError": "no"}), "not a boolean"),
        (json!({"resultType": "later"}), "resultType"),
        (json!({"resultType": 3}), "resultType"),
    ] {
        let error = unwrapped(result.clone(), None).unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::InvalidAnswer);
        assert!(error.message.contains(problem), "{}", error.message);
        assert_eq!(error.data, Some(json!({ "answer": result })));
    }
    for kind in ["input_required", "task"] {
        let error = unwrapped(json!({ "resultType": kind }), None).unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::ToolFailed);
    }
}

#[test]
fn rpc_errors_keep_their_code() {
    let error = rpc_error(-32602, "bad `path`", Some(json!(["path"])));
    assert_eq!(error.kind, ToolErrorKind::InvalidArguments);
    assert_eq!(error.message, "bad `path`");
    assert_eq!(error.data, Some(json!({"code": -32602, "data": ["path"]})));
    assert_eq!(rpc_error(-32603, "", None).kind, ToolErrorKind::ToolFailed);
}

#[test]
fn a_failure_carries_the_tools_own_words() {
    let error = unwrapped(
        json!({"isError": true, "content": [text("no such table"), text("at line 3")],
               "structuredContent": {"code": 7}}),
        object(),
    )
    .unwrap_err();
    assert_eq!(error.kind, ToolErrorKind::ToolFailed);
    assert_eq!(error.message, "no such table\nat line 3");
    assert_eq!(error.data, Some(json!({"code": 7})));
    let blocks = json!([text("see"), image()]);
    let shown = unwrapped(json!({"isError": true, "content": blocks}), None).unwrap_err();
    assert_eq!(shown.data, Some(json!({"content": blocks})));
    let silent = unwrapped(json!({"isError": true}), None).unwrap_err();
    assert_eq!(silent.message, "the tool failed and did not say why");
}
