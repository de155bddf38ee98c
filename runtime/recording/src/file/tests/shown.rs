//! Lines of JSON, and tables.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::file::{Call, Ended, Show, calls, line, table};

fn schema() -> Result<jsonschema::Validator, Box<dyn Error>> {
    let schema = include_str!("../../../../../schemas/recording.schema.json");
    Ok(jsonschema::validator_for(&serde_json::from_str(schema)?)?)
}

const WHOLE: Show = Show { longest: None };

#[test]
fn every_kind_of_event_is_a_line_of_the_schema() -> TestResult {
    let schema = schema()?;
    let mut kinds = std::collections::BTreeSet::new();
    for longest in [None, Some(0), Some(10), Some(100)] {
        for (number, event) in (0..).zip(one_of_each()) {
            let line = line(number, &event, Show { longest });
            assert!(!line.contains('\n'), "{line}");
            let value: Value = serde_json::from_str(&line)?;
            let wrong: Vec<String> = schema
                .iter_errors(&value)
                .map(|it| it.to_string())
                .collect();
            assert!(wrong.is_empty(), "{line}: {wrong:?}");
            kinds.insert(value["kind"].to_string());
        }
    }
    assert_eq!(kinds.len(), 15, "{kinds:?}");
    Ok(())
}

#[test]
fn the_schema_refuses_what_is_no_line() -> TestResult {
    let schema = schema()?;
    for (number, event) in (0..).zip(one_of_each()) {
        let Value::Object(whole) = serde_json::from_str(&line(number, &event, WHOLE))? else {
            return Err("no object".into());
        };
        for key in whole.keys() {
            let mut less = whole.clone();
            less.shift_remove(key);
            assert!(!schema.is_valid(&Value::Object(less)), "{key} of {whole:?}");
        }
        let mut more = whole.clone();
        more.insert(text("more"), Value::Null);
        assert!(!schema.is_valid(&Value::Object(more)), "{whole:?}");
    }
    Ok(())
}

