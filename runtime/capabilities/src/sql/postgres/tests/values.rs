//! What goes in and comes out.

use super::*;

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
async fn values_of_every_kind_come_out_without_loss() -> TestResult {
    let app = App::start().await?;
    let tool = app.writer()?;
    tool.execute("CREATE TYPE mood AS ENUM ('sad', 'so so')")
        .await?;
    tool.execute("CREATE TYPE pair AS (a int, b text)").await?;
    tool.execute("CREATE DOMAIN big AS int8").await?;
    let big = |digits: &str| digits.parse::<i64>().map_or(json!(null), |it| json!(it));
    let bytes = |base64: &str| json!({ "$bytes": base64 });
    for (expression, kind, expected) in [
        (
            "9007199254740991::int8",
            "int8",
            json!(9_007_199_254_740_991_i64),
        ),
        ("9007199254740992::int8", "int8", big("9007199254740992")),
        (
            "(-9223372036854775808)::int8",
            "int8",
            big("-9223372036854775808"),
        ),
        (
            "9223372036854775807::big",
            "int8",
            big("9223372036854775807"),
        ),
        ("(-32768)::int2", "int2", json!(-32768)),
        ("4294967295::oid", "oid", json!(4_294_967_295_u32)),
        ("0.1::float4", "float4", json!(0.1)),
        ("1e300::float8 * 10", "float8", json!(1e301)),
        ("'NaN'::float8", "float8", json!("NaN")),
        ("'-Infinity'::float4", "float4", json!("-Infinity")),
        (
            "12345678901234567890.12345678901234567890",
            "numeric",
            json!("12345678901234567890.12345678901234567890"),
        ),
        ("1.500::numeric(10,3)", "numeric", json!("1.500")),
        ("'NaN'::numeric", "numeric", json!("NaN")),
        ("'Infinity'::numeric", "numeric", json!("Infinity")),
        ("true", "bool", json!(true)),
        ("NULL::int4", "int4", json!(null)),
        ("'héllo \"x\" \\ '", "text", json!("héllo \"x\" \\ ")),
        ("'a'::char(3)", "bpchar", json!("a  ")),
        ("'\\x00ff10'::bytea", "bytea", bytes("AP8Q")),
        ("''::bytea", "bytea", bytes("")),
        (
            "'2026-11-25 13:15:52.123456+02'::timestamptz",
            "timestamptz",
            json!("2026-11-25T11:15:52.123456+00:00"),
        ),
        (
            "'2026-11-25 13:15:52'::timestamp",
            "timestamp",
            json!("2026-11-25T13:15:52"),
        ),
        ("'infinity'::timestamptz", "timestamptz", json!("infinity")),
        ("'2026-11-25'::date", "date", json!("2026-11-25")),
        ("'13:15:52.5'::time", "time", json!("13:15:52.5")),
        ("'13:15:52+02'::timetz", "timetz", json!("13:15:52+02:00")),
        (
            "'1 year 2 mons 3 days 04:05:06.7'::interval",
            "interval",
            json!("P1Y2M3DT4H5M6.7S"),
        ),
        (
            "'{\"b\": [1, null, {\"c\": 1.5}], \"a\": \"x\"}'::json",
            "json",
            json!({"b": [1, null, {"c": 1.5}], "a": "x"}),
        ),
        ("'[1, \"x\", null]'::jsonb", "jsonb", json!([1, "x", null])),
        ("'null'::jsonb", "jsonb", json!(null)),
        (
            "'11111111-2222-3333-4444-555555555555'::uuid",
            "uuid",
            json!("11111111-2222-3333-4444-555555555555"),
        ),
        ("'10.1.2.3/8'::inet", "inet", json!("10.1.2.3/8")),
        ("'[1,5)'::int4range", "int4range", json!("[1,5)")),
        ("'so so'::mood", "mood", json!("so so")),
        ("ROW(1, 'a b')::pair", "pair", json!("(1,\"a b\")")),
        ("'(1,2)'::point", "point", json!("(1,2)")),
        ("'1 2'::int2vector", "int2vector", json!("1 2")),
        ("ARRAY[1, NULL, 3]", "int4[]", json!([1, null, 3])),
        ("'{}'::int4[]", "int4[]", json!([])),
        (
            "ARRAY[[1, 2], [3, NULL]]",
            "int4[]",
            json!([[1, 2], [3, null]]),
        ),
        ("'[5:6]={7,8}'::int4[]", "int4[]", json!([7, 8])),
        (
            "ARRAY[9223372036854775807, 1]",
            "int8[]",
            json!([i64::MAX, 1]),
        ),
        (
            "ARRAY[['\\x00'::bytea], [NULL::bytea]]",
            "bytea[]",
            json!([[{"$bytes": "AA=="}], [null]]),
        ),
        (
            "ARRAY['a,b', NULL, 'NULL', '\"\\']",
            "text[]",
            json!(["a,b", null, "NULL", "\"\\"]),
        ),
        ("ARRAY['1.10'::numeric]", "numeric[]", json!(["1.10"])),
        (
            "ARRAY['{\"a\": [1]}'::jsonb]",
            "jsonb[]",
            json!([{"a": [1]}]),
        ),
        ("ARRAY['sad', NULL]::mood[]", "mood[]", json!(["sad", null])),
        (
            "ARRAY[9007199254740993::big]",
            "big[]",
            json!([9_007_199_254_740_993_i64]),
        ),
        (
            "ARRAY['(1,2),(0,0)'::box, '(3,4),(0,0)'::box]",
            "box[]",
            json!(["(1,2),(0,0)", "(3,4),(0,0)"]),
        ),
        (
            "ARRAY[ROW(1, 'x,y')::pair]",
            "pair[]",
            json!(["(1,\"x,y\")"]),
        ),
        (
            "ARRAY['2026-11-25 00:00+00'::timestamptz]",
            "timestamptz[]",
            json!(["2026-11-25T00:00:00+00:00"]),
        ),
    ] {
        let answer = tool
            .query(&format!("SELECT {expression} AS x"), json!([]))
            .await;
        let answer = answer.map_err(|error| format!("{expression}: {error}"))?;
        assert_eq!(answer["rows"][0][0], expected, "{expression}");
        let column = &answer["columns"][0];
        assert_eq!(
            (&column["name"], &column["type"]),
            (&json!("x"), &json!(kind)),
            "{expression}"
        );
        let text = expected.to_string();
        assert_eq!(
            column["bytes"] == json!(true),
            text.contains("$bytes"),
            "{expression}"
        );
    }
    Ok(())
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
async fn parameters_are_bound_by_the_type_that_the_statement_wants() -> TestResult {
    let app = App::start().await?;
    let tool = app.writer()?;
    tool.execute("CREATE TYPE mood AS ENUM ('sad', 'ok')")
        .await?;
    tool.execute("CREATE DOMAIN even AS int4 CHECK (VALUE % 2 = 0)")
        .await?;
    let hostile = "'; DROP TABLE t; -- $1";
    for (kind, given, expected) in [
        ("int2", json!(-5), json!("-5")),
        ("int4", json!("7"), json!("7")),
        ("int8", json!(i64::MAX), json!("9223372036854775807")),
        ("numeric", json!("1.2300"), json!("1.2300")),
        ("numeric", json!(0.1), json!("0.1")),
        (
            "numeric",
            serde_json::from_str("123456789012345678901234567890")?,
            json!("123456789012345678901234567890"),
        ),
        ("float8", json!("NaN"), json!("NaN")),
        ("bool", json!(true), json!("true")),
        ("text", json!(hostile), json!(hostile)),
        ("bytea", json!({"$bytes": "AP8="}), json!("\\x00ff")),
        (
            "timestamptz",
            json!("2026-11-25T13:15:52Z"),
            json!("2026-11-25 13:15:52+00"),
        ),
        ("date", json!("2026-11-25"), json!("2026-11-25")),
        ("interval", json!("P1DT2H"), json!("P1DT2H")),
        (
            "uuid",
            json!("11111111-2222-3333-4444-555555555555"),
            json!("11111111-2222-3333-4444-555555555555"),
        ),
        ("json", json!("a"), json!("\"a\"")),
        (
            "jsonb",
            json!({"a": [1, null]}),
            json!("{\"a\": [1, null]}"),
        ),
        ("int4[]", json!([1, null, 3]), json!("{1,NULL,3}")),
        ("int4[]", json!([[1], [2]]), json!("{{1},{2}}")),
        (
            "text[]",
            json!(["a,\"b", "NULL"]),
            json!("{\"a,\\\"b\",\"NULL\"}"),
        ),
        (
            "bytea[]",
            json!([{"$bytes": "AA=="}]),
            json!("{\"\\\\x00\"}"),
        ),
        ("mood", json!("ok"), json!("ok")),
        ("mood[]", json!(["ok", "sad"]), json!("{ok,sad}")),
        ("even", json!(4), json!("4")),
        ("inet", json!("10.0.0.1/8"), json!("10.0.0.1/8")),
        ("int4range", json!("[1,3)"), json!("[1,3)")),
        ("text", json!(null), json!(null)),
    ] {
        let answer = tool
            .query(&format!("SELECT ($1::{kind})::text"), json!([given]))
            .await;
        let answer = answer.map_err(|error| format!("{kind} {given}: {error}"))?;
        assert_eq!(answer["rows"][0][0], expected, "{kind} {given}");
    }
    for (statement, given, words) in [
        (
            "SELECT $1::int4",
            json!(["x"]),
            "parameter $1 is of type `int4`: it takes an integer of 32 bits, not that text",
        ),
        (
            "SELECT $1::text, $2::int2",
            json!(["a", 40_000]),
            "parameter $2 is of type `int2`",
        ),
        (
            "SELECT $1::text",
            json!([5]),
            "parameter $1 is of type `text`: it takes text, not 5",
        ),
        (
            "SELECT $1::bytea",
            json!(["x"]),
            "parameter $1 is of type `bytea`: it takes bytes, not that text",
        ),
        (
            "SELECT $1::int4[]",
            json!([5]),
            "parameter $1 is of type `int4[]`: it takes an array, not 5",
        ),
        (
            "SELECT $1::int4[]",
            json!([[1, "x"]]),
            "element 2: it takes an integer of 32 bits",
        ),
        // These the server reads.
        (
            "SELECT $1::text, $2::uuid",
            json!(["a", "x"]),
            "parameter $2: invalid input syntax for type uuid",
        ),
        (
            "SELECT $1::mood",
            json!(["glad"]),
            "invalid input value for enum mood: \"glad\" (SQLSTATE 22P02)",
        ),
        (
            "SELECT $1::timestamptz",
            json!(["yesteryear"]),
            "(SQLSTATE 22007)",
        ),
        (
            "SELECT $1::int4",
            json!([]),
            "the statement has 1 parameters, and 0 were given",
        ),
        (
            "SELECT 1",
            json!([1]),
            "the statement has 0 parameters, and 1 were given",
        ),
        ("", json!([]), "the statement is empty"),
        ("SELECT '\0'", json!([]), "NUL"),
    ] {
        match tool.query(statement, given.clone()).await {
            Err(error) => {
                assert_eq!(
                    error.kind,
                    ToolErrorKind::InvalidCall,
                    "{statement}: {error}"
                );
                assert!(error.message.contains(words), "{statement}: {error}");
            }
            Ok(answer) => return Err(format!("{statement} {given}: {answer}").into()),
        }
    }
    Ok(())
}

#[tokio::test]
async fn errors_of_the_database_have_its_words_its_code_and_the_place() -> TestResult {
    let app = App::start().await?;
    let tool = app.writer()?;
    let error = tool.refused("SELECT *\nFROM nowhere").await?;
    assert_eq!(error.kind, ToolErrorKind::CapabilityFailed);
    assert_eq!(
        error.message,
        "the connection `main`: relation \"nowhere\" does not exist (SQLSTATE 42P01)"
    );
    assert_eq!(
        error.data,
        Some(json!({"sqlstate": "42P01", "position": 15}))
    );
    tool.execute("CREATE TABLE t (a int PRIMARY KEY)").await?;
    let inserted = tool.execute("INSERT INTO t VALUES (1), (2)").await?;
    assert_eq!(
        inserted,
        json!({"rows_affected": 2, "last_insert_id": null})
    );
    let error = tool.refused("INSERT INTO t VALUES (1)").await?;
    assert!(
        error.message.contains("Key (a)=(1) already exists."),
        "{error}"
    );
    assert_eq!(sqlstate(&error), "23505");
    // However much a statement makes the server say.
    let loud =
        "DO $$ BEGIN RAISE EXCEPTION '%', repeat('x', 1000000) USING ERRCODE = 'ABCDE'; END $$";
    let error = tool.refused(loud).await?;
    assert!(error.message.len() < 500, "{}", error.message.len());
    assert_eq!(sqlstate(&error), "ABCDE");
    // An error in the middle of rows, and the next statement finds all in order.
    let error = tool
        .refused("SELECT 1 / (5 - x) FROM generate_series(1, 9) x")
        .await?;
    assert_eq!(sqlstate(&error), "22012");
    assert_eq!(tool.value("SELECT count(*) FROM t").await?, json!(2));
    Ok(())
}
