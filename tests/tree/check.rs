//! `wxmcp tools check`: what it finds, in files and in the tree that ships.

use std::fs;

use crate::support::{TestResult, repository, tree, write, wx};

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

#[test]
fn the_shipped_tree_loads() -> TestResult {
    let root = repository();
    let printed = wx(root, &["tools", "check"])?;
    assert_eq!(printed.streams(), ("", "note: 5 tools, 0 findings\n"));
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
