use wxmcp_run::ToolError;

use super::{Asked, Passage};

pub(super) async fn pass(passage: &mut Passage<'_>) -> Result<(), ToolError> {
    if let Asked::Capability(request) = &passage.asked {
        return request.permit();
    }
    // The catalogue that a caller sees holds nothing that it may not call. What is left to refuse is a tool file
    // that was changed meanwhile, that would call itself, or one too deep.
    let Some(found) = &passage.found else {
        return Ok(());
    };
    found
        .space
        .provided
        .unchanged(&found.tool, &passage.context)?;
    if let Some(grants) = found.space.provided.grants(&found.tool) {
        let full = format!("{}.{}", found.space.name(), found.tool);
        let called = passage.caller().calls(&full, grants)?;
        passage.nested = Some(passage.broker().for_caller(called));
    }
    Ok(())
}
