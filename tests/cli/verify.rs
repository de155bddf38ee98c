//! What `wxmcp verify` must not pass, and what recording must not destroy or disclose.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Printed, TestResult, fixture_config, tree, wx, wxmcp};

fn lines(printed: &Printed) -> Result<Vec<Value>, serde_json::Error> {
    printed.stdout.lines().map(serde_json::from_str).collect()
}

fn names(folder: &Path) -> Result<Vec<String>, std::io::Error> {
    let names = fs::read_dir(folder)?.map(|it| Ok(it?.file_name().to_string_lossy().into_owned()));
    let mut names = names.collect::<Result<Vec<_>, std::io::Error>>()?;
    names.sort();
    Ok(names)
}

fn make_pipe(path: &Path) -> TestResult {
    assert!(Command::new("mkfifo").arg(path).status()?.success());
    Ok(())
}

#[test]
fn a_recording_that_was_cut_short_is_no_success() -> TestResult {
    let folder = tree(&[("a.py", "print(1)\n"), ("b.py", "print(2)\n")])?;
    let run = |args: &[&str]| wx(folder.path(), args);
    assert_eq!(run(&["verify", "--run", "."])?.code, Some(0));
    let whole = fs::read(folder.path().join("a.wxr"))?;
    let (part, _) = whole.split_at(whole.len() - 3);
    fs::write(folder.path().join("a.wxr"), part)?;
    let verified = run(&["verify", "--junit", "junit.xml", "."])?;
    assert_eq!(verified.code, Some(2), "{}", verified.stdout);
    assert!(
        verified
            .stdout
            .contains("CUT      ./a.wxr: the recording was cut short")
    );
    assert!(
        verified
            .stdout
            .contains("verified 2 recordings: 1 same, 1 cut short")
    );
    let junit = fs::read_to_string(folder.path().join("junit.xml"))?;
    assert!(
        junit.contains("<error message=\"the recording was cut short"),
        "{junit}"
    );
    let json = run(&["verify", "--json", "."])?;
    let lines = lines(&json)?;
    assert_eq!(
        (json.code, &lines[0]["outcome"]),
        (Some(2), &"cut-short".into())
    );
    assert!(lines[0]["error"].to_string().contains("cut short"));
    // What differs counts more, and both are recorded again.
    fs::write(folder.path().join("b.py"), "print(3)\n")?;
    assert_eq!(run(&["verify", "."])?.code, Some(65));
    let updated = run(&["verify", "--update", "."])?;
    assert_eq!(updated.code, Some(0), "{}", updated.stdout);
    assert!(
        updated.stdout.contains("0 same, 2 recorded again"),
        "{}",
        updated.stdout
    );
    assert_eq!(run(&["verify", "."])?.code, Some(0));
    Ok(())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one thing after the other")]
fn a_run_sees_neither_its_recording_nor_the_one_that_it_replaces() -> TestResult {
    let python = "\
import os, sys, helper
folder = sys.argv[1]
print(helper.f(), sorted(os.listdir(folder)))
for name in ['main.wxr', 'other.wxr']:
    path = os.path.join(folder, name)
    print(os.path.exists(path))
    try:
        open(path).close()
    except OSError as error:
        print(type(error).__name__)
if folder == '/d':
    try:
        open('/d/main.wxr', 'w')
    except OSError as error:
        print(type(error).__name__)
    with open('/d/out', 'a') as out:
        out.write('x')
";
    let files = [
        ("main.py", python),
        ("helper.py", "def f(): return 1\n"),
        ("other.wxr", "any file"),
    ];
    for words in [
        &["--project", ".", "main.py", "/project"][..],
        &["--project", ".", "-v", ".:/d", "main.py", "/project"],
        &["-v", ".:/d:rw", "main.py", "/d"],
    ] {
        let folder = tree(&files)?;
        let mut recordings = Vec::new();
        // Code of `main.py` is imported from where it is seen.
        for _ in 0..3 {
            let recorded = wx(folder.path(), &[&["record"], words].concat())?;
            assert_eq!(recorded.code, Some(0), "{}", recorded.stderr);
            assert!(
                recorded.stdout.contains("False\nFileNotFoundError\nTrue\n"),
                "{}",
                recorded.stdout
            );
            assert!(!recorded.stdout.contains("main.wxr"), "{}", recorded.stdout);
            let verified = wx(folder.path(), &["verify", "main.wxr"])?;
            assert_eq!(verified.code, Some(0), "{words:?}: {}", verified.stdout);
            recordings.push(wx(folder.path(), &["recording", "show", "main.wxr"])?.stdout);
        }
        for shown in &recordings {
            let captured = shown.lines().filter(|line| line.contains("\"captured\""));
            let paths: String = captured.collect();
            assert!(
                paths.contains("\"other.wxr\"") && !paths.contains("\"path\":\"main.wxr\""),
                "{paths}"
            );
        }
        let updated = wx(folder.path(), &["verify", "--update", "main.wxr"])?;
        assert_eq!(updated.code, Some(0), "{}", updated.stdout);
        let names = names(folder.path())?;
        assert!(
            !names.iter().any(|name| name.ends_with(".part")),
            "{names:?}"
        );
    }
    Ok(())
}

#[test]
fn a_run_that_does_not_begin_leaves_the_recording_as_it_was() -> TestResult {
    let folder = tree(&[("a.py", "print(1)\n")])?;
    let refused = ["record", "--workdir", "/nowhere", "a.py"];
    assert_eq!(wx(folder.path(), &refused)?.code, Some(2));
    assert_eq!(names(folder.path())?, ["a.py"]);
    assert_eq!(wx(folder.path(), &["record", "a.py"])?.code, Some(0));
    let recorded = fs::read(folder.path().join("a.wxr"))?;
    assert_eq!(wx(folder.path(), &refused)?.code, Some(2));
    assert_eq!(names(folder.path())?, ["a.py", "a.wxr"]);
    assert_eq!(fs::read(folder.path().join("a.wxr"))?, recorded);
    Ok(())
}

#[test]
fn a_recorder_that_is_killed_destroys_nothing_and_leaves_what_it_has() -> TestResult {
    let folder = tree(&[("a.py", "print('old')\n")])?;
    assert_eq!(wx(folder.path(), &["record", "a.py"])?.code, Some(0));
    let code = "import time\nprint('before', flush=True)\ntime.sleep(0.2)\nprint('then', flush=True)\ntime.sleep(600)";
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
    assert_eq!(wx(folder.path(), &["replay", "a.wxr"])?.stdout, "old\n");
    let names = names(folder.path())?;
    let part = names
        .iter()
        .find(|name| name.ends_with(".part"))
        .ok_or("no part")?;
    assert!(part.starts_with(".a.wxr."), "{part}");
    let replayed = wx(folder.path(), &["replay", part])?;
    assert!(
        replayed.stdout.starts_with("before\n"),
        "{}",
        replayed.stdout
    );
    assert!(
        replayed.stderr.contains("was cut short"),
        "{}",
        replayed.stderr
    );
    Ok(())
}

#[test]
fn two_scripts_of_one_name_have_two_recordings() -> TestResult {
    let folder = tree(&[("a.py", "print('py')\n"), ("a.ts", "console.log('ts')\n")])?;
    let made = wx(folder.path(), &["verify", "--run", "."])?;
    assert_eq!(made.code, Some(0), "{}", made.stdout);
    for line in [
        "recorded ./a.wxr",
        "recorded ./a.ts.wxr",
        "verified 2 recordings: 2 same",
    ] {
        assert!(made.stdout.contains(line), "{}", made.stdout);
    }
    let again = wx(folder.path(), &["record", "a.ts"])?;
    assert!(
        again.stderr.contains("recorded into `a.ts.wxr`"),
        "{}",
        again.stderr
    );
    for (recording, printed) in [("a.wxr", "py\n"), ("a.ts.wxr", "ts\n")] {
        assert_eq!(wx(folder.path(), &["replay", recording])?.stdout, printed);
    }
    fs::write(folder.path().join("a.ts"), "console.log('other')\n")?;
    let verified = wx(folder.path(), &["verify", "."])?;
    assert!(
        verified.stdout.contains("1 same, 1 differs"),
        "{}",
        verified.stdout
    );
    // The other one is gone: its recording has no claim on the name.
    fs::remove_file(folder.path().join("a.py"))?;
    let replaced = wx(folder.path(), &["record", "a.ts"])?;
    assert_eq!(replaced.stderr, "");
    assert_eq!(wx(folder.path(), &["replay", "a.wxr"])?.stdout, "other\n");
    Ok(())
}

#[test]
fn a_script_is_found_beside_its_recording_or_a_note_says_that_there_is_none() -> TestResult {
    let folder = tree(&[("a.py", "print(1)\n")])?;
    let path = |name: &str| folder.path().join(name);
    let run = |args: &[&str]| wx(folder.path(), args);
    assert_eq!(run(&["record", "a.py"])?.code, Some(0));
    assert_eq!(run(&["record", "-o", "other.wxr", "a.py"])?.code, Some(0));
    let same = run(&["verify", "."])?;
    assert!(!same.stdout.contains("note"), "{}", same.stdout);
    // Both were renamed, and one changed.
    fs::rename(path("a.py"), path("b.py"))?;
    fs::rename(path("a.wxr"), path("b.wxr"))?;
    fs::write(path("b.py"), "print(1)\nprint(2)\n")?;
    let differs = run(&["verify", "b.wxr"])?;
    assert_eq!(differs.code, Some(65), "{}", differs.stdout);
    assert!(differs.stdout.contains("    b.py"), "{}", differs.stdout);
    // The other one's script is gone.
    let alone = run(&["verify", "other.wxr"])?;
    assert_eq!(alone.code, Some(0));
    let note = "note: `a.py` does not stand beside it: it was compared by its recorded text";
    assert!(alone.stdout.contains(note), "{}", alone.stdout);
    run(&["verify", "--junit", "junit.xml", "other.wxr"])?;
    assert!(fs::read_to_string(path("junit.xml"))?.contains("does not stand beside it"));
    fs::write(path("a.py"), "print(3)\n")?;
    assert_eq!(run(&["verify", "other.wxr"])?.code, Some(65));
    Ok(())
}

#[test]
fn command_lines_that_grant_more_are_run_again_only_if_that_is_said() -> TestResult {
    let folder = tree(&[("a.py", "print(1)\n"), ("b.py", "print(1)\n")])?;
    let config = fixture_config();
    let run = |args: &[&str]| wx(folder.path(), args);
    let mut record = wxmcp(folder.path());
    record
        .env("WXMCP_TIMEOUT", "7s")
        .env("WXMCP_FUEL", "90000000");
    record.args(["record", "--fuel", "80000000", "a.py"]);
    assert!(record.status()?.success());
    assert_eq!(
        run(&["record", "--mcp-config", &config, "b.py"])?.code,
        Some(0)
    );
    for name in ["a.py", "b.py"] {
        fs::write(folder.path().join(name), "print(2)\n")?;
    }
    let mut update = wxmcp(folder.path());
    update
        .env("WXMCP_TIMEOUT", "9s")
        .args(["verify", "--update", "."]);
    let updated = Printed::from(update.output()?);
    assert_eq!(updated.code, Some(65), "{}", updated.stdout);
    let command = "`./a.wxr` is recorded by: wxmcp run --timeout=7s --fuel 80000000 a.py";
    assert!(updated.stderr.contains(command), "{}", updated.stderr);
    assert!(!updated.stderr.contains("b.wxr"), "{}", updated.stderr);
    let refused =
        "it was not recorded again: its command line has `--mcp-config`: `wxmcp run --mcp-config";
    assert!(updated.stdout.contains(refused), "{}", updated.stdout);
    let head = run(&["recording", "show", "a.wxr"])?.stdout;
    assert!(head.contains("\"wall\":7000000000"), "{head}");
    let trusted = run(&["verify", "--update", "--trust-commands", "."])?;
    assert_eq!(trusted.code, Some(0), "{}", trusted.stdout);
    assert!(
        trusted.stdout.contains("1 same, 1 recorded again"),
        "{}",
        trusted.stdout
    );
    Ok(())
}

#[test]
fn files_that_look_like_secrets_are_not_recorded_unless_it_is_said() -> TestResult {
    let script = "print(open('/project/.env').read())";
    let folder = tree(&[("p/.env", "canary-7f3a"), ("p/a.py", script)])?;
    let refused = wx(folder.path(), &["record", "--project", "p", "p/a.py"])?;
    assert_eq!(refused.code, Some(2));
    let why = "`.env` of the mount `/project` looks like a secret, and would be in the recording";
    assert!(refused.stderr.contains(why), "{}", refused.stderr);
    assert_eq!(names(&folder.path().join("p"))?, [".env", "a.py"]);
    let said = ["record", "--record-files", "--project", "p", "p/a.py"];
    assert_eq!(wx(folder.path(), &said)?.stdout, "canary-7f3a\n");
    Ok(())
}

#[test]
fn json_is_all_that_is_printed_and_tools_are_not_recorded() -> TestResult {
    let folder = tree(&[
        ("a.py", "print(1)\n"),
        ("a_test.py", ""),
        ("tools/time/now.py", "def now():\n    return 1\n"),
    ])?;
    let made = wx(folder.path(), &["verify", "--json", "--run", "."])?;
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let lines = lines(&made)?;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["recording"], "./a.wxr");
    assert!(
        made.stderr.contains("note: recorded ./a.wxr"),
        "{}",
        made.stderr
    );
    assert_eq!(names(&folder.path().join("tools/time"))?, ["now.py"]);
    Ok(())
}

