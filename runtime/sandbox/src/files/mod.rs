//! The one file system that a guest sees: our own `wasi:filesystem` over folders of the host and
//! folders in memory, among them the script's scratch.
//!
//! [`Folder`] and [`File`] are the seam. What is behind them knows nothing of WASI, of handles or
//! of permissions of mounts: [`disk`] is a folder of the host, [`writable`] one that is bounded and in part
//! protected, [`memory`] one in memory, [`fixed`] any of them with nothing of the host but its content, [`hidden`] one that
//! lacks files which wxmcp itself writes of the run. [`Tree`]
//! puts mounts into one tree that begins at `/`. [`host`] answers the guest: it owns the handles,
//! refuses writes to what is mounted read-only, and takes blocking work off the event loop.

mod acts;
#[cfg(test)]
mod as_guest;
mod bundle;
mod convert;
mod devices;
mod disk;
mod errors;
mod fixed;
mod handles;
#[cfg(test)]
mod held;
mod hidden;
mod host;
mod list;
mod memory;
mod modes;
mod roots;
mod scratch;
mod seam;
mod streams;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tree;
#[cfg(test)]
mod tries;
mod whole;
mod writable;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use tokio::sync::Semaphore;
use wasmtime::component::{HasData, Linker, ResourceTable};
use wasmtime_wasi::p2::bindings::filesystem::{preopens, types};

use crate::guest::State;
use crate::output::Output;
use crate::surroundings::Surroundings;
use crate::wasi::Input;
use scratch::Scratch;
use seam::Folder;
use tree::Mounted;
pub(crate) use tree::Tree;
use writable::{Common, Guard, Notes, Writable};
use wxmcp_run::{
    Access, Clocks, Ledger, Mount, OverBudget, Policy, Protected, Randomness, RunError, Source,
    Sources,
};

/// Most bytes of a path that a guest names. Linux takes no longer one either.
const PATH: usize = 4_096;

/// Most bytes that one read of a file hands over, or one write takes.
const PIECE: usize = 64 << 10;

/// Most entries of a folder that are read at once and kept for the guest.
const ENTRIES: usize = 256;

/// Bytes that one of these entries takes at most: a name has 255, the rest is what the host knows of it.
const ENTRY: usize = 320;

/// Bytes that the system's own list of names takes while a folder is read.
const NAMES: usize = 32 << 10;

/// Most streams of entries that one instance has open.
const LISTS: usize = 256;

/// Most handles of files and folders that one instance has open.
const OPEN: usize = 1_000;

/// Most streams of files that one instance has open: each may be read and written.
const STREAMS: usize = 2 * OPEN;

/// What one instance sees of files.
pub(crate) struct Files {
    tree: Arc<Tree>,
    /// The same once it is whole: what runs share that a script starts.
    whole: Arc<OnceLock<Arc<Tree>>>,
    /// Folders in memory that are put into the tree when the guest asks for its folders, or for a run that shares them.
    scratch: Scratch,
    notes: Arc<Notes>,
    modes: modes::Modes,
    /// Room for more handles, and for more streams of files.
    open: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    /// Where a guest's user reads what WASI has no error for, and whether that was printed.
    output: Output,
    has_noted: bool,
    /// What is its own behind the names in `/dev`.
    standard: devices::Standard,
    /// Streams of entries that are open now.
    lists: usize,
    /// Where bytes are charged that are held for the guest.
    pub(crate) ledger: Ledger,
    /// What was looked at last, until something else is asked.
    known: Option<Known>,
    /// Who says what time it is.
    clocks: Clocks,
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
    /// The mounts of a policy. What a run holds is charged to its ledger, what it is refused is noted in its output.
    ///
    /// # Errors
    /// When a mount's host directory cannot be opened, or the folder to begin in is not there.
    pub(crate) fn new(
        policy: &Policy,
        surroundings: &Surroundings,
        (ledger, sources): (&Ledger, &Sources),
        output: &Output,
    ) -> Result<Self, RunError> {
        let clocks = &sources.clocks;
        let mut tree = Tree::new();
        // To know what is protected, its paths are followed, a dozen of calls for each: only who writes has to know.
        let protected = match writes_to_host(policy) {
            true => &policy.protected,
            false => &Protected::default(),
        };
        let notes = Arc::new(Notes::new(output.clone()));
        let common = Common {
            guard: Arc::new(Guard::new(protected)),
            open: Arc::default(),
            notes: Arc::clone(&notes),
        };
        // Devices of folders in memory have numbers from the end, which those of a host have not.
        for (mount, device) in policy.mounts.iter().zip((0..u64::MAX).rev()) {
            let folder: Arc<dyn Folder> = match &mount.source {
                Source::Host(path) => {
                    let opened = open(path, mount, &common).map_err(|source| RunError::Mount {
                        guest: mount.guest.clone(),
                        source: source.into(),
                    })?;
                    match sources.are_given() {
                        true => {
                            let shown = hidden::without(opened, &policy.hidden);
                            fixed::mount(shown, device, ledger, clocks)
                        }
                        false => opened,
                    }
                }
                Source::Captured(captured) => {
                    let folder = memory::captured(captured, mount, device, (ledger, &notes));
                    fixed::mount(folder, device, ledger, clocks)
                }
                Source::Memory { bytes } => memory::root(*bytes, device, ledger, clocks),
                Source::Bundle(file) => {
                    bundle::root(file, device).map_err(|source| RunError::Mount {
                        guest: mount.guest.clone(),
                        source: source.into(),
                    })?
                }
            };
            let access = mount.access;
            tree.mount(&mount.guest, Mounted { folder, access });
        }
        let mut scratch = Scratch::new(surroundings, policy.mounts.len(), clocks);
        if let (Some(workdir), Some(asked)) = (&surroundings.workdir, &policy.workdir) {
            scratch.mount(&mut tree, ledger, &notes);
            if !tree.has_folder(workdir) {
                return Err(RunError::NoWorkdir {
                    guest: asked.clone(),
                });
            }
        }
        Ok(Self {
            scratch,
            notes,
            ..Self::sharing(&Arc::new(tree), (ledger, sources), output)
        })
    }

