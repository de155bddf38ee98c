//! The broker: from a script's call to a tool's answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use wxmcp_sandbox::{
    BoxFuture, CallContext, NamespaceListing, ToolAnswer, ToolCall, ToolDescription, ToolError,
    ToolErrorKind, ToolHost, ToolListing, ToolSummary,
};
use wxmcp_tooltree::{
    Identifiers, Named, Namespace, first_paragraph, nearest, parameters, signature,
};

use crate::answer;
use crate::config::{Environment, UpstreamConfig};
use crate::discovery::{Discovery, Listed};
use crate::grants::Grants;
use crate::upstream::guard::GuardCommand;
use crate::upstream::{Live, Settings, Upstream};
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
    /// Which of their tools.
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
    /// How upstreams are started.
    pub guard: GuardCommand,
}

impl BrokerConfig {
    /// No upstreams, everything granted, 30 seconds a call, 60 to start, 32 MiB
    /// an answer.
    pub fn new(guard: GuardCommand) -> Self {
        Self {
            upstreams: Vec::new(),
            grants: Grants::everything(),
            environment: Environment::default(),
            call_timeout: Duration::from_secs(30),
            start_timeout: Duration::from_secs(60),
            answer_limit: 32 * 1024 * 1024,
            guard,
        }
    }
}

/// Answers tool calls from upstream MCP servers.
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
    grants: Arc<Grants>,
    discovery: Discovery,
    validators: Validators,
    call_timeout: Duration,
}

impl Broker {
    /// A broker; starts nothing. Of two upstreams of one name, the later counts.
    pub fn new(config: BrokerConfig) -> Arc<Self> {
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
        Arc::new(Self {
            upstreams,
            identifiers,
            grants: Arc::new(config.grants),
            discovery: Discovery::default(),
            validators: Validators::default(),
            call_timeout: config.call_timeout,
        })
    }

    /// Ends all upstreams and waits until they have ended. Calls that are still
    /// open fail.
    pub async fn shutdown(&self) {
        join_all(self.upstreams.values().map(Upstream::close)).await;
    }

    /// The pipeline that every call passes.
    async fn dispatch(&self, call: ToolCall) -> Result<ToolAnswer, ToolError> {
        let found = self.resolve(&call.name, &call.context).await?;
        let Found {
            upstream,
            live,
            tool: name,
            tools,
        } = found;
        let tool = tools
            .resolve(&name)
            .ok_or_else(|| unknown_tool(&call.name, &[]))?
            .tool;
        let arguments = self
            .validators
            .arguments(tool, &call.name, call.arguments, self.call_timeout)
            .await
            .map_err(|error| upstream.told(&live, error))?;
        let calling = upstream.call(&live, &name, arguments);
        let (result, bytes) = tokio::time::timeout(self.call_timeout, calling)
            .await
            .map_err(|_| self.timed_out(upstream, &name))??;
        let is_structured = result.get("structuredContent").is_some();
        let mut value = answer::unwrap(result, tool.output_schema().is_some())
            .map_err(|error| upstream.told(&live, error))?;
        if is_structured {
            value = self
                .validators
                .answer(tool, &call.name, value, self.call_timeout)
                .await
                .map_err(|error| upstream.told(&live, error))?;
        }
        Ok(ToolAnswer { value, bytes })
    }

