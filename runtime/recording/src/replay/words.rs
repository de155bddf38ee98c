//! What scripts do, in words.

use super::divergence::{Divergence, pretty};
use super::recorded::Numbered;
use crate::event::{Body, Event, Question};

/// What is at a path of a mount at the end, in a line.
pub(super) fn in_a_line(event: &Event) -> String {
    match event {
        Event::Written { mount, entry } => {
            let body = match &entry.body {
                Body::File(bytes) => {
                    let text = String::from_utf8_lossy(&bytes.0);
                    return format!("mount {mount}: {} {:o}\n{text}\n", entry.path, entry.mode);
                }
                body => format!("{body:?}"),
            };
            format!("mount {mount}: {} {:o} {body}\n", entry.path, entry.mode)
        }
        Event::Removed { mount, path } => format!("mount {mount}: {path} is not there\n"),
        _ => String::new(),
    }
}

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

pub(super) fn operation_name(operation: u8) -> &'static str {
    match operation {
        1 => "a call of a tool",
        2 => "a search for tools",
        3 => "a description of tools",
        4 => "a listing of namespaces",
        5 => "a listing of tools",
        6 => "a timer",
        7 => "a statement",
        8 => "a request to a host",
        9 => "a request for a file",
        10 => "another script",
        _ => "an unknown operation",
    }
}
