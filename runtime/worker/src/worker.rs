//! A worker, as its parent has it: the process, the way to it, and the runs that it carries out.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::UnixStream;
use tokio::sync::Notify;
use wxmcp_run::{RunId, WorkerEnd};

use crate::assigned::{Assigned, MESSAGE};
use crate::breach::Breach;
use crate::frame::{FrameError, Incoming};
use crate::line::Line;
use crate::memory::{Watch, private_bytes};
use crate::message::FromWorker;
use crate::process::{LogLine, Process, WorkerCommand};

/// How long a process may take to end that has closed its connection.
const CLOSING: Duration = Duration::from_secs(1);

/// A worker between its start and its end.
pub(crate) struct Worker {
    pub(crate) line: Arc<Line>,
    stream: Arc<UnixStream>,
    process: Process,
    state: Mutex<State>,
    /// Told when it has less to do.
    less: Arc<Notify>,
    turns: AtomicUsize,
    sessions: AtomicUsize,
    /// What its memory is held against.
    pub(crate) memory: Watch,
}

/// A run that is, or is about to be, in a worker.
pub(crate) struct Turn(pub(crate) Arc<Worker>);

impl Turn {
    pub(crate) fn new(worker: &Arc<Worker>) -> Self {
        worker.turns.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(worker))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.turns.fetch_sub(1, Ordering::AcqRel);
        self.0.less.notify_waiters();
    }
}

/// A session that is kept in a worker.
pub(crate) struct Seat {
    worker: Arc<Worker>,
    session: u64,
    /// Bytes that its instance may take.
    memory: u64,
}

impl Seat {
    pub(crate) fn new(worker: &Arc<Worker>, session: u64, memory: u64) -> Self {
        worker.sessions.fetch_add(1, Ordering::AcqRel);
        worker.memory.allow(memory);
        Self {
            worker: Arc::clone(worker),
            session,
            memory,
        }
    }

    pub(crate) fn worker(&self) -> &Arc<Worker> {
        &self.worker
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.worker.sessions.fetch_sub(1, Ordering::AcqRel);
        self.worker.memory.forbid(self.memory);
        self.worker.less.notify_waiters();
        self.worker.line.end_session(self.session);
    }
}

#[derive(Default)]
struct State {
    runs: HashMap<u128, Arc<Assigned>>,
    /// Whether its interpreters are loaded.
    is_ready: bool,
    /// Why it was killed, or how it has ended.
    end: Option<WorkerEnd>,
    has_ended: bool,
}

impl Worker {
    /// Starts a process. Its messages are taken by [`attend`](Self::attend).
    ///
    /// # Errors
    ///
    /// What the system said.
    pub(crate) fn start(
        command: WorkerCommand,
        log: Option<LogLine>,
        less: Arc<Notify>,
        own_memory: u64,
    ) -> std::io::Result<Arc<Self>> {
        let (own, other) = std::os::unix::net::UnixStream::pair()?;
        own.set_nonblocking(true)?;
        let stream = Arc::new(UnixStream::from_std(own)?);
        Ok(Arc::new(Self {
            line: Arc::new(Line::new(Arc::clone(&stream))),
            stream,
            process: Process::start(command, OwnedFd::from(other), log),
            state: Mutex::default(),
            less,
            turns: AtomicUsize::new(0),
            sessions: AtomicUsize::new(0),
            memory: Watch::new(own_memory),
        }))
    }

    /// Takes what the process says and writes what it is told, until it has ended; answers how.
    pub(crate) async fn attend(&self) -> WorkerEnd {
        let mut incoming = Incoming::default();
        let broken = {
            let reading = self.read(&mut incoming);
            let writing = async {
                self.line.write().await;
                std::future::pending::<()>().await;
            };
            tokio::select! {
                broken = reading => broken.map(WorkerEnd::Protocol),
                () = writing => None,
                grown = self.grown() => Some(grown),
            }
        };
        if let Some(why) = broken {
            self.kill(why);
        }
        let ended = match tokio::time::timeout(CLOSING, self.process.ended()).await {
            Ok(ended) => ended,
            Err(_) => {
                self.kill(WorkerEnd::Protocol("it closed its connection".to_owned()));
                self.process.ended().await
            }
        };
        self.line.close();
        let (runs, end) = {
            let mut state = self.state.lock();
            state.has_ended = true;
            let end = state.end.get_or_insert(ended).clone();
            (std::mem::take(&mut state.runs), end)
        };
        for run in runs.into_values() {
            run.lose(end.clone());
        }
        end
    }

