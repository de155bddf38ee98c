use super::*;
use crate::event::{Answer, Bytes, End, Head, Question};

fn rules(texts: &[(&str, &[&str])]) -> Rules {
    let texts = texts.iter().map(|(pattern, fields)| RuleText {
        pattern: (!pattern.is_empty()).then(|| (*pattern).to_owned()),
        fields: fields.iter().map(|it| (*it).to_owned()).collect(),
        with: None,
    });
    Rules::new(texts).unwrap()
}

fn head() -> Head {
    Head {
        source: "print('x')".to_owned(),
        ..Head::default()
    }
}

fn asked(arguments: &str) -> Event {
    Event::Asked {
        instance: 0,
        id: 1,
        question: Question::Call {
            name: "a.b".to_owned(),
            arguments: arguments.to_owned(),
        },
    }
}

fn answered(answer: &str) -> Event {
    Event::Answered {
        instance: 0,
        id: 1,
        answer: Answer::Ok(answer.to_owned()),
    }
}

fn printed(bytes: &[u8]) -> Event {
    Event::Printed {
        stream: 1,
        bytes: Bytes(bytes.to_vec()),
    }
}

fn redacted(mut events: Vec<Event>, rules: &Rules) -> (Vec<Event>, Vec<usize>) {
    events.insert(0, Event::Head(Box::new(head())));
    let hit = redact(&mut events, rules).unwrap();
    events.remove(0);
    (events, hit.into_iter().collect())
}

