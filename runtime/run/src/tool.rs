//! The seam between a run and the host that answers its tool calls.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call_progress::CallProgress;
use crate::clock::ClockHandle;
use crate::ledger::{Charge, Held, Ledger, OverBudget};
use crate::report::RunId;
use crate::search::{Search, ToolDescription, ToolHit};
use crate::seen::Seen;
use crate::sources::{CallId, ForTool};

/// A boxed future, so that [`ToolHost`] can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Answers the tool calls of runs. The broker is one; a recording is another.
///
/// Every method may be called many times at once. A future that is dropped is a
/// call that was cancelled: what it holds must be given back on drop.
pub trait ToolHost: Send + Sync {
    /// Answers one call.
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>>;

    /// Names of the namespaces that the run may use. Connects to nothing.
    /// A host of tools that only answers calls lists none.
    fn namespaces(&self) -> Vec<String> {
        Vec::new()
    }

    /// The tools of one namespace; may have to start the upstream behind it.
    fn namespace(
        &self,
        name: String,
        context: CallContext,
    ) -> BoxFuture<'_, Result<NamespaceListing, ToolError>> {
        let _asked_by = context;
        Box::pin(async move {
            Err(ToolError::new(
                ToolErrorKind::UnknownTool,
                format!("there is no namespace `{name}`"),
            ))
        })
    }

    /// The tools of one namespace as far as they are known without starting anything: each as scripts spell
    /// it, and as its owner does. `None` where only a start would tell, and where there is no such namespace.
    fn known(
        &self,
        namespace: String,
        context: CallContext,
    ) -> BoxFuture<'_, Option<Vec<[String; 2]>>> {
        let _question = (namespace, context);
        Box::pin(async { None })
    }

    /// Tools that fit a query, best first; none where nothing fits.
    fn search(
        &self,
        search: Search,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolHit>, ToolError>> {
        let _question = (search, context);
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Everything a script may know of the named tools.
    fn describe(
        &self,
        names: Vec<String>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolDescription>, ToolError>> {
        let _question = (names, context);
        Box::pin(async { Ok(Vec::new()) })
    }

    /// The namespaces whose tools changed since this was last asked. Asked whenever a
    /// guest is handed what has ended.
    fn changed(&self) -> Vec<String> {
        Vec::new()
    }

    /// Does something that only a grant allows; answers JSON as `wit/guest.wit` says.
    /// A host of tools that only answers calls grants nothing.
    fn capability(
        &self,
        capability: Capability,
        request: serde_json::Map<String, Value>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Written, ToolError>> {
        let _request = (request, context);
        Box::pin(async move {
            Err(ToolError::new(
                ToolErrorKind::NotGranted,
                format!("nothing grants `{capability}` here"),
            ))
        })
    }
}

/// JSON that was written for a guest, with what is charged for it.
#[derive(Debug)]
pub struct Written {
    /// The JSON.
    pub json: Vec<u8>,
    /// Of as many bytes, or more.
    pub charge: Charge,
}

impl Written {
    /// Charges short JSON.
    ///
    /// # Errors
    ///
    /// When the run, or the process, would hold more than it may.
    pub fn charged(json: Vec<u8>, ledger: &Ledger) -> Result<Self, OverBudget> {
        let bytes = u64::try_from(json.len()).unwrap_or(u64::MAX);
        let charge = ledger.charge(bytes)?;
        Ok(Self { json, charge })
    }
}

/// What `wit/capabilities.wit` offers, beyond calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// Statements over named connections.
    Sql,
    /// Requests to hosts.
    Http,
    /// Files of named directories.
    Files,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sql => "sql",
            Self::Http => "http",
            Self::Files => "files",
        })
    }
}

/// Which run asks, its clock, and its ledger.
#[derive(Clone, Debug)]
pub struct CallContext {
    /// The run that asks; assigned by the host, never by the guest.
    pub run: RunId,
    /// The run's wall clock. Hold [`ClockHandle::pause`] while an upstream starts
    /// or a person is asked: that time is not the script's.
    pub clock: ClockHandle,
    /// Where what is held for the run is charged.
    pub ledger: Ledger,
    /// What the run has seen of tool files: one that changes meanwhile is not called.
    pub seen: Seen,
    /// What is charged for the call itself: its arguments. Work that outlives the call keeps a copy.
    pub held: Held,
    /// Which operation of the run asks.
    pub id: CallId,
    /// What a tool file is given by chance that answers.
    pub for_tool: ForTool,
    /// Who hears how far the call is.
    pub progress: CallProgress,
}

impl CallContext {
    /// For what is asked outside of runs: an id of its own, and no clock.
    pub fn outside_of_runs(ledger: &Ledger) -> Self {
        Self {
            run: RunId::random(),
            clock: ClockHandle::none(),
            ledger: ledger.clone(),
            seen: Seen::now(),
            held: Held::default(),
            id: CallId::default(),
            for_tool: ForTool::default(),
            progress: CallProgress::default(),
        }
    }
}

