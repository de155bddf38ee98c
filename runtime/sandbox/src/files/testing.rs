//! Folders for tests, and how tests open what is in them.

use std::path::Path;
use std::sync::Arc;

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::disk::Disk;
use super::memory;
use super::seam::{Answer, File, Folder, Open, Opened};
use super::writable::{Common, Guard, Notes, Writable};
use crate::output::Output;
use wxmcp_run::{Access, Captured, CapturedEntry, Ledger, Mount, Protected, Quota, Silent, Source};

/// Opens what is there to read it.
pub(super) const READ: Open = Open {
    follow: true,
    read: true,
    write: false,
    create: false,
    exclusive: false,
    truncate: false,
    folder: false,
    mode: 0o644,
};

/// A folder of the host as a writable mount.
pub(super) fn writable(
    path: &Path,
    guest: &str,
    protected: &Protected,
    quota: Quota,
    output: &Output,
) -> Arc<dyn Folder> {
    let common = Common {
        guard: Arc::new(Guard::new(protected)),
        open: Arc::default(),
        notes: Arc::new(Notes::new(output.clone())),
    };
    let disk = Disk::open(path).unwrap();
    Arc::new(Writable::mount(disk, guest, quota, &common).unwrap())
}

/// A folder in memory that shows what was captured.
pub(super) fn captured(
    entries: Vec<CapturedEntry>,
    quota: Quota,
) -> (Arc<dyn Folder>, Arc<Captured>) {
    let captured = Arc::new(Captured::new(entries));
    let mount = Mount {
        source: Source::Captured(Arc::clone(&captured)),
        guest: "/m".to_owned(),
        access: Access::ReadWrite,
        quota,
    };
    let notes = Arc::new(Notes::new(Output::new(0, Arc::new(Silent))));
    let folder = memory::captured(&captured, &mount, 3, (&Ledger::unbounded(), &notes));
    (folder, captured)
}

/// Opens a file.
pub(super) fn file(folder: &dyn Folder, path: &str, how: Open) -> Answer<Arc<dyn File>> {
    match folder.open(path, &how)? {
        Opened::File(file) => Ok(file),
        Opened::Folder(_) => Err(ErrorCode::IsDirectory),
    }
}
