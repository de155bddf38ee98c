//! Questions, in words.

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
