//! Sessions that are recorded, and replayed run by run without their tools and folders.

use std::error::Error;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use wxmcp_guests::NATIVES;
use wxmcp_host::{Job, Runtime, Session, StartError};
use wxmcp_recording::event::{Bytes, Event};
use wxmcp_recording::file::{Completeness, Recording};
use wxmcp_recording::{
    Divergence, HowToReplay, Recorded, Replay, SessionRecorder, canonical_report,
};
use wxmcp_run::{
    Access, Language, Ledger, Mount, Outcome, Quota, RecordingFile, RunError, Silent, Source,
};

use crate::sessions::{runtime, scripts};
use crate::support::{TestResult, repository};

/// The file of a recording, in memory.
#[derive(Default)]
struct File(Mutex<Parts>);

#[derive(Default)]
struct Parts {
    bytes: Vec<u8>,
    /// The whole recording at the end of each run.
    whole: Vec<Vec<u8>>,
    gave_up: Option<String>,
}

impl RecordingFile for File {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn run_ended(&self, ending: &[u8]) {
        let mut parts = self.0.lock();
        let whole = [&parts.bytes, ending].concat();
        parts.whole.push(whole);
    }

    fn gave_up(&self, why: &str) {
        self.0.lock().gave_up = Some(why.to_owned());
    }
}

fn recorded(runtime: &Runtime, language: Language) -> Result<(Session, Arc<File>), Box<dyn Error>> {
    let file = Arc::new(File::default());
    let kept: Arc<dyn RecordingFile> = Arc::<File>::clone(&file);
    let recorder = SessionRecorder::new(runtime.to_record(language, kept)?, Vec::new());
    Ok((runtime.recorded_session(language, &recorder)?, file))
}

/// Runs of a session: their canonical reports, and the recording at the end of each.
async fn record(
    runtime: &Runtime,
    jobs: impl IntoIterator<Item = Job>,
) -> Result<(Vec<Value>, Vec<Vec<u8>>), Box<dyn Error>> {
    let mut jobs = jobs.into_iter().peekable();
    let language = jobs.peek().ok_or("no run")?.script.language;
    let (mut session, file) = recorded(runtime, language)?;
    let mut reports = Vec::new();
    for job in jobs {
        reports.push(canonical_report(&session.run(job).await?));
    }
    let parts = std::mem::take(&mut *file.0.lock());
    assert_eq!(parts.gave_up, None);
    Ok((reports, parts.whole))
}

/// All runs once more, without tools: their canonical reports, up to the first difference.
async fn replay(runs: Vec<Recorded>) -> Result<(Vec<Value>, Option<Divergence>), Box<dyn Error>> {
    let runtime = Runtime::builder(NATIVES).build()?;
    let mut reports = Vec::new();
    let mut before: Option<(Session, Replay)> = None;
    for run in runs {
        let (run, how) = (Arc::new(run), HowToReplay::default());
        let (session, replay) = match before.take() {
            Some((session, before)) => (Some(session), before.next(run, how)),
            None => (None, Replay::of(run, how)),
        };
        let run = replay.run(&Ledger::unbounded(), Arc::new(Silent))?;
        let mut session = match session {
            Some(session) => session,
            None => runtime.session(run.script.language)?,
        };
        let mut report = session.run_given(run).await?;
        let replayed = replay.finish(&mut report);
        reports.push(replayed.report);
        if replayed.divergence.is_some() {
            return Ok((reports, replayed.divergence));
        }
        before = Some((session, replay));
    }
    Ok((reports, None))
}

fn read(file: &[u8]) -> Result<Vec<Event>, Box<dyn Error>> {
    let recording = Recording::read(file)?;
    assert_eq!(recording.completeness, Completeness::Complete);
    Ok(recording.events)
}

async fn follow(path: &std::path::Path) -> TestResult {
    let (language, sources) = scripts(path)?;
    let named = (1..).zip(sources);
    let jobs = named.map(|(at, source)| Job::new(language, &format!("<run {at}>"), &source));
    let (reports, whole) = record(&runtime()?, jobs).await?;
    assert_eq!(whole.len(), reports.len());
    for (file, count) in whole.iter().zip(1..) {
        let runs = Recorded::runs(read(file)?)?;
        assert_eq!(runs.len(), count);
    }
    let last = whole.last().ok_or("nothing was recorded")?;
    let (replayed, divergence) = replay(Recorded::runs(read(last)?)?).await?;
    assert_eq!(divergence, None, "{}", path.display());
    assert_eq!(replayed, reports, "{}", path.display());
    Ok(())
}

