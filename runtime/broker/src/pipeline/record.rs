use wxmcp_catalogue::wording::bounded;
use wxmcp_run::{Note, ToolAnswer, ToolError};

use super::validators::Part;
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
    let unusable = unusable_schemas(&passage);
    let (Some(found), Some(Outcome::Tool(answer))) = (passage.found, passage.outcome) else {
        return Err(nothing_came_back());
    };
    let answer = answer?;
    let mut notes: Vec<Note> = found.space.provided.note().into_iter().collect();
    notes.extend(unusable);
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

/// A note on each schema of the tool that values could not be validated against.
fn unusable_schemas(passage: &Passage<'_>) -> Vec<Note> {
    let Some(found) = &passage.found else {
        return Vec::new();
    };
    let Some(named) = found.space.tools().resolve(&found.tool) else {
        return Vec::new();
    };
    let notes = [
        (Part::Arguments, "input", "arguments are"),
        (Part::Answer, "output", "answers are"),
    ];
    let notes = notes.into_iter().filter_map(|(part, which, what)| {
        let why = passage.broker().validators.why_unusable(named.tool, part)?;
        let about = format!("{}.{}", found.space.name(), bounded(&found.tool));
        let text = format!(
            "the {which} schema of `{about}` cannot be used, so its {what} not checked: {}",
            bounded(&found.space.provided.without_secrets(&why))
        );
        let about = format!("{which} schema of {about}");
        Some(Note { about, text })
    });
    notes.collect()
}
