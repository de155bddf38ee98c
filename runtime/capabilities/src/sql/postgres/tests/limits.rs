//! Rows, bytes, time, links.

use std::pin::pin;

use futures_util::future::join_all;

use wxmcp_run::{CallContext, Ledger};

use super::*;

/// Backends that still run something of ours.
const RUNNING: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE usename = 'wx' AND state = 'active'";

#[tokio::test]
async fn answers_are_bounded_while_they_arrive() -> TestResult {
    let mut app = App::start().await?;
    let tool = app.writer()?;
    for (statement, words) in [
        // Years of rows, and more than the machine has memory.
        (
            "SELECT generate_series(1, 1000000000000)",
            "more than 100000 rows",
        ),
        (
            "SELECT repeat('x', 1000000), generate_series(1, 1000000)",
            "more than 33554432 bytes",
        ),
        (
            "SELECT repeat('x', 900000000)",
            "a row has more than 33554432 bytes",
        ),
        ("SELECT repeat('\"', 33000000)", "more than 33554432 bytes"),
    ] {
        let error = tool.refused(statement).await?;
        assert_eq!(error.kind, ToolErrorKind::LimitReached, "{statement}");
        assert!(error.message.contains(words), "{statement}: {error}");
    }
    app.becomes(RUNNING, "0").await?;
    let rows = tool
        .query("SELECT * FROM generate_series(1, 100000)", json!([]))
        .await?;
    assert_eq!(rows["rows"].as_array().map(Vec::len), Some(100_000));
    let text = tool.value("SELECT repeat('x', 33000000)").await?;
    assert_eq!(text.as_str().map(str::len), Some(33_000_000));
    Ok(())
}

/// A tool that is told of no success can do it again.
#[tokio::test]
async fn what_answers_too_much_has_not_happened() -> TestResult {
    let app = App::start().await?;
    let tool = app.writer()?;
    tool.execute("CREATE TABLE t (a int)").await?;
    let insert = "INSERT INTO t SELECT * FROM generate_series(1, 100001) RETURNING a";
    let error = tool.refused(insert).await?;
    assert_eq!(error.kind, ToolErrorKind::LimitReached);
    assert_eq!(tool.value("SELECT count(*) FROM t").await?, json!(0));
    let done = tool.execute(insert).await?;
    assert_eq!(done["rows_affected"], json!(100_001));
    tool.query("INSERT INTO t VALUES (1) RETURNING a", json!([]))
        .await?;
    assert_eq!(tool.value("SELECT count(*) FROM t").await?, json!(100_002));
    Ok(())
}

