//! Files that change: what a running script sees, what is kept between runs.

use std::error::Error;
use std::fs;

use crate::support::{Printed, TestResult, tree, write, wx, wxmcp};

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
    let refused = list("1MiB")?;
    assert!(
        refused
            .stderr
            .contains("reading it was stopped by the limit of 1 MiB"),
        "{}",
        refused.stderr
    );
    let listed = list("1GiB")?;
    assert_eq!(listed.streams(), ("t.a()\n", ""));
    Ok(())
}
