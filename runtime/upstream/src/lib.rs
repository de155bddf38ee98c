//! MCP servers that wxmcp is a client of: which there are (`config`), processes that start when their namespace is
//! first used and end with the broker (`server`, `guard`), and what their results mean (`answer`).
//!
//! What comes from a server is hostile: every line, answer, list and text is bounded before it is kept.

mod answer;
mod aside;
mod call_deadline;
mod client;
mod config;
mod connection;
mod eras;
mod failure;
mod listing;
mod prose;
mod server;
mod servers;
mod stdio;

pub use config::{ConfigError, Environment, Launch, ServersFile, UpstreamConfig, parse_config};
pub use failure::is_wxmcp_itself;
pub use servers::{Servers, ServersConfig};
#[doc(hidden)]
pub use stdio::fuzzing;
pub use stdio::guard::{GuardCommand, guard_main};
