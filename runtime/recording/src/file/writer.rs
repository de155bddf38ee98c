//! Writes a recording while the run goes on.

use std::io::{self, Write};

use thiserror::Error;

use super::blobs::Blobs;
use super::differences::Differences;
use super::encode::{EncodeError, Encoder};
use super::limits::{BYTES, Budget, Exceeded};
use super::stream::{EVENT, Stream};
use crate::event::Event;

/// Writes events into a file.
///
/// What was pushed before the last [`Self::flush`] can be read, whatever happens to the process afterwards. After an error
/// nothing more is written: the file is then one that was cut short.
pub struct Writer<W> {
    stream: Stream<W>,
    blobs: Blobs,
    budget: Budget,
    differences: Differences,
    /// An event, encoded; kept for its memory.
    record: Vec<u8>,
    events: u64,
    /// Whether the last event was the end of the run.
    is_ended: bool,
    has_failed: bool,
}

/// Why an event is not in the file.
#[derive(Debug, Error)]
pub enum WriteError {
    /// The file took no more.
    #[error("cannot write the recording")]
    Write(#[from] io::Error),
    /// The recording holds more than its reader would accept.
    #[error("the recording is too large: its events would take more than {0} bytes of memory")]
    TooLarge(u64),
    /// Each run begins with a head, and has no other.
    #[error("the head of a recorded run is its first event, and only that")]
    Head,
    /// Something was pushed behind the end of a run that is no head of the next one.
    #[error("the recorded run has ended already")]
    AfterEnd,
    /// The last event is to be the end of the run.
    #[error("the end of the run was not recorded")]
    NoEnd,
    /// The file is finished, or an error came before, with which it ends.
    #[error("the recording takes nothing more: it is finished, or an error ended it before")]
    GivenUp,
}

impl From<Exceeded> for WriteError {
    fn from(Exceeded(bytes): Exceeded) -> Self {
        Self::TooLarge(bytes)
    }
}

impl From<WriteError> for io::Error {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Write(error) => error,
            other => Self::other(other),
        }
    }
}

impl<W: Write> Writer<W> {
    /// Begins a file. Give it the file itself: it makes few writes, and each at once.
    pub fn new(to: W) -> Result<Self, WriteError> {
        Self::within(to, BYTES)
    }

    /// The same, where the events may take so many bytes of memory at most.
    pub fn within(to: W, bytes: u64) -> Result<Self, WriteError> {
        Ok(Self {
            stream: Stream::new(to)?,
            blobs: Blobs::default(),
            budget: Budget::new(bytes.min(BYTES)),
            differences: Differences::default(),
            record: Vec::new(),
            events: 0,
            is_ended: false,
            has_failed: false,
        })
    }

    /// How many events were pushed: the number of the next one.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Appends an event. It is in the file when enough have come, or after [`Self::flush`].
    pub fn push(&mut self, event: &Event) -> Result<(), WriteError> {
        if self.has_failed {
            return Err(WriteError::GivenUp);
        }
        match (event, self.events == 0 || self.is_ended) {
            (Event::Head(_), true) => {}
            (_, true) if self.is_ended => return Err(WriteError::AfterEnd),
            (Event::Head(_), false) | (_, true) => return Err(WriteError::Head),
            (_, false) => {}
        }
        // Until all of it is there, the file cannot go on.
        self.has_failed = true;
        self.put(event)?;
        self.has_failed = false;
        self.events += 1;
        self.is_ended = matches!(event, Event::End(_));
        Ok(())
    }

    fn put(&mut self, event: &Event) -> Result<(), WriteError> {
        self.budget.grew(self.stream.grown());
        self.budget.spend_items(1)?;
        self.record.clear();
        let stored = self.differences.taken(event);
        let mut encoder = Encoder {
            stream: &mut self.stream,
            blobs: &mut self.blobs,
            budget: &mut self.budget,
            to: &mut self.record,
        };
        match encoder.encode(stored.as_ref().unwrap_or(event)) {
            Ok(()) => {}
            Err(EncodeError::Write(error)) => return Err(error.into()),
            Err(EncodeError::Exceeded(exceeded)) => return Err(exceeded.into()),
            Err(EncodeError::Unencodable(what)) => return Err(io::Error::other(what).into()),
        }
        self.stream.record(EVENT, &self.record)?;
        Ok(())
    }

    /// Hands over all that was pushed: from now on it can be read. Called when the run begins to wait.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        if self.has_failed {
            return Err(WriteError::GivenUp);
        }
        self.has_failed = true;
        self.stream.flush()?;
        self.has_failed = false;
        Ok(())
    }

    /// Hands over all that was pushed, up to the end of a run, and returns what makes the file so far a whole one. The file
    /// itself goes on with the head of the next run.
    pub fn ending(&mut self) -> Result<Vec<u8>, WriteError> {
        if !self.is_ended {
            return Err(WriteError::NoEnd);
        }
        self.flush()?;
        Ok(self.stream.ending(self.events))
    }

    /// Ends the file, whose last event is [`Event::End`]. Nothing may come after it.
    pub fn finish(&mut self) -> Result<(), WriteError> {
        if self.has_failed {
            return Err(WriteError::GivenUp);
        }
        if !self.is_ended {
            return Err(WriteError::NoEnd);
        }
        self.has_failed = true;
        Ok(self.stream.finish(self.events)?)
    }

    /// Where the file goes.
    pub fn get_ref(&self) -> &W {
        self.stream.get_ref()
    }

    /// Where the file went.
    pub fn into_inner(self) -> W {
        self.stream.into_inner()
    }
}

impl<W> std::fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Writer");
        shown.field("events", &self.events).finish_non_exhaustive()
    }
}
