//! Calls of tool files: what they print, whom they wait for, what a stop leaves behind.

use crate::support::{TestResult, fixture_config, tree, write, wx};

/// Who calls a tool by hand sees what its file prints; a script does not.
#[test]
fn what_a_tool_file_prints_is_shown_by_tools_call_only() -> TestResult {
    let folder = tree(&[(
        "tools/t/say.py",
        "import sys\ndef say() -> int:\n    print('out')\n    print('err', file=sys.stderr)\n    return 5\n",
    )])?;
    let printed = wx(folder.path(), &["tools", "call", "t.say"])?;
    assert_eq!(printed.streams(), ("5\n", "out\nerr\n"));
    let printed = wx(folder.path(), &["run", "-c", "call_tool('t.say')"])?;
    assert_eq!(printed.streams(), ("5\n", ""));
    Ok(())
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_tool() -> TestResult {
    let folder = tree(&[
        ("tools/t/a.py", "\u{feff}def a() -> int:\n    return 1\n"),
        ("tools/t/b.ts", "\u{feff}export const b = () => 2;"),
    ])?;
    let printed = wx(
        folder.path(),
        &["run", "-c", "call_tool('t.a') + call_tool('t.b')"],
    )?;
    assert_eq!(printed.streams(), ("3\n", ""));
    Ok(())
}

/// A run that is stopped in the middle of a transaction leaves a database that can be read.
#[test]
fn a_transaction_that_was_cut_off_locks_nobody_out() -> TestResult {
    let folder = tree(&[
        (
            "tools/t/spin.py",
            "from wxmcp import sql, tool\n\n@tool(grants={\"sql\": [\"main:rw\"]})\ndef spin() -> None:\n    \
             with sql(\"main\").transaction() as change:\n        change.execute(\"UPDATE t SET a = a + 1\")\n        \
             while True:\n            pass\n",
        ),
        (
            "tools/t/total.py",
            "from wxmcp import sql, tool\n\n@tool(grants={\"sql\": [\"main\"]})\ndef total() -> int:\n    \
             return sql(\"main\").query(\"SELECT sum(a) AS n FROM t\")[0][\"n\"]\n",
        ),
        (
            "wxmcp.toml",
            "[connections.main]\nurl = \"sqlite:m.db\"\n[grants.\"t.*\"]\nsql = [\"main:rw\"]\n",
        ),
    ])?;
    let file = folder.path().join("m.db");
    rusqlite::Connection::open(&file)?.execute_batch(
        "PRAGMA cache_size = 1; CREATE TABLE t (a INTEGER, b TEXT); \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) \
         INSERT INTO t SELECT 1, hex(randomblob(100)) FROM n;",
    )?;
    let stopped = wx(
        folder.path(),
        &["run", "--timeout", "2s", "-c", "call_tool('t.spin')"],
    )?;
    assert_eq!(stopped.code, Some(3), "{}", stopped.stderr);
    let read = wx(folder.path(), &["run", "-c", "call_tool('t.total')"])?;
    assert_eq!(read.streams(), ("50000\n", ""));
    Ok(())
}

/// More calls than run at once, and each calls another: all of them are answered.
#[test]
fn tool_files_wait_for_their_turn() -> TestResult {
    let folder = tree(&[
        (
            "tools/t/outer.js",
            "import { inner } from './tools/t';\nexport async function outer() { return (await inner()) + 1; }\nouter.grants = { tools: ['t.inner'] };",
        ),
        ("tools/t/inner.js", "export function inner() { return 1; }"),
        (
            "wxmcp.toml",
            "[grants.\"t.outer\"]\ntools = [\"t.inner\"]\n",
        ),
    ])?;
    let script = "import asyncio\nfrom tools import t\nsum(await asyncio.gather(*[t.outer() for _ in range(150)]))";
    let run = ["run", "--max-concurrent-calls", "150", "-c", script];
    let printed = wx(folder.path(), &run)?;
    assert_eq!(printed.streams(), ("300\n", ""));
    Ok(())
}

/// Kept instances take no room from those that run.
#[test]
fn more_reusable_files_than_run_at_once_are_called() -> TestResult {
    let folder = tempfile::tempdir()?;
    for n in 0..70 {
        let text = format!("export const f{n} = () => 1;\nf{n}.reusable = true;");
        write(folder.path(), &format!("tools/t/f{n}.js"), &text)?;
    }
    let script = "sum(call_tool(f't.f{n}') for _ in range(2) for n in range(70))";
    let printed = wx(folder.path(), &["run", "--timeout", "60s", "-c", script])?;
    assert_eq!(printed.streams(), ("140\n", ""));
    Ok(())
}

/// A server that answers when all calls have arrived: tool files that wait do so at the same time,
/// however few may compute. The server goes on when the threads of the first calls have ended.
#[test]
fn tool_files_that_wait_for_a_server_overlap() -> TestResult {
    let folder = tree(&[
        (
            "tools/t/together.ts",
            "import { fixture } from './tools';\nexport async function together(calls: number) { return await fixture.meet({ calls }); }\ntogether.parameters = { calls: { type: 'integer' } };\ntogether.grants = { tools: ['fixture.meet'] };",
        ),
        (
            "wxmcp.toml",
            "[grants.\"t.together\"]\ntools = [\"fixture.meet\"]\n",
        ),
    ])?;
    let config = fixture_config();
    let script = "import asyncio\nfrom tools import t\nfor calls in (40, 60):\n    print(len(await asyncio.gather(*[t.together(calls) for _ in range(calls)])))";
    let printed = wx(
        folder.path(),
        &["run", "--mcp-config", &config, "-c", script],
    )?;
    assert_eq!(printed.streams(), ("40\n60\n", ""));
    Ok(())
}

/// A server and a folder of one name: the server is meant, whatever the folder holds.
#[test]
fn a_server_hides_a_folder_of_its_name() -> TestResult {
    let folder = tree(&[(
        "tools/fixture/add.py",
        "def add(a: int, b: int) -> str:\n    return 'folder'\n",
    )])?;
    let config = fixture_config();
    let run = [
        "run",
        "--mcp-config",
        &config,
        "-c",
        "call_tool('fixture.add', a=1, b=2)",
    ];
    let printed = wx(folder.path(), &run)?;
    assert_eq!(printed.streams(), ("3\n", ""));
    let printed = wx(
        folder.path(),
        &["run", "-c", "call_tool('fixture.add', a=1, b=2)"],
    )?;
    assert_eq!(printed.stdout, "folder\n");
    Ok(())
}

/// A tool that is denied shows nothing, not even that its file does not load.
#[test]
fn a_denied_file_that_does_not_load_is_not_there() -> TestResult {
    let folder = tree(&[
        ("tools/t/good.py", "def good() -> int:\n    return 1\n"),
        ("tools/t/hidden.py", "syntax error\n"),
        ("tools/t/shown.py", "syntax error\n"),
        (
            "script.py",
            "
import asyncio, tools
async def main():
    for name in ['t.hidden', 't.shown']:
        for asked in [lambda: call_tool(name), lambda: tools.describe(name)]:
            try:
                await asked()
            except ToolError as error:
                print('does not load' in str(error))
asyncio.run(main())
",
        ),
    ])?;
    let denied = wx(
        folder.path(),
        &["run", "--deny-tool", "t.hidden", "script.py"],
    )?;
    assert_eq!(denied.streams(), ("False\nFalse\nTrue\nTrue\n", ""));
    let allowed = wx(
        folder.path(),
        &["run", "--allow-tool", "t.shown", "script.py"],
    )?;
    assert_eq!(allowed.streams(), ("False\nFalse\nTrue\nTrue\n", ""));
    Ok(())
}
