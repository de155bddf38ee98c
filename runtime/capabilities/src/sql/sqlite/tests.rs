//! What a statement may do to SQLite, and what it takes.

use std::time::Duration;

use serde_json::json;
use wxmcp_run::{CallContext, Ledger, ToolErrorKind};

use super::super::testing::{TestResult, Tool};

const MINUTE: Duration = Duration::from_secs(60);

/// A database with a table `t` of one row, as a folder that it is removed with.
fn database() -> Result<(tempfile::TempDir, String), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("x.db");
    let connection = rusqlite::Connection::open(&path)?;
    connection.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)")?;
    Ok((folder, format!("sqlite:{}", path.display())))
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
async fn reading_changes_nothing_whatever_the_statement() -> TestResult {
    let (folder, url) = database()?;
    let (reader, writer) = (
        Tool::new(&url, "main", MINUTE)?,
        Tool::new(&url, "main:rw", MINUTE)?,
    );
    let copy = folder.path().join("copy.db");
    let copy = copy.display();
    for (statement, words) in [
        ("INSERT INTO t VALUES (2)", "may only read `main`"),
        ("WITH x AS (SELECT 1) DELETE FROM t", "may only read `main`"),
        ("CREATE TABLE u (a)", "may only read `main`"),
        ("CREATE TEMP TABLE u (a)", "not authorized"),
        ("CREATE TEMP VIEW u AS SELECT 1", "not authorized"),
        ("SELECT 1; DELETE FROM t", "one statement at a time"),
        ("COMMIT", "use `transaction()`"),
        // Only this database takes it for a comment that has ended.
        ("/* /* */ BEGIN IMMEDIATE", "not authorized"),
        ("PRAGMA query_only = off", "not authorized"),
        ("PRAGMA journal_mode = wal", "not authorized"),
        ("PRAGMA user_version = 5", "not authorized"),
    ] {
        let error = reader.refused(statement).await?;
        assert!(error.message.contains(words), "{statement}: {error}");
    }
    let refusals = [
        (format!("ATTACH '{copy}' AS x"), "not authorized"),
        (
            format!("ATTACH 'file:{copy}?mode=rwc' AS x"),
            "not authorized",
        ),
        (format!("VACUUM INTO '{copy}'"), "authorization denied"),
        ("DETACH main".to_owned(), "not authorized"),
        ("PRAGMA writable_schema = on".to_owned(), "not authorized"),
        (
            "PRAGMA Temp_Store_Directory = '/'".to_owned(),
            "not authorized",
        ),
        ("PRAGMA hard_heap_limit = 0".to_owned(), "not authorized"),
        ("PRAGMA trusted_schema = on".to_owned(), "not authorized"),
        (
            "SELECT load_extension('/tmp/x')".to_owned(),
            "not authorized",
        ),
        (
            "SELECT LOAD_EXTENSION('/tmp/x', 'y')".to_owned(),
            "not authorized",
        ),
        (
            "UPDATE sqlite_schema SET sql = 'x'".to_owned(),
            "may not be modified",
        ),
        (
            "SELECT writefile('/tmp/x', 'y')".to_owned(),
            "no such function: writefile",
        ),
        (
            "SELECT readfile('/etc/passwd')".to_owned(),
            "no such function: readfile",
        ),
        ("BEGIN".to_owned(), "use `transaction()`"),
        ("/* /* */ COMMIT".to_owned(), "not authorized"),
    ];
    for tool in [&reader, &writer] {
        for (statement, words) in &refusals {
            let error = tool.refused(statement).await?;
            assert!(error.message.contains(words), "{statement}: {error}");
        }
    }
    assert!(!folder.path().join("copy.db").exists());
    // The twins.
    assert_eq!(reader.value("SELECT count(*) FROM t").await?, json!(1));
    assert_eq!(
        reader.query("PRAGMA table_info(t)", json!([])).await?["rows"][0][1],
        json!("a")
    );
    writer.execute("INSERT INTO t VALUES (2)").await?;
    writer.execute("SAVEPOINT a").await?;
    assert_eq!(reader.value("SELECT count(*) FROM t").await?, json!(2));
    Ok(())
}

