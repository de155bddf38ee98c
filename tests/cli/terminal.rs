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

/// What a terminal shows while a script runs: `progress()` of either language, calls,
/// and no control characters of the script's.
#[test]
fn a_terminal_shows_progress() -> TestResult {
    let terminal = "import pty, sys; pty.spawn(sys.argv[1:])";
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
            .args(["-c", terminal])
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
