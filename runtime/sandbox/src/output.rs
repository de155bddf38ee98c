//! What a script prints: counted before it is kept, streamed as it comes.

use std::sync::Arc;

use crate::limits::{Budget, Stop};
use parking_lot::{Mutex, MutexGuard};
use wxmcp_run::{BoxFuture, Charge, Ledger, Limit};
use wxmcp_run::{Event, Observer, Stream};

/// Bytes of output that are charged at a time.
const STEP: u64 = 16 << 10;

/// The printed bytes of one run. Both roads end here: the adapter's `emit` and
/// the guest's WASI streams.
#[derive(Clone)]
pub(crate) struct Output {
    kept: Arc<Mutex<Kept>>,
}

struct Kept {
    observer: Arc<dyn Observer>,
    budget: Budget,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// For both.
    charge: Charge,
}

impl Output {
    /// Output that nothing counts.
    #[cfg(test)]
    pub(crate) fn new(limit: u64, observer: Arc<dyn Observer>) -> Self {
        Self::charged(limit, observer, &Ledger::unbounded())
    }

    /// Output that is charged to a ledger while it is kept.
    pub(crate) fn charged(limit: u64, observer: Arc<dyn Observer>, ledger: &Ledger) -> Self {
        Self {
            kept: Arc::new(Mutex::new(Kept::new(limit, observer, ledger))),
        }
    }

    /// Forgets what was printed: another run of the same instance begins.
    pub(crate) fn begin(&self, limit: u64, observer: Arc<dyn Observer>, ledger: &Ledger) {
        *self.lock() = Kept::new(limit, observer, ledger);
    }

    /// Keeps and streams what the limit lets through, then names the limit if
    /// that was not everything.
    pub(crate) fn print(&self, stream: Stream, bytes: &[u8]) -> Result<(), Stop> {
        let (allowed, result, observer) = {
            let mut kept = self.lock();
            let (allowed, result) = allow(&mut kept.budget, bytes);
            kept.hold(allowed.len())?;
            match stream {
                Stream::Stdout => kept.stdout.extend_from_slice(allowed),
                Stream::Stderr => kept.stderr.extend_from_slice(allowed),
            }
            (allowed, result, Arc::clone(&kept.observer))
        };
        if !allowed.is_empty() {
            observer.event(Event::Output {
                stream,
                bytes: allowed,
            });
        }
        result.map_err(|total| Stop(Limit::Output(total)))
    }

    /// What a guest that has printed waits for, where whoever hears of it has no room for more.
    pub(crate) fn full(&self) -> Option<BoxFuture<'static, ()>> {
        let observer = Arc::clone(&self.lock().observer);
        observer.full()
    }

    /// Says something of wxmcp's own, on a line of its own of standard error. It does not count
    /// against the script's limit: the caller bounds it.
    pub(crate) fn note(&self, text: &str) {
        let (line, observer) = {
            let mut kept = self.lock();
            let is_inside_line = kept.stderr.last().is_some_and(|last| *last != b'\n');
            let start = if is_inside_line { "\n" } else { "" };
            let line = format!("{start}note: {text}\n");
            kept.stderr.extend_from_slice(line.as_bytes());
            (line, Arc::clone(&kept.observer))
        };
        observer.event(Event::Output {
            stream: Stream::Stderr,
            bytes: line.as_bytes(),
        });
    }

    /// Standard output and standard error so far; leaves both empty.
    pub(crate) fn take(&self) -> (Vec<u8>, Vec<u8>) {
        let mut kept = self.lock();
        kept.charge.shrink(u64::MAX);
        (
            std::mem::take(&mut kept.stdout),
            std::mem::take(&mut kept.stderr),
        )
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock()
    }
}

impl Kept {
    fn new(limit: u64, observer: Arc<dyn Observer>, ledger: &Ledger) -> Self {
        Self {
            observer,
            budget: Budget::new(limit),
            stdout: Vec::new(),
            stderr: Vec::new(),
            charge: ledger.nothing(),
        }
    }

    /// Charges what is about to be kept.
    fn hold(&mut self, more: usize) -> Result<(), Stop> {
        let kept = self.stdout.len().saturating_add(self.stderr.len());
        let then = u64::try_from(kept.saturating_add(more)).unwrap_or(u64::MAX);
        let short = then.saturating_sub(self.charge.bytes());
        if short == 0 {
            return Ok(());
        }
        let grown = self.charge.grow(short.next_multiple_of(STEP));
        grown.map_err(|over| Stop(over.limit()))
    }
}

fn allow<'a>(budget: &mut Budget, bytes: &'a [u8]) -> (&'a [u8], Result<(), u64>) {
    let wanted = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let left = budget.left();
    match budget.spend(wanted) {
        Ok(()) => (bytes, Ok(())),
        Err(total) => {
            let fits = usize::try_from(left).unwrap_or(usize::MAX);
            let _spent = budget.spend(left);
            (bytes.get(..fits).unwrap_or(bytes), Err(total))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmcp_run::Silent;

    #[test]
    fn output_keeps_what_fits_and_names_the_limit() {
        let output = Output::new(5, Arc::new(Silent));
        assert!(output.print(Stream::Stdout, b"abc").is_ok());
        let stop = output.print(Stream::Stderr, b"defg").unwrap_err();
        assert_eq!(stop.0, Limit::Output(5));
        assert!(output.print(Stream::Stdout, b"x").is_err());
        assert_eq!(output.take(), (b"abc".to_vec(), b"de".to_vec()));
    }

    #[test]
    fn output_is_charged_while_it_is_kept() {
        let run = Ledger::of_process(u64::MAX).for_run(4 * STEP);
        let output = Output::charged(u64::MAX, Arc::new(Silent), &run);
        output.print(Stream::Stdout, &[b'x'; 40_000]).unwrap();
        assert_eq!(run.held(), 3 * STEP);
        let stop = output.print(Stream::Stderr, &[b'x'; 40_000]).unwrap_err();
        assert_eq!(stop.0, Limit::HostMemory(4 * STEP));
        output.print(Stream::Stderr, b"y").unwrap();
        assert_eq!(output.take().0.len(), 40_000);
        assert_eq!(run.held(), 0);
    }

    #[test]
    fn a_note_has_a_line_of_its_own_and_does_not_count() {
        let output = Output::new(3, Arc::new(Silent));
        assert!(output.print(Stream::Stderr, b"ab").is_ok());
        output.note("one");
        output.note("two");
        assert!(output.print(Stream::Stderr, b"c").is_ok());
        let (_, stderr) = output.take();
        assert_eq!(stderr, b"ab\nnote: one\nnote: two\nc");
    }
}
