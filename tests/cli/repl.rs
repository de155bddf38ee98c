//! `wxmcp repl` and `wxmcp run --interactive`.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::support::{Printed, TestResult, cache, tree, wxmcp};

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

/// What a session printed, its replay prints, without the lines; the session that follows one that a limit ended, too.
#[test]
fn a_session_is_recorded_and_replayed() -> TestResult {
    let folder = tempfile::tempdir()?;
    let python = "import random, time; x = random.random()\nprint(x, time.time())\nx\n1 / 0\nprint('a' * 2000)\nx\n\
                  y = __import__('random').random()\ny\n";
    let typescript = "const x: number = Math.random()\nconsole.log(x, Date.now())\nx\nnull.x\nconsole.log('a'.repeat(2000))\nx\n\
                      let y = Math.random()\ny\n";
    for (language, input) in [("py", python), ("ts", typescript)] {
        let file = format!("{language}.wxr");
        let args = [
            "repl",
            "--lang",
            language,
            "--max-output",
            "1000",
            "--record",
            &file,
        ];
        let printed = piped(folder.path(), &args, input)?;
        let note = "note: that has ended the session: a new one begins, without its variables\n";
        assert!(printed.stderr.contains(note), "{}", printed.stderr);
        let replayed = piped(folder.path(), &["replay", &file], "")?;
        assert_eq!(replayed.stdout, printed.stdout);
        assert_eq!(replayed.stderr, printed.stderr.replace(note, ""));
        let reports = piped(folder.path(), &["replay", "--json", &file], "")?;
        assert_eq!(reports.stdout.lines().count(), 8, "{}", reports.stdout);
        let verified = piped(folder.path(), &["verify", &file], "")?;
        assert!(
            verified.stdout.contains("verified 1 recording: 1 same"),
            "{}",
            verified.stdout
        );
        let shown = piped(folder.path(), &["recording", "show", &file], "")?;
        let heads = shown.stdout.matches("\"kind\":\"head\"").count();
        assert_eq!(heads, 8, "{}", shown.stdout);
        let live = piped(folder.path(), &["replay", &file, "--live"], "")?;
        assert_eq!(live.code, Some(2));
        assert!(
            live.stderr.contains("`--live` is for that of one run"),
            "{}",
            live.stderr
        );
        let other = piped(folder.path(), &["replay", &file, "--script", "a.py"], "")?;
        assert_eq!(other.code, Some(2));
        assert!(
            other.stderr.contains("is the recording of a session"),
            "{}",
            other.stderr
        );
    }
    Ok(())
}

/// A replay that stops in a run of a session goes on there, with the variables of all runs before.
#[test]
fn a_replay_stops_in_a_run_of_a_session_and_goes_on() -> TestResult {
    let folder = crate::support::tree(&[(
        "tools/sums/add.py",
        "def add(a: int, b: int) -> int:\n    return a + b\n",
    )])?;
    let input = "x = sums.add(a=1, b=2)\nx\ny = [x, sums.add(a=x, b=0), sums.add(a=x, b=x)]\ny\n";
    let printed = piped(folder.path(), &["repl", "--record", "a.wxr"], input)?;
    assert_eq!(printed.stdout, "3\n[3,3,6]\n");
    let calls = piped(
        folder.path(),
        &["recording", "show", "--calls", "a.wxr"],
        "",
    )?;
    let events: Vec<&str> = calls
        .stdout
        .lines()
        .filter(|line| line.contains("sums.add"))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let [_, _, last] = events[..] else {
        return Err(calls.stdout.into());
    };
    let args = ["replay", "a.wxr", "--until", last];
    let stopped = piped(folder.path(), &args, "")?;
    assert_eq!(stopped.stdout, "3\n");
    let note = format!("note: stopped before event {last}\n");
    assert!(stopped.stderr.contains(&note), "{}", stopped.stderr);
    let on = piped(folder.path(), &[&args[..], &["-i"]].concat(), "x * 2\n")?;
    assert_eq!(on.stdout, "3\n6\n", "{}", on.stderr);
    assert!(
        on.stderr
            .contains(&format!("here the replay stops, before event {last}")),
        "{}",
        on.stderr
    );
    Ok(())
}