#[test]
fn lines_say_what_events_hold() {
    let shown = |event: &Event| line(7, event, WHOLE);
    let printed = |bytes: &[u8]| Event::Printed {
        stream: 2,
        bytes: Bytes(bytes.to_vec()),
    };
    assert_eq!(
        shown(&printed("é\n\u{1b}".as_bytes())),
        r#"{"event":7,"kind":"printed","stream":2,"bytes":"é\n\u001b"}"#
    );
    assert_eq!(
        shown(&printed(&[0xff, 0])),
        r#"{"event":7,"kind":"printed","stream":2,"bytes":{"base64":"/wA="}}"#
    );
    let call = |arguments: &str| {
        question(Question::Call {
            name: text("a.b"),
            arguments: text(arguments),
        })
    };
    // Numbers keep their digits, keys their order and number; what is no JSON is a text.
    assert_eq!(
        shown(&call("{\"b\": 1.10e+400,\n\"a\": 1,\r\n\"a\": 2}")),
        "{\"event\":7,\"kind\":\"asked\",\"instance\":0,\"id\":1,\"question\":\"call\",\"name\":\"a.b\",\
         \"arguments\":{\"b\": 1.10e+400, \"a\": 1,  \"a\": 2}}"
    );
    assert!(shown(&call("{]")).ends_with(r#""name":"a.b","arguments_text":"{]"}"#));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(shown(&call(&deep)).len() > 200_000);
    let began = |operation| Event::Began {
        instance: 1,
        id: 2,
        operation,
        timer: None,
    };
    let of = r#"{"event":7,"kind":"began","instance":1,"id":2,"#;
    assert_eq!(
        shown(&began(10)),
        format!(r#"{of}"operation":"run","timer":null}}"#)
    );
    assert_eq!(
        shown(&began(0)),
        format!(r#"{of}"operation":0,"timer":null}}"#)
    );
}

#[test]
fn long_values_are_cut_where_that_is_wanted() {
    let shown = |event: &Event| -> Value {
        let line = line(7, event, Show { longest: Some(4) });
        serde_json::from_str(&line).unwrap_or_default()
    };
    let bytes = |bytes: &[u8]| {
        shown(&Event::Printed {
            stream: 1,
            bytes: Bytes(bytes.to_vec()),
        })["bytes"]
            .clone()
    };
    assert_eq!(bytes(b"abcd"), json!("abcd"));
    let sha256 = "dbd318c1c462aee872f41109a4dfd3048871a03dedd0fe0e757ced57dad6f2d7";
    assert_eq!(bytes(b"foobar")["cut"], json!("foob"));
    assert_eq!(bytes(b"foobar")["bytes"], json!(6));
    assert_eq!(bytes("abc\u{e9}".as_bytes())["cut"], json!("abc"));
    assert_eq!(
        bytes(b"\xff234567"),
        json!({"base64": "/zIzNA==", "bytes": 7, "sha256": bytes(b"\xff234567")["sha256"]})
    );
    assert_ne!(bytes(b"foo baz")["sha256"], json!(sha256));
}

#[test]
fn calls_are_shown_as_a_table() {
    let asked = |id, name: &str, arguments: &str| Event::Asked {
        instance: u32::from(id == 4),
        id,
        question: Question::Call {
            name: text(name),
            arguments: text(arguments),
        },
    };
    let answered = |id, answer| Event::Answered {
        instance: u32::from(id == 4),
        id,
        answer,
    };
    let events = [
        Event::Head(Box::new(head())),
        asked(1, "github.list_issues", r#"{"state": "open"}"#),
        asked(
            2,
            "files.read",
            &format!(r#"{{"path": "{}"}}"#, "a/".repeat(100)),
        ),
        answered(2, Answer::Err(text(r#"{"kind": "tool-failed"}"#))),
        answered(1, Answer::Ok(text("[1, 2, 3]"))),
        asked(3, "slow.wait", "{}"),
        Event::GaveUp { instance: 0, id: 3 },
        asked(4, "evil.\u{1b}[2J\u{202e}", "{\n}"),
        question(Question::Describe(vec![text("a.b"), text("a.c")])),
        answered(4, Answer::Err(text("[]"))),
    ];
    let all = calls(&events);
    assert_eq!(all.len(), 5);
    assert_eq!(
        all.first(),
        Some(&Call {
            event: 1,
            instance: 0,
            name: text("github.list_issues"),
            arguments: text(r#"{"state": "open"}"#),
            ended: Ended::Answered { event: 4, bytes: 9 },
        })
    );
    let wanted = [
        "event  call                arguments                     ended        at  bytes",
        "    1  github.list_issues  {\"state\": \"open\"}             ok            4      9",
        "    2  files.read          {\"path\": \"a/a/a/a/a/a/a/a/a…  tool-failed   3     23",
        "    5  slow.wait           {}                            given up      6",
        "    7  evil.\u{fffd}[2J\u{fffd} [1]      {\u{fffd}}                           error         9      2",
        "    8  (describe)          a.b, a.c                      no answer",
        "",
    ];
    assert_eq!(table(&all, 79), wanted.join("\n"));
    assert!(
        table(&all, 0).contains("{\"path\": \"a/a/a/a/a…"),
        "{}",
        table(&all, 0)
    );
    assert_eq!(table(&[], 80), "event  call  arguments  ended  at  bytes\n");
}

proptest! {
    #[test]
    fn all_events_are_lines_of_the_schema(event in some_event(), longest in prop::option::of(0_usize..200)) {
        let line = line(3, &event, Show { longest });
        prop_assert!(!line.contains('\n'));
        let value: Value = serde_json::from_str(&line).unwrap();
        prop_assert!(schema().unwrap().is_valid(&value), "{}", line);
    }
}
