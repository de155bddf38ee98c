//! Files that change: what a running script sees, what is kept between runs.

use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Stdio;

use crate::support::{Printed, TestResult, tree, write, wx, wxmcp};

/// What others change while a script runs is for the next run.
#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one script that changes one file after the other"
)]
fn files_that_change_during_a_run_are_refused_in_it() -> TestResult {
    let file = |name: &str, value: &str| format!("def {name}() -> str:\n    return '{value}'\n");
    let folder = tree(&[
        ("tools/t/called.py", file("called", "first")),
        ("tools/t/fresh.py", file("fresh", "first")),
        ("tools/t/same.py", file("same", "first")),
        (
            "tools/h/helped.py",
            "from _help import VALUE\n\ndef helped() -> str:\n    return VALUE\n".to_owned(),
        ),
        ("tools/h/_help.py", "VALUE = 'first'\n".to_owned()),
        (
            "tools/n/outer.py",
            "from tools import t\nfrom wxmcp import tool\n\n@tool(grants={\"tools\": [\"t.*\"]})\ndef outer() -> str:\n    return t.fresh()\n"
                .to_owned(),
        ),
        ("wxmcp.toml", "[grants.\"n.outer\"]\ntools = [\"t.*\"]\n".to_owned()),
        (
            "script.py",
            r#"
def tried(name):
    try:
        print(name, call_tool(name))
    except ToolError as error:
        print(name, error.kind, error)

def all():
    for name in ["t.called", "t.fresh", "h.helped", "n.outer", "t.same", "t.added"]:
        tried(name)

tried("t.called")
tried("t.same")
print("ready")
input()
all()
"#
            .to_owned(),
        ),
    ])?;
    let root = folder.path();
    // What is younger than a tick of the file system's clock cannot be told from what is not.
    let run = |change: &dyn Fn() -> TestResult| -> Result<String, Box<dyn Error>> {
        let mut child = wxmcp(root)
            .args(["run", "script.py"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut printed = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut line = String::new();
        while line != "ready\n" {
            line.clear();
            if printed.read_line(&mut line)? == 0 {
                return Err("the script ended early".into());
            }
        }
        change()?;
        child.stdin.take().ok_or("no input")?.write_all(b"\n")?;
        let mut rest = String::new();
        printed.read_to_string(&mut rest)?;
        child.wait()?;
        Ok(rest)
    };
    let printed = run(&|| {
        write(root, "tools/t/called.py", file("called", "second"))?;
        write(root, "tools/t/fresh.py", file("fresh", "second"))?;
        write(root, "tools/t/added.py", file("added", "second"))?;
        write(root, "tools/h/_help.py", "VALUE = 'second'\n")
    })?;
    let refused = |name: &str, file: &str| {
        format!(
            "{name} tool-changed `tools/{file}.py`, or a file that it shares, was changed after this run began: the next run reads it\n"
        )
    };
    let wanted = [
        refused("t.called", "t/called"),
        refused("t.fresh", "t/fresh"),
        refused("h.helped", "h/helped"),
        refused("n.outer", "t/fresh").replace("tool-changed", "tool-failed"),
        "t.same first\n".to_owned(),
        refused("t.added", "t/added"),
    ];
    assert_eq!(printed, wanted.concat());
    let next = run(&|| Ok(()))?;
    let wanted = [
        "t.called", "t.fresh", "h.helped", "n.outer", "t.same", "t.added",
    ]
    .map(|name| {
        format!(
            "{name} {}\n",
            if name == "t.same" { "first" } else { "second" }
        )
    });
    assert_eq!(next, wanted.concat());
    Ok(())
}

/// A file that was there before the run, put where the tool's file was, is another file.
#[test]
fn a_tool_file_that_was_called_is_not_exchanged_in_a_run() -> TestResult {
    let file = |value: &str| format!("def a() -> str:\n    return '{value}'\n");
    let folder = tree(&[
        ("first/a.py", file("first")),
        ("second/a.py", file("second")),
        (
            "script.py",
            r#"
import os
from tools import t
print(t.a())
os.rename("/w/first", "/w/third")
os.rename("/w/second", "/w/first")
try:
    print(t.a())
except ToolError as error:
    print(error.kind)
"#
            .to_owned(),
        ),
    ])?;
    fs::create_dir(folder.path().join("tools"))?;
    std::os::unix::fs::symlink("../first", folder.path().join("tools/t"))?;
    let run = ["run", "-v", ".:/w:rw", "script.py"];
    let printed = wx(folder.path(), &run)?;
    assert_eq!(printed.streams(), ("first\ntool-changed\n", ""));
    let printed = wx(folder.path(), &["run", "-c", "call_tool('t.a')"])?;
    assert_eq!(printed.stdout, "second\n");
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
    assert_eq!(cold.streams(), warm.streams());
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
    assert_eq!(cold.streams(), last.streams());
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

/// What the machine could not do today is no property of the file.
#[test]
fn a_file_that_could_not_be_read_now_is_read_again() -> TestResult {
    let folder = tree(&[("tools/t/a.py", "def a() -> int:\n    return 1\n")])?;
    let cache = tempfile::tempdir()?;
    let list = |total: &str| -> Result<Printed, Box<dyn Error>> {
        let mut command = wxmcp(folder.path());
        command
            .env("WXMCP_CACHE_DIR", cache.path())
            .env("WXMCP_HOST_MEMORY_TOTAL", total);
        Ok(command.args(["tools", "list"]).output()?.into())
    };
    let refused = list("100KiB")?;
    assert!(
        refused
            .stderr
            .contains("reading it was stopped by the limit of 100 KiB"),
        "{}",
        refused.stderr
    );
    let listed = list("1GiB")?;
    assert_eq!(listed.streams(), ("t.a()\n", ""));
    Ok(())
}
