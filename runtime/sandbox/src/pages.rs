//! What a tool file's instance takes of the host's memory, charged to the run that uses it.
//!
//! An instance begins with a memory that all instances of its interpreter share; a page is its own from the first write
//! on. Each such write is a page fault of the thread that runs the instance, so the faults that it caused bound
//! the pages that it has. They are counted whenever the instance gives up the thread.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use parking_lot::Mutex;
use wxmcp_run::{BoxFuture, Charge, Ledger, OverBudget};

/// Bytes that are charged for a fresh instance before it runs: what it writes at least.
pub(crate) const FRESH: u64 = 1 << 20;

/// Bytes of pages that are charged at a time.
const STEP: u64 = 256 << 10;

/// Bytes of one page; of those that may be larger, the largest.
const PAGE: u64 = if cfg!(target_arch = "x86_64") {
    4 << 10
} else {
    64 << 10
};

/// What is charged for one instance.
#[derive(Debug)]
pub(crate) struct Pages(Mutex<Counted>);

#[derive(Debug)]
struct Counted {
    charge: Charge,
    /// Bytes that the memory began with.
    image: u64,
    /// Bytes of the pages that it may have written.
    written: u64,
    /// Those of them that are charged.
    charged: u64,
    /// Bytes that it has grown by.
    grown: u64,
    /// Of a run that another one started: what it takes of the memory that they may have together.
    share: Option<Share>,
}

/// A part of a bound that several instances share.
#[derive(Debug)]
pub(crate) struct Share {
    all: Arc<AtomicU64>,
    limit: u64,
    taken: u64,
}

impl Share {
    /// Takes the first part for a fresh instance.
    ///
    /// # Errors
    ///
    /// When all together would have more than they may.
    pub(crate) fn fresh(all: &Arc<AtomicU64>, limit: u64) -> Result<Self, OverBudget> {
        let mut share = Self {
            all: Arc::clone(all),
            limit,
            taken: 0,
        };
        share.grow(FRESH)?;
        Ok(share)
    }

    fn grow(&mut self, bytes: u64) -> Result<(), OverBudget> {
        let more = |all: u64| all.checked_add(bytes).filter(|all| *all <= self.limit);
        let grown = self
            .all
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        if grown.is_err() {
            return Err(OverBudget::Run {
                asked: bytes,
                budget: self.limit,
            });
        }
        self.taken = self.taken.saturating_add(bytes);
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.all.fetch_sub(self.taken, Ordering::Relaxed);
    }
}

impl Pages {
    /// Charges a fresh instance. Waits while other runs hold what the process may.
    ///
    /// # Errors
    ///
    /// When the run would hold more than it may, or the process ever could.
    pub(crate) async fn charged(ledger: &Ledger) -> Result<Arc<Self>, OverBudget> {
        Ok(Self::of(ledger.charge_when_free(FRESH).await?, None))
    }

    /// Of a run that another one started: what it writes of the image is taken of what they share.
    pub(crate) fn sharing(share: Share) -> Arc<Self> {
        let mut charge = Ledger::unbounded().nothing();
        let _unbounded = charge.grow(FRESH);
        Self::of(charge, Some(share))
    }

    fn of(charge: Charge, share: Option<Share>) -> Arc<Self> {
        let charged = charge.bytes();
        Arc::new(Self(Mutex::new(Counted {
            charge,
            image: 0,
            written: 0,
            charged,
            grown: 0,
            share,
        })))
    }

    /// Notes memory that the instance begins with.
    pub(crate) fn begins_with(&self, bytes: u64) {
        let counted = &mut *self.0.lock();
        counted.image = counted.image.saturating_add(bytes);
    }

    /// Charges memory that it grows by, whether it writes there or not.
    ///
    /// # Errors
    ///
    /// When the run, or the process, would hold more than it may.
    pub(crate) fn grow(&self, bytes: u64) -> Result<(), OverBudget> {
        let counted = &mut *self.0.lock();
        counted.charge.grow(bytes)?;
        counted.grown = counted.grown.saturating_add(bytes);
        Ok(())
    }

    /// Charges it to the run that uses it now.
    ///
    /// # Errors
    ///
    /// When that run would hold more than it may.
    pub(crate) fn charge_to(&self, ledger: &Ledger) -> Result<(), OverBudget> {
        self.0.lock().charge.transfer(ledger)
    }

