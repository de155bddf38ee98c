//! What is read of a query, and of a description.

use super::words::{Asked, asked};

/// What is read of a query: words, and bytes.
const MAX_QUERY_WORDS: usize = 32;
const MAX_QUERY_BYTES: usize = 2_000;

/// As much of a query as is read.
pub(super) fn bounded(query: &str) -> &str {
    let end = query.floor_char_boundary(MAX_QUERY_BYTES);
    query.get(..end).unwrap_or_default()
}

/// The distinct words of a query, bounded.
pub(super) fn distinct(query: &str) -> Vec<Asked> {
    let mut words: Vec<Asked> = Vec::new();
    for word in asked(query) {
        if words.len() < MAX_QUERY_WORDS && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// The first sentence of a description, and the rest.
pub(super) fn first_sentence(description: &str) -> (&str, &str) {
    let text = description.trim_start();
    let paragraph = text.find("\n\n").unwrap_or(text.len());
    let end = text
        .match_indices(['.', '!', '?'])
        .map(|(at, mark)| at.saturating_add(mark.len()))
        .find(|end| {
            let next = text.get(*end..).and_then(|rest| rest.chars().next());
            next.is_none_or(char::is_whitespace)
        })
        .unwrap_or(text.len());
    text.split_at(paragraph.min(end))
}
