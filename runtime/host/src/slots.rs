//! Memory for the instances of single runs, taken once and used again: what the last run has written is reset, and need not
//! be mapped anew.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wxmcp_run::{BoxFuture, Language, Report, Run, RunError, Runner, RunnerSession};
use wxmcp_sandbox::Sandbox;
use wxmcp_toolfiles::Interpreters as _;

use crate::guests::{Guests, Natives};

/// Instances that have such memory; others map their own.
const INSTANCES: u32 = 8;

/// Largest memory of one, in bytes: all that a guest can address. It is reserved, and costs nothing until it is written.
const MEMORY: usize = 4 << 30;

/// The interpreters of single runs.
pub(crate) struct Slots {
    guests: Guests,
    /// Instances that have such memory now.
    taken: Arc<AtomicU32>,
}

impl Slots {
    pub(crate) fn new(natives: Natives, cache: Option<PathBuf>) -> Self {
        Self {
            guests: Guests::new(natives, cache).pooled(INSTANCES, MEMORY),
            taken: Arc::default(),
        }
    }

    /// What runs a language, in such memory while there is some, else as `usual` does. So it does, too, where the system
    /// does not reserve so much.
    pub(crate) fn runner(
        &self,
        language: Language,
        usual: impl Fn() -> Result<Arc<Sandbox>, RunError>,
    ) -> Result<Arc<dyn Runner>, RunError> {
        let is_free = |taken: u32| (taken < INSTANCES).then(|| taken.saturating_add(1));
        let (set, get) = (Ordering::AcqRel, Ordering::Acquire);
        if self.taken.fetch_update(set, get, is_free).is_ok() {
            let slot = Arc::new(Slot(Arc::clone(&self.taken)));
            if let Ok(sandbox) = self.guests.sandbox(language) {
                return Ok(Arc::new(InSlot { sandbox, slot }));
            }
        }
        Ok(usual()?)
    }
}

/// Gives the memory back.
struct Slot(Arc<AtomicU32>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// For one instance.
struct InSlot {
    sandbox: Arc<Sandbox>,
    slot: Arc<Slot>,
}

impl Runner for InSlot {
    fn run(&self, run: Run) -> BoxFuture<'_, Result<Report, RunError>> {
        Box::pin(async move { self.session().run(run).await })
    }

    fn session(&self) -> Box<dyn RunnerSession> {
        Box::new(Slotted {
            instance: Box::new(self.sandbox.session()),
            _slot: Arc::clone(&self.slot),
        })
    }
}

/// An instance, and what it gives back after its end.
struct Slotted {
    instance: Box<dyn RunnerSession>,
    _slot: Arc<Slot>,
}

impl RunnerSession for Slotted {
    fn run(&mut self, run: Run) -> BoxFuture<'_, Result<Report, RunError>> {
        self.instance.run(run)
    }

    fn is_over(&self) -> bool {
        self.instance.is_over()
    }

    fn memory(&self) -> u64 {
        self.instance.memory()
    }
}
