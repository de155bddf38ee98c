//! Runs that are recorded, replayed and verified, as a user does it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Printed, TestResult, fixture_config, repository, tree, wx, wxmcp};

const PYTHON: &str = "\
import random, sys, time
from tools import fixture

print(time.time(), random.random(), sys.argv[1:], sys.stdin.read())
time.sleep(0.3)
print(fixture.echo(text='a'), file=sys.stderr)
try:
    fixture.fail(message='no')
except Exception as error:
    print(error)
fixture.add(a=1, b=2)
";

/// Two scripts and what they need; the second is in TypeScript.
const TYPESCRIPT: &str = "\
import * as fixture from 'tools/fixture';
console.log(Date.now(), Math.random(), process.argv.slice(2));
await new Promise(done => setTimeout(done, 300));
const answers = await Promise.all([1, 2, 3].map(n => fixture.add({a: n, b: n})));
console.log(answers);
return crypto.randomUUID();
";

#[test]
fn a_recording_replays_elsewhere_with_nothing_but_itself() -> TestResult {
    let folder = tree(&[("a.py", PYTHON), ("b.ts", TYPESCRIPT)])?;
    let elsewhere = tempfile::tempdir()?;
    for script in ["a.py", "b.ts"] {
        let recording = elsewhere.path().join("r.wxr");
        let mut record = wxmcp(folder.path());
        record.args(["record", "-o"]).arg(&recording);
        record.args(["--mcp-config", &fixture_config(), script, "x", "y"]);
        let mut record = record
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        record.stdin.take().ok_or("no input")?.write_all(b"typed")?;
        let live = Printed::from(record.wait_with_output()?);
        assert_eq!(live.code, Some(0), "{}", live.stderr);
        let mut replay = wxmcp(elsewhere.path());
        replay.env_remove("PATH").env_remove("FIXTURES");
        let replayed = Printed::from(replay.args(["replay", "r.wxr"]).output()?);
        assert_eq!(replayed.streams(), live.streams());
        assert_eq!(replayed.code, Some(0));
    }
    Ok(())
}

#[test]
fn a_replay_that_differs_names_event_line_and_difference() -> TestResult {
    let folder = tree(&[(
        "a.py",
        "from tools import fixture\nfor n in range(2):\n    fixture.add(a=n, b=1)\n'done'\n",
    )])?;
    let config = fixture_config();
    let live = wx(folder.path(), &["record", "--mcp-config", &config, "a.py"])?;
    assert_eq!(live.code, Some(0), "{}", live.stderr);
    let shown = wx(folder.path(), &["recording", "show", "--calls", "a.wxr"])?;
    assert_eq!(
        shown
            .stdout
            .lines()
            .filter(|line| line.contains("fixture.add"))
            .count(),
        2
    );
    let events = wx(folder.path(), &["recording", "show", "a.wxr"])?.stdout;
    let events: Result<Vec<Value>, _> = events.lines().map(serde_json::from_str).collect();
    let events = events?;
    assert_eq!(
        events.first().and_then(|it| it.get("kind")),
        Some(&"head".into())
    );
    assert_eq!(
        events.last().and_then(|it| it.get("kind")),
        Some(&"end".into())
    );
    // The script is in the recording: `--script` replays another against its answers.
    fs::write(
        folder.path().join("b.py"),
        "from tools import fixture\nfor n in range(2):\n    fixture.add(a=n, b=n)\n'done'\n",
    )?;
    let differs = wx(folder.path(), &["replay", "a.wxr", "--script", "b.py"])?;
    assert_eq!(differs.code, Some(65), "{}", differs.stderr);
    for part in [
        "b.py, line 3",
        "fixture.add",
        "-   \"b\": 1",
        "+   \"b\": 0",
    ] {
        assert!(differs.stderr.contains(part), "{part}: {}", differs.stderr);
    }
    let same = wx(folder.path(), &["replay", "a.wxr", "--script", "a.py"])?;
    assert_eq!(
        (same.code, same.stdout.as_str()),
        (Some(0), "done\n"),
        "{}",
        same.stderr
    );
    Ok(())
}

