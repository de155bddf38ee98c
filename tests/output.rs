//! What becomes of output: values on lines of their own, and streams that cannot be written.

mod support;

use std::error::Error;
use std::fs;
use std::io::{PipeReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{Printed, TestResult, tree, wx, wxmcp};

/// Runs a command line of a shell, in which `$WXMCP` is the binary.
fn shell(line: &str) -> Result<Printed, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut sh = Command::new("bash");
    for (name, value) in wxmcp(folder.path()).get_envs() {
        if let Some(value) = value {
            sh.env(name, value);
        }
    }
    let output = sh
        .args(["-c", line])
        .env("WXMCP", env!("CARGO_BIN_EXE_wxmcp"))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()?;
    Ok(output.into())
}

/// What is said and answered where standard output cannot be written.
fn not_written(line: &str, why: &str) -> TestResult {
    let printed = shell(line)?;
    assert_eq!(printed.code, Some(74), "{line}: {}", printed.stderr);
    let told = format!("error: cannot write to standard output\n  caused by: {why}\n");
    assert!(
        printed.stderr.ends_with(&told),
        "{line}: {}",
        printed.stderr
    );
    assert!(!printed.stderr.contains("panicked"), "{}", printed.stderr);
    Ok(())
}

#[test]
fn output_that_cannot_be_written_is_an_error_of_every_command() -> TestResult {
    for command in [
        "run -c 'print(1)'",
        "run -c '1'",
        "run -c 'print(\"a\" * 100000)'",
        "run --json -c '1'",
        "run --lang js -c 'console.log(1)'",
        "run --help",
        "--help",
        "--version",
        "tools --help",
        "completions bash",
        "doctor",
    ] {
        not_written(
            &format!("$WXMCP {command} >/dev/full"),
            "No space left on device (os error 28)",
        )?;
    }
    Ok(())
}

#[test]
fn the_tools_commands_do_not_lose_their_output() -> TestResult {
    let folder = tree(&[("tools/shop/price.js", b"export const price = () => 12;")])?;
    for args in ["list", "search price", "show shop.price", "call shop.price"] {
        let line = format!(
            "cd {} && $WXMCP tools {args} >/dev/full",
            folder.path().display()
        );
        not_written(&line, "No space left on device (os error 28)")?;
    }
    Ok(())
}

#[test]
fn a_limit_on_files_is_an_error_and_no_signal() -> TestResult {
    not_written(
        "ulimit -f 8; $WXMCP run -c 'print(\"a\" * 100000)' >out",
        "File too large (os error 27)",
    )
}

#[test]
fn a_closed_stream_is_not_a_success_and_no_file_takes_its_place() -> TestResult {
    not_written(
        "$WXMCP run -c 'print(1)' >&-",
        "Bad file descriptor (os error 9)",
    )?;
    // Nothing is printed, so nothing is lost.
    assert_eq!(shell("$WXMCP run -c 'None' >&- 2>&-")?.code, Some(0));
    let printed = shell(
        "$WXMCP run -v .:/d:rw -c 'open(\"/d/f\", \"w\").write(\"x\"); print(\"lost\")' >&-; cat f",
    )?;
    assert_eq!(printed.stdout, "x");
    assert_eq!(shell("$WXMCP run -c 'input()' <&-")?.code, Some(1));
    // What went wrong is told by the code where it cannot be told in words.
    assert_eq!(shell("$WXMCP run -c '1/0' 2>&-")?.code, Some(1));
    let errors = "import sys; print(\"x\", file=sys.stderr)";
    for place in ["2>/dev/full", "2>&-"] {
        assert_eq!(
            shell(&format!("$WXMCP run -c '{errors}' {place}"))?.code,
            Some(74)
        );
    }
    Ok(())
}

#[test]
fn a_reader_that_goes_away_ends_a_script_without_a_word() -> TestResult {
    let folder = tempfile::tempdir()?;
    let code = "import time\nfor n in range(10**9):\n    print('line', n)";
    let mut child = wxmcp(folder.path())
        .args(["run", "-c", code])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut first = [0; 6];
    child
        .stdout
        .take()
        .ok_or("no pipe")?
        .read_exact(&mut first)?;
    let printed: Printed = child.wait_with_output()?.into();
    assert_eq!(&first, b"line 0");
    assert_eq!(printed.stderr, "");
    assert_eq!(printed.code, Some(130));
    // Other commands have done their work.
    let line = "$WXMCP completions bash | true; echo ${PIPESTATUS[0]}";
    let printed = shell(line)?;
    assert_eq!(printed.streams(), ("0\n", ""));
    Ok(())
}

