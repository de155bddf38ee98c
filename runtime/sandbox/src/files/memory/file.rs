//! The content of files in memory, and the entries of folders.

use std::ops::Bound;
use std::sync::{Arc, PoisonError};

use wasmtime_wasi::p2::bindings::filesystem::types::{Advice, ErrorCode};

use super::node::{self, Body, Inner, Node, PAGE, taken};
use crate::files::seam::{Answer, Change, Entries, Entry, File, Stat};

/// A file in memory.
pub(super) struct MemoryFile {
    pub(super) node: Arc<Node>,
}

impl MemoryFile {
    /// Writes at an offset, or at the end; how many bytes is not for the guest to wait for.
    fn write(&self, offset: Option<u64>, bytes: &[u8]) -> Answer<usize> {
        let mut inner = self.node.lock();
        let Inner { body, held, .. } = &mut *inner;
        let Body::File { size, pages, base } = body else {
            return Err(ErrorCode::BadDescriptor);
        };
        let mut at = offset.unwrap_or(*size);
        if at > self.node.space.limit {
            return Err(self.node.space.full(ErrorCode::FileTooLarge));
        }
        let bytes = match &self.node.space.rules {
            Some(rules) => {
                let fits = rules.add_bytes(*size, at, bytes.len())?;
                bytes.get(..fits).unwrap_or_default()
            }
            None => bytes,
        };
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            let (page, inside) = (at / PAGE, index(at % PAGE));
            if !pages.contains_key(&page) {
                match self.node.space.spend(node::page(PAGE)) {
                    Ok(()) => *held = held.saturating_add(node::page(PAGE)),
                    Err(_) if written > 0 => break,
                    Err(error) => return Err(error),
                }
            }
            let page = pages.entry(page).or_insert_with(|| {
                let mut fresh = vec![0; index(PAGE)].into_boxed_slice();
                base.copy(page.saturating_mul(PAGE), &mut fresh);
                fresh
            });
            let room = page.get_mut(inside..).unwrap_or_default();
            let count = room.len().min(rest.len());
            for (to, from) in room.iter_mut().zip(rest) {
                *to = *from;
            }
            written += count;
            at = at
                .checked_add(u64::try_from(count).unwrap_or(u64::MAX))
                .ok_or(ErrorCode::FileTooLarge)?;
            *size = (*size).max(at);
        }
        inner.modified = self.node.space.now();
        Ok(written)
    }
}

impl File for MemoryFile {
    fn blocks(&self) -> bool {
        false
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Answer<usize> {
        let inner = self.node.lock();
        let Body::File { size, pages, base } = &inner.body else {
            return Err(ErrorCode::BadDescriptor);
        };
        let left = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = into.len().min(left);
        let mut read = 0;
        while read < wanted {
            let at = offset.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
            let inside = index(at % PAGE);
            let count = (index(PAGE) - inside).min(wanted - read);
            let to = into.get_mut(read..read + count).unwrap_or_default();
            match pages
                .get(&(at / PAGE))
                .and_then(|page| page.get(inside..inside + count))
            {
                Some(from) => to.copy_from_slice(from),
                None => base.copy(at, to),
            }
            read += count;
        }
        Ok(read)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Answer<usize> {
        self.write(Some(offset), bytes)
    }

    fn append(&self, bytes: &[u8]) -> Answer<usize> {
        self.write(None, bytes)
    }

    fn resize(&self, wanted: u64) -> Answer<()> {
        if wanted > self.node.space.limit {
            return Err(self.node.space.full(ErrorCode::FileTooLarge));
        }
        let mut inner = self.node.lock();
        let Inner { body, held, .. } = &mut *inner;
        let Body::File { size, pages, base } = body else {
            return Err(ErrorCode::BadDescriptor);
        };
        if let Some(rules) = &self.node.space.rules {
            rules.lengthen(wanted.saturating_sub(*size))?;
            let less = size.saturating_sub(wanted);
            rules.give_back(less.min(taken(*size, pages.len(), base)));
        }
        base.cut(wanted);
        let gone = pages.split_off(&wanted.div_ceil(PAGE));
        let freed = node::page(PAGE).saturating_mul(u64::try_from(gone.len()).unwrap_or(u64::MAX));
        self.node.space.give_back(freed);
        *held = held.saturating_sub(freed);
        // What is cut off is zeros if the file becomes longer again.
        if let Some(last) = pages.get_mut(&(wanted / PAGE))
            && let Some(rest) = last.get_mut(index(wanted % PAGE)..)
        {
            rest.fill(0);
        }
        *size = wanted;
        inner.modified = self.node.space.now();
        Ok(())
    }

    fn sync(&self, _data_only: bool) -> Answer<()> {
        Ok(())
    }

    fn stat(&self) -> Answer<Stat> {
        Ok(self.node.stat())
    }

    fn change(&self, change: Change) -> Answer<()> {
        self.node.check()?;
        self.node.change(change)
    }

    fn advise(&self, _offset: u64, _length: u64, _advice: Advice) -> Answer<()> {
        Ok(())
    }
}

/// A folder in memory that is being read, in the order of names.
pub(super) struct MemoryEntries {
    pub(super) node: Arc<Node>,
    pub(super) last: Option<String>,
}

impl Entries for MemoryEntries {
    fn blocks(&self) -> bool {
        false
    }

    fn next(&mut self, most: usize) -> Answer<Vec<Entry>> {
        let names = self.node.space.names.lock();
        let _names = names.unwrap_or_else(PoisonError::into_inner);
        let inner = self.node.lock();
        let Body::Folder(entries) = &inner.body else {
            return Err(ErrorCode::NotDirectory);
        };
        let from = self
            .last
            .as_deref()
            .map_or(Bound::Unbounded, Bound::Excluded);
        let found: Vec<Entry> = entries
            .range::<str, _>((from, Bound::Unbounded))
            .take(most)
            .map(|(name, node)| Entry {
                name: Some(name.clone()),
                kind: node.kind(),
                identity: Some(node.identity()),
            })
            .collect();
        if let Some(entry) = found.last() {
            self.last.clone_from(&entry.name);
        }
        Ok(found)
    }
}

/// An offset inside a page as an index.
fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or_default()
}
