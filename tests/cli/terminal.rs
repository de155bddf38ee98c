//! Terminals, readers that go away, interrupts.

use std::fs;
use std::process::Stdio;

use crate::support::{Printed, TestResult, cache, wxmcp};

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() -> TestResult {
    let folder = tempfile::tempdir()?;
    let mut child = wxmcp(folder.path())
        .args([
            "run",
            "--max-output",
            "100MiB",
            "-c",
            "while True: print('y')",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    drop(child.stdout.take());
    let printed = Printed::from(child.wait_with_output()?);
    assert_eq!(printed.code, Some(130));
    assert!(!printed.stderr.contains("panicked"), "{}", printed.stderr);
    Ok(())
}

#[test]
fn an_interrupt_ends_the_run_and_says_so() -> TestResult {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir()?;
    let mut child = wxmcp(folder.path())
        .args([
            "run",
            "-c",
            "print('started', flush=True)\nwhile True: pass",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no stdout")?).read_line(&mut line)?;
    assert_eq!(line, "started\n");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
    let printed = Printed::from(child.wait_with_output()?);
    assert_eq!(printed.code, Some(130));
    assert_eq!(printed.stderr, "error: interrupted\n");
    Ok(())
}

/// Runs a command in a terminal of its own, and passes on what it shows.
const TERMINAL: &str =
    "import pty, sys, os; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

/// Sequences, control characters of both sets and bidirectional overrides; and what only looks special.
const HOSTILE: &str = "\u{1b}[2J\u{7}\r\u{9b}31m\u{202e}\u{2067}\u{7f} Grüße, 日本";

/// No answer, error, note or description of a tool steers a terminal; what goes to a pipe is as it was.
#[test]
fn a_terminal_obeys_no_tool() -> TestResult {
    let folder = tempfile::tempdir()?;
    fs::create_dir_all(folder.path().join("tools/t"))?;
    fs::write(
        folder.path().join("tools/t/says.py"),
        "def says(text: str) -> object:\n    'Says it.'\n    print(text)\n    return {'text': text}\n",
    )?;
    fs::write(
        folder.path().join("tools/t/fails.py"),
        "def fails(text: str) -> object:\n    'Fails.'\n    raise Exception(text)\n",
    )?;
    let server = crate::support::repository().join("fixtures/mcp/liar.py");
    let server = serde_json::json!({"command": "python3", "args": ["-ISu", server]});
    let servers = serde_json::json!({"mcpServers": {"liar": server}});
    fs::write(folder.path().join(".mcp.json"), servers.to_string())?;
    let arguments = serde_json::json!({ "text": HOSTILE }).to_string();
    for (tool, code) in [
        ("t.says", 0),
        ("t.fails", 1),
        ("liar.echo", 0),
        ("liar.fails_with", 1),
    ] {
        let ours = wxmcp(folder.path());
        let mut command = std::process::Command::new("python3");
        command
            .current_dir(folder.path())
            .args(["-c", TERMINAL])
            .arg(ours.get_program())
            .args(["tools", "call", tool, "--args", &arguments])
            .env("WXMCP_CACHE_DIR", cache());
        let shown = Printed::from(command.stdin(Stdio::null()).output()?);
        assert_eq!(shown.code, Some(code), "{tool}: {}", shown.stdout);
        let shown = shown.stdout;
        assert!(shown.contains("Grüße, 日本"), "{tool}: {shown}");
        // The terminal itself ends lines so.
        let shown = shown.replace("\r\n", "\n");
        let obeyed = |one: char| {
            one.is_control() && !matches!(one, '\n' | '\t')
                || matches!(one, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert!(!shown.contains(obeyed), "{tool}: {shown:?}");
        let piped = crate::support::wx(
            folder.path(),
            &["tools", "call", tool, "--args", &arguments],
        )?;
        assert_eq!(piped.code, Some(code), "{tool}: {}", piped.stderr);
        if tool == "t.says" {
            let value: serde_json::Value = serde_json::from_str(&piped.stdout)?;
            assert_eq!(value["text"], HOSTILE);
            // JSON leaves these as they are.
            let raw = "\u{9b}31m\u{202e}\u{2067}\u{7f}";
            assert!(piped.stdout.contains(raw), "{:?}", piped.stdout);
            assert_eq!(piped.stderr, format!("{HOSTILE}\n"));
        }
    }
    Ok(())
}

/// What a terminal shows while a script runs: `progress()` of either language, calls,
/// and no control characters of the script's.
#[test]
fn a_terminal_shows_progress() -> TestResult {
    for (name, source) in [
        ("a.py", "progress('half\\x1b[31m way', 1, 2)\nprint('out')"),
        (
            "a.ts",
            "progress('half\\x1b[31m way', 1, 2);\nconsole.log('out');",
        ),
    ] {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join(name), source)?;
        let ours = wxmcp(folder.path());
        let mut command = std::process::Command::new("python3");
        command
            .current_dir(folder.path())
            .args(["-c", TERMINAL])
            .arg(ours.get_program())
            .args(["run", name])
            .env("WXMCP_CACHE_DIR", cache());
        let printed = Printed::from(command.stdin(Stdio::null()).output()?);
        let shown = "0 calls done, 0 in flight";
        assert!(printed.stdout.contains(shown), "{name}: {}", printed.stdout);
        assert!(
            printed.stdout.contains("1/2 half\u{241b}[31m way"),
            "{name}: {}",
            printed.stdout
        );
        assert!(printed.stdout.contains("out"), "{name}: {}", printed.stdout);
    }
    Ok(())
}
