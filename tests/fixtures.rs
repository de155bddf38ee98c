//! Every folder of `fixtures/scripts` and `fixtures/escapes` is a test.
//!
//! A script case holds `script.py`, `script.ts` or `script.js` (one behaviour, in each
//! language that has it) and what must come of it, exactly: `stdout`, `stderr`
//! (warnings, then the traceback), `value.json`, `artifacts.json`, `exit`. Where one
//! language differs, its file is `stdout.ts` and so on. `args` are the script's
//! arguments, `stdin` its input, `flags` more flags of `wxmcp run`.
//!
//! `@PORT@` in any of these files is the port of a server on loopback (`support/http.rs`).
//!
//! A case of `tooltrees` is a script case with `tools/` and `wxmcp.toml` beside the
//! script; `main.sql` makes the database `main.db`.
//!
//! An escape case holds `attack.py` (or `.ts`), which must be refused in the words of
//! `attack.out`, and its twin `allowed.py`, which does the same where it is
//! granted and must print `allowed.out`. `attack.flags` and `allowed.flags` are
//! flags of `wxmcp run`; both run in a fresh copy of `host/`. Whatever the attack
//! did, `outside/` beside that copy must still be what it was, and no output may
//! hold its secret.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail where it stands"
)]

mod support;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;
use std::sync::LazyLock;

use libtest_mimic::{Arguments, Failed, Trial};
use support::{Printed, copy_all, fixtures, http, lines, wxmcp};

/// Stands in a file that no script may read.
const SECRET: &str = "the secret outside";

/// The port of the server that fixtures ask.
static PORT: LazyLock<String> =
    LazyLock::new(|| http::start().expect("a server starts").to_string());

/// A file of a fixture, with the server's port.
fn filled(path: &Path) -> std::io::Result<String> {
    let text = fs::read_to_string(path)?;
    Ok(if text.contains("@PORT@") {
        text.replace("@PORT@", &PORT)
    } else {
        text
    })
}

fn main() -> std::process::ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(2);
    let trials = ["scripts", "tooltrees", "escapes"]
        .into_iter()
        .flat_map(|kind| cases(kind).into_iter().map(move |case| (kind, case)))
        .flat_map(|(kind, case)| {
            let folder = fixtures().join(kind).join(&case);
            languages(&folder).into_iter().flat_map(move |language| {
                let name = format!("{kind}::{case}.{language}");
                let (folder, again) = (folder.clone(), folder.clone());
                let trial = Trial::test(name.clone(), move || match kind {
                    "escapes" => escape(&folder, language),
                    _ => script(&folder, language),
                });
                let replay = Trial::test(format!("replays::{name}"), move || {
                    replays(&again, language)
                });
                [Some(trial), (kind != "escapes").then_some(replay)]
            })
        })
        .flatten()
        .collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn cases(kind: &str) -> Vec<String> {
    let mut cases: Vec<String> = fs::read_dir(fixtures().join(kind))
        .expect("the fixtures are there")
        .map(|entry| entry.expect("a folder entry").file_name())
        .filter_map(|name| name.into_string().ok())
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "no fixture in {kind}");
    cases
}

/// The languages that a case is written in.
fn languages(folder: &Path) -> Vec<&'static str> {
    let found: Vec<_> = ["py", "ts", "js"]
        .into_iter()
        .filter(|language| {
            ["script", "attack"]
                .iter()
                .any(|stem| folder.join(format!("{stem}.{language}")).is_file())
        })
        .collect();
    assert!(!found.is_empty(), "no script in {folder:?}");
    found
}

/// What a case expects: what is said of the language alone comes first.
fn expected(folder: &Path, name: &str, language: &str) -> Option<String> {
    filled(&folder.join(format!("{name}.{language}")))
        .or_else(|_| filled(&folder.join(name)))
        .ok()
}

/// A copy of a case, in which its script may write.
fn copied(folder: &Path) -> Result<tempfile::TempDir, Failed> {
    let copy = tempfile::tempdir()?;
    copy_all(folder, copy.path(), copy_filled)?;
    // A case whose folder is empty at first has none: git keeps no empty folders.
    fs::create_dir_all(copy.path().join("mount"))?;
    if let Ok(statements) = fs::read_to_string(folder.join("main.sql")) {
        rusqlite::Connection::open(copy.path().join("main.db"))?.execute_batch(&statements)?;
    }
    Ok(copy)
}

