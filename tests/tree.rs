//! The tool tree through the binary: what changes, what is kept, what is said of it.

mod support;

use std::error::Error;
use std::fs;
use std::path::Path;

use support::{Printed, wxmcp};
use tempfile::TempDir;

type TestResult = Result<(), Box<dyn Error>>;

/// A folder with these files.
fn tree(files: &[(&str, &str)]) -> Result<TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    for (path, text) in files {
        write(folder.path(), path, text)?;
    }
    Ok(folder)
}

fn write(folder: &Path, path: &str, text: &str) -> TestResult {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().ok_or("no folder")?)?;
    Ok(fs::write(path, text)?)
}

fn wx(folder: &Path, args: &[&str]) -> Result<Printed, Box<dyn Error>> {
    Ok(wxmcp(folder).args(args).output()?.into())
}

#[test]
fn changed_and_added_files_are_seen_by_a_running_script() -> TestResult {
    let folder = tree(&[
        ("tools/t/one.py", "def one() -> int:\n    return 1\n"),
        (
            "script.py",
            r#"
from tools import t
print(t.one())
with open("/tools/t/one.py", "w") as file:
    file.write("def one(x: int = 5) -> int:\n    return x + 1\n")
print(t.one(), call_tool("t.one", x=8))
with open("/tools/t/two.ts", "w") as file:
    file.write("export const two = () => 'two';")
print(call_tool("t.two"))
import os
os.mkdir("/tools/u")
with open("/tools/u/three.js", "w") as file:
    file.write("export function three() { return 3; }")
print(call_tool("u.three"))
os.remove("/tools/t/two.ts")
try:
    call_tool("t.two")
except ToolError as error:
    print(error)
"#,
        ),
    ])?;
    let printed = wx(
        folder.path(),
        &["run", "-v", "tools:/tools:rw", "script.py"],
    )?;
    assert_eq!(printed.stderr, "");
    assert_eq!(printed.stdout, "1\n6 9\ntwo\n3\nthere is no tool `t.two`\n");
    Ok(())
}

/// A second process knows what the first one read, until a file changes.
#[test]
fn descriptions_are_kept_by_content() -> TestResult {
    let folder = tree(&[
        ("tools/t/a.py", "def a() -> int:\n    \"\"\"First.\"\"\"\n"),
        ("tools/t/b.py", "syntax error\n"),
    ])?;
    let cache = tempfile::tempdir()?;
    let list = || -> Result<Printed, Box<dyn Error>> {
        let mut command = wxmcp(folder.path());
        command.env("WXMCP_CACHE_DIR", cache.path());
        Ok(command.args(["tools", "list"]).output()?.into())
    };
    let first = list()?;
    assert_eq!(first.stdout, "t.a()  First.\n");
    assert!(
        first.stderr.contains("tools/t/b.py: SyntaxError"),
        "{}",
        first.stderr
    );
    let kept: Vec<_> = fs::read_dir(cache.path().join("tools"))?.collect();
    let [Ok(kept)] = kept.as_slice() else {
        return Err(format!("{kept:?}").into());
    };
    let text = fs::read_to_string(kept.path())?;
    assert_eq!(list()?.stdout, first.stdout);
    // What is kept is what is shown, as long as the content is the same.
    fs::write(kept.path(), text.replace("First.", "Kept."))?;
    assert_eq!(list()?.stdout, "t.a()  Kept.\n");
    write(
        folder.path(),
        "tools/t/a.py",
        "def a() -> int:\n    \"\"\"Second.\"\"\"\n",
    )?;
    assert_eq!(list()?.stdout, "t.a()  Second.\n");
    // A cache that is damaged, or that others could have written, is no cache.
    fs::write(kept.path(), "{")?;
    assert_eq!(list()?.stdout, "t.a()  Second.\n");
    let text = fs::read_to_string(kept.path())?;
    fs::write(kept.path(), text.replace("Second.", "Forged."))?;
    fs::set_permissions(
        kept.path(),
        std::os::unix::fs::PermissionsExt::from_mode(0o666),
    )?;
    assert_eq!(list()?.stdout, "t.a()  Second.\n");
    Ok(())
}

