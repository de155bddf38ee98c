//! What keeps count of what a run uses, and stops it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::ResourceLimiter;
use wxmcp_run::{Ledger, Limit, OverBudget};

use crate::pages::{Pages, Share};

/// A limit, as the error that unwinds the guest.
#[derive(Debug, thiserror::Error)]
#[error("stopped by {0}")]
pub(crate) struct Stop(pub(crate) Limit);

/// A count that is spent before the act.
#[derive(Debug)]
pub(crate) struct Budget {
    left: u64,
    total: u64,
}

impl Budget {
    pub(crate) fn new(total: u64) -> Self {
        Self { left: total, total }
    }

    /// Takes `amount`, or says how much there was in all.
    pub(crate) fn spend(&mut self, amount: u64) -> Result<(), u64> {
        self.left = self.left.checked_sub(amount).ok_or(self.total)?;
        Ok(())
    }

    pub(crate) fn left(&self) -> u64 {
        self.left
    }
}

/// Most entries of all tables of a guest; the largest of ours has 13,000.
pub(crate) const TABLE_ELEMENTS: usize = 200_000;

/// Most core instances of a guest; a component of componentize-py has about 25. So many stacks
/// there may be, since no two tasks of one instance hold one at a time.
pub(crate) const CORE_INSTANCES: u32 = 100;

/// Most memories of a guest.
pub(crate) const MEMORIES: u32 = 20;

/// Bounds the linear memories of a guest, all together, and remembers that it had to.
#[derive(Debug)]
pub(crate) struct MemoryMeter {
    limit: u64,
    /// Bytes of all memories.
    total: u64,
    /// The same of all runs that the limit is for, this one among them.
    all: Arc<AtomicU64>,
    table_elements: usize,
    peak: u64,
    refused: Option<Limit>,
    /// Of a tool file's instance: what its memory takes of what the host may hold for the run.
    pages: Option<Arc<Pages>>,
    /// Whether the image is counted as far as it is written to, by `pages`.
    shares_image: bool,
}

impl MemoryMeter {
    #[cfg(test)]
    pub(crate) fn new(limit: u64) -> Self {
        Self::among(limit, Arc::default())
    }

    /// One of several, whose memories together are bounded.
    pub(crate) fn among(limit: u64, all: Arc<AtomicU64>) -> Self {
        Self {
            limit,
            total: 0,
            all,
            table_elements: 0,
            peak: 0,
            refused: None,
            pages: None,
            shares_image: false,
        }
    }

    /// Charges the memory of a fresh instance to a ledger, too: what it has, and what it will have. Waits while other
    /// runs hold what the process may.
    pub(crate) async fn charge(&mut self, ledger: &Ledger) -> Result<(), OverBudget> {
        self.pages = Some(Pages::charged(ledger).await?);
        Ok(())
    }

    /// The instance of a run that another one started. The image that it begins with is the same memory as the other's:
    /// what it writes there counts, and what it grows by.
    ///
    /// # Errors
    ///
    /// When all together would have more than they may.
    pub(crate) fn share(&mut self) -> Result<(), OverBudget> {
        let share = Share::fresh(&self.all, self.limit)?;
        self.pages = Some(Pages::sharing(share));
        self.shares_image = true;
        Ok(())
    }

    /// What is charged, where it is.
    pub(crate) fn pages(&self) -> Option<Arc<Pages>> {
        self.pages.clone()
    }

    /// Bytes that are charged.
    pub(crate) fn charged(&self) -> u64 {
        self.pages.as_ref().map_or(0, |pages| pages.bytes())
    }

    /// Another run of the instance begins.
    pub(crate) fn begin(&mut self) {
        self.refused = None;
        self.peak = self.all.load(Ordering::Relaxed);
    }

    /// Charges the memory of a kept instance to the run that uses it now.
    pub(crate) fn charge_to(&mut self, ledger: &Ledger) -> Result<(), OverBudget> {
        match &self.pages {
            Some(pages) => pages.charge_to(ledger),
            None => Ok(()),
        }
    }

    pub(crate) fn peak(&self) -> u64 {
        match self.shares_image {
            // Pages that were written since it grew last are in the sum only.
            true => self.peak.max(self.all.load(Ordering::Relaxed)),
            false => self.peak,
        }
    }

    /// The limit that memory was refused for.
    pub(crate) fn refused(&self) -> Option<&Limit> {
        self.refused.as_ref()
    }
}

impl Drop for MemoryMeter {
    fn drop(&mut self) {
        self.all.fetch_sub(self.total, Ordering::Relaxed);
    }
}

