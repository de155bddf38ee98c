use wxmcp_run::ToolError;

use super::{Asked, Outcome, Passage};
use crate::catalogue::unknown_tool;

pub(super) async fn pass(passage: &mut Passage<'_>) -> Result<(), ToolError> {
    let outcome = match std::mem::replace(&mut passage.asked, Asked::Dispatched) {
        Asked::Capability(request) => Outcome::Capability(request.perform(&passage.context).await),
        Asked::Tool(arguments) => {
            let Some(found) = &passage.found else {
                return Err(super::nothing_came_back());
            };
            let Some(named) = found.space.tools().resolve(&found.tool) else {
                return Err(unknown_tool(&passage.name, &[]));
            };
            let deadline = passage.broker().call_timeout;
            let nested = passage.nested.take();
            let provided = &found.space.provided;
            let call = provided.call(named.tool, arguments, nested, &passage.context, deadline);
            Outcome::Tool(call.await)
        }
        Asked::Unread(..) | Asked::Dispatched => return Err(super::nothing_came_back()),
    };
    passage.outcome = Some(outcome);
    Ok(())
}