/// One call as the script made it. Nothing in it is trusted.
#[derive(Clone, Debug)]
pub struct ToolCall {
    /// Position among the calls of its run, from 1.
    pub sequence: u64,
    /// `namespace.tool`, spelled as the script spelled it.
    pub name: String,
    /// The arguments, a JSON object.
    pub arguments: serde_json::Map<String, Value>,
    /// The run that asks.
    pub context: CallContext,
}

/// What a tool answered, unwrapped from its protocol.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolAnswer {
    /// Any JSON: structured content, parsed text, text, or content blocks.
    pub value: Value,
    /// The content blocks, an array, where they say something that the value does not.
    pub content: Option<Value>,
    /// What the script's author should know.
    pub notes: Vec<Note>,
    /// Size in bytes of the answer as it arrived at the host.
    pub bytes: u64,
    /// What is charged for it until it is with the guest.
    pub held: Held,
}

/// A line for standard error. Of several notes about one thing a run prints the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it is about: a server, or a tool.
    pub about: String,
    /// The words.
    pub text: String,
}

impl ToolAnswer {
    /// An answer that is nothing but its value.
    pub fn new(value: Value, bytes: u64) -> Self {
        Self {
            value,
            content: None,
            notes: Vec::new(),
            bytes,
            held: Held::default(),
        }
    }
}

/// A tool call that failed. The script sees it as a catchable exception.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ToolError {
    /// What kind of failure, for programs.
    pub kind: ToolErrorKind,
    /// What happened, for people and models; the tool's own words where it had some.
    pub message: String,
    /// Structured detail from the tool, if it sent any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl ToolError {
    /// An error without structured detail.
    pub fn new(kind: ToolErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            data: None,
        }
    }
}

/// Kinds of tool failure; the words are part of the public report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolErrorKind {
    /// No tool of that name is visible to the run; one that is not granted is not.
    UnknownTool,
    /// The arguments do not fit the tool's input schema.
    InvalidArguments,
    /// The tool ran and reported failure.
    ToolFailed,
    /// The upstream could not be started.
    UpstreamUnavailable,
    /// The upstream ended while the call was open.
    UpstreamCrashed,
    /// The upstream answered something that is not the protocol.
    InvalidAnswer,
    /// The answer was larger than the limit.
    AnswerTooLarge,
    /// The call's own deadline passed.
    CallTimedOut,
    /// The script sent something that is no call.
    InvalidCall,
    /// Nothing grants what was asked for.
    NotGranted,
    /// A limit of the tool's own run, or of what it asked for, was reached.
    LimitReached,
    /// The call would lead back to a tool that it came from, or too deep.
    CallCycle,
    /// What a capability was asked for failed: the database's or the system's own words.
    CapabilityFailed,
    /// The tool's file, or one that it shares, was changed after the run began.
    ToolChanged,
    /// A replay differs here from its recording, or is to stop: nobody answers.
    Diverged,
}

impl fmt::Display for ToolErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownTool => "unknown-tool",
            Self::InvalidArguments => "invalid-arguments",
            Self::ToolFailed => "tool-failed",
            Self::UpstreamUnavailable => "upstream-unavailable",
            Self::UpstreamCrashed => "upstream-crashed",
            Self::InvalidAnswer => "invalid-answer",
            Self::AnswerTooLarge => "answer-too-large",
            Self::CallTimedOut => "call-timed-out",
            Self::InvalidCall => "invalid-call",
            Self::NotGranted => "not-granted",
            Self::LimitReached => "limit-reached",
            Self::CallCycle => "call-cycle",
            Self::CapabilityFailed => "capability-failed",
            Self::ToolChanged => "tool-changed",
            Self::Diverged => "diverged",
        })
    }
}

/// The tools of one namespace as the guest's module needs them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NamespaceListing {
    /// The namespace.
    pub name: String,
    /// Its tools, ordered by name.
    pub tools: Vec<ToolListing>,
    /// What is charged for it.
    #[serde(skip)]
    pub held: Held,
}

impl From<OverBudget> for ToolError {
    fn from(error: OverBudget) -> Self {
        Self::new(ToolErrorKind::LimitReached, error.to_string())
    }
}

/// One tool of a [`NamespaceListing`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToolListing {
    /// The tool's own name, as its owner spells it.
    pub name: String,
    /// The name as an identifier in scripts (snake case), unique in the namespace.
    pub attribute: String,
    /// Parameter names: required ones first, each group in declared order.
    pub parameters: Vec<String>,
    /// Whether one object none of whose keys is a parameter is the value of the first
    /// parameter; else one object always is the arguments.
    #[serde(rename = "object-first", skip_serializing_if = "std::ops::Not::not")]
    pub object_first: bool,
    /// First paragraph of the description.
    pub description: String,
}
