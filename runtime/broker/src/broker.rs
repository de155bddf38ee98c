//! The broker: from a script's call to a tool's answer.

mod catalogue;
mod unmatched;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use wxmcp_catalogue::Identifiers;
use wxmcp_run::{
    BoxFuture, CallContext, Capability, NamespaceListing, Note, Search, ToolAnswer, ToolCall,
    ToolDescription, ToolError, ToolHit, ToolHost,
};

use crate::caller::Caller;
use crate::capabilities::{
    Capabilities, ConnectionConfig, DirectoryConfig, HostsConfig, ResourceError,
};
use crate::config::{Environment, UpstreamConfig};
use crate::discovery::Discovery;
use crate::grants::Grants;
use crate::learning::Learning;
use crate::space::Opened;
use crate::tree::rooms::Rooms;
use crate::tree::{ToolFileHost, Tree, TreeConfig};
use crate::upstream::eras::Eras;
use crate::upstream::guard::GuardCommand;
use crate::upstream::{Settings, Upstream};
use crate::validation::Validators;
use crate::wording::bounded;
pub use catalogue::Problems;
pub(crate) use catalogue::summary;
use catalogue::{Found, unknown_tool};

/// All that a broker is made of.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// The servers that calls may reach.
    pub upstreams: Vec<UpstreamConfig>,
    /// The tool files that calls may reach.
    pub tree: Option<TreeConfig>,
    /// Databases and hosts of tool files, by name.
    pub connections: BTreeMap<String, ConnectionConfig>,
    /// Directories of tool files, by name.
    pub directories: BTreeMap<String, DirectoryConfig>,
    /// The hosts that scripts may ask.
    pub hosts: HostsConfig,
    /// Which tools scripts may call.
    pub grants: Grants,
    /// The environment that configurations refer to, and whose unsuspicious
    /// part upstreams inherit.
    pub environment: Environment,
    /// How long one call may take.
    pub call_timeout: Duration,
    /// How long an upstream may take to start.
    pub start_timeout: Duration,
    /// Largest answer of a tool, in bytes as it arrives.
    pub answer_limit: usize,
    /// Where shapes of answers are kept that tools do not declare; nothing is learned
    /// if there is none.
    pub learned: Option<PathBuf>,
    /// The file that keeps which handshake each upstream took; nothing is kept if there is
    /// none.
    pub eras: Option<PathBuf>,
    /// How upstreams are started.
    pub guard: GuardCommand,
}

impl BrokerConfig {
    /// No upstreams, everything granted, 30 seconds a call, 60 to start, 32 MiB
    /// an answer.
    pub fn new(guard: GuardCommand) -> Self {
        Self {
            upstreams: Vec::new(),
            tree: None,
            connections: BTreeMap::new(),
            directories: BTreeMap::new(),
            hosts: HostsConfig::default(),
            grants: Grants::everything(),
            environment: Environment::default(),
            call_timeout: Duration::from_secs(30),
            start_timeout: Duration::from_secs(60),
            answer_limit: 32 * 1024 * 1024,
            learned: None,
            eras: None,
            guard,
        }
    }
}

/// Answers tool calls from tool files and upstream MCP servers.
///
/// Upstreams start when they are first used and live as long as the broker;
/// [`Broker::shutdown`] ends them in order. If the broker is dropped, or its
/// process dies, they end all the same.
#[derive(Debug)]
pub struct Broker {
    /// By configured name.
    upstreams: BTreeMap<String, Upstream>,
    /// From configured names to namespaces.
    identifiers: Identifiers,
    tree: Option<Tree>,
    rooms: Rooms,
    capabilities: Arc<Capabilities>,
    script: Caller,
    /// What no tool file may call either.
    denials: Arc<Grants>,
    discovery: Discovery,
    validators: Validators,
    learning: Option<Learning>,
    call_timeout: Duration,
    any_changed: Arc<AtomicBool>,
    me: Weak<Self>,
}

impl Broker {
    /// A broker; starts nothing. Of two upstreams of one name, the later counts; a folder
    /// of the tree whose name an upstream has is not seen.
    ///
    /// # Errors
    ///
    /// A connection that no driver knows.
    pub fn new(config: BrokerConfig) -> Result<Arc<Self>, ResourceError> {
        let any_changed = Arc::<AtomicBool>::default();
        let settings = Arc::new(Settings {
            guard: config.guard,
            environment: config.environment,
            start_timeout: config.start_timeout,
            answer_limit: config.answer_limit,
            eras: Eras::new(config.eras),
            any_changed: Arc::clone(&any_changed),
        });
        let identifiers = Identifiers::assign(config.upstreams.iter().map(UpstreamConfig::name));
        let upstreams = config
            .upstreams
            .into_iter()
            .filter_map(|upstream| {
                let owner = upstream.name().to_owned();
                let name = identifiers.identifier(&owner)?.to_owned();
                Some((owner, Upstream::new(name, upstream, Arc::clone(&settings))))
            })
            .collect();
        let capabilities = Arc::new(Capabilities::new(
            &config.connections,
            &config.directories,
            &config.hosts,
            // Shorter than the call's, so that the tool file can catch what took too long.
            config
                .call_timeout
                .saturating_sub((config.call_timeout / 10).min(Duration::from_secs(1))),
        )?);
        let tree = config.tree.map(|tree| Tree::new(tree, config.call_timeout));
        Ok(Arc::new_cyclic(|me| Self {
            upstreams,
            identifiers,
            tree,
            rooms: Rooms::default(),
            capabilities,
            denials: Arc::new(config.grants.denials()),
            script: Caller::script(Arc::new(config.grants)),
            discovery: Discovery::default(),
            validators: Validators::default(),
            learning: config.learned.as_deref().map(Learning::new),
            call_timeout: config.call_timeout,
            any_changed,
            me: Weak::clone(me),
        }))
    }