impl ResourceLimiter for MemoryMeter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| desired > maximum) {
            // The memory itself does not grow so far.
            return Ok(true);
        }
        let more = u64::try_from(desired.saturating_sub(current)).unwrap_or(u64::MAX);
        if let (Some(pages), true, 0) = (&self.pages, self.shares_image, current) {
            pages.begins_with(more);
            self.peak = self.peak.max(self.all.load(Ordering::Relaxed));
            return Ok(true);
        }
        let all = self.all.load(Ordering::Relaxed).saturating_add(more);
        if all > self.limit {
            self.refused = Some(Limit::Memory(self.limit));
            return Ok(false);
        }
        if let Some(pages) = &self.pages {
            // Of what it begins with, the pages are charged that it writes to.
            if current == 0 {
                pages.begins_with(more);
            } else if let Err(error) = pages.grow(more) {
                self.refused = Some(error.limit());
                return Ok(false);
            }
        }
        self.total = self.total.saturating_add(more);
        let all = self.all.fetch_add(more, Ordering::Relaxed);
        self.peak = self.peak.max(all.saturating_add(more));
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = Some(Limit::Memory(self.limit));
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = desired.saturating_sub(current);
        let total = self.table_elements.saturating_add(more);
        let fits = total <= TABLE_ELEMENTS;
        if fits {
            self.table_elements = total;
        }
        Ok(fits)
    }

    fn instances(&self) -> usize {
        count(CORE_INSTANCES)
    }

    fn memories(&self) -> usize {
        count(MEMORIES)
    }

    fn tables(&self) -> usize {
        count(CORE_INSTANCES)
    }
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::pages::FRESH;

    #[test]
    fn budget_refuses_the_call_after_the_last() {
        let mut budget = Budget::new(2);
        assert_eq!(budget.spend(1), Ok(()));
        assert_eq!(budget.spend(1), Ok(()));
        assert_eq!(budget.spend(1), Err(2));
        assert_eq!(budget.left(), 0);
    }

    #[test]
    fn a_refused_growth_is_remembered() {
        let mut meter = MemoryMeter::new(100);
        assert!(meter.memory_growing(0, 100, None).unwrap());
        assert_eq!(meter.refused(), None);
        assert!(!meter.memory_growing(100, 101, None).unwrap());
        assert_eq!(meter.refused(), Some(&Limit::Memory(100)));
        assert_eq!(meter.peak(), 100);
    }

    #[test]
    fn what_a_tool_file_grows_by_is_charged() {
        let ledger = Ledger::of_process(FRESH + 200).for_run(FRESH + 100);
        let mut meter = MemoryMeter::new(1000);
        let charging = meter.charge(&ledger);
        let charged = std::pin::pin!(charging).poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(charged, Poll::Ready(Ok(()))));
        assert!(meter.memory_growing(0, 500, None).unwrap());
        assert!(meter.memory_growing(500, 600, None).unwrap());
        assert_eq!(ledger.held(), FRESH + 100);
        assert!(!meter.memory_growing(600, 601, None).unwrap());
        assert_eq!(meter.refused(), Some(&Limit::HostMemory(FRESH + 100)));
        let next = ledger.process().for_run(FRESH + 100);
        meter.charge_to(&next).unwrap();
        assert_eq!((ledger.held(), next.held()), (0, FRESH + 100));
        drop(meter);
        assert_eq!(ledger.process().held(), 0);
    }

    #[test]
    fn a_run_that_was_started_counts_for_what_it_grows_by() {
        let all = Arc::new(AtomicU64::new(0));
        let limit = 2 * FRESH + 1000;
        let mut first = MemoryMeter::among(limit, Arc::clone(&all));
        assert!(first.memory_growing(0, 500, None).unwrap());
        let mut second = MemoryMeter::among(limit, Arc::clone(&all));
        second.share().unwrap();
        // The image is larger than the limit.
        let image = usize::try_from(limit).unwrap();
        assert!(second.memory_growing(0, image, None).unwrap());
        assert_eq!(all.load(Ordering::Relaxed), 500 + FRESH);
        assert!(second.memory_growing(image, image + 100, None).unwrap());
        assert_eq!(second.peak(), 600 + FRESH);
        let mut third = MemoryMeter::among(limit, Arc::clone(&all));
        third.share().unwrap();
        let mut fourth = MemoryMeter::among(limit, Arc::clone(&all));
        assert!(fourth.share().is_err());
        assert!(!third.memory_growing(image, image + 500, None).unwrap());
        assert_eq!(third.refused(), Some(&Limit::Memory(limit)));
        drop((second, third));
        assert_eq!(all.load(Ordering::Relaxed), 500);
    }

    #[test]
    fn memories_are_counted_together() {
        let mut meter = MemoryMeter::new(100);
        assert!(meter.memory_growing(0, 60, None).unwrap());
        assert!(!meter.memory_growing(0, 41, None).unwrap());
        assert!(meter.memory_growing(0, 40, None).unwrap());
        assert_eq!(meter.peak(), 100);
        // A growth that the memory itself refuses takes nothing.
        assert!(meter.memory_growing(60, 200, Some(100)).unwrap());
        assert_eq!(meter.peak(), 100);
    }

    #[test]
    fn limits_name_themselves_in_units_that_people_read() {
        assert_eq!(
            Limit::Memory(256 << 20).to_string(),
            "the memory limit of 256 MiB"
        );
        assert_eq!(
            Limit::Output(1000).to_string(),
            "the output limit of 1000 bytes"
        );
        assert_eq!(Limit::WallTime(1500).to_string(), "the time limit of 1.5 s");
    }
}
