//! What scripts see of packages, and who sees them: sessions, servers, tests, tool files, processes of a script.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::archive::PLAIN;
use crate::folder::{Folder, printed};
use crate::support::{Printed, TestResult, checkers};

/// A project with one package that has all that packages have.
fn project(name: &str) -> Result<Folder, Box<dyn std::error::Error>> {
    let folder = Folder::new()?;
    let inside = |path: &str| path.replace("NAME", name);
    let paths = [
        "NAME/__init__.py",
        "NAME/inner/deep.py",
        "NAME/data/text.txt",
        "NAME-1.0.dist-info/entry_points.txt",
    ]
    .map(inside);
    let init = "import os\nx = 42\ndef fails():\n    return 1 // 0  # here\n\
                def read():\n    with open(os.path.join(os.path.dirname(__file__), 'data', 'text.txt')) as file:\n        return file.read()\n";
    folder.wheel(
        &format!("{name}-1.0"),
        &[],
        &[
            (&paths[0], init.as_bytes(), PLAIN),
            (&paths[1], b"y = 43\n", PLAIN),
            (&paths[2], b"some text", PLAIN),
            (
                &paths[3],
                inside("[some.group]\nit = NAME:read\n").as_bytes(),
                PLAIN,
            ),
        ],
    )?;
    let added = folder.wx(&["add", name])?;
    assert_eq!(added.code, Some(0), "{}", added.stderr);
    Ok(folder)
}

