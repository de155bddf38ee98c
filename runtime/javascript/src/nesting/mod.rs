//! An upper bound of how deep a source is nested, found without parsing it.
//!
//! A bracket nests what is inside of it. Operators, and statements that hold a statement
//! without a bracket, nest what follows, or what stands before them, so they are counted
//! until the expression or statement has ended. Strings, the text of templates, comments and
//! regular expressions hold nothing. What is in doubt is counted: sources are hostile.

mod slash;
mod words;

use super::Dialect;
use slash::LOOKAHEAD;
use words::{BEFORE_OPERAND, CONTINUERS, HEADS, HOLDERS, OPENERS, PREFIXES};

/// How deep a source is nested at most, and where. It is not read further once that is
/// more than `limit`.
pub(super) fn nesting(source: &str, dialect: Dialect, limit: usize) -> (usize, u32) {
    let mut scanner = Scanner {
        source,
        at: 0,
        is_typescript: dialect == Dialect::TypeScript,
        frames: Vec::new(),
        frame: Frame::default(),
        last: Last::default(),
        deepest: 0,
        place: 0,
        lookahead: LOOKAHEAD,
    };
    scanner.run(limit);
    let place = u32::try_from(scanner.place).unwrap_or(u32::MAX);
    (scanner.deepest, place)
}

/// What is counted inside one bracket.
#[derive(Clone, Copy, Default)]
struct Frame {
    opener: u8,
    /// Levels of everything around it.
    base: usize,
    /// Levels until the expression ends; elements of a list are separate expressions.
    chain: usize,
    /// Levels until the statement ends.
    statement: usize,
    /// `<` that may hold types, and is not closed.
    angles: usize,
    /// `do` whose `while` has not come.
    dos: usize,
    /// A statement may follow: the parentheses of `if (..)`.
    is_head: bool,
    /// A semicolon has come, which `else` may follow.
    has_ended: bool,
}

impl Frame {
    fn levels(&self) -> usize {
        self.base
            .saturating_add(self.chain)
            .saturating_add(self.statement)
            .saturating_add(self.angles)
    }

    fn end_statement(&mut self) {
        self.chain = 0;
        self.statement = 0;
        self.angles = 0;
        self.dos = 0;
        self.has_ended = false;
    }

    /// Keeps what is open, though a comma follows.
    fn hold(&mut self) {
        self.statement = self.statement.saturating_add(self.chain);
        self.chain = 0;
    }
}

/// What stands before the next token.
#[derive(Clone, Copy, Default)]
struct Last {
    kind: Kind,
    /// A line has ended since.
    line_ended: bool,
    /// The place behind it.
    end: usize,
    /// Its character, if it is an operator; of `=>` it is `ARROW`.
    operator: u8,
}

const ARROW: u8 = 1;

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    /// An operator or an opening bracket: an operand follows.
    #[default]
    Operator,
    /// `.`: a name follows, whatever the word.
    Dot,
    /// A word that goes on in the next line; whether an operand follows it.
    Opener(bool),
    /// `if`, `for`, `while`, `with`.
    Head,
    /// `)` of these.
    HeadEnd,
    /// A name or a literal, or the end of one.
    Operand,
    /// `)` or `]`.
    Bracket,
    /// `}`
    Brace,
    /// Perhaps an operand, perhaps an operator.
    Doubt,
}

struct Scanner<'s> {
    source: &'s str,
    at: usize,
    is_typescript: bool,
    frames: Vec<Frame>,
    frame: Frame,
    last: Last,
    deepest: usize,
    place: usize,
    /// Bytes that may still be read twice.
    lookahead: usize,
}