#[test]
fn verify_says_which_recordings_differ_and_records_them_again() -> TestResult {
    let script = "import time\nprint(time.time())\ntime.sleep(0.1)\n7\n";
    let folder = tree(&[
        ("r/a.py", script),
        ("r/b.ts", "return Date.now()"),
        ("r/c_test.py", ""),
    ])?;
    let run = |args: &[&str]| wx(folder.path(), args);
    let nothing = run(&["verify", "r"])?;
    assert_eq!(nothing.code, Some(2), "{}", nothing.stdout);
    let made = run(&["verify", "--run", "r"])?;
    assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
    assert!(
        made.stdout.contains("verified 2 recordings: 2 same"),
        "{}",
        made.stdout
    );
    // A recording of something else that says it was recorded from this script.
    let other = run(&[
        "record",
        "-q",
        "-o",
        "r/a.wxr",
        "r/a.py",
        "with",
        "arguments",
    ])?;
    assert_eq!(other.code, Some(0), "{}", other.stderr);
    let whole = fs::read(folder.path().join("r/a.wxr"))?;
    let (half, _) = whole.split_at(whole.len() - 3);
    fs::write(folder.path().join("r/a.wxr"), half)?;
    let cut = run(&["verify", "--json", "r"])?;
    let lines: Result<Vec<Value>, _> = cut.stdout.lines().map(serde_json::from_str).collect();
    let error = lines?.first().and_then(|line| line.get("error").cloned());
    assert!(
        error.ok_or("no error")?.to_string().contains("cut short"),
        "{}",
        cut.stdout
    );
    fs::write(folder.path().join("r/a.wxr"), "wxr?")?;
    let junit = folder.path().join("junit.xml");
    let wrong = run(&["verify", "--junit", "junit.xml", "r"])?;
    assert_eq!(wrong.code, Some(2), "{}", wrong.stdout);
    assert!(
        wrong.stdout.contains("1 could not be replayed"),
        "{}",
        wrong.stdout
    );
    assert!(fs::read_to_string(junit)?.contains("<error"));
    Ok(())
}

#[test]
fn what_looks_like_a_secret_is_not_recorded_unless_it_is_said() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let record = |flags: &[&str]| {
        let mut command = wxmcp(folder.path());
        command
            .env("GITHUB_TOKEN", "canary-7f3a")
            .args(["record", "-o", "a.wxr"]);
        command.args(flags).args([
            "-e",
            "GITHUB_TOKEN",
            "-c",
            "import os; len(os.environ['GITHUB_TOKEN'])",
        ]);
        Ok::<_, std::io::Error>(Printed::from(command.output()?))
    };
    let refused = record(&[])?;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(
        refused
            .stderr
            .contains("`GITHUB_TOKEN` looks like a secret"),
        "{}",
        refused.stderr
    );
    assert!(!folder.path().join("a.wxr").exists());
    let recorded = record(&["--record-env"])?;
    assert_eq!(
        (recorded.code, recorded.stdout.as_str()),
        (Some(0), "11\n"),
        "{}",
        recorded.stderr
    );
    Ok(())
}

#[test]
fn a_run_that_time_stopped_replays_as_far_as_it_came() -> TestResult {
    let folder = tree::<&str>(&[])?;
    for code in [
        "import time\nprint('a')\ntime.sleep(60)",
        "print('a')\nwhile True: pass",
    ] {
        let live = wx(
            folder.path(),
            &["record", "-o", "a.wxr", "--timeout", "300ms", "-c", code],
        )?;
        assert_eq!(live.code, Some(3), "{}", live.stderr);
        let replayed = wx(folder.path(), &["replay", "a.wxr"])?;
        assert_eq!(
            (replayed.code, replayed.stdout.as_str()),
            (Some(3), "a\n"),
            "{}",
            replayed.stderr
        );
        assert!(
            replayed.stderr.contains("the time limit of 0.3 s"),
            "{}",
            replayed.stderr
        );
    }
    Ok(())
}