#[tokio::test]
async fn a_statement_that_takes_too_long_ends_in_the_database_too() -> TestResult {
    let mut app = App::start().await?;
    let endless = "SELECT count(*) FROM generate_series(1, 1000000000000)";
    for statement in ["SELECT pg_sleep(1000)", endless] {
        let tool = Tool::new(&app.url(), "main", Duration::from_millis(500))?;
        let error = tool.refused(statement).await?;
        assert_eq!(error.kind, ToolErrorKind::LimitReached, "{error}");
        app.becomes(RUNNING, "0").await?;
    }
    // Even where the statement says that there is no such time.
    let tool = Tool::new(&app.url(), "main:rw", Duration::from_secs(2))?;
    let id = tool.begin().await?;
    tool.inside(&id, "SET statement_timeout TO 0").await?;
    let error = tool.inside(&id, "SELECT pg_sleep(1000)").await;
    let error = error.err().ok_or("it slept")?;
    assert!(error.message.contains("longer than 2s"), "{error}");
    app.becomes(RUNNING, "0").await?;
    let error = tool
        .inside(&id, "SELECT 1")
        .await
        .err()
        .ok_or("a link that is gone")?;
    assert!(error.message.contains("is gone"), "{error}");
    assert_eq!(tool.value("SELECT 1").await?, json!(1));
    Ok(())
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_ends_in_the_database() -> TestResult {
    let mut app = App::start().await?;
    let tool = app.writer()?;
    tool.execute("CREATE TABLE t (a int)").await?;
    {
        // Without a time of its own: what ends it is the cancellation.
        let statement = "WITH x AS (INSERT INTO t VALUES (1)) SELECT pg_sleep(1000)";
        let mut call = pin!(tool.query(statement, json!([])));
        tokio::select! {
            answer = &mut call => return Err(format!("{answer:?}").into()),
            seen = app.becomes(RUNNING, "1") => seen?,
        }
    }
    tool.databases.settle().await;
    app.becomes(RUNNING, "0").await?;
    assert_eq!(tool.value("SELECT count(*) FROM t").await?, json!(0));
    Ok(())
}

#[tokio::test]
async fn links_are_few_and_kept_and_broken_ones_are_not_used() -> TestResult {
    let mut app = App::start().await?;
    let tool = Tool::new(&app.url(), "main", Duration::from_secs(4))?;
    // More calls at once than links: they wait for each other.
    let calls = (0..40).map(|_| tool.value("SELECT 1 FROM pg_sleep(0.05)"));
    for answer in join_all(calls).await {
        assert_eq!(answer?, json!(1));
    }
    app.becomes(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'wx'",
        "8",
    )
    .await?;
    // All of them taken, for longer than a call waits.
    let first = Tool::new(&app.url(), "main", Duration::from_secs(4))?;
    let runs: Vec<Held> = (0..2).map(|_| Held::default()).collect();
    for held in &runs {
        for _ in 0..8 {
            let request = json!({"connection": "main", "action": "begin"});
            let request = serde_json::from_value(request)?;
            first
                .databases
                .perform(request, &first.grants, held, &first.context)
                .await?;
        }
    }
    let error = first.refused("SELECT 1").await?;
    assert_eq!(error.kind, ToolErrorKind::LimitReached);
    assert!(
        error
            .message
            .contains("all 16 links to the database are in use"),
        "{error}"
    );
    drop(runs);
    assert_eq!(first.value("SELECT 1").await?, json!(1));
    // The server drops them all: one call may notice, none after it.
    app.admin("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'wx'")
        .await?;
    app.becomes(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'wx'",
        "0",
    )
    .await?;
    for _ in 0..10 {
        assert_eq!(tool.value("SELECT 1").await?, json!(1));
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_waited_for_so_long() -> TestResult {
    // It takes connections, and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0")?;
    let url = format!("postgres://wx:{CANARY}@{}/app", silent.local_addr()?);
    let tool = Tool::new(&url, "main", Duration::from_millis(400))?;
    let error = tool.refused("SELECT 1").await?;
    assert_eq!(
        error.message,
        "the connection `main`: the server did not answer a login within 200ms"
    );
    drop(silent);
    let error = tool.refused("SELECT 1").await?;
    assert_eq!(
        error.message,
        "the connection `main`: the server cannot be reached: connection refused"
    );
    Ok(())
}

#[tokio::test]
async fn rows_are_charged_as_they_arrive() -> TestResult {
    let app = App::start().await?;
    let mut tool = app.reader()?;
    let process = Ledger::of_process(8 << 20);
    let run = process.for_run(2 << 20);
    tool.context = CallContext::outside_of_runs(&run);
    let many = "SELECT repeat('x', 1000) FROM generate_series(1, 20000)";
    let wide = "SELECT repeat('x', 3000000)";
    for statement in [many, wide] {
        let error = tool.refused(statement).await?;
        assert_eq!(error.kind, ToolErrorKind::LimitReached, "{error}");
        assert!(error.message.contains("`host-memory`"), "{error}");
    }
    let parameter = "x".repeat(2_000_000);
    let error = tool.query("SELECT length($1)", json!([parameter])).await;
    assert_eq!(error.unwrap_err().kind, ToolErrorKind::LimitReached);
    // The twins.
    let narrow = wide.replace("3000000", "500000");
    for statement in [&many.replace("20000", "1000"), &narrow] {
        tool.query(statement, json!([])).await?;
    }
    assert_eq!((run.held(), process.held()), (0, 0));
    assert!(run.peak() > 1 << 20, "{run:?}");
    // Others hold what the process may: it waits.
    let other = process.for_run(u64::MAX).charge(7 << 20)?;
    let mut asked = pin!(tool.value(&narrow));
    let held = tokio::time::timeout(Duration::from_millis(300), &mut asked).await;
    assert!(held.is_err(), "it did not wait: {held:?}");
    drop(other);
    assert_eq!(asked.await?.as_str().map(str::len), Some(500_000));
    Ok(())
}