impl Scanner<'_> {
    fn run(&mut self, limit: usize) {
        if self.source.starts_with("#!") {
            self.skip_line();
        }
        while let Some(byte) = self.byte(0)
            && self.deepest <= limit
        {
            match byte {
                b'\n' | b'\r' => {
                    self.last.line_ended = true;
                    self.advance(1);
                }
                b' ' | b'\t' | 0x0b | 0x0c => self.advance(1),
                b'"' | b'\'' => self.string(byte),
                b'`' => {
                    self.begin_token("", false);
                    self.advance(1);
                    self.push(b'`');
                    self.template();
                }
                b'/' if self.byte(1) == Some(b'/') => self.skip_line(),
                b'/' if self.byte(1) == Some(b'*') => self.comment(),
                b'/' => self.slash(),
                b'(' | b'[' | b'{' => self.open(byte),
                b')' | b']' | b'}' => self.close(byte),
                b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | b'\\' | 0x80.. => {
                    self.word();
                }
                _ => self.operator(byte),
            }
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    /// Ends the statement before a token that cannot belong to it.
    fn begin_token(&mut self, word: &str, is_word: bool) {
        let goes_on = match word {
            "while" => self.frame.dos > 0,
            word => CONTINUERS.contains(&word),
        };
        if word == "while" {
            self.frame.dos = self.frame.dos.saturating_sub(1);
        }
        let has_ended = match self.last.kind {
            _ if self.frame.has_ended => word != "else" && !(word == "while" && goes_on),
            Kind::Operand | Kind::Bracket => is_word && self.last.line_ended && !goes_on,
            // A decorator of a class ends with no brace.
            Kind::Brace => is_word && (!goes_on || matches!(word, "class" | "abstract")),
            _ => false,
        };
        self.frame.has_ended = false;
        if has_ended {
            self.frame.end_statement();
        }
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        let at = self.at.saturating_add(ahead);
        self.source.as_bytes().get(at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.source.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn note(&mut self) {
        let levels = self.frame.levels();
        if levels > self.deepest {
            self.deepest = levels;
            self.place = self.at.min(self.source.len());
        }
    }

    fn ends_with(&mut self, kind: Kind) {
        self.last = Last {
            kind,
            line_ended: false,
            end: self.at,
            operator: 0,
        };
    }

    fn skip_line(&mut self) {
        while let Some(byte) = self.byte(0) {
            let is_separator = byte == 0xe2 && is_line_separator(self.rest());
            if matches!(byte, b'\n' | b'\r') || is_separator {
                return;
            }
            self.advance(1);
        }
    }

    fn comment(&mut self) {
        let rest = self.source.get(self.at..).unwrap_or_default();
        let inside = rest.get(2..).unwrap_or_default();
        let length = inside.find("*/").unwrap_or(inside.len());
        let text = inside.get(..length).unwrap_or_default();
        self.last.line_ended |= text.contains(super::edits::is_line_end);
        self.advance(length.saturating_add(4));
    }

    /// A string ends with its line: one that does not is no program.
    fn string(&mut self, quote: u8) {
        self.begin_token("", false);
        self.advance(1);
        while let Some(byte) = self.byte(0) {
            if matches!(byte, b'\n' | b'\r') {
                break;
            }
            self.advance(1);
            if byte == quote {
                break;
            }
            if byte == b'\\' {
                let width = if self.rest().starts_with(b"\r\n") {
                    2
                } else {
                    1
                };
                self.advance(width);
            }
        }
        self.ends_with(Kind::Operand);
    }

    /// The text of a template, up to its end or to an expression in it.
    fn template(&mut self) {
        while let Some(byte) = self.byte(0) {
            self.advance(1);
            match byte {
                b'\\' => self.advance(1),
                b'`' => {
                    self.pop();
                    self.ends_with(Kind::Operand);
                    return;
                }
                b'$' if self.byte(0) == Some(b'{') => {
                    self.advance(1);
                    self.push(b'$');
                    self.ends_with(Kind::Operator);
                    return;
                }
                _ => {}
            }
        }
    }

    fn push(&mut self, opener: u8) {
        let levels = self.frame.levels().saturating_add(1);
        let frame = Frame {
            opener,
            base: levels,
            is_head: opener == b'(' && self.last.kind == Kind::Head,
            ..Frame::default()
        };
        self.frames.push(std::mem::replace(&mut self.frame, frame));
        self.note();
    }

    /// What a bracket held may be called, or a member of it taken.
    fn pop(&mut self) {
        if let Some(outer) = self.frames.pop() {
            self.frame = outer;
            self.frame.chain = self.frame.chain.saturating_add(1);
            self.note();
        }
    }

    fn open(&mut self, byte: u8) {
        self.begin_token("", false);
        self.push(byte);
        self.advance(1);
        self.ends_with(Kind::Operator);
    }

    fn close(&mut self, byte: u8) {
        self.advance(1);
        let frame = self.frame;
        match (byte, frame.opener) {
            (b'}', b'$') => {
                self.pop();
                // The next expression of the template is beside this one.
                self.frame.chain = 0;
                self.template();
                return;
            }
            (b')', b'(') | (b']', b'[') | (b'}', b'{') => self.pop(),
            // No program.
            _ => {}
        }
        let kind = match byte {
            b')' if frame.is_head => Kind::HeadEnd,
            b'}' => Kind::Brace,
            _ => Kind::Bracket,
        };
        self.ends_with(kind);
    }

    fn word(&mut self) {
        let rest = self.source.get(self.at..).unwrap_or_default();
        let length = rest
            .find(|c: char| {
                !(c.is_alphanumeric() || matches!(c, '_' | '$' | '\\' | '\u{200c}' | '\u{200d}'))
            })
            .unwrap_or(rest.len());
        if length == 0 {
            // White space of Unicode, or no program.
            let character = rest.chars().next().unwrap_or(' ');
            self.last.line_ended |= super::edits::is_line_end(character);
            self.advance(character.len_utf8());
            return;
        }
        let word = rest.get(..length).unwrap_or_default();
        let is_number = word.starts_with(|c: char| c.is_ascii_digit());
        let is_name = self.last.kind == Kind::Dot;
        let keyword = if is_name || is_number { "" } else { word };
        self.begin_token(keyword, true);
        self.advance(length);
        let is_label = !is_name
            && !is_number
            && !matches!(self.last.operator, b',' | b'?')
            && self.is_before_colon();
        self.count(keyword, is_label);
        let is_opener =
            PREFIXES.contains(&keyword) || OPENERS.contains(&keyword) || HOLDERS.contains(&keyword);
        let kind = match keyword {
            _ if HEADS.contains(&keyword) => Kind::Head,
            // `for await (..)`
            "await" if self.last.kind == Kind::Head => Kind::Head,
            "return" => Kind::Opener(true),
            _ if is_opener => Kind::Opener(BEFORE_OPERAND.contains(&keyword)),
            _ => Kind::Operand,
        };
        self.ends_with(kind);
    }

    fn count(&mut self, keyword: &str, is_label: bool) {
        let frame = &mut self.frame;
        if matches!(keyword, "extends" | "implements") {
            frame.hold();
        }
        if keyword == "do" {
            frame.dos = frame.dos.saturating_add(1);
        }
        let holds = HOLDERS.contains(&keyword) || matches!(keyword, "extends" | "implements");
        let levels = usize::from(holds).saturating_add(usize::from(is_label));
        frame.statement = frame.statement.saturating_add(levels);
        if PREFIXES.contains(&keyword) {
            frame.chain = frame.chain.saturating_add(1);
        }
        self.note();
    }

    /// Whether a colon may be the next token.
    fn is_before_colon(&self) -> bool {
        let rest = self.source.get(self.at..).unwrap_or_default();
        let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        rest.starts_with(':') || rest.starts_with("/*") || rest.starts_with("//")
    }

    fn operator(&mut self, byte: u8) {
        let Last {
            kind,
            line_ended,
            end,
            operator,
        } = self.last;
        let before = if end == self.at { operator } else { 0 };
        self.begin_token("", false);
        self.advance(1);
        let next = self.byte(0);
        match byte {
            b';' => self.frame.has_ended = true,
            b',' if self.frame.angles == 0 => self.frame.chain = 0,
            b'<' if self.is_typescript && next != Some(b'=') => {
                self.frame.angles = self.frame.angles.saturating_add(1);
            }
            b'>' if before != b'=' => self.frame.angles = self.frame.angles.saturating_sub(1),
            _ => {}
        }
        if !matches!(byte, b';' | b',') && !is_second(before, byte) {
            self.frame.chain = self.frame.chain.saturating_add(1);
        }
        self.note();
        let is_after_operand =
            !line_ended && matches!(kind, Kind::Operand | Kind::Bracket | Kind::Brace);
        let kind = match byte {
            b'+' | b'-' if next == Some(byte) => {
                self.advance(1);
                match kind {
                    Kind::Doubt => Kind::Doubt,
                    Kind::Operand | Kind::Bracket if is_after_operand => Kind::Operand,
                    _ => Kind::Operator,
                }
            }
            // What TypeScript knows not to be null.
            b'!' if self.is_typescript && is_after_operand && next != Some(b'=') => kind,
            b'!' if kind == Kind::Doubt => Kind::Doubt,
            b'.' if before != b'.' && next != Some(b'.') => Kind::Dot,
            b'#' => Kind::Dot,
            _ => Kind::Operator,
        };
        self.ends_with(kind);
        self.last.operator = match (before, byte) {
            (b'=', b'>') => ARROW,
            _ => byte,
        };
    }
}

/// Whether two characters are one operator.
fn is_second(before: u8, byte: u8) -> bool {
    matches!(
        (before, byte),
        (
            b'=' | b'!'
                | b'<'
                | b'>'
                | b'+'
                | b'-'
                | b'*'
                | b'/'
                | b'%'
                | b'&'
                | b'|'
                | b'^'
                | b'?',
            b'='
        ) | (b'=', b'>')
            | (b'&', b'&')
            | (b'|', b'|')
            | (b'?', b'?' | b'.')
            | (b'*', b'*')
            | (b'.', b'.')
    )
}

fn is_line_separator(bytes: &[u8]) -> bool {
    bytes.starts_with("\u{2028}".as_bytes()) || bytes.starts_with("\u{2029}".as_bytes())
}

#[cfg(test)]
mod tests;
