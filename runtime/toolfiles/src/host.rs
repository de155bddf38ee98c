//! The host of a running tool file: its calls, under its grants.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Map, Value};
use wxmcp_broker::CallerHost;
use wxmcp_run::{
    BoxFuture, CallContext, Capability, NamespaceListing, Search, Seen, ToolAnswer, ToolCall,
    ToolDescription, ToolError, ToolHit, ToolHost, Written,
};

use crate::components::LinkError;
use crate::slots::Slot;

/// Answers one run of one tool file. Transactions that it leaves open end with it.
pub(crate) struct FileHost {
    /// The broker as the tool file sees it.
    pub(crate) broker: Arc<CallerHost>,
    slot: Mutex<Option<Slot>>,
    /// What the run has seen that the tool file is called in: its own began later.
    seen: Seen,
}

impl FileHost {
    pub(crate) fn new(broker: Arc<CallerHost>, slot: Slot, seen: Seen) -> Self {
        Self {
            broker,
            slot: Mutex::new(Some(slot)),
            seen,
        }
    }

    /// The slot of the run, for whatever runs it: an instance that is kept keeps this host, too.
    pub(crate) fn take_slot(&self) -> Option<Slot> {
        self.slot.lock().take()
    }

    /// Why a component cannot be linked to the tools that it imports.
    pub(crate) fn not_linked(&self, error: &LinkError) -> String {
        let place = self.broker.caller().place_of_grants().unwrap_or_default();
        format!("{error}; a component may import the tools that `tools` of {place} approves")
    }
}

impl ToolHost for FileHost {
    fn call(&self, mut call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        call.context.seen = self.seen.clone();
        Box::pin(async move {
            leave_thread().await;
            self.broker.call(call).await
        })
    }

    fn namespaces(&self) -> Vec<String> {
        self.broker.namespaces()
    }

    fn namespace(
        &self,
        name: String,
        context: CallContext,
    ) -> BoxFuture<'_, Result<NamespaceListing, ToolError>> {
        Box::pin(async move {
            leave_thread().await;
            self.broker.namespace(name, context).await
        })
    }

    fn search(
        &self,
        search: Search,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolHit>, ToolError>> {
        self.broker.search(search, context)
    }

    fn describe(
        &self,
        names: Vec<String>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolDescription>, ToolError>> {
        Box::pin(async move {
            leave_thread().await;
            self.broker.describe(names, context).await
        })
    }

    fn capability(
        &self,
        capability: Capability,
        request: Map<String, Value>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Written, ToolError>> {
        self.broker.capability(capability, request, context)
    }
}

/// Goes on in a task of the event loop. Servers end with the thread that started them, so none may
/// be started by the thread of a tool file.
async fn leave_thread() {
    tokio::task::yield_now().await;
}
