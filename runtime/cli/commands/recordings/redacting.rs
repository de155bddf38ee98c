//! A recording that rules leave values out of: it is in a file when they are, and when it still replays.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use parking_lot::Mutex;
use wxmcp_host::{Guests, Runtime};
use wxmcp_recording::Sink;
use wxmcp_recording::event::Event;
use wxmcp_recording::file::Writer;
use wxmcp_recording::redact::Rules;
use wxmcp_run::{Charge, Ledger};

use super::redactor::{Redactor, written};
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
        let writer = Writer::new(Held::new(runtime.tools().broker().ledger()));
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
        let redactor = Redactor {
            rules: &self.rules,
            guests: &self.guests,
            file: self.path.display().to_string(),
            keeps_what_differs: Some(self.keeps_what_differs),
        };
        let (events, notes) = redactor.redacted(&bytes).await?;
        notes.iter().for_each(|note| render::note(note));
        written(&self.file, &events)
            .with_context(|| format!("write the recording `{}`", self.path.display()))
            .map_err(Failure::unwritten)
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
pub(super) struct Held {
    pub(super) bytes: Vec<u8>,
    charge: Charge,
}

impl Held {
    pub(super) fn new(ledger: &Ledger) -> Self {
        Self {
            bytes: Vec::new(),
            charge: ledger.nothing(),
        }
    }
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
