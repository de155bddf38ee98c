//! The door of the broker: what sandboxes ask for, handed to the pipeline or answered from the catalogue.

use serde_json::{Map, Value};
use wxmcp_policy::CapabilityGrants;
use wxmcp_run::{
    BoxFuture, CallContext, Capability, NamespaceListing, Search, ToolAnswer, ToolCall,
    ToolDescription, ToolError, ToolErrorKind, ToolHit, ToolHost, Written,
};

use crate::host::CallerHost;
use crate::pipeline;

impl ToolHost for CallerHost {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        Box::pin(pipeline::call(self, call))
    }

    fn namespaces(&self) -> Vec<String> {
        self.visible_names()
    }

    fn namespace(
        &self,
        name: String,
        context: CallContext,
    ) -> BoxFuture<'_, Result<NamespaceListing, ToolError>> {
        Box::pin(async move { self.list(&name, &context).await })
    }

    fn known(
        &self,
        namespace: String,
        _context: CallContext,
    ) -> BoxFuture<'_, Option<Vec<[String; 2]>>> {
        Box::pin(async move { self.known_tools(&namespace) })
    }

    fn search(
        &self,
        search: Search,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolHit>, ToolError>> {
        Box::pin(async move {
            if let CapabilityGrants::ToolFile(_) = self.caller.capabilities() {
                return Err(ToolError::new(
                    ToolErrorKind::NotGranted,
                    "tool files do not search for tools: they name those that they ask for",
                ));
            }
            self.find(search, &context).await
        })
    }

    fn describe(
        &self,
        names: Vec<String>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolDescription>, ToolError>> {
        Box::pin(async move { self.explain(names, &context).await })
    }

    fn changed(&self) -> Vec<String> {
        self.report_changes()
    }

    fn capability(
        &self,
        capability: Capability,
        request: Map<String, Value>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Written, ToolError>> {
        Box::pin(pipeline::request(self, capability, request, context))
    }
}
