//! How much work one validation may be.
//!
//! The library that validates has no way to stop it. Here every schema inside a schema has a keyword of ours that spends
//! steps ([`super::metered`]); where none are left, or nobody waits for the result any more, it unwinds the
//! validation, as a panic would, up to [`Effort::spend_on`].

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wxmcp_run::{Ledger, OverBudget};

/// Steps of a validation however small its value is: about a second.
const MIN_STEPS: u64 = 20_000_000;

/// Steps that are added for each node of a value.
const STEPS_PER_NODE: u64 = 100;

/// Most steps of one validation.
const MAX_STEPS: u64 = 200_000_000;

/// Bytes that one validation may remember: which references fit which parts of the value.
const MAX_REMEMBERED: u64 = 16 << 20;

/// Whether anybody still waits is looked at after 2 to the power of this many steps.
const LOOK: u32 = 12;

/// What a small part of a value weighs, in bytes.
pub(super) const NODE: u64 = 64;

/// How much work a validation may be, and on whose account.
#[derive(Clone, Debug)]
pub struct Effort {
    /// Visits of one schema inside the schema to one part of the value; long texts and lists count for more.
    pub steps: u64,
    /// Ends the validation early.
    pub stop: Stop,
    /// Where errors and copies are charged while they are made.
    pub ledger: Ledger,
}

/// Ends a validation that nobody waits for any more.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends the validations that have a copy.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether nobody waits.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a validation did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfinished {
    /// It took more steps than it may.
    #[error("it takes more than {0} steps")]
    Steps(u64),
    /// What has to be remembered for it is more than may be.
    #[error("more has to be remembered for it than {MAX_REMEMBERED} bytes")]
    Bytes,
    /// Nobody waits for it any more.
    #[error("it was stopped")]
    Stopped,
    /// There is no room for what has to be kept meanwhile.
    #[error(transparent)]
    OverBudget(#[from] OverBudget),
}

impl Effort {
    /// As much as a value that weighs so many bytes may need.
    pub fn for_weight(bytes: u64, ledger: &Ledger) -> Self {
        let steps = (bytes / NODE).saturating_mul(STEPS_PER_NODE);
        Self {
            steps: steps.saturating_add(MIN_STEPS).min(MAX_STEPS),
            stop: Stop::default(),
            ledger: ledger.clone(),
        }
    }

    /// Does some work with compiled schemas that have our keyword.
    pub(super) fn spend_on<T>(&self, work: impl FnOnce() -> T) -> Result<T, Unfinished> {
        self.spend_with(MAX_REMEMBERED, work)
    }

    /// The same with another bound on the bytes.
    pub(super) fn spend_with<T>(
        &self,
        bytes: u64,
        work: impl FnOnce() -> T,
    ) -> Result<T, Unfinished> {
        let _ends = Begun::new(self, bytes);
        // What is left half done inside is dropped with the validation: compiled schemas do not change.
        catch_unwind(AssertUnwindSafe(work)).map_err(|payload| match payload.downcast() {
            Ok(unfinished) => match *unfinished {
                Unfinished::Steps(_) => Unfinished::Steps(self.steps),
                other => other,
            },
            Err(panic) => resume_unwind(panic),
        })
    }
}

/// What is left of the validation of this thread.
struct Left {
    steps: Cell<u64>,
    bytes: Cell<u64>,
    stop: RefCell<Option<Stop>>,
}

thread_local! {
    static LEFT: Left = const {
        Left { steps: Cell::new(u64::MAX), bytes: Cell::new(u64::MAX), stop: RefCell::new(None) }
    };
}

/// While it lives, the thread spends of one effort.
struct Begun;

impl Begun {
    fn new(effort: &Effort, bytes: u64) -> Self {
        LEFT.with(|left| {
            left.steps.set(effort.steps);
            left.bytes.set(bytes);
            left.stop.replace(Some(effort.stop.clone()));
        });
        Self
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        LEFT.with(|left| {
            left.steps.set(u64::MAX);
            left.bytes.set(u64::MAX);
            left.stop.replace(None);
        });
    }
}

/// Spends steps before the work.
pub(super) fn spend(steps: u64) {
    LEFT.with(|left| {
        let before = left.steps.get();
        let Some(after) = before.checked_sub(steps) else {
            end(Unfinished::Steps(0));
        };
        left.steps.set(after);
        if before >> LOOK != after >> LOOK
            && left.stop.borrow().as_ref().is_some_and(Stop::is_stopped)
        {
            end(Unfinished::Stopped);
        }
    });
}

/// Notes bytes that are about to be kept until the validation ends.
pub(super) fn remember(bytes: u64) {
    LEFT.with(|left| match left.bytes.get().checked_sub(bytes) {
        Some(after) => left.bytes.set(after),
        None => end(Unfinished::Bytes),
    });
}

/// How many bytes may still be kept.
pub(super) fn bytes_left() -> u64 {
    LEFT.with(|left| left.bytes.get())
}

fn end(why: Unfinished) -> ! {
    resume_unwind(Box::new(why))
}
