//! Runs that reproduce: deterministic ones, and such that are recorded and replayed.
//!
//! Nothing here carries out a run. What is here are sources of time, of random numbers and of the order of completions,
//! and hosts of tools, which a run is given as its parameters.

mod answer;
mod canonical;
pub mod capture;
mod deterministic;
pub mod event;
pub mod file;
mod question;
mod record;
pub mod redact;
mod replay;
mod turns;

pub use canonical::report as canonical_report;
pub use deterministic::{DEFAULT_NOW, Deterministic, UNITS_PER_NANOSECOND};
pub use record::{
    NotRecorded, RecordedSession, Recorder, SessionRecorder, Sink, definition_digest, digests,
    secret_file_of, secret_of,
};
pub use replay::{
    Afterwards, Answered, Divergence, HowToReplay, Live, OtherScript, Recorded, RecordedError,
    Replay, Replayed, difference, language,
};
