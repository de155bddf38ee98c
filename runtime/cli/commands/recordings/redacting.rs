//! A recording that rules leave values out of: it is in a file when they are, and when it still replays.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use parking_lot::Mutex;
use wxmcp_host::{Guests, Runtime};
use wxmcp_recording::event::Event;
use wxmcp_recording::file::{Recording, Writer};
use wxmcp_recording::redact::{Rules, redact};
use wxmcp_recording::{Divergence, HowToReplay, Recorded, Replayed, Sink};
use wxmcp_run::{Charge, Silent};

use super::differs::in_words;
use super::load::{Loaded, replay};
use crate::cli::KeepArgs;
use crate::exit::Failure;
use crate::render;

/// A recording that waits in memory until its run has ended.
pub(super) struct Redacting {
    path: PathBuf,
    file: File,
    rules: Rules,
    keeps_what_differs: bool,
    kept: Arc<Mutex<Vec<u8>>>,
    guests: Arc<Guests>,
}

impl Redacting {
    /// Begins a recording: nothing of it is in a file until its end.
    ///
    /// # Errors
    ///
    /// When the file could not be written.
    pub(super) fn begin(
        (path, file): (&Path, File),
        rules: &Rules,
        args: &KeepArgs,
        runtime: &Runtime,
    ) -> io::Result<(Self, Box<dyn Sink>)> {
        let kept = Arc::default();
        let writer = Writer::new(Held {
            bytes: Vec::new(),
            charge: runtime.tools().broker().ledger().nothing(),
        });
        let sink = InMemory {
            writer: writer.map_err(io::Error::other)?,
            kept: Arc::clone(&kept),
        };
        let this = Self {
            path: path.to_owned(),
            file,
            rules: rules.clone(),
            keeps_what_differs: args.record_divergent,
            kept,
            guests: Arc::clone(runtime.guests()),
        };
        Ok((this, Box::new(sink)))
    }

    /// Takes the values of the rules out, replays what is left once, and writes the file.
    ///
    /// # Errors
    ///
    /// When the replay differs, or the file cannot be written.
    pub(super) async fn end(self) -> Result<(), Failure> {
        let bytes = std::mem::take(&mut *self.kept.lock());
        let recording = Recording::read(bytes.as_slice());
        let recording = recording
            .context("read the recording before it is written")
            .map_err(Failure::unwritten)?;
        let mut events = recording.events.clone();
        let hit = redact(&mut events, &self.rules)
            .with_context(|| format!("the recording `{}` is not kept", self.path.display()))
            .map_err(Failure::unwritten)?;
        if !hit.is_empty() {
            let (loaded, replayed) = self.replay(events.clone()).await?;
            match &replayed.divergence {
                None => with_report(&mut events, &replayed),
                Some(divergence) => {
                    let differs = self.differs(divergence, &loaded, &recording, &hit).await?;
                    if !self.keeps_what_differs {
                        return Err(differs);
                    }
                    render::note(&format!("{:#}", differs.error));
                }
            }
            self.note_source(&recording, &events);
        }
        self.write(&events)
            .with_context(|| format!("write the recording `{}`", self.path.display()))
            .map_err(Failure::unwritten)
    }

    /// Replays events once.
    async fn replay(&self, events: Vec<Event>) -> Result<(Loaded, Replayed), Failure> {
        let recorded = Recorded::of(events);
        let loaded = Loaded {
            recorded: Arc::new(recorded.map_err(|error| Failure::fault(error.into()))?),
            later: Vec::new(),
            notes: Vec::new(),
            other_guest: false,
            cut_short: None,
            script: None,
            edited: None,
        };
        let how = HowToReplay {
            redacted: true,
            ..HowToReplay::default()
        };
        let (replayed, _) = replay(&loaded, how, &self.guests, Arc::new(Silent)).await?;
        Ok((loaded, replayed))
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
            if alone.is_ok() && self.replay(events).await?.1.divergence.is_some() {
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
        let file = self.path.display().to_string();
        // What differs was made of what the rules hit.
        let divergence = Divergence {
            difference: String::new(),
            ..divergence.clone()
        };
        let words = in_words(&divergence, loaded, None, &file);
        let what = match self.keeps_what_differs {
            true => "does not replay",
            false => "is not kept",
        };
        let error = anyhow::anyhow!("{}", words.trim_end()).context(format!(
            "the recording `{file}` {what}: {rules} of wxmcp.toml {change} what its script does"
        ));
        Ok(Failure::diverged(error).hint(
            "let the rule hit all that the script makes of the value, or less; --record-divergent keeps what does not replay",
        ))
    }

    /// A script that was replaced in part is no more the one beside its recording.
    fn note_source(&self, recording: &Recording, redacted: &[Event]) {
        let source = |event: Option<&Event>| match event {
            Some(Event::Head(head)) => Some(head.source.clone()),
            _ => None,
        };
        if source(recording.events.first()) != source(redacted.first()) {
            render::note(
                "a rule of `recording.redact` hits the text of the script: the recording has another, and `wxmcp verify` compares \
                 it with the one that stands beside it",
            );
        }
    }

    fn write(&self, events: &[Event]) -> anyhow::Result<()> {
        let mut writer = Writer::new(&self.file)?;
        for event in events {
            writer.push(event)?;
        }
        writer.finish()?;
        Ok(())
    }
}

/// The recording says of sizes, fuel and memory what its replay does.
fn with_report(events: &mut [Event], replayed: &Replayed) {
    if let Some(Event::End(end)) = events.last_mut() {
        end.report = replayed.report.to_string();
    }
}

/// The file of a recording, in memory.
struct InMemory {
    writer: Writer<Held>,
    kept: Arc<Mutex<Vec<u8>>>,
}

impl Sink for InMemory {
    fn push(&mut self, event: &Event) -> io::Result<()> {
        self.writer.push(event).map_err(io::Error::other)
    }

    /// Nothing of it outlives this process before it is redacted.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.writer.finish().map_err(io::Error::other)?;
        *self.kept.lock() = self.writer.into_inner().bytes;
        Ok(())
    }
}

/// Bytes that the ledger counts while the run goes on.
struct Held {
    bytes: Vec<u8>,
    charge: Charge,
}

impl Write for Held {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.charge.grow(more).map_err(io::Error::other)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
