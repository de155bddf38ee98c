//! Where a run's clocks and random numbers come from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The clocks that a guest reads. They have no part in the run's deadline.
#[derive(Clone, Default)]
pub enum Clocks {
    /// Those of this machine.
    #[default]
    Live,
    /// Others: a recording's, or a test's.
    Given(Arc<dyn GivenClocks>),
}

/// Clocks that are not this machine's. Each method is called once for every time a guest reads the clock.
pub trait GivenClocks: Send + Sync {
    /// Wall-clock time since 1970-01-01 in UTC.
    fn wall(&self) -> Duration;

    /// Time since some moment; never less than before.
    fn monotonic(&self) -> Duration;
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
    /// ChaCha20 from a seed: the same numbers in every run. No secret may depend on them.
    Seeded(u64),
}
