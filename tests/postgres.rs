//! Tool files on a real PostgreSQL server, in both languages, through the binary.

mod support;

use std::error::Error;
use std::fs;

use support::{Printed, TestResult, postgres::Server, tree, wxmcp};
use tempfile::TempDir;

/// The password of the role that tools log in as.
const CANARY: &str = "canary-41c0ffee";

/// A server, and a folder with tool files that use it.
struct Tree {
    server: Server,
    folder: TempDir,
}

impl Tree {
    fn new() -> Result<Self, Box<dyn Error>> {
        let server = Server::start(&["--app".as_ref(), CANARY.as_ref()])?;
        let settings = format!(
            "[connections.main]\nurl = \"postgres://wx:${{PG_PASSWORD}}@127.0.0.1:{}/app\"\n\
             [grants.\"t.*\"]\nsql = [\"main:rw\"]\n",
            server.port
        );
        let folder = tree(&[
            ("tools/t/py.py", PYTHON),
            ("tools/t/ts.ts", TYPESCRIPT),
            ("wxmcp.toml", &settings),
        ])?;
        Ok(Self { server, folder })
    }

    fn run(&self, args: &[&str]) -> Result<Printed, Box<dyn Error>> {
        self.run_as(CANARY, args)
    }

    fn run_as(&self, password: &str, args: &[&str]) -> Result<Printed, Box<dyn Error>> {
        let mut command = wxmcp(self.folder.path());
        command.env("PG_PASSWORD", password).arg("run").args(args);
        Ok(command.output()?.into())
    }
}

const PYTHON: &str = r#"
import datetime
import decimal
from wxmcp import sql, tool, ToolError

@tool(grants={"sql": ["main:rw"]})
def py(what: str) -> list:
    """Works on a PostgreSQL database."""
    main = sql("main")
    if what == "types":
        big, blob = 2**63 - 1, b"\x00\xff"
        rows = main.query(
            "SELECT $1::int8 AS one, $2::int8[] AS many, $3::bytea AS blob, $4::bytea[] AS blobs,"
            " $5::numeric AS exact, $6::jsonb AS json, $7::timestamptz AS at, $8::text AS none,"
            " $9::numeric AS huge",
            [big, [big, None, 1], blob, [[blob], [None]], "0.10", {"a": [1, None]},
             datetime.datetime(2026, 11, 25, 1, 2, 3, tzinfo=datetime.UTC), None, 10**30],
        )
        row = rows[0]
        assert row == {
            "one": big, "many": [big, None, 1], "blob": blob, "blobs": [[blob], [None]],
            "exact": "0.10", "json": {"a": [1, None]}, "at": "2026-11-25T01:02:03+00:00", "none": None,
            "huge": str(10**30),
        }, row
        assert decimal.Decimal(row["exact"]) == decimal.Decimal("0.10")
        assert datetime.datetime.fromisoformat(row["at"]).tzinfo is not None
        return [column["type"] for column in rows.columns]
    if what == "transaction":
        main.execute("CREATE TABLE py (a int PRIMARY KEY)")
        with main.transaction() as inside:
            inside.execute("INSERT INTO py VALUES ($1)", [1])
        try:
            with main.transaction() as inside:
                inside.execute("INSERT INTO py VALUES ($1)", [2])
                inside.execute("INSERT INTO py VALUES ($1)", [1])
        except ToolError as error:
            assert error.data["sqlstate"] == "23505", error
        left_open = main.transaction()
        left_open.execute("INSERT INTO py VALUES (3)")
        return [row["a"] for row in main.query("SELECT a FROM py")]
    if what == "numbers":
        main.execute("CREATE TABLE ids_py (id int8 PRIMARY KEY, n numeric, j jsonb)")
        for id in 2**53, 2**53 + 1:
            main.execute("INSERT INTO ids_py VALUES ($1, $2, $3)", [id, 10**30 + id, {"id": 10**30 + id}])
        main.execute("UPDATE ids_py SET n = $2 WHERE id = $1", [2**53 + 1, 10**40])
        rows = main.query("SELECT id, n, j, (id % 7)::oid AS o, id::float8 / 3 AS f FROM ids_py ORDER BY id")
        assert [row["id"] for row in rows] == [2**53, 2**53 + 1], rows
        assert [row["n"] for row in rows] == [str(10**30 + 2**53), str(10**40)], rows
        assert [row["j"]["id"] for row in rows] == [10**30 + 2**53, 10**30 + 2**53 + 1], rows
        told = []
        for kind, value in ("int8", 2**63), ("int8", float(2**53)), ("float8", 2**53 + 1), ("numeric", 1e20), ("oid", 2**32):
            try:
                main.query(f"SELECT $1::{kind}", [value])
            except ToolError as error:
                told.append(str(error).partition("it takes ")[2] or str(error).partition("`: ")[2])
        return told
    if what == "count":
        return [row["n"] for row in main.query("SELECT count(*) AS n FROM py")]
    try:
        main.query(what)
    except ToolError as error:
        return [str(error)]
    return []
