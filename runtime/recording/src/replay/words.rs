//! Questions, and the end of a replay, in words.

use wxmcp_run::{ToolError, ToolErrorKind};

use super::divergence::{Divergence, pretty};
use super::recorded::Numbered;
use crate::event::Question;

pub(super) fn between(recorded: &Numbered<Question>, actual: &Question) -> Divergence {
    let words = |question: &Question| format!("the script makes a {}", question.in_words());
    let divergence = Divergence::new(recorded.event, words(&recorded.it), words(actual));
    divergence.with(&detail(&recorded.it), &detail(actual))
}

/// A question with all that is in it, a member a line.
pub(super) fn detail(question: &Question) -> String {
    let (head, json) = match question {
        Question::Call { name, arguments } => (name.clone(), pretty(arguments)),
        Question::Capability {
            capability,
            request,
        } => (capability.clone(), pretty(request)),
        Question::Namespace(name) | Question::Known(name) => (name.clone(), String::new()),
        Question::Search {
            query,
            limit,
            detail,
        } => (query.clone(), format!("limit {limit}, detail {detail}")),
        Question::Describe(names) => (names.join("\n"), String::new()),
    };
    format!("{head}\n{json}\n")
}

/// What a script hears where it differs from its recording.
pub(super) fn differs() -> ToolError {
    let message = "here the script differs from its recording: the replay ends";
    ToolError::new(ToolErrorKind::Diverged, message)
}

/// What a script hears where its replay is to stop.
pub(super) fn stopped(event: usize) -> ToolError {
    let message = format!("here the replay stops, before event {event}");
    ToolError::new(ToolErrorKind::Diverged, message)
}
