//! A text as secrets are looked for in it: without case, without line ends and what stands around them, without
//! characters that a reader does not see.
//!
//! Whatever shows a text may change exactly these: a log wraps lines, an error is shown on one line, unseen characters
//! are removed.

use wxmcp_catalogue::is_unseen;

/// What our own cuts leave behind.
const CUT_MARK: &[u8] = "…".as_bytes();

/// A byte of a folded text, and where the character that it is made of stands in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folded {
    pub(super) byte: u8,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Folded {
    /// Whether it begins the mark of a text that was cut.
    pub(super) fn is_cut_mark(&self, text: &[u8]) -> bool {
        CUT_MARK.first() == Some(&self.byte) && text.get(self.start..self.end) == Some(CUT_MARK)
    }
}

/// Folds a text byte by byte; bytes that are not UTF-8 stay as they are.
pub(super) struct Fold<'t> {
    text: &'t [u8],
    at: usize,
    /// Up to where white space is known to hold no line end.
    plain: usize,
    /// The last character, if its folded form has several bytes, and how many of them have been passed on.
    long: String,
    passed: usize,
    start: usize,
}

/// What a folded text may lack.
#[derive(PartialEq, Eq)]
enum Gap {
    LineEnd,
    Blank,
    Unseen,
}

impl<'t> Fold<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self {
            text,
            at: 0,
            plain: 0,
            long: String::new(),
            passed: 0,
            start: 0,
        }
    }

    /// Goes on to the next byte that may be the first of one of those.
    pub(super) fn skip_to(&mut self, begins: &[bool; 256]) {
        if self.passed < self.long.len() {
            return;
        }
        let rest = self.text.get(self.at..).unwrap_or_default();
        let next = rest
            .iter()
            .position(|byte| begins.get(usize::from(*byte)) == Some(&true));
        self.at = self.at.saturating_add(next.unwrap_or(rest.len()));
    }

    /// What is left out at a place, and how many bytes it has.
    fn gap(&self, at: usize) -> Option<(Gap, usize)> {
        let byte = *self.text.get(at)?;
        match byte {
            b' ' | b'\t' => Some((Gap::Blank, 1)),
            b'\n' | b'\r' | 0x0b | 0x0c => Some((Gap::LineEnd, 1)),
            // As JSON and programming languages spell them.
            b'\\' => match self.text.get(at.saturating_add(1))? {
                b'n' | b'r' | b'N' | b'R' => Some((Gap::LineEnd, 2)),
                _ => None,
            },
            0..=0x1f | 0x7f => Some((Gap::Unseen, 1)),
            0x20..=0x7e => None,
            0x80.. => match char_at(self.text, at)? {
                one @ ('\u{85}' | '\u{2028}' | '\u{2029}') => Some((Gap::LineEnd, one.len_utf8())),
                one if is_unseen(one) => Some((Gap::Unseen, one.len_utf8())),
                _ => None,
            },
        }
    }

    /// Passes white space, if there is a line end in it.
    fn pass_gaps(&mut self) {
        let (mut end, mut has_line_end) = (self.at, false);
        while let Some((gap, bytes)) = self.gap(end) {
            has_line_end |= gap == Gap::LineEnd;
            end = end.saturating_add(bytes);
        }
        match has_line_end {
            true => self.at = end,
            false => self.plain = end,
        }
    }
}

impl Iterator for Fold<'_> {
    type Item = Folded;

    fn next(&mut self) -> Option<Folded> {
        loop {
            if let Some(byte) = self.long.as_bytes().get(self.passed) {
                self.passed = self.passed.saturating_add(1);
                return Some(Folded {
                    byte: *byte,
                    start: self.start,
                    end: self.at,
                });
            }
            if self.at >= self.plain {
                self.pass_gaps();
            }
            let start = self.at;
            let byte = *self.text.get(start)?;
            if let Some((Gap::Unseen, bytes)) = self.gap(start) {
                self.at = start.saturating_add(bytes);
                continue;
            }
            let Some(long) = char_at(self.text, start) else {
                self.at = start.saturating_add(1);
                return Some(Folded {
                    byte: byte.to_ascii_lowercase(),
                    start,
                    end: self.at,
                });
            };
            self.start = start;
            self.at = start.saturating_add(long.len_utf8());
            self.long.clear();
            // Some letters have no lower case that all of their upper cases lead to.
            self.long
                .extend(long.to_uppercase().flat_map(char::to_lowercase));
            self.passed = 0;
        }
    }
}

/// The character at a place, if it has several bytes.
fn char_at(text: &[u8], at: usize) -> Option<char> {
    let bytes = match text.get(at)? {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let bytes = text.get(at..at.checked_add(bytes)?)?;
    std::str::from_utf8(bytes).ok()?.chars().next()
}

/// The bytes of a folded text.
pub(super) fn folded(text: &str) -> Vec<u8> {
    Fold::new(text.as_bytes()).map(|it| it.byte).collect()
}

/// How many bytes at the end of a text are the beginning of a word.
pub(super) fn begun(word: &[u8], text: &[u8]) -> usize {
    let word = word.get(..text.len()).unwrap_or(word);
    let tail = text.len().saturating_sub(word.len());
    // Of each beginning of the word, how long its own beginning is that it ends with (Knuth, Morris and Pratt).
    let mut borders = Vec::with_capacity(word.len());
    let step = |borders: &[usize], mut known: usize, byte: u8| {
        loop {
            if word.get(known) == Some(&byte) {
                return known.saturating_add(1);
            }
            let Some(shorter) = known.checked_sub(1) else {
                return 0;
            };
            known = borders.get(shorter).copied().unwrap_or_default();
        }
    };
    for (at, byte) in word.iter().enumerate() {
        let border = match at.checked_sub(1) {
            None => 0,
            Some(before) => {
                let known = borders.get(before).copied().unwrap_or_default();
                step(&borders, known, *byte)
            }
        };
        borders.push(border);
    }
    text.get(tail..)
        .unwrap_or_default()
        .iter()
        .fold(0, |known, byte| step(&borders, known, *byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_when_a_text_is_shown_is_left_out() {
        for (text, expected) in [
            ("Ab c", "ab c"),
            ("a  b\t", "a  b\t"),
            ("a \r\n  b", "ab"),
            ("a\\n b\\R\\t", "ab\\t"),
            ("a\x1b\u{200b}b\u{2028}c", "abc"),
            ("a \u{200b} b", "a  b"),
            ("Straße \u{17f}", "strasse s"),
        ] {
            assert_eq!(folded(text), expected.as_bytes(), "{text:?}");
        }
        let bytes: Vec<u8> = Fold::new(b"\xffA\xe2\x80").map(|it| it.byte).collect();
        assert_eq!(bytes, b"\xffa\xe2\x80");
    }

    #[test]
    fn the_end_of_a_text_is_compared_with_the_beginning_of_a_word() {
        for (word, text, expected) in [
            ("abcd", "xxab", 2),
            ("abcd", "abcd", 4),
            ("abcd", "abce", 0),
            ("aab", "aaa", 2),
            ("abab", "xaba", 3),
            ("abcdef", "a", 1),
            ("", "a", 0),
            ("a", "", 0),
        ] {
            assert_eq!(begun(word.as_bytes(), text.as_bytes()), expected, "{text}");
        }
    }
}
