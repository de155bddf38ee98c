//! Lines of bounded length from a pipe.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes that are asked for at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// What is kept of an over-long line's start, and of its end.
const HEAD_BYTES: usize = 4 * 1024;
const TAIL_BYTES: usize = 256;

/// How much of an over-long line is skipped before the pipe is given up, as a
/// multiple of the limit and at least.
const SKIP_FACTOR: usize = 8;
const MIN_SKIP_BYTES: usize = 256 * 1024 * 1024;

/// What comes out of the pipe.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line, without its newline.
    Whole(Vec<u8>),
    /// A line has passed the limit; this is its start. The rest is skipped.
    TooLong(Vec<u8>),
    /// A line that passed the limit has ended; this is its end.
    Skipped(Vec<u8>),
    /// A line that passed the limit does not end.
    Endless,
    /// The pipe was closed. An unfinished line is dropped.
    End,
}

/// Reads lines and never holds more than the limit and one chunk.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    source: R,
    limit: usize,
    buffer: Vec<u8>,
    /// Bytes of the buffer that hold no newline.
    scanned: usize,
    /// Bytes skipped of a line that passed the limit.
    skipping: Option<usize>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Lines of at most `limit` bytes.
    pub(crate) fn new(source: R, limit: usize) -> Self {
        Self {
            source,
            limit,
            buffer: Vec::new(),
            scanned: 0,
            skipping: None,
        }
    }

    /// The next line. A future that is dropped loses nothing.
    pub(crate) async fn next(&mut self) -> io::Result<Line> {
        loop {
            if let Some(line) = self.take() {
                return Ok(line);
            }
            self.buffer.reserve(CHUNK_BYTES);
            if self.source.read_buf(&mut self.buffer).await? == 0 {
                return Ok(Line::End);
            }
        }
    }

    /// The line, or the part of one, at the start of the bytes at hand.
    fn take(&mut self) -> Option<Line> {
        let fresh = self.buffer.get(self.scanned..).unwrap_or_default();
        let newline = fresh
            .iter()
            .position(|byte| *byte == b'\n')
            .map(|at| at.saturating_add(self.scanned));
        let Some(skipped) = self.skipping else {
            return match newline {
                Some(at) if at <= self.limit => Some(Line::Whole(self.take_to(at))),
                None if self.buffer.len() <= self.limit => {
                    self.scanned = self.buffer.len();
                    None
                }
                _ => {
                    self.skipping = Some(0);
                    let head = self.buffer.iter().take(HEAD_BYTES).copied().collect();
                    Some(Line::TooLong(head))
                }
            };
        };
        if let Some(at) = newline {
            self.skipping = None;
            let line = self.take_to(at);
            let tail = line.get(line.len().saturating_sub(TAIL_BYTES)..);
            return Some(Line::Skipped(tail.unwrap_or_default().to_vec()));
        }
        // Keep what may be the line's end.
        let gone = self.buffer.len().saturating_sub(TAIL_BYTES);
        self.buffer.drain(..gone);
        self.buffer.shrink_to(CHUNK_BYTES.saturating_mul(2));
        self.scanned = self.buffer.len();
        let skipped = skipped.saturating_add(gone);
        self.skipping = Some(skipped);
        let most = self.limit.saturating_mul(SKIP_FACTOR).max(MIN_SKIP_BYTES);
        (skipped > most).then_some(Line::Endless)
    }

    /// Takes the bytes before the newline at `at`, and drops the newline.
    fn take_to(&mut self, at: usize) -> Vec<u8> {
        let rest = self
            .buffer
            .split_off(at.saturating_add(1).min(self.buffer.len()));
        let mut line = std::mem::replace(&mut self.buffer, rest);
        line.truncate(at);
        self.scanned = 0;
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(input: Vec<u8>, limit: usize) -> Vec<Line> {
        let mut lines = Lines::new(input.as_slice(), limit);
        let mut found = Vec::new();
        loop {
            let line = lines.next().await.unwrap();
            let is_last = matches!(line, Line::End | Line::Endless);
            found.push(line);
            if is_last {
                return found;
            }
        }
    }

    #[tokio::test]
    async fn lines_come_whole_up_to_the_limit() {
        let whole = |text: &str| Line::Whole(text.as_bytes().to_vec());
        assert_eq!(
            all(b"one\n\ntwo three\nrest".to_vec(), 9).await,
            [whole("one"), whole(""), whole("two three"), Line::End]
        );
    }

    #[tokio::test]
    async fn a_long_line_is_skipped_and_the_next_one_is_read() {
        let long = "x".repeat(3 * CHUNK_BYTES) + "end";
        let found = all(format!("{long}\nnext\n").into_bytes(), 10).await;
        let [
            Line::TooLong(head),
            Line::Skipped(tail),
            Line::Whole(next),
            Line::End,
        ] = &found[..]
        else {
            panic!("{found:?}");
        };
        assert_eq!((head.len(), tail.len()), (HEAD_BYTES, TAIL_BYTES));
        assert!(tail.ends_with(b"xend"));
        assert_eq!(next, b"next");
    }

    #[tokio::test]
    async fn a_line_just_past_the_limit_is_too_long_even_when_it_has_come_whole() {
        let found = all(b"12345678901\nnext\n".to_vec(), 10).await;
        assert_eq!(
            found,
            [
                Line::TooLong(b"12345678901\nnext\n".to_vec()),
                Line::Skipped(b"12345678901".to_vec()),
                Line::Whole(b"next".to_vec()),
                Line::End
            ]
        );
    }

    #[tokio::test]
    async fn an_endless_line_ends_the_reading_in_bounded_memory() {
        let mut lines = Lines::new(tokio::io::repeat(b'x'), 1000);
        assert!(matches!(lines.next().await.unwrap(), Line::TooLong(_)));
        assert_eq!(lines.next().await.unwrap(), Line::Endless);
        assert!(lines.buffer.capacity() <= 4 * CHUNK_BYTES);
    }
}
