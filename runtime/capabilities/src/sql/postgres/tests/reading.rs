//! A tool that may only read, and what it leaves behind.

use super::*;

/// Each with what refuses it: a code of the database, or a word of ours.
#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
async fn reading_changes_nothing_whatever_the_statement() -> TestResult {
    let mut app = App::start().await?;
    app.admin("CREATE EXTENSION dblink").await?;
    let writer = app.writer()?;
    writer.execute("CREATE TABLE t (a int)").await?;
    writer.execute("INSERT INTO t VALUES (1)").await?;
    writer.execute("CREATE SEQUENCE s").await?;
    writer
        .execute(
            "CREATE PROCEDURE leave() LANGUAGE plpgsql AS \
             $$ BEGIN COMMIT; INSERT INTO t VALUES (3); END $$",
        )
        .await?;
    writer
        .execute(
            "CREATE FUNCTION writes() RETURNS int LANGUAGE sql SECURITY DEFINER AS \
             'INSERT INTO t VALUES (2) RETURNING a'",
        )
        .await?;
    let reader = app.reader()?;
    let read_only = "may only read `main`; to let it write";
    let ends = "a statement does not begin or end transactions";
    let refusals = [
        ("INSERT INTO t VALUES (2)", read_only),
        (
            "WITH x AS (DELETE FROM t RETURNING a) SELECT * FROM x",
            read_only,
        ),
        ("EXPLAIN ANALYZE UPDATE t SET a = 2", read_only),
        ("SELECT a INTO u FROM t", read_only),
        ("SELECT a FROM t FOR UPDATE", read_only),
        ("CREATE TABLE u (a int)", read_only),
        ("CREATE TEMP TABLE u (a int)", read_only),
        ("TRUNCATE t", read_only),
        ("SELECT nextval('s')", read_only),
        ("SELECT setval('s', 5)", read_only),
        ("SELECT writes()", read_only),
        ("DO $$ BEGIN INSERT INTO t VALUES (2); END $$", read_only),
        ("SELECT lo_create(0)", read_only),
        // A transaction that has begun to read stays what it is.
        (
            "SELECT set_config('transaction_read_only', 'off', true)",
            "25001",
        ),
        (
            "SELECT set_config('transaction_read_only', 'off', false)",
            "25001",
        ),
        ("SET TRANSACTION READ WRITE", "25001"),
        ("SET transaction_read_only TO off", "25001"),
        (
            "DO $$ BEGIN SET TRANSACTION READ WRITE; INSERT INTO t VALUES (2); END $$",
            "25001",
        ),
        (
            "DO $$ BEGIN COMMIT; INSERT INTO t VALUES (2); END $$",
            "2D000",
        ),
        (
            "DO $$ BEGIN ROLLBACK; INSERT INTO t VALUES (2); END $$",
            "2D000",
        ),
        ("CALL leave()", "2D000"),
        // Ends of transactions are seen before the server sees them.
        ("COMMIT", ends),
        ("; /* /* */ */ commit and chain", ends),
        ("ROLLBACK", ends),
        ("END", ends),
        ("ABORT", ends),
        ("BEGIN READ WRITE", ends),
        ("START TRANSACTION READ WRITE", ends),
        ("PREPARE TRANSACTION 'x'", ends),
        // One statement at a time.
        ("SELECT 1; INSERT INTO t VALUES (2)", "42601"),
        ("SELECT 1; COMMIT; INSERT INTO t VALUES (2)", "42601"),
        // Roads around a transaction need rights that a login with which we work lacks.
        ("COPY t TO '/tmp/wxmcp-copied'", "COPY moves data past"),
        ("COPY t TO PROGRAM 'true'", "COPY moves data past"),
        ("COPY t FROM STDIN", "COPY moves data past"),
        (
            "DO $$ BEGIN EXECUTE 'COPY t TO PROGRAM ''true'''; END $$",
            "42501",
        ),
        (
            "DO $$ BEGIN EXECUTE 'COPY t TO ''/tmp/wxmcp-copied'''; END $$",
            "42501",
        ),
        (
            "SELECT query_to_xml('COPY t TO PROGRAM ''true''', true, true, '')",
            "0A000",
        ),
        ("SELECT pg_read_file('/etc/passwd')", "42501"),
        ("SELECT pg_ls_dir('/')", "42501"),
        ("SELECT lo_import('/etc/passwd')", "42501"),
        ("SELECT lo_export(1, '/tmp/wxmcp-exported')", "42501"),
        ("SELECT pg_reload_conf()", "42501"),
        ("SELECT pg_switch_wal()", "42501"),
        (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres' AND pid <> pg_backend_pid()",
            "42501",
        ),
        ("SELECT dblink_connect('dbname=app')", "2F003"),
        ("ALTER SYSTEM SET work_mem = '1MB'", "25001"),
        ("SET ROLE postgres", "42501"),
        ("SET SESSION AUTHORIZATION postgres", "42501"),
        ("LOAD '/tmp/x.so'", "42501"),
        ("CREATE EXTENSION file_fdw", read_only),
        ("VACUUM t", "25001"),
    ];
    for (statement, expected) in refusals {
        let error = reader.refused(statement).await?;
        assert!(
            error.message.contains(expected) || sqlstate(&error) == expected,
            "{statement}: {error}"
        );
    }
    // The same in a transaction, one statement after the other.
    let id = reader.begin().await?;
    for (statement, words) in [
        ("SET TRANSACTION READ WRITE", "SQLSTATE 25001"),
        (
            "SELECT set_config('transaction_read_only', 'off', false)",
            "SQLSTATE 25P02",
        ),
        ("COMMIT", "use `transaction()`"),
    ] {
        for (statement, words) in [
            (statement, words),
            ("INSERT INTO t VALUES (2)", "SQLSTATE 25P02"),
        ] {
            let error = reader.inside(&id, statement).await.unwrap_err();
            assert!(error.message.contains(words), "{statement}: {error}");
        }
    }
    reader.end(&id, "rollback").await?;
    // What is allowed changes what is read afterwards as little.
    for statement in [
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "SET default_transaction_read_only TO off",
        "SAVEPOINT x",
        "NOTIFY channel, 'x'",
        "SELECT pg_notify('channel', 'x')",
    ] {
        let id = reader.begin().await?;
        reader.inside(&id, statement).await?;
        let error = reader.inside(&id, "INSERT INTO t VALUES (2)").await;
        let error = error.err().ok_or(statement)?;
        assert!(error.message.contains(read_only), "{statement}: {error}");
        reader.end(&id, "rollback").await?;
        let error = reader.refused("INSERT INTO t VALUES (2)").await?;
        assert!(error.message.contains(read_only), "{statement}: {error}");
    }
    assert_eq!(
        reader.value("SELECT array_agg(a) FROM t").await?,
        json!([1])
    );
    assert_eq!(reader.value("SELECT is_called FROM s").await?, json!(false));
    // The twins, of a tool that may write.
    writer.execute("INSERT INTO t VALUES (2)").await?;
    assert_eq!(writer.value("SELECT nextval('s')").await?, json!(1));
    writer.execute("CALL leave()").await?;
    writer.execute("VACUUM t").await?;
    assert_eq!(
        writer.value("SELECT array_agg(a) FROM t").await?,
        json!([1, 2, 3])
    );
    for (statement, words) in [
        ("COMMIT", "use `transaction()`"),
        ("COPY t TO STDOUT", "COPY moves data past"),
    ] {
        let error = writer.refused(statement).await?;
        assert!(error.message.contains(words), "{statement}: {error}");
    }
    Ok(())
}

