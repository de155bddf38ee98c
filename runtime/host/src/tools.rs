//! All tools of a configuration, behind one broker.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use wxmcp_broker::{Broker, BrokerConfig, CallerHost, Providers, Watcher};
use wxmcp_capabilities::{
    ConnectionConfig, DirectoryConfig, ResourceError, Resources, ResourcesConfig,
};
use wxmcp_policy::{Approvals, Caller, Hosts, Principal, ToolPatterns};
use wxmcp_run::{Ledger, Protected};
use wxmcp_toolfiles::{Tree, TreeConfig};
use wxmcp_upstream::{Environment, GuardCommand, Servers, ServersConfig, UpstreamConfig};

use crate::rust_tools::{RustTool, RustTools};

/// What scripts may call and ask, and who answers.
pub struct ToolsConfig {
    /// The MCP servers that calls may reach.
    pub servers: Vec<UpstreamConfig>,
    /// The tool files that calls may reach.
    pub tree: Option<TreeConfig>,
    /// Tools written in Rust, by namespace: before all others of the same name.
    pub rust_tools: BTreeMap<String, Vec<Arc<dyn RustTool>>>,
    /// Databases and hosts of tool files, by name.
    pub connections: BTreeMap<String, ConnectionConfig>,
    /// Directories of tool files, by name.
    pub directories: BTreeMap<String, DirectoryConfig>,
    /// What no directory lets a tool file change: configuration, the tool tree, caches.
    pub protected: Protected,
    /// Certificates (PEM) of authorities that are trusted besides those that browsers trust.
    pub authorities: Option<Vec<u8>>,
    /// On whose behalf scripts run.
    pub principal: Principal,
    /// Which tools scripts may call.
    pub tools: ToolPatterns,
    /// The hosts that scripts may ask; tool files have their own grants.
    pub hosts: Hosts,
    /// The environment that configurations of servers refer to, and whose unsuspicious
    /// part servers inherit.
    pub environment: Environment,
    /// How long one call may take.
    pub call_timeout: Duration,
    /// How long a server may take to start.
    pub start_timeout: Duration,
    /// Largest answer of a server's tool, in bytes as it arrives.
    pub answer_limit: usize,
    /// What the process may hold for all runs together.
    pub ledger: Ledger,
    /// Where shapes of answers are kept that tools do not declare; nothing is learned
    /// if there is none.
    pub learned: Option<PathBuf>,
    /// The file that keeps which handshake each server took; nothing is kept if there is
    /// none.
    pub eras: Option<PathBuf>,
    /// How servers are started.
    pub guard: GuardCommand,
    /// Whether this process hides its memory and its environment from other processes of the same user before a server
    /// starts. Debuggers and core dumps then have no access, either.
    pub conceal: bool,
    /// Who hears of each stage that a call or request passes.
    pub watcher: Option<Arc<dyn Watcher>>,
}

impl ToolsConfig {
    /// No tools, everything granted, 30 seconds a call, 60 to start a server, 32 MiB
    /// an answer.
    pub fn new(guard: GuardCommand) -> Self {
        Self {
            servers: Vec::new(),
            tree: None,
            rust_tools: BTreeMap::new(),
            connections: BTreeMap::new(),
            directories: BTreeMap::new(),
            protected: Protected::default(),
            authorities: None,
            principal: Principal::local(),
            tools: ToolPatterns::everything(),
            hosts: Hosts::default(),
            environment: Environment::default(),
            call_timeout: Duration::from_secs(30),
            start_timeout: Duration::from_secs(60),
            answer_limit: 32 * 1024 * 1024,
            ledger: Ledger::of_process(crate::memory::usual_budget()),
            learned: None,
            eras: None,
            guard,
            conceal: false,
            watcher: None,
        }
    }
}

/// The tools of a configuration as scripts see them; other callers share the broker behind it. Starts nothing. A
/// folder of the tool tree whose name a server has is not seen.
///
/// # Errors
///
/// A connection that no driver knows, or hosts that name none.
pub fn open_tools(config: ToolsConfig) -> Result<Arc<CallerHost>, ResourceError> {
    let resources = Resources::new(&ResourcesConfig {
        connections: config.connections,
        directories: config.directories,
        protected: config.protected,
        authorities: config.authorities,
        timeout: request_timeout(config.call_timeout),
    })?;
    resources.check_hosts(&config.hosts)?;
    let servers = Servers::new(ServersConfig {
        servers: config.servers,
        environment: config.environment,
        start_timeout: config.start_timeout,
        answer_limit: config.answer_limit,
        eras: config.eras,
        ledger: config.ledger.clone(),
        guard: config.guard,
        conceal: config.conceal,
    });
    let rust_tools = RustTools::new(config.rust_tools);
    let mut providers: Vec<Arc<dyn Providers>> = vec![Arc::new(rust_tools), Arc::new(servers)];
    let mut approvals = Approvals::default();
    if let Some(tree) = config.tree {
        approvals = tree.approvals.clone();
        providers.push(Arc::new(Tree::new(tree, config.ledger.clone())));
    }
    let broker = Broker::new(BrokerConfig {
        providers,
        capabilities: Arc::new(resources),
        approvals,
        call_timeout: config.call_timeout,
        ledger: config.ledger,
        learned: config.learned,
        watcher: config.watcher,
    });
    let caller = Caller::script(config.principal, config.tools, config.hosts);
    Ok(broker.for_caller(caller))
}

/// How long a request to a resource may take: shorter than the call, so that the tool file can catch what took too
/// long.
fn request_timeout(call: Duration) -> Duration {
    call.saturating_sub((call / 10).min(Duration::from_secs(1)))
}
