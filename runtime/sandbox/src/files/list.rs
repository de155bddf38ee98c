//! A folder as the guest reads it: what the tree has there, then what the folder has.

use std::collections::HashSet;

use super::ENTRIES;
use super::seam::{Answer, Entries, Entry, Kind, off_the_loop};

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
}

impl List {
    /// A stream of the tree's names, and of a folder's entries, by the number of its handle.
    pub(super) fn new(folder: u32, names: Vec<String>, more: Option<Box<dyn Entries>>) -> Self {
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
