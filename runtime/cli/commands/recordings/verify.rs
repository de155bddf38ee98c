//! `wxmcp verify`: many recorded runs once more, each compared with its recording.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wxmcp_host::Guests;
use wxmcp_recording::{Divergence, HowToReplay};
use wxmcp_run::Silent;

use super::load::{Loaded, load, replay};
use super::replay::in_words;
use super::summary::{self, Counts};
use super::{again, names};
use crate::cli::VerifyArgs;
use crate::commands::{folders, many};
use crate::exit::{Exit, Failure};
use crate::guests;
use crate::render;

/// What became of one recording.
pub(super) struct Verified {
    pub(super) path: PathBuf,
    pub(super) took: Duration,
    pub(super) outcome: Outcome,
    pub(super) notes: Vec<String>,
}

pub(super) enum Outcome {
    Same,
    Differs(Divergence, String),
    /// It differed, or was cut short, and was recorded again.
    Updated(String),
    /// Its end is missing: whatever its script does from there on would pass.
    CutShort(String),
    /// It is no recording, or could not be replayed.
    Unreadable(String),
}

pub(in crate::commands) fn execute(args: &VerifyArgs) -> Result<Exit, Failure> {
    let began = Instant::now();
    let counts =
        |path: &Path| path.extension().is_some_and(|it| it == "wxr") || names::is_script(path);
    let mut found = folders::find(&args.paths, counts).map_err(Failure::usage)?;
    if args.run {
        record_missing(&mut found.files, args)?;
    }
    found.notes.iter().for_each(|note| render::note(note));
    let mut paths = found.files;
    let is_recording = |path: &PathBuf| path.extension().is_some_and(|it| it == "wxr");
    // A script that was named is one to record.
    let is_named =
        |path: &PathBuf| args.paths.contains(path) && !(args.run && names::is_script(path));
    paths.retain(|path| is_recording(path) || is_named(path));
    if paths.is_empty() {
        return Err(
            Failure::usage(anyhow::anyhow!("there is no recording (`*.wxr`) to verify"))
                .hint("record a run: `wxmcp record script.py`"),
        );
    }
    let verified = all(&paths, args)?;
    if let Some(path) = &args.junit {
        summary::junit(&verified, path).map_err(Failure::usage)?;
    }
    let counts = Counts::of(&verified);
    if !args.json {
        let seconds = began.elapsed().as_secs_f64();
        render::line(&format!("{} ({seconds:.1} s)", counts.in_words()));
    }
    Ok(counts.exit())
}

/// Records scripts that have no recording.
fn record_missing(files: &mut Vec<PathBuf>, args: &VerifyArgs) -> Result<(), Failure> {
    for script in again::without_recording(files, &args.paths) {
        let recording = again::record_script(&script)?;
        let words = format!("recorded {}", recording.display());
        match args.json {
            true => render::note(&words),
            false => render::quoting_line(&words),
        }
        files.push(recording);
    }
    files.sort();
    Ok(())
}

/// Verifies all of them, as many at once as there are processors; prints each as it is done, in their order.
fn all(paths: &[PathBuf], args: &VerifyArgs) -> Result<Vec<Verified>, Failure> {
    let guests = guests::guests();
    let updating = Mutex::new(());
    many::in_order(
        paths,
        async |path: &PathBuf| {
            let mut verified = one(path, &guests).await;
            if args.update {
                // A run may see the folder that the file of another one is written into.
                let _alone = updating.lock();
                update(&mut verified, &guests, args.trust_commands);
            }
            verified
        },
        |verified| summary::print(verified, args),
    )
}

async fn one(path: &Path, guests: &Arc<Guests>) -> Verified {
    let began = Instant::now();
    let mut notes = Vec::new();
    let outcome = match load(path, guests) {
        Err(failure) => Outcome::Unreadable(format!("{:#}", failure.error)),
        Ok(loaded) if loaded.cut_short.is_some() => {
            let why = loaded.cut_short.unwrap_or_default();
            Outcome::CutShort(format!("{why}, so it cannot be compared"))
        }
        Ok(mut loaded) => {
            notes = std::mem::take(&mut loaded.notes);
            notes.extend(without_script(&loaded));
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

/// That the text of the script was taken from the recording, in words.
fn without_script(loaded: &Loaded) -> Option<String> {
    let name = loaded.recorded.head.name.as_str();
    // What was no file stands nowhere.
    let is_file = names::is_script(Path::new(name));
    (is_file && loaded.script.is_none())
        .then(|| format!("`{name}` does not stand beside it: it was compared by its recorded text"))
}

/// Records again what differs.
fn update(verified: &mut Verified, guests: &Guests, trust: bool) {
    let words = match &verified.outcome {
        Outcome::Differs(_, words) | Outcome::CutShort(words) => words.clone(),
        Outcome::Same | Outcome::Updated(_) | Outcome::Unreadable(_) => return,
    };
    let recorded = load(&verified.path, guests)
        .and_then(|loaded| again::record_again(&loaded, &verified.path, trust));
    match recorded {
        Ok(()) => verified.outcome = Outcome::Updated(words),
        Err(failure) => verified
            .notes
            .push(format!("it was not recorded again: {:#}", failure.error)),
    }
}
