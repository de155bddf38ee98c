//! The contract of a run, for those who start runs and those who carry them out: the [`Script`], the
//! [`Policy`] and [`Limits`] it runs under, the [`Event`]s it emits, the [`ToolHost`] that answers
//! its calls, and the [`Report`] it ends with. No engine, no input or output.

mod call_progress;
mod captured;
mod clock;
mod component;
mod json_error;
mod ledger;
mod library;
mod limits;
mod observer;
mod policy;
mod recording;
mod report;
mod runner;
mod script;
mod search;
mod secrets;
mod seen;
mod sources;
mod surrogates;
mod tool;
mod weigh;

pub use call_progress::{CallProgress, Step};
pub use captured::{Captured, CapturedBody, CapturedEntry, Kept, Rights, Shown};
pub use clock::{ClockHandle, ClockMessage, ClockSink, Pause};
pub use component::{CompiledComponent, ComponentEntry};
pub use json_error::{without_position, without_values};
pub use ledger::{Charge, Held, Ledger, OverBudget};
pub use library::{Library, Module, Shared};
pub use limits::{Bytes, Limit, Limits};
pub use observer::{Event, Observer, OwnedEvent, Silent, Stream};
pub use policy::{Access, BundleFile, Mount, Policy, Protected, Quota, Source, Stdin};
pub use recording::{RecordingFile, ToRecord};
pub use report::{Artifact, CallEnd, CallRecord, Outcome, Raised, Report, RunId, Usage};
pub use runner::{Run, RunError, Runner, RunnerSession, WorkerEnd};
pub use script::{Describe, INVALID_ARGUMENTS, Language, Script, ToolJob, ToolTask};
pub use search::{Detail, Search, ToolDescription, ToolHit};
pub use secrets::{has_password, is_name_of_secret};
pub use seen::Seen;
pub use sources::{
    CallId, Clocks, ForTool, GivenClocks, Next, Randomness, Schedule, Sources, Turn,
};
pub use surrogates::without_lone_surrogates;
pub use tool::{
    BoxFuture, CallContext, Capability, NamespaceListing, Note, ToolAnswer, ToolCall, ToolError,
    ToolErrorKind, ToolHost, ToolListing, Written,
};
pub use weigh::{parsed_size, size_of};