/// Threads, children and tools are in them.
#[tokio::test]
async fn fixtures_of_sessions_replay_run_by_run() -> TestResult {
    let mut failures = Vec::new();
    for entry in std::fs::read_dir(repository().join("fixtures/sessions"))? {
        let path = entry?.path();
        if let Err(why) = follow(&path).await {
            failures.push(format!("{}: {why}", path.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    Ok(())
}

/// The clock goes on from run to run, and random numbers are not those of the run before.
#[tokio::test]
async fn clocks_and_random_numbers_go_on() -> TestResult {
    let python = "import random, time, uuid, secrets\n[time.time(), time.monotonic(), random.random(), str(uuid.uuid4()), secrets.token_hex(8)]";
    let javascript = "[Date.now(), performance.now(), Math.random(), crypto.randomUUID()]";
    for (language, source) in [
        (Language::Python, python),
        (Language::JavaScript, javascript),
    ] {
        let jobs = (1..4).map(|at| Job::new(language, &format!("<run {at}>"), source));
        let (reports, whole) = record(&runtime()?, jobs).await?;
        let values: Vec<_> = reports.iter().map(|it| &it["value"]).collect();
        for pair in values.windows(2) {
            let [one, two] = pair else {
                return Err("no pair".into());
            };
            assert!(one[0].as_f64() <= two[0].as_f64(), "{one} {two}");
            assert!(one[1].as_f64() <= two[1].as_f64(), "{one} {two}");
            assert_ne!(one[2], two[2]);
            assert_ne!(one[3], two[3]);
        }
        let last = whole.last().ok_or("nothing was recorded")?;
        let (replayed, divergence) = replay(Recorded::runs(read(last)?)?).await?;
        assert_eq!(divergence, None);
        assert_eq!(replayed, reports);
    }
    Ok(())
}

#[tokio::test]
async fn a_divergence_is_one_of_its_run() -> TestResult {
    let jobs = ["n = 1\nprint('one')", "print('two')", "print('three')"];
    let jobs = jobs.map(|source| Job::new(Language::Python, "<run>", source));
    let (_, whole) = record(&runtime()?, jobs).await?;
    let mut events = read(whole.last().ok_or("nothing was recorded")?)?;
    let second = Recorded::runs(events.clone())?.swap_remove(1);
    for event in &mut events {
        if let Event::Printed { bytes, .. } = event
            && bytes.0 == b"two\n"
        {
            *bytes = Bytes(b"too\n".to_vec());
        }
    }
    let (reports, divergence) = replay(Recorded::runs(events)?).await?;
    let event = divergence.ok_or("no divergence")?.event;
    assert_eq!(reports.len(), 2);
    assert!((second.first..second.events).contains(&event), "{event}");
    Ok(())
}

fn mounted(folder: &std::path::Path, source: &str) -> Job {
    let mut job = Job::new(Language::Python, "<run>", source);
    job.policy.mounts.push(Mount {
        source: Source::Host(folder.to_owned()),
        guest: "/data".to_owned(),
        access: Access::ReadWrite,
        quota: Quota::default(),
    });
    job
}

/// What the session itself writes is known to its next run, in the replay, too; what something else writes is not.
#[tokio::test]
async fn a_mount_that_something_else_changes_between_runs_ends_the_recording() -> TestResult {
    let runtime = runtime()?;
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("a"), "1")?;
    let sources = [
        "open('/data/b', 'w').write(open('/data/a').read() + '2')",
        "open('/data/b', 'a').write('3')\nopen('/data/b').read()",
    ];
    let jobs = sources.map(|source| mounted(folder.path(), source));
    let (reports, whole) = record(&runtime, jobs).await?;
    assert_eq!(reports[1]["value"], "123");
    let last = whole.last().ok_or("nothing was recorded")?;
    let (replayed, divergence) = replay(Recorded::runs(read(last)?)?).await?;
    assert_eq!((replayed, divergence), (reports, None));

    let (mut session, file) = recorded(&runtime, Language::Python)?;
    session.run(mounted(folder.path(), "1")).await?;
    std::fs::write(folder.path().join("a"), "9")?;
    let report = session
        .run(mounted(folder.path(), "open('/data/a').read()"))
        .await?;
    assert!(matches!(report.outcome, Outcome::Returned(value) if value.get() == "\"9\""));
    let parts = file.0.lock();
    assert_eq!(parts.whole.len(), 1);
    assert_eq!(
        parts.gave_up.as_deref(),
        Some("files of a mount were changed between two runs, by something else than these")
    );
    assert_eq!(Recorded::runs(read(&parts.whole[0])?)?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_environment_with_secrets_is_not_recorded() -> TestResult {
    let runtime = runtime()?;
    for (name, is_refused) in [("GITHUB_TOKEN", true), ("GITHUB_USER", false)] {
        let (mut session, file) = recorded(&runtime, Language::Python)?;
        let mut job = Job::new(Language::Python, "<run>", "import os; len(os.environ)");
        job.policy.env.push((name.to_owned(), "canary".to_owned()));
        let ran = session.run(job).await;
        match ran {
            Err(StartError::Run(RunError::NotRecorded(why))) if is_refused => {
                assert!(why.contains("`GITHUB_TOKEN` looks like a secret"), "{why}");
                assert!(file.0.lock().bytes.is_empty());
            }
            Ok(_) if !is_refused => assert_eq!(file.0.lock().whole.len(), 1),
            other => return Err(format!("{name}: {other:?}").into()),
        }
    }
    Ok(())
}

/// A run that a limit stops ends its session; the recording has it, and replays it.
#[tokio::test]
async fn a_session_that_time_ended_replays_to_its_end() -> TestResult {
    let spins = [
        (Language::Python, "print('x')\nwhile True: pass"),
        (Language::JavaScript, "console.log('x'); for (;;) ;"),
    ];
    for (language, spin) in spins {
        let mut stopped = Job::new(language, "<run 2>", spin);
        stopped.limits.wall = std::time::Duration::from_millis(300);
        let jobs = [Job::new(language, "<run 1>", "1"), stopped];
        let (reports, whole) = record(&runtime()?, jobs).await?;
        assert_eq!(reports[1]["outcome"], "stopped", "{}", reports[1]);
        let last = whole.last().ok_or("nothing was recorded")?;
        let (replayed, divergence) = replay(Recorded::runs(read(last)?)?).await?;
        assert_eq!(divergence, None);
        assert_eq!(replayed[1]["outcome"], "stopped");
        assert_eq!(replayed[1]["stdout"], reports[1]["stdout"]);
    }
    Ok(())
}