#[test]
fn a_session_with_secrets_is_recorded_only_on_demand() -> TestResult {
    let folder = tempfile::tempdir()?;
    let args = ["repl", "-e", "SOME_TOKEN=canary-90a1", "--record", "a.wxr"];
    let refused = piped(folder.path(), &args, "1\n")?;
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("`SOME_TOKEN` looks like a secret"),
        "{}",
        refused.stderr
    );
    assert!(!folder.path().join("a.wxr").exists());
    let allowed = [&args[..], &["--record-env"]].concat();
    let allowed = piped(folder.path(), &allowed, "1\n")?;
    assert_eq!((allowed.code, allowed.stdout.as_str()), (Some(0), "1\n"));
    let replayed = piped(folder.path(), &["replay", "a.wxr"], "")?;
    assert_eq!(replayed.stdout, "1\n");
    Ok(())
}

#[test]
fn a_session_records_no_file_that_looks_like_a_secret() -> TestResult {
    let folder = tempfile::tempdir()?;
    fs::create_dir(folder.path().join("data"))?;
    fs::write(folder.path().join("data/.env"), "KEY=canary")?;
    let args = ["repl", "-v", "./data:/data", "--record", "a.wxr"];
    let refused = piped(folder.path(), &args, "1\n")?;
    let why = "`.env` of the mount `/data` looks like a secret, and would be in the recording";
    assert!(refused.stderr.contains(why), "{}", refused.stderr);
    assert!(!folder.path().join("a.wxr").exists());
    let allowed = piped(
        folder.path(),
        &[&args[..], &["--record-env"]].concat(),
        "1\n",
    )?;
    assert_eq!(allowed.stdout, "1\n", "{}", allowed.stderr);
    assert!(folder.path().join("a.wxr").exists());
    Ok(())
}

#[test]
fn a_session_without_a_run_leaves_no_recording() -> TestResult {
    let folder = tempfile::tempdir()?;
    let printed = piped(folder.path(), &["repl", "--record", "a.wxr"], "")?;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    let note = "nothing was recorded: there was no run";
    assert!(printed.stderr.contains(note), "{}", printed.stderr);
    assert!(!folder.path().join("a.wxr").exists());
    Ok(())
}

#[test]
fn what_rules_hit_is_not_in_the_recording_of_a_session() -> TestResult {
    let rules =
        "[recording]\nredact = [{ pattern = \"canary-[a-z0-9]+\" }, { fields = [\"password\"] }]\n";
    let folder = tree(&[
        ("wxmcp.toml", rules),
        (
            "tools/people/who.py",
            "def who() -> dict:\n    return {'password': 'hunter2'}\n",
        ),
    ])?;
    let input = "x = people.who()\nprint('canary-ab1')\nx['password'] + '!'\n";
    let printed = piped(folder.path(), &["repl", "--record", "a.wxr"], input)?;
    assert_eq!(
        (printed.stdout.as_str(), printed.code),
        ("canary-ab1\nhunter2!\n", Some(0))
    );
    let shown = piped(folder.path(), &["recording", "show", "a.wxr"], "")?.stdout;
    assert!(
        !shown.contains("canary") && !shown.contains("hunter2"),
        "{shown}"
    );
    let replayed = piped(folder.path(), &["replay", "a.wxr"], "")?;
    assert_eq!(
        replayed.stdout, "redacted-2\nredacted-1!\n",
        "{}",
        replayed.stderr
    );
    let verified = piped(folder.path(), &["verify", "a.wxr"], "")?;
    assert_eq!(verified.code, Some(0), "{}", verified.stdout);
    // What its script makes of a value is another: the file that was there stays.
    let before = fs::read(folder.path().join("a.wxr"))?;
    let input = "x = people.who()\nlen(x['password'])\n";
    let refused = piped(folder.path(), &["repl", "--record", "a.wxr"], input)?;
    assert_eq!(refused.code, Some(65), "{}", refused.stderr);
    for part in [
        "the recording `a.wxr` is not kept: `recording.redact[1]` of wxmcp.toml changes what its script does",
        "run 2 of 2: <run 2>: the replay differs",
    ] {
        assert!(refused.stderr.contains(part), "{part}\n{}", refused.stderr);
    }
    assert_eq!(fs::read(folder.path().join("a.wxr"))?, before);
    Ok(())
}

