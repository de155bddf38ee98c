//! Lines of bounded length from a pipe.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use wxmcp_run::{Charge, Ledger, OverBudget};

/// Bytes that are asked for at a time.
const CHUNK_BYTES: usize = 64 * 1024;
const CHUNK: u64 = 64 * 1024;

/// Bytes of a line from which on it matters who pays for it.
const LONG_BYTES: usize = CHUNK_BYTES;

/// Room for a line that is not charged.
const FREE_BYTES: usize = 4 * CHUNK_BYTES;

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
    /// A line becomes so long that it is charged to somebody; this is its start.
    Long(Vec<u8>),
    /// A line has passed the limit; this is its start. The rest is skipped.
    TooLong(Vec<u8>),
    /// Nobody may hold the line; this is its start. The rest is skipped.
    OverBudget(Vec<u8>, OverBudget),
    /// A line that passed the limit has ended; this is its end.
    Skipped(Vec<u8>),
    /// A line that passed the limit does not end.
    Endless,
    /// The pipe was closed. An unfinished line is dropped.
    End,
}

/// Reads lines and never holds more than the limit and one chunk. What a long line takes is charged before it is read:
/// while the process has no room for it, the rest of it stays in the pipe.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    source: R,
    limit: usize,
    buffer: Vec<u8>,
    /// Bytes of the buffer that hold no newline.
    scanned: usize,
    /// Bytes skipped of a line that passed the limit.
    skipping: Option<usize>,
    /// Who pays for a line of which nobody else is known to.
    process: Ledger,
    /// Who pays for the line at hand, once it is long.
    payer: Option<Ledger>,
    /// What is charged for the line at hand.
    charges: Vec<Charge>,
    /// What is charged for the line that was returned last: its bytes are gone when the next one is asked for.
    returned: Vec<Charge>,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// Lines of at most `limit` bytes, of which the long ones are charged to a process.
    pub(crate) fn new(source: R, limit: usize, process: Ledger) -> Self {
        Self {
            source,
            limit,
            buffer: Vec::new(),
            scanned: 0,
            skipping: None,
            process,
            payer: None,
            charges: Vec::new(),
            returned: Vec::new(),
        }
    }

    /// The next line. A future that is dropped loses nothing.
    pub(crate) async fn next(&mut self) -> io::Result<Line> {
        self.returned.clear();
        loop {
            if let Some(line) = self.take() {
                return Ok(line);
            }
            if let Err(over) = self.make_room().await {
                self.skipping = Some(0);
                return Ok(Line::OverBudget(self.head(), over));
            }
            // No more than a chunk: what follows the line is not charged.
            let mut chunk = (&mut self.source).take(CHUNK);
            if chunk.read_buf(&mut self.buffer).await? == 0 {
                return Ok(Line::End);
            }
        }
    }

    /// Charges the line at hand to somebody else.
    pub(crate) fn charge_to(&mut self, payer: &Ledger) -> Result<(), OverBudget> {
        for charge in &mut self.charges {
            charge.transfer(payer)?;
        }
        self.payer = Some(payer.clone());
        Ok(())
    }

    /// Skips the line at hand.
    pub(crate) fn skip(&mut self) {
        self.skipping = Some(0);
    }

    fn head(&self) -> Vec<u8> {
        self.buffer.iter().take(HEAD_BYTES).copied().collect()
    }

    /// Makes room for a chunk, and charges it first.
    async fn make_room(&mut self) -> Result<(), OverBudget> {
        let (length, had) = (self.buffer.len(), self.buffer.capacity());
        let wanted = length.saturating_add(CHUNK_BYTES);
        if wanted <= had {
            return Ok(());
        }
        let most = self.limit.saturating_add(CHUNK_BYTES.saturating_mul(2));
        let room = had.saturating_mul(2).min(most).max(wanted);
        let charged: u64 = self.charges.iter().map(Charge::bytes).sum();
        let charged_then = u64::try_from(room.saturating_sub(FREE_BYTES)).unwrap_or(u64::MAX);
        let more = charged_then.saturating_sub(charged);
        if more > 0 {
            let payer = self.payer.as_ref().unwrap_or(&self.process);
            self.charges.push(payer.charge_when_free(more).await?);
        }
        self.buffer.reserve_exact(room.saturating_sub(length));
        Ok(())
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
                    if self.scanned < LONG_BYTES || self.payer.is_some() {
                        return None;
                    }
                    self.payer = Some(self.process.clone());
                    Some(Line::Long(self.head()))
                }
                _ => {
                    self.skipping = Some(0);
                    Some(Line::TooLong(self.head()))
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
        self.charges.clear();
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
        self.payer = None;
        self.returned = std::mem::take(&mut self.charges);
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(input: Vec<u8>, limit: usize) -> Vec<Line> {
        let mut lines = Lines::new(input.as_slice(), limit, Ledger::unbounded());
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
        let mut lines = Lines::new(tokio::io::repeat(b'x'), 1000, Ledger::unbounded());
        assert!(matches!(lines.next().await.unwrap(), Line::TooLong(_)));
        assert_eq!(lines.next().await.unwrap(), Line::Endless);
        assert!(lines.buffer.capacity() <= 4 * CHUNK_BYTES);
    }

    #[tokio::test]
    async fn a_long_line_is_charged_while_it_is_read_and_until_the_next() {
        let process = Ledger::of_process(10 << 20);
        let run = process.for_run(4 << 20);
        let input = [b"x".repeat(1 << 20), b"y".repeat(100)].join(&b"\n"[..]);
        let input = [input, b"\n".to_vec()].concat();
        let mut lines = Lines::new(input.as_slice(), 8 << 20, process.clone());
        assert!(matches!(lines.next().await.unwrap(), Line::Long(_)));
        lines.charge_to(&run).unwrap();
        let Line::Whole(line) = lines.next().await.unwrap() else {
            panic!("no line");
        };
        let charged = u64::try_from(line.capacity() - FREE_BYTES).unwrap();
        assert_eq!((run.held(), process.held()), (charged, charged));
        assert_eq!(lines.next().await.unwrap(), Line::Whole(b"y".repeat(100)));
        assert_eq!((run.held(), process.held()), (0, 0));
    }

    #[tokio::test]
    async fn a_line_that_its_run_may_not_hold_is_skipped_and_the_next_one_is_read() {
        let process = Ledger::of_process(10 << 20);
        let run = process.for_run(1 << 20);
        let input = [&b"x".repeat(3 << 20), &b"next\n"[..]].join(&b"\n"[..]);
        let mut lines = Lines::new(input.as_slice(), 8 << 20, process.clone());
        assert!(matches!(lines.next().await.unwrap(), Line::Long(_)));
        lines.charge_to(&run).unwrap();
        let refused = lines.next().await.unwrap();
        assert!(
            matches!(&refused, Line::OverBudget(head, OverBudget::Run { .. }) if head.len() == HEAD_BYTES),
            "{refused:?}"
        );
        assert!(matches!(lines.next().await.unwrap(), Line::Skipped(_)));
        assert_eq!(lines.next().await.unwrap(), Line::Whole(b"next".to_vec()));
        assert_eq!((run.held(), process.held()), (0, 0));
    }

    #[tokio::test]
    async fn a_line_waits_for_room_in_the_process() {
        let process = Ledger::of_process(3 << 20);
        let other = process.charge(2 << 20).unwrap();
        let input = [b"x".repeat(1 << 20), b"\n".to_vec()].concat();
        let mut lines = Lines::new(input.as_slice(), 8 << 20, process.clone());
        assert!(matches!(lines.next().await.unwrap(), Line::Long(_)));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let reading = std::pin::pin!(lines.next()).poll(&mut context).is_pending();
        assert!(reading);
        drop(other);
        assert!(matches!(lines.next().await.unwrap(), Line::Whole(_)));
    }
}