#[tokio::test]
async fn nothing_of_a_use_is_left_for_the_next() -> TestResult {
    let (_folder, url) = database()?;
    let writer = Tool::new(&url, "main:rw", MINUTE)?;
    writer.execute("CREATE TEMP TABLE left_over (a)").await?;
    let error = writer.refused("SELECT * FROM left_over").await?;
    assert!(
        error.message.contains("no such table: left_over"),
        "{error}"
    );
    writer.execute("SAVEPOINT left_over").await?;
    let error = writer.refused("RELEASE left_over").await?;
    assert!(
        error.message.contains("no such savepoint: left_over"),
        "{error}"
    );
    // A transaction that is left open ends with the run.
    let id = writer.begin().await?;
    writer.inside(&id, "INSERT INTO t VALUES (2)").await?;
    for (statement, words) in [
        ("COMMIT", "use `transaction()`"),
        ("/* /* */ COMMIT", "not authorized"),
    ] {
        let error = writer.inside(&id, statement).await.unwrap_err();
        assert!(error.message.contains(words), "{statement}: {error}");
    }
    let writer = writer.next_run();
    let error = writer.end(&id, "commit").await.unwrap_err();
    assert!(error.message.contains("no such transaction"), "{error}");
    assert_eq!(writer.value("SELECT count(*) FROM t").await?, json!(1));
    let id = writer.begin().await?;
    writer.inside(&id, "INSERT INTO t VALUES (2)").await?;
    writer.end(&id, "commit").await?;
    assert_eq!(writer.value("SELECT count(*) FROM t").await?, json!(2));
    Ok(())
}

