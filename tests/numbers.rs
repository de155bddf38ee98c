//! Any integer, by every road, in every language: exact, or refused by its digits.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use support::{Printed, TestResult, fixtures, repository, write, wxmcp};
use tempfile::TempDir;

const TOOLS: [(&str, &str); 10] = [
    (
        "n/py_any.py",
        "def py_any(v) -> dict:\n    return {'back': v, 'is': str(v)}\n",
    ),
    (
        "n/py_int.py",
        "def py_int(v: int) -> dict:\n    return {'back': v, 'is': str(v)}\n",
    ),
    (
        "n/py_float.py",
        "def py_float(v: float) -> dict:\n    return {'back': int(v), 'is': f'{v:.0f}'}\n",
    ),
    (
        "n/ts_any.ts",
        "import { createTool } from 'wxmcp';\nimport { z } from 'zod';\n\
         export const ts_any = createTool({ parameters: z.object({ v: z.any() }),\n\
         execute: ({ v }) => ({ back: v, is: String(v) }) });\n",
    ),
    (
        "n/ts_integer.ts",
        "export function ts_integer(v: number | bigint) { return { back: v, is: String(v) }; }\n\
         ts_integer.parameters = { v: { type: 'integer' } };\n",
    ),
    (
        "n/ts_number.ts",
        "import { createTool } from 'wxmcp';\nimport { z } from 'zod';\n\
         export const ts_number = createTool({ parameters: z.object({ v: z.number() }),\n\
         execute: ({ v }) => ({ back: v, is: String(v) }) });\n",
    ),
    (
        "m/coerce.ts",
        "import { createTool } from 'wxmcp';\nimport { z } from 'zod';\n\
         export const coerce = createTool({ parameters: z.object({ v: z.coerce.number() }),\n\
         execute: ({ v }) => ({ back: v }) });\n",
    ),
    (
        "n/through_ts.ts",
        "import { createTool, callTool } from 'wxmcp';\n\
         export const through_ts = createTool({ parameters: { v: {} }, grants: { tools: ['n.py_any'] },\n\
         execute: async ({ v }) => await callTool('n.py_any', { v: [v] }).then(({ back: [back], is }) =>\n\
         ({ back, is: is.slice(1, -1) })) });\n",
    ),
    (
        "n/through_py.py",
        "from wxmcp import tool, call_tool\n\n@tool(grants={'tools': ['n.ts_any']})\n\
         def through_py(v) -> dict:\n    return call_tool('n.ts_any', {'v': v})\n",
    ),
    (
        "n/sql_py.py",
        "from wxmcp import sql, tool\n\n@tool(grants={'sql': ['main']})\n\
         def sql_py(v) -> dict:\n    row = sql().query('SELECT ? AS back, CAST(? AS TEXT) AS \"is\"', [v, v])[0]\n    \
         return dict(row)\n",
    ),
];

const SETTINGS: &str = r#"
[connections.main]
url = "sqlite:main.db"
[grants."database.*"]
sql = ["main:rw"]
[grants."n.*"]
sql = ["main"]
tools = ["n.*"]
"#;

/// Each road takes an integer and answers {"back": it, "is": its digits}.
const PYTHON: &str = r#"
import sys
from tools import database, n, numbers

def sql(v):
    return database.query('SELECT ? AS back, CAST(? AS TEXT) AS "is"', [v, v])[0]

roads = {tool: getattr(n, tool) for tool in dir(n) if not tool.startswith("_")}
roads |= {"mcp." + tool: getattr(numbers, tool) for tool in ("anything", "integer", "number", "text")}
roads["database.query"] = sql
refused = {}
for digits in sys.argv[1:]:
    for road, tool in roads.items():
        try:
            answer = tool(v=int(digits))
        except ToolError as error:
            assert digits in str(error), (road, digits, str(error))
            refused.setdefault(road, []).append(digits)
            continue
        assert type(answer["back"]) is int and answer["back"] == int(digits), (road, digits, answer)
        assert answer["is"] == digits, (road, digits, answer)
return {"values": [int(digits) for digits in sys.argv[1:]], "refused": refused}
"#;

