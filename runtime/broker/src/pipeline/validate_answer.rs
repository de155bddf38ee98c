use wxmcp_run::ToolError;

use super::{Outcome, Passage};
use crate::catalogue::unknown_tool;

pub(super) async fn pass(passage: &mut Passage<'_>) -> Result<(), ToolError> {
    let answer = match passage.outcome.take() {
        Some(Outcome::Tool(Ok(answer))) => answer,
        outcome => {
            passage.outcome = outcome;
            return Ok(());
        }
    };
    let Some(found) = &passage.found else {
        return Err(super::nothing_came_back());
    };
    let Some(named) = found.space.tools().resolve(&found.tool) else {
        return Err(unknown_tool(&passage.name, &[]));
    };
    let broker = passage.broker();
    let validated = broker.validators.answer(
        named.tool,
        &passage.name,
        answer,
        broker.call_timeout,
    );
    let answer = validated.await.map_err(|error| passage.redacted(error))?;
    passage.outcome = Some(Outcome::Tool(Ok(answer)));
    Ok(())
}
