//! What a running tool file may reach.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value};
use wxmcp_run::{
    BoxFuture, CallContext, Capability, NamespaceListing, Search, ToolAnswer, ToolCall,
    ToolDescription, ToolError, ToolErrorKind, ToolHit, ToolHost,
};

use super::rooms::Room;
use super::runner::ToolFile;
use crate::broker::Broker;
use crate::caller::Caller;
use crate::capabilities::{Capabilities, Held};
use crate::components::LinkError;
use crate::wording::bounded;

/// Answers one run of one tool file. Transactions that it leaves open end with it.
pub(crate) struct ToolFileHost {
    pub(crate) broker: Arc<Broker>,
    pub(crate) caller: Caller,
    pub(crate) file: Arc<ToolFile>,
    pub(crate) capabilities: Arc<Capabilities>,
    pub(crate) held: Held,
    room: Mutex<Option<Room>>,
}

impl ToolFileHost {
    pub(crate) fn new(
        broker: Arc<Broker>,
        caller: Caller,
        file: Arc<ToolFile>,
        capabilities: Arc<Capabilities>,
        room: Room,
    ) -> Self {
        Self {
            broker,
            caller,
            file,
            capabilities,
            held: Held::default(),
            room: Mutex::new(Some(room)),
        }
    }

    /// The room of the run, for whatever runs it: an instance that is kept keeps this host, too.
    pub(super) fn take_room(&self) -> Option<Room> {
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        room.take()
    }

    /// A tool that is not there and one that is not granted are told apart by nothing: so
    /// both are told how a tool is granted.
    fn not_granted(&self, name: &str, error: ToolError) -> ToolError {
        if error.kind != ToolErrorKind::UnknownTool {
            return error;
        }
        let place = self.file.grants.place();
        ToolError {
            message: format!(
                "{}; a tool file may call what it asks for, {{tools: [\"{name}\"]}} in its `grants`, \
                 and what `tools` of {place} approves",
                error.message
            ),
            ..error
        }
    }
}

impl ToolFileHost {
    /// Why a component cannot be linked to the tools that it imports.
    pub(crate) fn not_linked(&self, error: &LinkError) -> String {
        let place = self.file.grants.place();
        format!("{error}; a component may import the tools that `tools` of {place} approves")
    }
}

impl ToolHost for ToolFileHost {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        Box::pin(async move {
            self.caller.spend()?;
            leave_thread().await;
            let name = bounded(&call.name);
            let answer = self.broker.dispatch(call, &self.caller).await;
            answer.map_err(|error| self.not_granted(&name, error))
        })
    }

    fn namespaces(&self) -> Vec<String> {
        self.broker.namespaces_of(&self.caller)
    }

    fn namespace(
        &self,
        name: String,
        context: CallContext,
    ) -> BoxFuture<'_, Result<NamespaceListing, ToolError>> {
        Box::pin(async move {
            leave_thread().await;
            self.broker.list(&name, &self.caller, &context).await
        })
    }

    fn search(
        &self,
        _search: Search,
        _context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolHit>, ToolError>> {
        Box::pin(async {
            Err(ToolError::new(
                ToolErrorKind::NotGranted,
                "tool files do not search for tools: they name those that they ask for",
            ))
        })
    }

    fn describe(
        &self,
        names: Vec<String>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolDescription>, ToolError>> {
        Box::pin(async move {
            leave_thread().await;
            self.broker.explain(names, &self.caller, &context).await
        })
    }

    fn capability(
        &self,
        capability: Capability,
        request: Map<String, Value>,
        _context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<u8>, ToolError>> {
        Box::pin(async move {
            self.capabilities
                .perform(capability, request, &self.file.grants, &self.held)
                .await
        })
    }
}

/// Goes on in a task of the event loop. Servers end with the thread that started them, so none may
/// be started by the thread of a tool file.
async fn leave_thread() {
    tokio::task::yield_now().await;
}
