//! One guest, any number of runs.

use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};

use crate::guest::State;
use crate::meter::{self, Metering};
use crate::native::NativeError;
use crate::session::Session;
use crate::supplied::Export;
use crate::{guest, wasi};
use wxmcp_run::Limits;
use wxmcp_run::Observer;
use wxmcp_run::Policy;
use wxmcp_run::Report;
use wxmcp_run::Script;
use wxmcp_run::{BoxFuture, ToolHost};

/// A mapped guest that can start instances.
pub struct Sandbox {
    pub(crate) before: InstancePre<State>,
    pub(crate) entry: Entry,
    pub(crate) metering: Metering,
}

/// The world of `wit/guest.wit` that a guest exports.
#[derive(Clone)]
pub(crate) enum Entry {
    /// `interpreter`: runs its own event loop inside `run`.
    Run(ComponentExportIndex),
    /// `driven-interpreter`: the host's loop hands over what has ended.
    Driven {
        start: ComponentExportIndex,
        deliver: ComponentExportIndex,
    },
    /// A component that somebody supplied.
    Supplied(Export),
}

impl Entry {
    /// The entry of a component that exports a world of `wit/guest.wit`.
    pub(crate) fn of_interpreter(guest: &Component) -> Option<Self> {
        let export = |name| guest.get_export_index(None, name);
        match (export("run"), export("start"), export("deliver")) {
            (Some(run), _, _) => Some(Self::Run(run)),
            (None, Some(start), Some(deliver)) => Some(Self::Driven { start, deliver }),
            _ => None,
        }
    }
}

/// One execution of one script.
pub struct Run {
    /// What to run.
    pub script: Script,
    /// What it may touch.
    pub policy: Policy,
    /// How much it may use.
    pub limits: Limits,
    /// Who answers its tool calls.
    pub tools: Arc<dyn ToolHost>,
    /// Who hears of it while it runs.
    pub observer: Arc<dyn Observer>,
    /// When this ends, the run ends as [`Outcome::Cancelled`](wxmcp_run::Outcome::Cancelled).
    pub cancel: BoxFuture<'static, ()>,
}

/// Why a run could not be carried out. Never a script's fault.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The guest could not be loaded.
    #[error(transparent)]
    Native(#[from] NativeError),
    /// A mount's directory could not be opened.
    #[error("open the host directory for mount `{guest}`")]
    Mount {
        /// The mount's path in the guest.
        guest: String,
        /// What the system said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The memory limit is below what the interpreter itself occupies.
    #[error("the memory limit of {limit} bytes is too small for the guest itself")]
    MemoryTooSmall {
        /// The limit, in bytes.
        limit: u64,
    },
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
    Engine(#[source] wasmtime::Error),
}

impl Sandbox {
    /// A sandbox for a guest of ours: it exports a world of `wit/guest.wit` and counts its
    /// instructions (`guest-build meter`). One that does not count has no limit of fuel, and
    /// nothing can stop it while it computes.
    ///
    /// # Errors
    /// When the guest imports what is not offered, or lacks its entry.
    pub fn open(engine: &Engine, guest: &Component) -> Result<Self, Error> {
        let mut linker = Linker::new(engine);
        wasi::add_to_linker(&mut linker).map_err(Error::Engine)?;
        guest::add_to_linker(&mut linker).map_err(Error::Engine)?;
        meter::add_to_linker(&mut linker).map_err(Error::Engine)?;
        let before = linker.instantiate_pre(guest).map_err(Error::Engine)?;
        let entry = Entry::of_interpreter(guest).ok_or(Error::NotAnInterpreter)?;
        Ok(Self {
            before,
            entry,
            metering: Metering::Guest,
        })
    }

    /// Runs one script in a fresh instance, to its end.
    ///
    /// # Errors
    /// When the run could not begin; once it has, every end is an [`Outcome`](wxmcp_run::Outcome).
    pub async fn run(&self, run: Run) -> Result<Report, Error> {
        self.session().run(run).await
    }

    /// An instance that is kept between runs. It begins with the first of them.
    pub fn session(&self) -> Session {
        Session::new(self)
    }
}
