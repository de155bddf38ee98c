//! `wxmcp verify`: many recorded runs once more, each compared with its recording.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde_json::json;
use wxmcp_host::Guests;
use wxmcp_recording::{Divergence, HowToReplay};
use wxmcp_run::Silent;

use super::again;
use super::load::{load, replay};
use super::replay::in_words;
use crate::cli::VerifyArgs;
use crate::commands::many;
use crate::exit::{Exit, Failure};
use crate::guests;
use crate::render;

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
    let mut files = many::files(&args.paths).map_err(Failure::usage)?;
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
    many::in_order(
        paths,
        async |path: &PathBuf| {
            let mut verified = one(path, &guests).await;
            if args.update {
                update(&mut verified, &guests);
            }
            verified
        },
        |verified| print(verified, args),
    )
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

fn junit(verified: &[Verified], path: &Path) -> anyhow::Result<()> {
    let mut suite = TestSuite::new("recordings");
    for one in verified {
        let status = match &one.outcome {
            Outcome::Same | Outcome::Updated(_) => TestCaseStatus::success(),
            Outcome::Differs(_, words) => many::not_passed(NonSuccessKind::Failure, words),
            Outcome::Unreadable(error) => many::not_passed(NonSuccessKind::Error, error),
        };
        let mut case = TestCase::new(one.path.display().to_string(), status);
        case.set_time(one.took);
        suite.add_test_case(case);
    }
    let mut report = quick_junit::Report::new("wxmcp verify");
    report.add_test_suite(suite);
    many::write_junit(&report, path)
}
