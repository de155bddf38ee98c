//! What a slash begins: a division or a regular expression.
//!
//! Only a parser knows in each case. Where the token before it does not tell, both are possible,
//! and what either reading could nest is counted.

use super::{Kind, Last, Scanner, is_line_separator};

/// Most bytes that are read twice, to find out what a slash is.
pub(super) const LOOKAHEAD: usize = 16 << 20;

impl Scanner<'_> {
    /// A division, or a regular expression.
    pub(super) fn slash(&mut self) {
        let Last {
            kind, line_ended, ..
        } = self.last;
        let is_expression = match kind {
            // A line that begins with a slash may go on with a division, or be a statement.
            Kind::Operand | Kind::Bracket if line_ended => None,
            Kind::Operand | Kind::Bracket | Kind::Dot => Some(false),
            // Behind types, or greater.
            Kind::Operator if self.is_typescript && self.last.operator == b'>' => None,
            Kind::Operator | Kind::HeadEnd | Kind::Head | Kind::Opener(true) => Some(true),
            Kind::Opener(false) | Kind::Brace | Kind::Doubt => None,
        };
        if is_expression == Some(false) {
            return self.operator(b'/');
        }
        match (self.regular_expression(), is_expression) {
            (Some(end), Some(_)) => {
                self.begin_token("", false);
                self.at = end;
                self.ends_with(Kind::Operand);
            }
            (Some(end), None) => self.doubtful(end),
            // No regular expression ends in this line.
            (None, None) if self.lookahead > 0 => self.operator(b'/'),
            (None, _) => self.count_rest(),
        }
    }

    /// The place behind a regular expression that begins here; its line must hold its end.
    fn regular_expression(&mut self) -> Option<usize> {
        let mut at = self.at.saturating_add(1);
        let mut is_in_class = false;
        loop {
            self.lookahead = self.lookahead.saturating_sub(1);
            let byte = *self.source.as_bytes().get(at)?;
            let rest = self.source.as_bytes().get(at..).unwrap_or_default();
            match byte {
                b'\n' | b'\r' => return None,
                0xe2 if is_line_separator(rest) => return None,
                b'\\' => at = at.saturating_add(1),
                b'[' => is_in_class = true,
                b']' => is_in_class = false,
                b'/' if !is_in_class => break,
                _ => {}
            }
            at = at.saturating_add(1);
        }
        at = at.saturating_add(1);
        let flags = self.source.as_bytes().get(at..).unwrap_or_default();
        let flags = flags.iter().take_while(|byte| byte.is_ascii_alphanumeric());
        Some(at.saturating_add(flags.count()))
    }

    /// What only a parser could tell from a division. If both readings see the same text
    /// behind it, what it holds is counted. Else all that follows is: it may be anything.
    fn doubtful(&mut self, end: usize) {
        let text = self.source.get(self.at..end).unwrap_or_default();
        let behind = self.source.get(end..).unwrap_or_default();
        let is_plain = !text.contains(['"', '\'', '`', '\\', '(', ')', '[', ']', '{', '}', ';'])
            && text.matches('/').count() == 2
            && !behind.starts_with(['/', '*']);
        if !is_plain {
            return self.count_rest();
        }
        self.begin_token("", false);
        self.frame.statement = self.frame.statement.saturating_add(text.len());
        self.note();
        self.at = end;
        // Behind `/ x /` there may be an operand, or a division.
        let has_flags = !text.ends_with('/');
        let kind = if has_flags {
            Kind::Operand
        } else {
            Kind::Doubt
        };
        self.ends_with(kind);
    }

    /// Counts whatever follows, as if all of it were nested.
    fn count_rest(&mut self) {
        let rest = self.rest().iter();
        let count = rest.filter(|byte| !byte.is_ascii_whitespace()).count();
        self.frame.statement = self.frame.statement.saturating_add(count);
        self.note();
        self.at = self.source.len();
    }
}
