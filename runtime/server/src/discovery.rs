//! What `search_tools` and `describe_tools` answer.

use std::collections::{BTreeMap, BTreeSet};

use rmcp::model::CallToolResult;
use wxmcp_broker::CallerHost;
use wxmcp_catalogue::stubs::{self, Calls, StubFile, ToolSet};
use wxmcp_run::{CallContext, Language, Search, ToolDescription, ToolError, ToolHit, ToolHost};

use crate::answer;
use crate::arguments::{DescribeTools, SearchTools};

/// Tools that fit words, a line or a block each.
pub(crate) async fn search(tools: &CallerHost, asked: SearchTools, max: usize) -> CallToolResult {
    let question = Search {
        query: asked.query,
        limit: asked.limit,
        detail: asked.detail,
    };
    let context = CallContext::outside_of_runs(tools.broker().ledger());
    match tools.search(question, context).await {
        Err(error) => answer::refused(error.message),
        Ok(hits) if hits.is_empty() => {
            let names = tools.namespaces().join(", ");
            let words = format!("No tool fits these words. Namespaces: {names}");
            answer::plain(words, max)
        }
        Ok(hits) => {
            let lines: Vec<String> = hits.iter().map(hit).collect();
            answer::plain(lines.join("\n"), max)
        }
    }
}

fn hit(hit: &ToolHit) -> String {
    match hit {
        ToolHit::Name { name } => name.clone(),
        ToolHit::Brief { name, description } => {
            let words = description.split_whitespace().collect::<Vec<_>>();
            format!("{name}  {}", words.join(" ")).trim_end().to_owned()
        }
        ToolHit::Full(tool) => full(tool),
    }
}

fn full(tool: &ToolDescription) -> String {
    let mut text = tool.signature.clone();
    if !tool.description.is_empty() {
        text.push_str(&format!("\n{}", tool.description));
    }
    text.push_str(&format!("\narguments: {}", tool.input));
    if let Some(output) = &tool.output {
        text.push_str(&format!("\nanswer: {output}"));
    }
    text.push('\n');
    text
}

/// Stubs of tools, as `wxmcp tools export` writes them.
pub(crate) async fn describe(
    tools: &CallerHost,
    asked: DescribeTools,
    max: usize,
) -> CallToolResult {
    match stubs_of(tools, &asked.names, asked.language).await {
        Err(error) => answer::refused(error.message),
        Ok(stubs) => answer::plain(stubs, max),
    }
}

/// The stubs of tools, whole.
///
/// # Errors
///
/// When there is none of a name.
pub(crate) async fn stubs_of(
    tools: &CallerHost,
    names: &[String],
    language: Language,
) -> Result<String, ToolError> {
    let sets = sets(tools, names).await?;
    Ok(code(&sets, language))
}

/// The tools of these names; a namespace means all of its tools.
async fn sets(tools: &CallerHost, names: &[String]) -> Result<Vec<ToolSet>, ToolError> {
    let context = || CallContext::outside_of_runs(tools.broker().ledger());
    let all: BTreeSet<String> = tools.namespaces().into_iter().collect();
    let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut whole: BTreeSet<String> = BTreeSet::new();
    for name in names {
        if all.contains(name) {
            wanted.entry(name.clone()).or_default();
            whole.insert(name.clone());
            continue;
        }
        // Finds the tool by any of its spellings; the error names the nearest.
        for tool in tools.describe(vec![name.clone()], context()).await? {
            if let Some((namespace, tool)) = tool.name.split_once('.') {
                let tools = wanted.entry(namespace.to_owned()).or_default();
                tools.insert(tool.to_owned());
            }
        }
    }
    let mut sets = Vec::new();
    for (namespace, names) in wanted {
        let mut set = tools.tool_set(&namespace, &context()).await?;
        if !whole.contains(&namespace) {
            set.tools.retain(|(attribute, tool)| {
                names.contains(attribute) || names.contains(tool.name())
            });
        }
        sets.push(set);
    }
    Ok(sets)
}

/// The stubs of these namespaces, without what every script has.
fn code(sets: &[ToolSet], language: Language) -> String {
    let files = |sets: &[ToolSet]| match language {
        Language::Python => stubs::python(sets, Calls::Either),
        _ => stubs::typescript(sets),
    };
    let always: BTreeSet<String> = files(&[]).into_iter().map(|file| file.path).collect();
    let own = files(sets).into_iter();
    let own: Vec<StubFile> = own.filter(|file| !always.contains(&file.path)).collect();
    let texts: Vec<&str> = own.iter().map(|file| file.text.trim_end()).collect();
    texts.join("\n\n")
}
