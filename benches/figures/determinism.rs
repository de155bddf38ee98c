//! Whether deterministic runs are the same whatever else the machine does: the scripts of `fixtures/recordings/cases`.
//!
//! Each runs four times, in a process of its own: twice alone; then beside processes that spin on every core and have a higher
//! priority; then beside these and other runs at once, with a larger environment. All four reports must be the same in their
//! canonical form, byte for byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use parking_lot::Mutex;
use rusqlite::Connection;
use serde_json::Value;

use crate::timing::row;

/// What a report says of the machine, and not of the run.
const OF_THE_MACHINE: [&str; 3] = ["wall_ms", "start_ms", "host_peak"];

/// Scripts that there must be.
const LEAST: usize = 100;

/// Left out: its children wait for one another, and those of a deterministic run take turns, so the tool gives up after half a
/// minute.
const LEFT_OUT: [&str; 1] = ["processes_python_asyncio"];

/// Processes that spin, for each core.
const SPINNING: usize = 2;

/// How much lower the priority of runs is that must be slow. Each step is a fifth less time; at 19 a run gets a hundredth of
/// a core, and the scripts together take half an hour.
const LOW: &str = "3";

/// Runs at once, for each core.
const AT_ONCE: usize = 2;

struct Case {
    folder: PathBuf,
    script: String,
}

/// How a script is run.
#[derive(Clone, Copy)]
struct How {
    is_low: bool,
    environment: usize,
    at_once: usize,
}

pub(crate) fn figures(wxmcp: &Path) -> anyhow::Result<()> {
    let cases = cases()?;
    ensure!(cases.len() >= LEAST, "{} scripts", cases.len());
    let cores = std::thread::available_parallelism()?.get();
    let alone = How {
        is_low: false,
        environment: 0,
        at_once: 1,
    };
    let (first, _) = all(wxmcp, &cases, alone)?;
    let mut again = vec![("a second time", all(wxmcp, &cases, alone)?)];
    let spinning = Spinning::start(cores * SPINNING)?;
    let low = How {
        is_low: true,
        at_once: cores,
        ..alone
    };
    again.push((
        "beside spinning processes, at a lower priority",
        all(wxmcp, &cases, low)?,
    ));
    let crowded = How {
        environment: 20_000,
        at_once: cores * AT_ONCE,
        ..alone
    };
    again.push(("beside them and each other", all(wxmcp, &cases, crowded)?));
    drop(spinning);
    let mut differ = BTreeMap::new();
    for (what, (reports, elapsed)) in &again {
        let of_this: BTreeMap<_, _> = (cases.iter().zip(&first).zip(reports))
            .filter(|((_, first), again)| first != again)
            .map(|((case, first), again)| (case.name(), difference(first, again)))
            .collect();
        let same = cases.len() - of_this.len();
        row(
            &format!("deterministic reports that are the same {what}"),
            &format!("{same} of {}", cases.len()),
            "100 %",
        );
        row("  took", &format!("{:.0} s", elapsed.as_secs_f64()), "");
        differ.extend(of_this);
    }
    let same = cases.len() - differ.len();
    let found = format!("{same} of {} byte-identical", cases.len());
    let lines: Vec<_> = differ
        .iter()
        .map(|(case, lines)| format!("{case}: {lines}"))
        .collect();
    ensure!(
        differ.is_empty(),
        "determinism: {found}\n{}",
        lines.join("\n")
    );
    row("determinism", &found, "100 %");
    Ok(())
}

/// The first lines of two reports that differ.
fn difference(one: &str, other: &str) -> String {
    let mut pairs = one.lines().zip(other.lines());
    let differ = pairs.find(|(one, other)| one != other);
    differ.map_or_else(
        || "one of them ends before the other".to_owned(),
        |(one, other)| format!("`{}`, then `{}`", one.trim(), other.trim()),
    )
}

impl Case {
    fn name(&self) -> String {
        let folder = self.folder.file_name().unwrap_or_default();
        format!("{}/{}", folder.to_string_lossy(), self.script)
    }

