//! Sessions: scripts that go on with each other. Most are in `fixtures/sessions`, a file a session: each run is the text
//! up to lines that say how it ends.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};
use wxmcp_catalogue::Definition;
use wxmcp_guests::NATIVES;
use wxmcp_host::{Job, Runtime, StartError, rust_tool};
use wxmcp_run::{
    Access, Event, Language, Limit, Limits, Mount, Observer, Outcome, Quota, Report, RunError,
    Silent, Source, Stream,
};

use crate::support::{TestResult, repository};

/// A runtime with the tool `sums.sum`.
pub(crate) fn runtime() -> Result<Runtime, Box<dyn std::error::Error>> {
    let sum = Definition {
        name: "sum".to_owned(),
        description: "Adds two numbers.".to_owned(),
        input_schema: json!({"type": "object", "properties": {
            "a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a", "b"]}),
        output_schema: None,
    };
    let sum = rust_tool(sum, |arguments| async move {
        let number = |name| arguments.get(name).and_then(Value::as_i64).unwrap_or(0);
        Ok(json!(number("a") + number("b")))
    });
    Ok(Runtime::builder(NATIVES).tool("sums", sum).build()?)
}

/// How a run is to end, as a fixture says it.
#[derive(Debug, PartialEq)]
enum Expected {
    /// `#= JSON`
    Value(Value),
    /// `#! TEXT`: in the traceback.
    Raised(String),
    /// `#exits CODE`
    Exited(u8),
    /// `#> TEXT`: a line of standard output.
    Printed(String),
    /// `#2> TEXT`: in standard error.
    Warned(String),
}

impl Expected {
    fn read(line: &str, mark: &str) -> Option<Self> {
        let line = line.strip_prefix(mark)?;
        let text = |from: &str| line.strip_prefix(from).map(|it| it.trim_start().to_owned());
        if let Some(value) = text("= ") {
            return serde_json::from_str(&value).ok().map(Self::Value);
        }
        let raised = line.strip_prefix("!").map(|it| it.trim_start_matches(' '));
        raised
            .map(|it| Self::Raised(it.to_owned()))
            .or_else(|| text("exits ")?.parse().ok().map(Self::Exited))
            .or_else(|| text("2> ").map(Self::Warned))
            .or_else(|| text("> ").map(Self::Printed))
    }

    fn check(&self, report: &Report) -> Result<(), String> {
        let holds = match (self, &report.outcome) {
            (Self::Value(value), Outcome::Returned(given)) => {
                serde_json::from_str::<Value>(given.get()).is_ok_and(|given| given == *value)
            }
            (Self::Raised(text), Outcome::Raised(raised)) => {
                raised.kind != "GuestCrash" && raised.traceback.contains(text.as_str())
            }
            (Self::Exited(code), Outcome::Exited(given)) => code == given,
            (Self::Printed(line), _) => {
                let printed = String::from_utf8_lossy(&report.stdout);
                printed.lines().any(|it| it == line)
            }
            (Self::Warned(text), _) => String::from_utf8_lossy(&report.stderr).contains(text),
            _ => false,
        };
        let why = || format!("{self:?} was expected of {report:#?}");
        holds.then_some(()).ok_or_else(why)
    }
}

/// The runs of a fixture.
fn runs(text: &str, mark: &str) -> Vec<(String, Vec<Expected>)> {
    let mut runs = vec![(String::new(), Vec::new())];
    for line in text.lines() {
        let ended = runs
            .last()
            .is_some_and(|(_, expected)| !expected.is_empty());
        let expected = Expected::read(line, mark);
        if ended && expected.is_none() {
            runs.push((String::new(), Vec::new()));
        }
        if let Some((source, all)) = runs.last_mut() {
            match expected {
                Some(expected) => all.push(expected),
                None => source.extend([line, "\n"]),
            }
        }
    }
    runs
}

/// The language of a fixture, and what its runs are.
pub(crate) fn scripts(path: &Path) -> Result<(Language, Vec<String>), Box<dyn std::error::Error>> {
    let (language, mark) = language(path);
    let runs = runs(&std::fs::read_to_string(path)?, mark);
    Ok((
        language,
        runs.into_iter().map(|(source, _)| source).collect(),
    ))
}

fn language(path: &Path) -> (Language, &'static str) {
    match path.extension().and_then(|it| it.to_str()) {
        Some("py") => (Language::Python, "#"),
        Some("js") => (Language::JavaScript, "//"),
        _ => (Language::TypeScript, "//"),
    }
}

async fn follow(path: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let (language, mark) = language(path);
    let mut session = runtime()?.session(language)?;
    let text = std::fs::read_to_string(path)?;
    for (index, (source, expected)) in runs(&text, mark).iter().enumerate() {
        assert!(!expected.is_empty(), "{source} has no end");
        let name = format!("<run {}>", index + 1);
        let report = session.run(Job::new(language, &name, source)).await?;
        for one in expected {
            one.check(&report)
                .map_err(|why| format!("{}, {name}: {why}", path.display()))?;
        }
    }
    assert!(!session.is_over());
    Ok(())
}

