//! The broker: from a script's call to a tool's answer.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use wxmcp_sandbox::{
    BoxFuture, CallContext, Capability, NamespaceListing, Search, ToolAnswer, ToolCall,
    ToolDescription, ToolError, ToolErrorKind, ToolHit, ToolHost, ToolListing,
};
use wxmcp_tooltree::stubs::ToolSet;
use wxmcp_tooltree::{Identifiers, Named, Tool, first_paragraph, nearest, parameters};

use crate::caller::Caller;
use crate::capabilities::{
    Capabilities, ConnectionConfig, DirectoryConfig, Held, HostsConfig, ResourceError,
};
use crate::config::{Environment, UpstreamConfig};
use crate::discovery::{self, Discovery, Listed};
use crate::grants::Grants;
use crate::learning::Learning;
use crate::space::{Opened, Space};
use crate::tree::folder::Broken;
use crate::tree::rooms::Rooms;
use crate::tree::{ToolFileHost, Tree, TreeConfig};
use crate::upstream::guard::GuardCommand;
use crate::upstream::{Settings, Upstream};
use crate::validation::Validators;
use crate::wording::quoted;

/// Longest name that is looked up, in bytes.
const MAX_CALL_NAME_BYTES: usize = 1_024;

/// Tools described at once, at most.
const MAX_DESCRIBED: usize = 200;

