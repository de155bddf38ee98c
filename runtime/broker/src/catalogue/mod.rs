//! What a caller sees: namespaces, tools, search results and descriptions.

mod describe;
mod flat;
mod hit;
mod inspect;
mod known;
pub(crate) mod learned;
pub(crate) mod search;
mod unmatched;

use std::sync::Arc;
use std::time::Duration;

use wxmcp_catalogue::wording::quoted;
use wxmcp_catalogue::{Named, Namespace, nearest, object_parameter, parameters};
use wxmcp_policy::Caller;
use wxmcp_run::{CallContext, NamespaceListing, ToolError, ToolErrorKind, ToolListing};

use self::hit::summary;
use crate::broker::Broker;
use crate::host::CallerHost;
use crate::provider::{ProvidedTools, Provider};

pub use inspect::Problems;
pub use known::KnownTools;

/// Longest name that is looked up, in bytes.
const MAX_CALL_NAME_BYTES: usize = 1_024;

/// Bytes of a listing from which on tools are listed by their names alone.
const MAX_LISTING_BYTES: u64 = 32 << 20;

/// Bytes that a text takes beside its letters.
const NODE: usize = 32;

/// A namespace whose tools are known.
pub(crate) struct Space {
    provider: Arc<dyn Provider>,
    pub(crate) provided: Box<dyn ProvidedTools>,
}

impl Space {
    async fn open(
        provider: Arc<dyn Provider>,
        only: Option<&str>,
        context: &CallContext,
        deadline: Duration,
    ) -> Result<Self, ToolError> {
        let provided = Arc::clone(&provider).tools(only, context, deadline).await?;
        Ok(Self { provider, provided })
    }

    /// The namespace, as scripts spell it.
    pub(crate) fn name(&self) -> &str {
        self.provider.name()
    }

    /// The name as configured.
    pub(crate) fn configured_name(&self) -> &str {
        self.provider.configured_name()
    }

    pub(crate) fn tools(&self) -> &Arc<Namespace> {
        self.provided.namespace()
    }

    /// The tools that a caller may call.
    fn granted<'a>(&'a self, caller: &'a Caller) -> impl Iterator<Item = Named<'a>> {
        let (configured, name) = (self.configured_name(), self.name());
        let tools = self.tools().tools();
        tools.filter(move |tool| caller.may_call(configured, name, *tool))
    }
}

/// A tool that was found.
pub(crate) struct Found {
    pub(crate) space: Space,
    /// The tool's own name.
    pub(crate) tool: String,
}

impl CallerHost {
    /// The tool behind a name, in either spelling, if the caller may call it. A tool that it may not call and
    /// one that does not exist look the same to it.
    ///
    /// # Errors
    ///
    /// When there is none, with near names; or when the namespace does not start.
    pub(crate) async fn resolve(
        &self,
        name: &str,
        context: &CallContext,
    ) -> Result<Found, ToolError> {
        if name.len() > MAX_CALL_NAME_BYTES {
            return Err(unknown_tool(name, &[]));
        }
        // Both halves may hold dots; the shortest namespace that exists counts.
        let Some((provider, tool)) = name.match_indices('.').find_map(|(at, _)| {
            let (space, tool) = name.split_at_checked(at)?;
            Some((self.visible(space)?, tool.strip_prefix('.')?))
        }) else {
            return Err(self.unknown_namespace_of(name));
        };
        let deadline = self.broker.call_timeout;
        let mut space = Space::open(provider, Some(tool), context, deadline).await?;
        let mut found = self.callable(&space, tool);
        if found.is_none() && space.provided.look_again(deadline).await? {
            found = self.callable(&space, tool);
        }
        match found {
            Some(tool) => Ok(Found { space, tool }),
            None => Err(self.missing(&space, name, tool)),
        }
    }

    /// The own name of a tool, in either spelling, if the caller may call it.
    fn callable(&self, space: &Space, spelled: &str) -> Option<String> {
        let named = space.tools().resolve(spelled)?;
        let (configured, name) = (space.configured_name(), space.name());
        let may = self.caller.may_call(configured, name, named);
        may.then(|| named.tool.name().to_owned())
    }

    /// The error of a call of `tool`, which the namespace does not have, or not for this caller.
    fn missing(&self, space: &Space, name: &str, tool: &str) -> ToolError {
        let own = tool.split('.').next_back().unwrap_or_default();
        // What a caller may not call shows nothing, not even that its file does not load.
        let may_know = self.caller.is_script()
            && [tool, own].iter().all(|it| {
                let caller = &self.caller;
                caller.may_call_name(space.configured_name(), space.name(), it)
            });
        if may_know && let Some(reason) = space.tools().why_not(tool) {
            return ToolError::new(
                ToolErrorKind::UnknownTool,
                format!("{} cannot be called: {reason}", quoted(name)),
            );
        }
        let attributes = space.granted(&self.caller).map(|tool| tool.attribute);
        let close: Vec<String> = nearest(tool, attributes)
            .into_iter()
            .map(|attribute| format!("{}.{attribute}", space.name()))
            .collect();
        if may_know && let Some(broken) = space.provided.why_broken(own) {
            return ToolError::new(
                ToolErrorKind::ToolFailed,
                format!("{} does not load: {broken}", quoted(name)),
            );
        }
        unknown_tool(name, &close)
    }

