//! A folder as the guest reads it: what the tree has there, then what the folder has.

use std::collections::HashSet;

use super::seam::{Answer, Entries, Entry, Kind, off_the_loop};
use super::{ENTRIES, ENTRY, NAMES};
use wxmcp_run::Charge;

/// A stream of entries. It holds at most [`ENTRIES`] of them, and those of the tree.
pub(super) struct List {
    /// Entries to hand over, the next one last.
    ready: Vec<Entry>,
    /// Where more come from, until the end was reached.
    more: Option<Box<dyn Entries>>,
    /// Names of the tree, which hide those of the folder.
    hidden: HashSet<String>,
    /// The number of the handle of the folder.
    folder: u32,
    /// What is charged for the entries that it may hold.
    _held: Charge,
}

impl List {
    /// Bytes that a stream holds at most, besides names of the tree.
    pub(super) fn bytes() -> u64 {
        let entries = ENTRIES.saturating_mul(ENTRY).saturating_add(NAMES);
        u64::try_from(entries).unwrap_or(u64::MAX)
    }

    /// A stream of the tree's names, and of a folder's entries, by the number of its handle.
    pub(super) fn new(
        folder: u32,
        names: Vec<String>,
        more: Option<Box<dyn Entries>>,
        held: Charge,
    ) -> Self {
        let entry = |name: &String| Entry {
            name: Some(name.clone()),
            kind: Kind::Folder,
            identity: None,
        };
        Self {
            ready: names.iter().rev().map(entry).collect(),
            more,
            hidden: names.into_iter().collect(),
            folder,
            _held: held,
        }
    }

    /// The number of the handle of the folder.
    pub(super) fn folder(&self) -> u32 {
        self.folder
    }

    /// The next entry; none at the end.
    pub(super) async fn next(&mut self) -> Answer<Option<Entry>> {
        while self.ready.is_empty() {
            let Some(mut more) = self.more.take() else {
                return Ok(None);
            };
            let (more, read) = off_the_loop(more.blocks(), move || {
                let read = more.next(ENTRIES);
                (more, read)
            })
            .await;
            let mut read = read?;
            if read.is_empty() {
                return Ok(None);
            }
            self.more = Some(more);
            read.retain(|entry| {
                !entry
                    .name
                    .as_ref()
                    .is_some_and(|name| self.hidden.contains(name))
            });
            read.reverse();
            self.ready = read;
        }
        Ok(self.ready.pop())
    }
}