/// Summaries in listings and hits, in bytes.
const MAX_SUMMARY_BYTES: usize = 300;

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
        let settings = Arc::new(Settings {
            guard: config.guard,
            environment: config.environment,
            start_timeout: config.start_timeout,
            answer_limit: config.answer_limit,
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
            config.call_timeout,
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
            me: Weak::clone(me),
        }))
    }

    /// Ends all upstreams and waits until they have ended, and until databases know of
    /// statements that were cancelled. Calls that are still open fail.
    pub async fn shutdown(&self) {
        let upstreams = join_all(self.upstreams.values().map(Upstream::close));
        tokio::join!(upstreams, self.capabilities.settle());
    }

    /// What is wrong with the files of a namespace of the tree: those that are no tools,
    /// and what tools ask for in vain. Nothing for upstreams.
    ///
    /// # Errors
    ///
    /// When there is no such namespace, or it does not start.
    pub async fn problems(
        &self,
        namespace: &str,
        context: &CallContext,
    ) -> Result<Problems, ToolError> {
        let opened = self.open(namespace, None, &self.script, context).await?;
        let Some(listed) = opened.folder() else {
            return Ok(Problems::default());
        };
        let unapproved = opened
            .tools
            .tools()
            .filter_map(|named| {
                let wishes = listed.file(named.tool.name())?.unapproved();
                let name = format!("{}.{}", opened.name(), named.attribute);
                (!wishes.is_empty()).then_some((name, wishes))
            })
            .collect();
        Ok(Problems {
            broken: listed.broken.clone(),
            unapproved,
        })
    }

    /// The tools of a namespace that scripts may call, whole, for stubs of them.
    ///
    /// # Errors
    ///
    /// When there is no such namespace, or it does not start.
    pub async fn tool_set(
        &self,
        namespace: &str,
        context: &CallContext,
    ) -> Result<ToolSet, ToolError> {
        let opened = self.open(namespace, None, &self.script, context).await?;
        let (owner, name) = (opened.owner(), opened.name());
        Ok(ToolSet {
            namespace: name.to_owned(),
            tools: opened
                .tools
                .tools()
                .filter(|named| self.script.may_call(owner, name, *named))
                .map(|named| {
                    let tool = self.with_learned(&opened, named.tool);
                    (named.attribute.to_owned(), tool)
                })
                .collect(),
        })
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
        let host = self.host(&space, &name, caller)?;
        let _room = match &host {
            Some(_) => self.rooms.enter(caller.depth()).await,
            None => None,
        };
        let (mut value, bytes, must_fit) = space
            .call(&name, arguments, host, self.call_timeout)
            .await?;
        if must_fit {
            value = self
                .validators
                .answer(tool, &call.name, value, self.call_timeout)
                .await
                .map_err(|error| space.told(error))?;
        }
        if let Some(learning) = &self.learning
            && tool.output_schema().is_none()
        {
            learning.observe(space.owner(), tool, &value);
        }
        Ok(ToolAnswer { value, bytes })
    }

    /// Who answers a tool file while it runs; nobody is needed for other tools.
    fn host(
        &self,
        space: &Opened<'_>,
        tool: &str,
        caller: &Caller,
    ) -> Result<Option<Arc<dyn ToolHost>>, ToolError> {
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
        Ok(Some(Arc::new(ToolFileHost {
            broker,
            caller: caller.calls(&full, grants)?,
            file: Arc::clone(file),
            capabilities: Arc::clone(&self.capabilities),
            held: Held::default(),
        })))
    }

    /// The granted tool behind a name. A tool that is not granted and one that
    /// does not exist are told apart by nothing.
    async fn resolve(
        &self,
        name: &str,
        caller: &Caller,
        context: &CallContext,
    ) -> Result<Found<'_>, ToolError> {
        let unknown = || unknown_tool(name, &[]);
        if name.len() > MAX_CALL_NAME_BYTES {
            return Err(unknown());
        }
        // Both halves may hold dots; the shortest namespace that exists counts.
        let Some((space, tool)) = name.match_indices('.').find_map(|(at, _)| {
            let (space, tool) = name.split_at_checked(at)?;
            Some((self.visible(space, caller)?, tool.strip_prefix('.')?))
        }) else {
            let space = name.split('.').next().unwrap_or_default();
            let names = self.namespaces_of(caller);
            let close = nearest(space, names.iter().map(String::as_str));
            return Err(unknown_tool(
                name,
                &close
                    .iter()
                    .map(|name| format!("{name}.*"))
                    .collect::<Vec<_>>(),
            ));
        };
        let opened = space.open(Some(tool), context, self.call_timeout).await?;
        let granted = |tool: &Named<'_>| caller.may_call(opened.owner(), opened.name(), *tool);
        if let Some(named) = opened.tools.resolve(tool).filter(granted) {
            let tool = named.tool.name().to_owned();
            return Ok(Found {
                space: opened,
                tool,
            });
        }
        let attributes = opened.tools.tools().filter(granted);
        let close: Vec<String> = nearest(tool, attributes.map(|tool| tool.attribute))
            .into_iter()
            .map(|attribute| format!("{}.{attribute}", opened.name()))
            .collect();
        let own = tool.split('.').next_back().unwrap_or_default();
        if let Some(broken) = opened.folder().and_then(|listed| listed.why_broken(own))
            && caller.is_script()
        {
            return Err(ToolError::new(
                ToolErrorKind::ToolFailed,
                format!("{} does not load: {broken}", quoted(name)),
            ));
        }
        Err(unknown_tool(name, &close))
    }

    /// The namespace behind either spelling, if the caller may see it.
    fn visible(&self, space: &str, caller: &Caller) -> Option<Space<'_>> {
        let upstream = self
            .identifiers
            .resolve(space)
            .and_then(|owner| self.upstreams.get(owner));
        let found = match upstream {
            Some(upstream) => Space::Upstream(upstream),
            None => Space::Folder(
                self.tree
                    .as_ref()?
                    .folder(space, &|name| self.is_taken(name))?,
            ),
        };
        caller.may_see(found.owner(), found.name()).then_some(found)
    }

    /// Whether an upstream has the name, in either spelling.
    fn is_taken(&self, name: &str) -> bool {
        self.identifiers.resolve(name).is_some()
    }

    fn visible_spaces(&self, caller: &Caller) -> Vec<Space<'_>> {
        let folders = self
            .tree
            .iter()
            .flat_map(|tree| tree.folders(&|name| self.is_taken(name)));
        self.upstreams
            .values()
            .map(Space::Upstream)
            .chain(folders.map(Space::Folder))
            .filter(|space| caller.may_see(space.owner(), space.name()))
            .collect()
    }

    pub(crate) fn namespaces_of(&self, caller: &Caller) -> Vec<String> {
        let mut names: Vec<String> = self
            .visible_spaces(caller)
            .iter()
            .map(|space| space.name().to_owned())
            .collect();
        names.sort_unstable();
        names
    }

    /// A namespace with its tools.
    async fn open(
        &self,
        name: &str,
        only: Option<&str>,
        caller: &Caller,
        context: &CallContext,
    ) -> Result<Opened<'_>, ToolError> {
        let Some(space) = self.visible(name, caller) else {
            let names = self.namespaces_of(caller);
            let close: Vec<String> = nearest(name, names.iter().map(String::as_str))
                .into_iter()
                .map(str::to_owned)
                .collect();
            return Err(unknown("namespace", name, &close));
        };
        space.open(only, context, self.call_timeout).await
    }

    pub(crate) async fn list(
        &self,
        name: &str,
        caller: &Caller,
        context: &CallContext,
    ) -> Result<NamespaceListing, ToolError> {
        let opened = self.open(name, None, caller, context).await?;
        Ok(NamespaceListing {
            name: opened.name().to_owned(),
            tools: opened
                .tools
                .tools()
                .filter(|tool| caller.may_call(opened.owner(), opened.name(), *tool))
                .map(|named| ToolListing {
                    name: named.tool.name().to_owned(),
                    attribute: named.attribute.to_owned(),
                    parameters: parameters(named.tool.input_schema()),
                    description: summary(named.tool.description()),
                })
                .collect(),
        })
    }

    /// Searches all namespaces; those that do not start are left out, unless
    /// none does.
    async fn find(&self, search: Search, context: &CallContext) -> Result<Vec<ToolHit>, ToolError> {
        let spaces = self.visible_spaces(&self.script);
        let opened = join_all(
            spaces
                .into_iter()
                .map(|space| space.open(None, context, self.call_timeout)),
        )
        .await;
        let (opened, failed): (Vec<_>, Vec<Result<_, ToolError>>) =
            opened.into_iter().partition(Result::is_ok);
        if opened.is_empty()
            && let Some(failure) = failed.into_iter().find_map(Result::err)
        {
            return Err(failure);
        }
        let listed = opened
            .into_iter()
            .flatten()
            .map(|opened| Listed {
                owner: opened.owner().to_owned(),
                space: opened.name().to_owned(),
                tools: opened.tools,
            })
            .collect();
        self.discovery.search(listed, &self.script, search).await
    }

    pub(crate) async fn explain(
        &self,
        names: Vec<String>,
        caller: &Caller,
        context: &CallContext,
    ) -> Result<Vec<ToolDescription>, ToolError> {
        if names.len() > MAX_DESCRIBED {
            return Err(ToolError::new(
                ToolErrorKind::InvalidCall,
                format!("at most {MAX_DESCRIBED} tools are described at once"),
            ));
        }
        let mut described = Vec::new();
        for name in &names {
            let found = self.resolve(name, caller, context).await?;
            let named = found
                .space
                .tools
                .resolve(&found.tool)
                .ok_or_else(|| unknown_tool(name, &[]))?;
            let tool = self.with_learned(&found.space, named.tool);
            let space = found.space.name();
            described.push(discovery::description(space, named.attribute, &tool));
        }
        Ok(described)
    }

    /// A tool with what was learned of its answers.
    fn with_learned(&self, space: &Opened<'_>, tool: &Tool) -> Tool {
        let learned = self
            .learning
            .as_ref()
            .filter(|_| tool.output_schema().is_none())
            .and_then(|learning| learning.schema(space.owner(), tool));
        tool.clone().with_learned_output(learned)
    }
}