const TYPESCRIPT: &str = r#"
import * as database from './tools/database';
import * as n from './tools/n';
import * as numbers from './tools/numbers';

const sql = async ({ v }) => (await database.query('SELECT ? AS back, CAST(? AS TEXT) AS "is"', [v, v]))[0];
const roads: Record<string, (args: { v: any }) => Promise<any>> = { 'database.query': sql };
for (const tool of ['py_any', 'py_int', 'py_float', 'ts_any', 'ts_integer', 'ts_number', 'through_ts', 'through_py', 'sql_py']) roads[tool] = n[tool];
for (const tool of ['anything', 'integer', 'number', 'text']) roads[`mcp.${tool}`] = numbers[tool];
const values = process.argv.slice(2).map((digits) => (Number.isSafeInteger(Number(digits)) ? Number(digits) : BigInt(digits)));
const refused: Record<string, string[]> = {};
for (const v of values) {
  const digits = String(v);
  for (const road of Object.keys(roads)) {
    let answer;
    try {
      answer = await roads[road]({ v });
    } catch (error) {
      if (!error.message.includes(digits)) throw new Error(`${road} ${digits}: ${error.message}`);
      (refused[road] ??= []).push(digits);
      continue;
    }
    if (answer.back !== v || answer.is !== digits) throw new Error(`${road} ${digits}: ${JSON.stringify(answer)}`);
  }
}
return { values, refused };
"#;

/// A folder with these tools, those that ship, a database and an MCP server.
fn tree() -> Result<TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    for (path, text) in TOOLS {
        write(folder.path(), &format!("tools/{path}"), text)?;
    }
    let shipped = repository().join("tools/database");
    fs::create_dir(folder.path().join("tools/database"))?;
    for name in ["query.ts", "update.ts"] {
        let to = folder.path().join("tools/database").join(name);
        fs::copy(shipped.join(name), to)?;
    }
    let server = fixtures().join("mcp/numbers.py");
    let servers =
        serde_json::json!({"mcpServers": {"numbers": {"command": "python3", "args": [server]}}});
    for (name, text) in [
        ("wxmcp.toml", SETTINGS),
        (".mcp.json", &servers.to_string()),
        ("script.py", PYTHON),
        ("script.ts", TYPESCRIPT),
    ] {
        fs::write(folder.path().join(name), text)?;
    }
    let database = rusqlite::Connection::open(folder.path().join("main.db"))?;
    database.execute_batch("CREATE TABLE rows (id INTEGER PRIMARY KEY, v TEXT)")?;
    Ok(folder)
}

fn run(folder: &Path, args: &[&str]) -> Result<Printed, Box<dyn Error>> {
    Ok(wxmcp(folder).arg("run").args(args).output()?.into())
}

fn is_safe(digits: &str) -> bool {
    digits
        .parse()
        .is_ok_and(|integer: i64| integer.unsigned_abs() < 1 << 53)
}

fn is_float(digits: &str) -> bool {
    digits
        .parse()
        .is_ok_and(|float: f64| format!("{float:.0}") == digits)
}

/// The roads that cannot carry an integer.
fn refused(digits: &[String]) -> BTreeMap<&'static str, BTreeSet<&str>> {
    let beyond = |fits: fn(&str) -> bool| -> BTreeSet<&str> {
        let all = digits.iter().map(String::as_str);
        all.filter(|digits| !fits(digits)).collect()
    };
    let is_i64 = |digits: &str| digits.parse::<i64>().is_ok();
    BTreeMap::from([
        ("database.query", beyond(is_i64)),
        ("sql_py", beyond(is_i64)),
        ("ts_number", beyond(is_safe)),
        ("py_float", beyond(is_float)),
    ])
}