#[test]
fn a_recording_whose_process_was_killed_reads_as_far_as_it_came() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let code = "import time\nprint('before', flush=True)\ntime.sleep(0.2)\nprint('then', flush=True)\ntime.sleep(600)\nprint('invented')\n'invented'";
    let mut command = wxmcp(folder.path());
    command.args(["record", "-o", "a.wxr", "--timeout", "1000s", "-c", code]);
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().ok_or("no output")?;
    let mut lines = BufReader::new(output).lines();
    for expected in ["before", "then"] {
        assert_eq!(lines.next().ok_or("no line")??, expected);
    }
    child.kill()?;
    child.wait()?;
    let replayed = wx(folder.path(), &["replay", "a.wxr"])?;
    assert!(
        ["before\n", "before\nthen\n"].contains(&replayed.stdout.as_str()),
        "{}",
        replayed.stdout
    );
    for note in ["the recording was cut short", "the recording ends here"] {
        assert!(replayed.stderr.contains(note), "{}", replayed.stderr);
    }
    assert_eq!(replayed.code, Some(0));
    Ok(())
}

#[test]
fn a_replay_that_is_to_stop_says_that_it_stopped() -> TestResult {
    let folder = tree(&[("a.py", "import time\nprint(1)\ntime.time()\nprint(2)\n3\n")])?;
    assert_eq!(wx(folder.path(), &["record", "a.py"])?.code, Some(0));
    let shown = wx(folder.path(), &["recording", "show", "a.wxr"])?.stdout;
    let second = shown
        .lines()
        .filter(|line| line.contains("\"printed\""))
        .nth(1);
    let second: Value = serde_json::from_str(second.ok_or("it printed once")?)?;
    let event = second["event"].to_string();
    let replayed = wx(folder.path(), &["replay", "a.wxr", "--until", &event])?;
    assert_eq!(replayed.code, Some(0), "{}", replayed.stderr);
    assert_eq!(replayed.stdout, "1\n");
    let note = format!("note: stopped before event {event}\n");
    assert_eq!(replayed.stderr, note);
    Ok(())
}

/// The shell of `action.yml`, with an archive of this executable.
#[test]
fn the_action_of_github_verifies_and_refuses_another_archive() -> TestResult {
    let folder = tree(&[("recordings/a.py", "import random\nprint(random.random())\n")])?;
    let made = wx(folder.path(), &["verify", "--run", "recordings"])?;
    assert_eq!(made.code, Some(0), "{}", made.stdout);
    fs::hard_link(env!("CARGO_BIN_EXE_wxmcp"), folder.path().join("wxmcp")).or_else(|_| {
        fs::copy(env!("CARGO_BIN_EXE_wxmcp"), folder.path().join("wxmcp")).map(drop)
    })?;
    let packed = Command::new("tar")
        .args(["-czf", "wxmcp.tar.gz", "wxmcp"])
        .current_dir(folder.path())
        .status()?;
    assert!(packed.success());
    let digest = Command::new("sha256sum")
        .arg("wxmcp.tar.gz")
        .current_dir(folder.path())
        .output()?;
    let digest = String::from_utf8(digest.stdout)?;
    let digest = digest.split(' ').next().ok_or("no digest")?;
    let action = fs::read_to_string(repository().join("action.yml"))?;
    let (_, shell) = action.split_once("run: |\n").ok_or("no shell")?;
    let verify = |digest: &str| {
        let mut command = Command::new("bash");
        let archive = format!("file://{}", folder.path().join("wxmcp.tar.gz").display());
        command.args(["-c", shell]).current_dir(folder.path());
        command.env("ARCHIVE", archive).env("SHA256", digest);
        command.env("PATHS", "recordings").env("JUNIT", "junit.xml");
        command.env("WXMCP_CACHE_DIR", crate::support::cache());
        Ok::<_, std::io::Error>(Printed::from(command.output()?))
    };
    let verified = verify(digest)?;
    assert_eq!(
        verified.code,
        Some(0),
        "{}{}",
        verified.stdout,
        verified.stderr
    );
    assert!(
        verified.stdout.contains("verified 1 recording: 1 same"),
        "{}",
        verified.stdout
    );
    assert!(folder.path().join("junit.xml").exists());
    let other = verify(&"0".repeat(64))?;
    assert_ne!(other.code, Some(0), "{}", other.stdout);
    assert!(!other.stdout.contains("verified"), "{}", other.stdout);
    Ok(())
}

