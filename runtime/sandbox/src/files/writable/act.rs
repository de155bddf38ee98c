//! What is done with a name of a folder, once it is known that it may be.

use std::fs;
use std::os::fd::AsRawFd;
use std::path::Path;

use cap_primitives::fs as cap;
use cap_primitives::fs::{DirBuilderExt, OpenOptionsExt};
use rustix::fs::{CWD, Mode};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::links::{self, Census};
use super::{Mount, Spot};
use crate::files::disk::{DiskFile, of, spec};
use crate::files::errors::of_errno;
use crate::files::seam::{Answer, Change, FILE_BITS, FOLDER_BITS, File as _, Kind, Open};
use std::os::fd::AsFd as _;
use wxmcp_policy::guard::{ENTRIES, folder_at, is_folder, is_link};

/// Makes a file where nothing is.
pub(super) fn make_file(mount: &Mount, spot: &Spot, how: &Open) -> Answer<fs::File> {
    if spot.there.is_some() {
        return Err(ErrorCode::Exist);
    }
    if spot.wants_folder {
        return Err(ErrorCode::IsDirectory);
    }
    let mut options = cap::OpenOptions::new();
    options
        .read(how.read || !how.write)
        .write(true)
        .create_new(true)
        .mode(how.mode & FILE_BITS)
        ._cap_fs_ext_follow(cap::FollowSymlinks::No);
    mount.room.add(|| {
        let file = cap::open(&spot.folder, Path::new(&spot.name), &options).map_err(of)?;
        match how.folder {
            true => Err(ErrorCode::NotDirectory),
            false => Ok(file),
        }
    })
}

pub(super) fn make_folder(spot: &Spot, mode: u32) -> Answer<()> {
    let mut options = cap::DirOptions::new();
    options.mode(mode & FOLDER_BITS);
    cap::create_dir(&spot.folder, Path::new(&spot.name), &options).map_err(of)
}

pub(super) fn remove_folder(spot: &Spot) -> Answer<()> {
    cap::remove_dir(&spot.folder, Path::new(&spot.name)).map_err(of)
}

pub(super) fn remove_file(spot: &Spot) -> Answer<()> {
    cap::remove_file(&spot.folder, &spot.spelled()).map_err(of)
}

pub(super) fn make_link(target: &str, spot: &Spot) -> Answer<()> {
    cap::symlink(Path::new(target), &spot.folder, &spot.spelled()).map_err(of)
}

pub(super) fn link(from: &Spot, to: &Spot) -> Answer<()> {
    let (path, to_path) = (from.spelled(), to.spelled());
    cap::hard_link(&from.folder, &path, &to.folder, &to_path).map_err(of)
}

/// Refuses another place for a symbolic link from where it would lead out of the mount.
pub(super) fn stays(from: &Spot, depth: usize) -> Answer<()> {
    if !from.there.as_ref().is_some_and(is_link) || depth >= from.depth {
        return Ok(());
    }
    let target = rustix::fs::readlinkat(&from.folder, &from.name, Vec::new()).map_err(of_errno)?;
    let target = target.to_string_lossy();
    match links::stays(&target, from.depth) && !links::stays(&target, depth) {
        true => Err(ErrorCode::NotPermitted),
        false => Ok(()),
    }
}

pub(super) fn rename(from: &Spot, to: &Spot) -> Answer<()> {
    // A slash at the end of either path says that a folder is moved.
    let is_moved_folder = from.there.as_ref().is_some_and(is_folder);
    if (from.wants_folder || to.wants_folder) && !is_moved_folder {
        return Err(ErrorCode::NotDirectory);
    }
    cap::rename(
        &from.folder,
        Path::new(&from.name),
        &to.folder,
        Path::new(&to.name),
    )
    .map_err(of)
}

/// Changes what is kept of a file or folder that is open, if only as a place.
pub(super) fn change(place: &fs::File, kind: Kind, change: Change) -> Answer<()> {
    let path = format!("/proc/self/fd/{}", place.as_raw_fd());
    match change {
        Change::Mode(mode) => {
            kind.permits(mode)?;
            rustix::fs::chmod(path, Mode::from_bits_truncate(mode)).map_err(of_errno)
        }
        Change::Times { accessed, modified } => {
            let times = times(accessed, modified);
            rustix::fs::utimensat(CWD, path, &times, rustix::fs::AtFlags::empty()).map_err(of_errno)
        }
    }
}

fn times(
    accessed: Option<std::time::SystemTime>,
    modified: Option<std::time::SystemTime>,
) -> rustix::fs::Timestamps {
    let of = |time: Option<std::time::SystemTime>| {
        let since = time.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        match since {
            Some(since) => rustix::fs::Timespec {
                tv_sec: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: since.subsec_nanos().into(),
            },
            None => rustix::fs::Timespec {
                tv_sec: 0,
                tv_nsec: rustix::fs::UTIME_OMIT,
            },
        }
    };
    rustix::fs::Timestamps {
        last_access: of(accessed),
        last_modification: of(modified),
    }
}

/// The same of a symbolic link, of which no mode is kept.
pub(super) fn change_link(spot: &Spot, change: Change) -> Answer<()> {
    match change {
        Change::Mode(_) => Err(ErrorCode::Unsupported),
        Change::Times { accessed, modified } => {
            let (path, accessed, modified) = (spot.spelled(), spec(accessed), spec(modified));
            cap::set_times_nofollow(&spot.folder, &path, accessed, modified).map_err(of)
        }
    }
}

/// The same of an open file.
pub(super) fn change_file(file: &DiskFile, to: Change) -> Answer<()> {
    file.change(to)
}

impl Mount {
    /// Refuses to move a folder with something protected in it, or with links that would then lead out.
    pub(super) fn check_moved(&self, from: &Spot, to: &Spot) -> Answer<()> {
        let less = from.depth.saturating_sub(to.depth);
        let is_moved_folder = from.there.as_ref().is_some_and(is_folder);
        if !is_moved_folder || (less == 0 && self.guard.is_empty()) {
            return Ok(());
        }
        let folder = folder_at(from.folder.as_fd(), &from.name).map_err(of)?;
        let depth = from.depth.saturating_add(1);
        match links::census(&folder, &self.guard, depth, less).map_err(of)? {
            Census::Free => Ok(()),
            Census::Protected => self.refuse(&from.folder, &from.name),
            Census::Leads => Err(ErrorCode::NotPermitted),
            Census::TooLarge => {
                self.notes.too_large(ENTRIES);
                Err(ErrorCode::NotPermitted)
            }
        }
    }

    /// Notes that a name is gone.
    pub(super) fn removed(&self, spot: &Spot) {
        if let Some(was) = &spot.there {
            self.room.removed(was);
        }
    }
}
