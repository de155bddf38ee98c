//! One line, edited at a terminal by rustyline: the usual keys, a history, and Tab for names.

use std::io::ErrorKind;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;

use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{ColorMode, CompletionType, Config, config::BellStyle};

use super::history::{History, MAX_LINE, MAX_LINES};
use super::names::{Names, is_obeyed};
use crate::queue::QUEUE;

/// Descriptors from this on are none that it can wait for: it does so with `select`.
const MAX_DESCRIPTOR: i32 = 1_024;

/// Names that are listed without a question.
const MAX_LISTED: usize = 100;

/// What came of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Edited {
    /// It is done; what was pasted may be several.
    Line(String),
    /// Ctrl-C.
    Dropped,
    /// It is none, and why.
    Refused(String),
    /// Ctrl-D on an empty line, or the terminal is gone.
    End,
}

/// The editor of lines at the terminal of standard input and output.
pub(super) struct Editor {
    lines: rustyline::Editor<Names, MemHistory>,
    file: History,
}

impl Editor {
    /// One with the history of a file; none where the terminal is of no use for it.
    pub(super) fn open(file: Option<PathBuf>) -> Option<Self> {
        let config = Config::builder()
            .max_history_size(MAX_LINES)
            .ok()?
            .completion_type(CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            .completion_prompt_limit(MAX_LISTED)
            .bell_style(BellStyle::None)
            // It has no colors, but what shows a line is asked for it only so.
            .color_mode(ColorMode::Forced)
            .build();
        let history = MemHistory::with_config(&config);
        let mut lines = rustyline::Editor::with_history(config, history).ok()?;
        let (file, earlier) = History::open(file);
        for line in earlier {
            let _known = lines.add_history_entry(line);
        }
        Some(Self { lines, file })
    }

    /// Whether it can wait for a key: the lowest descriptor that is free will be one that it waits for.
    pub(super) fn can_wait() -> bool {
        let lowest = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 0);
        lowest.is_ok_and(|lowest| lowest.as_raw_fd() < MAX_DESCRIPTOR)
    }

    /// Says what Tab completes from now on.
    pub(super) fn complete(&mut self, names: Names) {
        self.lines.set_helper(Some(names));
    }

    /// Reads a line, however long that takes.
    pub(super) fn line(&mut self, prompt: &str) -> Edited {
        // It writes to the terminal itself: what is printed comes first.
        QUEUE.settle();
        match self.lines.readline(prompt) {
            Ok(line) => self.taken(line),
            Err(ReadlineError::Interrupted | ReadlineError::Signal(_)) => Edited::Dropped,
            Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                Edited::Refused("what was typed is not UTF-8".to_owned())
            }
            Err(_) => Edited::End,
        }
    }

    fn taken(&mut self, line: String) -> Edited {
        if let Some(c) = line.chars().find(|c| is_obeyed(*c)) {
            return Edited::Refused(format!(
                "the input has the character U+{:04X}, which a terminal obeys and does not show: write it as an escape",
                u32::from(c)
            ));
        }
        let is_kept = !line.trim().is_empty() && line.len() <= MAX_LINE;
        // It is not if it is the same as the last one.
        if is_kept
            && self
                .lines
                .add_history_entry(line.as_str())
                .is_ok_and(|is_new| is_new)
        {
            self.file.add(&line);
        }
        Edited::Line(line)
    }
}

#[cfg(test)]
mod tests {
    use rustyline::history::History as _;

    use super::*;

    #[test]
    fn lines_are_kept_that_are_new_and_not_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history");
        let mut editor = Editor::open(Some(file.clone())).unwrap();
        let long = "x".repeat(MAX_LINE + 1);
        for line in ["one", "two", "two", "", "  ", &long, "if x:\n\tthree"] {
            assert_eq!(editor.taken(line.to_owned()), Edited::Line(line.to_owned()));
        }
        let kept = std::fs::read_to_string(&file).unwrap();
        assert_eq!(kept, "one\ntwo\nif x:\n\tthree\n");
        assert_eq!(editor.lines.history().len(), 3);
        assert_eq!(Editor::open(Some(file)).unwrap().lines.history().len(), 4);
    }

    #[test]
    fn what_a_terminal_obeys_is_refused_and_not_kept() {
        let mut editor = Editor::open(None).unwrap();
        for (line, code) in [
            ("a\u{1b}[2J", "U+001B"),
            ("\u{9b}2J", "U+009B"),
            ("x\u{202e}", "U+202E"),
        ] {
            let Edited::Refused(why) = editor.taken(line.to_owned()) else {
                panic!("{line:?}");
            };
            assert!(why.contains(code), "{why}");
        }
        assert_eq!(editor.lines.history().len(), 0);
        let line = "print('👩\u{200d}🚀')\n\tx";
        assert_eq!(editor.taken(line.to_owned()), Edited::Line(line.to_owned()));
    }
}