#[test]
fn a_replay_that_stops_goes_on_with_what_is_typed() -> TestResult {
    let python = "from tools import fixture\nx = 1\nfixture.add(a=1, b=2)\nx = 2\nfixture.add(a=3, b=4)\nx = 3\n";
    let javascript = "import * as fixture from 'tools/fixture';\nlet x = 1;\nawait fixture.add({a: 1, b: 2});\nx = 2;\nawait fixture.add({a: 3, b: 4});\nx = 3;\n";
    let folder = tree(&[("a.py", python), ("b.js", javascript)])?;
    for script in ["a.py", "b.js"] {
        let mut record = wxmcp(folder.path());
        record.args([
            "record",
            "-q",
            "-o",
            "r.wxr",
            "--mcp-config",
            &fixture_config(),
            script,
        ]);
        assert!(record.status()?.success());
        let calls = wx(folder.path(), &["recording", "show", "--calls", "r.wxr"])?.stdout;
        let second = calls
            .lines()
            .filter(|line| line.contains("fixture.add"))
            .nth(1);
        let event = second.and_then(|line| line.split_whitespace().next());
        let event = event.ok_or(calls.clone())?;
        let mut replay = wxmcp(folder.path());
        replay.args(["replay", "-i", "--until", event, "r.wxr"]);
        let mut replay = replay
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        replay
            .stdin
            .take()
            .ok_or("no input")?
            .write_all(b"x + 40\n")?;
        let printed = Printed::from(replay.wait_with_output()?);
        assert_eq!(printed.stdout, "42\n", "{script}: {}", printed.stderr);
        assert!(
            printed.stderr.contains("here the replay stops"),
            "{}",
            printed.stderr
        );
    }
    Ok(())
}

/// `make recordings` makes them anew.
#[test]
fn the_recordings_of_this_repository_replay() -> TestResult {
    let verified = wx(repository(), &["verify", "--json", "fixtures/recordings"])?;
    let lines: Result<Vec<Value>, _> = verified.stdout.lines().map(serde_json::from_str).collect();
    let lines = lines?;
    let differ: Vec<_> = lines
        .iter()
        .filter(|line| line["outcome"] != "same")
        .collect();
    assert!(differ.is_empty(), "{differ:#?}");
    assert!(lines.len() >= 100, "{} recordings", lines.len());
    Ok(())
}

#[test]
fn what_is_recorded_again_has_its_arguments_its_input_and_its_exit_code() -> TestResult {
    let script = "import sys\nprint(sys.argv[1:], input())\nsys.exit(2)\n";
    let folder = tree(&[("a.py", script)])?;
    let mut record = wxmcp(folder.path());
    record
        .args(["record", "a.py", "-o", "out"])
        .stdin(Stdio::piped());
    let mut record = record.stdout(Stdio::piped()).spawn()?;
    record
        .stdin
        .take()
        .ok_or("no input")?
        .write_all(b"typed\n")?;
    let live = Printed::from(record.wait_with_output()?);
    assert_eq!(
        (live.code, live.stdout.as_str()),
        (Some(2), "['-o', 'out'] typed\n")
    );
    fs::write(
        folder.path().join("a.py"),
        script.replace("print(", "print('now', "),
    )?;
    let updated = wx(folder.path(), &["verify", "--update", "a.wxr"])?;
    assert_eq!(updated.code, Some(0), "{}", updated.stdout);
    assert!(
        updated.stdout.contains("1 recorded again"),
        "{}",
        updated.stdout
    );
    let replayed = wx(folder.path(), &["replay", "a.wxr"])?;
    let printed = (replayed.code, replayed.stdout.as_str());
    assert_eq!(
        printed,
        (Some(2), "now ['-o', 'out'] typed\n"),
        "{}",
        replayed.stderr
    );
    Ok(())
}

