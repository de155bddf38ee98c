//! Bytes that are charged while they are written.

use std::io;

use serde::Serialize;
use wxmcp_run::{Charge, Ledger, OverBudget, Written};

/// Bytes that are charged at a time: less is not worth the look.
const STEP: u64 = 16 << 10;

/// Bytes, and what is charged for them.
#[derive(Debug)]
pub(crate) struct Charged {
    bytes: Vec<u8>,
    charge: Charge,
    /// Bytes that are charged, as lengths are counted: most writes look at nothing else.
    charged: usize,
    /// What there was no room for, and why.
    refused: Option<(u64, OverBudget)>,
}

impl Charged {
    /// No bytes yet.
    pub(crate) fn new(ledger: &Ledger) -> Self {
        Self {
            bytes: Vec::new(),
            charge: ledger.nothing(),
            charged: 0,
            refused: None,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Charges so many more bytes than there are, before they are added.
    ///
    /// # Errors
    ///
    /// When the run, or the process, would hold more than it may.
    #[inline]
    pub(crate) fn room_for(&mut self, more: usize) -> Result<(), OverBudget> {
        if self.bytes.len().saturating_add(more) <= self.charged {
            return Ok(());
        }
        self.charge_for(more)
    }

    fn charge_for(&mut self, more: usize) -> Result<(), OverBudget> {
        let then = size(self.bytes.len()).saturating_add(size(more));
        let Some(short) = then.checked_sub(self.charge.bytes()).filter(|it| *it > 0) else {
            return Ok(());
        };
        if short >= STEP || self.charge.grow(STEP).is_err() {
            self.charge.grow(short).inspect_err(|over| {
                self.refused = Some((short, *over));
            })?;
        }
        self.note_charged();
        Ok(())
    }

    fn note_charged(&mut self) {
        self.charged = usize::try_from(self.charge.bytes()).unwrap_or(usize::MAX);
    }

    /// Waits until other runs have given back what there was no room for last.
    ///
    /// # Errors
    ///
    /// When the run would hold more than it may, or the process ever could.
    pub(crate) async fn wait(&mut self) -> Result<(), OverBudget> {
        match self.refused.take() {
            Some((short, OverBudget::Process { .. })) => {
                self.charge.grow_when_free(short).await?;
                self.note_charged();
                Ok(())
            }
            Some((_, over)) => Err(over),
            None => Ok(()),
        }
    }

    /// Whether there was no room last, but may be when other runs have given back some.
    pub(crate) fn must_wait(&self) -> bool {
        matches!(self.refused, Some((_, OverBudget::Process { .. })))
    }

    /// Adds bytes when there is room for them.
    ///
    /// # Errors
    ///
    /// As [`Charged::wait`].
    pub(crate) async fn add(&mut self, bytes: &[u8]) -> Result<(), OverBudget> {
        if self.room_for(bytes.len()).is_err() {
            self.wait().await?;
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Adds bytes.
    ///
    /// # Errors
    ///
    /// As [`Charged::room_for`].
    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), OverBudget> {
        self.room_for(bytes.len())?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Adds JSON.
    ///
    /// # Errors
    ///
    /// As [`Charged::room_for`].
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), OverBudget> {
        let written = serde_json::to_writer(&mut *self, value);
        // Values that have no JSON there are none; what was refused is said.
        match (written, self.refused) {
            (Err(_), Some((_, over))) => Err(over),
            _ => Ok(()),
        }
    }

    /// Forgets all bytes after so many; they stay charged.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
    }

    /// The bytes, and what is charged for them and maybe for a few more.
    pub(crate) fn into_parts(self) -> (Vec<u8>, Charge) {
        (self.bytes, self.charge)
    }

    /// The bytes, which are JSON.
    pub(crate) fn written(self) -> Written {
        let Self { bytes, charge, .. } = self;
        Written {
            json: bytes,
            charge,
        }
    }
}

impl io::Write for Charged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A number of bytes as ledgers have it.
pub(crate) fn size(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn bytes_are_charged_before_they_are_written_and_given_back_with_them() {
        let run = Ledger::of_process(1 << 30).for_run(4 * STEP);
        let mut charged = Charged::new(&run);
        charged.push(b"[").unwrap();
        assert_eq!(run.held(), STEP);
        charged.json(&"x".repeat(60_000)).unwrap();
        assert!(run.held() > 60_000);
        // Each of these is written as six.
        let over = charged.json(&"\u{1}".repeat(10_000)).unwrap_err();
        assert!(matches!(over, OverBudget::Run { .. }));
        assert!(!charged.must_wait());
        assert!(charged.len() <= 4 << 14);
        charged.truncate(1);
        charged.json(&"y".repeat(60_000)).unwrap();
        let written = charged.written();
        assert_eq!(written.json.len(), 60_003);
        drop(written);
        assert_eq!(run.held(), 0);
    }

    #[test]
    fn where_others_hold_what_the_process_may_it_waits() {
        let process = Ledger::of_process(4 * STEP);
        let other = process.for_run(u64::MAX).charge(3 * STEP).unwrap();
        let mut charged = Charged::new(&process.for_run(u64::MAX));
        charged.push(b"x").unwrap();
        let bytes = vec![0; 20_000];
        let mut context = Context::from_waker(Waker::noop());
        {
            let mut adding = pin!(charged.add(&bytes));
            assert!(adding.as_mut().poll(&mut context).is_pending());
            drop(other);
            assert_eq!(adding.poll(&mut context), Poll::Ready(Ok(())));
        }
        assert_eq!(charged.len(), 20_001);
    }
}