#[test]
fn a_package_is_all_that_it_is_elsewhere() -> TestResult {
    let folder = project("whole")?;
    folder.write("a.py", "\
import importlib.metadata as metadata, importlib.resources as resources, inspect, os, pkgutil, subprocess, sys, threading
import whole, whole.inner.deep
print(whole.__file__, whole.inner.__path__[0])
print(whole.read(), resources.files('whole').joinpath('data', 'text.txt').read_text())
print(metadata.version('whole'), [it.name for it in metadata.entry_points(group='some.group')])
print(metadata.metadata('whole')['License-Expression'])
print([it.name for it in pkgutil.iter_modules()if it.name == 'whole'], [it.name for it in pkgutil.iter_modules(whole.__path__)])
print(inspect.getsource(whole.fails).splitlines()[0], whole.__loader__.get_source('whole')[:9])
print(subprocess.run([sys.executable, '-c', 'import whole; print(whole.x)'], capture_output=True, text=True).stdout.strip())
thread = threading.Thread(target=lambda: print(__import__('whole').x)); thread.start(); thread.join()
try: open(whole.__file__, 'w')
except OSError as error: print(type(error).__name__)
print(os.listdir('/packages/python'))
whole.fails()
")?;
    let ran = folder.wx(&["run", "a.py"])?;
    assert_eq!(ran.code, Some(1));
    assert_eq!(
        ran.stdout,
        "\
/packages/python/whole/__init__.py /packages/python/whole/inner
some text some text
1.0 ['it']
MIT
['whole'] []
def fails(): import os
42
42
PermissionError
['.wxmcp', 'whole', 'whole-1.0.dist-info']
"
    );
    assert_eq!(
        ran.stderr,
        "\
Traceback (most recent call last):
  File \"a.py\", line 14, in <module>
    whole.fails()
    ~~~~~~~~~~~^^
  File \"/packages/python/whole/__init__.py\", line 4, in fails
    return 1 // 0  # here
           ~~^^~~
ZeroDivisionError: division by zero
"
    );
    Ok(())
}

/// A script's own module comes first, as where a package is installed.
#[test]
fn what_is_beside_a_script_comes_first() -> TestResult {
    let folder = project("beside")?;
    folder.write("a.py", "import beside\nbeside.x")?;
    printed(&folder.wx(&["run", "--project", ".", "a.py"])?, "42\n");
    folder.write("beside.py", "x = 'own'\n")?;
    printed(&folder.wx(&["run", "--project", ".", "a.py"])?, "own\n");
    Ok(())
}

#[test]
fn a_session_has_the_packages() -> TestResult {
    let folder = project("insession")?;
    let mut child = folder
        .wxmcp()
        .args(["repl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .ok_or("no input")?
        .write_all(b"import insession\ninsession.x\n")?;
    let ended: Printed = child.wait_with_output()?.into();
    assert!(
        ended.stdout.contains("42"),
        "{} {}",
        ended.stdout,
        ended.stderr
    );
    Ok(())
}

#[test]
fn a_recording_replays_with_the_packages() -> TestResult {
    let folder = project("recorded")?;
    folder.write("a.py", "import recorded\nrecorded.read()")?;
    printed(
        &folder.wx(&["record", "-o", "a.rec", "a.py"])?,
        "some text\n",
    );
    let replayed = folder.alone(&["replay", "a.rec"])?;
    printed(&replayed, "some text\n");
    Ok(())
}

#[test]
fn tool_files_and_tests_have_the_packages() -> TestResult {
    let folder = project("intools")?;
    let tool =
        "import intools\n\ndef read() -> str:\n    \"\"\"Reads.\"\"\"\n    return intools.read()\n";
    folder.write("tools/texts/read.py", tool)?;
    folder.write(
        "a.py",
        "import intools\nfrom tools import texts\nprint(intools.x)\ntexts.read()",
    )?;
    printed(&folder.wx(&["run", "a.py"])?, "42\nsome text\n");
    let listed = folder.wx(&["tools", "check"])?;
    assert_eq!(listed.code, Some(0), "{} {}", listed.stdout, listed.stderr);
    let test = "\
import intools
from wxmcp_test import run

def test_it():
    assert intools.x == 42
    assert run('a.py', tools={'texts.read': lambda: 'stubbed'}).value == 'stubbed'
";
    folder.write("a_test.py", test)?;
    let tested = folder.wx(&["test", "."])?;
    assert!(
        tested.stdout.contains("1 passed"),
        "{} {}",
        tested.stdout,
        tested.stderr
    );
    Ok(())
}

/// Types of packages are known where they say so.
#[test]
fn a_check_knows_the_types_of_packages() -> TestResult {
    let folder = Folder::new()?;
    folder.wheel(
        "typedone-1.0",
        &[],
        &[
            (
                "typedone/__init__.py",
                b"def twice(x: int) -> int:\n    return 2 * x\n",
                PLAIN,
            ),
            ("typedone/py.typed", b"", PLAIN),
        ],
    )?;
    folder.write("good.py", "import typedone\nprint(typedone.twice(2))\n")?;
    folder.write("wrong.py", "import typedone\nprint(typedone.twice('2'))\n")?;
    assert_eq!(folder.wx(&["add", "typedone"])?.code, Some(0));
    let check = |script: &str| -> Result<Printed, Box<dyn std::error::Error>> {
        let mut command = folder.wxmcp();
        command.env("WXMCP_CHECKERS", checkers()?);
        Ok(command.args(["check", script]).output()?.into())
    };
    printed(&check("good.py")?, "");
    let exported = folder.wx(&["tools", "export", "--format", "python", "-o", "stubs"])?;
    assert_eq!(exported.code, Some(0), "{}", exported.stderr);
    assert!(
        folder
            .read("stubs/site-packages/typedone/__init__.py")?
            .contains("-> int")
    );
    let wrong = check("wrong.py")?;
    assert_eq!(wrong.code, Some(1), "{}", wrong.stderr);
    assert!(
        wrong
            .stdout
            .starts_with("wrong.py:2:22: invalid-argument-type"),
        "{}",
        wrong.stdout
    );
    Ok(())
}

/// A server's programs have what is locked; what they name besides is refused, and fetched by nobody.
#[test]
#[expect(clippy::too_many_lines, reason = "one story of a project")]
fn a_server_has_what_is_locked_and_nothing_else() -> TestResult {
    let folder = project("served")?;
    folder.wheel("unlocked-1.0", &[], &[("unlocked.py", b"", PLAIN)])?;
    let metadata = |name: &str| {
        format!("# /// script\n# dependencies = ['{name}']\n# ///\nimport {name}\n{name}.__name__")
    };
    let codes = [
        ("python", "import served; served.x".to_owned(), "42"),
        ("python", metadata("served"), "served"),
        (
            "python",
            metadata("unlocked"),
            "`unlocked` is not in wxmcp.lock: programs use the packages that this server has locked, and none is fetched for \
             them; there are served. The user adds one by `wxmcp add`",
        ),
        ("javascript", "1 + 1".to_owned(), "2"),
    ];
    let calls = codes.iter().enumerate().map(|(id, (language, code, _))| {
        json!({"jsonrpc": "2.0", "id": id + 10, "method": "tools/call", "params": {
            "name": "run_code", "arguments": {"code": code, "language": language}}})
    });
    let opening = [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"}),
    ];
    let lines: String = opening
        .into_iter()
        .chain(calls)
        .map(|it| format!("{it}\n"))
        .collect();
    let mut child = folder
        .wxmcp()
        .args(["serve", "--drain", "60s"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .ok_or("no input")?
        .write_all(lines.as_bytes())?;
    let ended: Printed = child.wait_with_output()?.into();
    let answers: Vec<Value> = ended
        .stdout
        .lines()
        .filter_map(|it| serde_json::from_str(it).ok())
        .collect();
    let answer = |id: usize| {
        let found = answers.iter().find(|it| it["id"] == json!(id));
        found.ok_or(format!("no answer {id}: {} {}", ended.stdout, ended.stderr))
    };
    let offered = answer(2)?.to_string();
    assert!(offered.contains("Packages of Python: served."), "{offered}");
    for (id, (_, code, expected)) in codes.iter().enumerate() {
        let text = answer(id + 10)?["result"]["content"][0]["text"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(text.contains(expected), "{code}: {text}");
    }
    // What is declared and not locked keeps a server from starting: it would fetch it.
    folder.write(
        "wxmcp.toml",
        "[packages]\npython = [\"served\", \"unlocked\"]\n",
    )?;
    let refused = folder.wx(&["serve"])?;
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("`unlocked` is not in wxmcp.lock"),
        "{}",
        refused.stderr
    );
    Ok(())
}
