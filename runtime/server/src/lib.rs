//! MCP server mode: what agents use instead of a command line.
//!
//! A [`Server`] offers three tools: `run_code`, `search_tools` and `describe_tools`. Programs, sessions and results
//! belong to the principal whose client asked; nothing assumes one client or one transport.

mod answer;
mod arguments;
mod config;
mod connection;
mod discovery;
mod ids;
mod listener;
mod log;
mod loss;
mod offer;
mod open;
mod opening;
mod packages;
mod parse;
mod pipes;
mod recordings;
mod resources;
mod results;
mod run_code;
mod running;
mod service;
mod sessions;
mod skim;
mod stdio;
mod tree;
mod turns;
mod wire;
mod words;

use std::sync::Arc;

use wxmcp_policy::Principal;

pub use config::{Redactor, ServerConfig};
pub use log::Log;

/// Runs programs for MCP clients.
pub struct Server(Arc<service::Service>);

/// Why a client could not be served.
#[derive(Debug, thiserror::Error)]
#[error("the client does not speak the protocol")]
pub struct ServeError(#[from] Box<rmcp::service::ServerInitializeError>);

impl Server {
    /// A server that serves nobody yet. Starts nothing.
    pub fn new(config: ServerConfig) -> Self {
        Self(service::Service::new(config))
    }

    /// Serves the client at standard input and output, which is the user who started this process, until its input
    /// ends, or `stop` does. Runs that go on then have the time to drain, and end as cancelled after it.
    ///
    /// # Errors
    ///
    /// When the client did not speak the protocol.
    pub async fn serve_stdio(&self, stop: impl Future<Output = ()>) -> Result<(), ServeError> {
        let client = config::Client {
            principal: Arc::new(Principal::local()),
        };
        self.0
            .config
            .log
            .line(format_args!("serving at standard input and output"));
        let served = tokio::select! {
            served = stdio::serve(&self.0, client, stop) => served,
            never = self.0.end_idle_sessions() => match never {},
        };
        self.0.config.log.line(format_args!("served"));
        served.map_err(|error| ServeError(Box::new(error)))
    }
}

impl Server {
    /// Whether it begins no more runs, and waits for those that go on.
    pub fn is_draining(&self) -> bool {
        self.0.draining.is_cancelled()
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Server")
    }
}
