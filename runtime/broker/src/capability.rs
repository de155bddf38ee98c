//! Requests of callers other than tool calls: to databases, hosts and directories.

use std::sync::Arc;

use serde_json::{Map, Value};
use wxmcp_policy::CapabilityGrants;
use wxmcp_run::{BoxFuture, CallContext, Capability, ToolError, ToolErrorKind, Written};

/// The resources behind capabilities.
pub trait Capabilities: Send + Sync {
    /// The resources as one caller may use them. Dropped, it ends the transactions that the caller left open.
    fn for_caller(&self, grants: &CapabilityGrants) -> Arc<dyn Granted>;

    /// Waits a little until cancelled statements have ended.
    fn settle(&self) -> BoxFuture<'_, ()>;
}

/// Resources as one caller may use them.
pub trait Granted: Send + Sync {
    /// Parses a request, and checks it against bounds.
    ///
    /// # Errors
    ///
    /// A request that is not valid, or of a capability that callers of this kind never have.
    fn read<'a>(
        &'a self,
        capability: Capability,
        request: Map<String, Value>,
    ) -> Result<Box<dyn CapabilityRequest + 'a>, ToolError>;
}

/// One request, parsed.
pub trait CapabilityRequest: Send + Sync {
    /// Whether the caller's grants allow it, as far as that shows before it is done.
    ///
    /// # Errors
    ///
    /// What is missing, and what would grant it.
    fn permit(&self) -> Result<(), ToolError>;

    /// Does it; answers JSON as `wit/guest.wit` says. What it holds is charged to the ledger of `context`.
    fn perform<'s>(
        self: Box<Self>,
        context: &'s CallContext,
    ) -> BoxFuture<'s, Result<Written, ToolError>>
    where
        Self: 's;
}

/// Grants nothing: for brokers without resources.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCapabilities;

impl Capabilities for NoCapabilities {
    fn for_caller(&self, _grants: &CapabilityGrants) -> Arc<dyn Granted> {
        Arc::new(Self)
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

impl Granted for NoCapabilities {
    fn read<'a>(
        &'a self,
        capability: Capability,
        _request: Map<String, Value>,
    ) -> Result<Box<dyn CapabilityRequest + 'a>, ToolError> {
        Err(ToolError::new(
            ToolErrorKind::NotGranted,
            format!("nothing grants `{capability}` here"),
        ))
    }
}
