//! Permission bits, which WASI does not know: the interface `modes` of `wit/guest.wit`.

use std::sync::Arc;

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::bindings::filesystem::types::{Descriptor, ErrorCode};

use super::acts::{self, within};
use super::handles::{self, Handle};
use super::seam::{Answer, Change, FILE_BITS, FOLDER_BITS, SETGID, SETUID, Stat, Wish};
use super::tree::{Target, Tree};
use super::{FilesOf, FilesView};
use crate::guest::State;
use wxmcp_run::Access;

/// All bits of a mode.
const BITS: u32 = 0o7777;

/// What files and folders have where a guest says nothing of it.
const NEW_FILE: u32 = 0o666;
const NEW_FOLDER: u32 = 0o777;

/// The umask where that of the host does not count.
const UMASK: u32 = 0o022;

/// Bits of a wish.
const EXECUTE: u32 = 1;
const WRITE: u32 = 2;
const READ: u32 = 4;

/// What one instance said of modes, and asked.
#[derive(Default)]
pub(super) struct Modes {
    /// The bits that `seen` answers next.
    seen: u32,
    /// What `stat` or `stat-at` answered last.
    last: Option<Last>,
    /// The bits of what is made next.
    next: Option<u32>,
    /// The bits that nothing is made with; none: the host's own, which hold besides.
    umask: Option<u32>,
}

/// What a guest asked about, by its handle, which may be gone by now.
pub(super) struct Last {
    handle: u32,
    /// The path from a folder's handle, and whether a link at its end is followed.
    path: Option<(String, bool)>,
}

impl Last {
    pub(super) fn of_handle(handle: &Resource<Descriptor>) -> Self {
        Self {
            handle: handle.rep(),
            path: None,
        }
    }

    pub(super) fn of_path(handle: &Resource<Descriptor>, path: String, follow: bool) -> Self {
        Self {
            path: Some((path, follow)),
            ..Self::of_handle(handle)
        }
    }

    /// What it is, by its path from the handle, and whether a link at the end is followed.
    async fn target(&self, tree: &Arc<Tree>, handle: &Handle) -> Answer<(Target, bool)> {
        let place = &handle.folder()?.place;
        match &self.path {
            Some((path, follow)) => Ok((tree.resolve(place, path, *follow).await?, *follow)),
            None => Ok((place.target(), true)),
        }
    }
}

impl Modes {
    /// Those of an instance for which nothing may depend on the host.
    pub(super) fn fixed() -> Self {
        Self {
            umask: Some(UMASK),
            ..Self::default()
        }
    }

    /// Remembers what `stat` or `stat-at` answered.
    pub(super) fn saw(&mut self, last: Last, found: &Stat) {
        self.seen = found.mode & BITS;
        self.last = Some(last);
    }

    /// The bits of a file that is made now.
    pub(super) fn of_new_file(&mut self) -> Answer<u32> {
        self.of_new(NEW_FILE, FILE_BITS)
    }

    /// The bits of a folder that is made now.
    pub(super) fn of_new_folder(&mut self) -> Answer<u32> {
        self.of_new(NEW_FOLDER, FOLDER_BITS)
    }

    fn of_new(&mut self, otherwise: u32, allowed: u32) -> Answer<u32> {
        let mode = self.next.take().unwrap_or(otherwise);
        if mode & (SETUID | SETGID) != 0 {
            return Err(ErrorCode::NotPermitted);
        }
        Ok(mode & allowed & !self.umask.unwrap_or(0))
    }
}

/// Offers the interface to guests.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut modes = linker.instance("wxmcp:guest/modes@0.1.0")?;
    modes.func_wrap("forget", |mut store: StoreContextMut<'_, State>, (): ()| {
        store.data_mut().files.modes.last = None;
        Ok(())
    })?;
    modes.func_wrap("seen", |mut store: StoreContextMut<'_, State>, (): ()| {
        Ok((std::mem::take(&mut store.data_mut().files.modes.seen),))
    })?;
    modes.func_wrap(
        "next",
        |mut store: StoreContextMut<'_, State>, (mode,): (u32,)| {
            store.data_mut().files.modes.next = Some(mode & BITS);
            Ok(())
        },
    )?;
    modes.func_wrap(
        "umask",
        |mut store: StoreContextMut<'_, State>, (mask,): (u32,)| {
            let umask = &mut store.data_mut().files.modes.umask;
            Ok((umask.replace(mask & 0o777).unwrap_or_else(of_process),))
        },
    )?;
    modes.func_wrap_async(
        "change",
        |mut store: StoreContextMut<'_, State>, (mode,): (u32,)| {
            Box::new(async move {
                let view = FilesOf::view(store.data_mut());
                Ok((number(view.change_last(mode & BITS).await),))
            })
        },
    )?;
    modes.func_wrap_async(
        "allows",
        |mut store: StoreContextMut<'_, State>, (wish,): (u32,)| {
            Box::new(async move {
                let view = FilesOf::view(store.data_mut());
                let wish = Wish {
                    read: wish & READ != 0,
                    write: wish & WRITE != 0,
                    execute: wish & EXECUTE != 0,
                };
                Ok((number(view.last_allows(wish).await),))
            })
        },
    )
}

