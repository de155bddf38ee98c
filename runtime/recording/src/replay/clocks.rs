//! Clocks that say what was recorded.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use wxmcp_run::GivenClocks;

use super::state::{Clock, State};

pub(super) struct ReplayedClocks {
    state: Arc<State>,
    instance: u32,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    wall: Duration,
    monotonic: Duration,
}

impl ReplayedClocks {
    pub(super) fn new(state: Arc<State>, instance: u32) -> Self {
        let wall = Duration::from_nanos(state.recorded.head.began);
        Self {
            state,
            instance,
            last: Mutex::new(Last {
                wall,
                monotonic: Duration::ZERO,
            }),
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