    /// The canonical report of one run, in a copy of its folder.
    fn run(&self, wxmcp: &Path, fixtures: &Path, how: How) -> anyhow::Result<String> {
        let copy = tempfile::tempdir()?;
        copy_all(&self.folder, copy.path())?;
        fs::create_dir_all(copy.path().join("mount"))?;
        if let Ok(statements) = fs::read_to_string(self.folder.join("main.sql")) {
            Connection::open(copy.path().join("main.db"))?.execute_batch(&statements)?;
        }
        let input = copy.path().join("stdin");
        if !input.exists() {
            fs::write(&input, "")?;
        }
        let lines = |name: &str| -> Vec<String> {
            let text = fs::read_to_string(self.folder.join(name)).unwrap_or_default();
            text.lines().map(str::to_owned).collect()
        };
        let mut command = if how.is_low {
            let mut nice = Command::new("nice");
            nice.args(["-n", LOW]).arg(wxmcp);
            nice
        } else {
            Command::new(wxmcp)
        };
        let output = command
            .current_dir(copy.path())
            .env("FIXTURES", fixtures)
            .env("WXMCP_FILLING", "x".repeat(how.environment))
            .args([
                "run",
                "--json",
                "--deterministic=7",
                "--timeout",
                "300s",
                "--mcp-config",
            ])
            .arg(fixtures.join("mcp/fixture.json"))
            .args(lines("flags"))
            .arg(&self.script)
            .args(lines("args"))
            .stdin(fs::File::open(&input)?)
            .output()?;
        let report: Value = serde_json::from_slice(&output.stdout).with_context(|| {
            let told = String::from_utf8_lossy(&output.stderr);
            format!("`{}` has no report: {told}", self.name())
        })?;
        canonical(report).with_context(|| format!("the report of `{}`", self.name()))
    }
}

fn canonical(mut report: Value) -> anyhow::Result<String> {
    let members = report
        .as_object_mut()
        .context("a report that is no object")?;
    members.remove("run");
    let usage = members.get_mut("usage").and_then(Value::as_object_mut);
    let usage = usage.context("no usage")?;
    OF_THE_MACHINE
        .iter()
        .for_each(|name| drop(usage.remove(*name)));
    let calls = members.get_mut("calls").and_then(Value::as_array_mut);
    for call in calls.context("no calls")? {
        if let Some(ended) = call.get_mut("ended").and_then(Value::as_object_mut) {
            ended.remove("milliseconds");
        }
    }
    ensure!(
        !report.to_string().contains("\"limit\":\"wall-time\""),
        "the time of this machine ended a run: {report}"
    );
    Ok(serde_json::to_string_pretty(&report)?)
}

/// The reports of all scripts, in their order, and how long they took together.
fn all(wxmcp: &Path, cases: &[Case], how: How) -> anyhow::Result<(Vec<String>, Duration)> {
    let started = Instant::now();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let next = AtomicUsize::new(0);
    let reports = Mutex::new(vec![None; cases.len()]);
    let work = || -> anyhow::Result<()> {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(case) = cases.get(at) else {
                return Ok(());
            };
            let report = case.run(wxmcp, &fixtures, how)?;
            reports.lock()[at] = Some(report);
        }
    };
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let threads: Vec<_> = (0..how.at_once).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            let ended = thread
                .join()
                .map_err(|_| anyhow::anyhow!("a thread ended"))?;
            ended?;
        }
        Ok(())
    })?;
    let reports = reports.into_inner().into_iter();
    let reports: anyhow::Result<Vec<_>> = reports.map(|it| it.context("no report")).collect();
    Ok((reports?, started.elapsed()))
}

/// The scripts of the fixtures of which there are recordings.
fn cases() -> anyhow::Result<Vec<Case>> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let mut cases = Vec::new();
    for line in fs::read_to_string(fixtures.join("recordings/cases"))?.lines() {
        let (kind, name) = line.split_once(' ').context("a line without a name")?;
        if LEFT_OUT.contains(&name) {
            continue;
        }
        let folder = fixtures.join(kind).join(name);
        for end in ["py", "ts", "js"] {
            let script = format!("script.{end}");
            if folder.join(&script).is_file() {
                let folder = folder.clone();
                cases.push(Case { folder, script });
            }
        }
    }
    Ok(cases)
}

fn copy_all(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&to)?;
            copy_all(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// Processes that do nothing but compute, until this value is dropped.
struct Spinning(Vec<Child>);

impl Spinning {
    fn start(count: usize) -> anyhow::Result<Self> {
        let mut spinning = Self(Vec::new());
        for _ in 0..count {
            let mut command = Command::new("sh");
            // It ends with this process, too, whose end closes its input.
            command.args(["-c", "(while :; do :; done) & read -r line; kill $!"]);
            spinning.0.push(command.stdin(Stdio::piped()).spawn()?);
        }
        Ok(spinning)
    }
}

impl Drop for Spinning {
    fn drop(&mut self) {
        for child in &mut self.0 {
            drop(child.stdin.take());
            let _ended = child.wait();
        }
    }
}
