//! The one pipeline: whatever leaves a sandbox passes these stages, in this order.
//!
//! Calls of scripts, calls that tool files make, typed imports of components, requests of scripts to hosts, and
//! requests of tool files for capabilities: all are a [`Passage`] that the stages work on. A stage is a module with
//! a function `pass`; the list below is the only place that says which there are.

pub(crate) mod turns;
pub(crate) mod validators;
pub(crate) mod watcher;

use std::sync::Arc;

use serde_json::{Map, Value};
use wxmcp_policy::Caller;
use wxmcp_run::{CallContext, Capability, ToolAnswer, ToolCall, ToolError, Written};

use crate::answer::{Answer, bounded_error};
use crate::broker::Broker;
use crate::capability::CapabilityRequest;
use crate::catalogue::Found;
use crate::host::CallerHost;

/// Declares the stages: their modules, their names, and the function that passes them in order.
macro_rules! stages {
    ($($stage:ident: $what:literal,)*) => {
        $(#[doc = $what] mod $stage;)*

        /// The names of the stages, in the order in which everything passes them.
        pub const STAGES: &[&str] = &[$(stringify!($stage)),*];

        async fn pass_all(passage: &mut Passage<'_>) -> Result<(), ToolError> {
            $(
                passage.watch(stringify!($stage));
                $stage::pass(passage).await?;
            )*
            Ok(())
        }
    };
}

stages! {
    resolve: "Finds what is asked for: a tool among those that the caller sees, or a resource.",
    permit: "Refuses what the caller's grants and its chain of calls do not allow.",
    validate: "Holds arguments against the tool's input schema.",
    budget: "Spends one of the calls that tool files may make for one call of a script.",
    dispatch: "Hands it to its provider or resource, under a deadline.",
    bound: "Takes secrets out of an error, and bounds it.",
    validate_answer: "Holds the answer against the tool's output schema.",
    record: "Learns the shape of answers that tools do not declare.",
}

/// Something that leaves a sandbox, on its way through the stages.
struct Passage<'a> {
    host: &'a CallerHost,
    context: CallContext,
    /// The tool's name as the caller spelled it, or that of the capability.
    name: String,
    asked: Asked<'a>,
    /// What was found; there from `resolve` on, for tools.
    found: Option<Found>,
    /// The tool that is called as a caller itself; there from `permit` on, for tool files.
    nested: Option<Arc<CallerHost>>,
    /// There from `dispatch` on.
    outcome: Option<Outcome>,
}

/// What is asked for.
enum Asked<'a> {
    Tool(Map<String, Value>),
    Unread(Capability, Map<String, Value>),
    Capability(Box<dyn CapabilityRequest + 'a>),
    /// It was handed over.
    Dispatched,
}

/// What came back.
enum Outcome {
    Tool(Result<Answer, ToolError>),
    Capability(Result<Written, ToolError>),
}

impl<'a> Passage<'a> {
    fn new(host: &'a CallerHost, context: CallContext, name: String, asked: Asked<'a>) -> Self {
        Self {
            host,
            context,
            name,
            asked,
            found: None,
            nested: None,
            outcome: None,
        }
    }

    fn broker(&self) -> &'a Arc<Broker> {
        &self.host.broker
    }

    fn caller(&self) -> &'a Caller {
        &self.host.caller
    }

    fn watch(&self, stage: &'static str) {
        if let Some(watcher) = &self.broker().watcher {
            watcher.entered(stage, &self.name, &self.caller().in_run(self.context.run));
        }
    }

    /// An error as callers may see it.
    fn redacted(&self, error: ToolError) -> ToolError {
        match &self.found {
            Some(found) => found.space.provided.redacted(error),
            None => bounded_error(error),
        }
    }
}

/// Answers a call.
pub(crate) async fn call(host: &CallerHost, call: ToolCall) -> Result<ToolAnswer, ToolError> {
    let asked = Asked::Tool(call.arguments);
    let mut passage = Passage::new(host, call.context, call.name, asked);
    pass_all(&mut passage).await?;
    record::answer(passage)
}

/// Answers a request for a capability.
pub(crate) async fn request(
    host: &CallerHost,
    capability: Capability,
    request: Map<String, Value>,
    context: CallContext,
) -> Result<Written, ToolError> {
    let asked = Asked::Unread(capability, request);
    let mut passage = Passage::new(host, context, capability.to_string(), asked);
    pass_all(&mut passage).await?;
    match passage.outcome {
        Some(Outcome::Capability(answer)) => answer,
        _ => Err(nothing_came_back()),
    }
}

/// The error of a passage without an outcome: a stage did not do its part.
fn nothing_came_back() -> ToolError {
    ToolError::new(
        wxmcp_run::ToolErrorKind::ToolFailed,
        "the call passed all stages and nothing answered it",
    )
}