/// What is wrong with the tool files of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// Files that are no tools.
    pub broken: Vec<Broken>,
    /// Tools, and what they ask for that is not approved, as lines of `wxmcp.toml`.
    pub unapproved: Vec<(String, Vec<String>)>,
}

/// A granted tool of an opened namespace.
struct Found<'a> {
    space: Opened<'a>,
    /// The tool's own name.
    tool: String,
}

fn unknown_tool(name: &str, close: &[String]) -> ToolError {
    unknown("tool", name, close)
}

fn unknown(what: &str, name: &str, close: &[String]) -> ToolError {
    let mut message = format!("there is no {what} {}", quoted(name));
    if what == "tool" && !name.contains('.') {
        message.push_str("; tools are called `namespace.tool`");
    }
    if !close.is_empty() {
        message.push_str(&format!("; did you mean `{}`?", close.join("` or `")));
    }
    ToolError::new(ToolErrorKind::UnknownTool, message)
}

pub(crate) fn summary(description: &str) -> String {
    wxmcp_tooltree::shorten(&first_paragraph(description), MAX_SUMMARY_BYTES)
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

    fn capability(
        &self,
        capability: Capability,
        request: serde_json::Map<String, serde_json::Value>,
        _context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<u8>, ToolError>> {
        Box::pin(self.capabilities.perform_for_script(capability, request))
    }
}
