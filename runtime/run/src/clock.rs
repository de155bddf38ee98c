//! What those who answer a run's calls tell the run's clock.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// A message to the clock of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockMessage {
    /// What is waited for from now on is not the run's own time: a server starts, or a person is asked.
    Pause,
    /// One pause is over. Pauses overlap: time counts again when all are over.
    Resume,
}

/// Takes messages to a run's clock: the clock itself, or whatever carries them to its process.
pub trait ClockSink: Send + Sync {
    /// Takes a message. Messages of one sender arrive in order; must not block.
    fn send(&self, message: ClockMessage);

    /// How long the clock may still stand still in this run; `None` if nothing bounds that.
    fn start_left(&self) -> Option<Duration> {
        None
    }
}

/// A way to a run's clock.
#[derive(Clone)]
pub struct ClockHandle(Option<Arc<dyn ClockSink>>);

impl ClockHandle {
    /// Sends messages to `sink`.
    pub fn new(sink: Arc<dyn ClockSink>) -> Self {
        Self(Some(sink))
    }

    /// Leads nowhere: for calls outside of runs.
    pub fn none() -> Self {
        Self(None)
    }

    /// How long the clock may still stand still in this run. Whoever starts something for it gives up when
    /// nothing is left. `None` outside of runs.
    pub fn start_left(&self) -> Option<Duration> {
        self.0.as_ref()?.start_left()
    }

    /// Asks the clock to stand still until the answer is dropped, as far as the
    /// guest waits and the run has time left for what starts. Pauses may overlap.
    pub fn pause(&self) -> Pause<'_> {
        self.send(ClockMessage::Pause);
        Pause { clock: self }
    }

    /// Sends one message. For whoever carries the messages of another process; others [`pause`](Self::pause).
    pub fn send(&self, message: ClockMessage) {
        if let Some(sink) = &self.0 {
            sink.send(message);
        }
    }
}

impl fmt::Debug for ClockHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClockHandle")
    }
}

/// Holds the clock of a run still; see [`ClockHandle::pause`].
#[derive(Debug)]
pub struct Pause<'a> {
    clock: &'a ClockHandle,
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        self.clock.send(ClockMessage::Resume);
    }
}
