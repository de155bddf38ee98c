//! Puts a runtime together.

mod tools;

pub use tools::{ToolsConfig, open_tools};
