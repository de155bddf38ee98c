use wxmcp_run::ToolError;

use super::{Asked, Passage};
use super::validators::Asker;
use crate::catalogue::unknown_tool;

pub(super) async fn pass(passage: &mut Passage<'_>) -> Result<(), ToolError> {
    let Some(found) = &passage.found else {
        return Ok(()); // `resolve` has held a capability's request against its bounds
    };
    let Asked::Tool(arguments) = std::mem::replace(&mut passage.asked, Asked::Dispatched) else {
        return Ok(());
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
    let validated = broker.validators.arguments(named.tool, arguments, asker);
    let arguments = validated.await.map_err(|error| passage.redacted(error))?;
    passage.asked = Asked::Tool(arguments);
    Ok(())
}