/// What a notification says reaches others only when its transaction is committed.
#[tokio::test]
async fn reading_tells_others_nothing() -> TestResult {
    let mut app = App::start().await?;
    app.admin("LISTEN channel").await?;
    // A listener that does not listen: what is said to it waits.
    app.admin("BEGIN").await?;
    let (reader, writer) = (app.reader()?, app.writer()?);
    let notify = "SELECT count(pg_notify('channel', repeat('x', 7900) || n)) \
                  FROM generate_series(1, 100) n";
    let waiting = "SELECT pg_notification_queue_usage() > 0";
    assert_eq!(reader.value(notify).await?, json!(100));
    assert_eq!(reader.value(waiting).await?, json!(false));
    assert_eq!(writer.value(notify).await?, json!(100));
    assert_eq!(reader.value(waiting).await?, json!(true));
    Ok(())
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
async fn nothing_of_a_use_is_left_for_the_next() -> TestResult {
    let app = App::start().await?;
    let writer = app.writer()?;
    let backend = writer.value("SELECT pg_backend_pid()").await?;
    for (leave, look, clean) in [
        (
            "SET search_path TO nowhere",
            "SHOW search_path",
            json!("\"$user\", public"),
        ),
        (
            "SET TimeZone TO 'Asia/Tokyo'",
            "SHOW TimeZone",
            json!("UTC"),
        ),
        (
            "SET statement_timeout TO 0",
            "SHOW statement_timeout",
            json!("30s"),
        ),
        (
            "SET bytea_output TO escape",
            "SHOW bytea_output",
            json!("hex"),
        ),
        (
            "SET client_encoding TO LATIN1",
            "SHOW client_encoding",
            json!("UTF8"),
        ),
        (
            "SET DateStyle TO German",
            "SHOW DateStyle",
            json!("ISO, MDY"),
        ),
        (
            "SET my.secret TO 'x'",
            "SELECT coalesce(current_setting('my.secret', true), '')",
            json!(""),
        ),
        (
            "CREATE TEMP TABLE left_over (a int)",
            "SELECT count(*) FROM pg_class WHERE relname = 'left_over'",
            json!(0),
        ),
        (
            "PREPARE left_over AS SELECT 1",
            "SELECT count(*) FROM pg_prepared_statements WHERE name = 'left_over'",
            json!(0),
        ),
        (
            "SELECT pg_advisory_lock(5)",
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
            json!(0),
        ),
        (
            "LISTEN channel",
            "SELECT count(*) FROM pg_listening_channels()",
            json!(0),
        ),
        (
            "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
            "SELECT count(*) FROM pg_cursors WHERE name = 'c'",
            json!(0),
        ),
    ] {
        writer
            .execute(leave)
            .await
            .map_err(|error| format!("{leave}: {error}"))?;
        assert_eq!(writer.value(look).await?, clean, "{leave}");
    }
    // All of it on one link, which was used again and again.
    assert_eq!(writer.value("SELECT pg_backend_pid()").await?, backend);
    Ok(())
}
