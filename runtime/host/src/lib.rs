//! Puts a runtime together: interpreters, tools, and the runs that use them. What an embedder uses; the `wxmcp`
//! command is one. See [`Runtime`].

mod event_loop;
mod guests;
mod memory;
mod runtime;
mod rust_tools;
mod session;
mod slots;
mod tools;

pub use event_loop::EventLoop;
pub use guests::{COMPILER, Guests, Natives, WORKER, worker_main};
pub use runtime::{Execution, Job, Runtime, RuntimeBuilder, RuntimeEvent, StartError};
pub use rust_tools::{RustTool, rust_tool};
pub use session::Session;
pub use tools::{ToolsConfig, open_tools};
pub use wxmcp_cache::directory as cache_directory;