#[test]
fn what_is_no_file_is_not_waited_for() -> TestResult {
    let folder = tree(&[
        ("a.py", "print(1)\n"),
        ("b.py", "print(1)\n"),
        ("sub/c.py", ""),
    ])?;
    let path = |name: &str| folder.path().join(name);
    assert_eq!(
        wx(folder.path(), &["verify", "--run", "a.py", "b.py"])?.code,
        Some(0)
    );
    fs::remove_file(path("a.py"))?;
    make_pipe(&path("a.py"))?;
    fs::remove_file(path("b.py"))?;
    symlink("/dev/zero", path("b.py"))?;
    make_pipe(&path("p.wxr"))?;
    symlink("b.wxr", path("l.wxr"))?;
    symlink("sub", path("folder"))?;
    let verified = wx(folder.path(), &["verify", "."])?;
    assert_eq!(verified.code, Some(2), "{}", verified.stdout);
    for name in ["a", "b"] {
        let line = format!("ERROR    ./{name}.wxr: read `./{name}.py`");
        assert!(verified.stdout.contains(&line), "{}", verified.stdout);
    }
    for note in [
        "`./p.wxr` is no file, and is passed over",
        "`./l.wxr` is a symbolic link, which is not followed in a folder",
        "`./folder` is a symbolic link",
    ] {
        assert!(verified.stderr.contains(note), "{}", verified.stderr);
    }
    for command in [&["verify"][..], &["replay"], &["recording", "show"]] {
        let refused = wx(folder.path(), &[command, &["p.wxr"]].concat())?;
        assert_eq!(refused.code, Some(2));
        let words = [refused.stdout, refused.stderr].concat();
        assert!(words.contains("it is no file"), "{words}");
    }
    let refused = wx(folder.path(), &["record", "-o", "p.wxr", "-c", "1"])?;
    assert!(
        refused.stderr.contains("it exists, and is no file"),
        "{}",
        refused.stderr
    );
    Ok(())
}

