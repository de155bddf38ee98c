//! Source that is no program.

use super::edits::{is_line_end, slice};
use wxmcp_run::Raised;

/// Characters of a line that are shown.
const SHOWN: usize = 120;

/// What is wrong with a source, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SourceError {
    message: String,
    /// From 1.
    pub(super) line: u32,
    /// From 1, in UTF-16 units.
    pub(super) column: u32,
    /// The line itself, up to `SHOWN` characters.
    text: String,
}

impl SourceError {
    /// An error at a place in the source.
    pub(super) fn at(source: &str, place: u32, message: &str) -> Self {
        let (line, column) = line_and_column(source, place);
        let before = slice(source, 0, place);
        let start = before.rfind(is_line_end).map_or(0, |end| {
            let width = before.get(end..).and_then(|rest| rest.chars().next());
            end.saturating_add(width.map_or(1, char::len_utf8))
        });
        let text = source.get(start..).unwrap_or_default();
        let text = text.split(is_line_end).next().unwrap_or_default();
        Self {
            message: message.to_owned(),
            line,
            column,
            text: text.chars().take(SHOWN).collect(),
        }
    }

    /// An error at a line and column, both from 1.
    pub(super) fn at_line(source: &str, line: u32, column: u32, message: &str) -> Self {
        let before = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
        let text = source.lines().nth(before).unwrap_or_default();
        Self {
            message: message.to_owned(),
            line,
            column,
            text: text.chars().take(SHOWN).collect(),
        }
    }

    /// What is wrong, without the place.
    pub(super) fn into_message(self) -> String {
        self.message
    }

    /// The exception that the script raises.
    pub(crate) fn raised(&self, name: &str) -> Raised {
        let Self {
            message,
            line,
            column,
            text,
        } = self;
        let mut traceback = format!("SyntaxError: {message}\n    at {name}:{line}:{column}\n");
        let indent = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
        if !text.trim().is_empty() && indent <= SHOWN {
            let caret = " ".repeat(indent);
            traceback.push_str(&format!("\n    {text}\n    {caret}^\n"));
        }
        Raised {
            kind: "SyntaxError".to_owned(),
            message: message.clone(),
            traceback,
            line: Some(u64::from(*line)),
            file: None,
        }
    }
}

/// Line and column of a place, from 1, the column in UTF-16 units.
pub(super) fn line_and_column(source: &str, place: u32) -> (u32, u32) {
    Places::new(source).find(place)
}

/// Finds lines and columns of places that come in order, and reads the source once for it.
pub(super) struct Places<'s> {
    source: &'s str,
    at: u32,
    line: u32,
    column: u32,
    last: char,
}

impl<'s> Places<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self {
            source,
            at: 0,
            line: 1,
            column: 1,
            last: '\0',
        }
    }

    /// As [`line_and_column`].
    pub(super) fn find(&mut self, place: u32) -> (u32, u32) {
        if place < self.at {
            *self = Self::new(self.source);
        }
        for character in slice(self.source, self.at, place).chars() {
            if is_line_end(character) {
                if !(self.last == '\r' && character == '\n') {
                    self.line = self.line.saturating_add(1);
                }
                self.column = 1;
            } else {
                let width = u32::try_from(character.len_utf16()).unwrap_or(1);
                self.column = self.column.saturating_add(width);
            }
            self.last = character;
        }
        self.at = place;
        (self.line, self.column)
    }
}
