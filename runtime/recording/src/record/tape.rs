//! What all parts of a recorder write to.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use wxmcp_run::{Clocks, Randomness, Sources};

use super::Sink;
use super::clocks::RecordedClocks;
use super::order::RecordedOrder;
use crate::event::Event;

/// How old what is not flushed may be when a run begins to wait.
const UNFLUSHED: Duration = Duration::from_millis(5);

/// The events of a run, as they come in.
pub(super) struct Tape {
    started: Instant,
    /// Wall-clock time at which the run began.
    began: Duration,
    inner: Mutex<Inner>,
}

struct Inner {
    sink: Box<dyn Sink>,
    /// The instances, by the operations that led to them.
    instances: HashMap<Arc<[u64]>, u32>,
    flushed: Instant,
    failed: Option<io::Error>,
}

impl Tape {
    pub(super) fn new(sources: &Sources, sink: Box<dyn Sink>) -> Self {
        let started = Instant::now();
        Self {
            started,
            began: match &sources.clocks {
                Clocks::Live => SystemTime::now()
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .unwrap_or_default(),
                Clocks::Given(clocks) => clocks.last_wall(),
            },
            inner: Mutex::new(Inner {
                sink,
                instances: HashMap::from([(Arc::default(), 0)]),
                flushed: started,
                failed: None,
            }),
        }
    }

    /// Nanoseconds since 1970 at which the run began.
    pub(super) fn began(&self) -> u64 {
        nanoseconds(self.began)
    }

    /// Wall-clock time at which the run began.
    pub(super) fn start(&self) -> Duration {
        self.began
    }

    /// Time since the run began, by the clock of this machine.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Takes an event. One that cannot be kept ends the recording, not the run: the error is told at its end.
    pub(super) fn push(&self, event: Event) {
        let mut inner = self.inner.lock();
        if inner.failed.is_none() {
            inner.failed = inner.sink.push(&event).err();
        }
    }

    /// The run begins to wait: what it has done is to be kept, if much of it is not.
    pub(super) fn waits(&self) {
        let is_old = self.inner.lock().flushed.elapsed() >= UNFLUSHED;
        if is_old {
            self.flush();
        }
    }

    pub(super) fn flush(&self) {
        let mut inner = self.inner.lock();
        if inner.failed.is_none() {
            inner.failed = inner.sink.flush().err();
            inner.flushed = Instant::now();
        }
    }

    /// The error of the first event that could not be kept.
    pub(super) fn failed(&self) -> io::Result<()> {
        self.inner.lock().failed.take().map_or(Ok(()), Err)
    }

    /// The number of an instance that another one starts.
    pub(super) fn child(&self, parent: u32, path: Arc<[u64]>, id: u64) -> u32 {
        let instance = {
            let mut inner = self.inner.lock();
            let next = u32::try_from(inner.instances.len()).unwrap_or(u32::MAX);
            inner.instances.insert(path, next);
            next
        };
        self.push(Event::Child {
            parent,
            id,
            instance,
        });
        instance
    }

    /// The number of an instance.
    pub(super) fn instance(&self, path: &[u64]) -> u32 {
        let inner = self.inner.lock();
        inner.instances.get(path).copied().unwrap_or(u32::MAX)
    }
}

/// What an instance is given: what it would be given, and kept.
pub(super) fn sources(
    tape: &Arc<Tape>,
    instance: u32,
    path: &[u64],
    given: Sources,
    key: [u8; 32],
) -> Sources {
    let randomness = Randomness::Seeded(key);
    let clocks = RecordedClocks::new(Arc::clone(tape), instance, given.clocks.clone());
    let order = RecordedOrder {
        tape: Arc::clone(tape),
        instance,
        path: path.into(),
        given,
        key,
    };
    Sources {
        clocks: Clocks::Given(Arc::new(clocks)),
        randomness,
        schedule: Some(Arc::new(order)),
    }
}

/// The key of a run's random numbers: a fresh one, where they were to be this machine's.
pub(super) fn key(randomness: Randomness) -> [u8; 32] {
    match randomness {
        Randomness::Seeded(key) => key,
        Randomness::Live => {
            let halves = [wxmcp_run::RunId::random(), wxmcp_run::RunId::random()];
            let mut key = [0; 32];
            for (bytes, half) in key.chunks_exact_mut(16).zip(halves) {
                bytes.copy_from_slice(&half.bits().to_le_bytes());
            }
            key
        }
    }
}

pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