"#;

const TYPESCRIPT: &str = r#"
import { createTool, sql, ToolError } from 'wxmcp';
import { z } from 'zod';

export const ts = createTool({
  description: 'Works on a PostgreSQL database.',
  parameters: z.object({ what: z.string() }),
  grants: { sql: ['main:rw'] },
  async execute({ what }) {
    const main = sql('main');
    if (what === 'types') {
      const big = 2n ** 63n - 1n;
      const blob = new Uint8Array([0, 255]);
      const rows = await main.query(
        'SELECT $1::int8 AS one, $2::int8[] AS many, $3::bytea AS blob, $4::bytea[] AS blobs,' +
          ' $5::numeric AS exact, $6::jsonb AS json, $7::timestamptz AS at, $8::text AS none, $9::numeric AS huge',
        [big, [big, null, 1], blob, [[blob], [null]], '0.10', { a: [1, null] }, '2026-11-25T01:02:03Z', null, 10n ** 30n],
      );
      const row = rows[0];
      const told = JSON.stringify(row, (_, value) =>
        typeof value === 'bigint' ? `${value}n` : value instanceof Uint8Array ? [...value].join('.') : value,
      );
      const expected =
        '{"one":"9223372036854775807n","many":["9223372036854775807n",null,"1n"],"blob":"0.255","blobs":[["0.255"],[null]],' +
        '"exact":"0.10","json":{"a":[1,null]},"at":"2026-11-25T01:02:03+00:00","none":null,"huge":"1000000000000000000000000000000"}';
      if (told !== expected) throw new Error(told);
      return rows.columns.map((column) => column.type);
    }
    if (what === 'transaction') {
      await main.execute('CREATE TABLE ts (a int PRIMARY KEY)');
      await main.transaction((inside) => inside.execute('INSERT INTO ts VALUES ($1)', [1]));
      try {
        await main.transaction(async (inside) => {
          await inside.execute('INSERT INTO ts VALUES ($1)', [2]);
          await inside.execute('INSERT INTO ts VALUES ($1)', [1]);
        });
      } catch (error) {
        if (error.data.sqlstate !== '23505') throw error;
      }
      return (await main.query('SELECT a FROM ts')).map((row) => row.a);
    }
    if (what === 'numbers') {
      const far = 10n ** 30n;
      await main.execute('CREATE TABLE ids_ts (id int8 PRIMARY KEY, n numeric, j jsonb)');
      for (const id of [2n ** 53n, 2n ** 53n + 1n]) {
        await main.execute('INSERT INTO ids_ts VALUES ($1, $2, $3)', [id, far + id, { id: far + id }]);
      }
      await main.execute('UPDATE ids_ts SET n = $2 WHERE id = $1', [2n ** 53n + 1n, 10n ** 40n]);
      const rows = await main.query('SELECT id, n, j, (id % 7)::oid AS o, id::float8 / 3 AS f FROM ids_ts ORDER BY id');
      const expected =
        `[{"id":9007199254740992,"n":"${far + 2n ** 53n}","j":{"id":${far + 2n ** 53n}},"o":4,"f":${2 ** 53 / 3}},` +
        `{"id":9007199254740993,"n":"${10n ** 40n}","j":{"id":${far + 2n ** 53n + 1n}},"o":5,"f":${2 ** 53 / 3}}]`;
      if (JSON.stringify(rows) !== expected) throw new Error(JSON.stringify(rows));
      if (rows.some((row) => typeof row.id !== 'bigint' || typeof row.o !== 'number')) throw new Error('types');
      const told = [];
      for (const [kind, value] of [['int8', 2n ** 63n], ['int8', 2 ** 53], ['float8', 2n ** 53n + 1n], ['numeric', 1e20], ['oid', 2n ** 32n]]) {
        try {
          await main.query(`SELECT $1::${kind}`, [value]);
        } catch ({ message }) {
          told.push(/it takes (.*)/.exec(message)?.[1] ?? /is of type `[a-z0-9]*`: (.*)/.exec(message)?.[1] ?? message);
        }
      }
      return told;
    }
    if (what === 'count') return (await main.query('SELECT count(*) AS n FROM ts')).map((row) => row.n);
    try {
      await main.query(what);
    } catch (error) {
      return [error.message];
    }
    return [];
  },
});
"#;

#[test]
fn both_languages_work_on_postgresql() -> TestResult {
    let tree = Tree::new()?;
    let types = "['int8', 'int8[]', 'bytea', 'bytea[]', 'numeric', 'jsonb', 'timestamptz', 'text', 'numeric']\n";
    for language in ["py", "ts"] {
        for (what, expected) in [
            ("types", types),
            ("transaction", "[1]\n"),
            // What a run left open is gone.
            ("count", "[1]\n"),
            (
                "SELECT 1; SELECT 2",
                "['the connection `main`: cannot insert multiple commands into a prepared statement (SQLSTATE 42601)']\n",
            ),
            (
                "COPY t TO PROGRAM 'true'",
                "['COPY moves data past the parameters and limits of a statement: use SELECT or INSERT']\n",
            ),
        ] {
            let code = format!("print(call_tool('t.{language}', what={what:?}))");
            let printed = tree.run(&["-c", &code])?;
            assert_eq!(printed.streams(), (expected, ""), "{language} {what}");
        }
    }
    Ok(())
}

