//! Clocks whose readings are kept.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use wxmcp_run::{Clocks, GivenClocks};

use super::tape::{Tape, nanoseconds};
use crate::event::Event;

pub(super) struct RecordedClocks {
    tape: Arc<Tape>,
    instance: u32,
    given: Clocks,
    /// The script's own goes on in the next run of a session, since files that it keeps have it.
    last_wall: Arc<Mutex<Duration>>,
}

impl RecordedClocks {
    pub(super) fn new(tape: Arc<Tape>, instance: u32, given: Clocks) -> Self {
        Self {
            last_wall: match instance {
                0 => tape.last_wall(),
                _ => Arc::new(Mutex::new(tape.start())),
            },
            tape,
            instance,
            given,
        }
    }
}

impl GivenClocks for RecordedClocks {
    fn wall(&self, fuel: u64) -> Duration {
        let now = match &self.given {
            Clocks::Live => SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default(),
            Clocks::Given(clocks) => clocks.wall(fuel),
        };
        *self.last_wall.lock() = now;
        self.tape.push(Event::Wall {
            instance: self.instance,
            nanoseconds: nanoseconds(now),
        });
        now
    }

    fn monotonic(&self, fuel: u64) -> Duration {
        let now = match &self.given {
            Clocks::Live => self.tape.elapsed(),
            Clocks::Given(clocks) => clocks.monotonic(fuel),
        };
        self.tape.push(Event::Monotonic {
            instance: self.instance,
            nanoseconds: nanoseconds(now),
        });
        now
    }

    fn slept(&self, time: Duration) -> bool {
        match &self.given {
            Clocks::Live => true,
            Clocks::Given(clocks) => clocks.slept(time),
        }
    }

    fn last_wall(&self) -> Duration {
        *self.last_wall.lock()
    }
}