#[test]
fn a_pipe_that_is_full_and_does_not_block_gets_all_output() -> TestResult {
    let line = "$WXMCP run -c 'print(\"a\" * 300000)' | python3 -c '
import os, sys, time
os.set_blocking(0, False)
total = 0
while True:
    try:
        part = os.read(0, 4096)
    except BlockingIOError:
        continue
    if not part:
        break
    total += len(part)
print(total)'; echo ${PIPESTATUS[0]}";
    assert_eq!(shell(line)?.stdout, "300001\n0\n");
    // The writing end itself.
    let line = "python3 -c '
import fcntl, os, subprocess, sys
read, write = os.pipe()
os.set_blocking(write, False)
child = subprocess.Popen([os.environ[\"WXMCP\"], \"run\", \"-c\", \"print(\\\"a\\\" * 300000)\"], stdout=write)
os.close(write)
print(len(os.fdopen(read, \"rb\").read()), child.wait())'";
    assert_eq!(shell(line)?.stdout, "300001 0\n");
    Ok(())
}

#[test]
fn a_value_and_an_error_begin_lines_of_their_own() -> TestResult {
    let folder = tempfile::tempdir()?;
    let run = |code: &str| wx(folder.path(), &["run", "-c", code]);
    assert_eq!(run("print('a', end=''); 1")?.stdout, "a\n1\n");
    assert_eq!(run("print('a'); 1")?.stdout, "a\n1\n");
    assert_eq!(run("print('a', end=''); None")?.stdout, "a");
    assert_eq!(run("'b'")?.stdout, "b\n");
    let code = "import sys; sys.stderr.write('a'); 1";
    let printed = run(code)?;
    assert_eq!(printed.streams(), ("1\n", "a"));
    let printed = run("import sys; sys.stderr.write('a'); 1/0")?;
    assert!(
        printed.stderr.starts_with("a\nTraceback"),
        "{}",
        printed.stderr
    );
    let javascript = "process.stdout.write('a'); return 1";
    let printed = wx(folder.path(), &["run", "--lang", "js", "-c", javascript])?;
    assert_eq!(printed.stdout, "a\n1\n");
    let printed = wx(folder.path(), &["run", "-q", "-c", "print('a', end=''); 1"])?;
    assert_eq!(printed.stdout, "a");
    let report = wx(
        folder.path(),
        &["run", "--json", "-c", "print('a', end=''); 1"],
    )?;
    assert!(
        report.stdout.contains("\"stdout\":\"a\""),
        "{}",
        report.stdout
    );
    Ok(())
}

#[test]
fn the_usage_says_that_flags_stand_before_the_script() -> TestResult {
    let folder = tempfile::tempdir()?;
    let usage = "wxmcp run [OPTIONS] SCRIPT [ARGS]...";
    let help = wx(folder.path(), &["run", "--help"])?;
    assert!(help.stdout.contains(usage), "{}", help.stdout);
    let none = wx(folder.path(), &["run"])?;
    assert_eq!(none.code, Some(2));
    assert!(
        none.stderr
            .starts_with("error: there is no script to run\n")
    );
    assert!(none.stderr.contains(usage), "{}", none.stderr);
    let wrong = wx(folder.path(), &["run", "--no-such-flag", "a.py"])?;
    assert!(wrong.stderr.contains(usage), "{}", wrong.stderr);
    Ok(())
}

#[test]
fn a_script_that_never_ends_hears_what_it_did() -> TestResult {
    let folder = tempfile::tempdir()?;
    let stopped = |flags: &[&str], code: &str| -> Result<String, Box<dyn Error>> {
        let args = [&["run"], flags, &["-c", code]].concat();
        let printed = wx(folder.path(), &args)?;
        assert_eq!(printed.code, Some(3));
        Ok(printed.stderr)
    };
    let endless = "while True: pass";
    let told = stopped(&["--timeout", "500ms"], endless)?;
    assert!(told.contains("look for a loop that never ends"), "{told}");
    let told = stopped(&["--fuel", "500000000"], endless)?;
    assert!(told.contains("look for a loop that never ends"), "{told}");
    let told = stopped(&["--timeout", "500ms"], "import time; time.sleep(60)")?;
    assert!(told.contains("what it waits for"), "{told}");
    fs::write(folder.path().join("s.js"), "for (;;);")?;
    let printed = wx(folder.path(), &["run", "--timeout", "500ms", "s.js"])?;
    assert!(
        printed.stderr.contains("look for a loop"),
        "{}",
        printed.stderr
    );
    Ok(())
}

#[test]
fn fuel_is_counted_alike_in_every_run_and_names_itself() -> TestResult {
    let folder = tempfile::tempdir()?;
    let used = |flags: &[&str], language: &str, code: &str| -> Result<_, Box<dyn Error>> {
        let args = [&["run", "--json", "--lang", language], flags, &["-c", code]].concat();
        let printed = wx(folder.path(), &args)?;
        let report: serde_json::Value = serde_json::from_str(&printed.stdout)?;
        let fuel = report["usage"]["fuel"].as_u64().ok_or("no fuel")?;
        Ok((printed.code, fuel))
    };
    for (language, code) in [
        ("py", "sum(i * i for i in range(10_000))"),
        (
            "js",
            "let s = 0; for (let i = 0; i < 10_000; i++) s += i * i; s",
        ),
    ] {
        let (code_of_one, one) = used(&[], language, code)?;
        assert_eq!(code_of_one, Some(0));
        assert_eq!(used(&[], language, code)?, (Some(0), one), "{language}");
        let enough = one.to_string();
        assert_eq!(used(&["--fuel", &enough], language, code)?, (Some(0), one));
        let less = (one - 1).to_string();
        assert_eq!(
            used(&["--fuel", &less], language, code)?,
            (Some(3), one - 1)
        );
    }
    Ok(())
}

#[test]
fn the_deadline_holds_wherever_an_interpreter_computes() -> TestResult {
    let folder = tempfile::tempdir()?;
    let endless = [
        (
            "py",
            "import re\nwhile True: re.match('(a+)+$', 'a' * 24 + 'b')",
        ),
        (
            "py",
            "x = list(range(100_000))\nwhile True: x.sort(key=lambda v: -v)",
        ),
        ("py", "x = 3 ** 200_000\nwhile True: x * x // 7 ** 90_000"),
        (
            "py",
            "x = bytearray(10_000_000)\nwhile True: bytes(x).find(b'a')",
        ),
        ("js", "for (;;) /(a+)+$/.test('a'.repeat(24) + 'b')"),
        (
            "js",
            "const x = Array.from({ length: 50_000 }, (_, i) => -i); for (;;) x.slice().sort((a, b) => a - b)",
        ),
        ("js", "const x = 3n ** 50_000n; for (;;) x * x"),
        (
            "js",
            "const x = new Uint8Array(10_000_000); for (;;) x.slice()",
        ),
    ];
    for (language, code) in endless {
        let args = ["run", "--timeout", "300ms", "--lang", language, "-c", code];
        let printed = wx(folder.path(), &args)?;
        assert_eq!(printed.code, Some(3), "{code}: {}", printed.stderr);
        assert!(
            printed.stderr.contains("the time limit of 0.3 s"),
            "{code}: {}",
            printed.stderr
        );
    }
    Ok(())
}

/// A command that prints to a pipe whose reader is open, and reads nothing until a test does. One that
/// does not end is killed.
struct Unread {
    child: Child,
    pipe: PipeReader,
    began: Instant,
}

impl Unread {
    fn start(stream: &str, timeout: &str, args: &[&str]) -> Result<Self, Box<dyn Error>> {
        let folder = tempfile::tempdir()?;
        let (pipe, writer) = std::io::pipe()?;
        let ours = wxmcp(folder.path());
        let mut command = Command::new("timeout");
        command
            .args(["--foreground", "-s", "KILL", "40"])
            .arg(ours.get_program())
            .args(["run", "--timeout", timeout])
            .args(args)
            .env("WXMCP_CACHE_DIR", support::cache())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        match stream {
            "stdout" => command.stdout(writer),
            _ => command.stderr(writer),
        };
        Ok(Self {
            child: command.spawn()?,
            pipe,
            began: Instant::now(),
        })
    }

    /// Waits until nothing more fits into the pipe.
    fn until_full(&self) -> TestResult {
        while rustix::io::ioctl_fionread(&self.pipe)? < 65_536 {
            std::thread::yield_now();
            if self.began.elapsed() > Duration::from_secs(30) {
                return Err("the pipe does not become full".into());
            }
        }
        Ok(())
    }

    /// Interrupts the command, which is the child of what would kill it.
    fn interrupt(&self) -> TestResult {
        let id = self.child.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        let child = rustix::process::Pid::from_raw(children.trim().parse()?).ok_or("no child")?;
        Ok(rustix::process::kill_process(
            child,
            rustix::process::Signal::INT,
        )?)
    }

    /// How it ended, what the other stream got, and after how long.
    fn end(self) -> Result<(Printed, Duration), Box<dyn Error>> {
        let Self { child, pipe, began } = self;
        let printed = child.wait_with_output()?.into();
        drop(pipe);
        Ok((printed, began.elapsed()))
    }
}

const MUCH: &str = "print('x' * 200000)";
const MUCH_ON_STDERR: &str = "import sys; sys.stderr.write('x' * 200000)";
const MUCH_OF_JAVASCRIPT: &str = "console.log('x'.repeat(200000))";

/// Nothing that is printed keeps a run beyond its time, wherever its reader is.
#[test]
fn output_that_is_not_read_does_not_hide_the_deadline() -> TestResult {
    for (stream, args) in [
        ("stdout", &["-c", MUCH][..]),
        ("stderr", &["-c", MUCH_ON_STDERR]),
        ("stdout", &["--lang", "js", "-c", MUCH_OF_JAVASCRIPT]),
    ] {
        let (printed, took) = Unread::start(stream, "1s", args)?.end()?;
        assert_eq!(printed.code, Some(3), "{args:?}: {}", printed.stderr);
        assert!(took < Duration::from_secs(5), "{args:?}: {took:?}");
        if stream == "stdout" {
            let said = "error: the script was stopped by the time limit of 1 s";
            assert!(printed.stderr.contains(said), "{}", printed.stderr);
        }
    }
    Ok(())
}

/// The same of what is printed when the script has ended.
#[test]
fn a_value_that_is_not_read_in_time_is_no_success() -> TestResult {
    for args in [
        &["-c", "'x' * 200000"][..],
        &["--json", "-c", "'x' * 200000"],
    ] {
        let (printed, took) = Unread::start("stdout", "1s", args)?.end()?;
        assert_eq!(printed.code, Some(74), "{args:?}: {}", printed.stderr);
        assert!(took < Duration::from_secs(5), "{args:?}: {took:?}");
        let said = "error: standard output was not read before the run's time was over\n";
        assert!(printed.stderr.contains(said), "{}", printed.stderr);
    }
    Ok(())
}

#[test]
fn a_script_whose_output_is_not_read_can_be_interrupted() -> TestResult {
    let running = Unread::start("stdout", "60s", &["-c", MUCH])?;
    running.until_full()?;
    running.interrupt()?;
    let (printed, took) = running.end()?;
    assert_eq!(printed.code, Some(130), "{}", printed.stderr);
    assert!(took < Duration::from_secs(35), "{took:?}");
    assert!(
        printed.stderr.contains("error: interrupted"),
        "{}",
        printed.stderr
    );
    // It has ended, and waits for its reader.
    let ended = Unread::start("stdout", "60s", &["-c", "'x' * 200000"])?;
    ended.until_full()?;
    ended.interrupt()?;
    let (printed, took) = ended.end()?;
    assert_ne!(printed.code, Some(0), "{}", printed.stderr);
    assert!(took < Duration::from_secs(35), "{took:?}");
    Ok(())
}

/// A reader that is late, and no later than the run may last, gets all of it.
#[test]
fn a_late_reader_gets_all_output_in_order() -> TestResult {
    for args in [&["-c", MUCH][..], &["-c", "'x' * 200000"]] {
        let mut late = Unread::start("stdout", "60s", args)?;
        late.until_full()?;
        let mut text = String::new();
        late.pipe.read_to_string(&mut text)?;
        assert_eq!(text.len(), 200_001, "{args:?}");
        let (printed, _) = late.end()?;
        assert_eq!((printed.code, printed.stderr.as_str()), (Some(0), ""));
    }
    // Both streams are one pipe, which is full most of the time.
    let code = "import sys
for n in range(300):
    print(n, \"o\" * 1000)
    print(n, \"e\" * 1000, file=sys.stderr)
1/0";
    let line = format!(
        "$WXMCP run -c '{code}' 2>&1 | python3 -c 'import sys
for line in sys.stdin: sys.stdout.write(line)'"
    );
    let printed = shell(&line)?;
    let mut lines = printed.stdout.lines();
    for n in 0..300 {
        for letter in ["o", "e"] {
            assert_eq!(lines.next(), Some(&*format!("{n} {}", letter.repeat(1000))));
        }
    }
    assert!(
        lines
            .next()
            .is_some_and(|line| line.starts_with("Traceback"))
    );
    Ok(())
}
