//! Several statements, all or nothing.

use super::*;

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
async fn a_transaction_is_all_or_nothing() -> TestResult {
    let mut app = App::start().await?;
    let tool = app.writer()?;
    tool.execute("CREATE TABLE t (a int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)")
        .await?;
    let count = "SELECT count(*) FROM t";

    let id = tool.begin().await?;
    tool.inside(&id, "INSERT INTO t VALUES (1)").await?;
    assert_eq!(tool.value(count).await?, json!(0));
    assert_eq!(tool.inside(&id, count).await?["rows"], json!([[1]]));
    tool.end(&id, "commit").await?;
    assert_eq!(tool.value(count).await?, json!(1));

    let id = tool.begin().await?;
    tool.inside(&id, "INSERT INTO t VALUES (2)").await?;
    tool.end(&id, "rollback").await?;
    assert_eq!(tool.value(count).await?, json!(1));

    // What was ended is over, and what ends it is no statement.
    let error = tool.inside(&id, count).await.err().ok_or("it goes on")?;
    assert!(
        error.message.contains("there is no such transaction"),
        "{error}"
    );
    let id = tool.begin().await?;
    let error = tool.inside(&id, "COMMIT").await.err().ok_or("it left")?;
    assert!(error.message.contains("use `transaction()`"), "{error}");
    tool.inside(&id, "SAVEPOINT a").await?;
    let error = tool.inside(&id, "SELECT 1 / 0").await.unwrap_err();
    assert_eq!(sqlstate(&error), "22012");
    tool.inside(&id, "ROLLBACK TO SAVEPOINT a").await?;
    tool.inside(&id, "INSERT INTO t VALUES (3)").await?;
    tool.end(&id, "commit").await?;
    assert_eq!(tool.value(count).await?, json!(2));

    // One that failed cannot be committed in silence.
    let id = tool.begin().await?;
    tool.inside(&id, "INSERT INTO t VALUES (4)").await?;
    let error = tool.inside(&id, "SELECT nothing").await.unwrap_err();
    assert_eq!(sqlstate(&error), "42703");
    let error = tool
        .inside(&id, "SELECT 1")
        .await
        .err()
        .ok_or("it goes on")?;
    assert_eq!(sqlstate(&error), "25P02");
    let error = tool
        .end(&id, "commit")
        .await
        .err()
        .ok_or("it was committed")?;
    assert!(error.message.contains("can only be rolled back"), "{error}");
    assert_eq!(tool.value(count).await?, json!(2));

    // Nor one whose commit fails.
    let id = tool.begin().await?;
    tool.inside(&id, "INSERT INTO t VALUES (1)").await?;
    let error = tool
        .end(&id, "commit")
        .await
        .err()
        .ok_or("it was committed")?;
    assert_eq!(sqlstate(&error), "23505");
    assert_eq!(tool.value(count).await?, json!(2));

    // Left open, it ends with the run.
    let id = tool.begin().await?;
    tool.inside(&id, "INSERT INTO t VALUES (5)").await?;
    tool.inside(&id, "LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        .await?;
    let tool = tool.next_run();
    let error = tool.end(&id, "commit").await.unwrap_err();
    assert!(error.message.contains("no such transaction"), "{error}");
    let open = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
    app.becomes(open, "0").await?;
    assert_eq!(tool.value(count).await?, json!(2));
    Ok(())
}

#[tokio::test]
async fn a_run_holds_few_transactions() -> TestResult {
    let app = App::start().await?;
    let tool = app.reader()?;
    let mut last = json!(null);
    for _ in 0..8 {
        last = tool.begin().await?;
    }
    let error = tool.begin().await.err().ok_or("a ninth")?;
    assert_eq!(error.kind, ToolErrorKind::LimitReached);
    tool.end(&last, "rollback").await?;
    tool.begin().await?;
    Ok(())
}
