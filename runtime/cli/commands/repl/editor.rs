//! One line, edited at a terminal: the usual keys, history, and Tab for names.

use std::io::{self, Read};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use unicode_width::UnicodeWidthChar as _;

use super::history::History;
use super::keys::{self, Key};
use crate::streams::STDOUT;

/// Names that are shown where several fit; of more their number is.
const MAX_SHOWN: usize = 100;

/// Columns of a terminal that does not say how many it has.
const COLUMNS: usize = 80;

/// What came of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Edited {
    /// It is done.
    Line(String),
    /// Ctrl-C.
    Dropped,
    /// Ctrl-D on an empty line, or the terminal is gone.
    End,
}

/// Standard input that gives each key at once, as long as this lives.
struct Raw(Termios);

impl Raw {
    fn begin() -> io::Result<Self> {
        let usual = tcgetattr(rustix::stdio::stdin())?;
        let mut raw = usual.clone();
        raw.make_raw();
        // Whatever else prints meanwhile has its lines ended as usual.
        raw.output_modes = usual.output_modes;
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Drain, &raw)?;
        Ok(Self(usual))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _gone = tcsetattr(rustix::stdio::stdin(), OptionalActions::Drain, &self.0);
    }
}

/// Reads a line from the terminal at standard input and output.
///
/// # Errors
///
/// When it is none.
pub(super) fn line(prompt: &str, history: &History, names: &[String]) -> io::Result<Edited> {
    let _raw = Raw::begin()?;
    let columns = tcgetwinsize(rustix::stdio::stdout()).map(|size| usize::from(size.ws_col));
    let columns = columns.ok().filter(|it| *it > 0).unwrap_or(COLUMNS);
    let draw = |text: &str| STDOUT.draw(text);
    let mut line = Line::new(prompt, columns, history, names);
    // Without a buffer: what is typed ahead belongs to the next line, and to scripts.
    edit(&mut line, &mut Unbuffered, &draw)
}

struct Unbuffered;

impl Read for Unbuffered {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        Ok(rustix::io::read(rustix::stdio::stdin(), bytes)?)
    }
}

fn edit(line: &mut Line<'_>, input: &mut impl Read, draw: &dyn Fn(&str)) -> io::Result<Edited> {
    draw(&line.shown());
    loop {
        let Some(key) = keys::next(input)? else {
            draw("\n");
            return Ok(Edited::End);
        };
        match key {
            Key::Enter => {
                line.at = line.text.len();
                draw(&format!("{}\n", line.shown()));
                return Ok(Edited::Line(line.text.iter().collect()));
            }
            Key::Interrupt => {
                draw("^C\n");
                return Ok(Edited::Dropped);
            }
            Key::Eof if line.text.is_empty() => {
                draw("\n");
                return Ok(Edited::End);
            }
            Key::Tab => {
                if let Some(list) = line.complete() {
                    draw(&format!("\n{list}\n"));
                }
            }
            Key::Redraw => draw("\x1b[H\x1b[2J"),
            key => line.apply(key),
        }
        draw(&line.shown());
    }
}

/// A line while it is edited.
struct Line<'a> {
    prompt: &'a str,
    columns: usize,
    text: Vec<char>,
    /// Where the next character goes.
    at: usize,
    history: &'a History,
    /// How far back in the history it is; 0 is what was typed.
    back: usize,
    typed: Vec<char>,
    names: &'a [String],
}

impl<'a> Line<'a> {
    fn new(prompt: &'a str, columns: usize, history: &'a History, names: &'a [String]) -> Self {
        Self {
            prompt,
            columns,
            text: Vec::new(),
            at: 0,
            history,
            back: 0,
            typed: Vec::new(),
            names,
        }
    }

