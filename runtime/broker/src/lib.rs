//! Answers tool calls. Nothing reaches a tool by another road.
//!
//! A call passes, in this order: resolve the name, granted?, arguments fit?, dispatch
//! under a deadline, bound and unwrap the answer, answer fits? A tool is a file of the
//! tool tree, which runs in a sandbox of its own with the capabilities that it was granted,
//! or belongs to an upstream MCP server: a process that starts when its namespace is first
//! used and ends with the broker.
//!
//! What comes from a server is hostile: every line, answer, list and text is
//! bounded before it is kept, and what goes wrong is named, never guessed.

mod answer;
mod broker;
mod caller;
mod capabilities;
mod components;
mod config;
mod discovery;
mod grants;
mod json;
mod kept;
mod learning;
mod redact;
mod space;
mod tree;
mod upstream;
mod validation;
mod wording;

pub use broker::{Broker, BrokerConfig, Problems};
pub use capabilities::{
    ConnectionConfig, DirectoryConfig, HeaderConfig, HostError, Hosts, HostsConfig, ResourceError,
    UrlError,
};
pub use components::LinkError;
pub use config::{ConfigError, Environment, Launch, ServersFile, UpstreamConfig, parse_config};
pub use grants::{Grants, PatternError};
pub use tree::folder::Broken;
pub use tree::{ApprovalError, Approvals, Interpreters, TreeConfig, Wishes};
pub use upstream::guard::{GuardCommand, guard_main};