fn holds(folder: &Path, script: &str, digits: &[String]) -> TestResult {
    let mut args = vec!["--json", script];
    // Negative numbers look like flags.
    args.push("--");
    args.extend(digits.iter().map(String::as_str));
    let printed = run(folder, &args)?;
    let report: Value = serde_json::from_str(&printed.stdout)
        .map_err(|_| format!("{} {}", printed.stdout, printed.stderr))?;
    let part = |name: &str| report.pointer(&format!("/value/{name}"));
    let values: Vec<String> = part("values")
        .and_then(Value::as_array)
        .ok_or_else(|| format!("{script}: {report:#}"))?
        .iter()
        .map(Value::to_string)
        .collect();
    assert_eq!(values, digits, "{script}");
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (road, all) in part("refused")
        .and_then(Value::as_object)
        .ok_or("nothing refused")?
    {
        let all = all.as_array().ok_or("no list")?;
        let all = all.iter().filter_map(Value::as_str).collect();
        found.insert(road, all);
    }
    let mut expected = refused(digits);
    expected.retain(|_, all| !all.is_empty());
    assert_eq!(found, expected, "{script}");
    Ok(())
}

#[test]
fn every_road_is_exact_or_refuses_by_the_digits() -> TestResult {
    let folder = tree()?;
    let edges = [
        "0",
        "-1",
        "1700000000000000",
        "9007199254740991",
        "-9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "-9007199254740993",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "1000000000000000000000000000000",
        // Digits that a float prints, too.
        "10000000000000000000000000000000000000000",
    ]
    .map(str::to_owned);
    for script in ["script.py", "script.ts"] {
        holds(folder.path(), script, &edges)?;
    }
    let mut runner = TestRunner::new(Config {
        cases: 4,
        failure_persistence: None,
        ..Config::default()
    });
    let integer = prop_oneof![
        any::<i64>().prop_map(|it| it.to_string()),
        any::<i128>().prop_map(|it| it.to_string()),
        (0_u32..120, -3_i128..3).prop_map(|(bits, near)| ((1_i128 << bits) + near).to_string()),
        "-?[1-9][0-9]{30,250}",
    ];
    let many = proptest::collection::vec(integer, 12);
    runner.run(&many, |digits| {
        for script in ["script.py", "script.ts"] {
            holds(folder.path(), script, &digits)
                .map_err(|error| TestCaseError::fail(error.to_string()))?;
        }
        Ok(())
    })?;
    Ok(())
}

#[test]
fn the_row_that_is_named_is_the_row_that_changes() -> TestResult {
    let folder = tree()?;
    let database = rusqlite::Connection::open(folder.path().join("main.db"))?;
    let ids = [
        9_007_199_254_740_993_i64,
        10_000_000_000_000_001,
        i64::MAX - 1,
    ];
    let fill = |id: i64| -> Result<(), rusqlite::Error> {
        database.execute("DELETE FROM rows", [])?;
        for id in [id - 1, id, id + 1] {
            database.execute("INSERT INTO rows VALUES (?, 'old')", [id])?;
        }
        Ok(())
    };
    let changed = || -> Result<Vec<i64>, rusqlite::Error> {
        let mut rows = database.prepare("SELECT id FROM rows WHERE v = 'new'")?;
        rows.query_map([], |row| row.get(0))?.collect()
    };
    for id in ids {
        for (language, call) in [
            ("python", format!("[{id}]")),
            ("ts", format!("[{id}n]")),
            ("js", format!("['{id}']")),
        ] {
            fill(id)?;
            let (from, before) = match language {
                "python" => ("from tools import database\n", ""),
                _ => (
                    "import * as database from 'tools/database';\n",
                    "return await ",
                ),
            };
            for statement in [
                format!("database.update(\"UPDATE rows SET v = 'new' WHERE id = ?\", {call})"),
                format!("database.query(\"SELECT id FROM rows WHERE id = ?\", {call})"),
            ] {
                let source = format!("{from}{before}{statement}");
                let printed = run(folder.path(), &["--lang", language, "-c", &source])?;
                assert_eq!(printed.code, Some(0), "{source}: {}", printed.stderr);
                if statement.contains("query") {
                    assert!(
                        printed.stdout.contains(&id.to_string()),
                        "{}",
                        printed.stdout
                    );
                }
            }
            assert_eq!(changed()?, [id], "{language}");
        }
        // A number that JavaScript has rounded already names no row.
        fill(id)?;
        let source = format!(
            "import {{ update }} from 'tools/database';\n\
             await update(\"UPDATE rows SET v = 'new' WHERE id = ?\", [{id}])"
        );
        let printed = run(folder.path(), &["--lang", "js", "-c", &source])?;
        assert_eq!(printed.code, Some(1));
        assert!(printed.stderr.contains("beyond 2^53"), "{}", printed.stderr);
        assert!(changed()?.is_empty());
    }
    Ok(())
}

