//! What a caller sees: namespaces, tools, what fits a query, what is said of each.

use futures_util::future::join_all;
use wxmcp_catalogue::stubs::ToolSet;
use wxmcp_catalogue::{
    Named, Oddity, Tool, first_paragraph, nearest, object_parameter, parameters,
};
use wxmcp_run::{
    CallContext, NamespaceListing, Search, ToolDescription, ToolError, ToolErrorKind, ToolHit,
    ToolListing,
};

use super::Broker;
use crate::caller::Caller;
use crate::discovery::{self, Listed};
use crate::space::{Opened, Space};
use crate::tree::folder::Broken;
use crate::upstream::Upstream;
use crate::wording::quoted;

/// Longest name that is looked up, in bytes.
const MAX_CALL_NAME_BYTES: usize = 1_024;

/// Oddities of one namespace that are told.
const MAX_ODD: usize = 50;

/// Tools described at once, at most.
const MAX_DESCRIBED: usize = 200;

/// Summaries in listings and hits, in bytes.
const MAX_SUMMARY_BYTES: usize = 300;

impl Broker {
    /// The tools of a namespace that scripts may call, and what is wrong with it: files that are
    /// no tools, what tools ask for in vain, and what is odd about the tools of a server.
    ///
    /// # Errors
    ///
    /// When there is no such namespace, or it does not start.
    pub async fn inspect(
        &self,
        namespace: &str,
        context: &CallContext,
    ) -> Result<(NamespaceListing, Problems), ToolError> {
        let opened = self.open_to_list(namespace, &self.script, context).await?;
        Ok((listing(&opened, &self.script), problems(&opened)))
    }

    /// The tools of a namespace, by full name, whose files get a fresh instance for each call and
    /// could do without, as far as their text tells.
    ///
    /// # Errors
    ///
    /// When there is no such namespace, or it does not start.
    pub async fn could_be_reusable(
        &self,
        namespace: &str,
        context: &CallContext,
    ) -> Result<Vec<String>, ToolError> {
        let opened = self.open(namespace, None, &self.script, context).await?;
        let Some(listed) = opened.folder() else {
            return Ok(Vec::new());
        };
        let could = |named: &Named<'_>| {
            let file = listed.file(named.tool.name());
            file.is_some_and(|file| file.could_be_reusable())
        };
        let tools = opened.tools.tools().filter(could);
        let names = tools.map(|named| format!("{}.{}", opened.name(), named.attribute));
        Ok(names.collect())
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
        self.tools_for(namespace, &self.script, context).await
    }

    /// The same for any caller.
    pub(crate) async fn tools_for(
        &self,
        namespace: &str,
        caller: &Caller,
        context: &CallContext,
    ) -> Result<ToolSet, ToolError> {
        let opened = self.open(namespace, None, caller, context).await?;
        let (owner, name) = (opened.owner(), opened.name());
        Ok(ToolSet {
            namespace: name.to_owned(),
            tools: opened
                .tools
                .tools()
                .filter(|named| caller.may_call(owner, name, *named))
                .map(|named| {
                    let tool = self.with_learned(&opened, named.tool);
                    (named.attribute.to_owned(), tool)
                })
                .collect(),
        })
    }

    /// The granted tool behind a name. A tool that is not granted and one that
    /// does not exist are told apart by nothing.
    pub(super) async fn resolve(
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
        let mut opened = space.open(Some(tool), context, self.call_timeout).await?;
        let mut found = granted(&opened, tool, caller);
        if found.is_none() && opened.look_again(self.call_timeout).await? {
            found = granted(&opened, tool, caller);
        }
        if let Some(tool) = found {
            return Ok(Found {
                space: opened,
                tool,
            });
        }
        if let Some(reason) = opened.tools.why_not(tool)
            && caller.is_script()
        {
            return Err(ToolError::new(
                ToolErrorKind::UnknownTool,
                format!("{} cannot be called: {reason}", quoted(name)),
            ));
        }
        let granted = |tool: &Named<'_>| caller.may_call(opened.owner(), opened.name(), *tool);
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
        let upstream = self.upstream(space).map(Space::Upstream);
        let folder = || {
            let tree = self.tree.as_ref()?;
            tree.folder(space, &|name| self.is_taken(name))
        };
        let found = match upstream {
            // One that is switched off says so, unless a folder has its name.
            Some(Space::Upstream(off)) if off.is_disabled() => {
                folder().map_or(Space::Upstream(off), Space::Folder)
            }
            Some(upstream) => upstream,
            None => Space::Folder(folder()?),
        };
        caller.may_see(found.owner(), found.name()).then_some(found)
    }

    /// The upstream of that name, in either spelling.
    fn upstream(&self, name: &str) -> Option<&Upstream> {
        self.upstreams.get(self.identifiers.resolve(name)?)
    }

    /// Whether an upstream that is in use has the name, in either spelling.
    fn is_taken(&self, name: &str) -> bool {
        self.upstream(name).is_some_and(|it| !it.is_disabled())
    }

    fn visible_spaces(&self, caller: &Caller) -> Vec<Space<'_>> {
        let folders = self
            .tree
            .iter()
            .flat_map(|tree| tree.folders(&|name| self.is_taken(name)));
        self.upstreams
            .values()
            .filter(|upstream| !upstream.is_disabled())
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
        let opened = self.open_to_list(name, caller, context).await?;
        Ok(listing(&opened, caller))
    }

    async fn open_to_list(
        &self,
        name: &str,
        caller: &Caller,
        context: &CallContext,
    ) -> Result<Opened<'_>, ToolError> {
        let mut opened = self.open(name, None, caller, context).await?;
        // Scripts ask a second time where they miss a tool.
        opened.look_again(self.call_timeout).await?;
        Ok(opened)
    }

    /// Searches all namespaces; those that do not start are left out, unless
    /// none does.
    pub(super) async fn find(
        &self,
        search: Search,
        context: &CallContext,
    ) -> Result<Vec<ToolHit>, ToolError> {
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

/// What is wrong with a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// Files that are no tools.
    pub broken: Vec<Broken>,
    /// Tools, and what they ask for that is not approved, as lines of `wxmcp.toml`.
    pub unapproved: Vec<(String, Vec<String>)>,
    /// Tools of a server, and what is odd about them, as sentences.
    pub odd: Vec<String>,
}

