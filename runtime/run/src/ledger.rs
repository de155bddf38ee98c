//! The ledger of bytes that the host holds for others.
//!
//! What the host keeps on behalf of a run, a tool or a server is charged before it is kept, to the run and to the
//! process, and given back when the [`Charge`] is dropped: that is when the work has really ended, since whatever
//! works on the bytes keeps the charge.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};

use parking_lot::Mutex;

use crate::limits::{Bytes, Limit};

/// Counts bytes against a budget. Copies are the same ledger.
#[derive(Clone)]
pub struct Ledger(Arc<Book>);

struct Book {
    budget: u64,
    held: AtomicU64,
    peak: AtomicU64,
    /// The ledger that counts the same bytes, too: of the process, if this is one of a run.
    process: Option<Ledger>,
    /// Woken when bytes are given back; only of the process's ledger.
    waiting: Mutex<Vec<Waker>>,
    /// What all who need it at one time share.
    shared: Mutex<Weak<Charge>>,
}

/// Why bytes are not held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverBudget {
    /// The run would hold more than it may.
    #[error(
        "{} of the host's memory would be held, and the run may hold {} at once (`host-memory`)",
        Bytes(*.asked), Bytes(*.budget)
    )]
    Run {
        /// Bytes that were asked for.
        asked: u64,
        /// Bytes that the run may hold.
        budget: u64,
    },
    /// All runs together would hold more than they may, now.
    #[error(
        "{} of the host's memory would be held, and all runs together may hold {} at once (`host-memory-total`)",
        Bytes(*.asked), Bytes(*.budget)
    )]
    Process {
        /// Bytes that were asked for.
        asked: u64,
        /// Bytes that all may hold.
        budget: u64,
    },
}

impl OverBudget {
    /// The limit that was reached.
    pub fn limit(&self) -> Limit {
        let (Self::Run { budget, .. } | Self::Process { budget, .. }) = self;
        Limit::HostMemory(*budget)
    }
}

impl Ledger {
    /// The ledger of a process, which may hold `budget` bytes for others.
    pub fn of_process(budget: u64) -> Self {
        Self::new(budget, None)
    }

    /// A ledger that refuses nothing.
    pub fn unbounded() -> Self {
        Self::of_process(u64::MAX)
    }

    /// A ledger of one run, which may hold `budget` bytes of those of this process.
    pub fn for_run(&self, budget: u64) -> Self {
        Self::new(budget, Some(self.process().clone()))
    }

    /// A ledger of a part of what this one counts, which may be `budget` bytes.
    pub fn within(&self, budget: u64) -> Self {
        Self::new(budget, Some(self.clone()))
    }

    fn new(budget: u64, process: Option<Self>) -> Self {
        Self(Arc::new(Book {
            budget,
            held: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            process,
            waiting: Mutex::new(Vec::new()),
            shared: Mutex::default(),
        }))
    }

    /// The ledger of the process.
    pub fn process(&self) -> &Self {
        self.0.process.as_ref().map_or(self, Self::process)
    }

    /// Bytes that are held now.
    pub fn held(&self) -> u64 {
        self.0.held.load(Ordering::Relaxed)
    }

    /// Most bytes that were held at once.
    pub fn peak(&self) -> u64 {
        self.0.peak.load(Ordering::Relaxed)
    }

    /// Bytes that may be held.
    pub fn budget(&self) -> u64 {
        self.0.budget
    }

    /// A charge of no bytes, which can grow.
    pub fn nothing(&self) -> Charge {
        Charge {
            ledger: self.clone(),
            bytes: 0,
        }
    }

    /// Charges bytes that are about to be held.
    ///
    /// # Errors
    ///
    /// When the run, or the process, would hold more than it may.
    pub fn charge(&self, bytes: u64) -> Result<Charge, OverBudget> {
        self.take(bytes)?;
        Ok(Charge {
            ledger: self.clone(),
            bytes,
        })
    }

    /// The same, but waits while others hold what the process may. The caller bounds the wait.
    ///
    /// # Errors
    ///
    /// When the run would hold more than it may, or the process ever could.
    pub async fn charge_when_free(&self, bytes: u64) -> Result<Charge, OverBudget> {
        poll_fn(|context| {
            let process = self.process();
            // Registered first: what is given back between the two would wake nobody else.
            let mut waiting = process.0.waiting.lock();
            match self.charge(bytes) {
                Err(OverBudget::Process { budget, .. }) if bytes <= budget => {
                    let waker = context.waker();
                    if !waiting.iter().any(|other| other.will_wake(waker)) {
                        waiting.push(waker.clone());
                    }
                    Poll::Pending
                }
                charged => Poll::Ready(charged),
            }
        })
        .await
    }