    /// Bytes that are charged.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.lock().charge.bytes()
    }

    /// Notes page faults; answers what is still to be charged.
    fn note(&self, faults: u64) -> u64 {
        let counted = &mut *self.0.lock();
        let written = faults.saturating_mul(PAGE);
        counted.written = counted.written.saturating_add(written);
        // What it grew by is charged as that.
        let written = match counted.share {
            // All faults are pages of the image or of what it grew by, and that counts in full already: the sum is
            // never less than what the instance takes.
            Some(_) => counted.written.saturating_sub(counted.grown),
            None => counted.written,
        };
        let most = written.min(counted.image);
        match most.checked_sub(counted.charged) {
            None | Some(0) => 0,
            Some(short) => short.next_multiple_of(STEP),
        }
    }

    /// Charges pages that were written, if there is room.
    fn settle(&self, bytes: u64) -> Result<(), OverBudget> {
        let counted = &mut *self.0.lock();
        if let Some(share) = &mut counted.share {
            share.grow(bytes)?;
        }
        counted.charge.grow(bytes)?;
        counted.charged = counted.charged.saturating_add(bytes);
        Ok(())
    }

    /// The same, when other runs have given back enough.
    async fn settle_when_free(self: Arc<Self>, bytes: u64) -> Result<(), OverBudget> {
        let ledger = self.0.lock().charge.ledger().clone();
        let more = ledger.charge_when_free(bytes).await?;
        let counted = &mut *self.0.lock();
        counted.charge.join(more);
        counted.charged = counted.charged.saturating_add(bytes);
        Ok(())
    }
}

