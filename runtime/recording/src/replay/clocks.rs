//! Clocks that say what was recorded.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use wxmcp_run::GivenClocks;

use super::state::{Clock, State};

pub(super) struct ReplayedClocks {
    state: Arc<State>,
    instance: u32,
    last: Arc<Mutex<Last>>,
}

/// What clocks said last.
#[derive(Default)]
pub(super) struct Last {
    pub(super) wall: Duration,
    monotonic: Duration,
}

impl ReplayedClocks {
    pub(super) fn new(state: Arc<State>, instance: u32) -> Self {
        let fresh = || {
            Arc::new(Mutex::new(Last {
                wall: Duration::from_nanos(state.recorded.head.began),
                monotonic: Duration::ZERO,
            }))
        };
        Self {
            // Files that the script keeps for the next run of its session have it.
            last: match instance {
                0 => Arc::clone(&state.last),
                _ => fresh(),
            },
            state,
            instance,
        }
    }
}

impl GivenClocks for ReplayedClocks {
    fn wall(&self, _fuel: u64) -> Duration {
        let next = self.state.reading(self.instance, Clock::Wall);
        let mut last = self.last.lock();
        last.wall = next.map_or(last.wall, Duration::from_nanos);
        last.wall
    }

    fn monotonic(&self, _fuel: u64) -> Duration {
        let next = self.state.reading(self.instance, Clock::Monotonic);
        let mut last = self.last.lock();
        last.monotonic = next.map_or(last.monotonic, Duration::from_nanos);
        last.monotonic
    }

    fn slept(&self, _time: Duration) -> bool {
        self.state.goes_on();
        false
    }

    fn last_wall(&self) -> Duration {
        self.last.lock().wall
    }
}