    /// A charge that all who ask for it at one time share, of as many bytes as the first of them asked for: for what
    /// the host has once, whoever uses it. Waits as [`Ledger::charge_when_free`] does.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn share(&self, bytes: u64) -> Result<Arc<Charge>, OverBudget> {
        let known = || self.0.shared.lock().upgrade();
        if let Some(shared) = known() {
            return Ok(shared);
        }
        let charge = self.charge_when_free(bytes).await?;
        let mut shared = self.0.shared.lock();
        // Another may have asked meanwhile.
        Ok(shared.upgrade().unwrap_or_else(|| {
            let first = Arc::new(charge);
            *shared = Arc::downgrade(&first);
            first
        }))
    }

    fn take(&self, bytes: u64) -> Result<(), OverBudget> {
        let before = self.take_own(bytes)?;
        if let Some(process) = &self.0.process
            && let Err(error) = process.take(bytes)
        {
            self.0.held.fetch_sub(bytes, Ordering::AcqRel);
            return Err(error);
        }
        self.0
            .peak
            .fetch_max(before.saturating_add(bytes), Ordering::Relaxed);
        Ok(())
    }

    /// Counts bytes here alone; answers how many were held before.
    fn take_own(&self, bytes: u64) -> Result<u64, OverBudget> {
        let Book { budget, held, .. } = &*self.0;
        let more = |now: u64| now.checked_add(bytes).filter(|then| then <= budget);
        let refused = |_| match self.0.process {
            Some(_) => OverBudget::Run {
                asked: bytes,
                budget: *budget,
            },
            None => OverBudget::Process {
                asked: bytes,
                budget: *budget,
            },
        };
        held.fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
            .map_err(refused)
    }

    fn give_back(&self, bytes: u64) {
        self.0.held.fetch_sub(bytes, Ordering::AcqRel);
        match &self.0.process {
            Some(process) => process.give_back(bytes),
            None if bytes > 0 => {
                let waiting = std::mem::take(&mut *self.0.waiting.lock());
                waiting.into_iter().for_each(Waker::wake);
            }
            None => {}
        }
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("held", &self.held())
            .field("budget", &self.0.budget)
            .finish()
    }
}

/// Bytes that a ledger counts until this is dropped.
#[must_use]
#[derive(Debug)]
pub struct Charge {
    ledger: Ledger,
    bytes: u64,
}

impl Charge {
    /// Charges more bytes.
    ///
    /// # Errors
    ///
    /// As [`Ledger::charge`]; the charge stays as it was.
    pub fn grow(&mut self, more: u64) -> Result<(), OverBudget> {
        self.ledger.take(more)?;
        self.bytes = self.bytes.saturating_add(more);
        Ok(())
    }

    /// The same, but waits while others hold what the process may. The caller bounds the wait.
    ///
    /// # Errors
    ///
    /// As [`Ledger::charge_when_free`]; the charge stays as it was.
    pub async fn grow_when_free(&mut self, more: u64) -> Result<(), OverBudget> {
        let process = self.ledger.process().budget();
        let asked = self.bytes.saturating_add(more);
        if asked > process {
            // What is held already will not become free.
            return Err(OverBudget::Process {
                asked,
                budget: process,
            });
        }
        let grown = self.ledger.charge_when_free(more).await?;
        self.join(grown);
        Ok(())
    }

    /// Gives back some of the bytes; no more than there are.
    pub fn shrink(&mut self, less: u64) {
        let less = less.min(self.bytes);
        self.ledger.give_back(less);
        self.bytes = self.bytes.saturating_sub(less);
    }

    /// Makes it a charge of so many bytes.
    ///
    /// # Errors
    ///
    /// As [`Ledger::charge`]; the charge stays as it was.
    pub fn resize(&mut self, bytes: u64) -> Result<(), OverBudget> {
        match bytes.checked_sub(self.bytes) {
            Some(more) => self.grow(more),
            None => {
                self.ledger.give_back(self.bytes.saturating_sub(bytes));
                self.bytes = bytes;
                Ok(())
            }
        }
    }

    /// Makes another ledger of the same process the one that counts these bytes.
    ///
    /// # Errors
    ///
    /// When the run of that ledger would hold more than it may; the charge stays where it was.
    pub fn transfer(&mut self, to: &Ledger) -> Result<(), OverBudget> {
        if to.0.process.is_some() {
            let before = to.take_own(self.bytes)?;
            to.0.peak
                .fetch_max(before.saturating_add(self.bytes), Ordering::Relaxed);
        }
        if self.ledger.0.process.is_some() {
            self.ledger.0.held.fetch_sub(self.bytes, Ordering::AcqRel);
        }
        self.ledger = to.clone();
        Ok(())
    }

    /// Takes over what another charge of the same ledger counts; one of another ledger ends.
    pub fn join(&mut self, mut other: Self) {
        if Arc::ptr_eq(&self.ledger.0, &other.ledger.0) {
            self.bytes = self.bytes.saturating_add(std::mem::take(&mut other.bytes));
        }
    }

    /// Where it counts.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// How many bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.ledger.give_back(self.bytes);
    }
}

/// Charges that go with a value wherever it goes. All are equal: they are no part of the value.
#[derive(Clone, Debug, Default)]
pub struct Held(Vec<Arc<Charge>>);

impl Held {
    /// Adds another charge.
    pub fn add(&mut self, charge: Charge) {
        self.0.push(Arc::new(charge));
    }

    /// How many bytes.
    pub fn bytes(&self) -> u64 {
        self.0
            .iter()
            .map(|charge| charge.bytes())
            .fold(0, u64::saturating_add)
    }

    /// Adds what another value holds.
    pub fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

impl From<Charge> for Held {
    fn from(charge: Charge) -> Self {
        Self(vec![Arc::new(charge)])
    }
}

impl PartialEq for Held {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Held {}

#[cfg(test)]
mod tests;
