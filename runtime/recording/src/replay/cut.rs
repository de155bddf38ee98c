//! The end of a recording that was cut short: behind its last event nothing is known, and the replay ends there.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::HowToReplay;
use super::recorded::Recorded;

/// What is known of the end.
pub(super) struct Cut {
    /// Whether the recorded run went on behind what is known of it.
    is_short: bool,
    /// How many events are left that a script is given, or makes again; none if the replay goes on behind them.
    left: Option<AtomicUsize>,
}

impl Cut {
    pub(super) fn of(recorded: &Recorded, how: &HowToReplay) -> Self {
        let is_short = recorded.end.is_none() && how.script.is_none();
        let ends = is_short && !how.in_session;
        Self {
            is_short,
            left: ends.then(|| AtomicUsize::new(recorded.to_pass)),
        }
    }

    /// Whether the recorded run went on behind what is known of it.
    pub(super) fn is_short(&self) -> bool {
        self.is_short
    }

    /// Whether nothing is left from the beginning.
    pub(super) fn is_at_once(&self) -> bool {
        let left = self.left.as_ref();
        left.is_some_and(|left| left.load(Ordering::Relaxed) == 0)
    }

    /// An event was given, or was made again; whether it was the last one that is known.
    pub(super) fn passes(&self) -> bool {
        let Some(left) = &self.left else {
            return false;
        };
        let less = |left: usize| Some(left.saturating_sub(1));
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) == Ok(1)
    }
}
