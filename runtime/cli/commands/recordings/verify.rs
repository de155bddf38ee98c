//! `wxmcp verify`: many recorded runs once more, each compared with its recording.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use parking_lot::Mutex;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde_json::json;
use wxmcp_host::Guests;
use wxmcp_recording::{Divergence, HowToReplay};
use wxmcp_run::Silent;

use super::again;
use super::load::{load, replay};
use super::replay::in_words;
use crate::cli::VerifyArgs;
use crate::exit::{Exit, Failure};
use crate::guests;
use crate::render;

/// Folders inside of each other that are looked through.
const DEPTH: usize = 64;

/// What became of one recording.
struct Verified {
    path: PathBuf,
    took: Duration,
    outcome: Outcome,
    notes: Vec<String>,
}

enum Outcome {
    Same,
    Differs(Divergence, String),
    /// It differed, and was recorded again.
    Updated(String),
    /// It is no recording, or could not be replayed.
    Unreadable(String),
}

pub(in crate::commands) fn execute(args: &VerifyArgs) -> Result<Exit, Failure> {
    let began = Instant::now();
    let mut files = files(&args.paths).map_err(Failure::usage)?;
    if args.run {
        for (script, recording) in again::without_recording(&files) {
            again::record_script(&script, &recording)?;
            render::line(&format!("recorded {}", recording.display()));
            files.push(recording);
        }
        files.sort();
    }
    let is_recording = |path: &PathBuf| path.extension().is_some_and(|it| it == "wxr");
    files.retain(|path| is_recording(path) || args.paths.contains(path));
    let paths = files;
    if paths.is_empty() {
        return Err(
            Failure::usage(anyhow::anyhow!("there is no recording (`*.wxr`) to verify"))
                .hint("record a run: `wxmcp record script.py`"),
        );
    }
    let verified = all(&paths, args)?;
    if let Some(path) = &args.junit {
        junit(&verified, path).map_err(Failure::usage)?;
    }
    let differ = count(&verified, |it| matches!(it, Outcome::Differs(..)));
    let unreadable = count(&verified, |it| matches!(it, Outcome::Unreadable(_)));
    let updated = count(&verified, |it| matches!(it, Outcome::Updated(_)));
    let same = verified
        .len()
        .saturating_sub(differ)
        .saturating_sub(unreadable)
        .saturating_sub(updated);
    if !args.json {
        let mut words = format!(
            "verified {}: {same} same",
            recordings_in_words(verified.len())
        );
        if differ > 0 {
            let differ_in_words = if differ == 1 { "differs" } else { "differ" };
            words.push_str(&format!(", {differ} {differ_in_words}"));
        }
        if updated > 0 {
            words.push_str(&format!(", {updated} recorded again"));
        }
        if unreadable > 0 {
            words.push_str(&format!(", {unreadable} could not be replayed"));
        }
        render::line(&format!("{words} ({:.1} s)", began.elapsed().as_secs_f64()));
    }
    Ok(match (differ, unreadable) {
        (0, 0) => Exit::Success,
        (0, _) => Exit::Usage,
        _ => Exit::Diverged,
    })
}

fn recordings_in_words(count: usize) -> String {
    match count {
        1 => "1 recording".to_owned(),
        count => format!("{count} recordings"),
    }
}

fn count(verified: &[Verified], is: impl Fn(&Outcome) -> bool) -> usize {
    verified.iter().filter(|it| is(&it.outcome)).count()
}

/// Verifies all of them, as many at once as there are processors; prints each as it is done, in their order.
fn all(paths: &[PathBuf], args: &VerifyArgs) -> Result<Vec<Verified>, Failure> {
    let guests = guests::guests();
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Done {
        verified: paths.iter().map(|_| None).collect(),
        printed: 0,
    });
    let work = || -> Result<(), Failure> {
        crate::runtime::event_loop()?.run(async {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(path) = paths.get(at) else {
                    return Ok(());
                };
                let mut verified = one(path, &guests).await;
                if args.update {
                    update(&mut verified, &guests);
                }
                done.lock().take(at, verified, args);
            }
        })
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.min(paths.len()))
            .map(|_| scope.spawn(work))
            .collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            let lost = || Failure::fault(anyhow::anyhow!("a thread ended"));
            thread.join().unwrap_or_else(|_| Err(lost()))
        };
        threads.into_iter().map(join).collect()
    });
    results.into_iter().collect::<Result<(), _>>()?;
    Ok(done.into_inner().verified.into_iter().flatten().collect())
}

/// What is done, until all before it is.
struct Done {
    verified: Vec<Option<Verified>>,
    printed: usize,
}

