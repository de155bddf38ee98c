use std::sync::Arc;

use serde_json::value::RawValue;
use wxmcp_run::{CallEnd, Limit, Raised, RunId, ToolErrorKind, Usage};

use super::*;

fn report(outcome: Outcome) -> Report {
    Report {
        run: RunId::random(),
        outcome,
        stdout: Vec::new(),
        stderr: Vec::new(),
        calls: Vec::new(),
        usage: Usage::default(),
        artifacts: Vec::new(),
    }
}

fn returned(json: &str) -> Outcome {
    Outcome::Returned(RawValue::from_string(json.to_owned()).unwrap())
}

fn ended(report: Report) -> Ended {
    Ended {
        report: Arc::new(report),
        recording: None,
        session: None,
        times: crate::results::Times::default(),
    }
}

fn text(result: &CallToolResult) -> &str {
    &result.content[0].as_text().unwrap().text
}

#[test]
fn the_value_comes_first_then_what_was_printed() {
    let mut it = report(returned("\"hello\""));
    assert_eq!(text(&of_report(&ended(it.clone()), 25_000)), "hello");
    it.stdout = b"line\n".to_vec();
    it.stderr = b"note\n".to_vec();
    let result = of_report(&ended(it.clone()), 25_000);
    assert_eq!(text(&result), "hello\n[stdout]\nline\n\n[stderr]\nnote\n");
    assert_eq!(result.is_error, Some(false));
    let structured = result.structured_content.unwrap();
    assert_eq!(structured["value"], "hello");
    assert_eq!(structured["stdout"], "line\n");
    assert_eq!(structured["run"], it.run.to_string());
}

#[test]
fn texts_that_are_handed_out_are_in_both() {
    let mut it = report(returned("1"));
    it.artifacts.push(Artifact {
        kind: "text".to_owned(),
        media_type: "text/plain".to_owned(),
        data: "a document".to_owned(),
        name: None,
    });
    let result = of_report(&ended(it), 25_000);
    assert_eq!(text(&result), "1\na document");
    let structured = result.structured_content.unwrap();
    assert_eq!(structured["texts"], "a document");
    assert!(structured.get("stdout").is_none(), "{structured}");
}

#[test]
fn integers_of_any_size_are_exact_in_both() {
    let digits = "123456789012345678901234567890";
    let result = of_report(&ended(report(returned(digits))), 25_000);
    assert_eq!(text(&result), digits);
    assert_eq!(
        result.structured_content.unwrap()["value"].to_string(),
        digits
    );
}

#[test]
fn a_failure_lists_the_calls_already_made() {
    let raised = Raised {
        kind: "ValueError".to_owned(),
        message: "no".to_owned(),
        traceback: "Traceback\nValueError: no\n".to_owned(),
        line: Some(3),
        file: None,
    };
    let mut it = report(Outcome::Raised(raised));
    let end = |error| {
        Some(CallEnd {
            error,
            milliseconds: 1.0,
            answer_bytes: 1,
        })
    };
    let calls = [end(None), end(Some(ToolErrorKind::ToolFailed)), None];
    for (sequence, ended) in (1..).zip(calls) {
        it.calls.push(CallRecord {
            sequence,
            name: format!("mail.send{sequence}"),
            ended,
            argument_bytes: 2,
        });
    }
    let result = of_report(&ended(it), 25_000);
    assert_eq!(result.is_error, Some(true));
    assert_eq!(
        text(&result),
        "[failed] ValueError\nTraceback\nValueError: no\n[calls already made]\n\
         1 mail.send1: done\n2 mail.send2: tool-failed\n3 mail.send3: unanswered"
    );
    let structured = result.structured_content.unwrap();
    assert_eq!(structured["error"]["line"], 3);
    assert_eq!(structured["calls"][1], json!(["mail.send2", "tool-failed"]));
}

#[test]
fn a_limit_is_named() {
    let result = of_report(
        &ended(report(Outcome::Stopped(Limit::WallTime(1_000), None))),
        25_000,
    );
    assert_eq!(text(&result), "[stopped] by the time limit of 1 s");
    assert_eq!(
        result.structured_content.unwrap()["error"]["limit"],
        "wall-time"
    );
}

