//! Puts a runtime together.

mod guests;
mod tools;

pub use guests::{COMPILER, Guests, Natives, cache_directory};
pub use tools::{ToolsConfig, open_tools};
