//! Events of a run, as they happen.

use crate::tool::{BoxFuture, ToolErrorKind};

/// Hears of a run's events, in order, on the thread that runs it. Must not block: other runs
/// and the run's own deadline would wait, too.
pub trait Observer: Send + Sync {
    /// Something happened. What comes from the script is bounded, but not clean:
    /// escape it before it reaches a terminal or a log.
    fn event(&self, event: Event<'_>);

    /// Where it has no room for more output: what ends when it has. The script waits for that after it
    /// has printed, and its deadline counts meanwhile.
    fn full(&self) -> Option<BoxFuture<'static, ()>> {
        None
    }
}

/// One event of a run.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The script printed.
    Output {
        /// Where to.
        stream: Stream,
        /// What, as far as the output limit lets it through.
        bytes: &'a [u8],
    },
    /// The script reported progress.
    Progress {
        /// Its words, at most a few hundred bytes.
        message: Option<&'a str>,
        /// Steps done.
        done: Option<f64>,
        /// Steps in all.
        total: Option<f64>,
    },
    /// A tool call left the sandbox.
    CallStarted {
        /// Position among the run's calls, from 1.
        sequence: u64,
        /// The tool's name as the script spelled it.
        name: &'a str,
    },
    /// A tool call came back.
    CallEnded {
        /// Position among the run's calls, from 1.
        sequence: u64,
        /// `None` when it succeeded.
        error: Option<ToolErrorKind>,
    },
}

/// The streams that a script prints to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Hears everything and does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _event: Event<'_>) {}
}
