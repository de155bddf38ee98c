//! A file of a writable mount.

use std::fs;
use std::sync::Arc;

use rustix::fs::FileType;
use wasmtime_wasi::p2::bindings::filesystem::types::Advice;

use super::{Mount, act};
use crate::files::disk::DiskFile;
use crate::files::seam::{Answer, Change, File, Stat};
use wxmcp_policy::guard::{Identity, id};

/// An open file. It counts as open until it is dropped.
pub(super) struct WritableFile {
    disk: DiskFile,
    mount: Arc<Mount>,
    identity: Identity,
    /// Whether it is an ordinary file, which takes room.
    is_plain: bool,
    /// Whether it is known that it is not protected.
    is_free: bool,
}

impl WritableFile {
    pub(super) fn new(
        file: fs::File,
        mount: &Arc<Mount>,
        is_free: bool,
    ) -> rustix::io::Result<Self> {
        let found = rustix::fs::fstat(&file)?;
        mount.room.opened(id(&found));
        Ok(Self {
            disk: DiskFile { file },
            mount: Arc::clone(mount),
            identity: id(&found),
            is_plain: FileType::from_raw_mode(found.st_mode) == FileType::RegularFile,
            is_free,
        })
    }
}

impl Drop for WritableFile {
    fn drop(&mut self) {
        self.mount.room.closed(self.identity, &self.disk.file);
    }
}

impl File for WritableFile {
    fn blocks(&self) -> bool {
        true
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Answer<usize> {
        self.disk.read_at(offset, into)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> Answer<usize> {
        match self.is_plain {
            true => self.mount.room.write(&self.disk, Some(offset), bytes),
            false => self.disk.write_at(offset, bytes),
        }
    }

    fn append(&self, bytes: &[u8]) -> Answer<usize> {
        match self.is_plain {
            true => self.mount.room.write(&self.disk, None, bytes),
            false => self.disk.append(bytes),
        }
    }

    fn resize(&self, size: u64) -> Answer<()> {
        match self.is_plain {
            true => self.mount.room.resize(&self.disk, size),
            false => self.disk.resize(size),
        }
    }

    fn sync(&self, data_only: bool) -> Answer<()> {
        self.disk.sync(data_only)
    }

    fn stat(&self) -> Answer<Stat> {
        self.disk.stat()
    }

    fn change(&self, change: Change) -> Answer<()> {
        if !self.is_free {
            self.mount.check_file(&self.disk.file, None)?;
        }
        act::change_file(&self.disk, change)
    }

    fn advise(&self, offset: u64, length: u64, advice: Advice) -> Answer<()> {
        self.disk.advise(offset, length, advice)
    }
}