#[test]
fn the_name_of_a_recording_may_stand_behind_its_script() -> TestResult {
    let folder = tree(&[("a.py", "import sys\nprint(sys.argv[1:])\n")])?;
    let words = ["record", "a.py", "-o", "r.wxr", "-o", "out.wxr"];
    let recorded = wx(folder.path(), &words)?;
    assert_eq!(
        recorded.stdout, "['-o', 'out.wxr']\n",
        "{}",
        recorded.stderr
    );
    let replayed = wx(folder.path(), &["replay", "r.wxr"])?;
    assert_eq!(replayed.streams(), recorded.streams());
    assert!(!folder.path().join("out.wxr").exists());
    Ok(())
}

#[test]
fn what_is_no_recording_is_not_overwritten() -> TestResult {
    let script = "print(1)\n";
    let folder = tree(&[("a.py", script), ("empty", "")])?;
    let refused = wx(folder.path(), &["record", "-o", "a.py", "a.py"])?;
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.stderr.contains("it exists, and is no recording"),
        "{}",
        refused.stderr
    );
    assert_eq!(fs::read_to_string(folder.path().join("a.py"))?, script);
    // A recording is, and an empty file.
    for name in ["empty", "empty", "new"] {
        let recorded = wx(folder.path(), &["record", "-o", name, "a.py"])?;
        assert_eq!(recorded.code, Some(0), "{}", recorded.stderr);
        assert_eq!(wx(folder.path(), &["replay", name])?.stdout, "1\n");
    }
    Ok(())
}

#[test]
fn what_verify_recorded_it_records_again() -> TestResult {
    let folder = tree(&[("a.py", "print(1)\n")])?;
    let made = wx(folder.path(), &["verify", "--run", "."])?;
    assert_eq!(made.code, Some(0), "{}", made.stdout);
    for count in 2..4 {
        fs::write(folder.path().join("a.py"), format!("print({count})\n"))?;
        let updated = wx(folder.path(), &["verify", "--update", "."])?;
        assert!(
            updated.stdout.contains("1 recorded again"),
            "{}",
            updated.stdout
        );
        let replayed = wx(folder.path(), &["replay", "a.wxr"])?;
        assert_eq!(replayed.stdout, format!("{count}\n"));
    }
    Ok(())
}

#[test]
fn a_folder_is_shown_at_two_places_if_the_script_only_reads_it() -> TestResult {
    let script = "print(open('/a/n').read(), open('/b/n').read(), open('/c/n').read())\n";
    let folder = tree(&[("a.py", script), ("data/in/n", "7")])?;
    let volumes = [
        "-v",
        "./data/in:/a",
        "-v",
        "./data/in:/b",
        "-v",
        "./data/in:/c",
    ];
    let run = [&["run", "--deterministic"], &volumes[..], &["a.py"]].concat();
    assert_eq!(wx(folder.path(), &run)?.stdout, "7 7 7\n");
    let record = [&["record"], &volumes[..], &["a.py"]].concat();
    assert_eq!(wx(folder.path(), &record)?.stdout, "7 7 7\n");
    fs::remove_dir_all(folder.path().join("data"))?;
    let replayed = wx(folder.path(), &["replay", "a.wxr"])?;
    assert_eq!(replayed.stdout, "7 7 7\n", "{}", replayed.stderr);
    fs::remove_file(folder.path().join("a.wxr"))?;
    // What is written in one place would have to be seen in the other.
    fs::create_dir_all(folder.path().join("data/in"))?;
    fs::write(folder.path().join("data/in/n"), "7")?;
    let volumes = [
        "-v",
        "./data/in:/a",
        "-v",
        "./data:/b:rw",
        "-v",
        "./data/in:/c",
    ];
    let refused = wx(
        folder.path(),
        &[&["record"], &volumes[..], &["a.py"]].concat(),
    )?;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let why = "the mount `/a` shows files of it, too, and the script may write to one of them; mount each folder once";
    assert!(refused.stderr.contains(why), "{}", refused.stderr);
    assert!(!folder.path().join("a.wxr").exists());
    Ok(())
}