    /// What draws it in its row of the terminal: as much around the cursor as there is room for.
    fn shown(&self) -> String {
        let room = self
            .columns
            .saturating_sub(width(self.prompt.chars()))
            .max(2)
            - 1;
        let mut begin = self.at;
        let mut before = 0;
        for c in self.text.iter().take(self.at).rev() {
            let next = before + width([*c]);
            if next > room {
                break;
            }
            before = next;
            begin -= 1;
        }
        let mut used = 0;
        let fits = |c: &char| {
            used += width([*c]);
            used <= room
        };
        let visible: String = self
            .text
            .iter()
            .skip(begin)
            .copied()
            .take_while(fits)
            .collect();
        let column = width(self.prompt.chars()) + before;
        let right = match column {
            0 => String::new(),
            column => format!("\x1b[{column}C"),
        };
        format!("\r{}{visible}\x1b[K\r{right}", self.prompt)
    }

    fn apply(&mut self, key: Key) {
        match key {
            Key::Char(c) => self.insert(&[c]),
            Key::Backspace => self.remove(self.at.saturating_sub(1), self.at),
            Key::Delete | Key::Eof => self.remove(self.at, self.at.saturating_add(1)),
            Key::Left => self.at = self.at.saturating_sub(1),
            Key::Right => self.at = self.at.saturating_add(1).min(self.text.len()),
            Key::WordLeft => self.at = self.word_left(),
            Key::WordRight => self.at = self.word_right(),
            Key::Home => self.at = 0,
            Key::End => self.at = self.text.len(),
            Key::KillWord => self.remove(self.word_left(), self.at),
            Key::KillToStart => self.remove(0, self.at),
            Key::KillToEnd => self.remove(self.at, self.text.len()),
            Key::Up => self.recall(self.back.saturating_add(1)),
            Key::Down => self.recall(self.back.saturating_sub(1)),
            Key::Enter | Key::Tab | Key::Redraw | Key::Interrupt | Key::Other => {}
        }
    }

    fn insert(&mut self, chars: &[char]) {
        self.text.splice(self.at..self.at, chars.iter().copied());
        self.at = self.at.saturating_add(chars.len());
    }

    fn remove(&mut self, from: usize, to: usize) {
        let to = to.min(self.text.len());
        if from < to {
            self.text.drain(from..to);
            self.at = from;
        }
    }

    fn word_left(&self) -> usize {
        let before = self.text.iter().take(self.at).rev();
        let gap = before.clone().take_while(|c| !is_of_name(**c)).count();
        let word = before.skip(gap).take_while(|c| is_of_name(**c)).count();
        self.at.saturating_sub(gap).saturating_sub(word)
    }

    fn word_right(&self) -> usize {
        let after = self.text.iter().skip(self.at);
        let gap = after.clone().take_while(|c| !is_of_name(**c)).count();
        let word = after.skip(gap).take_while(|c| is_of_name(**c)).count();
        self.at.saturating_add(gap).saturating_add(word)
    }

    /// Shows a line of the history, or what was typed.
    fn recall(&mut self, back: usize) {
        if back == self.back {
            return;
        }
        let line = match back {
            0 => std::mem::take(&mut self.typed),
            back => match self.history.latest(back) {
                Some(line) => line.chars().collect(),
                None => return,
            },
        };
        let shown = std::mem::replace(&mut self.text, line);
        if self.back == 0 {
            self.typed = shown;
        }
        self.back = back;
        self.at = self.text.len();
    }

    /// Completes the name before the cursor as far as that is clear; answers those that it could be, if there are
    /// several. Where no name is, it indents.
    fn complete(&mut self) -> Option<String> {
        let before = self.text.iter().take(self.at).rev();
        let length = before.take_while(|c| is_of_name(**c)).count();
        let begun: String = self
            .text
            .iter()
            .skip(self.at - length)
            .take(length)
            .collect();
        if begun.is_empty() {
            self.insert(&[' '; 4]);
            return None;
        }
        let fit = self.names.iter().filter(|name| name.starts_with(&begun));
        let fit: Vec<&str> = fit.map(String::as_str).collect();
        let common = common(&fit)?;
        let rest: Vec<char> = common.chars().skip(length).collect();
        if !rest.is_empty() {
            self.insert(&rest);
            return None;
        }
        (fit.len() > 1).then(|| {
            let more = fit.len().saturating_sub(MAX_SHOWN);
            let mut list = fit
                .into_iter()
                .take(MAX_SHOWN)
                .collect::<Vec<_>>()
                .join("  ");
            if more > 0 {
                list.push_str(&format!("  and {more} more"));
            }
            list
        })
    }
}