#[test]
fn what_is_typed_after_a_replay_looks_tools_up_and_calls_none() -> TestResult {
    let python = "from tools import people\nimport tools\ntools.describe('people.who')\ntools.search('people')\n\
                  people.who(n=1)\npeople.who(n=2)\n";
    let typescript = "import * as people from 'tools/people';\nawait tools.describe('people.who');\n\
                      await tools.search('people');\nawait people.who({n: 1});\nawait people.who({n: 2});\n";
    let folder = tree(&[
        ("a.py", python),
        ("b.ts", typescript),
        (
            "tools/people/who.py",
            "def who(n: int) -> int:\n    \"\"\"Says who.\"\"\"\n    return n\n",
        ),
    ])?;
    for (script, typed, looked_up) in [
        (
            "a.py",
            "dir(people)[-1]\ntools.describe('people.who')[0]['description']\n\
             [it['name'] for it in tools.search('people')]\nlist(tools)\ntools.search('others')\npeople.who(n=3)\n",
            "\"who\"\n\"Says who.\"\n[\"people.who\"]\n[\"people\"]\n",
        ),
        (
            "b.ts",
            "Object.keys(people)\n(await tools.describe('people.who'))[0].description\n\
             (await tools.search('people')).map(it => it.name)\nawait tools.namespaces()\nawait tools.search('others')\n\
             await people.who({n: 3})\n",
            "[\"who\"]\n\"Says who.\"\n[\"people.who\"]\n[\"people\"]\n",
        ),
    ] {
        let recorded = piped(folder.path(), &["record", "-q", "-o", "r.wxr", script], "")?;
        assert_eq!(recorded.code, Some(0), "{}", recorded.stderr);
        // The tools are elsewhere by now.
        let calls = piped(
            folder.path(),
            &["recording", "show", "--calls", "r.wxr"],
            "",
        )?
        .stdout;
        let mut calls = calls.lines().filter(|line| line.contains("people.who"));
        let last = calls
            .next_back()
            .and_then(|line| line.split_whitespace().next());
        let args = ["replay", "-i", "--until", last.ok_or("no call")?, "r.wxr"];
        let on = piped(folder.path(), &args, typed)?;
        assert_eq!(
            without_quotes(&on.stdout),
            without_quotes(looked_up),
            "{}",
            on.stderr
        );
        for part in [
            "the recording has no such search: a replay has no tools beyond",
            "`people.who` is not called: a replay has no tools beyond the answers that were recorded for its script",
        ] {
            assert!(on.stderr.contains(part), "{script}: {part}\n{}", on.stderr);
        }
    }
    Ok(())
}

/// Texts are shown without quotes where they are a value.
fn without_quotes(text: &str) -> String {
    text.replace('"', "")
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
        .env("TERM", "dumb")
        .env("WXMCP_CACHE_DIR", cache());
    let printed = Printed::from(command.stdin(Stdio::null()).output()?);
    assert_eq!(printed.streams(), ("0\n", ""));
    Ok(())
}

/// Sessions at a terminal that moves its cursor. Each waits for what has to come, and prints its exit code.
const EDITED: &str = r#"
import fcntl, os, pty, signal, struct, sys, termios
# One that does not say what it should ends, and the test with it.
signal.alarm(200)
program, language, steps = sys.argv[1], sys.argv[2], eval(sys.argv[3])
pid, terminal = pty.fork()
if pid == 0:
    os.execv(program, [program, "repl", "--lang", language])
