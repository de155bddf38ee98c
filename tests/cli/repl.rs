//! `wxmcp repl` and `wxmcp run --interactive`.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::support::{Printed, TestResult, cache, wxmcp};

/// What a command prints that is given these lines.
fn piped(folder: &Path, args: &[&str], input: &str) -> Result<Printed, Box<dyn std::error::Error>> {
    let mut child = wxmcp(folder)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    // What ends early does not read all of it.
    let _ended = child
        .stdin
        .take()
        .ok_or("no stdin")?
        .write_all(input.as_bytes());
    Ok(Printed::from(child.wait_with_output()?))
}

#[test]
fn inputs_of_a_pipe_go_on_with_each_other() -> TestResult {
    let folder = tempfile::tempdir()?;
    let python = "x = 20\ndef f(n):\n    return n + 1\n\nf(x) * 2\n'text'\n_\nfor i in range(2):\n  print(i)\n\n\
                  y = [\n  1,\n]\nawait __import__('asyncio').sleep(0, len(y))\n1/0\nx";
    let printed = piped(folder.path(), &["repl"], python)?;
    assert_eq!(printed.stdout, "42\ntext\ntext\n0\n1\n1\n20\n");
    let traceback = "Traceback (most recent call last):\n  File \"<run 9>\", line 1, in <module>\n    1/0\n    ~^~\n\
                     ZeroDivisionError: division by zero\n";
    assert_eq!(
        (printed.stderr.as_str(), printed.code),
        (traceback, Some(0))
    );
    let typescript = "const x: number = 20\nfunction f(n: number) {\n\n  return n + 1\n}\nf(x) * 2\nawait Promise.resolve(`a\nb`)\n\
                      const x = 'new'; x\n_";
    let printed = piped(folder.path(), &["repl", "--lang", "ts"], typescript)?;
    assert_eq!(printed.stdout, "42\na\nb\nnew\nnew\n");
    assert_eq!(printed.streams().1, "");
    Ok(())
}

#[test]
fn a_script_that_exits_ends_the_command_with_its_code() -> TestResult {
    let folder = tempfile::tempdir()?;
    for (lang, exit) in [("py", "exit(3)"), ("js", "process.exit(3)")] {
        let printed = piped(
            folder.path(),
            &["repl", "--lang", lang],
            &format!("1\n{exit}\n2\n"),
        )?;
        assert_eq!((printed.stdout.as_str(), printed.code), ("1\n", Some(3)));
    }
    Ok(())
}

#[test]
fn an_input_that_a_limit_stops_begins_a_new_session() -> TestResult {
    let folder = tempfile::tempdir()?;
    let args = ["repl", "--max-output", "100"];
    let printed = piped(
        folder.path(),
        &args,
        "x = 1\nprint('a' * 200)\nprint(2)\nx\n",
    )?;
    assert_eq!(printed.stdout, format!("{}2\n", "a".repeat(100)));
    assert!(
        printed
            .stderr
            .contains("stopped by the output limit of 100 bytes"),
        "{}",
        printed.stderr
    );
    let note = "note: that has ended the session: a new one begins, without its variables\n";
    assert!(printed.stderr.contains(note), "{}", printed.stderr);
    assert!(
        printed
            .stderr
            .contains("NameError: name 'x' is not defined"),
        "{}",
        printed.stderr
    );
    Ok(())
}

#[test]
fn a_script_is_gone_on_with() -> TestResult {
    let folder = tempfile::tempdir()?;
    fs::write(
        folder.path().join("a.py"),
        "import sys\nx = sys.argv[1:]\nprint('ran')\ndef f(): return 1/0\n",
    )?;
    let printed = piped(folder.path(), &["run", "-i", "a.py", "one"], "x\nf()\n")?;
    assert_eq!(printed.stdout, "ran\n[\"one\"]\n");
    assert!(
        printed.stderr.contains("File \"a.py\", line 4, in f"),
        "{}",
        printed.stderr
    );
    fs::write(folder.path().join("a.ts"), "const x: number = 1; x + 1")?;
    let printed = piped(folder.path(), &["run", "-i", "a.ts"], "x + 2\n")?;
    assert_eq!(printed.stdout, "2\n3\n");
    Ok(())
}

/// At a terminal there are prompts, Ctrl-C stops what runs, and Ctrl-D ends.
#[test]
fn a_terminal_is_asked_and_interrupts() -> TestResult {
    let folder = tempfile::tempdir()?;
    let driver = r#"
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
heard = b""
def until(text):
    global heard
    while text not in heard:
        heard += os.read(terminal, 4096)
    before, _, heard = heard.partition(text)
    return before
until(b">>> ")
os.write(terminal, b"def f():\n")
until(b"... ")
os.write(terminal, b"  print('begun'); spin = 1\n")
until(b"... ")
os.write(terminal, b"  while spin: pass\n")
until(b"... ")
os.write(terminal, b"\n")
until(b">>> ")
os.write(terminal, b"f()\n")
until(b"begun\r\n")
os.write(terminal, b"\x03")
until(b"error: interrupted")
until(b"a new one begins")
until(b">>> ")
os.write(terminal, b"half an inp\x03")
until(b">>> ")
os.write(terminal, b"20 + 22\n")
until(b"42\r\n")
until(b">>> ")
os.write(terminal, b"\x04")
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;
    let ours = wxmcp(folder.path());
    let mut command = std::process::Command::new("python3");
    command
        .current_dir(folder.path())
        .args(["-c", driver])
        .arg(ours.get_program())
        .arg("repl")
        .env("HOME", folder.path())
        .env("WXMCP_CACHE_DIR", cache());
    let printed = Printed::from(command.stdin(Stdio::null()).output()?);
    assert_eq!(printed.streams(), ("0\n", ""));
    Ok(())
}