    /// The granted tool behind a name. A tool that is not granted and one that
    /// does not exist are told apart by nothing.
    async fn resolve(&self, name: &str, context: &CallContext) -> Result<Found<'_>, ToolError> {
        let unknown = || unknown_tool(name, &[]);
        if name.len() > MAX_CALL_NAME_BYTES {
            return Err(unknown());
        }
        // Both halves may hold dots; the shortest namespace that exists counts.
        let Some((upstream, tool)) = name.match_indices('.').find_map(|(at, _)| {
            let (space, tool) = name.split_at_checked(at)?;
            Some((self.visible(space)?, tool.strip_prefix('.')?))
        }) else {
            let space = name.split('.').next().unwrap_or_default();
            let names = self.visible_upstreams().map(Upstream::name);
            let close = nearest(space, names);
            return Err(unknown_tool(
                name,
                &close
                    .iter()
                    .map(|name| format!("{name}.*"))
                    .collect::<Vec<_>>(),
            ));
        };
        let live = upstream.live(&context.clock).await?;
        let tools = self.tools(upstream, &live).await?;
        let granted = |tool: &Named<'_>| self.is_granted(upstream, *tool);
        match tools.resolve(tool).filter(granted) {
            Some(named) => Ok(Found {
                upstream,
                tool: named.tool.name().to_owned(),
                tools: Arc::clone(&tools),
                live,
            }),
            None => {
                let attributes = tools.tools().filter(granted).map(|tool| tool.attribute);
                let close: Vec<String> = nearest(tool, attributes)
                    .into_iter()
                    .map(|attribute| format!("{}.{attribute}", upstream.name()))
                    .collect();
                Err(unknown_tool(name, &close))
            }
        }
    }

    /// The tools of a started upstream, under the deadline of a call.
    async fn tools(&self, upstream: &Upstream, live: &Live) -> Result<Arc<Namespace>, ToolError> {
        tokio::time::timeout(self.call_timeout, upstream.tools(live))
            .await
            .map_err(|_| self.timed_out(upstream, "tools/list"))
    }

    fn is_granted(&self, upstream: &Upstream, tool: Named<'_>) -> bool {
        self.grants
            .is_granted(upstream.owner(), upstream.name(), tool)
    }

    /// The upstream behind either spelling of a namespace, if a run may see it.
    fn visible(&self, space: &str) -> Option<&Upstream> {
        let upstream = self.upstreams.get(self.identifiers.resolve(space)?)?;
        self.is_visible(upstream).then_some(upstream)
    }

    fn visible_upstreams(&self) -> impl Iterator<Item = &Upstream> {
        self.upstreams
            .values()
            .filter(|upstream| self.is_visible(upstream))
    }

    fn is_visible(&self, upstream: &Upstream) -> bool {
        self.grants.may_grant_in(upstream.owner(), upstream.name())
    }

    fn timed_out(&self, upstream: &Upstream, tool: &str) -> ToolError {
        ToolError::new(
            ToolErrorKind::CallTimedOut,
            format!(
                "`{}` did not answer {} within {:?}",
                upstream.name(),
                quoted(tool),
                self.call_timeout
            ),
        )
    }

    async fn list(&self, name: &str, context: &CallContext) -> Result<NamespaceListing, ToolError> {
        let Some(upstream) = self.visible(name) else {
            let names = self.visible_upstreams().map(Upstream::name);
            let close: Vec<String> = nearest(name, names)
                .into_iter()
                .map(str::to_owned)
                .collect();
            return Err(unknown("namespace", name, &close));
        };
        let live = upstream.live(&context.clock).await?;
        let tools = self.tools(upstream, &live).await?;
        Ok(NamespaceListing {
            name: upstream.name().to_owned(),
            tools: tools
                .tools()
                .filter(|tool| self.is_granted(upstream, *tool))
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
    async fn find(
        &self,
        query: String,
        limit: usize,
        context: &CallContext,
    ) -> Result<Vec<ToolSummary>, ToolError> {
        let listed = join_all(self.visible_upstreams().map(async |upstream| {
            let live = upstream.live(&context.clock).await?;
            Ok((upstream, self.tools(upstream, &live).await?))
        }))
        .await;
        let (listed, failed): (Vec<_>, Vec<Result<_, ToolError>>) =
            listed.into_iter().partition(Result::is_ok);
        if listed.is_empty()
            && let Some(failure) = failed.into_iter().find_map(Result::err)
        {
            return Err(failure);
        }
        let listed = listed
            .into_iter()
            .flatten()
            .map(|(upstream, tools)| Listed {
                owner: upstream.owner().to_owned(),
                space: upstream.name().to_owned(),
                tools,
            })
            .collect();
        self.discovery
            .search(listed, &self.grants, query, limit)
            .await
    }

    async fn explain(
        &self,
        names: Vec<String>,
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
            let found = self.resolve(name, context).await?;
            let tools = self.tools(found.upstream, &found.live).await?;
            // The list may have changed since; then the tool is gone.
            let named = tools
                .resolve(&found.tool)
                .ok_or_else(|| unknown_tool(name, &[]))?;
            described.push(ToolDescription {
                name: format!("{}.{}", found.upstream.name(), named.attribute),
                description: named.tool.description().to_owned(),
                signature: signature(found.upstream.name(), named.attribute, named.tool),
                input: named.tool.input_schema().clone(),
                output: named.tool.output_schema().cloned(),
            });
        }
        Ok(described)
    }
}

/// A granted tool of a started upstream.
struct Found<'a> {
    upstream: &'a Upstream,
    live: Arc<Live>,
    /// The tool's own name.
    tool: String,
    /// The list that it is in.
    tools: Arc<Namespace>,
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
        Box::pin(self.dispatch(call))
    }

    fn namespaces(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .visible_upstreams()
            .map(|upstream| upstream.name().to_owned())
            .collect();
        names.sort_unstable();
        names
    }

    fn namespace(
        &self,
        name: String,
        context: CallContext,
    ) -> BoxFuture<'_, Result<NamespaceListing, ToolError>> {
        Box::pin(async move { self.list(&name, &context).await })
    }

    fn search(
        &self,
        query: String,
        limit: usize,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolSummary>, ToolError>> {
        Box::pin(async move { self.find(query, limit, &context).await })
    }

    fn describe(
        &self,
        names: Vec<String>,
        context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolDescription>, ToolError>> {
        Box::pin(async move { self.explain(names, &context).await })
    }
}
