//! What a run is given by chance: the time, random numbers, and the order in which it hears of what has ended.
//!
//! All three are parameters of a run. Runs that must reproduce, that are recorded or replayed are given others than those of
//! this machine; whoever carries out a run does not know why.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::tool::BoxFuture;

/// What one run is given by chance.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The clocks that it reads.
    pub clocks: Clocks,
    /// The random numbers that it draws.
    pub randomness: Randomness,
    /// Who decides what it hears of when. None: what has ended is handed over as it ends.
    pub schedule: Option<Arc<dyn Schedule>>,
}

impl Sources {
    /// Those of a run that this one starts by the operation `id`.
    pub fn of_child(&self, id: u64) -> Self {
        match &self.schedule {
            Some(schedule) => schedule.child(id),
            None => Self {
                randomness: self.randomness.derived(id),
                ..self.clone()
            },
        }
    }

    /// Whether anything in it is not this machine's: then files have fixed times, too.
    pub fn are_given(&self) -> bool {
        self.schedule.is_some() || matches!(self.clocks, Clocks::Given(_))
    }
}

/// The clocks that a guest reads. They have no part in the run's deadline.
#[derive(Clone, Default)]
pub enum Clocks {
    /// Those of this machine.
    #[default]
    Live,
    /// Others: a recording's, or a test's.
    Given(Arc<dyn GivenClocks>),
}

/// Clocks that are not this machine's. `wall` and `monotonic` are called once for every time a guest reads the clock, with
/// the units of fuel that the run has used.
pub trait GivenClocks: Send + Sync {
    /// Wall-clock time since 1970-01-01 in UTC.
    fn wall(&self, fuel: u64) -> Duration;

    /// Time since some moment; never less than before.
    fn monotonic(&self, fuel: u64) -> Duration;

    /// The guest sleeps in a way that nothing else can end. True if that takes the time of this machine; else it has
    /// slept when this returns.
    fn slept(&self, time: Duration) -> bool;

    /// Wall-clock time as it was last given, for files that the guest makes or changes. Counts as no reading.
    fn last_wall(&self) -> Duration;
}

impl fmt::Debug for Clocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Live => "Live",
            Self::Given(_) => "Given",
        })
    }
}

/// The random numbers that a guest draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Randomness {
    /// Those of this machine.
    #[default]
    Live,
    /// ChaCha20 with this key: the same numbers in every run. A key that whoever must not know the numbers could guess
    /// makes them no secret.
    Seeded([u8; 32]),
}

impl Randomness {
    /// The numbers of a small seed, which anybody can guess.
    pub fn seeded(seed: u64) -> Self {
        let mut key = [0; 32];
        let (head, _) = key.split_at_mut(8);
        head.copy_from_slice(&seed.to_le_bytes());
        Self::Seeded(key)
    }

    /// Those of a run that the run of these starts by the operation `id`: others, but as reproducible.
    #[must_use]
    pub fn derived(self, id: u64) -> Self {
        let Self::Seeded(mut key) = self else {
            return self;
        };
        // The last bytes tell families of numbers apart: ChaCha20 makes unrelated numbers of keys that differ in one bit.
        let (_, tail) = key.split_at_mut(24);
        let mut low = [0; 8];
        low.copy_from_slice(tail);
        let mixed = u64::from_le_bytes(low)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .wrapping_add(id.wrapping_add(1));
        tail.copy_from_slice(&mixed.to_le_bytes());
        Self::Seeded(key)
    }
}

/// Decides what a run hears of when: the operations that it began, in the order in which they are handed over.
///
/// Methods are called on the thread of the run, in the order in which it does these things, and must not block.
pub trait Schedule: Send + Sync {
    /// The run begins an operation (`wit/guest.wit`, "Operations"), having used so much fuel. `timer`: it is to be woken
    /// after this time.
    fn began(&self, id: u64, operation: u8, timer: Option<Duration>, fuel: u64);

    /// The number of a call that just began, among all calls of the run and of those that it starts. None: that of its turn.
    fn call_number(&self, id: u64) -> Option<u64> {
        let _any = id;
        None
    }

    /// The run gives up on an operation.
    fn gave_up(&self, id: u64);

    /// The run waits for what has ended, up to a time of its own. It has used so much fuel.
    fn next(&self, timeout: Option<Duration>, fuel: u64) -> Next;

    /// The run waits for one operation alone, whatever else ends. False: that never ends, something else ends the run.
    fn joins(&self, id: u64) -> bool;

    /// Whether timers take the time of this machine. Else they have ended when [`next`](Self::next) names them.
    fn timers_take_time(&self) -> bool;

    /// Whether a run that this one starts ends before this one goes on.
    fn children_end_first(&self) -> bool;

    /// These were handed over in one batch, after the names of namespaces whose tools changed.
    fn handed_over(&self, ids: &[u64], changed: &[String]);

    /// The run ends. What counts as ended of the calls that it was not handed: these, as soon as they have ended. None: what
    /// has ended by now.
    fn remaining(&self) -> Option<Vec<u64>>;

    /// The run ends, and these calls had ended that it was not handed.
    fn left(&self, ids: &[u64]);

    /// What a run is given that this one starts by the operation `id`.
    fn child(&self, id: u64) -> Sources;

    /// What a tool file is given that answers the call `id`. Asked once for each call, in the order in which they begin.
    fn tool(&self, id: u64) -> ForTool;
}

/// What a tool file is given by chance while it answers a call.
#[derive(Clone, Debug, Default)]
pub struct ForTool {
    /// Its time, its random numbers, and the order in which it hears of what has ended.
    pub sources: Sources,
    /// When it may begin; none: at once.
    pub turn: Option<Arc<dyn Turn>>,
}

/// When something may begin: after others.
pub trait Turn: Send + Sync {
    /// Ends when it may. What comes after waits until the turn is dropped.
    fn comes(&self) -> BoxFuture<'_, ()>;
}

impl fmt::Debug for dyn Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Turn")
    }
}

/// What is handed over next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// What has ended, else what ends first within the time.
    AsItEnds,
    /// These when all of them have ended, in this order, and nothing else; after the names of namespaces whose tools changed.
    These(Vec<u64>, Vec<String>),
    /// What has ended already, and all timers. Nothing is waited for.
    HasEnded,
    /// Nothing any more: something else ends the run.
    Never,
}

impl fmt::Debug for dyn Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schedule")
    }
}

/// Which operation of which instance of a run asks. The same in every replay of the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId {
    /// The operations that started the instances on the way to this one; none is the script's own.
    pub instance: Arc<[u64]>,
    /// The operation.
    pub operation: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_started_draws_other_numbers() {
        let parent = Randomness::seeded(7);
        let (one, two) = (parent.derived(1), parent.derived(2));
        let all = [
            parent,
            one,
            two,
            one.derived(2),
            two.derived(1),
            one.derived(1),
        ];
        for (at, numbers) in all.iter().enumerate() {
            assert!(all.iter().skip(at + 1).all(|other| other != numbers));
        }
        assert_eq!(one, Randomness::seeded(7).derived(1));
        assert_eq!(Randomness::Live.derived(1), Randomness::Live);
    }
}
