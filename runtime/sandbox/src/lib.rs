//! Runs one script in one WebAssembly instance and reports how it went.
//!
//! [`Sandbox::open`] maps an interpreter guest once; [`Sandbox::run`] gives each
//! [`Run`] a fresh instance that may touch what its [`Policy`] grants, use what
//! its [`Limits`] allow, and call tools through its [`ToolHost`]. The answer is a
//! [`Report`]: a script that raises, or that a limit stops, is a normal result.
//!
//! The script, and so the whole guest, is hostile. Everything that comes from it
//! is bounded before it is stored and parsed before it is used.

mod calls;
mod clock;
mod digits;
pub mod engine;
mod files;
mod guest;
mod javascript;
mod library;
mod limits;
mod meter;
mod native;
mod observer;
mod operation;
mod output;
mod policy;
mod report;
mod sandbox;
mod script;
mod search;
mod session;
pub mod supplied;
mod surrogates;
mod tool;
mod wasi;
mod zone;

pub use clock::{GuestWaits, Pause, RunClock};
pub use javascript::{Checkable, ImportedTools, ToolUses, Unreadable, shows_no_state};
pub use library::{Library, Shared};
pub use limits::{Limit, Limits};
pub use native::{CacheState, NativeCache, NativeError, NativeGuest};
pub use observer::{Event, Observer, Silent, Stream};
pub use policy::{Access, Mount, Policy, Source, Stdin};
pub use report::{Artifact, CallEnd, CallRecord, Outcome, Raised, Report, RunId, Usage};
pub use sandbox::{Error, Run, Sandbox};
pub use script::{Describe, Language, Script, ToolJob, ToolTask};
pub use search::{Detail, Search, ToolDescription, ToolHit};
pub use session::Session;
pub use surrogates::without_lone_surrogates;
pub use tool::{
    BoxFuture, CallContext, Capability, NamespaceListing, Note, ToolAnswer, ToolCall, ToolError,
    ToolErrorKind, ToolHost, ToolListing,
};
