//! What runs are made of, and who carries them out.

use std::sync::Arc;

use crate::component::CompiledComponent;
use crate::ledger::Ledger;
use crate::limits::{Bytes, Limits};
use crate::observer::Observer;
use crate::policy::Policy;
use crate::recording::ToRecord;
use crate::report::{CallRecord, Report, RunId};
use crate::script::Script;
use crate::sources::Sources;
use crate::tool::{BoxFuture, ToolHost};

/// One execution of one script.
pub struct Run {
    /// Names it, in its report and to whoever answers its calls.
    pub id: RunId,
    /// What to run.
    pub script: Script,
    /// What it may touch.
    pub policy: Policy,
    /// How much it may use.
    pub limits: Limits,
    /// Where what the host holds for it is charged.
    pub ledger: Ledger,
    /// What it is given by chance.
    pub sources: Sources,
    /// Who answers its tool calls.
    pub tools: Arc<dyn ToolHost>,
    /// Who hears of it while it runs.
    pub observer: Arc<dyn Observer>,
    /// When this ends, the run ends as [`Outcome::Cancelled`](crate::Outcome::Cancelled).
    pub cancel: BoxFuture<'static, ()>,
}

/// Carries out runs. The sandbox in this process does; a pool of other processes can.
pub trait Runner: Send + Sync {
    /// Runs one script in a fresh instance, to its end.
    ///
    /// # Errors
    ///
    /// When the run could not begin; once it has, every end is an [`Outcome`](crate::Outcome).
    fn run(&self, run: Run) -> BoxFuture<'_, Result<Report, RunError>>;

    /// An instance that is kept between runs. It begins with the first of them.
    fn session(&self) -> Box<dyn RunnerSession>;

    /// A session whose runs are recorded, if that is done in other processes: else whoever asks does it, around a session.
    fn recorded(&self, how: ToRecord) -> Option<Box<dyn RunnerSession>> {
        let _is_for_this_process = how;
        None
    }

    /// What runs a component where this one runs scripts, if that is in other processes.
    fn for_component(&self, component: CompiledComponent) -> Option<Arc<dyn Runner>> {
        let _is_for_this_process = component;
        None
    }
}

/// A live interpreter, kept between runs.
pub trait RunnerSession: Send {
    /// Runs a script to its end. A tool file is read in the session's first run;
    /// in later ones only its task counts.
    ///
    /// # Errors
    ///
    /// When the run could not begin, or the session is over.
    fn run(&mut self, run: Run) -> BoxFuture<'_, Result<Report, RunError>>;

    /// Whether a run was ended from outside, or ended the interpreter: no other can
    /// follow it.
    fn is_over(&self) -> bool;

    /// Bytes of memory that the ledger of the process counts for the interpreter while it is kept.
    fn memory(&self) -> u64;
}

/// Why a run could not be carried out. Never a script's fault.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The guest could not be loaded.
    #[error("{0}")]
    Guest(
        String,
        #[source] Option<Box<dyn std::error::Error + Send + Sync>>,
    ),
    /// A mount's directory could not be opened.
    #[error("open the host directory for mount `{guest}`")]
    Mount {
        /// The mount's path in the guest.
        guest: String,
        /// What the system said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The folder that the script is to begin in is not there.
    #[error("there is no folder `{guest}` for the script to begin in")]
    NoWorkdir {
        /// Its path in the guest.
        guest: String,
    },
    /// The memory limit is below what the interpreter itself occupies.
    #[error("the memory limit of {limit} bytes is too small for the guest itself")]
    MemoryTooSmall {
        /// The limit, in bytes.
        limit: u64,
    },
    /// An earlier run ended the session's instance.
    #[error("the session is over: an earlier run was stopped, or ended its interpreter")]
    SessionOver,
    /// A session was given a script in a language that its interpreter does not read.
    #[error("the session runs scripts of another language")]
    OtherInterpreter,
    /// There is no guest for this.
    #[error("a component is run as itself, by no interpreter")]
    NoInterpreter,
    /// A component exports neither world of `wit/guest.wit`.
    #[error("the component is no interpreter: it exports neither `run` nor `start` and `deliver`")]
    NotAnInterpreter,
    /// A component exports nothing that can be run.
    #[error(
        "the component exports neither `main: func(arguments: list<string>) -> result<string, string>` \
         nor `wasi:cli/run`"
    )]
    NoScript,
    /// A component lacks a function.
    #[error("the component has no function `{0}`")]
    NoFunction(String),
    /// The engine could not start an instance.
    #[error("cannot start an instance")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The run asks for what only the process of its caller has.
    #[error("{0} cannot be had in a worker process")]
    NotInWorker(&'static str),
    /// It is to be recorded, and cannot be.
    #[error("the run cannot be recorded: {0}")]
    NotRecorded(String),
    /// There is no worker process for it.
    #[error("cannot start a worker process")]
    NoWorker(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The worker process of the session ended before the run began.
    #[error("the session has ended: its worker process {0}; the run did not begin")]
    SessionLost(WorkerEnd),
    /// The worker process that carried it out ended first.
    #[error("the run was lost: its worker process {how}; {}", begun(.calls))]
    WorkerEnded {
        /// How the process ended.
        how: WorkerEnd,
        /// The tool calls that the run had made.
        calls: Vec<CallRecord>,
    },
}

/// How a worker process ended that had not been asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkerEnd {
    /// By a signal: SIGSEGV if the engine crashed, SIGKILL if the system ran out of memory.
    #[error("was ended by {}", signal(*.0))]
    Signal(i32),
    /// By itself, with this exit code.
    #[error("ended with exit code {0}")]
    Exit(i32),
    /// It sent what is no message of the protocol, and was killed.
    #[error("broke the protocol, and was killed: {0}")]
    Protocol(String),
    /// A run did not end when it was cancelled, and the process was killed.
    #[error("did not end a run that was cancelled, and was killed")]
    Unresponsive,
    /// It took more memory than its runs may use, and was killed.
    #[error("grew to {}, where {} is the most that its runs may use, and was killed", Bytes(*.held), Bytes(*.most))]
    Memory {
        /// Bytes that it held.
        held: u64,
        /// Bytes that it could hold.
        most: u64,
    },
    /// It could not be started.
    #[error("could not be started: {0}")]
    NotStarted(String),
    /// The pool of workers was shut down.
    #[error("was ended with all others")]
    Shutdown,
}

/// What became of the calls of a run that was lost.
fn begun(calls: &[CallRecord]) -> String {
    let ended = calls.iter().filter(|call| call.ended.is_some()).count();
    match (ended, calls.len().saturating_sub(ended)) {
        (0, 0) => "it had called no tool".to_owned(),
        (ended, 0) => format!("{ended} of its tool calls had ended"),
        (ended, open) => format!("{ended} of its tool calls had ended, {open} were under way"),
    }
}

fn signal(number: i32) -> String {
    use rustix::process::Signal;
    let name = match Signal::from_named_raw(number) {
        Some(Signal::SEGV) => "SIGSEGV",
        Some(Signal::BUS) => "SIGBUS",
        Some(Signal::ILL) => "SIGILL",
        Some(Signal::ABORT) => "SIGABRT",
        Some(Signal::KILL) => "SIGKILL, as the system does when memory runs out",
        _ => return format!("signal {number}"),
    };
    format!("signal {number} ({name})")
}
