//! What servers make the host hold is charged to the run that calls, or to the process, and given back.

use std::time::Duration;

use serde_json::{Value, json};
use wxmcp_broker::CallerHost;
use wxmcp_run::{CallContext, Ledger, ToolAnswer, ToolError, ToolErrorKind as Kind};

use crate::support::{TestResult, answer_in, broker, echoes, liar, make_fifo};

const MIB: u64 = 1 << 20;

/// A context of a run that may hold so many bytes.
fn run(process: &Ledger, budget: u64) -> CallContext {
    CallContext::outside_of_runs(&process.for_run(budget))
}

async fn asked(
    broker: &CallerHost,
    tool: &str,
    arguments: Value,
    context: &CallContext,
) -> Result<ToolAnswer, ToolError> {
    answer_in(broker, &format!("liar.{tool}"), arguments, context.clone()).await
}

/// Bytes that compiled schemas of the tools that are called stay within: the process keeps them.
const COMPILED: u64 = 64 << 10;

/// 20,000 zeros take some two megabytes once they are read.
#[tokio::test]
async fn an_answer_is_charged_to_its_run_and_one_that_is_too_heavy_is_refused() -> TestResult {
    let process = Ledger::of_process(100 * MIB);
    let ledger = process.clone();
    let broker = broker(json!({"liar": liar(&[])}), |config| config.ledger = ledger)?;
    echoes(&broker).await?;
    let before = process.held();
    for (tool, refused) in [
        (
            "answers_a_list",
            "the call of `liar.answers_a_list` is too large: ",
        ),
        (
            "refuses_with_a_list",
            "the call of `liar.refuses_with_a_list` is too large: ",
        ),
        ("answers_json_in_a_text", ""),
    ] {
        let context = run(&process, 4 * MIB);
        let light = asked(&broker, tool, json!({"count": 15_000}), &context).await;
        if tool == "refuses_with_a_list" {
            assert_eq!(light.unwrap_err().message, "no");
        } else {
            let light = light?;
            assert!(context.ledger.held() > MIB, "{tool}: {context:?}");
            drop(light);
        }
        assert_eq!(context.ledger.held(), 0, "{tool}");
        assert!(process.held() - before < COMPILED, "{tool}: {process:?}");
        let heavy = asked(&broker, tool, json!({"count": 50_000}), &context).await;
        let heavy = heavy.err().ok_or(tool)?;
        assert_eq!(heavy.kind, Kind::LimitReached, "{tool}: {heavy}");
        assert!(heavy.message.starts_with(refused), "{tool}: {heavy}");
        assert!(heavy.message.contains("`host-memory`"), "{tool}: {heavy}");
        assert_eq!(context.ledger.held(), 0, "{tool}");
        assert!(process.held() - before < COMPILED, "{tool}: {process:?}");
    }
    echoes(&broker).await?;
    broker.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_long_line_is_charged_to_the_run_that_it_answers_before_it_has_come() -> TestResult {
    let process = Ledger::of_process(100 * MIB);
    let ledger = process.clone();
    let broker = broker(json!({"liar": liar(&[])}), |config| config.ledger = ledger)?;
    let context = run(&process, 4 * MIB);
    for tool in ["answers_a_hundred_megabytes", "answers_without_end"] {
        let refused = asked(&broker, tool, json!({}), &context).await;
        let refused = refused.err().ok_or(tool)?;
        assert_eq!(refused.kind, Kind::LimitReached, "{tool}: {refused}");
        assert!(refused.message.contains("`host-memory`"), "{refused}");
    }
    assert!(process.peak() < 12 * MIB, "{process:?}: {}", process.peak());
    broker.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn an_answer_waits_while_others_hold_what_the_process_may() -> TestResult {
    let process = Ledger::of_process(40 * MIB);
    let ledger = process.clone();
    let broker = broker(json!({"liar": liar(&[])}), |config| {
        config.ledger = ledger;
        config.call_timeout = Duration::from_secs(3);
    })?;
    echoes(&broker).await?;
    let others = process.charge(38 * MIB)?;
    let context = run(&process, 20 * MIB);
    let arguments = json!({"count": 50_000});
    let late = asked(&broker, "answers_a_list", arguments.clone(), &context).await;
    let late = late.err().ok_or("it was answered")?;
    assert_eq!(late.kind, Kind::CallTimedOut, "{late}");
    let mut waiting = Box::pin(asked(&broker, "answers_a_list", arguments, &context));
    let early = tokio::time::timeout(Duration::from_millis(300), &mut waiting).await;
    assert!(early.is_err(), "{early:?}");
    drop(others);
    let zeros = waiting.await?;
    assert_eq!(zeros.value["zeros"].as_array().map(Vec::len), Some(50_000));
    broker.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_server_that_does_not_read_costs_its_own_calls_and_holds_one_message() -> TestResult {
    let folder = tempfile::tempdir()?;
    let fifo = make_fifo(&folder)?;
    let process = Ledger::of_process(400 * MIB);
    let ledger = process.clone();
    let servers = json!({"liar": liar(&[]), "other": liar(&[])});
    let broker = broker(servers, |config| {
        config.ledger = ledger;
        config.call_timeout = Duration::from_secs(1);
    })?;
    echoes(&broker).await?;
    let other = || {
        answer_in(
            &broker,
            "other.echo",
            json!({"text": "x"}),
            run(&process, MIB),
        )
    };
    other().await?;
    let before = process.held();
    let context = run(&process, 100 * MIB);
    asked(&broker, "stops_reading", json!({ "fifo": fifo }), &context).await?;
    let big = json!({"text": "x".repeat(1 << 20)});
    let late = asked(&broker, "echo", big.clone(), &context).await;
    let late = late.err().ok_or("it was answered")?;
    assert_eq!(late.kind, Kind::CallTimedOut);
    assert_eq!(
        late.message,
        "`liar` does not read its standard input: the call of `echo` could not be sent within 1s"
    );
    for _ in 0..80 {
        let call = asked(&broker, "echo", big.clone(), &context);
        // Begun, and given up.
        let begun = tokio::time::timeout(Duration::from_millis(2), call).await;
        assert!(begun.is_err());
    }
    other().await?;
    // The message that the server has begun to read.
    assert!(process.held() - before < 3 * MIB, "{process:?}");
    std::fs::write(&fifo, "")?;
    // What was begun is read to its end; what was given up before is not sent.
    let calls = asked(&broker, "calls", json!({}), &context).await?.value;
    assert_eq!(calls, json!(["echo", "stops_reading", "echo", "calls"]));
    assert!(process.held() - before < COMPILED, "{process:?}");
    broker.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn a_list_of_tools_is_charged_to_the_process_as_long_as_it_is_kept() -> TestResult {
    let process = Ledger::of_process(600 * MIB);
    let ledger = process.clone();
    let servers = json!({"liar": liar(&["--list", "less-heavy"])});
    let listed = broker(servers.clone(), |config| config.ledger = ledger)?;
    echoes(&listed).await?;
    assert!(process.held() > 60 * MIB, "{process:?}");
    listed.shutdown().await;
    drop(listed);
    assert_eq!(process.held(), 0);
    let small = Ledger::of_process(300 * MIB);
    let ledger = small.clone();
    let refused = broker(servers, |config| config.ledger = ledger)?;
    let context = run(&small, MIB);
    let error = asked(&refused, "echo", json!({"text": "x"}), &context).await;
    let error = error.err().ok_or("it was listed")?;
    assert_eq!(error.kind, Kind::UpstreamUnavailable);
    assert!(error.message.contains("may hold 75 MiB"), "{error}");
    Ok(())
}
