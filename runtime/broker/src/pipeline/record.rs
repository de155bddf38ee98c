use wxmcp_catalogue::wording::bounded;
use wxmcp_run::{Note, ToolAnswer, ToolError};

use super::{Outcome, Passage, nothing_came_back};

pub(super) async fn pass(passage: &mut Passage<'_>) -> Result<(), ToolError> {
    let (Some(found), Some(Outcome::Tool(Ok(answer)))) = (&passage.found, &passage.outcome) else {
        return Ok(());
    };
    let named = found.space.tools().resolve(&found.tool);
    if let Some(learned) = &passage.broker().learned
        && let Some(named) = named.filter(|named| named.tool.output_schema().is_none())
    {
        let principal = passage.caller().principal();
        let namespace = found.space.configured_name();
        learned.observe(principal, namespace, named.tool, &answer.value);
    }
    Ok(())
}

/// The answer of a call that has passed all stages, with what the script's author should know.
pub(super) fn answer(passage: Passage<'_>) -> Result<ToolAnswer, ToolError> {
    let (Some(found), Some(Outcome::Tool(answer))) = (passage.found, passage.outcome) else {
        return Err(nothing_came_back());
    };
    let answer = answer?;
    let mut notes: Vec<Note> = found.space.provided.note().into_iter().collect();
    if !answer.content.is_empty() {
        let about = format!("{}.{}", found.space.name(), bounded(&found.tool));
        notes.push(Note {
            text: format!(
                "`{about}` also answered content that its value does not hold ({}): `content(value)` returns it",
                answer.content_in_words()
            ),
            about,
        });
    }
    Ok(ToolAnswer {
        value: answer.value,
        content: (!answer.content.is_empty()).then_some(answer.content.into()),
        notes,
        bytes: answer.bytes,
        held: answer.held,
    })
}