#[test]
fn check_says_what_does_not_load_and_what_is_not_approved() -> TestResult {
    let folder = tree(&[
        (
            "tools/t/ask.ts",
            "import { createTool } from 'wxmcp';\nexport const ask = createTool({ grants: { sql: ['main:rw'], tools: ['x.*'] }, execute() {} });",
        ),
        ("tools/t/bad.py", "1/0\n"),
    ])?;
    let printed = wx(folder.path(), &["tools", "check"])?;
    assert_eq!(
        printed.stdout,
        "tools/t/bad.py: ZeroDivisionError: division by zero (tools/t/bad.py, line 1)\n\
         t.ask: it asks for what is not approved: write `sql = [\"main:rw\"]`, `tools = [\"x.*\"]` \
         under `[grants.\"t.ask\"]` in wxmcp.toml\n"
    );
    assert_eq!(printed.code, Some(1));
    fs::remove_file(folder.path().join("tools/t/bad.py"))?;
    write(
        folder.path(),
        "wxmcp.toml",
        "[grants.\"t.ask\"]\nsql = [\"main:rw\"]\ntools = [\"x.*\"]\n",
    )?;
    let printed = wx(folder.path(), &["tools", "check"])?;
    assert_eq!((printed.stdout.as_str(), printed.code), ("", Some(0)));
    Ok(())
}

#[test]
fn check_names_the_files_that_could_be_reusable() -> TestResult {
    let folder = tree(&[
        (
            "tools/t/plain.ts",
            "export function plain() { const n: number = 1; return n * 2; }",
        ),
        (
            "tools/t/says_so.js",
            "export const says_so = () => 1;\nsays_so.reusable = true;",
        ),
        (
            "tools/t/counts.js",
            "let n = 0;\nexport const counts = () => (n += 1);",
        ),
        ("tools/t/python.py", "def python() -> int:\n    return 1\n"),
    ])?;
    let printed = wx(folder.path(), &["tools", "check"])?;
    let (first, second) = printed.stderr.split_once('\n').ok_or("one line")?;
    assert_eq!(first, "note: 4 tools, 0 findings");
    assert!(
        second.starts_with("note: `t.plain` could be `reusable: true`"),
        "{second}"
    );
    let printed = wx(folder.path(), &["tools", "check", "--json"])?;
    let told: serde_json::Value = serde_json::from_str(&printed.stdout)?;
    assert_eq!(told["could_be_reusable"], serde_json::json!(["t.plain"]));
    Ok(())
}

/// Who calls a tool by hand sees what its file prints; a script does not.
#[test]
fn what_a_tool_file_prints_is_shown_by_tools_call_only() -> TestResult {
    let folder = tree(&[(
        "tools/t/say.py",
        "import sys\ndef say() -> int:\n    print('out')\n    print('err', file=sys.stderr)\n    return 5\n",
    )])?;
    let printed = wx(folder.path(), &["tools", "call", "t.say"])?;
    assert_eq!(
        (printed.stdout.as_str(), printed.stderr.as_str()),
        ("5\n", "out\nerr\n")
    );
    let printed = wx(folder.path(), &["run", "-c", "call_tool('t.say')"])?;
    assert_eq!(
        (printed.stdout.as_str(), printed.stderr.as_str()),
        ("5\n", "")
    );
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
    assert_eq!(
        (printed.stdout.as_str(), printed.stderr.as_str()),
        ("3\n", "")
    );
    Ok(())
}

