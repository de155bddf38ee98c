//! An upper bound of how deep a source is nested, found without parsing it.
//!
//! A bracket nests what is inside of it. Operators, and statements that hold a statement
//! without a bracket, nest what follows, or what stands before them, so they are counted
//! until the expression or statement has ended. Strings, the text of templates, comments and
//! regular expressions hold nothing. What is in doubt is counted: sources are hostile.

use super::Dialect;

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

/// Most bytes that are read twice, to find out what a slash is.
const LOOKAHEAD: usize = 16 << 20;

/// Statements that hold a statement without a bracket around it.
const HOLDERS: [&str; 6] = ["if", "else", "for", "while", "do", "with"];

/// Words whose parentheses a statement follows.
const HEADS: [&str; 4] = ["if", "for", "while", "with"];

/// Words that nest what follows them.
const PREFIXES: [&str; 20] = [
    "typeof",
    "void",
    "delete",
    "await",
    "new",
    "async",
    "yield",
    "in",
    "of",
    "instanceof",
    "as",
    "satisfies",
    "keyof",
    "infer",
    "unique",
    "readonly",
    "is",
    "asserts",
    "class",
    "function",
];

/// Other words that what they belong to goes on after, in whatever line.
const OPENERS: [&str; 21] = [
    "const",
    "let",
    "var",
    "using",
    "case",
    "throw",
    "export",
    "default",
    "import",
    "type",
    "interface",
    "namespace",
    "module",
    "enum",
    "declare",
    "abstract",
    "out",
    "accessor",
    "static",
    "extends",
    "implements",
];

/// Words that go on with what stands before them, in whatever line.
const CONTINUERS: [&str; 15] = [
    "in",
    "of",
    "instanceof",
    "as",
    "satisfies",
    "is",
    "extends",
    "implements",
    "else",
    "catch",
    "finally",
    "class",
    "abstract",
    "from",
    "while",
];

/// Words that a regular expression, and no division, may follow.
const BEFORE_OPERAND: [&str; 17] = [
    "typeof",
    "void",
    "delete",
    "await",
    "new",
    "yield",
    "in",
    "instanceof",
    "return",
    "throw",
    "case",
    "do",
    "else",
    "default",
    "extends",
    "if",
    "while",
];

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

    /// A division, or a regular expression.
    fn slash(&mut self) {
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
mod tests {
    use super::*;

    fn levels(source: &str) -> usize {
        let read = |dialect| nesting(source, dialect, usize::MAX).0;
        read(Dialect::JavaScript).max(read(Dialect::TypeScript))
    }

    #[test]
    fn text_and_flat_lists_nest_nothing() {
        for (source, most) in [
            (format!("const a = [{}]", "1, ".repeat(26_000)), 4),
            (format!("const a = [{}]", "-1.5e-3,\n".repeat(26_000)), 8),
            (
                format!(
                    "const a = [{}]",
                    "{ a: 'x', b: [1, 2], c: null },".repeat(9_000)
                ),
                12,
            ),
            (format!("const a = {{{}}}", "k: f(1),".repeat(26_000)), 8),
            (format!("const a = '{}'", "(it {was <[".repeat(30_000)), 4),
            (format!("const a = \"{}\"", "\\\"(;".repeat(30_000)), 4),
            (
                format!("const a = `{}`", "({[ ' \" ${b} \\` ".repeat(30_000)),
                8,
            ),
            (format!("/*{}*/ a", "((\n".repeat(30_000)), 4),
            (format!("// {}\na", "((".repeat(30_000)), 4),
            (format!("a = /{}/g", "[(/]\\(".repeat(10_000)), 4),
            (
                "f(/[\"'`(]/.test(x), y => /\\/(/.test(y));\n".repeat(10_000),
                12,
            ),
            (
                "if (a) /[(]/.test(b);\nreturn /[(]/;\nx = a / b / c;\n".repeat(10_000),
                12,
            ),
            (
                "const a = compute(1, 2)\nif (a) { f(a) }\nelse { g(a) }\n".repeat(10_000),
                16,
            ),
            ("function f(a) { return a.b().c() } ".repeat(10_000), 12),
            (
                "class A<T> { b?: T<U>; c(): D<E> { return <F>this; } }\n".repeat(5_000),
                16,
            ),
            (
                "switch (a) { case 1: b(); break; default: c() }\n".repeat(5_000),
                16,
            ),
            ("do a(); while (b)\nwhile (c) d()\n".repeat(10_000), 16),
        ] {
            let found = levels(&source);
            assert!(
                found <= most,
                "{found}: {}",
                source.get(..60).unwrap_or(&source)
            );
        }
    }

    #[test]
    fn whatever_nests_is_counted() {
        for (part, each) in [
            ("(", 1),
            ("[", 1),
            ("{", 1),
            ("`${", 1),
            ("!", 1),
            ("a=>", 1),
            ("a?b:", 1),
            ("1+", 1),
            ("a.b.", 2),
            ("f()", 1),
            ("a``", 1),
            ("typeof ", 1),
            ("if(1)", 1),
            ("if(1)\n", 1),
            ("if(1) a; else ", 1),
            ("if(1) {}\nelse ", 1),
            ("do if(1) a; else ", 2),
            ("a:", 1),
            ("a: b: c, {", 3),
            ("{a>0;", 1),
            ("{a > '; ' + b;", 1),
            ("1+';'+", 2),
            ("f(a, ", 1),
            ("a => [b, ", 2),
            ("if(1) function f() { a, ", 2),
            ("x = @d\nclass extends ", 1),
            ("class extends ", 1),
            ("class { a = ", 1),
            ("f(/'/, ", 1),
            ("}\n/'/; {(", 1),
            ("a\n/'/; (", 1),
        ] {
            let source = part.repeat(1_000);
            let found = nesting(&source, Dialect::JavaScript, usize::MAX).0;
            assert!(found >= each * 1_000, "{found}: {part}");
        }
        for (part, each) in [
            ("A<", 1),
            ("A<B, ", 1),
            ("x = <T, U>(a) => ", 1),
            ("x = <const\nT>(a) => ", 1),
            ("a => class implements B, C { x = ", 2),
            (" as any", 1),
            ("a!", 1),
            ("keyof ", 1),
            ("A extends B ? C : ", 1),
            ("x > /'/; (", 1),
        ] {
            let source = format!("x = a{}", part.repeat(1_000));
            let found = nesting(&source, Dialect::TypeScript, usize::MAX).0;
            assert!(found >= each * 1_000, "{found}: {part}");
        }
    }

    #[test]
    fn a_source_beyond_the_limit_is_not_read_on() {
        let (levels, place) = nesting(&"(".repeat(100), Dialect::JavaScript, 10);
        assert_eq!((levels, place), (11, 10));
    }
}
