use wxmcp_run::ToolError;

use super::Passage;

pub(super) async fn pass(passage: &mut Passage<'_>) -> Result<(), ToolError> {
    // The sandbox counts what a run asks for; here counts what tool files ask for together.
    match passage.found {
        Some(_) => passage.caller().spend(),
        None => Ok(()),
    }
}