/// A schema that nothing could be held against would be no check: the file is no tool.
#[test]
fn a_tool_whose_schema_is_unusable_does_not_load() -> TestResult {
    let tool = |schema: &str| {
        format!(
            "import {{ createTool }} from 'wxmcp';\nexport const t = createTool({{ parameters: {{ type: 'object', \
             properties: {{ k: {schema}, n: {{ type: 'integer' }} }} }}, execute: (args) => args }});"
        )
    };
    for schema in [
        "{ pattern: '(' }",
        "{ type: 'nosuch' }",
        "{ $ref: '#/$defs/absent' }",
    ] {
        let folder = tree(&[("tools/x/t.ts", &tool(schema))])?;
        let printed = wx(folder.path(), &["tools", "check"])?;
        let words = "tools/x/t.ts: its `parameters` is no usable JSON Schema: ";
        assert!(printed.stdout.starts_with(words), "{}", printed.stdout);
        assert_eq!(printed.code, Some(1));
    }
    let folder = tree(&[("tools/x/t.ts", &tool("{ pattern: '^(?=x)x' }"))])?;
    let args = r#"{"k": "y", "n": "no"}"#;
    let printed = wx(folder.path(), &["tools", "call", "x.t", "--args", args])?;
    assert!(
        printed.stderr.contains("/n: ") && printed.stderr.contains("/k: "),
        "{}",
        printed.stderr
    );
    let printed = wx(
        folder.path(),
        &["tools", "call", "x.t", "--args", r#"{"k": "x", "n": 1}"#],
    )?;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
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
    assert_eq!(
        (read.stdout.as_str(), read.stderr.as_str()),
        ("50000\n", "")
    );
    Ok(())
}

/// What is wrong in `wxmcp.toml` is told by its line, which may hold a secret and is not shown.
#[test]
fn errors_of_the_configuration_show_no_line_of_it() -> TestResult {
    let header = "headers = { Authorization = \"canary\"";
    for rest in [" }\nheader = 1", "\n", ", Authorization = 1 }"] {
        let text = format!("[connections.x]\nurl = \"https://x.org/\"\n{header}{rest}\n");
        let folder = tree(&[("wxmcp.toml", &text)])?;
        let printed = wx(folder.path(), &["run", "-c", "1"])?;
        assert_eq!(printed.code, Some(2), "{}", printed.stderr);
        assert!(printed.stderr.contains("line "), "{}", printed.stderr);
        assert!(!printed.stderr.contains("canary"), "{}", printed.stderr);
    }
    Ok(())
}

/// A pipe that nobody writes to is not waited for.
#[test]
fn a_pipe_is_no_tool_file() -> TestResult {
    let folder = tree(&[("tools/t/a.py", "def a():\n    pass\n")])?;
    let pipe = folder.path().join("tools/t/pipe.py");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0)?;
    let printed = wx(folder.path(), &["tools", "check"])?;
    assert_eq!(
        printed.stdout,
        "tools/t/pipe.py: it cannot be read: it is not a file\n"
    );
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
    assert_eq!(
        (printed.stdout.as_str(), printed.stderr.as_str()),
        ("300\n", "")
    );
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
    assert_eq!(
        (printed.stdout.as_str(), printed.stderr.as_str()),
        ("140\n", "")
    );
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
    let config = support::fixtures().join("mcp/fixture.json");
    let config = config.to_string_lossy();
    let script = "import asyncio\nfrom tools import t\nfor calls in (40, 60):\n    print(len(await asyncio.gather(*[t.together(calls) for _ in range(calls)])))";
    let printed = wx(
        folder.path(),
        &["run", "--mcp-config", &config, "-c", script],
    )?;
    assert_eq!(
        (printed.stdout.as_str(), printed.stderr.as_str()),
        ("40\n60\n", "")
    );
    Ok(())
}

/// Files are read at once where several are new: each is what it is when it is read alone.
#[test]
fn many_new_files_are_described_as_one_is() -> TestResult {
    let texts: Vec<(String, String)> = (0..24)
        .map(|n| match n % 6 {
            0 => (format!("f{n}.py"), format!("def f{n}(x: int) -> int:\n    \"\"\"File {n}.\"\"\"\n    return x\n")),
            1 => (format!("f{n}.js"), format!("export const f{n} = () => 1;\nf{n}.description = 'File {n}.';")),
            2 => (format!("f{n}.ts"), format!("export function f{n}(): number {{ return {n}; }}")),
            3 => (format!("f{n}.js"), format!("throw new Error('file {n}');")),
            4 => (format!("f{n}.py"), "while True:\n    raise SystemExit(3)\n".to_owned()),
            _ => (format!("f{n}.ts"), format!("globalThis.seen = (globalThis.seen ?? 0) + 1;\nexport const f{n} = () => 1;\nf{n}.description = `Seen ${{globalThis.seen}}.`;")),
        })
        .collect();
    let together = tempfile::tempdir()?;
    for (file, text) in &texts {
        write(together.path(), &format!("tools/t/{file}"), text)?;
    }
    let list = ["tools", "list"];
    let cold = wx(together.path(), &list)?;
    let warm = wx(together.path(), &list)?;
    assert_eq!((&cold.stdout, &cold.stderr), (&warm.stdout, &warm.stderr));
    assert!(cold.stdout.contains("Seen 1.") && !cold.stdout.contains("Seen 2."));
    assert_eq!(cold.stderr.lines().count(), 8, "{}", cold.stderr);
    let apart = tempfile::tempdir()?;
    for (file, text) in &texts {
        write(apart.path(), &format!("tools/t/{file}"), text)?;
        let one = wx(apart.path(), &list)?;
        let known: Vec<&str> = one.stdout.lines().chain(one.stderr.lines()).collect();
        let all: Vec<&str> = cold.stdout.lines().chain(cold.stderr.lines()).collect();
        assert!(known.iter().all(|line| all.contains(line)), "{known:?}");
    }
    let last = wx(apart.path(), &list)?;
    assert_eq!((&cold.stdout, &cold.stderr), (&last.stdout, &last.stderr));
    Ok(())
}

