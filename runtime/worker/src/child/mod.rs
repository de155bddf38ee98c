//! What a worker does: it carries out the runs that its parent assigns.

mod confine;
mod host;
mod recording;
mod run;
mod way;

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::net::UnixStream;
use wxmcp_run::{CompiledComponent, Held, Language, Ledger, RunError, Runner};

use crate::frame::{FrameError, Incoming, MAX_MESSAGE, frame};
use crate::link::Outgoing;
use crate::message::{Begin, FromWorker, ToWorker};
use run::{Kept, Live};

/// Exit code of a worker that cannot begin.
const CANNOT_BEGIN: u8 = 3;

/// Exit code of a worker whose parent broke the protocol.
const BROKEN: u8 = 4;

/// Threads for what blocks: files, and long sources.
const MAX_THREADS: usize = 16;

/// Stack of these threads, in bytes.
const STACK: usize = 2 << 20;

/// Makes this process a worker, until its parent ends. Must be called on the main thread, before anything else is
/// started: it closes all that the process has inherited, save the socket at its standard input.
///
/// `runners` finds what runs a language or a component; it is asked for each interpreter ahead of time, for single runs.
pub fn worker_main<R>(runners: R) -> ExitCode
where
    R: Fn(Wanted) -> Result<Arc<dyn Runner>, RunError> + Send + Sync + 'static,
{
    let Ok(socket) = confine::confine() else {
        return ExitCode::from(CANNOT_BEGIN);
    };
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder
        .enable_all()
        .max_blocking_threads(MAX_THREADS)
        .thread_stack_size(STACK);
    let Ok(event_loop) = builder.build() else {
        return ExitCode::from(CANNOT_BEGIN);
    };
    let served = event_loop.block_on(serve(socket, Arc::new(runners)));
    event_loop.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(BROKEN),
    }
}

/// What an instance is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instance {
    /// One run of a script.
    Once,
    /// Runs of a session, or of a tool file, which may follow each other.
    Kept,
}

/// What a run is carried out by.
#[derive(Debug)]
pub enum Wanted {
    /// The interpreter of a language.
    Interpreter(Language, Instance),
    /// A supplied component itself, which the parent has compiled and linked.
    Component(CompiledComponent),
}

/// Finds it.
type Runners = dyn Fn(Wanted) -> Result<Arc<dyn Runner>, RunError> + Send + Sync;

/// All runs of this worker.
struct Worker {
    out: Arc<Outgoing>,
    runners: Arc<Runners>,
    /// What the process holds is counted by the parent: this one refuses nothing.
    ledger: Ledger,
    runs: HashMap<u128, Live>,
    sessions: HashMap<u64, Kept>,
}

async fn serve(socket: OwnedFd, runners: Arc<Runners>) -> Result<(), FrameError> {
    let socket = std::os::unix::net::UnixStream::from(socket);
    socket.set_nonblocking(true)?;
    let stream = Arc::new(UnixStream::from_std(socket)?);
    let out = Arc::new(Outgoing::new(Arc::clone(&stream)));
    let writing = Arc::clone(&out);
    tokio::spawn(async move { writing.write().await });
    for language in [Language::Python, Language::JavaScript] {
        // One that cannot be loaded is an error of the first run that needs it.
        let _ahead = runners(Wanted::Interpreter(language, Instance::Once));
    }
    confine::conceal();
    if let Ok(ready) = frame(0, &FromWorker::Ready) {
        out.send(ready, Held::default());
    }
    let mut worker = Worker {
        out,
        runners,
        ledger: Ledger::unbounded(),
        runs: HashMap::new(),
        sessions: HashMap::new(),
    };
    let mut incoming = Incoming::default();
    while let Some((run, message)) = incoming.next::<ToWorker>(&stream, |_| MAX_MESSAGE).await? {
        worker.take(run, message)?;
    }
    Ok(())
}

impl Worker {
    fn take(&mut self, run: u128, message: ToWorker) -> Result<(), FrameError> {
        self.runs.retain(|_, run| !run.has_ended());
        match message {
            ToWorker::Begin(begin) => return self.begin(run, *begin),
            ToWorker::EndSession(session) => {
                self.sessions.remove(&session);
            }
            about_a_run => {
                // One that has ended meanwhile is nothing.
                if let Some(run) = self.runs.get_mut(&run) {
                    run.take(about_a_run);
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, run: u128, begin: Begin) -> Result<(), FrameError> {
        if run == 0 || self.runs.contains_key(&run) {
            return Err(FrameError::Unreadable);
        }
        let kept = begin.session.map(|session| {
            let kept = self.sessions.entry(session).or_default();
            Arc::clone(kept)
        });
        let live = Live::begin(run, begin, kept, &self.runners, (&self.out, &self.ledger));
        self.runs.insert(run, live);
        Ok(())
    }
}