/// Runs the script of a case in a copy of it, with more flags.
fn run(folder: &Path, copy: &Path, language: &str, more: &[&str]) -> Result<Printed, Failed> {
    let mut command = wxmcp(copy);
    command
        .env("WXMCP_CANARY", SECRET)
        .args(["run", "--json", "--mcp-config"])
        .arg(fixtures().join("mcp/fixture.json"))
        .args(more)
        .args(flag_lines(&folder.join("flags")))
        .arg(format!("script.{language}"))
        .args(lines(&folder.join("args")))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take().ok_or("no stdin")?;
    let input = fs::read(folder.join("stdin")).unwrap_or_default();
    // A script that does not read may have ended already.
    let _ended = stdin.write_all(&input);
    drop(stdin);
    Ok(child.wait_with_output()?.into())
}

fn report(printed: &Printed) -> Result<serde_json::Value, Failed> {
    let report = serde_json::from_str(&printed.stdout);
    Ok(report
        .map_err(|error| format!("no report: {error}\n{}\n{}", printed.stdout, printed.stderr))?)
}

/// What a report says of the run, and not of the machine.
fn canonical(printed: &Printed) -> Result<String, Failed> {
    let mut report = report(printed)?;
    let members = report.as_object_mut().ok_or("no object")?;
    members.remove("run");
    for time in ["wall_ms", "start_ms", "host_peak"] {
        let usage = members["usage"].as_object_mut().ok_or("no usage")?;
        usage.remove(time);
    }
    for call in members["calls"].as_array_mut().ok_or("no calls")? {
        if let Some(ended) = call["ended"].as_object_mut() {
            ended.remove("milliseconds");
        }
    }
    Ok(serde_json::to_string_pretty(&report)?)
}

/// A recorded run of the case replays without its folder, its tools and its input, and a deterministic one is the same twice.
fn replays(folder: &Path, language: &str) -> Result<(), Failed> {
    let place = tempfile::tempdir()?;
    let recording = place.path().join("r.wxr").to_string_lossy().into_owned();
    let copy = copied(folder)?;
    let live = run(
        folder,
        copy.path(),
        language,
        &["--record", &recording, "--record-env", "--record-files"],
    )?;
    // What a recording cannot hold is refused by name.
    if live.stderr.contains("the run cannot be recorded")
        || live.stderr.contains("the recording is too large")
    {
        return Ok(());
    }
    let live = canonical(&live)?;
    drop(copy);
    let replayed: Printed = wxmcp(place.path())
        .args(["replay", "--json", "r.wxr"])
        .output()?
        .into();
    if replayed.code == Some(65) {
        return Err(format!("the replay differs\n{}", replayed.stderr).into());
    }
    // A live run also says what of the host would have helped, which a replay does not know.
    // How far a script has come that is given up is not known.
    let may_differ = [
        "sibling_without_a_mount",
        "sibling_package_without_a_mount",
        "processes_python_timeout_and_kill",
    ];
    if !may_differ.iter().any(|case| folder.ends_with(case)) {
        same("the replay", &canonical(&replayed)?, &live)?;
    }
    // A deterministic script waits for those that it starts, also for one that computes for ever.
    if folder.ends_with("processes_python_timeout_and_kill") {
        return Ok(());
    }
    let mut reports = Vec::new();
    for _ in 0..2 {
        let copy = copied(folder)?;
        let report = canonical(&run(folder, copy.path(), language, &["--deterministic"])?)?;
        // A limit of time is one of the machine.
        if report.contains("\"limit\": \"wall-time\"") {
            return Ok(());
        }
        reports.push(report);
    }
    same("the second deterministic run", &reports[1], &reports[0])
}