heard, all = b"", b""
for what, text in steps:
    if what == "type":
        os.write(terminal, text)
        continue
    if what == "columns":
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, text, 0, 0))
        continue
    if what == "signal":
        os.kill(pid, text)
        continue
    text = {"prompt": b"\r\x1b[K>>> \r\x1b[4C", "more": b"\r\x1b[K... \r\x1b[4C"}.get(text, text)
    while text not in heard:
        try:
            read = os.read(terminal, 4096)
        except OSError:
            sys.exit(f"{text!r} did not come, but {heard!r}")
        heard, all = heard + read, all + read
    heard = heard.partition(text)[2]
for bad in ("\x1b[2J", "\x9b", "\x07", "\u202e"):
    assert bad.encode() not in all, all
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"#;

fn edited(folder: &Path, language: &str, steps: &str) -> TestResult {
    edited_beside(folder, &cache(), language, steps)
}

/// With the history of a folder.
fn edited_beside(folder: &Path, own: &Path, language: &str, steps: &str) -> TestResult {
    driven(EDITED, folder, own, language, steps)
}

fn driven(driver: &str, folder: &Path, own: &Path, language: &str, steps: &str) -> TestResult {
    let ours = wxmcp(folder);
    let mut command = std::process::Command::new("python3");
    command
        .current_dir(folder)
        .args(["-c", driver])
        .arg(ours.get_program())
        .args([language, steps])
        .env("TERM", "xterm")
        .env("WXMCP_CACHE_DIR", own);
    let printed = Printed::from(command.stdin(Stdio::null()).output()?);
    assert_eq!(printed.streams(), ("0\n", ""));
    Ok(())
}

/// What is typed in Python: editing, completion, history, inputs of several lines, and what a terminal must not obey.
const TYPED: &str = r#"[
("until", "prompt"), ("type", b"alphabet_of = 41\r"),
("until", "prompt"), ("type", b"alphab\t + 1\r"), ("until", b"42\r\n"),
# The line before the last, and a digit inside of it.
("until", "prompt"), ("type", b"\x1b[A\x1b[A\x1b[D\x1b[D1\r"),
("until", "prompt"), ("type", b"alphabet_of\r"), ("until", b"141\r\n"),
("until", "prompt"), ("type", b"alpha_two = globals().update({'alpha\\x1b[2J': 1})\r"),
("until", "prompt"), ("type", b"alpha\t"), ("until", b"alpha_two    alphabet_of\r\n"), ("type", b"\x03"),
("until", "prompt"), ("type", b"from tools import hell\t\r"),
("until", "prompt"), ("type", b"hello.greet(name='you')\r"), ("until", b"you!\r\n"),
("until", "prompt"), ("type", b"def f(x):\r"),
("until", "more"), ("type", b"\treturn x + 1\r"),
("until", "more"), ("type", b"\r"),
("until", "prompt"), ("type", b"f(1)\r"), ("until", b"2\r\n"),
("until", "prompt"), ("type", b"print('\\x1b[2Jdone')\r"), ("until", b"done\r\n"),
("until", "prompt"), ("type", "len('größe日')\r".encode()), ("until", b"6\r\n"),
("until", "prompt"), ("type", b"\x04"),
]"#;

