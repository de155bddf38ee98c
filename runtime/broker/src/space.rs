//! A namespace, whoever owns it: an upstream MCP server, or a folder of the tool tree.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use wxmcp_catalogue::{Namespace, Tool};
use wxmcp_run::{CallContext, Note, ToolError, ToolErrorKind};

use crate::answer::{self, Answer};
use crate::tree::ToolFileHost;
use crate::tree::folder::{Folder, Listed};
use crate::upstream::{Live, Upstream};
use crate::wording::quoted;

/// How long after its deadline the end of a tool file is waited for.
const GRACE: Duration = Duration::from_secs(1);

/// A namespace that nothing may have used yet.
#[derive(Clone)]
pub(crate) enum Space<'a> {
    /// A server.
    Upstream(&'a Upstream),
    /// A folder.
    Folder(Arc<Folder>),
}

/// A namespace whose tools are known.
pub(crate) struct Opened<'a> {
    kind: Kind<'a>,
    /// Its tools.
    pub(crate) tools: Arc<Namespace>,
}

enum Kind<'a> {
    Upstream(&'a Upstream, Arc<Live>),
    Folder(Arc<Folder>, Arc<Listed>),
}

impl<'a> Space<'a> {
    /// The namespace as scripts spell it.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Upstream(upstream) => upstream.name(),
            Self::Folder(folder) => folder.name(),
        }
    }

    /// The name in the configuration, or of the folder.
    pub(crate) fn owner(&self) -> &str {
        match self {
            Self::Upstream(upstream) => upstream.owner(),
            Self::Folder(folder) => folder.owner(),
        }
    }

    /// Learns the tools; of a folder, with `only`, as far as that one tool goes. Starts a
    /// server, reads files; neither is the run's time.
    pub(crate) async fn open(
        self,
        only: Option<&str>,
        context: &CallContext,
        deadline: Duration,
    ) -> Result<Opened<'a>, ToolError> {
        match self {
            Self::Upstream(upstream) => {
                let live = upstream.live(&context.clock).await?;
                let tools = tokio::time::timeout(deadline, upstream.tools(&live))
                    .await
                    .map_err(|_| timed_out(upstream.name(), "tools/list", deadline))?;
                Ok(Opened {
                    kind: Kind::Upstream(upstream, live),
                    tools,
                })
            }
            Self::Folder(folder) => {
                let listed = folder.listed(only, &context.clock).await;
                Ok(Opened {
                    tools: Arc::clone(&listed.tools),
                    kind: Kind::Folder(folder, listed),
                })
            }
        }
    }
}

impl Opened<'_> {
    pub(crate) fn name(&self) -> &str {
        match &self.kind {
            Kind::Upstream(upstream, _) => upstream.name(),
            Kind::Folder(folder, _) => folder.name(),
        }
    }

    pub(crate) fn owner(&self) -> &str {
        match &self.kind {
            Kind::Upstream(upstream, _) => upstream.owner(),
            Kind::Folder(folder, _) => folder.owner(),
        }
    }

    /// Lists the tools anew where calls may have changed them unheard; whether it did. For
    /// those who miss one.
    pub(crate) async fn look_again(&mut self, deadline: Duration) -> Result<bool, ToolError> {
        let Kind::Upstream(upstream, live) = &self.kind else {
            return Ok(false);
        };
        let looking = tokio::time::timeout(deadline, upstream.tools_after_calls(live)).await;
        let tools = looking.map_err(|_| timed_out(upstream.name(), "tools/list", deadline))?;
        let Some(tools) = tools else {
            return Ok(false);
        };
        self.tools = tools;
        Ok(true)
    }

    /// The folder and its files, if it is one.
    pub(crate) fn folder(&self) -> Option<&Listed> {
        match &self.kind {
            Kind::Upstream(..) => None,
            Kind::Folder(_, listed) => Some(listed),
        }
    }

    /// Calls a tool under a deadline, which progress of a server extends. A tool file is
    /// answered by `host`.
    pub(crate) async fn call(
        &self,
        tool: &Tool,
        arguments: Map<String, Value>,
        host: Option<Arc<ToolFileHost>>,
        deadline: Duration,
    ) -> Result<Answer, ToolError> {
        let name = tool.name();
        match (&self.kind, host) {
            (Kind::Upstream(upstream, live), _) => {
                let (result, bytes) = upstream.call(live, name, arguments, deadline).await?;
                answer::unwrap(result, bytes, tool).map_err(|error| self.told(error))
            }
            (Kind::Folder(folder, listed), Some(host)) => {
                let calling = folder.call(listed, name, arguments, host);
                // The sandbox of a tool file keeps the deadline itself, and says what it stopped.
                let (value, bytes) = tokio::time::timeout(deadline.saturating_add(GRACE), calling)
                    .await
                    .map_err(|_| timed_out(self.name(), name, deadline))??;
                Ok(Answer::of_file(value, bytes))
            }
            (Kind::Folder(..), None) => Err(ToolError::new(
                ToolErrorKind::ToolFailed,
                "the tool file has nobody to answer it",
            )),
        }
    }

    /// What else is to be said of the owner's answers.
    pub(crate) fn note(&self) -> Option<Note> {
        match &self.kind {
            Kind::Upstream(upstream, live) => upstream.stray_note(live),
            Kind::Folder(..) => None,
        }
    }

    /// An error as callers may see it.
    pub(crate) fn told(&self, error: ToolError) -> ToolError {
        match &self.kind {
            Kind::Upstream(upstream, live) => upstream.told(live, error),
            Kind::Folder(..) => answer::bound_error(error),
        }
    }
}

fn timed_out(space: &str, tool: &str, deadline: Duration) -> ToolError {
    ToolError::new(
        ToolErrorKind::CallTimedOut,
        format!(
            "`{space}` did not answer {} within {deadline:?}",
            quoted(tool)
        ),
    )
}
