//! Answers arrive whole, or say what is wrong with them: what is damaged costs its own call.

use std::time::Duration;

use serde_json::{Value, json};
use wxmcp_run::{ToolErrorKind as Kind, ToolHost as _};

use crate::support::{TestResult, answer, broker, call, context, echoes, error, liar, lying};

const ERAS: [&str; 2] = ["legacy", "modern"];

/// What is malformed is named long before the call's deadline, and the same process goes on.
#[tokio::test]
async fn damaged_answers_are_named_at_once_and_cost_their_own_call() -> TestResult {
    for era in ERAS {
        let broker = lying(&["--era", era])?;
        echoes(&broker).await?;
        for (tool, reason) in [
            ("answers_nan", "it holds `NaN`, which is not JSON"),
            ("answers_latin1", "it is not UTF-8: byte 0xE9 at position "),
            ("answers_cut_off", "it is cut off: its JSON does not end"),
            (
                "answers_cut_off_id_last",
                "it is cut off: its JSON does not end",
            ),
            ("answers_two_ids", "duplicate field `id`"),
        ] {
            let invalid = error(&broker, &format!("liar.{tool}"), json!({})).await?;
            assert_eq!(invalid.kind, Kind::InvalidAnswer, "{tool}: {invalid}");
            assert!(invalid.message.contains(reason), "{tool}: {invalid}");
        }
        for tool in ["answers_in_a_batch", "answers_behind_text"] {
            answer(&broker, &format!("liar.{tool}"), json!({})).await?;
        }
        let told = call(&broker, "liar.cancellations", json!({})).await?;
        assert_eq!(told, json!([]));
        broker.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
async fn other_calls_go_on_while_one_is_answered_badly() -> TestResult {
    let broker = broker(json!({"liar": liar(&[])}), |config| {
        config.call_timeout = Duration::from_secs(3);
    })?;
    echoes(&broker).await?;
    let (hung, invalid, fine) = tokio::join!(
        error(&broker, "liar.hangs", json!({})),
        error(&broker, "liar.answers_nan", json!({})),
        call(&broker, "liar.echo", json!({"text": "fine"})),
    );
    assert_eq!(
        (hung?.kind, invalid?.kind),
        (Kind::CallTimedOut, Kind::InvalidAnswer)
    );
    assert_eq!(fine?, json!("fine"));
    Ok(())
}

#[tokio::test]
async fn an_answer_to_a_request_that_was_never_made_is_said_and_costs_nothing() -> TestResult {
    let broker = broker(json!({"liar": liar(&[])}), |config| {
        config.call_timeout = Duration::from_secs(1);
    })?;
    let first = answer(&broker, "liar.answers_another_id_first", json!({})).await?;
    assert_eq!(first.value, json!("y"));
    let [note] = first.notes.as_slice() else {
        return Err(format!("{:?}", first.notes).into());
    };
    assert!(
        note.text
            .starts_with("`liar` answered a request that was never made (id 10"),
        "{note:?}"
    );
    // It is said once.
    let again = answer(&broker, "liar.answers_another_id_first", json!({})).await?;
    assert_eq!(again.notes, Vec::new());
    let late = error(&broker, "liar.answers_another_id", json!({})).await?;
    assert_eq!(late.kind, Kind::CallTimedOut);
    assert!(
        late.message
            .contains("within 1s; it answered a request that was never made"),
        "{late}"
    );
    echoes(&broker).await
}

#[tokio::test]
async fn noise_before_the_handshake_costs_nothing() -> TestResult {
    for era in ERAS {
        let broker = lying(&["--era", era, "--start", "noisy"])?;
        echoes(&broker).await?;
        broker.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
async fn half_a_surrogate_costs_no_answer_and_no_error() -> TestResult {
    for era in ERAS {
        let broker = lying(&["--era", era])?;
        for (tool, value) in [
            ("half_text", json!("a \u{fffd}")),
            (
                "half_structure",
                json!({"a\u{fffd}": ["\u{fffd}", "\\\u{fffd}"]}),
            ),
            ("half_notification", json!("heard")),
        ] {
            let answered = call(&broker, &format!("liar.{tool}"), json!({})).await?;
            assert_eq!(answered, value, "{tool}");
        }
        let refused = error(&broker, "liar.half_refused", json!({})).await?;
        assert_eq!(refused.message, "no \u{fffd}");
        assert_eq!(
            refused.data,
            Some(json!({"code": -32000, "data": {"\u{fffd}": 1}}))
        );
        let failed = error(&broker, "liar.half_denied", json!({})).await?;
        assert_eq!(failed.message, "no \u{fffd}");
        broker.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
async fn half_a_surrogate_or_another_encoding_in_a_description_costs_no_tool() -> TestResult {
    for era in ERAS {
        for (list, names) in [
            ("half", &["cut\u{fffd}", "echo", "low"][..]),
            ("latin1", &["coffee", "echo"]),
        ] {
            let broker = lying(&["--era", era, "--list", list])?;
            echoes(&broker).await?;
            let listed = broker.namespace("liar".to_owned(), context()).await?;
            let mut found: Vec<&str> = listed.tools.iter().map(|tool| tool.name.as_str()).collect();
            found.sort_unstable();
            assert_eq!(found, names);
            let described = listed
                .tools
                .iter()
                .any(|tool| tool.description.contains('\u{fffd}'));
            assert!(described, "{listed:?}");
            broker.shutdown().await;
        }
    }
    Ok(())
}

#[tokio::test]
async fn content_that_says_more_comes_beside_the_value_with_a_note() -> TestResult {
    for era in ERAS {
        let broker = lying(&["--era", era])?;
        let both = answer(&broker, "liar.structure_and_body", json!({})).await?;
        assert_eq!(both.value, json!({"name": "a.md"}));
        assert_eq!(
            both.content,
            Some(json!([{"type": "text", "text": "the body"}]))
        );
        let texts: Vec<&str> = both.notes.iter().map(|note| note.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "`liar.structure_and_body` also answered content that its value does not hold \
              (1 text): `content(value)` returns it"
            ]
        );
        let image = answer(&broker, "liar.structure_and_image", json!({})).await?;
        let content = image.content.ok_or("no content")?;
        assert_eq!(content.pointer("/0/type"), Some(&json!("image")));
        for (tool, value) in [
            (
                "structure_twice",
                json!({"of": "caf\u{e9}", "rows": [1, 2]}),
            ),
            ("empty_structure", json!("all there is")),
            ("json_text", json!({"rows": [1, 2]})),
        ] {
            let one = answer(&broker, &format!("liar.{tool}"), json!({})).await?;
            assert_eq!(
                (one.value, one.content, one.notes),
                (value, None, vec![]),
                "{tool}"
            );
        }
        // Empty as the tool declares it may be: this is the value.
        let declared = answer(&broker, "liar.promises_a_member", json!({})).await?;
        assert_eq!(declared.value, json!({}));
        let found = json!([{"type": "text", "text": "nothing was found"}]);
        assert_eq!(declared.content, Some(found));
        broker.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_in_the_error() -> TestResult {
    let broker = lying(&[])?;
    let unfit = error(&broker, "liar.unfit", json!({})).await?;
    assert_eq!(unfit.kind, Kind::InvalidAnswer);
    let data = unfit.data.ok_or("no data")?;
    assert_eq!(data["answer"], json!({"sum": "three"}));
    assert_eq!(data["content"], json!([{"type": "text", "text": "see"}]));
    assert_eq!(data["mismatches"][0]["path"], json!("/sum"));
    let long = error(&broker, "liar.unfit_and_long", json!({})).await?;
    let data = long.data.ok_or("no data")?;
    assert_eq!(
        data["answer"],
        json!("left out: 1000010 bytes, and an error carries at most 262144")
    );
    assert_eq!(data["mismatches"][0]["path"], json!("/sum"));
    echoes(&broker).await
}

#[tokio::test]
async fn an_integer_that_its_reader_would_round_does_not_fit() -> TestResult {
    let broker = lying(&[])?;
    let name = "liar.writes_an_id_as_a_float";
    let unfit = error(&broker, name, json!({"text": "9007199254740993.0"})).await?;
    assert_eq!(unfit.kind, Kind::InvalidAnswer);
    assert!(
        unfit
            .message
            .contains("/id: 9007199254740993 is written as a floating-point number"),
        "{unfit}"
    );
    for text in ["9007199254740993", "9007199254740994.0", "3.0"] {
        let one = answer(&broker, name, json!({"text": text})).await?;
        assert_eq!(one.value.to_string(), format!("{{\"id\":{text}}}"));
    }
    Ok(())
}

#[tokio::test]
async fn only_a_marked_result_is_taken_out_of_its_object() -> TestResult {
    let broker = lying(&[])?;
    for (tool, value) in [
        ("wraps", json!(["a", "b"])),
        ("wraps_by_meta", json!(["a", "b"])),
        ("does_not_wrap", json!({"result": ["a", "b"]})),
    ] {
        let one = answer(&broker, &format!("liar.{tool}"), json!({})).await?;
        assert_eq!((one.value, one.notes), (value, vec![]), "{tool}");
    }
    let unfit = error(&broker, "liar.unfit_inside", json!({})).await?;
    assert!(unfit.message.contains("/0: 1 is not of type"), "{unfit}");
    assert_eq!(unfit.data.ok_or("no data")?["answer"], json!([1]));
    // What is said of the tools agrees.
    let names = ["wraps", "does_not_wrap"].map(|name| format!("liar.{name}"));
    let described = broker.describe(names.to_vec(), context()).await?;
    let signatures: Vec<&str> = described
        .iter()
        .map(|tool| tool.signature.as_str())
        .collect();
    assert_eq!(
        signatures,
        [
            "liar.wraps() -> list[str]",
            "liar.does_not_wrap() -> {\"result\": list[str]}"
        ]
    );
    Ok(())
}

/// Reports every so often, until the call's own time is long over.
fn progress(reports: u32, pause: f64, ends: bool) -> Value {
    json!({"reports": reports, "pause": pause, "pause_after": 1, "ends": ends})
}

#[tokio::test]
async fn progress_extends_a_call() -> TestResult {
    for era in ERAS {
        let broker = broker(json!({"liar": liar(&["--era", era])}), |config| {
            config.call_timeout = Duration::from_millis(800);
        })?;
        echoes(&broker).await?;
        let long = call(&broker, "liar.progresses", progress(10, 0.1, true)).await?;
        assert_eq!(long, json!("finished"));
        let silent = error(&broker, "liar.hangs", json!({})).await?;
        assert_eq!(silent.message, "`liar` did not answer `hangs` within 800ms");
        broker.shutdown().await;
    }
    Ok(())
}

#[tokio::test]
async fn a_call_that_is_cut_although_it_reports_progress_says_so() -> TestResult {
    let broker = broker(json!({"liar": liar(&[])}), |config| {
        config.call_timeout = Duration::from_millis(400);
    })?;
    echoes(&broker).await?;
    let endless = error(&broker, "liar.progresses", progress(45, 0.1, true)).await?;
    assert_eq!(endless.kind, Kind::CallTimedOut);
    assert_eq!(
        endless.message,
        "`liar` reported progress, but did not answer `progresses` within 4s: \
         progress extends a call to ten times `call-timeout`, which is 400ms"
    );
    Ok(())
}

#[tokio::test]
async fn a_call_whose_progress_ends_is_given_its_time_once_more() -> TestResult {
    let broker = broker(json!({"liar": liar(&[])}), |config| {
        config.call_timeout = Duration::from_millis(500);
    })?;
    echoes(&broker).await?;
    let stalled = error(&broker, "liar.progresses", progress(3, 0.1, false)).await?;
    assert_eq!(
        stalled.message,
        "`liar` did not answer `progresses` within 500ms of the last progress that it reported"
    );
    echoes(&broker).await
}

#[tokio::test]
async fn a_flood_of_progress_costs_nothing() -> TestResult {
    let broker = lying(&[])?;
    let flood = json!({"reports": 20_000, "pause": 0, "pause_after": 1_000});
    assert_eq!(
        call(&broker, "liar.progresses", flood).await?,
        json!("finished")
    );
    echoes(&broker).await
}
