//! Runs whose time, random numbers and order of completions are functions of the script, its inputs and a seed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use wxmcp_run::{Clocks, ForTool, GivenClocks, Next, Randomness, Schedule, Sources};

use crate::turns::{InTurn, Turns};

/// Units of fuel in which the clock of a deterministic run advances by a nanosecond: about as many as a guest uses in one.
pub const UNITS_PER_NANOSECOND: u64 = 5;

/// When the clock of a deterministic run starts, unless somebody says otherwise: 2026-01-01T00:00:00Z, since 1970.
pub const DEFAULT_NOW: Duration = Duration::from_secs(1_767_225_600);

/// Looks for what has ended, one after the other, that find nothing while a call is under way. The next one waits for the
/// oldest call: a script that looks again and again would else look as often as the machine is slow.
const LOOKS: u32 = 16;

/// What a deterministic run depends on besides its script and inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deterministic {
    /// Its random numbers are those of this seed.
    pub seed: u64,
    /// When its clock starts, since 1970.
    pub now: Duration,
}

impl Default for Deterministic {
    fn default() -> Self {
        Self {
            seed: 0,
            now: DEFAULT_NOW,
        }
    }
}

impl Deterministic {
    /// What one run is given. Its clock advances by a nanosecond for [`UNITS_PER_NANOSECOND`] units of fuel, and where the
    /// run waits for nothing but time it jumps to the end of the wait. Time in which a call is under way does not pass.
    /// Completions are handed over one by one, in the order in which their operations began.
    pub fn sources(self) -> Sources {
        from(self.now, Randomness::seeded(self.seed))
    }
}

/// What a deterministic run is given whose clock starts then, and whose random numbers are these.
pub(crate) fn from(now: Duration, randomness: Randomness) -> Sources {
    let time = Arc::new(Time {
        start: now,
        passed: Mutex::default(),
    });
    sources(time, randomness)
}

fn sources(time: Arc<Time>, randomness: Randomness) -> Sources {
    let schedule = InOrder {
        time: Arc::clone(&time),
        randomness,
        state: Mutex::default(),
        turns: Arc::default(),
    };
    Sources {
        clocks: Clocks::Given(time),
        randomness,
        schedule: Some(Arc::new(schedule)),
    }
}

/// The clock of a run and of all that it starts: only one of them goes on at a time.
#[derive(Debug)]
struct Time {
    start: Duration,
    passed: Mutex<Passed>,
}

#[derive(Debug, Default)]
struct Passed {
    /// Units of fuel used, when they were last known.
    fuel: u64,
    /// Time that was jumped over.
    jumped: Duration,
}

impl Passed {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.fuel / UNITS_PER_NANOSECOND).saturating_add(self.jumped)
    }
}

impl Time {
    /// The time since the run began.
    fn at(&self, fuel: u64) -> Duration {
        let mut passed = self.passed.lock();
        passed.fuel = passed.fuel.max(fuel);
        passed.now()
    }

    fn jump(&self, time: Duration) {
        let mut passed = self.passed.lock();
        passed.jumped = passed.jumped.saturating_add(time);
    }
}

impl GivenClocks for Time {
    fn wall(&self, fuel: u64) -> Duration {
        self.start.saturating_add(self.at(fuel))
    }

    fn monotonic(&self, fuel: u64) -> Duration {
        self.at(fuel)
    }

    fn slept(&self, time: Duration) -> bool {
        self.jump(time);
        false
    }

    fn last_wall(&self) -> Duration {
        self.start.saturating_add(self.passed.lock().now())
    }
}

/// Hands over what was begun first.
struct InOrder {
    time: Arc<Time>,
    randomness: Randomness,
    state: Mutex<Waiting>,
    turns: Arc<Turns>,
}

#[derive(Default)]
struct Waiting {
    /// What was begun and is not handed over; of a timer, when it is due.
    begun: BTreeMap<u64, Option<Duration>>,
    looks: u32,
}

impl Waiting {
    /// The timers that are due first, and when that is.
    fn first_timers(&self) -> Option<(Duration, Vec<u64>)> {
        let first = self.begun.values().flatten().min().copied()?;
        Some((first, self.due(first)))
    }

    /// Timers that are due at a time, in the order in which they are.
    fn due(&self, now: Duration) -> Vec<u64> {
        let timers = self.begun.iter();
        let mut due: Vec<_> = timers
            .filter_map(|(id, due)| due.filter(|due| *due <= now).map(|due| (due, *id)))
            .collect();
        due.sort_unstable();
        due.into_iter().map(|(_, id)| id).collect()
    }

    fn oldest_call(&self) -> Option<u64> {
        let mut calls = self.begun.iter().filter(|(_, due)| due.is_none());
        calls.next().map(|(id, _)| *id)
    }
}

impl Schedule for InOrder {
    fn began(&self, id: u64, _operation: u8, timer: Option<Duration>, fuel: u64) {
        let now = self.time.at(fuel);
        let due = timer.map(|time| now.saturating_add(time));
        let mut state = self.state.lock();
        state.begun.insert(id, due);
        state.looks = 0;
    }

