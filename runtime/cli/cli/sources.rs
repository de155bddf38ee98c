//! What a run is given by chance: this machine's, or what a seed says.

use std::time::{Duration, SystemTime};

use clap::Args;
use wxmcp_recording::{DEFAULT_NOW, Deterministic};
use wxmcp_run::Sources;

/// Where time, random numbers and the order of completions come from.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Reproducing")]
pub(crate) struct SourceArgs {
    /// Make the run a function of the script, its inputs and SEED: clock, random numbers, fuel, memory, output, and the order
    /// in which concurrent calls end. The clock goes by fuel; waits take no time [default SEED: 0]
    #[arg(
        long,
        value_name = "SEED",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "0"
    )]
    deterministic: Option<u64>,

    /// When the clock of a deterministic run starts [default: 2026-01-01T00:00:00Z]
    #[arg(long, value_name = "TIME", requires = "deterministic", value_parser = since_1970)]
    now: Option<Duration>,
}

impl SourceArgs {
    /// Whether it is to be the same each time.
    pub(crate) fn is_deterministic(&self) -> bool {
        self.deterministic.is_some()
    }

    /// What the run is given.
    pub(crate) fn sources(&self) -> Sources {
        let Some(seed) = self.deterministic else {
            return Sources::default();
        };
        let now = self.now.unwrap_or(DEFAULT_NOW);
        Deterministic { seed, now }.sources()
    }
}

/// A time as `2026-01-01T00:00:00Z`, since 1970.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn since_1970(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_rfc3339_weak(text).map_err(|error| error.to_string())?;
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    since.map_err(|_| "it is before 1970".to_owned())
}
