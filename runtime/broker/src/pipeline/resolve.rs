use wxmcp_run::{ToolError, ToolErrorKind};

use super::{Asked, Passage};

pub(super) async fn pass(passage: &mut Passage<'_>) -> Result<(), ToolError> {
    match std::mem::replace(&mut passage.asked, Asked::Dispatched) {
        Asked::Unread(capability, request) => {
            let read = passage.host.granted.read(capability, request)?;
            passage.asked = Asked::Capability(read);
        }
        asked => {
            passage.asked = asked;
            let found = passage.host.resolve(&passage.name, &passage.context).await;
            passage.found = Some(found.map_err(|error| how_granted(passage, error))?);
        }
    }
    Ok(())
}

/// Tells a tool file how tools are granted: whether a tool is missing or only not granted must not show, so both
/// errors say it.
fn how_granted(passage: &Passage<'_>, error: ToolError) -> ToolError {
    let Some(place) = passage.caller().place_of_grants() else {
        return error;
    };
    if error.kind != ToolErrorKind::UnknownTool {
        return error;
    }
    let name = wxmcp_catalogue::wording::bounded(&passage.name);
    ToolError {
        message: format!(
            "{}; a tool file may call what it asks for, {{tools: [\"{name}\"]}} in its `grants`, \
             and what `tools` of {place} approves",
            error.message
        ),
        ..error
    }
}
