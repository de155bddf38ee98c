//! Who observes the pipeline.

use wxmcp_policy::Caller;

/// Called with each stage as a call or request enters it. Must not block.
pub trait Watcher: Send + Sync {
    /// A call of a tool, or a request for a capability, by name, enters a stage.
    fn entered(&self, stage: &'static str, name: &str, caller: &Caller);
}
