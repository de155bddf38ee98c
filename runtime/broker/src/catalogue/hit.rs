//! One tool as searches and descriptions show it.

use wxmcp_catalogue::{Named, Tool, first_paragraph, shorten, signature};
use wxmcp_run::{Detail, ToolDescription, ToolHit};

/// Summaries in listings and hits, in bytes.
const MAX_SUMMARY_BYTES: usize = 300;

/// A tool as a search shows it.
pub(super) fn hit(space: &str, named: Named<'_>, detail: Detail) -> ToolHit {
    let name = format!("{space}.{}", named.attribute);
    match detail {
        Detail::Names => ToolHit::Name { name },
        Detail::Brief => ToolHit::Brief {
            name,
            description: summary(named.tool.description()),
        },
        Detail::Full => ToolHit::Full(description(space, named.attribute, named.tool)),
    }
}

/// All that a caller may know of a tool.
pub(super) fn description(space: &str, attribute: &str, tool: &Tool) -> ToolDescription {
    ToolDescription {
        name: format!("{space}.{attribute}"),
        description: tool.description().to_owned(),
        signature: signature(space, attribute, tool),
        input: tool.input_schema().clone(),
        output: tool.output_schema().cloned(),
    }
}

/// The beginning of a description.
pub(super) fn summary(description: &str) -> String {
    shorten(&first_paragraph(description), MAX_SUMMARY_BYTES)
}
