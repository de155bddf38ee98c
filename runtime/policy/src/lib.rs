//! Who may do what: principals and callers, patterns of tools and hosts, and the grants of tool files:
//! what they request, as far as `wxmcp.toml` approves it. And which secrets no text may show, and which files of the host
//! neither scripts nor tool files may change.

mod address;
mod addresses;
mod caller;
mod capabilities;
#[doc(hidden)]
pub mod fuzzing;
mod grants;
pub mod guard;
mod host_pattern;
mod hosts;
mod redact;
mod tools;

pub use address::{canonical, is_public};
pub use addresses::{Addresses, is_this_machine};
pub use caller::{Caller, MAX_DEPTH, Principal};
pub use capabilities::CapabilityGrants;
pub use grants::{ApprovalError, Approvals, CapabilityList, Grants};
pub use hosts::{HostError, Hosts, bare};
pub use redact::{Cut, Redactor, encoded};
pub use tools::{Pattern, PatternError, ToolPatterns};
