//! Tools by names in which no namespace stands before a dot, as programs for other hosts spell them:
//! `list_issues`, `github_list_issues`, `github__list_issues`, `mcp__github__list_issues`.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::json;
use wxmcp_catalogue::{nearest, plain_identifier};
use wxmcp_run::{CallContext, ToolError, ToolErrorKind};

use super::{Found, MAX_CALL_NAME_BYTES, Space, unknown_tool};
use crate::host::CallerHost;

/// What other hosts put before the name of a namespace.
const PREFIXES: [&str; 3] = ["", "mcp__", "mcp_"];

/// What other hosts put between the names of a namespace and of a tool.
const SEPARATORS: [char; 4] = ['_', '-', '/', ':'];

/// Tools that an error names, at most.
const MAX_NAMED: usize = 20;

impl CallerHost {
    /// The tool behind a full name, or behind one without a namespace that means one tool alone.
    ///
    /// # Errors
    ///
    /// Those of `resolve`; and where several tools could be meant, with their full names.
    pub(super) async fn resolve_flat(
        &self,
        name: &str,
        context: &CallContext,
    ) -> Result<Found, ToolError> {
        let is_flat = !name.contains('.') && name.len() <= MAX_CALL_NAME_BYTES;
        if !is_flat {
            return self.resolve(name, context).await;
        }
        let identifier = plain_identifier(name);
        for text in [name, &identifier] {
            for prefix in PREFIXES {
                if let Some(found) = self.joined(text, prefix, context).await? {
                    return Ok(found);
                }
            }
        }
        self.alone(name, context).await
    }

    /// `github_list_issues`: the shortest namespace that exists and has such a tool counts.
    async fn joined(
        &self,
        name: &str,
        prefix: &str,
        context: &CallContext,
    ) -> Result<Option<Found>, ToolError> {
        let Some(rest) = name.strip_prefix(prefix) else {
            return Ok(None);
        };
        for (at, _) in rest.match_indices(SEPARATORS) {
            let Some((space, tool)) = rest.split_at_checked(at) else {
                continue;
            };
            let tool = tool.trim_start_matches(SEPARATORS);
            let Some(provider) = self.visible(space).filter(|_| !tool.is_empty()) else {
                continue;
            };
            let deadline = self.broker.call_timeout;
            let space = Space::open(provider, None, context, deadline).await?;
            if let Some(tool) = self.meant(&space, tool) {
                return Ok(Some(Found { space, tool }));
            }
        }
        Ok(None)
    }

    /// The own name of the tool that a name means, whatever its case, `-` and `_`.
    fn meant(&self, space: &Space, name: &str) -> Option<String> {
        self.callable(space, name).or_else(|| {
            let mut alike = space
                .granted(&self.caller)
                .filter(|it| folded(it.attribute) == folded(name));
            let first = alike.next()?;
            let is_only = alike.next().is_none();
            is_only.then(|| first.tool.name().to_owned())
        })
    }

    /// The only tool of that name in any namespace. Starts the servers behind all of them.
    async fn alone(&self, name: &str, context: &CallContext) -> Result<Found, ToolError> {
        let deadline = self.broker.call_timeout;
        let visible = self.all_visible();
        let spaces = visible.iter().map(Arc::clone);
        let opened = join_all(spaces.map(|it| Space::open(it, None, context, deadline))).await;
        let (mut found, mut spaces, mut closed) = (Vec::new(), Vec::new(), Vec::new());
        for (provider, opened) in visible.iter().zip(opened) {
            match opened {
                Ok(space) => match self.meant(&space, name) {
                    Some(tool) => found.push(Found { space, tool }),
                    None => spaces.push(space),
                },
                Err(_) => closed.push(provider.name().to_owned()),
            }
        }
        if found.len() > 1 {
            return Err(ambiguous(name, &found));
        }
        match found.pop() {
            Some(found) => Ok(found),
            None => Err(self.nowhere(name, &spaces, &closed)),
        }
    }

    /// The error of a name that no namespace has.
    fn nowhere(&self, name: &str, spaces: &[Space], closed: &[String]) -> ToolError {
        let mut close = Vec::new();
        for space in spaces {
            let attributes = space.granted(&self.caller).map(|tool| tool.attribute);
            let near = nearest(name, attributes).into_iter();
            close.extend(near.map(|attribute| format!("{}.{attribute}", space.name())));
        }
        close.truncate(3);
        let mut error = match close.is_empty() {
            true => self.unknown_namespace_of(name),
            false => with_names(unknown_tool(name, &close), "near", &close),
        };
        if !closed.is_empty() {
            error
                .message
                .push_str(&format!("; not looked at: {}", listed(closed)));
        }
        error
    }
}

fn ambiguous(name: &str, found: &[Found]) -> ToolError {
    let names = found.iter().map(|it| {
        let named = it.space.tools().resolve(&it.tool);
        let attribute = named.map_or(it.tool.as_str(), |named| named.attribute);
        format!("{}.{attribute}", it.space.name())
    });
    let names: Vec<String> = names.collect();
    let name = wxmcp_catalogue::wording::quoted(name);
    let message = format!("{name} is a tool of several namespaces: {}", listed(&names));
    let error = ToolError::new(ToolErrorKind::UnknownTool, message);
    with_names(error, "several", &names)
}

/// The error with the tools that may be meant as its data.
fn with_names(error: ToolError, what: &str, names: &[String]) -> ToolError {
    let names: Vec<&String> = names.iter().take(MAX_NAMED).collect();
    ToolError {
        data: Some(json!({what: names})),
        ..error
    }
}

fn listed(names: &[String]) -> String {
    let some = names.iter().take(MAX_NAMED).map(|name| format!("`{name}`"));
    some.collect::<Vec<_>>().join(", ")
}

/// A name without what does not tell tools apart.
fn folded(name: &str) -> String {
    let letters = name.chars().filter(|c| !matches!(c, '_' | '-'));
    letters.flat_map(char::to_lowercase).collect()
}