/// One test, since the sessions of a user share their history.
#[test]
fn lines_are_edited_and_completed_and_come_back() -> TestResult {
    let folder = tempfile::tempdir()?;
    fs::create_dir_all(folder.path().join("tools/hello"))?;
    fs::write(
        folder.path().join("tools/hello/greet.py"),
        "def greet(name: str) -> str:\n    return name + '!'\n",
    )?;
    let history = cache().join("repl-history");
    let _not_there = fs::remove_file(&history);
    edited(folder.path(), "py", TYPED)?;
    edited(
        folder.path(),
        "js",
        r#"[
("until", "prompt"), ("type", b"\x1b[A\x15const beta_value = 5\r"),
("until", "prompt"), ("type", b"beta\t * 2\r"), ("until", b"10\r\n"),
("until", "prompt"), ("type", b"\x04"),
]"#,
    )?;
    let kept = fs::read_to_string(&history)?;
    assert!(
        kept.starts_with("alphabet_of = 41\nalphabet_of + 1\n"),
        "{kept}"
    );
    assert!(
        kept.ends_with("const beta_value = 5\nbeta_value * 2\n"),
        "{kept}"
    );
    let mode = fs::metadata(&history)?.permissions();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777,
        0o600
    );
    edited(
        folder.path(),
        "py",
        r#"[
("until", "prompt"), ("type", b"\x1b[A\x1b[A\x1b[A\r"), ("until", b"6\r\n"),
("until", "prompt"), ("type", b"exit(0)\r"),
]"#,
    )?;
    // A pipe is read as it is, and leaves no history.
    let printed = piped(folder.path(), &["repl"], "20 + 22\n")?;
    assert_eq!(printed.stdout, "42\n");
    assert!(!fs::read_to_string(&history)?.contains("20 + 22"));
    Ok(())
}

/// The keys of other editors, lines typed ahead, pasted blocks, and terminals of few columns.
#[test]
fn a_terminal_is_edited_at_as_others_are() -> TestResult {
    let folder = tempfile::tempdir()?;
    edited_beside(
        folder.path(),
        folder.path(),
        "py",
        r#"[
# Three inputs at once, before the first has run.
("until", "prompt"), ("type", b"x = 1\rx += 41\rx\r"), ("until", b"42\r\n"),
("until", "prompt"), ("type", b"bc\x01a\x05d\x1b[D\x7f\x1b[H'\x1b[F'\r"), ("until", b"abd\r\n"),
("until", "prompt"), ("type", b"one two\x17\x17'three'.up\x1bb\x0bcount('e')\x1b[1;5D\x1bd\x1b[3~len\x05[0]\x08\x08\x08\x15'gone'\r"), ("until", b"gone\r\n"),
# A block that is pasted is one input, and comes back as one.
("until", "prompt"), ("type", b"\x1b[200~def g(n):\n    return n * 2\n\nprint(g(21), 'pasted')\x1b[201~\r"), ("until", b"42 pasted\r\n"),
("until", "prompt"), ("type", b"\x1b[A\r"), ("until", b"42 pasted\r\n"),
# It is looked for in the history, and given up.
("until", "prompt"), ("type", b"\x12x +"), ("until", b"reverse-i-search)`x +'"), ("type", b"\r"),
("until", "prompt"), ("type", b"x\r"), ("until", b"83\r\n"),
("until", "prompt"), ("type", b"\x12past"), ("until", b"reverse-i-search)`past'"), ("type", b"\x07\x15len([]\r"),
("until", "more"), ("type", b")\r"), ("until", b"0\r\n"),
# An interrupt from elsewhere leaves the line to be typed; Ctrl-C does not.
("until", "prompt"), ("signal", signal.SIGINT), ("until", b"\r\n"), ("type", b"'after' + '!'\r"), ("until", b"after!\r\n"),
("until", "prompt"), ("type", b"dropped\x03"),
("until", "prompt"), ("columns", 20), ("type", "len('日本日本日本日本日本日本')\r".encode()), ("until", b"12\r\n"),
("until", "prompt"), ("type", b"\x1b[A\x01\x1b[C\x1b[C\x1b[C\x1b[C\x1b[Cab\x1b[D\x7f\r"), ("until", b"13\r\n"),
("until", "prompt"), ("type", "'👩\u200d🚀'.encode().hex()\r".encode()), ("until", b"f09f91a9e2808df09f9a80\r\n"),
("until", "prompt"), ("type", b"ab\x1b[D\x1b[D\x04\x7f\x05\x7f\x04"),
]"#,
    )
}

