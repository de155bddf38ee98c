//! The tree of tools as resources: `tools://database/query.ts` is what a program may import of one tool.

use std::ops::ControlFlow;
use std::sync::Arc;

use rmcp::model::{ErrorData, Resource, ResourceContents, ResourceTemplate};
use wxmcp_broker::{CallerHost, KnownTools};
use wxmcp_run::{CallContext, Language, ToolError, ToolHost};

use crate::discovery;

/// Tools that one page of a list names.
const PAGE: usize = 100;

/// Longest cursor, in bytes: a cursor is an address of a list.
const MAX_CURSOR: usize = 1_000;

const SCHEME: &str = "tools://";

const TYPESCRIPT: &str = "text/typescript";

const PYTHON: &str = "text/x-python";

const LIST: &str = "text/plain";

/// A part of the list, and where the next one begins.
pub(crate) struct Page {
    pub(crate) resources: Vec<Resource>,
    pub(crate) next: Option<String>,
}

/// The part of the list behind a cursor. Nothing is started for it: of a server that was not, only the namespace is
/// listed.
///
/// # Errors
///
/// When the cursor is none of ours.
pub(crate) async fn page(tools: Arc<CallerHost>, cursor: Option<&str>) -> Result<Page, ErrorData> {
    let after = match cursor {
        None => String::new(),
        Some(cursor) if cursor.len() <= MAX_CURSOR && cursor.starts_with(SCHEME) => {
            cursor.to_owned()
        }
        Some(_) => {
            return Err(ErrorData::invalid_params(
                "the cursor is none of this list",
                None,
            ));
        }
    };
    let first = after.strip_prefix(SCHEME).unwrap_or_default();
    let first = first.split('/').next().unwrap_or_default().to_owned();
    // Folders are read for it, which may take longer than others can wait.
    let listing = tokio::task::spawn_blocking(move || {
        let mut all = Vec::new();
        tools.each_known(&first, |known| {
            let addresses = addresses(&known).into_iter();
            all.extend(addresses.filter(|address| *address > after));
            match all.len() > PAGE {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        all
    });
    let mut all = listing
        .await
        .map_err(|_| ErrorData::internal_error("the tools could not be listed", None))?;
    let has_more = all.len() > PAGE;
    all.truncate(PAGE);
    Ok(Page {
        next: all.last().filter(|_| has_more).cloned(),
        resources: all.into_iter().map(resource).collect(),
    })
}

fn addresses(known: &KnownTools) -> Vec<String> {
    let space = &known.namespace;
    match &known.tools {
        None => vec![format!("{SCHEME}{space}")],
        Some(tools) => {
            let tools = tools.iter();
            tools
                .map(|tool| format!("{SCHEME}{space}/{tool}.ts"))
                .collect()
        }
    }
}

fn resource(address: String) -> Resource {
    let name = address.strip_prefix(SCHEME).unwrap_or_default().to_owned();
    match name.contains('/') {
        true => Resource::new(address, name).with_mime_type(TYPESCRIPT),
        false => Resource::new(address, name)
            .with_description(
                "The tools of a server that was not started yet: to read this starts it",
            )
            .with_mime_type(LIST),
    }
}

/// What the addresses look like.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    [
        ("{namespace}", "tools", "The tools of a namespace", LIST),
        (
            "{namespace}/{tool}.ts",
            "tool in TypeScript",
            "A tool as TypeScript and JavaScript import it",
            TYPESCRIPT,
        ),
        (
            "{namespace}/{tool}.py",
            "tool in Python",
            "A tool as Python imports it",
            PYTHON,
        ),
    ]
    .into_iter()
    .map(|(path, name, words, media_type)| {
        ResourceTemplate::new(format!("{SCHEME}{path}"), name)
            .with_description(words)
            .with_mime_type(media_type)
    })
    .collect()
}

/// One resource of the tree; none, if the address is of something else. May start a server.
///
/// # Errors
///
/// Why there is no such tool.
pub(crate) async fn read(
    tools: &CallerHost,
    address: &str,
) -> Option<Result<ResourceContents, ToolError>> {
    let path = address.strip_prefix(SCHEME)?;
    let path = path.strip_suffix('/').unwrap_or(path);
    let read = match path.split_once('/') {
        None if path.is_empty() => {
            let names = tools.namespaces().into_iter();
            let lines: Vec<String> = names.map(|name| format!("{name}/")).collect();
            Ok((LIST, lines.join("\n")))
        }
        None => list(tools, path).await,
        Some((space, file)) => tool(tools, space, file).await,
    };
    Some(read.map(
        |(media_type, text)| ResourceContents::TextResourceContents {
            uri: address.to_owned(),
            mime_type: Some(media_type.to_owned()),
            text,
            meta: None,
        },
    ))
}

async fn list(tools: &CallerHost, space: &str) -> Result<(&'static str, String), ToolError> {
    let context = CallContext::outside_of_runs(tools.broker().ledger());
    let listing = tools.namespace(space.to_owned(), context).await?;
    let names = listing.tools.iter();
    let lines: Vec<String> = names.map(|tool| format!("{}.ts", tool.attribute)).collect();
    Ok((LIST, lines.join("\n")))
}

async fn tool(
    tools: &CallerHost,
    space: &str,
    file: &str,
) -> Result<(&'static str, String), ToolError> {
    let (name, language, media_type) = match file.rsplit_once('.') {
        Some((name, "py")) => (name, Language::Python, PYTHON),
        Some((name, "ts")) => (name, Language::TypeScript, TYPESCRIPT),
        _ => (file, Language::TypeScript, TYPESCRIPT),
    };
    let name = format!("{space}.{name}");
    let text = discovery::stubs_of(tools, &[name], language).await?;
    Ok((media_type, text))
}