    /// Reads messages; answers why no more can be read, unless the connection has ended.
    async fn read(&self, incoming: &mut Incoming) -> Option<String> {
        let most = |run| {
            let state = self.state.lock();
            let run = state.runs.get(&run);
            run.map_or(MESSAGE, |run| run.longest_message())
        };
        loop {
            let taken = match incoming.next::<FromWorker>(&self.stream, most).await {
                Ok(Some((run, message))) => self.take(run, message),
                Ok(None) | Err(FrameError::System(_)) => return None,
                Err(FrameError::Cut) => return None,
                Err(error) => return Some(error.to_string()),
            };
            if let Err(breach) = taken {
                return Some(breach.to_string());
            }
        }
    }

    fn take(&self, run: u128, message: FromWorker) -> Result<(), Breach> {
        if run == 0 {
            if !matches!(message, FromWorker::Ready) {
                return Err(Breach::NoRun);
            }
            self.state.lock().is_ready = true;
            return Ok(());
        }
        let FromWorker::Ended(ended) = message else {
            let known = self.state.lock().runs.get(&run).cloned();
            return known.ok_or(Breach::UnknownRun)?.take(message);
        };
        let known = self.state.lock().runs.get(&run).cloned();
        let known = known.ok_or(Breach::UnknownRun)?;
        // Only afterwards: if the report is none, the run is lost with its worker.
        known.end(*ended)?;
        self.state.lock().runs.remove(&run);
        self.less.notify_waiters();
        Ok(())
    }

    /// Ends when the process holds more than its runs and sessions may use.
    async fn grown(&self) -> WorkerEnd {
        loop {
            self.memory.rest(|| self.load() == (0, 0)).await;
            let Some(held) = self.pid().and_then(private_bytes) else {
                continue;
            };
            let runs: u64 = {
                let state = self.state.lock();
                let runs = state.runs.values().map(|run| run.may_use());
                runs.fold(0, u64::saturating_add)
            };
            let most = self.memory.allowed().saturating_add(runs);
            if held > most {
                // In whole MiB, as limits are.
                let held = held.next_multiple_of(1 << 20);
                return WorkerEnd::Memory { held, most };
            }
        }
    }

    /// Adds a run, whose messages may arrive from now on.
    ///
    /// # Errors
    ///
    /// How the worker has ended.
    pub(crate) fn add(&self, run: &Arc<Assigned>) -> Result<(), WorkerEnd> {
        let mut state = self.state.lock();
        if let (true, Some(end)) = (state.has_ended, &state.end) {
            return Err(end.clone());
        }
        state.runs.insert(run.id.bits(), Arc::clone(run));
        self.memory.wake();
        Ok(())
    }

    /// Whether a run has not ended.
    pub(crate) fn has(&self, run: RunId) -> bool {
        self.state.lock().runs.contains_key(&run.bits())
    }

    /// Ends the process; the runs in it are lost. The first reason counts.
    pub(crate) fn kill(&self, why: WorkerEnd) {
        self.state.lock().end.get_or_insert(why);
        self.process.kill();
    }

    /// Whether it has ended, or is about to.
    pub(crate) fn is_over(&self) -> bool {
        self.state.lock().end.is_some()
    }

    /// Whether its interpreters were loaded at some time.
    pub(crate) fn was_ready(&self) -> bool {
        self.state.lock().is_ready
    }

    /// Runs and sessions in it. A run that nobody waits for any more is one until it has ended.
    pub(crate) fn load(&self) -> (usize, usize) {
        let runs = self.state.lock().runs.len();
        let turns = self.turns.load(Ordering::Acquire);
        (runs.max(turns), self.sessions.load(Ordering::Acquire))
    }

    /// The number of its process, while that runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.pid()
    }

    /// When its process has ended.
    pub(crate) async fn ended(&self) {
        self.process.ended().await;
    }
}
