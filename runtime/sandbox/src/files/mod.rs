//! The one file system that a guest sees: our own `wasi:filesystem` over folders of the host and
//! folders in memory.
//!
//! [`Folder`] and [`File`] are the seam. What is behind them knows nothing of WASI, of handles or
//! of permissions of mounts: [`disk`] is a folder of the host, [`memory`] one in memory. [`Tree`]
//! puts mounts into one tree that begins at `/`. [`host`] answers the guest: it owns the handles,
//! refuses writes to what is mounted read-only, and takes blocking work off the event loop.

mod acts;
#[cfg(test)]
mod as_guest;
mod convert;
mod disk;
mod errors;
mod handles;
mod host;
mod list;
mod memory;
mod modes;
mod seam;
mod streams;
#[cfg(test)]
mod tests;
mod tree;
#[cfg(test)]
mod tries;

use std::sync::Arc;

use tokio::sync::Semaphore;
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};

use crate::guest::State;
use crate::output::Output;
use seam::Folder;
use tree::{Mounted, Tree};
use wxmcp_run::RunError;
use wxmcp_run::{Mount, Source};

/// Most bytes of a path that a guest names. Linux takes no longer one either.
const PATH: usize = 4_096;

/// Most bytes that one read of a file hands over, or one write takes.
const PIECE: usize = 64 << 10;

/// Most entries of a folder that are read at once and kept for the guest.
const ENTRIES: usize = 256;

/// Most streams of entries that one instance has open.
const LISTS: usize = 256;

/// Most handles of files and folders that one instance has open.
const OPEN: usize = 1_000;

/// Most streams of files that one instance has open: each may be read and written.
const STREAMS: usize = 2 * OPEN;

/// What one instance sees of files.
pub(crate) struct Files {
    tree: Arc<Tree>,
    modes: modes::Modes,
    /// Room for more handles, and for more streams of files.
    open: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    /// Where a guest's user reads what WASI cannot say, and whether it was said.
    notes: Option<Output>,
    has_noted: bool,
    /// Streams of entries that are open now.
    lists: usize,
    /// What was looked at last, until something else is asked.
    known: Option<Known>,
}

/// Something whose identity is known. wasi-libc asks for it after each `stat` and each entry of a
/// folder: it gets that of the file that was seen then, and there is no need to look again.
struct Known {
    handle: u32,
    path: String,
    follow: bool,
    identity: (u64, u64),
}

impl Files {
    /// The mounts of a policy.
    ///
    /// # Errors
    /// When a mount's host directory cannot be opened.
    pub(crate) fn new(mounts: &[Mount]) -> Result<Self, RunError> {
        let mut tree = Tree::new();
        // Devices of folders in memory have numbers from the end, which those of a host have not.
        for (mount, device) in mounts.iter().zip((0..u64::MAX).rev()) {
            let folder: Arc<dyn Folder> = match &mount.source {
                Source::Host(path) => {
                    let opened = disk::Disk::open(path).map_err(|source| RunError::Mount {
                        guest: mount.guest.clone(),
                        source: source.into(),
                    })?;
                    Arc::new(opened)
                }
                Source::Memory { bytes } => memory::root(*bytes, device),
            };
            let access = mount.access;
            tree.mount(&mount.guest, Mounted { folder, access });
        }
        Ok(Self {
            tree: Arc::new(tree),
            modes: modes::Modes::default(),
            open: Arc::new(Semaphore::new(OPEN)),
            streams: Arc::new(Semaphore::new(STREAMS)),
            notes: None,
            has_noted: false,
            lists: 0,
            known: None,
        })
    }

    /// The same, with somewhere to say what WASI cannot.
    pub(crate) fn with_notes(mut self, output: &Output) -> Self {
        self.notes = Some(output.clone());
        self
    }

    /// Says once that a name was left out of a listing.
    fn note_unreadable_name(&mut self) {
        if let Some(notes) = self.notes.as_ref().filter(|_| !self.has_noted) {
            notes.note("a name in a mounted folder is not UTF-8: listings leave such names out");
        }
        self.has_noted = true;
    }
}

/// Offers `wasi:filesystem`, and our interface of permission bits. The linker must let it
/// replace the engine's own.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    types::add_to_linker::<State, FilesOf>(linker, FilesOf::view)?;
    preopens::add_to_linker::<State, FilesOf>(linker, FilesOf::view)?;
    modes::add_to_linker(linker)
}

/// How the linker finds the files of an instance.
struct FilesOf;

/// The files of an instance, and its handles.
struct FilesView<'s> {
    files: &'s mut Files,
    table: &'s mut ResourceTable,
}

impl HasData for FilesOf {
    type Data<'s> = FilesView<'s>;
}

impl FilesOf {
    fn view(state: &mut State) -> FilesView<'_> {
        FilesView {
            files: &mut state.files,
            table: &mut state.table,
        }
    }
}
