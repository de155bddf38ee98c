//! Changes to source text that move nothing: every line start and column that is
//! kept stays where it was.

use std::collections::HashMap;

use oxc_span::Span;

/// Spans to blank and to replace, in any order; they do not overlap.
#[derive(Debug, Default)]
pub(super) struct Edits {
    edits: Vec<Edit>,
    /// By the end of its span, the last edit that has it.
    ends: HashMap<u32, usize>,
    /// Where text was put in that moves what follows in its line, and how long it is.
    inserted: Vec<(u32, u32)>,
}

#[derive(Clone, Debug)]
struct Edit {
    start: u32,
    end: u32,
    /// Stands at the start of the span; the rest becomes spaces.
    text: String,
}

impl Edits {
    /// Makes a span white space.
    pub(super) fn blank(&mut self, start: u32, end: u32) {
        self.replace(start, end, "");
    }

    /// Makes a span an empty statement, so that what stands before and after it
    /// does not flow together.
    pub(super) fn blank_statement(&mut self, start: u32, end: u32) {
        self.replace(start, end, ";");
    }

    /// Puts text in the place of a span that is at least as long.
    pub(super) fn replace(&mut self, start: u32, end: u32, text: &str) {
        self.ends.insert(end, self.edits.len());
        self.edits.push(Edit {
            start,
            end,
            text: text.to_owned(),
        });
    }

    /// Puts text in front of a place, which moves what follows in its line.
    pub(super) fn insert(&mut self, at: u32, text: &str) {
        self.replace(at, at, text);
        let width = text.chars().map(char::len_utf16).sum::<usize>();
        let width = u32::try_from(width).unwrap_or(u32::MAX);
        self.inserted.push((at, width));
    }

    /// Puts text in the place of a span of one line, which may move what follows in it.
    pub(super) fn exchange(&mut self, span: Span, source: &str, text: &str) {
        self.replace(span.start, span.end, text);
        let width = |text: &str| text.chars().map(char::len_utf16).sum::<usize>();
        let more = width(text).saturating_sub(width(slice(source, span.start, span.end)));
        if let Ok(more @ 1..) = u32::try_from(more) {
            self.inserted.push((span.end, more));
        }
    }

    /// Where text was put that moves what follows, in order, and its length in UTF-16 units.
    pub(super) fn inserted(&self) -> Vec<(u32, u32)> {
        let mut inserted = self.inserted.clone();
        inserted.sort_by_key(|(at, _)| *at);
        inserted
    }

    /// The spans that were changed so far.
    pub(super) fn spans(&self) -> impl Iterator<Item = Span> {
        self.edits.iter().map(|it| Span::new(it.start, it.end))
    }

    /// Ends a statement whose last tokens were blanked: what follows in the next
    /// line must not continue it.
    pub(super) fn end_statement(&mut self, end: u32) {
        let last = self.ends.get(&end);
        if let Some(last) = last.and_then(|&place| self.edits.get_mut(place))
            && last.text.is_empty()
        {
            last.text.push(';');
        }
    }

    /// The text with all edits made.
    pub(super) fn apply(mut self, source: &str) -> String {
        self.ends.clear();
        Self::made(&mut self.edits, source)
    }

    /// The same with some spans blank, whatever is edited in them. They come in order, and do not overlap.
    pub(super) fn apply_without(&self, source: &str, hidden: &[Span]) -> String {
        let mut edits = self.edits.clone();
        edits.sort_by_key(|edit| (edit.start, edit.end));
        let mut next = 0;
        edits.retain(|edit| {
            while hidden.get(next).is_some_and(|it| it.end <= edit.start) {
                next = next.saturating_add(1);
            }
            let inside = |it: &Span| it.start <= edit.start && edit.end <= it.end;
            !hidden.get(next).is_some_and(inside)
        });
        edits.extend(hidden.iter().map(|span| Edit {
            start: span.start,
            end: span.end,
            text: if span.is_empty() { "" } else { ";" }.to_owned(),
        }));
        Self::made(&mut edits, source)
    }

    fn made(edits: &mut [Edit], source: &str) -> String {
        edits.sort_by_key(|edit| (edit.start, edit.end));
        let mut text = String::with_capacity(source.len());
        let mut at = 0;
        for edit in edits {
            text.push_str(slice(source, at, edit.start));
            let mut insert = edit.text.chars();
            for character in slice(source, edit.start, edit.end).chars() {
                if is_line_end(character) {
                    text.push(character);
                    continue;
                }
                // Columns are counted in UTF-16 units.
                for _ in 0..character.len_utf16() {
                    text.push(insert.next().unwrap_or(' '));
                }
            }
            text.extend(insert);
            at = edit.end.max(at);
        }
        text.push_str(slice(source, at, length(source)));
        text
    }
}

/// The line terminators of ECMAScript.
pub(super) fn is_line_end(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// A part of the source; empty where the span is none.
pub(super) fn slice(source: &str, start: u32, end: u32) -> &str {
    let place = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
    source.get(place(start)..place(end)).unwrap_or_default()
}

/// A text's length as a place in it.
pub(super) fn length(source: &str) -> u32 {
    u32::try_from(source.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_where_it_was() {
        let source = "let a: 𝒯 = 1\nlet b: {\r\n x: T } = 2";
        let mut edits = Edits::default();
        edits.blank(21, 33);
        edits.blank(5, 11);
        edits.end_statement(11);
        let text = edits.apply(source);
        assert_eq!(text, "let a;    = 1\nlet b   \r\n        = 2");
    }
}