    /// What another run sees, too: the same mounts and scratch folders, with handles of its own.
    pub(crate) fn sharing(
        tree: &Arc<Tree>,
        (ledger, sources): (&Ledger, &Sources),
        output: &Output,
    ) -> Self {
        Self {
            tree: Arc::clone(tree),
            whole: Arc::default(),
            scratch: Scratch::new(&Surroundings::default(), 0, &Clocks::Live),
            notes: Arc::new(Notes::new(output.clone())),
            modes: match sources.are_given() {
                true => modes::Modes::fixed(),
                false => modes::Modes::default(),
            },
            open: Arc::new(Semaphore::new(OPEN)),
            streams: Arc::new(Semaphore::new(STREAMS)),
            output: output.clone(),
            has_noted: false,
            standard: devices::Standard::new(output),
            lists: 0,
            ledger: ledger.clone(),
            known: None,
            clocks: sources.clocks.clone(),
        }
    }

    /// Where runs that this one starts find its files, once it has asked for one: `tree` puts them there.
    pub(crate) fn shared(&self) -> Arc<OnceLock<Arc<Tree>>> {
        Arc::clone(&self.whole)
    }

    /// The time of what happens now.
    fn now(&self) -> SystemTime {
        time_of(&self.clocks)
    }

    /// With what the instance reads of standard input, and of random numbers.
    pub(crate) fn reading(mut self, input: Input, randomness: Randomness) -> Self {
        self.standard.reading(input, randomness);
        self
    }

    /// The mounts and the scratch folders, also for runs that this one starts.
    pub(crate) fn tree(&mut self) -> Arc<Tree> {
        // No handle leads into the tree before this: nobody else has it.
        if let Some(tree) = Arc::get_mut(&mut self.tree) {
            self.scratch.mount(tree, &self.ledger, &self.notes);
        }
        Arc::clone(self.whole.get_or_init(|| Arc::clone(&self.tree)))
    }

    /// Another run of the instance begins.
    pub(crate) fn begin(&mut self, ledger: &Ledger) {
        self.ledger = ledger.clone();
        self.notes.forget();
    }

    /// What its folders in memory hold and are charged for.
    pub(crate) fn held(&self) -> u64 {
        self.scratch.held()
    }

    /// Charges what its folders in memory hold to the run that begins.
    ///
    /// # Errors
    /// When that run would hold more than it may.
    pub(crate) fn charge_to(&mut self, ledger: &Ledger) -> Result<(), OverBudget> {
        self.scratch.charge_to(ledger)
    }

    /// Says once that a name was left out of a listing.
    fn note_unreadable_name(&mut self) {
        if !self.has_noted {
            let note = "a name in a mounted folder is not UTF-8: listings leave such names out";
            self.output.note(note);
        }
        self.has_noted = true;
    }
}

/// The time at which files are made or changed now.
fn time_of(clocks: &Clocks) -> SystemTime {
    match clocks {
        Clocks::Live => SystemTime::now(),
        Clocks::Given(clocks) => SystemTime::UNIX_EPOCH
            .checked_add(clocks.last_wall())
            .unwrap_or(SystemTime::UNIX_EPOCH),
    }
}

/// Whether a guest may write to a folder of the host.
fn writes_to_host(policy: &Policy) -> bool {
    let mut mounts = policy.mounts.iter();
    mounts.any(|it| it.access == Access::ReadWrite && matches!(it.source, Source::Host(_)))
}

/// A folder of the host, as a mount lets the guest use it.
fn open(path: &Path, mount: &Mount, common: &Common) -> std::io::Result<Arc<dyn Folder>> {
    let disk = disk::Disk::open(path)?;
    Ok(match mount.access {
        Access::ReadOnly => Arc::new(disk),
        Access::ReadWrite => {
            let writable = Writable::mount(disk, &mount.guest, mount.quota, common)?;
            Arc::new(writable)
        }
    })
}

/// Offers `wasi:filesystem`, and our interfaces of permission bits and whole files. The linker must let it
/// replace the engine's own.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    types::add_to_linker::<State, FilesOf>(linker, FilesOf::view)?;
    preopens::add_to_linker::<State, FilesOf>(linker, FilesOf::view)?;
    modes::add_to_linker(linker)?;
    whole::add_to_linker(linker)
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