#[test]
fn a_value_is_the_same_word_wherever_it_stands() {
    let rules = rules(&[("", &["password"])]);
    let (events, hit) = redacted(
        vec![
            printed(b"before: hunt"),
            printed(b"er2 aHVudGVyMg== dTpodW50ZXIy x%"),
            asked(r#"{"text":"it is hunter2","n":1}"#),
            answered(r#"{"value":{"password":"hunter2","of":"hunter2!"},"bytes":9}"#),
            answered(r#"{"value":{"user":{"Password":"other-one"}},"bytes":9}"#),
        ],
        &rules,
    );
    assert_eq!(
        events,
        [
            printed(b"before: redacted-1"),
            // Two alphabets of base64, the second in the middle of something else.
            printed(b" cmVkYWN0ZWQtMQ== dTpyZWRhY3RlZC0x x%"),
            asked(r#"{"text":"it is redacted-1","n":1}"#),
            answered(r#"{"value":{"password":"redacted-1","of":"redacted-1!"},"bytes":9}"#),
            answered(r#"{"value":{"user":{"Password":"redacted-2"}},"bytes":9}"#),
        ]
    );
    assert_eq!(hit, [0]);
}

#[test]
fn values_that_are_written_otherwise_are_found() {
    let rules = rules(&[("", &["key"])]);
    let secret = "pä ss/\"w\"";
    let json = serde_json::to_string(secret).unwrap();
    let escaped = json.get(1..json.len() - 1).unwrap();
    let text = format!(
        "{secret} {escaped} p\\u00e4 ss/\\\"w\\\" p%C3%A4%20ss/%22w%22 p%c3%a4%20ss%2f%22w%22 p%C3%A4+ss%2F%22w%22"
    );
    let (events, _) = redacted(
        vec![
            printed(text.as_bytes()),
            asked(&format!(r#"{{"key":{json}}}"#)),
        ],
        &rules,
    );
    let words = ["redacted-1"; 6].join(" ");
    assert_eq!(
        events,
        [printed(words.as_bytes()), asked(r#"{"key":"redacted-1"}"#)]
    );
}

#[test]
fn numbers_stay_numbers_and_truth_stays() {
    let rules = rules(&[(r"\b\d{16}\b", &["salary", "rate"])]);
    let (events, _) = redacted(
        vec![
            asked(r#"{"salary":123456,"rate":[1.25,true,null],"n":4111111111111111,"m":12}"#),
            printed(b"123456 1234567 4111111111111111"),
            answered(r#" {"value":{"x":123456},"bytes":123456}"#),
        ],
        &rules,
    );
    assert_eq!(
        events,
        [
            asked(r#"{"salary":9000000001,"rate":[9000000002.5,true,null],"n":9000000003,"m":12}"#),
            printed(b"9000000001 1234567 9000000003"),
            answered(r#" {"value":{"x":9000000001},"bytes":123456}"#),
        ]
    );
}

#[test]
fn json_in_texts_is_looked_into_and_keeps_its_form() {
    let rules = rules(&[("", &["token", "pin", "/user/email"])]);
    let inner = r#"{"token": "abcdef-1", "n": 1.0}"#;
    let short = r#"{"pin": "1234", "email": "a@b.example"}"#;
    let body = serde_json::json!({
        "status": 200, "headers": [["Token", "in-a-header"]], "text": inner,
        "bytes": data_encoding::BASE64.encode(inner.as_bytes()),
    });
    let (events, _) = redacted(
        vec![
            answered(&serde_json::Value::from(body.to_string()).to_string()),
            answered(&serde_json::json!({"value": inner, "bytes": 1}).to_string()),
            answered(&serde_json::json!({"value": short, "bytes": 1}).to_string()),
            answered(r#"{"value":{"user":{"email":"a@b.example"}},"bytes":1}"#),
        ],
        &rules,
    );
    let inner = inner.replace("abcdef-1", "redacted-2");
    let body = serde_json::json!({
        "status": 200, "headers": [["Token", "redacted-1"]], "text": inner,
        "bytes": data_encoding::BASE64.encode(inner.as_bytes()),
    });
    assert_eq!(
        events,
        [
            answered(&serde_json::Value::from(body.to_string()).to_string()),
            answered(&serde_json::json!({"value": inner, "bytes": 1}).to_string()),
            // A short value is replaced where the rule hits it: then the text is written anew.
            answered(
                &serde_json::json!({"value": r#"{"pin":"redacted-3","email":"redacted-4"}"#, "bytes": 1})
                    .to_string()
            ),
            answered(r#"{"value":{"user":{"email":"redacted-4"}},"bytes":1}"#),
        ]
    );
}

#[test]
fn variables_are_hit_by_their_names_also_in_the_command_line() {
    let rules = rules(&[("", &["pin", "code"])]);
    let words = |words: &[&str]| words.iter().map(|it| (*it).to_owned()).collect();
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut events = vec![Event::Head(Box::new(Head {
        command: words(&[
            "run",
            "-e",
            "PIN=1234",
            "--env=CODE=5678",
            "-e",
            "N=1",
            "a.py",
        ]),
        env: vec![
            variable("PIN", "1234"),
            variable("CODE", "5678"),
            variable("N", "1"),
        ],
        ..head()
    }))];
    redact(&mut events, &rules).unwrap();
    let expected = Head {
        command: words(&[
            "run",
            "-e",
            "PIN=redacted-1",
            "--env=CODE=redacted-2",
            "-e",
            "N=1",
            "a.py",
        ]),
        env: vec![
            variable("PIN", "redacted-1"),
            variable("CODE", "redacted-2"),
            variable("N", "1"),
        ],
        ..head()
    };
    assert_eq!(events, [Event::Head(Box::new(expected))]);
}

#[test]
fn descriptions_and_what_counts_are_not_hit_by_their_places() {
    let rules = rules(&[("", &["password", "name", "usage", "kind", "description"])]);
    let listing = r#"{"name":"a","tools":[{"name":"password","description":"Sets it."}]}"#;
    let report = r#"{"outcome":"returned","value":{"name":"Ada Lovelace"},"stdout":"Ada Lovelace","usage":{"fuel":1234567}}"#;
    let (events, _) = redacted(
        vec![
            answered(listing),
            Event::End(Box::new(End {
                report: report.to_owned(),
                tools: Vec::new(),
            })),
        ],
        &rules,
    );
    assert_eq!(
        events,
        [
            answered(listing),
            Event::End(Box::new(End {
                report: report.replace("Ada Lovelace", "redacted-1"),
                tools: Vec::new(),
            })),
        ]
    );
}

#[test]
fn a_rule_that_hits_nothing_changes_nothing_and_one_that_hits_too_much_is_refused() {
    let none = rules(&[("no such text", &["nowhere"])]);
    let events = vec![asked(r#"{"a": 1.0}"#), printed(b"x")];
    assert_eq!(redacted(events.clone(), &none), (events, vec![]));
    let all = rules(&[(r"\d+", &[])]);
    let text: String = (0..=VALUES).map(|it| format!("{it} ")).collect();
    let mut events = vec![Event::Head(Box::new(head())), printed(text.as_bytes())];
    assert_eq!(redact(&mut events, &all), Err(TooManyValues));
}

#[test]
fn values_that_overlap_leave_no_rest() {
    let rules = rules(&[("abcdefgh", &[]), ("efghijkl", &[]), ("zz-[a-z]+", &[])]);
    let (events, hit) = redacted(
        vec![
            printed(b"abcdefgh "),
            printed(b"efghijkl abcdefghijkl zz-abcdefgh"),
        ],
        &rules,
    );
    assert_eq!(
        events,
        [
            printed(b"redacted-1 "),
            printed(b"redacted-2 redacted-1 redacted-3")
        ]
    );
    assert_eq!(hit, [0, 1, 2]);
}

#[test]
fn fields_look_into_texts_of_one_document_a_line() {
    let rules = rules(&[("", &["password"]), ("mult.ple", &[])]);
    let stdin = |text: &str| {
        let mut events = vec![Event::Head(Box::new(Head {
            stdin: Bytes(text.as_bytes().to_vec()),
            ..head()
        }))];
        redact(&mut events, &rules).unwrap();
        let Some(Event::Head(head)) = events.pop() else {
            unreachable!("it was there before");
        };
        String::from_utf8(head.stdin.0).unwrap()
    };
    // Values that are too short to be replaced elsewhere, so that only their place tells; lines stay as they are written.
    let lines = " {\"password\": \"abc\", \"v\": 1}\r\n\n{\"n\":  \"abc\"}\n[{\"password\":12}]\n{\"password\":\"hunter2\"}";
    let expected = " {\"password\":\"redacted-1\",\"v\":1}\r\n\n{\"n\":  \"abc\"}\n[{\"password\":9000000001}]\n{\"password\":\"redacted-2\"}";
    assert_eq!(stdin(lines), expected);
    // One document over several lines is looked into as before.
    assert_eq!(
        stdin("{\n\"password\":\"abc\"}"),
        "\n{\"password\":\"redacted-1\"}".trim_start()
    );
    // Exactly, or not at all: each line has to be a document, and an object or an array.
    for text in [
        "{\"password\":\"abc\"}\nabc\n",
        "{\"password\":\"abc\"}\n{\"v\":NaN}\n",
        "{\"password\":\"abc\"}\n12\n",
        "1\n{\"password\":\"abc\"}\n",
        "{\"password\":\"abc\"} {\"password\":\"abc\"}\n",
    ] {
        assert_eq!(stdin(text), text);
    }
    // Patterns count besides, in the whole text first.
    assert_eq!(
        stdin("{\"password\":\"abc\"}\n{\"v\":\"multiple\"}\n"),
        "{\"password\":\"redacted-2\"}\n{\"v\":\"redacted-1\"}\n"
    );
    // As in a text of an answer.
    let (events, hit) = redacted(
        vec![answered(
            r#"{"value":"{\"password\":\"abc\"}\n{\"n\":\"abc\"}\n","bytes":9}"#,
        )],
        &rules,
    );
    let expected =
        answered(r#"{"value":"{\"password\":\"redacted-1\"}\n{\"n\":\"abc\"}\n","bytes":9}"#);
    assert_eq!(events, [expected]);
    assert_eq!(hit, [0]);
}
