//! The end of a recording that was cut short: behind its last event nothing is known, and the replay ends there.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::HowToReplay;
use super::recorded::Recorded;

/// How many events are left that a script is given, or makes again; none if the run goes on behind them.
pub(super) struct Cut(Option<AtomicUsize>);

impl Cut {
    pub(super) fn of(recorded: &Recorded, how: &HowToReplay) -> Self {
        let ends = recorded.end.is_none() && !how.in_session && how.script.is_none();
        Self(ends.then(|| AtomicUsize::new(recorded.to_pass)))
    }

    /// Whether nothing is left from the beginning.
    pub(super) fn is_at_once(&self) -> bool {
        let left = self.0.as_ref();
        left.is_some_and(|left| left.load(Ordering::Relaxed) == 0)
    }

    /// An event was given, or was made again; whether it was the last one that is known.
    pub(super) fn passes(&self) -> bool {
        let Some(left) = &self.0 else {
            return false;
        };
        let less = |left: usize| Some(left.saturating_sub(1));
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) == Ok(1)
    }
}
