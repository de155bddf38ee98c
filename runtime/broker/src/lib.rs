//! Answers tool calls. Nothing reaches an upstream by another road.
//!
//! A call passes, in this order: resolve the name, granted?, arguments fit?, dispatch
//! under a deadline, bound and unwrap the answer, answer fits? Upstream MCP servers are processes
//! that start when their namespace is first used and end with the broker.
//!
//! What comes from a server is hostile: every line, answer, list and text is
//! bounded before it is kept, and what goes wrong is named, never guessed.

mod answer;
mod broker;
mod config;
mod discovery;
mod grants;
mod json;
mod redact;
mod upstream;
mod validation;
mod wording;

pub use broker::{Broker, BrokerConfig};
pub use config::{ConfigError, Environment, Launch, UpstreamConfig, parse_config};
pub use grants::{Grants, PatternError};
pub use upstream::guard::{GuardCommand, guard_main};
