//! Listings in the order of names.

use std::sync::Arc;

use super::nodes::Nodes;
use crate::files::errors::no_room;
use crate::files::seam::{Answer, Entries, Entry};
use crate::files::{ENTRIES, ENTRY};
use wxmcp_run::Charge;

/// A folder that is read: all of it at first, to sort it.
pub(super) struct Sorted {
    inner: Option<Box<dyn Entries>>,
    nodes: Arc<Nodes>,
    /// Entries to hand over, the next one last.
    ready: Vec<Entry>,
    /// What is charged for them.
    held: Charge,
}

impl Sorted {
    pub(super) fn new(inner: Box<dyn Entries>, nodes: Arc<Nodes>) -> Self {
        Self {
            inner: Some(inner),
            held: nodes.ledger.nothing(),
            nodes,
            ready: Vec::new(),
        }
    }

    fn read(&mut self, inner: &mut dyn Entries) -> Answer<()> {
        loop {
            let some = inner.next(ENTRIES)?;
            if some.is_empty() {
                break;
            }
            let bytes = some.len().saturating_mul(ENTRY);
            let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
            self.held.grow(bytes).map_err(no_room)?;
            self.ready.extend(some);
        }
        self.ready.sort_by(|one, other| other.name.cmp(&one.name));
        Ok(())
    }
}

impl Entries for Sorted {
    fn blocks(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.blocks())
    }

    fn next(&mut self, most: usize) -> Answer<Vec<Entry>> {
        if let Some(mut inner) = self.inner.take() {
            self.read(inner.as_mut())?;
        }
        let next = self.ready.split_off(self.ready.len().saturating_sub(most));
        next.into_iter()
            .rev()
            .map(|entry| {
                let identity = entry.identity.map(|behind| self.nodes.identity(behind));
                Ok(Entry {
                    identity: identity.transpose()?,
                    ..entry
                })
            })
            .collect()
    }
}
