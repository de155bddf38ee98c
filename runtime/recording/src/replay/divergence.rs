//! Where a replay differs from its recording.

use std::fmt::Write as _;

/// The first difference.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Divergence {
    /// The number of the event that was expected.
    pub event: usize,
    /// What was recorded.
    pub expected: String,
    /// What happened instead.
    pub actual: String,
    /// The script's line at which it happened, or that it had reached when it happened, where that is known.
    pub line: Option<u64>,
    /// Whether it happened at this line; else before the script came to it.
    pub at_line: bool,
    /// The file of the line, if it is not the script's own.
    pub file: Option<String>,
    /// The lines that differ, `-` those that were recorded, `+` those of the replay; empty if the words above say it all.
    pub difference: String,
}

impl Divergence {
    pub(super) fn new(
        event: usize,
        expected: impl Into<String>,
        actual: impl Into<String>,
    ) -> Self {
        Self {
            event,
            expected: expected.into(),
            actual: actual.into(),
            line: None,
            at_line: true,
            file: None,
            difference: String::new(),
        }
    }

    /// It happened before the script asks for something, and hears of it.
    pub(super) fn before(mut self) -> Self {
        self.at_line = false;
        self
    }

    pub(super) fn with(mut self, expected: &str, actual: &str) -> Self {
        self.difference = difference(expected, actual);
        self
    }
}

/// Lines that are shown on each side of a difference.
const AROUND: usize = 3;

/// Lines that a difference shows at most.
const LINES: usize = 200;

/// Bytes of a line that are shown.
const LINE: usize = 400;

/// The lines in which two texts differ, with some around them: `-` those of the first, `+` those of the other. Long ones are
/// cut.
pub fn difference(expected: &str, actual: &str) -> String {
    let diff = similar::TextDiff::from_lines(expected, actual);
    let mut shown = String::new();
    let mut lines = 0_usize;
    for group in diff.grouped_ops(AROUND) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            lines = lines.saturating_add(1);
            if lines > LINES {
                shown.push_str("  ..\n");
                return shown;
            }
            let text = change.value().trim_end_matches('\n');
            let end = text.floor_char_boundary(LINE);
            let cut = if end < text.len() { " .." } else { "" };
            let text = text.get(..end).unwrap_or(text);
            let _written = writeln!(shown, "{} {text}{cut}", change.tag());
        }
    }
    shown
}

/// What an operation of `wit/guest.wit` is, in words.
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

/// JSON with a member a line, for a difference.
pub(super) fn pretty(json: &str) -> String {
    serde_json::from_str::<serde_json::Value>(json)
        .and_then(|value| serde_json::to_string_pretty(&value))
        .unwrap_or_else(|_| json.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_the_lines_that_differ() {
        let shown = difference("a\nb\nc\n", "a\nx\nc\n");
        assert_eq!(shown, "  a\n- b\n+ x\n  c\n");
        assert_eq!(difference("a\n", "a\n"), "");
        let long = difference("", &format!("{}\n", "y".repeat(LINE + 1)));
        assert!(long.ends_with(" ..\n"));
        assert_eq!(pretty(r#"{"a":1}"#), "{\n  \"a\": 1\n}");
    }
}