#[test]
fn both_forms_stay_within_the_limit_and_name_what_holds_the_whole() {
    let mut it = report(returned(&format!("\"{}\"", "v".repeat(100_000))));
    // Each of these is six characters in JSON.
    it.stdout = vec![1; 100_000];
    it.stderr = "\"".repeat(100_000).into_bytes();
    let run = it.run;
    let result = of_report(&ended(it), 25_000);
    let shown = text(&result);
    assert!(shown.chars().count() <= 25_000, "{}", shown.len());
    for part in [
        "of 100000 characters",
        &format!("run://{run}/value"),
        &format!("run://{run}/stdout"),
    ] {
        assert!(shown.contains(part), "{part}");
    }
    let structured = result.structured_content.unwrap();
    let written = structured.to_string();
    assert!(written.chars().count() <= 25_000, "{}", written.len());
    assert!(structured.get("value").is_none());
    assert!(
        structured["value_cut"]
            .as_str()
            .unwrap()
            .contains("of 100000 characters")
    );
}

#[test]
fn both_forms_show_the_same_of_each_text() {
    // Lines, each of whose ends is two characters in JSON: near the limit, within it, and beyond it.
    for lines in 2_300..2_520 {
        let mut it = report(returned("1"));
        it.stdout = "a line..\n".repeat(lines).into_bytes();
        let result = of_report(&ended(it.clone()), 25_000);
        let structured = result.structured_content.clone().unwrap();
        let shown = structured["stdout"].as_str().unwrap();
        assert_eq!(text(&result), format!("1\n[stdout]\n{shown}"), "{lines}");
        let written = structured.to_string().chars().count();
        assert!(written <= 25_000, "{lines}: {written}");
        let is_whole = shown.len() == it.stdout.len();
        // What is left unused is not more than an answer has besides, or the words about the cut.
        assert!(is_whole || written > 24_000, "{lines}: {written}");
        assert_eq!(is_whole, !shown.contains("[cut: "), "{lines}");
    }
}

#[test]
fn keys_that_json_has_twice_are_in_both() {
    let json = r#"{"1":"a","1":"b"}"#;
    let result = of_report(&ended(report(returned(json))), 25_000);
    assert_eq!(text(&result), json);
    let structured = result.structured_content.unwrap();
    assert_eq!(structured["value_json"], json);
    assert!(structured.get("value").is_none(), "{structured}");
    let twin = of_report(&ended(report(returned(r#"{"1":"a","2":"b"}"#))), 25_000);
    assert_eq!(
        twin.structured_content.unwrap()["value"],
        json!({"1": "a", "2": "b"})
    );
}

#[test]
fn a_text_without_characters_is_a_value() {
    let result = of_report(&ended(report(returned("\"\""))), 25_000);
    assert_eq!(text(&result), "");
    assert_eq!(result.structured_content.unwrap()["value"], "");
}

#[test]
fn what_is_handed_out_is_content_of_its_own_and_nothing_hides_it() {
    let mut it = report(returned("1"));
    for (kind, media_type) in [
        ("image", "image/png"),
        ("file", "audio/wav"),
        ("file", "application/pdf"),
        ("text", "text/plain"),
    ] {
        it.artifacts.push(Artifact {
            kind: kind.to_owned(),
            media_type: media_type.to_owned(),
            data: "AAAA".to_owned(),
            name: (kind == "file").then(|| "Q4 50%/né.pdf".to_owned()),
        });
    }
    let result = of_report(&ended(it), 25_000);
    assert_eq!(text(&result), "1\nAAAA");
    assert_eq!(result.content.len(), 4);
    assert!(result.content[1].as_image().is_some());
    assert!(matches!(result.content[2], ContentBlock::Audio(_)));
    let file = result.content[3].as_resource().unwrap();
    let ResourceContents::BlobResourceContents { uri, .. } = &file.resource else {
        panic!("a blob");
    };
    let name = "artifacts/3/Q4%2050%25%2Fn%C3%A9.pdf";
    assert!(uri.ends_with(name), "{uri}");
    assert!(result.structured_content.is_none());
}