    /// The error of a call of a tool in a namespace that is not there, or not for this caller.
    fn unknown_namespace_of(&self, name: &str) -> ToolError {
        let space = name.split('.').next().unwrap_or_default();
        let names = self.visible_names();
        let close: Vec<String> = nearest(space, names.iter().map(String::as_str))
            .iter()
            .map(|name| format!("{name}.*"))
            .collect();
        unknown_tool(name, &close)
    }

    /// The namespace behind either spelling, if the caller may see it. One that is switched off is found
    /// only where no other has its name, so that a call of it is told so.
    fn visible(&self, name: &str) -> Option<Arc<dyn Provider>> {
        let mut off = None;
        let mut on = None;
        for (rank, providers) in self.broker.providers.iter().enumerate() {
            match providers.find(name) {
                Some(found) if found.is_disabled() => off = off.or(Some(found)),
                Some(found) if self.broker.is_hidden(&*found, rank) => {}
                Some(found) => {
                    on = Some(found);
                    break;
                }
                None => {}
            }
        }
        on.or(off)
            .filter(|found| self.caller.may_see(found.configured_name(), found.name()))
    }

    /// All namespaces in use that the caller may see.
    fn all_visible(&self) -> Vec<Arc<dyn Provider>> {
        let providers = self.broker.providers.iter().enumerate();
        let all = providers.flat_map(|(rank, it)| it.all().into_iter().map(move |it| (rank, it)));
        all.filter(|(rank, it)| !it.is_disabled() && !self.broker.is_hidden(&**it, *rank))
            .map(|(_, it)| it)
            .filter(|it| self.caller.may_see(it.configured_name(), it.name()))
            .collect()
    }

    /// The names of all namespaces in use that the caller may see, in order.
    pub(crate) fn visible_names(&self) -> Vec<String> {
        let visible = self.all_visible();
        let mut names: Vec<String> = visible.iter().map(|it| it.name().to_owned()).collect();
        names.sort_unstable();
        names
    }

    /// A namespace with its tools.
    async fn open(&self, name: &str, context: &CallContext) -> Result<Space, ToolError> {
        let Some(provider) = self.visible(name) else {
            let names = self.visible_names();
            let close: Vec<String> = nearest(name, names.iter().map(String::as_str))
                .into_iter()
                .map(str::to_owned)
                .collect();
            return Err(unknown("namespace", name, &close));
        };
        Space::open(provider, None, context, self.broker.call_timeout).await
    }

    async fn open_to_list(&self, name: &str, context: &CallContext) -> Result<Space, ToolError> {
        let mut space = self.open(name, context).await?;
        // Scripts ask a second time where they miss a tool.
        space.provided.look_again(self.broker.call_timeout).await?;
        Ok(space)
    }

    /// The tools of a namespace that the caller may call.
    pub(crate) async fn list(
        &self,
        name: &str,
        context: &CallContext,
    ) -> Result<NamespaceListing, ToolError> {
        let space = self.open_to_list(name, context).await?;
        self.listing(&space, context)
    }

    /// Charged to the run. The tools of a list that is too long are listed by their names alone.
    fn listing(&self, space: &Space, context: &CallContext) -> Result<NamespaceListing, ToolError> {
        let mut held = context.ledger.charge(0)?;
        let mut tools = Vec::new();
        for named in space.granted(&self.caller) {
            let is_long = held.bytes() > MAX_LISTING_BYTES;
            let listing = listed(named, is_long);
            held.grow(weight(&listing))?;
            tools.push(listing);
        }
        Ok(NamespaceListing {
            name: space.name().to_owned(),
            tools,
            held: held.into(),
        })
    }
}

fn listed(named: Named<'_>, by_name_alone: bool) -> ToolListing {
    let (name, attribute) = (named.tool.name().to_owned(), named.attribute.to_owned());
    let schema = named.tool.input_schema();
    match by_name_alone {
        true => ToolListing {
            name,
            attribute,
            parameters: Vec::new(),
            object_first: false,
            description: String::new(),
        },
        false => ToolListing {
            name,
            attribute,
            parameters: parameters(schema),
            object_first: object_parameter(schema).is_some(),
            description: summary(named.tool.description()),
        },
    }
}

/// Bytes that one line of a listing takes.
fn weight(tool: &ToolListing) -> u64 {
    let texts = [&tool.name, &tool.attribute, &tool.description];
    let texts = texts.into_iter().chain(&tool.parameters);
    let bytes = texts.map(|text| text.len().saturating_add(NODE));
    u64::try_from(bytes.fold(0, usize::saturating_add)).unwrap_or(u64::MAX)
}

impl Broker {
    /// Whether a provider that is in use, of those that come before the `rank`-th, has a name of this one.
    fn is_hidden(&self, provider: &dyn Provider, rank: usize) -> bool {
        let names = [provider.configured_name(), provider.name()];
        self.providers.iter().take(rank).any(|earlier| {
            let mut found = names.iter().filter_map(|name| earlier.find(name));
            found.any(|found| !found.is_disabled())
        })
    }
}

pub(crate) fn unknown_tool(name: &str, close: &[String]) -> ToolError {
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
