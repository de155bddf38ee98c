//! One guest, any number of runs.

use wasmtime::Engine;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};
use wxmcp_run::{BoxFuture, Report, Run, RunError, Runner, RunnerSession};

use crate::engine::engine_error;
use crate::guest::State;
use crate::meter::{self, Metering};
use crate::session::Session;
use crate::supplied::Export;
use crate::{guest, names, programs, wasi};

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
    /// A supplied component.
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

impl Sandbox {
    /// A sandbox for a guest of ours: it exports a world of `wit/guest.wit` and counts its
    /// instructions (`guest-build meter`). One that does not count has no limit of fuel, and
    /// nothing can stop it while it computes.
    ///
    /// # Errors
    /// When the guest imports what is not offered, or lacks its entry.
    pub fn open(engine: &Engine, guest: &Component) -> Result<Self, RunError> {
        let mut linker = Linker::new(engine);
        wasi::add_to_linker(&mut linker).map_err(engine_error)?;
        guest::add_to_linker(&mut linker).map_err(engine_error)?;
        programs::add_to_linker(&mut linker).map_err(engine_error)?;
        names::add_to_linker(&mut linker).map_err(engine_error)?;
        meter::add_to_linker(&mut linker).map_err(engine_error)?;
        let before = linker.instantiate_pre(guest).map_err(engine_error)?;
        let entry = Entry::of_interpreter(guest).ok_or(RunError::NotAnInterpreter)?;
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
    pub async fn run(&self, run: Run) -> Result<Report, RunError> {
        self.session().run(run).await
    }

    /// An instance that is kept between runs. It begins with the first of them.
    pub fn session(&self) -> Session {
        Session::new(self)
    }
}

impl Runner for Sandbox {
    fn run(&self, run: Run) -> BoxFuture<'_, Result<Report, RunError>> {
        Box::pin(self.run(run))
    }

    fn session(&self) -> Box<dyn RunnerSession> {
        Box::new(self.session())
    }
}
