use wxmcp_run::ToolError;

use super::{Outcome, Passage};

pub(super) async fn pass(passage: &mut Passage<'_>) -> Result<(), ToolError> {
    // Answers were bounded where they arrived, before they were parsed.
    match passage.outcome.take() {
        Some(Outcome::Tool(Err(error)) | Outcome::Capability(Err(error))) => {
            Err(passage.redacted(error))
        }
        outcome => {
            passage.outcome = outcome;
            Ok(())
        }
    }
}
