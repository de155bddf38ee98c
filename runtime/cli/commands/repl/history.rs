//! Lines that were typed before, in a file that only its user reads.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::names::is_obeyed;

/// Lines that are kept; the file may have twice as many before it is written anew.
pub(super) const MAX_LINES: usize = 1_000;

/// Longest line that is kept, in bytes.
pub(super) const MAX_LINE: usize = 4 << 10;

/// Bytes of the file that are read.
const MAX_BYTES: u64 = 8 << 20;

/// The file of lines, the oldest first.
pub(super) struct History {
    /// None where there is no home, or the file cannot be private.
    file: Option<PathBuf>,
    /// How many lines it has.
    lines: usize,
}

impl History {
    /// That of a file, which need not be there, and its latest lines. What cannot be read is no history, and no error.
    pub(super) fn open(file: Option<PathBuf>) -> (Self, Vec<String>) {
        let file = file.filter(|file| is_private(file));
        let mut history = Self { file, lines: 0 };
        let lines = history.latest();
        (history, lines)
    }

    /// Adds what was typed, line by line. It is lost where it cannot be written, and the session goes on.
    pub(super) fn add(&mut self, typed: &str) {
        let lines = typed.lines().filter(|line| !line.trim().is_empty());
        for line in lines.filter(|line| line.len() <= MAX_LINE) {
            if let Some(mut file) = self.file.as_deref().and_then(|file| to_append(file).ok()) {
                let _lost = file.write_all(format!("{line}\n").as_bytes());
            }
            self.lines = self.lines.saturating_add(1);
        }
        if self.lines >= MAX_LINES.saturating_mul(2) {
            self.latest();
        }
    }

    /// Reads the latest lines, and leaves no others in the file.
    fn latest(&mut self) -> Vec<String> {
        let mut lines: Vec<String> = self.file.as_deref().map(read).unwrap_or_default();
        let total = lines.len();
        lines.drain(..total.saturating_sub(MAX_LINES));
        self.lines = lines.len();
        if let Some(file) = self.file.as_deref().filter(|_| total > lines.len()) {
            rewrite(file, &lines);
        }
        lines
    }
}

/// Writes the file anew: another, which then takes its place.
fn rewrite(file: &Path, lines: &[String]) {
    let mut text = lines.join("\n");
    text.push('\n');
    let next = file.with_extension(format!("{}", std::process::id()));
    let written = private(OpenOptions::new().write(true).create_new(true))
        .open(&next)
        .and_then(|mut next| next.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&next, file));
    if written.is_err() {
        let _not_there = fs::remove_file(&next);
    }
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    let no_link = rustix::fs::OFlags::NOFOLLOW.bits();
    options
        .mode(0o600)
        .custom_flags(i32::try_from(no_link).unwrap_or_default())
}

fn to_append(file: &Path) -> std::io::Result<File> {
    private(OpenOptions::new().append(true).create(true)).open(file)
}

/// Whether nobody else reads a file, which is made if it is not there.
fn is_private(file: &Path) -> bool {
    let made = file.parent().map(fs::create_dir_all);
    let Some(Ok(())) = made else {
        return false;
    };
    to_append(file).is_ok_and(|file| {
        let is_file = file.metadata().is_ok_and(|it| it.is_file());
        is_file
            && file
                .set_permissions(fs::Permissions::from_mode(0o600))
                .is_ok()
    })
}

fn read(file: &Path) -> Vec<String> {
    let mut bytes = Vec::new();
    let opened = private(OpenOptions::new().read(true)).open(file);
    let Ok(opened) = opened else {
        return Vec::new();
    };
    if opened.take(MAX_BYTES).read_to_end(&mut bytes).is_err() {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().filter(|line| line.len() <= MAX_LINE);
    // Others may have written to it: a terminal obeys none of it.
    lines
        .map(|line| line.replace(is_obeyed, ""))
        .filter(|line| !line.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(file: &Path) -> Vec<String> {
        History::open(Some(file.to_owned())).1
    }

    #[test]
    fn lines_are_kept_for_the_next_session_and_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/history");
        let (mut history, none) = History::open(Some(file.clone()));
        assert!(none.is_empty());
        for typed in ["one", " ", "if x:\n\ttwo\n\n", "drei ü"] {
            history.add(typed);
        }
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(lines(&file), ["one", "if x:", "\ttwo", "drei ü"]);
        // One that others could read becomes private; a link is not followed.
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        lines(&file);
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let (mut linked, none) = History::open(Some(link));
        assert!(none.is_empty());
        linked.add("elsewhere");
        assert!(!fs::read_to_string(&file).unwrap().contains("elsewhere"));
    }

    #[test]
    fn it_is_bounded_and_a_terminal_obeys_none_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history");
        let many: String = (0..3_000).map(|line| format!("line {line}\n")).collect();
        fs::write(
            &file,
            format!("{many}\u{1b}[2Jx\u{202e}\n{}\n", "y".repeat(MAX_LINE + 1)),
        )
        .unwrap();
        let (mut history, latest) = History::open(Some(file.clone()));
        let last: Vec<_> = latest.iter().rev().take(2).map(String::as_str).collect();
        assert_eq!(last, ["[2Jx", "line 2999"]);
        let in_file = || fs::read_to_string(&file).unwrap().lines().count();
        assert_eq!((latest.len(), in_file()), (MAX_LINES, MAX_LINES));
        for line in 0..2_500 {
            history.add(&format!("again {line}"));
        }
        history.add(&"y".repeat(MAX_LINE + 1));
        assert!(in_file() < 2 * MAX_LINES, "{}", in_file());
        assert_eq!(lines(&file).last().unwrap(), "again 2499");
    }
}