#[test]
fn the_password_reaches_neither_tools_nor_errors() -> TestResult {
    let tree = Tree::new()?;
    let code = "for name in ['t.py', 't.ts']:\n    print(call_tool(name, what='SELECT 1'))";
    let wrong = "not-canary-41c0ffee";
    assert!(!tree.server.password.is_empty());
    let printed = tree.run_as(wrong, &["-c", code])?;
    assert_eq!(
        printed.stdout.matches("SQLSTATE 28P01").count(),
        2,
        "{}",
        printed.stdout
    );
    let all = format!("{}{}", printed.stdout, printed.stderr);
    assert!(!all.contains("canary"), "{all}");
    // A server that mentions it, where it is right.
    let raise = format!("DO $$ BEGIN RAISE 'postgres://wx:{CANARY}@h'; END $$");
    let code =
        format!("print(call_tool('t.py', what={raise:?}), call_tool('t.ts', what={raise:?}))");
    let printed = tree.run(&["-c", &code])?;
    assert_eq!(
        printed.stdout.matches("postgres://wx:[password]@h").count(),
        2,
        "{}",
        printed.stdout
    );
    // In a URL that cannot be read.
    let toml = tree.folder.path().join("wxmcp.toml");
    let text = fs::read_to_string(&toml)?;
    for broken in [
        "?sslmode=verify-ca",
        "?x=1",
        "?sslmode=require&sslmode=require",
    ] {
        fs::write(&toml, text.replace("/app", &format!("/app{broken}")))?;
        let printed = tree.run(&["-c", "1"])?;
        assert_eq!(printed.code, Some(2), "{}", printed.stderr);
        assert!(
            printed
                .stderr
                .contains("the URL of the connection `main` cannot be used"),
            "{}",
            printed.stderr
        );
        assert!(!printed.stderr.contains("canary"), "{}", printed.stderr);
    }
    Ok(())
}

/// The tool is stopped by its time; the database hears of it, though wxmcp ends at once.
#[test]
fn a_tool_that_is_stopped_leaves_nothing_running() -> TestResult {
    let tree = Tree::new()?;
    let sleep = "SELECT pg_sleep(100000)";
    let code = format!("call_tool('t.py', what={sleep:?})");
    let printed = tree.run(&["--call-timeout", "3s", "-c", &code])?;
    assert!(
        printed.stdout.contains("took longer than 2.7s"),
        "{}",
        printed.stdout
    );
    let printed = tree.run(&["--timeout", "3s", "-c", &code])?;
    assert_eq!(printed.code, Some(3), "{}", printed.stderr);
    let running = "SELECT 1 / count(*) AS x FROM pg_stat_activity \
                   WHERE query LIKE '%pg_sleep(1000%' AND pid <> pg_backend_pid() AND state = 'active'";
    let code = format!(
        "for _ in range(200):\n    told = call_tool('t.py', what={running:?})\n    if told: break\nprint(told)"
    );
    // Nothing runs: the question divides by zero.
    let printed = tree.run(&["-c", &code])?;
    assert!(
        printed.stdout.contains("SQLSTATE 22012"),
        "{} {}",
        printed.stdout,
        printed.stderr
    );
    Ok(())
}

#[test]
fn integers_of_any_size_are_exact_or_refused_by_their_digits() -> TestResult {
    let tree = Tree::new()?;
    for (language, inexact) in [
        ("py", "an integer of 64 bits, not 9007199254740992.0"),
        (
            "ts",
            "parameter 1 is the number 9007199254740992, beyond 2^53",
        ),
    ] {
        let code = format!("for told in call_tool('t.{language}', what='numbers'): print(told)");
        let printed = tree.run(&["-c", &code])?;
        let lines: Vec<&str> = printed.stdout.lines().collect();
        let expected = [
            "an integer of 64 bits, not 9223372036854775808",
            inexact,
            "a floating-point number would round 9007199254740993",
            "1e+20 is a floating-point number beyond 2^53",
            "an integer from 0 to 2^32 - 1, not 4294967296",
        ];
        assert_eq!(
            lines.len(),
            expected.len(),
            "{}{}",
            printed.stdout,
            printed.stderr
        );
        for (line, expected) in lines.iter().zip(expected) {
            let digits = expected.replace("1e+20", "100000000000000000000.0");
            assert!(
                line.starts_with(expected) || line.starts_with(&digits),
                "{language}: {line}"
            );
        }
    }
    Ok(())
}
