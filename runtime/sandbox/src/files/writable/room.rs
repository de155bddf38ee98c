//! How much a run may add to a mount.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::fs::FileType;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::notes::MountNotes;
use crate::files::disk::{DiskFile, of};
use crate::files::seam::{Answer, File as _};
use wxmcp_policy::guard::{Identity, id};
use wxmcp_run::Quota;

/// Bytes of a block, as the system counts them.
const BLOCK: u64 = 512;

/// The room of one mount.
pub(super) struct Room {
    quota: Quota,
    /// Held while a file becomes longer or shorter: so nothing is counted twice, or not at all.
    added: Mutex<Added>,
    open: Arc<OpenFiles>,
    notes: MountNotes,
}

#[derive(Default)]
struct Added {
    bytes: u64,
    files: u64,
}

/// How often each file is open: one without a name takes room until it is closed.
pub(in crate::files) type OpenFiles = Mutex<HashMap<Identity, u32>>;

impl Room {
    pub(super) fn new(quota: Quota, open: &Arc<OpenFiles>, notes: MountNotes) -> Self {
        Self {
            quota,
            added: Mutex::default(),
            open: Arc::clone(open),
            notes,
        }
    }

    fn full<T>(&self) -> Answer<T> {
        self.notes.full(&self.quota);
        Err(ErrorCode::InsufficientSpace)
    }

    /// Makes one more name.
    pub(super) fn add<T>(&self, make: impl FnOnce() -> Answer<T>) -> Answer<T> {
        {
            let mut added = self.added.lock();
            if added.files >= self.quota.files {
                drop(added);
                return self.full();
            }
            added.files = added.files.saturating_add(1);
        }
        let made = make();
        if made.is_err() {
            let mut added = self.added.lock();
            added.files = added.files.saturating_sub(1);
        }
        made
    }

    /// Writes to a file from an offset on, or at its end, as much as there is room for.
    pub(super) fn write(
        &self,
        file: &DiskFile,
        offset: Option<u64>,
        bytes: &[u8],
    ) -> Answer<usize> {
        let mut added = self.added.lock();
        let size = file.file.metadata().map_err(of)?.len();
        let start = offset.unwrap_or(size);
        let left = self.quota.bytes.saturating_sub(added.bytes);
        let end = size.saturating_add(left);
        let most = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
        let fits = bytes.get(..most.min(bytes.len())).unwrap_or_default();
        if fits.is_empty() && !bytes.is_empty() {
            drop(added);
            return self.full();
        }
        let written = match offset {
            Some(offset) => file.write_at(offset, fits)?,
            None => file.append(fits)?,
        };
        let end = start.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
        added.bytes = added.bytes.saturating_add(end.saturating_sub(size));
        Ok(written)
    }

    /// Cuts a file, or lengthens it.
    pub(super) fn resize(&self, file: &DiskFile, size: u64) -> Answer<()> {
        let mut added = self.added.lock();
        let found = file.file.metadata().map_err(of)?;
        let more = size.saturating_sub(found.len());
        if more > self.quota.bytes.saturating_sub(added.bytes) {
            drop(added);
            return self.full();
        }
        file.resize(size)?;
        let less = found
            .len()
            .saturating_sub(size)
            .min(taken(found.len(), found.blocks()));
        added.bytes = added.bytes.saturating_add(more).saturating_sub(less);
        Ok(())
    }

    /// Notes that a file is open.
    pub(super) fn opened(&self, file: Identity) {
        let mut open = self.open.lock();
        let count = open.entry(file).or_default();
        *count = count.saturating_add(1);
    }

    /// Notes that it is going to be closed.
    pub(super) fn closed(&self, file: Identity, last: &fs::File) {
        let mut open = self.open.lock();
        if let Some(count) = open.get_mut(&file) {
            *count = count.saturating_sub(1);
            if *count > 0 {
                return;
            }
        }
        open.remove(&file);
        if let Ok(found) = last.metadata()
            && found.nlink() == 0
        {
            self.give_back(taken(found.len(), found.blocks()));
        }
    }

    /// Notes that a name is gone, by what it stood for.
    pub(super) fn removed(&self, was: &rustix::fs::Stat) {
        {
            let mut added = self.added.lock();
            added.files = added.files.saturating_sub(1);
        }
        let is_file = FileType::from_raw_mode(was.st_mode) == FileType::RegularFile;
        let open = self.open.lock();
        if is_file && was.st_nlink == 1 && !open.contains_key(&id(was)) {
            let size = u64::try_from(was.st_size).unwrap_or(0);
            self.give_back(taken(size, u64::try_from(was.st_blocks).unwrap_or(0)));
        }
    }

    fn give_back(&self, bytes: u64) {
        let mut added = self.added.lock();
        added.bytes = added.bytes.saturating_sub(bytes);
    }
}

/// Bytes of a file that become free with it: holes never took any.
fn taken(size: u64, blocks: u64) -> u64 {
    size.min(blocks.saturating_mul(BLOCK))
}