impl Done {
    fn take(&mut self, at: usize, verified: Verified, args: &VerifyArgs) {
        if let Some(place) = self.verified.get_mut(at) {
            *place = Some(verified);
        }
        while let Some(Some(verified)) = self.verified.get(self.printed) {
            print(verified, args);
            self.printed = self.printed.saturating_add(1);
        }
    }
}

async fn one(path: &Path, guests: &Arc<Guests>) -> Verified {
    let began = Instant::now();
    let mut notes = Vec::new();
    let outcome = match load(path, guests) {
        Err(failure) => Outcome::Unreadable(format!("{:#}", failure.error)),
        Ok(mut loaded) => {
            notes = std::mem::take(&mut loaded.notes);
            match replay(&loaded, HowToReplay::default(), guests, Arc::new(Silent)).await {
                Err(failure) => Outcome::Unreadable(format!("{:#}", failure.error)),
                Ok((replayed, _)) => match replayed.divergence {
                    None => Outcome::Same,
                    Some(divergence) => {
                        let file = path.display().to_string();
                        let words = in_words(&divergence, &loaded, None, &file);
                        Outcome::Differs(divergence, words)
                    }
                },
            }
        }
    };
    Verified {
        path: path.to_owned(),
        took: began.elapsed(),
        outcome,
        notes,
    }
}

fn print(verified: &Verified, args: &VerifyArgs) {
    let path = verified.path.display();
    let milliseconds = verified.took.as_secs_f64() * 1e3;
    if args.json {
        let (outcome, divergence, error) = match &verified.outcome {
            Outcome::Same => ("same", None, None),
            Outcome::Differs(divergence, _) => ("differs", Some(divergence), None),
            Outcome::Updated(_) => ("updated", None, None),
            Outcome::Unreadable(error) => ("unreadable", None, Some(error)),
        };
        let line = json!({
            "recording": path.to_string(), "outcome": outcome, "milliseconds": milliseconds,
            "divergence": divergence, "error": error, "notes": verified.notes,
        });
        return render::line(&line.to_string());
    }
    match &verified.outcome {
        Outcome::Same if args.quiet => return,
        Outcome::Same => render::line(&format!("same     {path}  {milliseconds:.0} ms")),
        Outcome::Differs(_, words) | Outcome::Updated(words) => {
            let is_updated = matches!(verified.outcome, Outcome::Updated(_));
            let state = if is_updated { "UPDATED" } else { "DIFFERS" };
            render::line(&format!("{state}  {path}  {milliseconds:.0} ms"));
            for line in words.lines() {
                render::line(&format!("    {line}"));
            }
        }
        Outcome::Unreadable(error) => render::line(&format!("ERROR    {path}: {error}")),
    }
    for note in &verified.notes {
        render::line(&format!("    note: {note}"));
    }
}

/// Records again what differs.
fn update(verified: &mut Verified, guests: &Guests) {
    let Outcome::Differs(_, words) = &verified.outcome else {
        return;
    };
    let recorded = load(&verified.path, guests)
        .and_then(|loaded| again::record_again(&loaded, &verified.path));
    match recorded {
        Ok(()) => verified.outcome = Outcome::Updated(words.clone()),
        Err(failure) => verified
            .notes
            .push(format!("it was not recorded again: {:#}", failure.error)),
    }
}

/// The files at some paths: those named, and those in folders, sorted.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = found.len();
            inside(path, DEPTH, &mut found)?;
            found.get_mut(before..).unwrap_or_default().sort();
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}

fn inside(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if depth == 0 {
        anyhow::bail!("`{}` is too deep", folder.display());
    }
    let entries = std::fs::read_dir(folder);
    for entry in entries.with_context(|| format!("read the folder `{}`", folder.display()))? {
        let entry = entry?;
        let path = entry.path();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            inside(&path, depth.saturating_sub(1), found)?;
        } else if kind.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

fn junit(verified: &[Verified], path: &Path) -> anyhow::Result<()> {
    let mut suite = TestSuite::new("recordings");
    for one in verified {
        let status = match &one.outcome {
            Outcome::Same | Outcome::Updated(_) => TestCaseStatus::success(),
            Outcome::Differs(_, words) => failed(NonSuccessKind::Failure, words),
            Outcome::Unreadable(error) => failed(NonSuccessKind::Error, error),
        };
        let mut case = TestCase::new(one.path.display().to_string(), status);
        case.set_time(one.took);
        suite.add_test_case(case);
    }
    let mut report = quick_junit::Report::new("wxmcp verify");
    report.add_test_suite(suite);
    let write = || -> anyhow::Result<()> {
        let mut file = std::fs::File::create(path)?;
        file.write_all(report.to_string()?.as_bytes())?;
        Ok(())
    };
    write().with_context(|| format!("write `{}`", path.display()))
}

fn failed(kind: NonSuccessKind, words: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let mut lines = words.lines();
    status.set_message(lines.next().unwrap_or_default());
    status.set_description(words);
    status
}