#[test]
fn what_a_script_printed_does_not_reach_a_log_raw() -> TestResult {
    let script = "print('\\x1b[31m\\x00\\x9b one')\n";
    let folder = tree(&[("a.py", script)])?;
    assert_eq!(wx(folder.path(), &["record", "a.py"])?.code, Some(0));
    fs::write(folder.path().join("a.py"), script.replace("one", "two"))?;
    let verified = wx(folder.path(), &["verify", "a.wxr"])?;
    let replayed = wx(folder.path(), &["replay", "a.wxr"])?;
    for words in [verified.stdout, replayed.stderr] {
        assert!(words.contains("␛[31m␀\u{fffd} two"), "{words:?}");
        assert!(
            !words.contains(|it: char| it.is_control() && it != '\n'),
            "{words:?}"
        );
    }
    Ok(())
}

#[test]
fn a_script_in_another_language_is_refused() -> TestResult {
    let folder = tree(&[("a.py", "print(1)\n"), ("b.ts", "console.log(1)\n")])?;
    assert_eq!(wx(folder.path(), &["record", "a.py"])?.code, Some(0));
    let refused = wx(folder.path(), &["replay", "a.wxr", "--script", "b.ts"])?;
    assert_eq!(refused.code, Some(2));
    let why = "`b.ts` is in another language (typescript) than the recorded script (python)";
    assert!(refused.stderr.contains(why), "{}", refused.stderr);
    Ok(())
}

