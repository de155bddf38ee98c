//! What else holds in a folder that was captured: the quota of its mount, and permission bits.

use parking_lot::Mutex;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::kept::Kept;
use super::node::{Body, Node};
use crate::files::seam::{Answer, Kind, SETGID, Wish};
use crate::files::writable::MountNotes;
use wxmcp_run::{Captured, Quota, Rights};

/// Nobody else sees folders that were not captured, so their group and others may not write.
const UMASK: u32 = 0o022;

/// Permission bits of one of owner, group and others.
pub(super) const READ: u32 = 4;
pub(super) const WRITE: u32 = 2;
pub(super) const EXECUTE: u32 = 1;

/// The rules of one mount, which count as a folder of the host does.
pub(in crate::files) struct Rules {
    quota: Quota,
    added: Mutex<Added>,
    pub(super) notes: MountNotes,
    /// As whom a script uses what it makes.
    pub(super) rights: Rights,
    /// Permission bits that nothing is made with.
    umask: u32,
    /// What stays as it is.
    pub(super) kept: Kept,
}

#[derive(Default)]
struct Added {
    bytes: u64,
    files: u64,
}

impl Rules {
    pub(super) fn new(quota: Quota, notes: MountNotes, captured: &Captured, kept: Kept) -> Self {
        let rights = match captured.top().map(|top| top.rights) {
            Some(Rights::Root) => Rights::Root,
            _ => Rights::Owner,
        };
        Self {
            quota,
            added: Mutex::default(),
            notes,
            rights,
            umask: captured.umask,
            kept,
        }
    }

    fn full<T>(&self) -> Answer<T> {
        self.notes.full(&self.quota);
        Err(ErrorCode::InsufficientSpace)
    }

    /// Makes one more name, where there are rules with room for it.
    pub(super) fn add<T>(rules: Option<&Self>, make: impl FnOnce() -> Answer<T>) -> Answer<T> {
        let Some(rules) = rules else {
            return make();
        };
        rules.add_name()?;
        let made = make();
        if made.is_err() {
            rules.remove_name();
        }
        made
    }

    fn add_name(&self) -> Answer<()> {
        let mut added = self.added.lock();
        if added.files >= self.quota.files {
            drop(added);
            return self.full();
        }
        added.files = added.files.saturating_add(1);
        Ok(())
    }

    /// A name is gone.
    pub(super) fn remove_name(&self) {
        let mut added = self.added.lock();
        added.files = added.files.saturating_sub(1);
    }

    /// Takes room for what is written to a file of this size; how much of it fits.
    pub(super) fn add_bytes(&self, size: u64, start: u64, length: usize) -> Answer<usize> {
        let mut added = self.added.lock();
        let left = self.quota.bytes.saturating_sub(added.bytes);
        let most = size.saturating_add(left).saturating_sub(start);
        let fits = length.min(usize::try_from(most).unwrap_or(usize::MAX));
        if fits == 0 && length > 0 {
            drop(added);
            return self.full();
        }
        let end = start.saturating_add(u64::try_from(fits).unwrap_or(u64::MAX));
        added.bytes = added.bytes.saturating_add(end.saturating_sub(size));
        Ok(fits)
    }

    /// Takes room for a file that becomes longer.
    pub(super) fn lengthen(&self, more: u64) -> Answer<()> {
        let mut added = self.added.lock();
        if more > self.quota.bytes.saturating_sub(added.bytes) {
            drop(added);
            return self.full();
        }
        added.bytes = added.bytes.saturating_add(more);
        Ok(())
    }

    /// Gives room back.
    pub(super) fn give_back(&self, bytes: u64) {
        let mut added = self.added.lock();
        added.bytes = added.bytes.saturating_sub(bytes);
    }
}

impl Node {
    /// The permission bits of something that is made in this folder.
    pub(super) fn of_new(&self, body: &Body, mode: u32) -> u32 {
        let Some(rules) = &self.space.rules else {
            return mode & !UMASK;
        };
        match body {
            Body::Folder(_) => (mode & !rules.umask) | (self.lock().mode & SETGID),
            Body::File { .. } => mode & !rules.umask,
            Body::Link(_) => mode,
        }
    }

    /// Refuses what permission bits do not allow, where they count.
    pub(super) fn permits(&self, bits: u32) -> Answer<()> {
        let inner = self.lock();
        let Some(shift) = inner.rights.and_then(shift) else {
            return Ok(());
        };
        match (inner.mode >> shift) & bits == bits {
            true => Ok(()),
            false => Err(ErrorCode::Access),
        }
    }

    /// Refuses a change that only the owner may make.
    pub(super) fn is_own(&self) -> Answer<()> {
        match self.lock().rights {
            Some(Rights::Group | Rights::Others) => Err(ErrorCode::NotPermitted),
            _ => Ok(()),
        }
    }

    /// Whether permission bits allow what somebody would like to do.
    pub(super) fn allows(&self, wish: Wish) -> Answer<()> {
        let kind = self.kind();
        let inner = self.lock();
        let shift = shift(inner.rights.unwrap_or_default());
        let asked = [
            (wish.read, READ),
            (wish.write, WRITE),
            (wish.execute, EXECUTE),
        ];
        let mut asked = asked.iter().filter(|(asked, _)| *asked);
        let is_allowed = asked.all(|(_, bit)| match shift {
            Some(shift) => (inner.mode >> shift) & bit != 0,
            // Root executes what somebody may.
            None => *bit != EXECUTE || kind == Kind::Folder || inner.mode & 0o111 != 0,
        });
        match is_allowed {
            true => Ok(()),
            false => Err(ErrorCode::Access),
        }
    }
}

/// Where the bits are that count; none where none do.
fn shift(rights: Rights) -> Option<u32> {
    match rights {
        Rights::Owner => Some(6),
        Rights::Group => Some(3),
        Rights::Others => Some(0),
        Rights::Root => None,
    }
}