#[tokio::test]
async fn values_come_out_without_loss() -> TestResult {
    let (_folder, url) = database()?;
    let tool = Tool::new(&url, "main", MINUTE)?;
    for (expression, expected) in [
        ("9007199254740991", json!(9_007_199_254_740_991_i64)),
        ("-9223372036854775808", json!(i64::MIN)),
        ("x'00ff'", json!({"$bytes": "AP8="})),
        // Text that is none.
        ("CAST(x'ff41' AS TEXT)", json!({"$bytes": "/0E="})),
        ("NULL", json!(null)),
        ("9e999", json!("Infinity")),
        ("-9e999", json!("-Infinity")),
        ("0.1", json!(0.1)),
        ("'a' || char(0) || 'b'", json!("a\0b")),
    ] {
        assert_eq!(
            tool.value(&format!("SELECT {expression}")).await?,
            expected,
            "{expression}"
        );
    }
    for given in [
        json!(i64::MAX),
        json!(1.0),
        json!(-0.0),
        json!(1e300),
        json!({"$bytes": "AP8="}),
        json!(null),
        json!("x"),
    ] {
        let answer = tool.query("SELECT ?", json!([given])).await?;
        assert_eq!(answer["rows"][0][0], given);
    }
    for beyond in ["9223372036854775808", "-9223372036854775809", "1e400"] {
        let given: serde_json::Value = serde_json::from_str(&format!("[null, {beyond}]"))?;
        let error = tool.query("SELECT ?, ?", given).await.unwrap_err();
        assert_eq!(error.kind, ToolErrorKind::InvalidCall);
        let named = format!("parameter 2 is {}: ", beyond.replace("1e4", "1e+4"));
        assert!(error.message.starts_with(&named), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn bombs_are_errors_and_leave_the_database_usable() -> TestResult {
    let (_folder, url) = database()?;
    let tool = Tool::new(&url, "main", MINUTE)?;
    let many = |what: &str, count: usize| vec![what; count].join(", ");
    for statement in [
        "SELECT randomblob(1000000000)".to_owned(),
        "SELECT zeroblob(1000000000)".to_owned(),
        "SELECT hex(zeroblob(30000000))".to_owned(),
        "SELECT replace(hex(zeroblob(10000000)), '0', 'xxxxxxxxxx')".to_owned(),
        // One row of gigabytes, in the database or as JSON.
        format!("SELECT {}", many("randomblob(30000000)", 100)),
        format!("SELECT {}", many("zeroblob(30000000)", 100)),
        // More than memory holds, which must not go to files either.
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) \
         SELECT count(*) FROM (SELECT DISTINCT randomblob(1000000) FROM c)"
            .to_owned(),
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x FROM c"
            .to_owned(),
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 6000000) \
         SELECT group_concat(x) FROM c"
            .to_owned(),
        format!("SELECT 'x' LIKE '{}'", "%_".repeat(1_000)),
    ] {
        let error = tool.refused(&statement).await?;
        let named = [
            "string or blob too big",
            "out of memory",
            "more than 100000 rows",
            "pattern too complex",
        ];
        assert!(
            named.iter().any(|words| error.message.contains(words)),
            "{error}"
        );
        assert!(error.message.len() < 1_000, "{statement}: {error}");
        assert_eq!(
            tool.value("SELECT a FROM t").await?,
            json!(1),
            "{statement}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn rows_are_charged_as_they_are_written() -> TestResult {
    let (_folder, url) = database()?;
    let mut tool = Tool::new(&url, "main", MINUTE)?;
    let process = Ledger::of_process(16 << 20);
    // Half of it is for what SQLite itself takes.
    let run = process.for_run(8 << 20);
    tool.context = CallContext::outside_of_runs(&run);
    let endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) \
                   SELECT hex(zeroblob(5000)) FROM c";
    // Each of these is written as six.
    let escaped = "SELECT replace(hex(zeroblob(500000)), '0', char(1))";
    for statement in [endless, escaped, "SELECT zeroblob(4000000)"] {
        let error = tool.refused(statement).await?;
        assert_eq!(error.kind, ToolErrorKind::LimitReached, "{error}");
        assert!(error.message.contains("`host-memory`"), "{error}");
    }
    let text = "x".repeat(3_000_000);
    let error = tool.query("SELECT length(?)", json!([text])).await;
    assert_eq!(error.unwrap_err().kind, ToolErrorKind::LimitReached);
    // The twins.
    let few = format!("{endless} LIMIT 300");
    tool.query(&few, json!([])).await?;
    tool.value("SELECT zeroblob(2000000)").await?;
    assert_eq!((run.held(), process.held()), (0, 0));
    assert!(run.peak() > 6 << 20, "{run:?}");
    // Others hold what the process may: it waits, and ends when nobody waits for it any more.
    let other = process.for_run(u64::MAX).charge(11 << 20)?;
    for _ in 0..2 {
        let asked = tokio::time::timeout(Duration::from_millis(300), tool.query(&few, json!([])));
        assert!(asked.await.is_err(), "it did not wait");
    }
    while process.held() > other.bytes() {
        tokio::task::yield_now().await;
    }
    let mut asked = std::pin::pin!(tool.query(&few, json!([])));
    let soon = tokio::time::timeout(Duration::from_millis(100), &mut asked).await;
    assert!(soon.is_err(), "it did not wait: {soon:?}");
    drop(other);
    asked.await?;
    Ok(())
}

#[tokio::test]
async fn what_a_transaction_may_keep_in_memory_stays_charged() -> TestResult {
    let (_folder, url) = database()?;
    let mut tool = Tool::new(&url, "main:rw", MINUTE)?;
    let run = Ledger::of_process(u64::MAX).for_run(8 << 20);
    tool.context = CallContext::outside_of_runs(&run);
    let id = tool.begin().await?;
    tool.inside(&id, "CREATE TEMP TABLE u AS SELECT 1").await?;
    assert_eq!(run.held(), 4 << 20);
    let other = tool.value("SELECT 1");
    assert_eq!(other.await?, json!(1));
    assert_eq!(run.held(), 4 << 20);
    tool.end(&id, "rollback").await?;
    assert_eq!(run.held(), 0);
    Ok(())
}

#[tokio::test]
async fn names_of_columns_are_bounded() -> TestResult {
    let (_folder, url) = database()?;
    let mut tool = Tool::new(&url, "main:rw", MINUTE)?;
    let run = Ledger::of_process(u64::MAX).for_run(32 << 20);
    tool.context = CallContext::outside_of_runs(&run);
    let name = "x".repeat(500_000);
    tool.execute(&format!("CREATE TABLE wide (\"{name}\")"))
        .await?;
    let error = tool
        .refused(
            "SELECT * FROM wide a, wide b, wide c, wide d, wide e, wide f, wide g, wide h, wide i",
        )
        .await?;
    assert_eq!(error.kind, ToolErrorKind::LimitReached, "{error}");
    assert_eq!(
        tool.query("SELECT * FROM wide a, wide b", json!([]))
            .await?["rows"],
        json!([])
    );
    Ok(())
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_interrupted() -> TestResult {
    let (_folder, url) = database()?;
    let tool = Tool::new(&url, "main", Duration::from_millis(300))?;
    let endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) \
                   SELECT count(*) FROM c";
    let id = tool.begin().await?;
    let error = tool.inside(&id, endless).await.err().ok_or("it ended")?;
    assert_eq!(error.kind, ToolErrorKind::LimitReached);
    let error = tool
        .inside(&id, "SELECT 1")
        .await
        .err()
        .ok_or("it goes on")?;
    assert!(error.message.contains("cut off"), "{error}");
    // As often as there are links: each was given up, and its thread too.
    for _ in 0..20 {
        let error = tool.refused(endless).await?;
        assert_eq!(error.kind, ToolErrorKind::LimitReached, "{error}");
    }
    assert_eq!(tool.value("SELECT a FROM t").await?, json!(1));
    Ok(())
}

/// The link is the host's own, and leads where whoever wrote the configuration let it lead.
#[tokio::test]
async fn a_path_may_be_a_link_and_is_never_made() -> TestResult {
    let (folder, url) = database()?;
    let target = url.strip_prefix("sqlite:").ok_or("no path")?;
    let link = folder.path().join("link.db");
    std::os::unix::fs::symlink(target, &link)?;
    let tool = Tool::new(&format!("sqlite:{}", link.display()), "main:rw", MINUTE)?;
    tool.execute("INSERT INTO t VALUES (2)").await?;
    assert_eq!(tool.value("SELECT count(*) FROM t").await?, json!(2));
    let nowhere = folder.path().join("nowhere.db");
    let tool = Tool::new(&format!("sqlite:{}", nowhere.display()), "main:rw", MINUTE)?;
    let error = tool.refused("SELECT 1").await?;
    assert_eq!(
        error.message,
        "the connection `main`: the database file cannot be opened"
    );
    assert!(!nowhere.exists());
    Ok(())
}

/// Statements that nobody waits for any more end, also those that had not begun when they were cancelled. The
/// event loop waits for its threads when it is dropped, and so for ever if one did not.
#[test]
fn statements_that_were_cancelled_end() -> TestResult {
    let (_folder, url) = database()?;
    let (done, ended) = std::sync::mpsc::channel();
    let abandons = move || -> Result<(), String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let event_loop = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| said(&error))?;
        let tool = Tool::new(&url, "main", MINUTE).map_err(|error| said(&error))?;
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        event_loop.block_on(async {
            for _ in 0..32 {
                // Leaves an open link, so that the other is with its thread when it is dropped, at once.
                tool.value("SELECT 1").await.map_err(|error| said(&error))?;
                let _late = tokio::time::timeout(Duration::ZERO, tool.value(endless)).await;
            }
            // The twin.
            let short = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 200000) SELECT count(*) FROM n";
            let count = tool.value(short).await.map_err(|error| said(&error))?;
            match count == json!(200_000) {
                true => Ok(()),
                false => Err(count.to_string()),
            }
        })?;
        drop(event_loop);
        Ok(())
    };
    std::thread::spawn(move || done.send(abandons()));
    Ok(ended.recv_timeout(Duration::from_secs(30))??)
}
