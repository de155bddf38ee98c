//! What a run shares with those that its script starts, and how it asks for one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::Deserialize;
use tokio::sync::Semaphore;
use wxmcp_run::{BoxFuture, CallRecord, Observer, ToolError, ToolHost};

/// Runs that may be inside of each other below a script's.
pub(crate) const DEPTH: usize = 3;

/// Runs at each depth that may go on at the same time; others wait for their turn.
const AT_ONCE: usize = 2;

/// What a run and all that it starts use together.
#[derive(Debug)]
pub(crate) struct Family {
    /// Units of fuel used.
    pub(crate) fuel: Arc<AtomicU64>,
    /// Bytes of memory of all live instances.
    pub(crate) memory: Arc<AtomicU64>,
    calls_left: AtomicU64,
    calls: AtomicU64,
    sequence: AtomicU64,
    pub(crate) begun: AtomicU64,
    pub(crate) turns: [Semaphore; DEPTH],
    /// The calls of runs that were started, until the first one's report takes them.
    records: Mutex<Vec<CallRecord>>,
}

impl Family {
    /// That of an instance which no run started.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            fuel: Arc::default(),
            memory: Arc::default(),
            calls_left: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            sequence: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            turns: [(); DEPTH].map(|()| Semaphore::new(AT_ONCE)),
            records: Mutex::default(),
        })
    }

    /// Begins a run that may make so many calls.
    pub(crate) fn begin(&self, calls: u64) {
        self.calls_left.store(calls, Ordering::Relaxed);
        self.calls.store(calls, Ordering::Relaxed);
        self.sequence.store(0, Ordering::Relaxed);
        self.begun.store(0, Ordering::Relaxed);
        self.records.lock().clear();
    }

    /// Spends one call, or says how many there were in all.
    pub(crate) fn spend_call(&self) -> Result<(), u64> {
        let less = |left: u64| left.checked_sub(1);
        let spent = self
            .calls_left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        spent
            .map(drop)
            .map_err(|_| self.calls.load(Ordering::Relaxed))
    }

    /// The number of the next call, from 1.
    pub(crate) fn next_call(&self) -> u64 {
        self.sequence
            .fetch_add(1, Ordering::Relaxed)
            .saturating_add(1)
    }

    /// Keeps the calls of a run that was started.
    pub(crate) fn keep(&self, records: Vec<CallRecord>) {
        self.records.lock().extend(records);
    }

    /// The calls that were kept.
    pub(crate) fn kept(&self) -> Vec<CallRecord> {
        std::mem::take(&mut self.records.lock())
    }
}

/// A run as a script asks for it.
#[derive(Debug, Deserialize, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) source: String,
    #[serde(default)]
    pub(crate) args: Vec<String>,
    #[serde(default)]
    pub(crate) env: BTreeMap<String, String>,
    /// The folder that it begins in.
    #[serde(default)]
    pub(crate) cwd: Option<String>,
    /// Base64.
    #[serde(default)]
    pub(crate) stdin: String,
}

/// Starts the runs that a script asks for.
pub(crate) trait Starts: Send + Sync {
    /// Runs what a script asked for by the operation `id`, to its end: JSON of how it ended, as `wit/guest.wit` says.
    fn start(
        &self,
        id: u64,
        wanted: Wanted,
        left: Duration,
        tools: Arc<dyn ToolHost>,
        observer: Arc<dyn Observer>,
    ) -> BoxFuture<'static, Result<Vec<u8>, ToolError>>;

    /// How long the run that asks may take in all.
    fn wall(&self) -> Duration;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_makes_no_call_after_the_last() {
        let family = Family::new();
        family.begin(2);
        let other = Arc::clone(&family);
        assert_eq!((family.next_call(), other.next_call()), (1, 2));
        assert_eq!(family.spend_call(), Ok(()));
        assert_eq!(other.spend_call(), Ok(()));
        assert_eq!(family.spend_call(), Err(2));
        family.begin(1);
        assert_eq!((family.spend_call(), family.next_call()), (Ok(()), 1));
    }
}