/// Names that a script has made, and what is pasted: a terminal gets none of it that it would obey.
#[test]
fn a_terminal_gets_nothing_raw() -> TestResult {
    let folder = tempfile::tempdir()?;
    fs::write(
        folder.path().join("repl-history"),
        "kept = '\u{1b}[2J\u{9b}2J\u{7}\u{202e}'\n",
    )?;
    edited_beside(
        folder.path(),
        folder.path(),
        "py",
        r#"[
("until", "prompt"), ("type", b"\x1b[A"), ("until", b">>> kept = '[2J2J'"), ("type", b"\x03"),
("until", "prompt"), ("type", "\x1b[200~y = '\u009b2J\x07\u202e'\x1b[201~\r".encode()),
("until", b"note: the input has the character U+009B, which a terminal obeys and does not show: write it as an escape"),
("until", "prompt"), ("type", b"y = '\x16\x1b[2J'\r"), ("until", b"the character U+001B"),
("until", "prompt"), ("type", b"\xff"), ("until", b"note: what was typed is not UTF-8"),
("until", "prompt"), ("type", b"globals().update({'zz\\x1b[2J': 1, 'zz\\u202e': 1, 'zz\\x9b': 1, 'zz' + 'a' * 5000: 1, 'zz_plain': 1})\r"),
("until", "prompt"), ("type", b"zz\t = 7\r"),
("until", "prompt"), ("type", b"zz_plain\r"), ("until", b"7\r\n"),
# More than are shown without a question.
("until", "prompt"), ("type", b"globals().update({f'zx{i:05}': 1 for i in range(3000)})\r"),
("until", "prompt"), ("type", b"zx\t"), ("until", b"Display all 3000 possibilities? (y or n)"), ("type", b"n\x15'gone'\r"), ("until", b"gone\r\n"),
# A script may print what it likes where it is asked for its names.
("until", "prompt"), ("type", b"print = lambda *_: __import__('sys').stdout.write('zy\\x1b[2J\\nzy_fine\\n' * 3)\r"),
("until", "prompt"), ("type", b"zy\t = 8\r"),
("until", "prompt"), ("type", b"zy_fine\r"), ("until", b"8\r\n"),
("until", "prompt"), ("type", b"\x04"),
]"#,
    )
}

/// More files than the editor can wait beside: lines are read as those of a pipe are.
#[test]
fn a_prompt_without_room_for_the_editor_reads_lines() -> TestResult {
    let folder = tempfile::tempdir()?;
    let driver = EDITED.replace(
        "    os.execv(program",
        "    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    [os.set_inheritable(os.dup(0), True) for _ in range(1100)]
    os.execv(program",
    );
    let steps = r#"[
("until", b"note: lines are read without the editor: too many files are open\r\n>>> "), ("type", b"20 + 22\n"), ("until", b"42\r\n"),
("until", b">>> "), ("type", b"\x04"),
]"#;
    driven(&driver, folder.path(), folder.path(), "py", steps)
}

/// What a script has put in the place of what names are asked with ends as any input does.
#[test]
fn an_interrupt_ends_what_keeps_the_prompt_away() -> TestResult {
    let folder = tempfile::tempdir()?;
    let steps = |begin: &str| {
        format!(
            r#"[
("until", "prompt"), ("type", b"{begin}\r"), ("until", b"begun\r\n"), ("type", b"\x03"),
("until", b"note: that has ended the session: a new one begins"),
("until", "prompt"), ("type", b"20 + 22\r"), ("until", b"42\r\n"),
("until", "prompt"), ("type", b"\x04"),
]"#
        )
    };
    let python = steps("say, print = print, lambda *_: [0 for _ in iter(int, 1)]; say('begun')");
    edited_beside(folder.path(), folder.path(), "py", &python)?;
    let javascript =
        steps("Object.getOwnPropertyNames = () => { for (;;) ; }; console.log('begun')");
    edited_beside(folder.path(), folder.path(), "js", &javascript)
}
