//! What keeps count of what a run uses, and stops it.

use wasmtime::ResourceLimiter;
use wxmcp_run::Limit;

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
    table_elements: usize,
    peak: u64,
    refused: bool,
}

impl MemoryMeter {
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            limit,
            total: 0,
            table_elements: 0,
            peak: 0,
            refused: false,
        }
    }

    pub(crate) fn peak(&self) -> u64 {
        self.peak
    }

    pub(crate) fn refused(&self) -> bool {
        self.refused
    }

    pub(crate) fn limit(&self) -> Limit {
        Limit::Memory(self.limit)
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
        let total = self.total.saturating_add(more);
        if total > self.limit {
            self.refused = true;
            return Ok(false);
        }
        self.total = total;
        self.peak = self.peak.max(total);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = true;
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
    use super::*;

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
        assert!(!meter.refused());
        assert!(!meter.memory_growing(100, 101, None).unwrap());
        assert!(meter.refused());
        assert_eq!(meter.peak(), 100);
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