/// Does work of an instance, and charges the pages that it writes meanwhile, whenever it waits.
///
/// # Errors
///
/// When the run would hold more than it may, or the process ever could.
pub(crate) async fn charging<T>(
    pages: Option<Arc<Pages>>,
    work: impl Future<Output = T>,
) -> Result<T, OverBudget> {
    let Some(pages) = pages else {
        return Ok(work.await);
    };
    let mut work = pin!(work);
    let mut done = None;
    let mut waiting: Option<BoxFuture<'_, Result<(), OverBudget>>> = None;
    poll_fn(|context| {
        loop {
            if let Some(room) = &mut waiting {
                match room.as_mut().poll(context) {
                    Poll::Ready(Ok(())) => waiting = None,
                    Poll::Ready(Err(over)) => return Poll::Ready(Err(over)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            if let Some(done) = done.take() {
                return Poll::Ready(Ok(done));
            }
            let (polled, faults) = counting(|| work.as_mut().poll(context));
            let short = pages.note(faults);
            let settled = match short {
                0 => Ok(()),
                short => pages.settle(short),
            };
            match (settled, polled) {
                (Ok(()), Poll::Ready(done)) => return Poll::Ready(Ok(done)),
                (Ok(()), Poll::Pending) => return Poll::Pending,
                (Err(over @ OverBudget::Run { .. }), _) => return Poll::Ready(Err(over)),
                (Err(OverBudget::Process { .. }), polled) => {
                    // It goes on when there is room, and may have been woken by then.
                    if let Poll::Ready(ended) = polled {
                        done = Some(ended);
                    }
                    waiting = Some(Box::pin(Arc::clone(&pages).settle_when_free(short)));
                }
            }
        }
    })
    .await
}

thread_local! {
    /// Faults of other instances that ran inside of the one that runs now.
    static INSIDE: Cell<u64> = const { Cell::new(0) };
}

/// Does something; answers how many page faults it took, without those of other instances that it ran.
fn counting<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let outside = INSIDE.replace(0);
    let before = faults();
    let done = work();
    let all = faults().saturating_sub(before);
    let inside = INSIDE.replace(outside.saturating_add(all));
    (done, all.saturating_sub(inside))
}

/// Page faults of this thread so far. Where the system does not count them, as many as any memory has pages.
fn faults() -> u64 {
    #[cfg(target_os = "linux")]
    {
        let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
        #[expect(
            unsafe_code,
            reason = "SAFETY: the system call writes one structure of this type, to where there is one; \
                      zeros are a value of it"
        )]
        let usage = unsafe {
            libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr());
            usage.assume_init()
        };
        u64::try_from(usage.ru_minflt.saturating_add(usage.ru_majflt)).unwrap_or(0)
    }
    #[cfg(not(target_os = "linux"))]
    {
        const ALL: u64 = 1 << 20;
        thread_local! {
            static ASKED: Cell<u64> = const { Cell::new(0) };
        }
        ASKED.replace(ASKED.get().saturating_add(ALL))
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;

    const IMAGE: u64 = 16 << 20;

    /// Whether the system may give many pages for one fault. It does not for the memories of instances, which are files.
    fn has_huge_pages() -> bool {
        let path = "/sys/kernel/mm/transparent_hugepage/enabled";
        std::fs::read_to_string(path).is_ok_and(|it| it.contains("[always]"))
    }

    /// Writes to so many pages that were not there before.
    fn write_to(pages: u64) -> Vec<u8> {
        let page = usize::try_from(PAGE).unwrap();
        // So large that it is a mapping of its own.
        let mut memory = vec![0_u8; usize::try_from(pages.max(1_000)).unwrap() * page];
        for at in 0..usize::try_from(pages).unwrap() {
            memory[at * page] = 1;
        }
        // Otherwise nothing of it would be done.
        std::hint::black_box(memory)
    }

    fn fresh(ledger: &Ledger) -> Arc<Pages> {
        let pages = Pages::of(ledger.charge(FRESH).unwrap(), None);
        pages.begins_with(IMAGE);
        pages
    }

    fn poll<T>(future: impl Future<Output = T>) -> Poll<T> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn pages_that_are_written_are_charged_and_no_more_than_the_memory_has() {
        if has_huge_pages() {
            return;
        }
        let run = Ledger::of_process(1 << 30).for_run(1 << 30);
        let pages = fresh(&run);
        let work = |count| {
            let pages = Some(Arc::clone(&pages));
            let done = poll(charging(pages, async move { write_to(count).len() }));
            assert!(matches!(done, Poll::Ready(Ok(_))), "{done:?}");
        };
        work(0);
        assert_eq!(run.held(), FRESH);
        work((4 << 20) / PAGE);
        assert!(run.held() >= 4 << 20 && run.held() < 6 << 20, "{run:?}");
        work(2 * IMAGE / PAGE);
        assert_eq!(run.held(), IMAGE);
        pages.grow(100).unwrap();
        assert_eq!(run.held(), IMAGE + 100);
        drop(pages);
        assert_eq!(run.held(), 0);
    }

    #[test]
    fn a_run_that_holds_too_much_is_told_so() {
        if has_huge_pages() {
            return;
        }
        let run = Ledger::of_process(1 << 30).for_run(8 << 20);
        let few = charging(Some(fresh(&run)), async {
            write_to((4 << 20) / PAGE).len()
        });
        assert!(matches!(poll(few), Poll::Ready(Ok(_))));
        let many = charging(Some(fresh(&run)), async {
            write_to((12 << 20) / PAGE).len()
        });
        assert!(matches!(
            poll(many),
            Poll::Ready(Err(OverBudget::Run { .. }))
        ));
        assert_eq!(run.held(), 0);
    }

    #[test]
    fn where_others_hold_what_the_process_may_the_instance_waits() {
        if has_huge_pages() {
            return;
        }
        let process = Ledger::of_process(8 << 20);
        let other = process.for_run(u64::MAX).charge(5 << 20).unwrap();
        let run = process.for_run(u64::MAX);
        let mut work = pin!(charging(Some(fresh(&run)), async {
            write_to((4 << 20) / PAGE).len()
        }));
        let mut context = Context::from_waker(Waker::noop());
        assert!(work.as_mut().poll(&mut context).is_pending());
        drop(other);
        assert!(matches!(
            work.as_mut().poll(&mut context),
            Poll::Ready(Ok(_))
        ));
    }

    #[test]
    fn what_another_instance_writes_inside_is_not_counted_twice() {
        if has_huge_pages() {
            return;
        }
        let process = Ledger::of_process(1 << 30);
        let (outer, inner) = (process.for_run(1 << 30), process.for_run(1 << 30));
        let work = charging(Some(fresh(&outer)), async {
            let inside = charging(Some(fresh(&inner)), async {
                write_to((6 << 20) / PAGE).len()
            });
            inside.await.unwrap();
            assert_eq!(inner.held(), 0);
        });
        assert!(matches!(poll(work), Poll::Ready(Ok(()))));
        assert!(inner.peak() >= 6 << 20, "{inner:?}");
        assert!(outer.peak() < 3 << 20, "{:?}", outer.peak());
    }
}