#[test]
fn the_shipped_tree_loads() -> TestResult {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let printed = wx(root, &["tools", "check"])?;
    assert_eq!(
        (printed.stdout.as_str(), printed.stderr.as_str()),
        ("", "note: 5 tools, 0 findings\n")
    );
    let printed = wx(root, &["tools", "list"])?;
    let names: Vec<&str> = printed
        .stdout
        .lines()
        .filter_map(|line| line.split('(').next())
        .collect();
    assert_eq!(
        names,
        [
            "api.fetch",
            "database.query",
            "database.update",
            "file.read",
            "file.write"
        ]
    );
    Ok(())
}

#[test]
fn configuration_that_means_nothing_is_refused() -> TestResult {
    for (settings, words) in [
        ("[connections.x]\nurl = \"mysql://u:canary@h/d\"", "sqlite:"),
        (
            "[connections.x]\nurl = \"sqlite:${NOWHERE_AT_ALL}\"",
            "NOWHERE_AT_ALL",
        ),
        ("[connections.x]\npath = \"x\"", "path"),
        ("[grants.\"query\"]\nsql = [\"x\"]", "query"),
        ("[grants.\"a.b\"]\nsqls = [\"x\"]", "sqls"),
        ("[grants.\"a.b\"]\ntools = [\"x\"]", "`x` names no tool"),
        (
            "[grants.\"a.b\"]\nhttp = [\"a.*.c\"]",
            "`a.*.c` means no host",
        ),
        (
            "[policy]\nallow-hosts = [\"ftp://a.b\"]",
            "`ftp://a.b` means no host",
        ),
        (
            "[policy]\nallow-hosts = [\"wiki\"]",
            "a host of that name is written `https://wiki`",
        ),
        (
            "[connections.x]\nurl = \"sqlite:x\"\nheaders = { a = \"b\" }",
            "which only go to a host",
        ),
        (
            "[connections.x]\nurl = \"https://u:canary@h.test/\"",
            "secrets belong into `headers`",
        ),
        (
            "[connections.x]\nurl = \"https://h.test/\"\nheaders = { \"a b\" = \"canary\" }",
            "no name of a header",
        ),
        ("[http]\nca = \"wxmcp.toml\"", "holds no certificates"),
        ("[http]\nca = \"nowhere\"", "`ca` of `[http]`"),
        ("[tools]\nfolder = \"nowhere\"", "nowhere"),
    ] {
        let folder = tree(&[("wxmcp.toml", settings), ("tools/t/a.py", "")])?;
        let printed = wx(folder.path(), &["run", "-c", "1"])?;
        assert_eq!(printed.code, Some(2), "{settings}: {}", printed.stderr);
        assert!(printed.stderr.contains(words), "{}", printed.stderr);
        assert!(!printed.stderr.contains("canary"), "{}", printed.stderr);
    }
    Ok(())
}

/// A server and a folder of one name: the server is meant, whatever the folder holds.
#[test]
fn a_server_hides_a_folder_of_its_name() -> TestResult {
    let folder = tree(&[(
        "tools/fixture/add.py",
        "def add(a: int, b: int) -> str:\n    return 'folder'\n",
    )])?;
    let config = support::fixtures().join("mcp/fixture.json");
    let config = config.to_string_lossy();
    let run = [
        "run",
        "--mcp-config",
        &config,
        "-c",
        "call_tool('fixture.add', a=1, b=2)",
    ];
    let printed = wx(folder.path(), &run)?;
    assert!(!printed.stdout.contains("folder"), "{}", printed.stdout);
    let printed = wx(
        folder.path(),
        &["run", "-c", "call_tool('fixture.add', a=1, b=2)"],
    )?;
    assert_eq!(printed.stdout, "folder\n");
    Ok(())
}

