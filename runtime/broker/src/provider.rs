//! Providers of tools: an MCP server is one, a folder of tool files another; a recording or a remote broker
//! can be one too.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use wxmcp_catalogue::{Namespace, Tool};
use wxmcp_policy::Grants;
use wxmcp_run::{BoxFuture, CallContext, Note, ToolError};

use crate::answer::{Answer, bounded_error};
use crate::host::CallerHost;

/// Some providers, as a configuration or a folder lists them.
pub trait Providers: Send + Sync {
    /// All of them, in order.
    fn all(&self) -> Vec<Arc<dyn Provider>>;

    /// The one of that name, in either spelling. Cheap.
    fn find(&self, name: &str) -> Option<Arc<dyn Provider>>;

    /// How often the tools of any of them changed according to itself. Cheap.
    fn changes(&self) -> u64 {
        0
    }

    /// Ends what they started, and waits until that has ended.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// Has the tools of one namespace.
pub trait Provider: Send + Sync {
    /// The namespace, as scripts spell it.
    fn name(&self) -> &str;

    /// The name as configured: of a server in its file, or of a folder.
    fn configured_name(&self) -> &str;

    /// Whether it is configured and switched off.
    fn is_disabled(&self) -> bool {
        false
    }

    /// Whether its tools are tool files, which request grants.
    fn has_tool_files(&self) -> bool {
        false
    }

    /// Names of its tools, as scripts spell them and as the provider does, as far as they are known
    /// without starting anything.
    fn known_tools(&self) -> Option<Vec<[String; 2]>>;

    /// How often its tools changed according to itself. Cheap.
    fn changes(&self) -> u64 {
        0
    }

    /// Learns its tools; with `only`, as far as that one tool goes. May start a server or read files: that
    /// is not the run's time, so the run's clock is paused meanwhile.
    fn tools<'a>(
        self: Arc<Self>,
        only: Option<&'a str>,
        context: &'a CallContext,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn ProvidedTools>, ToolError>>;
}

/// A tool file that does not load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// `tools/database/query.ts`.
    pub file: String,
    /// What is wrong with it, on one line.
    pub why: String,
}

/// The tools of a provider, as they were when they were listed.
pub trait ProvidedTools: Send + Sync {
    /// The tools.
    fn namespace(&self) -> &Arc<Namespace>;

    /// Lists the tools anew where calls may have changed them without notice; returns whether it did. For callers
    /// that miss a tool.
    fn look_again(&mut self, _deadline: Duration) -> BoxFuture<'_, Result<bool, ToolError>> {
        Box::pin(async { Ok(false) })
    }

    /// Refuses a tool, by its own name, that is not what it was when the run began.
    ///
    /// # Errors
    ///
    /// That it was changed.
    fn unchanged(&self, _tool: &str, _context: &CallContext) -> Result<(), ToolError> {
        Ok(())
    }

    /// What a tool, by its own name, may do itself; none if it makes no calls.
    fn grants(&self, _tool: &str) -> Option<Arc<Grants>> {
        None
    }

    /// Calls a tool under a deadline. What it answers is charged to the ledger of `context`. `nested` answers the calls that it makes itself; it is there where
    /// the tool has grants.
    fn call<'a>(
        &'a self,
        tool: &'a Tool,
        arguments: Map<String, Value>,
        nested: Option<Arc<CallerHost>>,
        context: &'a CallContext,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Answer, ToolError>>;

    /// What the script's author should know of the provider.
    fn note(&self) -> Option<Note> {
        None
    }

    /// An error as callers may see it: without secrets, and bounded.
    fn redacted(&self, error: ToolError) -> ToolError {
        bounded_error(error)
    }

    /// A text of the provider without secrets. It must be whole: a secret that was cut in two could not be recognised.
    fn without_secrets(&self, text: &str) -> String {
        text.to_owned()
    }

    /// Why the file of a tool that a caller misses is not a tool.
    fn why_broken(&self, _tool: &str) -> Option<&str> {
        None
    }

    /// Files that are not tools.
    fn broken(&self) -> &[Broken] {
        &[]
    }

    /// Whether each call of a tool gets a fresh instance and could do without, as far as its text tells.
    fn could_be_reusable(&self, _tool: &str) -> bool {
        false
    }
}
