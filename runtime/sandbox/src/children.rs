//! Runs that a script starts: scripts of its own language, each in an instance of its own.
//!
//! What they use counts for the run that started them, and so on up to the first one: fuel, memory, calls, time. They have
//! its mounts and tools, and nothing else of the host.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use data_encoding::BASE64;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;
use wasmtime::component::InstancePre;
use wxmcp_run::{
    BoxFuture, Bytes, CallRecord, Clocks, Event, Language, Ledger, Limits, Observer, Outcome,
    Policy, Randomness, Report, Run, RunError, RunId, Script, Stdin, Stream, ToolError,
    ToolErrorKind, ToolHost,
};

use crate::files::Tree;
use crate::guest::State;
use crate::meter::Metering;
use crate::sandbox::Entry;
use crate::session::Session;

/// Runs that may be inside of each other below a script's.
const DEPTH: usize = 3;

/// Runs at each depth that may go on at the same time; others wait for their turn.
const AT_ONCE: usize = 2;

/// Runs that a script may start in all, with those that they start.
const MOST: u64 = 1_000;

/// Bytes that a run which a script started may print; fewer if the script may print fewer.
const OUTPUT: u64 = 8 << 20;

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
    begun: AtomicU64,
    turns: [Semaphore; DEPTH],
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

/// What belongs to a run that another one started.
#[derive(Clone)]
pub(crate) struct Kin {
    pub(crate) family: Arc<Family>,
    pub(crate) tree: Arc<Tree>,
    /// How many runs are around it.
    pub(crate) depth: usize,
}

/// What a run starts others with.
#[derive(Clone)]
pub(crate) struct Children {
    pub(crate) before: InstancePre<State>,
    pub(crate) entry: Entry,
    pub(crate) metering: Metering,
    pub(crate) language: Language,
    pub(crate) policy: Arc<Policy>,
    pub(crate) limits: Limits,
    pub(crate) sources: (Clocks, Randomness),
    pub(crate) ledger: Ledger,
    pub(crate) kin: Kin,
}

/// A run as a script asks for it.
#[derive(Debug, Deserialize, PartialEq)]
pub(crate) struct Wanted {
    name: String,
    source: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// The folder that it begins in.
    #[serde(default)]
    cwd: Option<String>,
    /// Base64.
    #[serde(default)]
    stdin: String,
}

impl Children {
    /// Runs what a script asked for, to its end: JSON of how it ended, as `wit/guest.wit` says.
    pub(crate) fn run(
        self,
        wanted: Wanted,
        left: Duration,
        tools: Arc<dyn ToolHost>,
        observer: Arc<dyn Observer>,
    ) -> BoxFuture<'static, Result<Vec<u8>, ToolError>> {
        Box::pin(async move {
            let family = Arc::clone(&self.kin.family);
            let Some(turns) = family.turns.get(self.kin.depth) else {
                return Err(refused(format!(
                    "at most {DEPTH} scripts run inside of each other"
                )));
            };
            if family.begun.fetch_add(1, Ordering::Relaxed) >= MOST {
                return Err(refused(format!(
                    "a script starts at most {MOST} others in one run"
                )));
            }
            let _turn = turns.acquire().await.ok();
            let printed = Arc::new(Printed {
                chunks: Mutex::default(),
                observer,
            });
            let run = self.made(wanted, left, tools, Arc::clone(&printed))?;
            let (before, entry) = (self.before, self.entry);
            let kin = Kin {
                depth: self.kin.depth.saturating_add(1),
                ..self.kin
            };
            let mut session = Session::of_kin(before, entry, self.metering, kin);
            match session.run(run).await {
                Ok(report) => {
                    if self.metering == Metering::Engine {
                        family.fuel.fetch_add(report.usage.fuel, Ordering::Relaxed);
                    }
                    ended(&report, &printed)
                }
                Err(error) => Err(not_started(&error)),
            }
        })
    }

    fn made(
        &self,
        wanted: Wanted,
        left: Duration,
        tools: Arc<dyn ToolHost>,
        observer: Arc<Printed>,
    ) -> Result<Run, ToolError> {
        let stdin = BASE64.decode(wanted.stdin.as_bytes()).map_err(|_| {
            ToolError::new(
                ToolErrorKind::InvalidCall,
                "the request is not valid: `stdin` is not base64",
            )
        })?;
        let used = match self.metering {
            // It looks at what all have used by itself.
            Metering::Guest => 0,
            Metering::Engine => self.kin.family.fuel.load(Ordering::Relaxed),
        };
        let limits = Limits {
            fuel: self.limits.fuel.map(|fuel| fuel.saturating_sub(used)),
            wall: left,
            output: self.limits.output.min(OUTPUT),
            ..self.limits.clone()
        };
        let (clocks, randomness) = self.sources.clone();
        Ok(Run {
            id: RunId::random(),
            script: Script {
                path: wanted.name.starts_with('/').then(|| wanted.name.clone()),
                name: wanted.name,
                language: self.language,
                source: wanted.source,
                args: wanted.args,
                in_session: false,
                task: None,
            },
            policy: Policy {
                env: wanted.env.into_iter().collect(),
                workdir: wanted.cwd,
                stdin: Stdin::Bytes(stdin),
                ..Policy::clone(&self.policy)
            },
            limits,
            ledger: self.ledger.clone(),
            clocks,
            randomness,
            tools,
            observer,
            // Whoever started it drops it.
            cancel: Box::pin(std::future::pending()),
        })
    }
}