    fn gave_up(&self, id: u64) {
        self.state.lock().begun.remove(&id);
    }

    fn next(&self, timeout: Option<Duration>, fuel: u64) -> Next {
        let now = self.time.at(fuel);
        let mut state = self.state.lock();
        let due = state.due(now);
        if !due.is_empty() {
            return these(due);
        }
        if let Some(oldest) = state.oldest_call() {
            state.looks = state.looks.saturating_add(1);
            if timeout == Some(Duration::ZERO) && state.looks <= LOOKS {
                return these(Vec::new());
            }
            return these(vec![oldest]);
        }
        let until = timeout.map(|time| now.saturating_add(time));
        match (state.first_timers(), until) {
            (Some((first, timers)), until) if until.is_none_or(|until| first <= until) => {
                self.time.jump(first.saturating_sub(now));
                these(timers)
            }
            (_, until) => {
                let until = until.unwrap_or(now);
                self.time.jump(until.saturating_sub(now));
                these(Vec::new())
            }
        }
    }

    fn joins(&self, _id: u64) -> bool {
        true
    }

    fn timers_take_time(&self) -> bool {
        false
    }

    fn children_end_first(&self) -> bool {
        true
    }

    fn handed_over(&self, ids: &[u64], _changed: &[String]) {
        let mut state = self.state.lock();
        for id in ids {
            state.begun.remove(id);
        }
        if !ids.is_empty() {
            state.looks = 0;
        }
    }

    /// When the others end is not known of a script that did not wait for them.
    fn remaining(&self) -> Option<Vec<u64>> {
        Some(Vec::new())
    }

    fn left(&self, _ids: &[u64]) {}

    fn child(&self, id: u64) -> Sources {
        sources(Arc::clone(&self.time), self.randomness.derived(id))
    }

    /// Its clock starts at the time of the call. What it takes is not the script's: no time passes while a call is under way.
    fn tool(&self, id: u64) -> ForTool {
        let turn = InTurn::take(&self.turns, id);
        ForTool {
            sources: from(self.time.last_wall(), self.randomness.derived(id)),
            turn: Some(Arc::new(turn)),
        }
    }
}

fn these(ids: Vec<u64>) -> Next {
    Next::These(ids, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn parts() -> (Arc<dyn GivenClocks>, Arc<dyn Schedule>) {
        let sources = Deterministic::default().sources();
        let Clocks::Given(clocks) = sources.clocks else {
            unreachable!("a deterministic run has a clock of its own");
        };
        (clocks, sources.schedule.unwrap())
    }

    #[test]
    fn time_passes_by_fuel_and_by_waiting_for_nothing_but_time() {
        let (clocks, schedule) = parts();
        assert_eq!(clocks.wall(0), DEFAULT_NOW);
        assert_eq!(clocks.monotonic(5_000_000), MS);
        assert_eq!(clocks.monotonic(0), MS, "a clock never goes back");
        assert_eq!(schedule.next(Some(30 * MS), 5_000_000), these(vec![]));
        assert_eq!(clocks.monotonic(5_000_000), 31 * MS);
        assert_eq!(clocks.last_wall(), DEFAULT_NOW + 31 * MS);
        assert!(!clocks.slept(MS));
        assert_eq!(clocks.monotonic(5_000_000), 32 * MS);
    }

    #[test]
    fn calls_end_in_the_order_in_which_they_began_and_timers_when_none_is_under_way() {
        let (clocks, schedule) = parts();
        schedule.began(1, 6, Some(20 * MS), 0);
        schedule.began(2, 1, None, 0);
        schedule.began(3, 6, Some(10 * MS), 0);
        schedule.began(4, 1, None, 0);
        for call in [2, 4] {
            assert_eq!(schedule.next(None, 0), these(vec![call]));
            schedule.handed_over(&[call], &[]);
            assert_eq!(clocks.monotonic(0), Duration::ZERO);
        }
        assert_eq!(schedule.next(Some(5 * MS), 0), these(vec![]));
        for (timer, at) in [(3, 10), (1, 20)] {
            assert_eq!(schedule.next(None, 0), these(vec![timer]));
            schedule.handed_over(&[timer], &[]);
            assert_eq!(clocks.monotonic(0), at * MS);
        }
        assert_eq!(schedule.next(None, 0), these(vec![]));
    }

    #[test]
    fn a_script_that_looks_again_and_again_gets_its_answer() {
        let (_, schedule) = parts();
        schedule.began(1, 1, None, 0);
        let looks = || schedule.next(Some(Duration::ZERO), 0);
        for _ in 0..LOOKS {
            assert_eq!(looks(), these(vec![]));
        }
        assert_eq!(looks(), these(vec![1]));
        schedule.gave_up(1);
        assert_eq!(looks(), these(vec![]));
    }

    #[test]
    fn timers_that_are_due_come_in_the_order_of_their_times() {
        let (_, schedule) = parts();
        schedule.began(1, 6, Some(2 * MS), 0);
        schedule.began(2, 6, Some(MS), 0);
        schedule.began(3, 1, None, 0);
        assert_eq!(schedule.next(None, 15_000_000), these(vec![2, 1]));
    }
}
