//! The names of a session, which Tab completes, and what of a text no terminal may get.

use std::borrow::Cow;
use std::collections::BTreeSet;

use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};
use wxmcp_run::Language;

/// Longest name that is completed, in characters.
const MAX_NAME: usize = 100;

/// Names that are completed; a script may have made any number of them.
const MAX_NAMES: usize = 10_000;

/// What Tab writes where no name is begun.
const INDENT: &str = "    ";

/// Prints the names that Python knows, and makes none.
const PYTHON: &str = "\
try:
    print('\\n'.join({*globals(), *dir(__import__('builtins')), *__import__('keyword').kwlist})[:60000])
except Exception:
    pass
";

/// The same in JavaScript.
const JAVASCRIPT: &str = "try { console.log(Object.getOwnPropertyNames(globalThis).join('\\n').slice(0, 60000)) } catch {}";

/// The script that prints the names of its session, one a line.
pub(super) fn asked_by(language: Language) -> &'static str {
    match language {
        Language::Python | Language::Component => PYTHON,
        Language::JavaScript | Language::TypeScript => JAVASCRIPT,
    }
}

/// What Tab completes, in order.
#[derive(Debug, Default)]
pub(super) struct Names(Vec<String>);

impl Names {
    /// Those that a session has printed, and those of the tools. A script may have any key among its variables, and
    /// print what it likes: only what is a name is shown to a terminal.
    pub(super) fn of(printed: &[u8], namespaces: impl IntoIterator<Item = String>) -> Self {
        let printed = String::from_utf8_lossy(printed);
        let own = printed.lines().filter(|name| is_name(name));
        let own = own.take(MAX_NAMES).map(str::to_owned);
        let namespaces = namespaces.into_iter().filter(|name| is_name(name));
        let all: BTreeSet<String> = own.chain(namespaces).collect();
        Self(all.into_iter().collect())
    }

    /// Those that begin so.
    fn beginning(&self, begun: &str) -> Vec<String> {
        let first = self.0.partition_point(|name| name.as_str() < begun);
        let fit = self.0.iter().skip(first);
        fit.take_while(|name| name.starts_with(begun))
            .cloned()
            .collect()
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= MAX_NAME && text.chars().all(is_of_name)
}

/// Whether a character is part of names in any of the languages.
fn is_of_name(c: char) -> bool {
    (c.is_alphanumeric() || matches!(c, '_' | '$')) && !wxmcp_catalogue::is_unseen(c)
}

/// Whether a terminal does something else with a character than to show it in its place.
pub(super) fn is_obeyed(c: char) -> bool {
    let is_usual = matches!(c, '\n' | '\t');
    // Ends of lines that no language of ours takes for one, and marks that turn the direction of what follows.
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (c.is_control() && !is_usual)
}

impl Completer for Names {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let before = line.get(..at).unwrap_or_default();
        let begun = before.trim_end_matches(is_of_name).len();
        let begun = before.get(begun..).unwrap_or_default();
        if begun.is_empty() {
            return Ok((at, vec![INDENT.to_owned()]));
        }
        Ok((at.saturating_sub(begun.len()), self.beginning(begun)))
    }
}

impl Highlighter for Names {
    /// The line as a terminal gets it: what was pasted may hold anything.
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        match line.contains(is_obeyed) {
            true => Cow::Owned(line.replace(is_obeyed, "")),
            false => Cow::Borrowed(line),
        }
    }
}

impl Hinter for Names {
    type Hint = String;
}

impl Validator for Names {}

impl Helper for Names {}

#[cfg(test)]
mod tests {
    use rustyline::history::MemHistory;

    use super::*;

    fn completed(names: &Names, line: &str) -> (usize, Vec<String>) {
        let history = MemHistory::new();
        names
            .complete(line, line.len(), &Context::new(&history))
            .unwrap()
    }

    #[test]
    fn names_are_completed_and_nothing_else() {
        let names = Names::of(
            "total\ntable\n\u{1b}[2J\nta\u{9b}x\nta\u{202e}b\nta\u{3164}\na b\n\n$dollar\ngr\u{f6}\u{df}e\n日本\n".as_bytes(),
            ["tools".to_owned()],
        );
        let of = |line: &str| completed(&names, line);
        let several =
            |at: usize, all: &[&str]| (at, all.iter().map(|it| (*it).to_owned()).collect());
        assert_eq!(of("x = t"), several(4, &["table", "tools", "total"]));
        assert_eq!(of("ta"), several(0, &["table"]));
        assert_eq!(of("f(gr"), several(2, &["gr\u{f6}\u{df}e"]));
        assert_eq!(of("gr\u{f6}"), several(0, &["gr\u{f6}\u{df}e"]));
        assert_eq!(of("日"), several(0, &["日本"]));
        assert_eq!(of("$"), several(0, &["$dollar"]));
        assert_eq!(of("nothing"), several(0, &[]));
        assert_eq!(of(""), several(0, &[INDENT]));
        assert_eq!(of("f("), several(2, &[INDENT]));
        assert_eq!(of("\u{1b}"), several(1, &[INDENT]));
    }

    #[test]
    fn names_are_bounded() {
        let long = "x".repeat(MAX_NAME);
        let many: String = (0..2 * MAX_NAMES).map(|it| format!("name{it}\n")).collect();
        let names = Names::of(format!("{long}\n{long}x\n{many}").as_bytes(), []);
        assert_eq!(names.0.len(), MAX_NAMES);
        assert_eq!(completed(&names, "x"), (0, vec![long]));
    }

    #[test]
    fn a_terminal_gets_nothing_that_it_would_obey() {
        let shown = |line: &str| Names::default().highlight(line, 0).into_owned();
        assert_eq!(
            shown("a\u{1b}[2J\u{9b}2J\u{7}\r\u{202e}b\u{2028}"),
            "a[2J2Jb"
        );
        let usual = "if x:\n\tprint('日本 gr\u{f6}\u{df}e 👩\u{200d}🚀 ❤\u{fe0f}')";
        assert_eq!(shown(usual), usual);
    }
}
