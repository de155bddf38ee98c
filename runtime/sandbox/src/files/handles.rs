//! The handles that a guest has of files, folders and streams of entries.
//!
//! WASI's resources have the engine's types, and the table has ours: a handle is a number in
//! both.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, DescriptorFlags, DirectoryEntryStream, ErrorCode,
};
use wasmtime_wasi::p2::{FsError, FsResult};

use super::devices::Standard;
use super::list::List;
use super::seam::{Answer, File};
use super::tree::Place;
use wxmcp_run::Access;

/// What a handle of a file or folder stands for.
#[derive(Clone)]
pub(super) enum Handle {
    File(OpenFile),
    Folder(OpenFolder),
}

/// A file that the guest opened.
#[derive(Clone)]
pub(super) struct OpenFile {
    pub(super) file: Arc<dyn File>,
    pub(super) access: Access,
    pub(super) flags: DescriptorFlags,
}

/// A folder that the guest opened, or began with.
#[derive(Clone)]
pub(super) struct OpenFolder {
    pub(super) place: Place,
    pub(super) flags: DescriptorFlags,
}

impl Handle {
    /// The file, for what only files can do.
    pub(super) fn file(&self) -> Answer<&OpenFile> {
        match self {
            Self::File(file) => Ok(file),
            Self::Folder(_) => Err(ErrorCode::BadDescriptor),
        }
    }

    /// The handle as an instance has it: standard streams are its own.
    pub(super) fn of(self, standard: &Standard) -> Self {
        match self {
            Self::File(open) => Self::File(OpenFile {
                file: standard.own(open.file),
                ..open
            }),
            Self::Folder(_) => self,
        }
    }

    /// The folder, for what only folders can do.
    pub(super) fn folder(&self) -> Answer<&OpenFolder> {
        match self {
            Self::Folder(folder) => Ok(folder),
            Self::File(_) => Err(ErrorCode::NotDirectory),
        }
    }
}

impl OpenFile {
    /// Refuses a change of a file in a mount that is read-only.
    pub(super) fn writable(&self) -> Answer<()> {
        writable(self.access)
    }

    /// Refuses to write what was not opened to write.
    pub(super) fn writes(&self) -> Answer<()> {
        self.writable()?;
        self.has(DescriptorFlags::WRITE)
    }

    /// Refuses to read what was not opened to read.
    pub(super) fn reads(&self) -> Answer<()> {
        self.has(DescriptorFlags::READ)
    }

    fn has(&self, flag: DescriptorFlags) -> Answer<()> {
        match self.flags.contains(flag) {
            true => Ok(()),
            false => Err(ErrorCode::BadDescriptor),
        }
    }
}

/// Refuses a change where the mount is read-only.
pub(super) fn writable(access: Access) -> Answer<()> {
    match access {
        Access::ReadWrite => Ok(()),
        Access::ReadOnly => Err(ErrorCode::NotPermitted),
    }
}

/// A handle in the table, and its place among those that an instance may have.
struct Open {
    handle: Handle,
    _place: OwnedSemaphorePermit,
}

/// Takes a place. It is free again when the permit is dropped, with whatever holds it.
pub(super) fn place(of: &Arc<Semaphore>) -> Answer<OwnedSemaphorePermit> {
    let taken = Arc::clone(of).try_acquire_owned();
    // WASI has no error for too many open files.
    taken.map_err(|_| ErrorCode::InsufficientMemory)
}

/// A file or folder by its handle.
pub(super) fn get<'t>(
    table: &'t ResourceTable,
    handle: &Resource<types::Descriptor>,
) -> Result<&'t Handle, FsError> {
    at(table, handle.rep()).map_err(FsError::trap)
}

/// The same by the number of a handle, which may be gone.
pub(super) fn at(
    table: &ResourceTable,
    number: u32,
) -> Result<&Handle, wasmtime::component::ResourceTableError> {
    let open = table.get(&Resource::<Open>::new_borrow(number))?;
    Ok(&open.handle)
}

/// Gives the guest a handle.
pub(super) fn push(
    table: &mut ResourceTable,
    handle: Handle,
    place: OwnedSemaphorePermit,
) -> wasmtime::Result<Resource<types::Descriptor>> {
    let open = table.push(Open {
        handle,
        _place: place,
    })?;
    Ok(Resource::new_own(open.rep()))
}

/// Takes a handle from the guest.
pub(super) fn delete(
    table: &mut ResourceTable,
    handle: &Resource<types::Descriptor>,
) -> wasmtime::Result<()> {
    table.delete(Resource::<Open>::new_own(handle.rep()))?;
    Ok(())
}

/// Gives the guest a stream of entries.
pub(super) fn push_list(
    table: &mut ResourceTable,
    list: List,
) -> FsResult<Resource<DirectoryEntryStream>> {
    let list = table.push(list).map_err(FsError::trap)?;
    Ok(Resource::new_own(list.rep()))
}

/// A stream of entries by its handle.
pub(super) fn list<'t>(
    table: &'t mut ResourceTable,
    list: &Resource<DirectoryEntryStream>,
) -> Result<&'t mut List, FsError> {
    table
        .get_mut(&Resource::<List>::new_borrow(list.rep()))
        .map_err(FsError::trap)
}

/// Takes a stream of entries from the guest.
pub(super) fn delete_list(
    table: &mut ResourceTable,
    list: &Resource<DirectoryEntryStream>,
) -> wasmtime::Result<()> {
    table.delete(Resource::<List>::new_own(list.rep()))?;
    Ok(())
}
