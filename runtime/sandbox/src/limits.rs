//! How much a run may use, and what keeps count.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wasmtime::ResourceLimiter;

/// How much one run may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Units of fuel, about one per WebAssembly instruction. `None` counts only.
    pub fuel: Option<u64>,
    /// Wall-clock time, waits for tools included, upstream start-up excluded.
    pub wall: Duration,
    /// Linear memory of the guest in bytes, the interpreter's own image included.
    pub memory: u64,
    /// Bytes printed, standard output and error together.
    pub output: u64,
    /// Bytes of the value that the script returns.
    pub value: u64,
    /// Tool calls and requests to hosts, failed ones included.
    pub tool_calls: u64,
    /// Tool calls in flight at once; further ones wait for their turn.
    pub concurrent_calls: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: None,
            wall: Duration::from_secs(30),
            memory: 256 << 20,
            output: 1 << 20,
            value: 8 << 20,
            tool_calls: 1_000,
            concurrent_calls: 64,
        }
    }
}

/// The limit that stopped a run. `Display` is what a person is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "limit", content = "allowed", rename_all = "kebab-case")]
pub enum Limit {
    /// Units of fuel.
    Fuel(u64),
    /// Wall-clock time in milliseconds.
    WallTime(u64),
    /// Linear memory in bytes.
    Memory(u64),
    /// The guest's stack; not settable.
    Stack,
    /// Bytes printed.
    Output(u64),
    /// Bytes of the returned value.
    Value(u64),
    /// Tool calls.
    ToolCalls(u64),
    /// Operations under way or unread at once; not settable.
    Pending(u64),
    /// Bytes of one message from the guest; not settable.
    Message(u64),
    /// Progress messages and artifacts; not settable.
    Artifacts(u64),
}

impl Limit {
    /// The limit's name, as in the report.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fuel(_) => "fuel",
            Self::WallTime(_) => "wall-time",
            Self::Memory(_) => "memory",
            Self::Stack => "stack",
            Self::Output(_) => "output",
            Self::Value(_) => "value",
            Self::ToolCalls(_) => "tool-calls",
            Self::Pending(_) => "pending",
            Self::Message(_) => "message",
            Self::Artifacts(_) => "artifacts",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fuel(units) => write!(f, "the fuel limit of {units} units"),
            Self::WallTime(ms) => write!(
                f,
                "the time limit of {} s",
                Duration::from_millis(*ms).as_secs_f64()
            ),
            Self::Memory(bytes) => write!(f, "the memory limit of {}", Bytes(*bytes)),
            Self::Stack => f.write_str("the stack limit"),
            Self::Output(bytes) => write!(f, "the output limit of {}", Bytes(*bytes)),
            Self::Value(bytes) => write!(f, "the limit of {} for a value", Bytes(*bytes)),
            Self::ToolCalls(calls) => write!(f, "the limit of {calls} tool calls"),
            Self::Pending(operations) => {
                write!(f, "the limit of {operations} operations at once")
            }
            Self::Message(bytes) => {
                write!(
                    f,
                    "the limit of {} for one message to the host",
                    Bytes(*bytes)
                )
            }
            Self::Artifacts(bytes) => {
                write!(f, "the limit of {} for artifacts", Bytes(*bytes))
            }
        }
    }
}

/// A number of bytes, in units that people read.
pub(crate) struct Bytes(pub(crate) u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n >= 1 << 20 && n % (1 << 20) == 0 => write!(f, "{} MiB", n >> 20),
            n if n >= 1 << 10 && n % (1 << 10) == 0 => write!(f, "{} KiB", n >> 10),
            n => write!(f, "{n} bytes"),
        }
    }
}

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