#[test]
fn what_cannot_be_captured_is_said_once() -> TestResult {
    let folder = tree(&[("p/a.py", "")])?;
    make_pipe(&folder.path().join("p/fifo"))?;
    let refused = wx(folder.path(), &["record", "--project", "p", "p/a.py"])?;
    assert_eq!(refused.code, Some(2));
    let expected = "\
error: the run cannot be recorded
  caused by: cannot record `fifo` of the mount `/project`
  caused by: it is a pipe, which a recording cannot keep; mount a folder without it
";
    assert_eq!(refused.stderr, expected);
    Ok(())
}

/// What a script only reads must not change under it: its recording has the mount as it was.
#[test]
fn a_mount_that_something_else_changes_meanwhile_is_named() -> TestResult {
    let folder = tree(&[
        ("data/a", "1"),
        (
            "tools/host/change.py",
            "from wxmcp import directory, tool\n\n@tool(grants={'files': ['data:rw']})\ndef change():\n    directory('data').write('a', '2')\n",
        ),
        (
            "wxmcp.toml",
            "[directories.data]\npath = \"data\"\n\n[grants.\"host.*\"]\nfiles = [\"data:rw\"]\n",
        ),
        ("a.py", "from tools import host\nhost.change()\n"),
        ("b.py", "print(open('/data/a').read())\n"),
    ])?;
    let record = |script: &str| wx(folder.path(), &["record", "-v", "./data:/data", script]);
    let changed = record("a.py")?;
    assert_eq!(changed.code, Some(2), "{}", changed.stderr);
    let why = "it was changed meanwhile, by something else than the run";
    assert!(changed.stderr.contains(why), "{}", changed.stderr);
    let same = record("b.py")?;
    assert_eq!(
        (same.code, same.stdout.as_str()),
        (Some(0), "2\n"),
        "{}",
        same.stderr
    );
    Ok(())
}

#[test]
fn a_recording_that_is_made_again_keeps_its_rights() -> TestResult {
    let folder = tree(&[("a.py", "print(1)\n")])?;
    let path = folder.path().join("a.wxr");
    assert_eq!(wx(folder.path(), &["record", "a.py"])?.code, Some(0));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    assert_eq!(wx(folder.path(), &["record", "a.py"])?.code, Some(0));
    assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
    Ok(())
}
