use wxmcp_run::ToolError;

use super::{Outcome, Passage};
use super::validators::Asker;
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
    let without_secrets = |text: &str| found.space.provided.without_secrets(text);
    let asker = Asker {
        name: &passage.name,
        server: found.space.configured_name(),
        context: &passage.context,
        limit: broker.call_timeout,
        without_secrets: &without_secrets,
    };
    let validated = broker.validators.answer(named.tool, answer, asker);
    let answer = validated.await.map_err(|error| passage.redacted(error))?;
    passage.outcome = Some(Outcome::Tool(Ok(answer)));
    Ok(())
}