/// What a tool does not declare is learned where that is asked for: the shape, no value.
#[test]
fn shapes_of_answers_are_learned_when_asked_for() -> TestResult {
    let folder = tree(&[
        (
            "tools/t/find.js",
            "export function find() { return { rows: [{ id: 1, name: 'canary' }], 'canary@x.org': 'canary' }; }",
        ),
        (
            "tools/t/says.ts",
            "import { createTool } from 'wxmcp';\nexport const says = createTool({ output: { type: 'string' }, execute: () => 'x' });",
        ),
    ])?;
    let cache = tempfile::tempdir()?;
    let run = |args: &[&str]| -> Result<Printed, Box<dyn Error>> {
        let mut command = wxmcp(folder.path());
        command.env("WXMCP_CACHE_DIR", cache.path());
        Ok(command.args(args).output()?.into())
    };
    let call = ["run", "-c", "from tools import t\nt.find()\nt.says()"];
    let show = ["tools", "show", "t.find", "t.says"];
    assert_eq!(run(&call)?.code, Some(0));
    assert!(!cache.path().join("learned").exists());
    let before = run(&show)?.stdout;
    assert!(before.contains("t.find() -> Any\n"), "{before}");
    write(
        folder.path(),
        "wxmcp.toml",
        "[tools]\nlearn-answers = true\n",
    )?;
    assert_eq!(run(&call)?.code, Some(0));
    let after = run(&show)?.stdout;
    assert!(
        after.contains(
            "t.find() -> dict[str, list[dict] | str]  # learned from answers, not declared"
        ),
        "{after}"
    );
    assert!(after.contains("t.says() -> str\n"), "{after}");
    for (format, file, words) in [
        ("python", "tools/t.pyi", "-> dict[str, list["),
        ("typescript", "tools/t.d.ts", "Promise<Record<string, "),
    ] {
        let export = ["tools", "export", "--format", format, "-o", "stubs"];
        assert_eq!(run(&export)?.code, Some(0));
        let stub = fs::read_to_string(folder.path().join("stubs").join(file))?;
        assert!(stub.contains(words), "{stub}");
        assert_eq!(stub.matches("learned from answers").count(), 1, "{stub}");
    }
    let kept: Vec<_> = fs::read_dir(cache.path().join("learned"))?.collect();
    let [Ok(kept)] = kept.as_slice() else {
        return Err(format!("{kept:?}").into());
    };
    let text = fs::read_to_string(kept.path())?;
    assert!(!text.contains("canary"), "{text}");
    Ok(())
}

/// What a script does not import is not read: neither in the tree, nor of servers.
#[test]
fn an_import_reads_one_namespace_of_many() -> TestResult {
    let folder = tree(&[
        ("tools/used/one.js", "export const one = () => 1;"),
        (
            ".mcp.json",
            r#"{"mcpServers": {"idle": {"command": "touch", "args": ["started"]}}}"#,
        ),
        (
            "script.py",
            "import tools\nfrom tools import used\nprint(used.one(), len(dir(tools)) > 40)\n",
        ),
        (
            "search.py",
            "import tools\nprint(len(tools.search('used')) > 0)\n",
        ),
    ])?;
    for space in 0..40 {
        let file = format!("tools/space_{space}/tool.js");
        write(folder.path(), &file, "export const tool = () => 2;")?;
    }
    let cache = tempfile::tempdir()?;
    let run = |script: &str| -> Result<(String, usize, bool), Box<dyn Error>> {
        let mut command = wxmcp(folder.path());
        command.env("WXMCP_CACHE_DIR", cache.path());
        let printed = Printed::from(command.args(["run", script]).output()?);
        let read = fs::read_dir(cache.path().join("tools"))?.count();
        let started = folder.path().join("started").exists();
        Ok((printed.stdout + &printed.stderr, read, started))
    };
    assert_eq!(run("script.py")?, ("1 True\n".to_owned(), 1, false));
    // A search is about all tools.
    assert_eq!(run("search.py")?, ("True\n".to_owned(), 41, true));
    Ok(())
}