#[test]
fn a_column_with_one_large_integer_is_all_bigints() -> TestResult {
    let folder = tree()?;
    let database = rusqlite::Connection::open(folder.path().join("main.db"))?;
    database.execute_batch("INSERT INTO rows VALUES (5, 'a'), (9007199254740993, 'b')")?;
    let source = "import { query } from 'tools/database';\n\
        const rows = await query('SELECT id, length(v) AS n, id / 2.0 AS half FROM rows ORDER BY id');\n\
        return rows.map(({ id, n, half }) => [typeof id, typeof n, typeof half].join())";
    let printed = run(folder.path(), &["--lang", "ts", "-c", source])?;
    assert_eq!(
        printed.stdout, "[\"bigint,number,number\",\"bigint,number,number\"]\n",
        "{}",
        printed.stderr
    );
    Ok(())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn numbers_that_may_be_rounded_are_no_integers_and_what_no_float_holds_is_refused() -> TestResult {
    let folder = tree()?;
    for (language, source, expected) in [
        (
            "js",
            "import * as n from 'tools/n'; await n.ts_integer({ v: 9007199254740993 })",
            "/v: 9007199254740992 comes as a floating-point number, which may stand for another integer",
        ),
        (
            "python",
            "from tools import m; m.coerce(v=2**53 + 1)",
            "/v: a number would round 9007199254740993",
        ),
        (
            "python",
            "from tools import n; n.py_int(v=1e20)",
            "/v: 100000000000000000000 comes as a floating-point number",
        ),
        (
            "python",
            "from tools import n; n.py_any(v=float('nan'))",
            "Out of range float values are not JSON compliant: nan",
        ),
        (
            "python",
            "from tools import n; import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: float\n\
             n.py_any(v=A(float('inf')))",
            "Out of range float values are not JSON compliant: inf",
        ),
        (
            "js",
            "import * as n from 'tools/n'; await n.ts_any({ v: [new Float64Array([NaN])] })",
            "NaN has no JSON form",
        ),
    ] {
        let printed = run(folder.path(), &["--lang", language, "-c", source])?;
        assert_eq!(printed.code, Some(1), "{source}");
        assert!(
            printed.stderr.contains(expected),
            "{source}: {}",
            printed.stderr
        );
    }
    let googols = format!("1{}", "0".repeat(400));
    for (given, expected) in [
        (
            format!("{{\"v\": {googols}}}").as_str(),
            Ok(googols.as_str()),
        ),
        (
            "{\"v\": 1e400}",
            Err("1e+400 is beyond what a floating-point number holds"),
        ),
        (
            "{\"v\": 123456789012345678901234567890}",
            Ok("\"back\": 123456789012345678901234567890,"),
        ),
        ("{\"v\": -0.0}", Ok("\"back\": -0.0,")),
        ("{\"v\": 0.1}", Ok("\"back\": 0.1,")),
    ] {
        for tool in ["n.py_any", "n.ts_any", "numbers.anything"] {
            let args = ["tools", "call", tool, "--args", given];
            let printed: Printed = wxmcp(folder.path()).args(args).output()?.into();
            let all = format!("{}{}", printed.stdout, printed.stderr);
            match expected {
                Ok(text) => assert!(all.contains(text), "{tool} {given}: {all}"),
                Err(text) => assert!(
                    all.contains(text) && printed.code != Some(0),
                    "{tool}: {all}"
                ),
            }
        }
    }
    // Floating-point numbers stay what they are.
    let source = "from tools import n, numbers\nimport math\n\
        for tool in n.py_any, n.ts_any, n.through_ts, numbers.anything:\n    \
        for v in (-0.0, 0.1, 1e300, 5e-324, 1.7976931348623157e308, 9007199254740992.0, 1e22):\n        \
        back = tool(v=v)['back']\n        \
        assert type(back) is float and back == v and math.copysign(1, back) == math.copysign(1, v), (tool, v, back)";
    let printed = run(folder.path(), &["--lang", "python", "-c", source])?;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    Ok(())
}
