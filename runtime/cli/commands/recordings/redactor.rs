//! Takes the values that rules name out of a recording, and replays once what is left.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use anyhow::Context as _;
use wxmcp_host::Guests;
use wxmcp_recording::event::Event;
use wxmcp_recording::file::{Completeness, Recording, Writer};
use wxmcp_recording::redact::{Rules, redact};
use wxmcp_recording::{Divergence, HowToReplay, Recorded, Replayed};
use wxmcp_run::Silent;

use super::differs::in_words;
use super::load::{Loaded, replay};
use super::session::Again;
use crate::exit::Failure;

pub(super) struct Redactor<'a> {
    pub(super) rules: &'a Rules,
    pub(super) guests: &'a Arc<Guests>,
    /// The recording, for people.
    pub(super) file: String,
    /// Whether what does not replay is kept; none where nobody can say so.
    pub(super) keeps_what_differs: Option<bool>,
}

impl Redactor<'_> {
    /// The events without those values, and what is to be said of them. The recording is of a run that has ended, or of those
    /// of a session.
    ///
    /// # Errors
    ///
    /// When the replay differs, or it is no whole recording.
    pub(super) async fn redacted(
        &self,
        bytes: &[u8],
    ) -> Result<(Vec<Event>, Vec<String>), Failure> {
        let recording = Recording::read(bytes)
            .context("read the recording before it is written")
            .map_err(Failure::unwritten)?;
        if !matches!(recording.completeness, Completeness::Complete) {
            return Err(Failure::unwritten(anyhow::anyhow!(
                "the run has not ended: rules of `recording.redact` take out of its recording what is in it then"
            )));
        }
        let mut events = recording.events.clone();
        let hit = redact(&mut events, self.rules)
            .with_context(|| format!("the recording `{}` is not kept", self.file))
            .map_err(Failure::unwritten)?;
        let mut notes = Vec::new();
        if !hit.is_empty() {
            let (loaded, replayed) = self.replay(events.clone()).await?;
            match replayed.iter().find_map(|it| it.divergence.as_ref()) {
                None => with_reports(&mut events, &replayed),
                Some(divergence) => {
                    let differs = self.differs(divergence, &loaded, &recording, &hit).await?;
                    if self.keeps_what_differs != Some(true) {
                        return Err(differs);
                    }
                    notes.push(format!("{:#}", differs.error));
                }
            }
            notes.extend(note_of_source(&recording, &events));
        }
        Ok((events, notes))
    }

    /// Replays events once: each run, up to one that differs.
    async fn replay(&self, events: Vec<Event>) -> Result<(Loaded, Vec<Replayed>), Failure> {
        let runs = Recorded::runs(events).map_err(|error| Failure::fault(error.into()))?;
        let mut runs = runs.into_iter().map(Arc::new);
        let loaded = Loaded {
            recorded: runs.next().unwrap_or_default(),
            later: runs.collect(),
            notes: Vec::new(),
            other_guest: false,
            cut_short: None,
            script: None,
            edited: None,
        };
        let how = || HowToReplay {
            redacted: true,
            ..HowToReplay::default()
        };
        if !loaded.is_session() {
            let (replayed, _) = replay(&loaded, how(), self.guests, Arc::new(Silent)).await?;
            return Ok((loaded, vec![replayed]));
        }
        let mut again = Again::of(&loaded, self.guests)?;
        let mut all = Vec::new();
        while again.upcoming(None).is_some() {
            let (replayed, _) = again.replay(how(), Arc::new(Silent)).await?;
            let differs = replayed.divergence.is_some();
            all.push(replayed);
            if differs {
                break;
            }
        }
        drop(again);
        Ok((loaded, all))
    }

    /// Says where the replay differs, and by which rules it does so.
    async fn differs(
        &self,
        divergence: &Divergence,
        loaded: &Loaded,
        recording: &Recording,
        hit: &BTreeSet<usize>,
    ) -> Result<Failure, Failure> {
        let mut by = Vec::new();
        for &rule in hit.iter().filter(|_| hit.len() > 1) {
            let mut events = recording.events.clone();
            let alone = redact(&mut events, &self.rules.only(rule));
            if alone.is_err() {
                continue;
            }
            let (_, replayed) = self.replay(events).await?;
            if replayed.iter().any(|it| it.divergence.is_some()) {
                by.push(rule);
            }
        }
        // It takes all of them together.
        if by.is_empty() {
            by.extend(hit);
        }
        let rules = by.iter().map(|rule| format!("`recording.redact[{rule}]`"));
        let rules = rules.collect::<Vec<_>>().join(" and ");
        let change = if by.len() == 1 { "changes" } else { "change" };
        let file = &self.file;
        // What differs was made of what the rules hit.
        let divergence = Divergence {
            difference: String::new(),
            ..divergence.clone()
        };
        let words = in_words(&divergence, loaded, None, file);
        let what = match self.keeps_what_differs {
            Some(true) => "does not replay",
            Some(false) | None => "is not kept",
        };
        let error = anyhow::anyhow!("{}", words.trim_end()).context(format!(
            "the recording `{file}` {what}: {rules} of wxmcp.toml {change} what its script does"
        ));
        let hint = "let the rule hit all that the script makes of the value, or less";
        Ok(
            Failure::diverged(error).hint(match self.keeps_what_differs {
                Some(_) => format!("{hint}; --record-divergent keeps what does not replay"),
                None => hint.to_owned(),
            }),
        )
    }
}

/// A script that was replaced in part is no more the one beside its recording.
fn note_of_source(recording: &Recording, redacted: &[Event]) -> Option<String> {
    let sources = |events: &[Event]| -> Vec<String> {
        let sources = events.iter().filter_map(|event| match event {
            Event::Head(head) => Some(head.source.clone()),
            _ => None,
        });
        sources.collect()
    };
    (sources(&recording.events) != sources(redacted)).then(|| {
        "a rule of `recording.redact` hits the text of the script: the recording has another, and `wxmcp verify` compares \
         it with the one that stands beside it"
            .to_owned()
    })
}

/// The recording says of sizes, fuel and memory what its replay does.
fn with_reports(events: &mut [Event], replayed: &[Replayed]) {
    let ends = events.iter_mut().filter_map(|event| match event {
        Event::End(end) => Some(end),
        _ => None,
    });
    for (end, replayed) in ends.zip(replayed) {
        end.report = replayed.report.to_string();
    }
}

/// Writes a recording.
///
/// # Errors
///
/// When it cannot be written.
pub(super) fn written(to: impl Write, events: &[Event]) -> anyhow::Result<()> {
    let mut writer = Writer::new(to)?;
    for event in events {
        writer.push(event)?;
    }
    writer.finish()?;
    Ok(())
}