/// The host's own umask. The kernel tells it without changing it in this file only.
fn of_process() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok())
        .unwrap_or(UMASK)
}

/// 0, or 1 more than the error's place in `error-code`.
fn number(answer: Answer<()>) -> u8 {
    match answer {
        Ok(()) => 0,
        Err(code) => place(code).saturating_add(1),
    }
}

impl FilesView<'_> {
    /// What was asked about last, and its handle.
    fn last(&self) -> Answer<(&Last, &Handle)> {
        let last = self.files.modes.last.as_ref();
        let last = last.ok_or(ErrorCode::BadDescriptor)?;
        let handle = handles::at(self.table, last.handle).map_err(|_| ErrorCode::BadDescriptor)?;
        Ok((last, handle))
    }

    pub(super) async fn change_last(self, mode: u32) -> Answer<()> {
        let (last, handle) = self.last()?;
        let change = Change::Mode(mode);
        if last.path.is_none() {
            return acts::change_handle(&self.files.tree, handle, change).await;
        }
        let (target, follow) = last.target(&self.files.tree, handle).await?;
        acts::change(&self.files.tree, target, follow, change).await
    }

    async fn last_allows(self, wish: Wish) -> Answer<()> {
        let (last, handle) = self.last()?;
        let (target, follow) = last.target(&self.files.tree, handle).await?;
        let (mounted, path) = match target {
            Target::Inside(mounted, path) => (mounted, path),
            Target::Node(node) => match self.files.tree.behind(node) {
                Some(behind) => behind,
                None if wish.write => return Err(ErrorCode::ReadOnly),
                None => return Ok(()),
            },
        };
        if wish.write && mounted.access == Access::ReadOnly {
            return Err(ErrorCode::ReadOnly);
        }
        within(&mounted, move |folder| folder.allows(&path, follow, wish)).await
    }
}

/// The place of an error in WASI's enumeration.
fn place(code: ErrorCode) -> u8 {
    const ORDER: [ErrorCode; 37] = [
        ErrorCode::Access,
        ErrorCode::WouldBlock,
        ErrorCode::Already,
        ErrorCode::BadDescriptor,
        ErrorCode::Busy,
        ErrorCode::Deadlock,
        ErrorCode::Quota,
        ErrorCode::Exist,
        ErrorCode::FileTooLarge,
        ErrorCode::IllegalByteSequence,
        ErrorCode::InProgress,
        ErrorCode::Interrupted,
        ErrorCode::Invalid,
        ErrorCode::Io,
        ErrorCode::IsDirectory,
        ErrorCode::Loop,
        ErrorCode::TooManyLinks,
        ErrorCode::MessageSize,
        ErrorCode::NameTooLong,
        ErrorCode::NoDevice,
        ErrorCode::NoEntry,
        ErrorCode::NoLock,
        ErrorCode::InsufficientMemory,
        ErrorCode::InsufficientSpace,
        ErrorCode::NotDirectory,
        ErrorCode::NotEmpty,
        ErrorCode::NotRecoverable,
        ErrorCode::Unsupported,
        ErrorCode::NoTty,
        ErrorCode::NoSuchDevice,
        ErrorCode::Overflow,
        ErrorCode::NotPermitted,
        ErrorCode::Pipe,
        ErrorCode::ReadOnly,
        ErrorCode::InvalidSeek,
        ErrorCode::TextFileBusy,
        ErrorCode::CrossDevice,
    ];
    let found = ORDER.iter().position(|known| *known == code);
    found
        .and_then(|place| u8::try_from(place).ok())
        .unwrap_or(13)
}
