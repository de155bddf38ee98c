//! What all parts of a recorder write to.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex};
use wxmcp_run::{Clocks, Randomness, Sources};

use super::Sink;
use super::clocks::RecordedClocks;
use super::order::RecordedOrder;
use crate::event::Event;

/// How long an event may be in memory alone: a process that is killed loses no more than that.
const UNFLUSHED: Duration = Duration::from_millis(5);

/// The events of a run, as they come in.
pub(super) struct Tape {
    started: Instant,
    /// Wall-clock time at which the run began.
    began: Mutex<Duration>,
    /// What the script itself last read of it.
    last_wall: Arc<Mutex<Duration>>,
    inner: Mutex<Inner>,
    /// Woken when there is something to flush, and at the end.
    changed: Condvar,
}

struct Inner {
    /// None when the recording has ended.
    sink: Option<Box<dyn Sink>>,
    /// The instances, by the operations that led to them.
    instances: HashMap<Arc<[u64]>, u32>,
    /// Whether something is in memory alone.
    is_dirty: bool,
    /// Which run of the session this is, from 0.
    run: u64,
    /// Whether it has ended, and the next one has not begun.
    is_between: bool,
    failed: Option<io::Error>,
}

impl Tape {
    /// A tape, and the thread that flushes it.
    pub(super) fn new(sources: &Sources, sink: Box<dyn Sink>) -> io::Result<Arc<Self>> {
        let started = Instant::now();
        let began = now(sources);
        let this = Arc::new(Self {
            started,
            began: Mutex::new(began),
            last_wall: Arc::new(Mutex::new(began)),
            inner: Mutex::new(Inner {
                sink: Some(sink),
                instances: HashMap::from([(Arc::default(), 0)]),
                is_dirty: false,
                run: 0,
                is_between: false,
                failed: None,
            }),
            changed: Condvar::new(),
        });
        let tape = Arc::clone(&this);
        let flush = move || tape.keep_flushed();
        std::thread::Builder::new()
            .name("recording".to_owned())
            .spawn(flush)?;
        Ok(this)
    }

    /// Flushes what is dirty, until the recording has ended.
    fn keep_flushed(&self) {
        let mut inner = self.inner.lock();
        loop {
            self.changed
                .wait_while(&mut inner, |inner| !inner.is_dirty && inner.sink.is_some());
            // More comes at once, mostly: all of it is flushed together.
            self.changed
                .wait_while_for(&mut inner, |inner| inner.sink.is_some(), UNFLUSHED);
            let Inner { sink, failed, .. } = &mut *inner;
            let Some(sink) = sink else {
                return;
            };
            if failed.is_none() {
                *failed = sink.flush().err();
            }
            inner.is_dirty = false;
        }
    }

    /// Nanoseconds since 1970 at which the run began.
    pub(super) fn began(&self) -> u64 {
        nanoseconds(self.start())
    }

    /// Wall-clock time at which the run began.
    pub(super) fn start(&self) -> Duration {
        *self.began.lock()
    }

    /// What the script itself last read of that clock.
    pub(super) fn last_wall(&self) -> Arc<Mutex<Duration>> {
        Arc::clone(&self.last_wall)
    }

    /// Time since the run began, by the clock of this machine.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Takes an event. One that cannot be kept ends the recording, not the run: the error is told at its end.
    pub(super) fn push(&self, event: Event) {
        let mut inner = self.inner.lock();
        // What still happens to a run that has ended, calls that are dropped, is not kept.
        if inner.is_between {
            return;
        }
        let Inner { sink, failed, .. } = &mut *inner;
        if let (Some(sink), None) = (sink, &failed) {
            *failed = sink.push(&event).err();
        }
        if !std::mem::replace(&mut inner.is_dirty, true) {
            self.changed.notify_one();
        }
    }

    /// Takes an event of a run of the session, unless that has ended.
    pub(super) fn push_of(&self, run: u64, event: Event) {
        if self.run() == run {
            self.push(event);
        }
    }

    /// Which run of the session this is, from 0.
    pub(super) fn run(&self) -> u64 {
        self.inner.lock().run
    }

    /// Ends a run of a session, whose last event was its end.
    pub(super) fn end_run(&self) -> io::Result<()> {
        self.failed()?;
        let mut inner = self.inner.lock();
        (inner.is_between, inner.is_dirty) = (true, false);
        let sink = inner.sink.as_mut();
        sink.map_or(Ok(()), |sink| sink.run_ended())
    }

    /// Begins the next run of a session.
    pub(super) fn next_run(&self, sources: &Sources) {
        let began = now(sources);
        *self.began.lock() = began;
        *self.last_wall.lock() = began;
        let mut inner = self.inner.lock();
        inner.run = inner.run.saturating_add(1);
        inner.instances = HashMap::from([(Arc::default(), 0)]);
        inner.is_between = false;
    }

    /// Ends the recording. What still happens to the run, calls that are dropped, is not kept.
    pub(super) fn finish(&self) -> io::Result<()> {
        self.failed()?;
        let sink = self.inner.lock().sink.take();
        self.changed.notify_one();
        sink.map_or(Ok(()), |sink| sink.finish())
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

/// The wall clock of a run that begins now.
fn now(sources: &Sources) -> Duration {
    match &sources.clocks {
        Clocks::Live => SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default(),
        Clocks::Given(clocks) => clocks.last_wall(),
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

/// Ends the thread of a recording that nobody goes on with, when it is dropped.
pub(super) struct Running(pub(super) Arc<Tape>);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.inner.lock().sink.take());
        self.0.changed.notify_one();
    }
}
