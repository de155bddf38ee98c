//! The configured servers, as providers of tools.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Map, Value};
use wxmcp_broker::{Answer, CallerHost, ProvidedTools, Provider, Providers};
use wxmcp_catalogue::wording::quoted;
use wxmcp_catalogue::{Identifiers, Namespace, Tool};
use wxmcp_run::{BoxFuture, CallContext, Ledger, Note, ToolError, ToolErrorKind};

use crate::answer::{self, Declared};
use crate::aside::aside;
use crate::config::{Environment, UpstreamConfig};
use crate::eras::Eras;
use crate::failure::redacted;
use crate::listing::Tools;
use crate::server::{Call, Live, Server, Settings};
use crate::stdio::guard::GuardCommand;

/// Which servers there are, and how they are started.
#[derive(Clone, Debug)]
pub struct ServersConfig {
    /// The servers. Of two of one name, the later counts.
    pub servers: Vec<UpstreamConfig>,
    /// The environment that configurations refer to, and whose unsuspicious
    /// part servers inherit.
    pub environment: Environment,
    /// How long a server may take to start, its handshake and its list of tools included.
    pub start_timeout: Duration,
    /// Largest answer of a tool, in bytes as it arrives.
    pub answer_limit: usize,
    /// The file that keeps which handshake each server took; nothing is kept if there is
    /// none.
    pub eras: Option<PathBuf>,
    /// What the process may hold for all runs together.
    pub ledger: Ledger,
    /// How servers are started.
    pub guard: GuardCommand,
    /// Whether this process hides its memory and its environment before a server starts.
    pub conceal: bool,
}

/// MCP servers. Each starts when it is first used and lives as long as this; [`Providers::close`] ends them in
/// order. If this is dropped, or its process dies, they end all the same.
#[derive(Debug)]
pub struct Servers {
    /// By configured name.
    by_name: BTreeMap<String, Arc<Server>>,
    /// From configured names to namespaces.
    identifiers: Identifiers,
    /// Changes of all their lists of tools.
    changes: Arc<AtomicU64>,
}

impl Servers {
    /// Starts nothing.
    pub fn new(config: ServersConfig) -> Self {
        let changes = Arc::<AtomicU64>::default();
        let settings = Arc::new(Settings {
            guard: config.guard,
            conceal: config.conceal,
            environment: config.environment,
            start_timeout: config.start_timeout,
            answer_limit: config.answer_limit,
            eras: Eras::new(config.eras),
            ledger: config.ledger,
            changes: Arc::clone(&changes),
        });
        let identifiers = Identifiers::assign(config.servers.iter().map(UpstreamConfig::name));
        let servers = config.servers.into_iter().filter_map(|server| {
            let configured = server.name().to_owned();
            let name = identifiers.identifier(&configured)?.to_owned();
            let server = Server::new(name, server, Arc::clone(&settings));
            Some((configured, Arc::new(server)))
        });
        Self {
            by_name: servers.collect(),
            identifiers,
            changes,
        }
    }
}

impl Providers for Servers {
    fn all(&self) -> Vec<Arc<dyn Provider>> {
        let servers = self.by_name.values();
        let servers = servers.cloned();
        servers.map(|it| -> Arc<dyn Provider> { it }).collect()
    }

    fn find(&self, name: &str) -> Option<Arc<dyn Provider>> {
        let server = self.by_name.get(self.identifiers.resolve(name)?)?;
        Some(server.clone())
    }

    fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            join_all(self.by_name.values().map(|server| server.close())).await;
        })
    }
}

impl Provider for Server {
    fn name(&self) -> &str {
        self.name()
    }

    fn configured_name(&self) -> &str {
        self.configured_name()
    }

    fn is_disabled(&self) -> bool {
        self.is_disabled()
    }

    fn known_tools(&self) -> Option<Vec<[String; 2]>> {
        let tools = self.known_tools()?;
        let names = tools.tools().map(|it| [it.attribute, it.tool.name()]);
        Some(names.map(|names| names.map(str::to_owned)).collect())
    }

    fn changes(&self) -> u64 {
        self.changes()
    }

    fn tools<'a>(
        self: Arc<Self>,
        _only: Option<&'a str>,
        context: &'a CallContext,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn ProvidedTools>, ToolError>> {
        Box::pin(async move {
            let live = self.live(&context.clock).await?;
            let tools = tokio::time::timeout(deadline, self.listed_tools(&live))
                .await
                .map_err(|_| late(self.name(), deadline))?;
            let tools: Box<dyn ProvidedTools> = Box::new(ServerTools {
                server: self,
                live,
                tools,
            });
            Ok(tools)
        })
    }
}

/// The tools of a server that was started.
struct ServerTools {
    server: Arc<Server>,
    live: Arc<Live>,
    tools: Tools,
}

impl ProvidedTools for ServerTools {
    fn namespace(&self) -> &Arc<Namespace> {
        &self.tools.namespace
    }

    fn look_again(&mut self, deadline: Duration) -> BoxFuture<'_, Result<bool, ToolError>> {
        Box::pin(async move {
            let looking = self.server.tools_after_calls(&self.live);
            let tools = tokio::time::timeout(deadline, looking)
                .await
                .map_err(|_| late(self.server.name(), deadline))?;
            let Some(tools) = tools else {
                return Ok(false);
            };
            self.tools = tools;
            Ok(true)
        })
    }

    /// Calls a tool under a deadline, which progress of the server extends.
    fn call<'a>(
        &'a self,
        tool: &'a Tool,
        arguments: Map<String, Value>,
        _nested: Option<Arc<CallerHost>>,
        context: &'a CallContext,
        deadline: Duration,
    ) -> BoxFuture<'a, Result<Answer, ToolError>> {
        Box::pin(async move {
            let call = Call {
                tool: tool.name(),
                arguments,
                context,
                given: deadline,
            };
            let received = self.server.call(&self.live, call).await?;
            // What is charged for the result is held until what an error has of it is bounded.
            let (bytes, held) = (received.bytes, received.held.clone());
            let (ledger, declared) = (context.ledger.clone(), Declared::from(tool));
            let redactor = self.live.redactor.clone();
            let of_answers = self.live.redactor_of_answers.clone();
            let unwrapping = aside(bytes, move || {
                let answer = answer::unwrap(received, declared, &ledger);
                let answer = answer.map(|answer| answer::without_secrets(answer, &of_answers));
                let answer = answer.map_err(|error| redacted(error, &redactor));
                drop(held);
                answer
            });
            unwrapping.await.unwrap_or_else(|| Err(unread(tool.name())))
        })
    }

    fn note(&self) -> Option<Note> {
        self.server.stray_note(&self.live)
    }

    fn redacted(&self, error: ToolError) -> ToolError {
        self.live.redacted(error)
    }

    fn without_secrets(&self, text: &str) -> String {
        self.live.redactor().redact(text)
    }
}

fn unread(tool: &str) -> ToolError {
    ToolError::new(
        ToolErrorKind::InvalidAnswer,
        format!("the answer of {} could not be read", quoted(tool)),
    )
}

fn late(namespace: &str, deadline: Duration) -> ToolError {
    ToolError::new(
        ToolErrorKind::CallTimedOut,
        format!(
            "`{namespace}` did not answer {} within {deadline:?}",
            quoted("tools/list")
        ),
    )
}