    /// Ends all upstreams and waits until they have ended, and until databases know of
    /// statements that were cancelled. Calls that are still open fail.
    pub async fn shutdown(&self) {
        let upstreams = join_all(self.upstreams.values().map(Upstream::close));
        tokio::join!(upstreams, self.capabilities.settle());
        if let Some(tree) = &self.tree {
            tree.settle().await;
        }
    }

    /// The caller that scripts are.
    pub(crate) fn script(&self) -> &Caller {
        &self.script
    }

    /// The pipeline that every call passes.
    pub(crate) async fn dispatch(
        &self,
        call: ToolCall,
        caller: &Caller,
    ) -> Result<ToolAnswer, ToolError> {
        let Found { space, tool: name } = self.resolve(&call.name, caller, &call.context).await?;
        let tool = space
            .tools
            .resolve(&name)
            .ok_or_else(|| unknown_tool(&call.name, &[]))?
            .tool;
        let arguments = self
            .validators
            .arguments(tool, &call.name, call.arguments, self.call_timeout)
            .await
            .map_err(|error| space.told(error))?;
        let host = self.host(&space, &name, caller).await?;
        let answer = space.call(tool, arguments, host, self.call_timeout).await?;
        let answer = self
            .validators
            .answer(tool, &call.name, answer, self.call_timeout)
            .await
            .map_err(|error| space.told(error))?;
        if let Some(learning) = &self.learning
            && tool.output_schema().is_none()
        {
            learning.observe(space.owner(), tool, &answer.value);
        }
        let mut notes: Vec<Note> = space.note().into_iter().collect();
        if !answer.content.is_empty() {
            let about = format!("{}.{}", space.name(), bounded(tool.name()));
            notes.push(Note {
                text: format!(
                    "`{about}` also answered content that its value does not hold ({}): `content(value)` returns it",
                    answer.content_in_words()
                ),
                about,
            });
        }
        Ok(ToolAnswer {
            value: answer.value,
            content: (!answer.content.is_empty()).then_some(answer.content.into()),
            notes,
            bytes: answer.bytes,
        })
    }

    /// Who answers a tool file while it runs; nobody is needed for other tools.
    async fn host(
        &self,
        space: &Opened<'_>,
        tool: &str,
        caller: &Caller,
    ) -> Result<Option<Arc<ToolFileHost>>, ToolError> {
        let Some(file) = space.folder().and_then(|listed| listed.file(tool)) else {
            return Ok(None);
        };
        let Some(broker) = self.me.upgrade() else {
            return Ok(None);
        };
        let [asked, approved] = file.grants.tools();
        let grants = vec![
            Arc::new(asked),
            Arc::new(approved),
            Arc::clone(&self.denials),
        ];
        let full = format!("{}.{tool}", space.name());
        let called = caller.calls(&full, grants)?;
        let room = self.rooms.enter(caller.depth()).await;
        let room = room.ok_or_else(|| unknown_tool(&full, &[]))?;
        if !file.is_reusable() {
            // What else the caller begins is then under way, too. A kept instance is as quick as this.
            tokio::task::yield_now().await;
        }
        let capabilities = Arc::clone(&self.capabilities);
        let host = ToolFileHost::new(broker, called, Arc::clone(file), capabilities, room);
        Ok(Some(Arc::new(host)))
    }
}

impl ToolHost for Broker {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        Box::pin(self.dispatch(call, &self.script))
    }

    fn namespaces(&self) -> Vec<String> {
        self.namespaces_of(&self.script)
    }

    fn namespace(
        &self,
        name: String,
        context: CallContext,
    ) -> BoxFuture<'_, Result<NamespaceListing, ToolError>> {
        Box::pin(async move { self.list(&name, &self.script, &context).await })
    }

    fn search(
        &self,
        search: Search,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolHit>, ToolError>> {
        Box::pin(async move { self.find(search, &context).await })
    }

    fn describe(
        &self,
        names: Vec<String>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolDescription>, ToolError>> {
        Box::pin(async move { self.explain(names, &self.script, &context).await })
    }

    fn changed(&self) -> Vec<String> {
        if !self.any_changed.swap(false, Ordering::AcqRel) {
            return Vec::new();
        }
        let changed = self.upstreams.values().filter(|it| it.take_changed());
        changed
            .filter(|it| self.script.may_see(it.owner(), it.name()))
            .map(|it| it.name().to_owned())
            .collect()
    }

    fn capability(
        &self,
        capability: Capability,
        request: serde_json::Map<String, serde_json::Value>,
        _context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<u8>, ToolError>> {
        Box::pin(self.capabilities.perform_for_script(capability, request))
    }
}