fn script(folder: &Path, language: &str) -> Result<(), Failed> {
    let copy = copied(folder)?;
    let printed = run(folder, copy.path(), language, &[])?;
    let report = report(&printed)?;
    if printed.stdout.contains(SECRET) || printed.stderr.contains(SECRET) {
        return Err("the secret came out".into());
    }
    let text = |key: &str| report[key].as_str().unwrap_or_default().to_owned();
    let traceback = report["error"]["traceback"].as_str().unwrap_or_default();
    let wanted = |name: &str| expected(folder, name, language);
    let expected = |name: &str| wanted(name).unwrap_or_default();

    same("stdout", &text("stdout"), &expected("stdout"))?;
    same("stderr", &(text("stderr") + traceback), &expected("stderr"))?;
    for part in ["value", "artifacts"] {
        let Some(value) = wanted(&format!("{part}.json")) else {
            continue;
        };
        let value: serde_json::Value = serde_json::from_str(&value)?;
        same(
            part,
            &serde_json::to_string_pretty(&report[part])?,
            &serde_json::to_string_pretty(&value)?,
        )?;
    }
    let code = match expected("exit").trim() {
        "" if traceback.is_empty() => 0,
        "" => 1,
        code => code.parse()?,
    };
    if printed.code != Some(code) {
        return Err(format!("exit code {:?}, not {code}: {report}", printed.code).into());
    }
    Ok(())
}

fn flag_lines(path: &Path) -> Vec<String> {
    lines(path)
        .into_iter()
        .map(|line| line.replace("@PORT@", &PORT))
        .collect()
}

fn flags(folder: &Path, part: &str, language: &str) -> std::path::PathBuf {
    let own = folder.join(format!("{part}.flags.{language}"));
    if own.is_file() {
        own
    } else {
        folder.join(format!("{part}.flags"))
    }
}

/// Copies a file, whether it is executable, too; a text gets the server's port.
fn copy_filled(from: &Path, to: &Path) -> std::io::Result<()> {
    match filled(from) {
        Ok(text) => fs::write(to, text)?,
        Err(_) => fs::copy(from, to).map(|_| ())?,
    }
    let is_executable = fs::metadata(from)?.mode() & 0o100 != 0;
    let mode = if is_executable { 0o755 } else { 0o644 };
    fs::set_permissions(to, fs::Permissions::from_mode(mode))
}

fn escape(folder: &Path, language: &str) -> Result<(), Failed> {
    for part in ["attack", "allowed"] {
        let place = tempfile::tempdir()?;
        let host = place.path().join("host");
        fs::create_dir(&host)?;
        let outside = place.path().join("outside");
        fs::create_dir(&outside)?;
        fs::write(outside.join("secret"), SECRET)?;
        for name in ["ro", "rw"] {
            fs::create_dir(host.join(name))?;
            fs::write(host.join(name).join("file"), "inside")?;
            std::os::unix::fs::symlink(&outside, host.join(name).join("link"))?;
            std::os::unix::fs::symlink("file", host.join(name).join("inner"))?;
        }
        let program = format!("{part}.{language}");
        copy_filled(&folder.join(&program), &place.path().join(&program))?;
        let printed = Printed::from(
            wxmcp(&host)
                .args(["run", "--mcp-config"])
                .arg(fixtures().join("mcp/fixture.json"))
                .args(flag_lines(&flags(folder, part, language)))
                .arg(format!("../{program}"))
                .env("WXMCP_CANARY", SECRET)
                .output()?,
        );
        let all = format!("{}{}", printed.stdout, printed.stderr);
        let expected = expected(folder, &format!("{part}.out"), language).ok_or("no output")?;
        same(part, &all, &expected)?;
        if all.contains(SECRET) {
            return Err(format!("{part}: the secret came out").into());
        }
        if fs::read_to_string(outside.join("secret"))? != SECRET
            || fs::read_dir(&outside)?.count() != 1
        {
            return Err(format!("{part}: something outside was changed").into());
        }
        let read_only = fs::read_to_string(host.join("ro/file"))?;
        if read_only != "inside" || fs::read_dir(host.join("ro"))?.count() != 3 {
            return Err(format!("{part}: the read-only folder was changed").into());
        }
    }
    Ok(())
}

fn same(what: &str, found: &str, expected: &str) -> Result<(), Failed> {
    if found.trim_end() == expected.trim_end() {
        return Ok(());
    }
    Err(format!("{what} differs\n--- expected\n{expected}\n--- found\n{found}").into())
}