/// What all begin with.
fn common(names: &[&str]) -> Option<String> {
    let (first, others) = names.split_first()?;
    let mut common: Vec<char> = first.chars().collect();
    for other in others {
        let same = common.iter().zip(other.chars());
        let same = same.take_while(|(a, b)| **a == *b).count();
        common.truncate(same);
    }
    Some(common.into_iter().collect())
}

/// Whether a character is part of names in any of the languages.
pub(super) fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$')
}

fn width(chars: impl IntoIterator<Item = char>) -> usize {
    chars.into_iter().map(|c| c.width().unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is typed becomes this line, in a terminal of 20 columns.
    fn typed(keys: &str, lines: &[&str], names: &[&str]) -> (Edited, String) {
        let mut history = History::open(None);
        lines.iter().for_each(|line| history.add(line));
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut line = Line::new(">>> ", 20, &history, &names);
        let drawn = std::cell::RefCell::new(String::new());
        let draw = |text: &str| drawn.borrow_mut().push_str(text);
        let edited = edit(&mut line, &mut keys.as_bytes(), &draw).unwrap();
        (edited, drawn.into_inner())
    }

    fn line_of(keys: &str) -> String {
        match typed(
            keys,
            &["first", "second"],
            &["total", "total_of", "table", "tools"],
        )
        .0
        {
            Edited::Line(line) => line,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keys_edit_the_line() {
        for (keys, line) in [
            ("abc\r", "abc"),
            ("abc\x1b[D\x1b[DX\r", "aXbc"),
            ("abc\x01X\x05Y\r", "XabcY"),
            ("abc\x7f\x7fd\r", "ad"),
            ("abc\x1b[H\x1b[3~\r", "bc"),
            ("one two\x17three\r", "one three"),
            ("one two\x15x\r", "x"),
            ("one two\x1bb\x0b!\r", "one !"),
            ("日本ü\x1b[D\x7f語\r", "日語ü"),
            ("a\x1b[200~b\u{9b}c\r", "abc"),
        ] {
            assert_eq!(line_of(keys), line, "{keys:?}");
        }
    }

    #[test]
    fn earlier_lines_come_back() {
        assert_eq!(line_of("\x1b[A\r"), "second");
        assert_eq!(line_of("\x1b[A\x1b[A!\r"), "first!");
        assert_eq!(line_of("\x1b[A\x1b[A\x1b[A\x1b[A\r"), "first");
        assert_eq!(line_of("typed\x1b[A\x1b[A\x1b[B\x1b[B!\r"), "typed!");
    }

    #[test]
    fn tab_completes_names() {
        assert_eq!(line_of("x = too\t\r"), "x = tools");
        assert_eq!(line_of("tot\t\r"), "total");
        assert_eq!(line_of("nothing\t\r"), "nothing");
        assert_eq!(line_of("\tx\r"), "    x");
        assert_eq!(line_of("(tab) + 1\x01\x06\x06\x06\x06\t\r"), "(table) + 1");
        let (_, drawn) = typed("t\t\t\r", &[], &["total", "table"]);
        assert!(drawn.contains("\ntotal  table\n"), "{drawn:?}");
    }

    #[test]
    fn interrupts_and_ends_are_no_lines() {
        assert_eq!(typed("abc\x03", &[], &[]).0, Edited::Dropped);
        assert_eq!(typed("\x04", &[], &[]).0, Edited::End);
        assert_eq!(typed("", &[], &[]).0, Edited::End);
        assert_eq!(line_of("abc\x1b[D\x04\r"), "ab");
    }

    #[test]
    fn a_line_that_is_longer_than_the_row_is_shown_around_the_cursor() {
        let history = History::open(None);
        let mut line = Line::new(">>> ", 20, &history, &[]);
        for c in ('a'..='z').chain('日'..='日') {
            line.apply(Key::Char(c));
        }
        assert_eq!(line.shown(), "\r>>> nopqrstuvwxyz日\x1b[K\r\x1b[19C");
        line.apply(Key::Home);
        assert_eq!(line.shown(), "\r>>> abcdefghijklmno\x1b[K\r\x1b[4C");
    }
}
