//! Recordings read from files, and carried out again.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use wxmcp_host::{Guests, Runtime};
use wxmcp_recording::event::Head;
use wxmcp_recording::file::{Completeness, Recording};
use wxmcp_recording::{HowToReplay, OtherScript, Recorded, RecordedError, Replay, Replayed};
use wxmcp_run::{Language, Observer, Report};
use wxmcp_toolfiles::read_file;

use super::names;
use super::opening::open;
use crate::exit::Failure;

/// Largest script, in bytes.
const SCRIPT: u64 = 8 << 20;

/// A recording that was read.
pub(in crate::commands) struct Loaded {
    pub(in crate::commands) recorded: Arc<Recorded>,
    /// Of a session, the runs behind that.
    pub(super) later: Vec<Arc<Recorded>>,
    /// What its reader is to know before: that it was cut short, or is of another guest.
    pub(super) notes: Vec<String>,
    pub(super) other_guest: bool,
    /// Where it ends, if it was cut short.
    pub(super) cut_short: Option<String>,
    /// The script beside the recording, by its path, if there is one.
    pub(super) script: Option<String>,
    /// Its text, where that is not the recorded one.
    pub(super) edited: Option<String>,
}

impl Loaded {
    /// Whether it has several runs.
    pub(super) fn is_session(&self) -> bool {
        !self.later.is_empty()
    }

    /// The language of its scripts.
    ///
    /// # Errors
    ///
    /// When there is none of this name.
    pub(in crate::commands) fn language(&self) -> Result<Language, RecordedError> {
        wxmcp_recording::language(&self.recorded.head.language)
    }

    /// All runs, with their numbers from 1.
    pub(super) fn runs(&self) -> impl Iterator<Item = (usize, &Arc<Recorded>)> {
        (1..).zip(std::iter::once(&self.recorded).chain(&self.later))
    }

    /// The run that an event is of, with its number.
    pub(super) fn run_of(&self, event: usize) -> (usize, &Arc<Recorded>) {
        let found = self.runs().find(|(_, run)| event < run.events);
        found
            .or_else(|| self.runs().last())
            .unwrap_or((1, &self.recorded))
    }
}

/// Reads a recording.
///
/// # Errors
///
/// When it is none.
pub(super) fn load(path: &Path, guests: &Guests) -> Result<Loaded, Failure> {
    let read = || -> anyhow::Result<(Vec<Recorded>, Completeness)> {
        let recording = Recording::read(open(path)?)?;
        Ok((Recorded::runs(recording.events)?, recording.completeness))
    };
    let (runs, completeness) = read()
        .with_context(|| format!("read the recording `{}`", path.display()))
        .map_err(Failure::usage)?;
    let mut runs = runs.into_iter().map(Arc::new);
    let recorded = runs.next().unwrap_or_default();
    let mut notes = Vec::new();
    let cut_short = cut_short(&completeness);
    notes.extend(cut_short.clone());
    let known = guests.natives().all().map(|guest| guest.component);
    let other_guest = !known.contains(&recorded.head.guest.as_str());
    if other_guest {
        notes.push(format!(
            "the recording is of another interpreter (wxmcp {}): fuel and memory are not compared",
            recorded.head.wxmcp
        ));
    }
    let (script, edited) = beside(path, &recorded.head)?;
    if let (Some(script), Some(_)) = (&script, &edited) {
        notes.push(format!("`{script}` has been changed since it was recorded"));
    }
    Ok(Loaded {
        recorded,
        later: runs.collect(),
        notes,
        other_guest,
        cut_short,
        script,
        edited,
    })
}

/// That a recording was cut short, in words.
pub(super) fn cut_short(completeness: &Completeness) -> Option<String> {
    match completeness {
        Completeness::Complete => None,
        Completeness::CutShort { events } => Some(format!(
            "the recording was cut short: it ends after event {}",
            events.saturating_sub(1)
        )),
    }
}

/// The script beside a recording, and its text if that is another than the recorded one.
fn beside(path: &Path, head: &Head) -> Result<(Option<String>, Option<String>), Failure> {
    let Some(script) = names::script_beside(path, head) else {
        return Ok((None, None));
    };
    let read = || -> anyhow::Result<String> {
        String::from_utf8(read_file(&script, SCRIPT)?).context("it is not UTF-8 text")
    };
    let text = read()
        .with_context(|| format!("read `{}`", script.display()))
        .map_err(Failure::usage)?;
    let edited = Some(text).filter(|text| *text != head.source);
    Ok((Some(script.display().to_string()), edited))
}

/// Replays a recording.
///
/// # Errors
///
/// When it cannot begin.
pub(super) async fn replay(
    loaded: &Loaded,
    how: HowToReplay,
    guests: &Arc<Guests>,
    observer: Arc<dyn Observer>,
) -> Result<(Replayed, Report), Failure> {
    if loaded.is_session() {
        return super::session::replay(loaded, how.until, guests, observer).await;
    }
    let how = HowToReplay {
        other_guest: loaded.other_guest,
        edited: loaded.edited.clone().filter(|_| how.script.is_none()),
        ..how
    };
    let recorded = Arc::clone(&loaded.recorded);
    let replay = Replay::of(Arc::clone(&recorded), how);
    let runtime = Runtime::with_guests(Arc::clone(guests))
        .build()
        .context("make a runtime without tools")
        .map_err(Failure::fault)?;
    // A recording may come from anybody: whatever its limits are, it gets no more memory than a run may have here.
    let run = replay.run(runtime.tools().broker().ledger(), observer);
    let run = run
        .context("the recording cannot be replayed")
        .map_err(Failure::usage)?;
    let name = recorded.head.name.as_str();
    let failure = |error| super::super::run::failure(error, name, true);
    let runner = runtime.interpreter(run.script.language).map_err(failure)?;
    let mut report = runner.run(run).await.map_err(failure)?;
    Ok((replay.finish(&mut report), report))
}

/// A script that is given the recorded answers.
pub(super) fn other(name: &str) -> Result<OtherScript, Failure> {
    Ok(OtherScript {
        name: name.to_owned(),
        source: super::super::run::read_script(name, None)?.source,
        stubbed: Vec::new(),
    })
}
