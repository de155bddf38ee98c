//! The last of what an upstream wrote to stderr.

use std::collections::VecDeque;

use parking_lot::Mutex;
use wxmcp_catalogue::{clean, shorten};

use wxmcp_policy::{Cut, Redactor};

/// Bytes of stderr that are kept, beside the length of the longest secret.
const MAX_LOG_BYTES: usize = 16 * 1024;

/// Lines in an error, and the longest of them in bytes.
const MAX_LINES: usize = 8;
const MAX_LINE_BYTES: usize = 300;

/// A bounded, redacted record of stderr.
#[derive(Debug)]
pub(crate) struct Log {
    redactor: Redactor,
    capacity: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: VecDeque<u8>,
    /// Whether earlier bytes are gone.
    cut: bool,
}

impl Log {
    /// An empty log.
    pub(crate) fn new(redactor: Redactor) -> Self {
        Self {
            // So much more that a secret whose beginning is cut off leaves something else to show.
            capacity: MAX_LOG_BYTES.saturating_add(redactor.longest()),
            redactor,
            kept: Mutex::default(),
        }
    }

    /// Adds what was written.
    pub(crate) fn push(&self, bytes: &[u8]) {
        let mut kept = self.kept.lock();
        kept.bytes.extend(bytes);
        let excess = kept.bytes.len().saturating_sub(self.capacity);
        if excess > 0 {
            kept.bytes.drain(..excess);
            kept.cut = true;
        }
    }

    /// The last lines that are not blank, cleaned, cut and without secrets.
    pub(crate) fn last_lines(&self) -> Vec<String> {
        let text = self.text();
        let mut lines: Vec<String> = text
            .lines()
            .rev()
            .filter(|line| !line.trim().is_empty())
            .take(MAX_LINES)
            .map(|line| shorten(line.trim_end(), MAX_LINE_BYTES))
            .collect();
        lines.reverse();
        lines
    }

    fn text(&self) -> String {
        let (bytes, cut) = {
            let kept = self.kept.lock();
            (kept.bytes.iter().copied().collect::<Vec<u8>>(), kept.cut)
        };
        let cut = Cut {
            front: cut,
            back: false,
        };
        let text = String::from_utf8_lossy(&bytes);
        clean(self.redactor.redact_part(&text, cut).trim(), MAX_LOG_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_kept_and_secrets_are_not() {
        let log = Log::new(Redactor::new([("TOKEN", "canary-123456")]));
        assert!(log.last_lines().is_empty());
        log.push(b"starting\n");
        log.push(b"bad token canary-");
        log.push(b"123456\x1b[0m\n\n");
        assert_eq!(log.last_lines(), ["starting", "bad token [TOKEN][0m"]);
    }

    /// Whatever byte the log is cut at, no part of a secret shows.
    #[test]
    fn a_secret_that_was_cut_in_two_does_not_show() {
        let secret = "canary-0123456789";
        for cut in 0..secret.len() {
            let log = Log::new(Redactor::new([("TOKEN", secret)]));
            log.push(secret.as_bytes());
            log.push(&vec![b'x'; log.capacity - secret.len() + cut]);
            let text = log.text();
            assert!(!text.contains("89") && text.len() >= MAX_LOG_BYTES - secret.len());
        }
    }

    /// What is in between is not seen, and may not make the rest of a secret look like another text.
    #[test]
    fn a_secret_that_was_cut_in_two_and_stretched_does_not_show() {
        let secret = "canary-0123456789";
        let log = Log::new(Redactor::new([("TOKEN", secret)]));
        for byte in secret.bytes() {
            log.push(&[byte]);
            log.push(&[0; MAX_LOG_BYTES / 5]);
        }
        log.push(b"\ndone");
        assert_eq!(log.last_lines(), ["done"]);
    }

    #[test]
    fn a_secret_that_is_being_written_does_not_show_and_what_resembles_one_does() {
        let log = Log::new(Redactor::new([("TOKEN", "canary-123456")]));
        log.push(b"bad token CANARY-\n12345");
        assert_eq!(log.last_lines(), ["bad token [TOKEN]"]);
        log.push(b", it says");
        assert_eq!(log.last_lines(), ["bad token CANARY-", "12345, it says"]);
    }
}
