//! Runs one script in one WebAssembly instance and reports how it went.
//!
//! [`Sandbox::open`] maps an interpreter guest once; [`Sandbox::run`] gives each
//! `Run` a fresh instance that may touch what its `Policy` grants, use what
//! its `Limits` allow, and call tools through its `ToolHost`. The answer is a
//! `Report`: a script that raises, or that a limit stops, is a normal result.
//!
//! The script, and so the whole guest, is hostile. Everything that comes from it
//! is bounded before it is stored and parsed before it is used.

mod aside;
mod calls;
mod children;
mod clock;
mod digits;
pub mod engine;
mod family;
mod files;
#[doc(hidden)]
pub mod fuzzing;
mod guest;
mod limits;
mod meter;
mod names;
mod native;
mod operation;
mod outcome;
mod output;
mod pages;
mod programs;
mod sandbox;
mod session;
mod source;
mod sources;
pub mod supplied;
mod surroundings;
mod wasi;
mod zone;

pub use clock::{GuestWaits, RunClock};
pub use native::{CacheState, NativeCache, NativeError, NativeGuest};
pub use sandbox::Sandbox;
pub use session::Session;
pub use source::{check, message};