/// The tools of a namespace that a caller may call.
fn listing(opened: &Opened<'_>, caller: &Caller) -> NamespaceListing {
    NamespaceListing {
        name: opened.name().to_owned(),
        tools: opened
            .tools
            .tools()
            .filter(|tool| caller.may_call(opened.owner(), opened.name(), *tool))
            .map(|named| ToolListing {
                name: named.tool.name().to_owned(),
                attribute: named.attribute.to_owned(),
                parameters: parameters(named.tool.input_schema()),
                object_first: object_parameter(named.tool.input_schema()).is_some(),
                description: summary(named.tool.description()),
            })
            .collect(),
    }
}

fn problems(opened: &Opened<'_>) -> Problems {
    let Some(listed) = opened.folder() else {
        return Problems {
            odd: odd_tools(opened),
            ..Problems::default()
        };
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
    Problems {
        broken: listed.broken.clone(),
        unapproved,
        odd: Vec::new(),
    }
}

/// What is odd about tools, and how those are called that can be.
fn odd_tools(opened: &Opened<'_>) -> Vec<String> {
    let space = opened.name();
    let told = opened.tools.oddities().iter().take(MAX_ODD);
    let mut odd: Vec<String> = told
        .map(
            |Oddity {
                 name,
                 reason,
                 attribute,
             }| match attribute {
                Some(attribute) => {
                    format!("{} is called `{space}.{attribute}`: {reason}", quoted(name))
                }
                None if name.is_empty() => format!("a tool cannot be called: {reason}"),
                None => format!("{} cannot be called: {reason}", quoted(name)),
            },
        )
        .collect();
    let more = opened.tools.oddities().len().saturating_sub(MAX_ODD);
    if more > 0 {
        odd.push(format!("and {more} more"));
    }
    odd
}

/// The own name of a tool, in either spelling, if the caller may call it.
fn granted(opened: &Opened<'_>, spelled: &str, caller: &Caller) -> Option<String> {
    let named = opened.tools.resolve(spelled)?;
    let may = caller.may_call(opened.owner(), opened.name(), named);
    may.then(|| named.tool.name().to_owned())
}

/// A granted tool of an opened namespace.
pub(super) struct Found<'a> {
    pub(super) space: Opened<'a>,
    /// The tool's own name.
    pub(super) tool: String,
}

pub(super) fn unknown_tool(name: &str, close: &[String]) -> ToolError {
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
    wxmcp_catalogue::shorten(&first_paragraph(description), MAX_SUMMARY_BYTES)
}
