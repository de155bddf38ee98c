//! What a test gives nobody: hosts, databases and files, and tools that tool files call and no stub answers. Each fails the test,
//! whatever is caught.

use std::sync::Arc;

use serde_json::{Map, Value};
use wxmcp_broker::{Capabilities, CapabilityRequest, Granted, Watcher};
use wxmcp_policy::{Caller, CapabilityGrants};
use wxmcp_run::{BoxFuture, Capability, ToolError};

use super::stubs::Stubs;
use super::under_test::{Asked, shown};

/// Resources, of which there are none.
pub(super) struct NoResources(pub(super) Arc<Asked>);

impl Capabilities for NoResources {
    fn for_caller(&self, _grants: &CapabilityGrants) -> Arc<dyn Granted> {
        Arc::new(Self(Arc::clone(&self.0)))
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

impl Granted for NoResources {
    fn read<'a>(
        &'a self,
        capability: Capability,
        request: Map<String, Value>,
    ) -> Result<Box<dyn CapabilityRequest + 'a>, ToolError> {
        let text = |name: &str| request.get(name).and_then(Value::as_str);
        Err(self.0.fault(match capability {
            Capability::Http => format!(
                "a test has no hosts, and nothing answers the request `{} {}`",
                text("method").unwrap_or("GET"),
                shown(text("url").unwrap_or_default())
            ),
            Capability::Sql => "a test has no databases: stub the tool that asks one".to_owned(),
            Capability::Files => {
                "a test has no files of the machine: stub the tool that asks for them".to_owned()
            }
        }))
    }
}

/// Looks for calls of tool files of what neither the tool tree has nor a stub answers.
pub(super) struct Calls {
    pub(super) stubs: Arc<Stubs>,
    pub(super) asked: Arc<Asked>,
}

impl Watcher for Calls {
    fn entered(&self, stage: &'static str, name: &str, caller: &Caller) {
        // What scripts call themselves is noted with its arguments, where it is refused.
        if stage != "resolve" || caller.is_script() {
            return;
        }
        let Some((space, tool)) = name.split_once('.') else {
            return;
        };
        // What a tool file may not call is refused wherever it runs.
        if caller.may_call_name(space, space, tool) && !self.stubs.may_have(space, tool) {
            self.asked.fault(format!(
                "no stub answers the call of `{}` that a tool file makes",
                shown(name)
            ));
        }
    }
}