fn refused(message: String) -> ToolError {
    ToolError::new(ToolErrorKind::LimitReached, message)
}

fn not_started(error: &RunError) -> ToolError {
    refused(match error {
        RunError::MemoryTooSmall { limit } => format!(
            "the memory limit of {} leaves too little for another instance",
            Bytes(*limit)
        ),
        error => format!("no instance could be started: {error}"),
    })
}

/// What a run prints, in its order; whoever watches the first run hears of its calls.
struct Printed {
    chunks: Mutex<Vec<(Stream, Vec<u8>)>>,
    observer: Arc<dyn Observer>,
}

impl Observer for Printed {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Output { stream, bytes } => {
                let mut chunks = self.chunks.lock();
                match chunks.last_mut() {
                    Some((last, kept)) if *last == stream => kept.extend_from_slice(bytes),
                    _ => chunks.push((stream, bytes.to_vec())),
                }
            }
            Event::Progress { .. } | Event::CallStarted { .. } | Event::CallEnded { .. } => {
                self.observer.event(event);
            }
        }
    }
}

fn ended(report: &Report, printed: &Printed) -> Result<Vec<u8>, ToolError> {
    let (code, told) = match &report.outcome {
        Outcome::Returned(_) => (0, None),
        Outcome::Exited(code) => (i32::from(*code), None),
        Outcome::Raised(raised) => (1, Some(raised.traceback.clone())),
        // As if the system had killed it.
        Outcome::Stopped(limit, _) => (-9, Some(format!("stopped by {limit}\n"))),
        Outcome::Cancelled => (-15, None),
    };
    let name = |stream| match stream {
        Stream::Stdout => 1,
        Stream::Stderr => 2,
    };
    let mut chunks = std::mem::take(&mut *printed.chunks.lock());
    chunks.extend(told.map(|told| (Stream::Stderr, told.into_bytes())));
    let output: Vec<_> = chunks
        .iter()
        .map(|(stream, bytes)| json!([name(*stream), BASE64.encode(bytes)]))
        .collect();
    serde_json::to_vec(&json!({"code": code, "output": output}))
        .map_err(|error| ToolError::new(ToolErrorKind::InvalidAnswer, error.to_string()))
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

    #[test]
    fn what_a_run_printed_keeps_its_order() {
        let printed = Printed {
            chunks: Mutex::default(),
            observer: Arc::new(wxmcp_run::Silent),
        };
        for (stream, bytes) in [
            (Stream::Stdout, b"a"),
            (Stream::Stdout, b"b"),
            (Stream::Stderr, b"c"),
            (Stream::Stdout, b"d"),
        ] {
            printed.event(Event::Output { stream, bytes });
        }
        let chunks = printed.chunks.into_inner();
        let texts: Vec<_> = chunks.iter().map(|(_, bytes)| bytes.as_slice()).collect();
        assert_eq!(texts, [b"ab".as_slice(), b"c", b"d"]);
    }
}
