//! What a person sees who looks at the catalogue: what is wrong with it, and what could be better.

use wxmcp_catalogue::wording::quoted;
use wxmcp_catalogue::{Named, Oddity};
use wxmcp_run::{CallContext, NamespaceListing, ToolError};

use super::Space;
use crate::host::CallerHost;
use crate::provider::Broken;

/// Oddities of one namespace that are reported.
const MAX_ODD: usize = 50;

/// What is wrong with a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    /// Files that are not tools.
    pub broken: Vec<Broken>,
    /// Tools, and what they request that is not approved, as lines of `wxmcp.toml`.
    pub unapproved: Vec<(String, Vec<String>)>,
    /// Tools of a server, and what is odd about them, as sentences.
    pub odd: Vec<String>,
}

impl CallerHost {
    /// The tools of a namespace that the caller may call, and what is wrong with it: files that are
    /// no tools, what tools request in vain, and what is odd about the tools of a server.
    ///
    /// # Errors
    ///
    /// When there is no such namespace, or it does not start.
    pub async fn inspect(
        &self,
        namespace: &str,
        context: &CallContext,
    ) -> Result<(NamespaceListing, Problems), ToolError> {
        let space = self.open_to_list(namespace, context).await?;
        Ok((self.listing(&space, context)?, problems(&space)))
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
        let space = self.open(namespace, context).await?;
        let could = |named: &Named<'_>| space.provided.could_be_reusable(named.tool.name());
        let tools = space.tools().tools().filter(could);
        let names = tools.map(|named| format!("{}.{}", space.name(), named.attribute));
        Ok(names.collect())
    }
}

fn problems(space: &Space) -> Problems {
    if !space.provider.has_tool_files() {
        return Problems {
            odd: odd_tools(space),
            ..Problems::default()
        };
    }
    let unapproved = space.tools().tools().filter_map(|named| {
        let requests = space.provided.grants(named.tool.name())?.unapproved();
        let name = format!("{}.{}", space.name(), named.attribute);
        (!requests.is_empty()).then_some((name, requests))
    });
    Problems {
        broken: space.provided.broken().to_vec(),
        unapproved: unapproved.collect(),
        odd: Vec::new(),
    }
}

/// What is odd about tools, and how those are called that can be.
fn odd_tools(opened: &Space) -> Vec<String> {
    let space = opened.name();
    let oddities = opened.tools().oddities();
    let shown = oddities.iter().take(MAX_ODD).map(|oddity| {
        let Oddity {
            name,
            reason,
            attribute,
        } = oddity;
        match attribute {
            Some(attribute) => {
                format!("{} is called `{space}.{attribute}`: {reason}", quoted(name))
            }
            None if name.is_empty() => format!("a tool cannot be called: {reason}"),
            None => format!("{} cannot be called: {reason}", quoted(name)),
        }
    });
    let mut odd: Vec<String> = shown.collect();
    let more = oddities.len().saturating_sub(MAX_ODD);
    if more > 0 {
        odd.push(format!("and {more} more"));
    }
    odd
}