#[tokio::test]
async fn fixtures_go_on_as_they_say() -> TestResult {
    let folder = repository().join("fixtures/sessions");
    let mut failures = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        if let Err(why) = follow(&entry?.path()).await {
            failures.push(why.to_string());
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    Ok(())
}

/// The two interpreters, each with a script that prints, one that waits for ever, and one that calls a tool.
const LANGUAGES: [(Language, [&str; 5]); 2] = [
    (
        Language::Python,
        [
            "print('x' * 600)",
            "while True: pass",
            "from tools import sums\n[sums.sum(a=i, b=1) for i in range(3)][-1]",
            "for _ in range(3): progress('p')\nimage(b'\\x89PNG\\r\\n\\x1a\\n' + bytes(9 << 20))",
            "sum(range(200_000))",
        ],
    ),
    (
        Language::JavaScript,
        [
            "console.log('x'.repeat(600))",
            "for (;;) ;",
            "import { sum } from './tools/sums'\nlet last; for (let i = 0; i < 3; i++) last = await sum({a: i, b: 1}); last",
            "for (let i = 0; i < 3; i++) progress('p'); const png = new Uint8Array(9 << 20); png.set([137, 80, 78, 71, 13, 10, 26, 10]); image(png)",
            "let n = 0; for (let i = 0; i < 200000; i++) n += i; n",
        ],
    ),
];

fn job(language: Language, source: &str, limits: Limits) -> Job {
    Job {
        limits,
        ..Job::new(language, "<run>", source)
    }
}

/// Each of them twice what one run may use, in two runs.
#[tokio::test]
async fn limits_begin_anew_with_each_run() -> TestResult {
    let runtime = runtime()?;
    for (language, [prints, _, calls, shows, computes]) in LANGUAGES {
        let mut session = runtime.session(language)?;
        let warm = session.run(Job::new(language, "<run>", "1")).await?;
        let first = session.run(Job::new(language, "<run>", computes)).await?;
        assert!(matches!(warm.outcome, Outcome::Returned(_)), "{warm:?}");
        let limits = Limits {
            output: 1000,
            tool_calls: 5,
            fuel: Some(first.usage.fuel * 3 / 2),
            ..Limits::default()
        };
        for source in [prints, calls, computes] {
            for _ in 0..2 {
                let report = session.run(job(language, source, limits.clone())).await?;
                let text = format!("{language:?} {source}: {report:?}");
                assert!(matches!(report.outcome, Outcome::Returned(_)), "{text}");
                assert!(report.calls.len() <= 3, "{text}");
            }
        }
        // 9 MiB of 16 each.
        for _ in 0..2 {
            let report = session.run(Job::new(language, "<run>", shows)).await?;
            assert!(
                matches!(report.outcome, Outcome::Returned(_)),
                "{:?}",
                report.outcome
            );
            assert_eq!(report.artifacts.len(), 1);
        }
        // The twin: more than one run may print ends the session by that name.
        let twice = format!("{prints}\n{prints}");
        let report = session.run(job(language, &twice, limits)).await?;
        assert!(
            matches!(report.outcome, Outcome::Stopped(Limit::Output(1000), _)),
            "{report:?}"
        );
        assert!(session.is_over());
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_a_limit_stops_or_that_is_cancelled_ends_the_session() -> TestResult {
    let runtime = runtime()?;
    let soon = || tokio::time::sleep(Duration::from_millis(50));
    for (language, [_, spins, ..]) in LANGUAGES {
        for cancels in [true, false] {
            let mut session = runtime.session(language)?;
            session.run(Job::new(language, "<run>", "1")).await?;
            let report = if cancels {
                let job = Job::new(language, "<run>", spins);
                session.run_heard(job, Arc::new(Silent), soon()).await?
            } else {
                let wall = Duration::from_millis(50);
                let limits = Limits {
                    wall,
                    ..Limits::default()
                };
                session.run(job(language, spins, limits)).await?
            };
            let ended = match report.outcome {
                Outcome::Cancelled => cancels,
                Outcome::Stopped(Limit::WallTime(_), _) => !cancels,
                _ => false,
            };
            assert!(ended && session.is_over(), "{language:?} {report:?}");
            let refused = session.run(Job::new(language, "<run>", "1")).await;
            assert!(matches!(
                refused,
                Err(StartError::Run(RunError::SessionOver))
            ));
        }
    }
    Ok(())
}

/// A script that comes back to say that its memory was refused has been stopped all the same.
#[tokio::test]
async fn a_run_that_memory_stops_ends_the_session() -> TestResult {
    let runtime = runtime()?;
    let mut session = runtime.session(Language::Python)?;
    let limits = || Limits {
        memory: 100 << 20,
        ..Limits::default()
    };
    session
        .run(job(Language::Python, "x = 1", limits()))
        .await?;
    let report = session
        .run(job(Language::Python, "y = bytes(1 << 30)", limits()))
        .await?;
    assert!(
        matches!(report.outcome, Outcome::Stopped(Limit::Memory(_), _)),
        "{report:?}"
    );
    assert!(session.is_over());
    Ok(())
}

#[tokio::test]
async fn a_session_takes_scripts_of_its_interpreter_only() -> TestResult {
    let mut session = runtime()?.session(Language::TypeScript)?;
    session
        .run(Job::new(
            Language::TypeScript,
            "<run 1>",
            "let a: number = 41",
        ))
        .await?;
    let report = session
        .run(Job::new(Language::JavaScript, "<run 2>", "a + 1"))
        .await?;
    assert!(matches!(report.outcome, Outcome::Returned(value) if value.get() == "42"));
    let refused = session
        .run(Job::new(Language::Python, "<run 3>", "1"))
        .await;
    assert!(matches!(
        refused,
        Err(StartError::Run(RunError::OtherInterpreter))
    ));
    assert!(!session.is_over());
    Ok(())
}

/// Keeps what is printed.
#[derive(Default)]
struct Heard(Mutex<Vec<u8>>);

impl Observer for Heard {
    fn event(&self, event: Event<'_>) {
        if let Event::Output {
            stream: Stream::Stdout,
            bytes,
        } = event
        {
            self.0.lock().extend_from_slice(bytes);
        }
    }
}

#[tokio::test]
async fn each_run_is_heard_by_its_own_observer() -> TestResult {
    let runtime = runtime()?;
    for (language, source) in [
        (Language::Python, "print('one')"),
        (Language::JavaScript, "console.log('one')"),
    ] {
        let mut session = runtime.session(language)?;
        for _ in 0..2 {
            let heard = Arc::new(Heard::default());
            let job = Job::new(language, "<run>", source);
            session
                .run_heard(job, heard.clone(), std::future::pending())
                .await?;
            assert_eq!(*heard.0.lock(), b"one\n");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_ledger_counts_the_memory_of_a_session_until_it_is_dropped() -> TestResult {
    let runtime = runtime()?;
    let ledger = runtime.tools().broker().ledger().clone();
    let idle = ledger.held();
    let mut session = runtime.session(Language::Python)?;
    assert_eq!(session.memory(), 0);
    session
        .run(Job::new(Language::Python, "<run 1>", "x = 1"))
        .await?;
    let small = session.memory();
    assert!(small > 0);
    assert_eq!(ledger.held(), idle + small);
    session
        .run(Job::new(Language::Python, "<run 2>", "x = bytes(50 << 20)"))
        .await?;
    assert!(
        session.memory() >= small + (50 << 20),
        "{}",
        session.memory()
    );
    assert_eq!(ledger.held(), idle + session.memory());
    drop(session);
    assert_eq!(ledger.held(), idle);
    Ok(())
}

/// A file that a run leaves open is written when the run ends, and goes on to be open.
#[tokio::test]
async fn a_file_stays_open_and_is_written_when_a_run_ends() -> TestResult {
    let folder = tempfile::tempdir()?;
    let mount = Mount {
        source: Source::Host(folder.path().to_owned()),
        guest: "/data".to_owned(),
        access: Access::ReadWrite,
        quota: Quota::default(),
    };
    let mut session = runtime()?.session(Language::Python)?;
    for (source, written) in [
        ("f = open('/data/a.txt', 'w')\nf.write('one')", "one"),
        ("f.write(' two'); f.closed", "one two"),
        (
            "f.close()\nopen('/data/a.txt', 'a').write(' three')",
            "one two three",
        ),
    ] {
        let mut job = Job::new(Language::Python, "<run>", source);
        job.policy.mounts = vec![mount.clone()];
        let report = session.run(job).await?;
        assert!(matches!(report.outcome, Outcome::Returned(_)), "{report:?}");
        let text = std::fs::read_to_string(folder.path().join("a.txt"))?;
        assert_eq!(text, written);
    }
    Ok(())
}

/// Bytes of this process's memory that no file has.
fn anonymous() -> Result<u64, Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    let line = text.lines().find_map(|it| it.strip_prefix("Anonymous:"));
    let kib = line.and_then(|it| it.trim().strip_suffix("kB"));
    Ok(kib.ok_or("no Anonymous")?.trim().parse::<u64>()? << 10)
}

/// What the interpreter's own memory grows by is the session's, and charged; the host keeps nothing of a run.
#[tokio::test]
async fn two_hundred_runs_leave_nothing_in_the_host() -> TestResult {
    let runtime = runtime()?;
    for (language, [_, _, calls, ..]) in LANGUAGES {
        let fails = match language {
            Language::Python => "def f():\n    raise KeyError('x' * 1000)\nf()",
            _ => "function f() { throw new Error('x'.repeat(1000)) } f()",
        };
        let mut session = runtime.session(language)?;
        let mut before = (0, 0);
        for number in 0..250 {
            if number == 50 {
                before = (anonymous()?, session.memory());
            }
            let source = if number % 2 == 0 { calls } else { fails };
            let name = format!("<run {number}>");
            session.run(Job::new(language, &name, source)).await?;
        }
        let grown = anonymous()?.saturating_sub(before.0);
        let charged = session.memory().saturating_sub(before.1);
        let host = grown.saturating_sub(charged);
        assert!(
            host < 4 << 20,
            "{language:?}: {grown} bytes, {charged} charged"
        );
    }
    Ok(())
}
