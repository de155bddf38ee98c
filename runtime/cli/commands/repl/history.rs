//! Lines that were typed before, in a file that only its user reads.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Lines that are kept.
const MAX_LINES: usize = 1_000;

/// Longest line that is kept, in bytes.
const MAX_LINE: usize = 4 << 10;

/// Bytes of the file that are read.
const MAX_BYTES: u64 = 4 << 20;

/// The lines, oldest first.
pub(super) struct History {
    lines: Vec<String>,
    /// None where there is no home, or the file cannot be private.
    file: Option<PathBuf>,
}

impl History {
    /// That of a file, which need not be there. What cannot be read is no history, and no error.
    pub(super) fn open(file: Option<PathBuf>) -> Self {
        let file = file.filter(|file| is_private(file));
        let mut lines: Vec<String> = file.as_deref().map(read).unwrap_or_default();
        let total = lines.len();
        lines.drain(..total.saturating_sub(MAX_LINES));
        let history = Self { lines, file };
        if total > history.lines.len() {
            history.rewrite();
        }
        history
    }

    /// A line, counted from the latest, which is the first.
    pub(super) fn latest(&self, back: usize) -> Option<&str> {
        let at = self.lines.len().checked_sub(back)?;
        self.lines.get(at).map(String::as_str)
    }

    /// Adds a line that was typed, unless it is the latest.
    pub(super) fn add(&mut self, line: &str) {
        let is_latest = self.lines.last().is_some_and(|last| last == line);
        if line.trim().is_empty() || line.len() > MAX_LINE || is_latest {
            return;
        }
        self.lines.push(line.to_owned());
        if self.lines.len() >= MAX_LINES.saturating_mul(2) {
            self.lines.drain(..MAX_LINES);
            self.rewrite();
            return;
        }
        // It is lost where it cannot be written, and the session goes on.
        if let Some(mut file) = self.file.as_deref().and_then(|file| to_append(file).ok()) {
            let _lost = file.write_all(format!("{line}\n").as_bytes());
        }
    }

    /// Writes the file anew: another, which then takes its place.
    fn rewrite(&self) {
        let Some(file) = &self.file else {
            return;
        };
        let mut text = self.lines.join("\n");
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
    let plain = |line: &str| -> String {
        let seen = |c: &char| !c.is_control() && !wxmcp_catalogue::is_unseen(*c);
        line.chars().filter(seen).collect()
    };
    lines.map(plain).filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_for_the_next_session_and_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a/history");
        let mut history = History::open(Some(file.clone()));
        for line in ["one", "two", "two", " ", "drei ü"] {
            history.add(line);
        }
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let history = History::open(Some(file.clone()));
        let latest: Vec<_> = (1..5).map(|back| history.latest(back)).collect();
        assert_eq!(latest, [Some("drei ü"), Some("two"), Some("one"), None]);
        assert_eq!(history.latest(0), None);
        // One that others could read becomes private; a link is not followed.
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        History::open(Some(file.clone()));
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let mut linked = History::open(Some(link));
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
        let mut history = History::open(Some(file.clone()));
        assert_eq!(history.latest(1), Some("[2Jx"));
        assert_eq!(history.latest(2), Some("line 2999"));
        let lines = || fs::read_to_string(&file).unwrap().lines().count();
        assert_eq!(lines(), MAX_LINES);
        for line in 0..2_500 {
            history.add(&format!("again {line}"));
        }
        assert!(lines() < 2 * MAX_LINES, "{}", lines());
        assert_eq!(history.latest(1), Some("again 2499"));
    }
}
