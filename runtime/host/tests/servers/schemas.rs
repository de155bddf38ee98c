//! Arguments and answers against what tools declare.

use std::time::Duration;

use serde_json::{Value, json};
use wxmcp_run::ToolErrorKind as Kind;

use crate::support::{TestResult, broker, call, echoes, error, liar, lying};

#[tokio::test]
async fn arguments_that_do_not_fit_never_reach_the_server() -> TestResult {
    let broker = lying(&[])?;
    let refused = error(&broker, "liar.add", json!({"a": "one"})).await?;
    assert_eq!(refused.kind, Kind::InvalidArguments);
    assert_eq!(
        refused.message,
        "the arguments of `liar.add` do not fit: \"b\" is a required property; \
         /a: \"one\" is not of type \"number\""
    );
    assert_eq!(
        refused.data,
        Some(json!({"mismatches": [
            {"path": "", "message": "\"b\" is a required property"},
            {"path": "/a", "message": "\"one\" is not of type \"number\""},
        ]}))
    );
    // A name that the schema does not declare is refused too, though it does not forbid it.
    for (arguments, message) in [
        (
            json!({"a": 1, "c": 2}),
            "`liar.add` has no parameter `c`; did you mean `a` or `b`?",
        ),
        (
            json!({"arguments": {"a": 1, "b": 2}}),
            "`liar.add` has no parameter `arguments`; \
             pass what is inside `arguments` as the arguments themselves",
        ),
    ] {
        let refused = error(&broker, "liar.add", arguments).await?;
        assert_eq!(refused.kind, Kind::InvalidArguments);
        assert_eq!(refused.message, message);
    }
    let sum = call(&broker, "liar.add", json!({"a": 1, "b": 2})).await?;
    assert_eq!(sum, json!({"sum": 3}));
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_not_what_the_tool_declares_is_named() -> TestResult {
    let broker = lying(&[])?;
    let refused = error(&broker, "liar.broken_promise", json!({})).await?;
    assert_eq!(refused.kind, Kind::InvalidAnswer);
    assert_eq!(
        refused.message,
        "the answer of `liar.broken_promise` is not what the tool declares: \
         /sum: \"three\" is not of type \"number\""
    );
    echoes(&broker).await
}

#[tokio::test]
async fn a_schema_that_cannot_be_used_leaves_the_checking_to_the_server() -> TestResult {
    let broker = lying(&[])?;
    let answer = call(&broker, "liar.unusable_schema", json!({"a": 1})).await?;
    assert_eq!(answer, json!("not checked"));
    Ok(())
}

#[tokio::test]
async fn a_schema_that_takes_for_ever_costs_one_call() -> TestResult {
    let broker = broker(json!({"liar": liar(&[])}), |config| {
        config.call_timeout = Duration::from_millis(500);
    })?;
    echoes(&broker).await?;
    let few = call(&broker, "liar.costly", json!({"x": 1})).await?;
    assert_eq!(few, json!("checked"));
    // 60 million matches of patterns: longer than the deadline, and over some time.
    let names = (0..300_000).map(|n| (format!("name {n}"), Value::Null));
    let many = Value::Object(names.collect());
    let refused = error(&broker, "liar.costly", many).await?;
    assert_eq!(refused.kind, Kind::CallTimedOut, "{refused}");
    assert!(refused.message.contains("against its schema"), "{refused}");
    echoes(&broker).await
}
