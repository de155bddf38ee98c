//! A folder of the host that a guest may write to, all but what is protected, and as much as it has room for.
//!
//! What changes something finds its folder first, checks that and the name in it, and then acts on that name of that
//! folder: so a path that comes to mean something else in between changes nothing.

mod act;
mod file;
mod links;
mod notes;
mod room;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::borrow::Cow;
use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::Stat as Found;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::disk::{Disk, of};
use super::errors::of_errno;
use super::seam::{Answer, Change, Entries, Folder, Kind, Open, Opened, Stat, Wish};
use file::WritableFile;
pub(super) use links::stays;
pub(super) use notes::{MountNotes, Notes};
pub(super) use room::OpenFiles;
use room::Room;
pub(super) use wxmcp_policy::guard::Guard;
use wxmcp_policy::guard::{self, Identity, Standing, id, seen};
use wxmcp_run::Quota;

/// Most links that one path leads through, as on Linux.
const LINKS: usize = 40;

/// How often it is looked where a file is that is moved all the time.
const LOOKS: usize = 3;

/// A folder of a writable mount, and what is below it.
pub(super) struct Writable {
    disk: Disk,
    mount: Arc<Mount>,
}

/// What all folders and files of one mount share.
struct Mount {
    root: Identity,
    /// Its path on the host when the run began, for notes.
    path: PathBuf,
    guard: Arc<Guard>,
    /// Whether all of it is protected.
    is_inside: bool,
    room: Room,
    notes: MountNotes,
}

/// What the writable mounts of an instance share.
pub(super) struct Common {
    pub(super) guard: Arc<Guard>,
    pub(super) open: Arc<OpenFiles>,
    pub(super) notes: Arc<Notes>,
}

/// A name in a folder that may be changed.
struct Spot {
    folder: fs::File,
    /// How far below the root the folder is.
    depth: usize,
    name: String,
    /// Whether the path ends with a slash: then only a folder fits.
    wants_folder: bool,
    /// What is there now.
    there: Option<Found>,
}

impl Spot {
    /// The name as the path spelled it.
    fn spelled(&self) -> Cow<'_, Path> {
        match self.wants_folder {
            true => Cow::Owned(PathBuf::from(format!("{}/", self.name))),
            false => Cow::Borrowed(Path::new(&self.name)),
        }
    }
}

impl Writable {
    /// A mount of a folder that was opened, by its path in the guest.
    pub(super) fn mount(
        disk: Disk,
        guest: &str,
        quota: Quota,
        common: &Common,
    ) -> std::io::Result<Self> {
        let found = rustix::fs::fstat(&disk.folder)?;
        let notes = MountNotes {
            notes: Arc::clone(&common.notes),
            guest: guest.to_owned(),
        };
        let mount = Mount {
            root: id(&found),
            path: path_of(&disk.folder).unwrap_or_default(),
            is_inside: common.guard.holds(disk.folder.as_fd())?,
            guard: Arc::clone(&common.guard),
            room: Room::new(quota, &common.open, notes.clone()),
            notes,
        };
        Ok(Self {
            disk,
            mount: Arc::new(mount),
        })
    }

    /// Another writable folder, for links and moves.
    fn same(folder: &dyn Folder) -> Answer<&Self> {
        folder.as_any().downcast_ref().ok_or(ErrorCode::CrossDevice)
    }

    /// The folder at a path, which neither reads nor writes.
    fn folder(&self, path: &str) -> Answer<fs::File> {
        let folder = self.disk.place(path, true).map_err(of)?;
        let found = rustix::fs::fstat(&folder).map_err(of_errno)?;
        match guard::is_folder(&found) {
            true => Ok(folder),
            false => Err(ErrorCode::NotDirectory),
        }
    }

    /// The place of a name that is changed or made, unless that is protected. A path that ends with `.` or `..` has
    /// none, and gets `otherwise`.
    fn spot(&self, path: &str, otherwise: ErrorCode) -> Answer<Spot> {
        let (folder, name, wants_folder) = split(path)?;
        let folder = self.folder(folder)?;
        let name = match name {
            None | Some("." | "..") => return Err(otherwise),
            Some(name) => name,
        };
        let there = seen(folder.as_fd(), name).map_err(of)?;
        let depth = self.mount.check(&folder, name, there.as_ref())?;
        Ok(Spot {
            folder,
            depth,
            name: name.to_owned(),
            wants_folder,
            there,
        })
    }

    fn file(&self, file: fs::File, is_free: bool) -> Answer<Opened> {
        let file = WritableFile::new(file, &self.mount, is_free).map_err(of_errno)?;
        Ok(Opened::File(Arc::new(file)))
    }

    /// Opens what is there to change it.
    fn open_there(&self, path: &str, how: &Open) -> Answer<Opened> {
        // What is protected must not be cut before that is known.
        let plain = Open {
            read: how.read || !how.write,
            write: true,
            create: false,
            exclusive: false,
            truncate: false,
            ..*how
        };
        let (file, found) = self.disk.opened(path, &plain)?;
        self.mount.check_file(&file, Some((self, path)))?;
        let opened = self.file(file, true)?;
        if how.truncate
            && found.is_file()
            && let Opened::File(file) = &opened
        {
            file.resize(0)?;
        }
        Ok(opened)
    }

    /// Opens a file to change it, or makes one.
    fn open_or_make(&self, path: &str, how: &Open) -> Answer<Opened> {
        let mut path = Cow::Borrowed(path);
        for _ in 0..LINKS {
            let is_new = how.create && how.exclusive;
            if !is_new {
                match self.open_there(&path, how) {
                    Err(ErrorCode::NoEntry) if how.create => {}
                    opened => return opened,
                }
            }
            let spot = self.spot(&path, ErrorCode::IsDirectory)?;
            match act::make_file(&self.mount, &spot, how) {
                // A link that leads to nothing yet, or somebody else was quicker.
                Err(ErrorCode::Exist) if !is_new => {}
                made => return self.file(made?, true),
            }
            if let Ok(target) = rustix::fs::readlinkat(&spot.folder, &spot.name, Vec::new()) {
                let target = target
                    .into_string()
                    .map_err(|_| ErrorCode::IllegalByteSequence)?;
                if target.starts_with('/') {
                    return Err(ErrorCode::NotPermitted);
                }
                let (folder, ..) = split(&path)?;
                path = Cow::Owned(format!("{folder}/{target}"));
            }
        }
        Err(ErrorCode::Loop)
    }
}

impl Mount {
    /// Refuses a name in a folder where it, or all around it, is protected; answers how deep the folder is.
    fn check(&self, folder: &fs::File, name: &str, there: Option<&Found>) -> Answer<usize> {
        let found = rustix::fs::fstat(folder).map_err(of_errno)?;
        let standing = self.guard.standing(folder.as_fd(), Some(self.root));
        let Standing::Free(depth) = standing.map_err(of)? else {
            return self.refuse(folder, name);
        };
        let is_protected = self.is_inside
            || self
                .guard
                .protects(folder.as_fd(), id(&found), name, there.map(id))
                .map_err(of)?;
        match is_protected {
            true => self.refuse(folder, name),
            false => Ok(depth),
        }
    }

    /// Refuses a folder itself.
    fn check_folder(&self, folder: &fs::File) -> Answer<()> {
        let standing = self.guard.standing(folder.as_fd(), Some(self.root));
        match standing.map_err(of)? {
            Standing::Free(_) if !self.is_inside => Ok(()),
            _ => self.refuse(folder, "."),
        }
    }

    /// Refuses an open file that is protected, by the path that led to it or the one that it has now.
    fn check_file(&self, file: &fs::File, by: Option<(&Writable, &str)>) -> Answer<()> {
        if self.guard.is_empty() {
            return Ok(());
        }
        let found = rustix::fs::fstat(file).map_err(of_errno)?;
        if let Some((folder, path)) = by
            && let (above, Some(name), _) = split(path)?
            && let Ok(above) = folder.folder(above)
            && let Some(there) = seen(above.as_fd(), name).map_err(of)?
            && id(&there) == id(&found)
        {
            return self.check_found(&above, name, &found);
        }
        for _ in 0..LOOKS {
            let found = rustix::fs::fstat(file).map_err(of_errno)?;
            if found.st_nlink == 0 {
                return Ok(());
            }
            let path = path_of(file).map_err(of)?;
            let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
                continue;
            };
            let (Ok(above), Some(name)) = (Disk::open(above), name.to_str()) else {
                continue;
            };
            let there = seen(above.folder.as_fd(), name).map_err(of)?;
            if there.is_some_and(|there| id(&there) == id(&found)) {
                return self.check_found(&above.folder, name, &found);
            }
        }
        Err(ErrorCode::Busy)
    }

    fn check_found(&self, folder: &fs::File, name: &str, found: &Found) -> Answer<()> {
        self.check(folder, name, Some(found))?;
        let has_names = found.st_nlink > 1 && !guard::is_folder(found);
        match has_names && self.guard.is_in_tree(id(found)) {
            true => self.refuse(folder, name),
            false => Ok(()),
        }
    }

    /// Refuses to move or remove a folder by which something protected is found.
    fn check_around(&self, spot: &Spot) -> Answer<()> {
        match &spot.there {
            Some(there) if self.guard.is_around(id(there)) => self.refuse(&spot.folder, &spot.name),
            _ => Ok(()),
        }
    }

    fn refuse<T>(&self, folder: &fs::File, name: &str) -> Answer<T> {
        let path = path_of(folder).unwrap_or_default();
        let below = path.strip_prefix(&self.path).unwrap_or(Path::new(""));
        let below = match name {
            "." => below.to_owned(),
            _ => below.join(name),
        };
        self.notes.protected(&below.to_string_lossy());
        Err(ErrorCode::NotPermitted)
    }
}

/// The path of what is open, as the system knows it now.
fn path_of(file: &fs::File) -> std::io::Result<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// The folder of a path, the name in it, and whether a slash ends it.
fn split(path: &str) -> Answer<(&str, Option<&str>, bool)> {
    if path.starts_with('/') {
        return Err(ErrorCode::NotPermitted);
    }
    let trimmed = path.trim_end_matches('/');
    let (folder, name) = trimmed.rsplit_once('/').unwrap_or((".", trimmed));
    let name = Some(name).filter(|name| !name.is_empty());
    Ok((folder, name, trimmed.len() < path.len()))
}

impl Folder for Writable {
    fn blocks(&self) -> bool {
        true
    }

    fn open(&self, path: &str, how: &Open) -> Answer<Opened> {
        if how.write || how.create || how.truncate {
            return self.open_or_make(path, how);
        }
        let (file, found) = self.disk.opened(path, how)?;
        if !found.is_dir() {
            return self.file(file, false);
        }
        Ok(Opened::Folder(Arc::new(Self {
            disk: Disk { folder: file },
            mount: Arc::clone(&self.mount),
        })))
    }

    fn stat(&self, path: &str, follow: bool) -> Answer<Stat> {
        self.disk.stat(path, follow)
    }

    fn change(&self, path: &str, follow: bool, change: Change) -> Answer<()> {
        let place = self.disk.place(path, follow).map_err(of)?;
        let found = rustix::fs::fstat(&place).map_err(of_errno)?;
        let kind = if guard::is_folder(&found) {
            self.mount.check_folder(&place)?;
            Kind::Folder
        } else if guard::is_link(&found) {
            let spot = self.spot(path, ErrorCode::Invalid)?;
            return act::change_link(&spot, change);
        } else {
            self.mount.check_file(&place, Some((self, path)))?;
            Kind::File
        };
        act::change(&place, kind, change)
    }

    fn make_folder(&self, path: &str, mode: u32) -> Answer<()> {
        let spot = self.spot(path, ErrorCode::Exist)?;
        self.mount.room.add(|| act::make_folder(&spot, mode))
    }

    fn remove_folder(&self, path: &str) -> Answer<()> {
        let spot = self.spot(path, ErrorCode::Invalid)?;
        self.mount.check_around(&spot)?;
        act::remove_folder(&spot)?;
        self.mount.removed(&spot);
        Ok(())
    }

    fn remove_file(&self, path: &str) -> Answer<()> {
        let spot = self.spot(path, ErrorCode::IsDirectory)?;
        act::remove_file(&spot)?;
        self.mount.removed(&spot);
        Ok(())
    }

    fn make_link(&self, target: &str, path: &str) -> Answer<()> {
        let spot = self.spot(path, ErrorCode::Exist)?;
        if !target.is_empty() && !links::stays(target, spot.depth) {
            return Err(ErrorCode::NotPermitted);
        }
        self.mount.room.add(|| act::make_link(target, &spot))
    }

    fn read_link(&self, path: &str) -> Answer<String> {
        self.disk.read_link(path)
    }

    fn link(&self, path: &str, to: &dyn Folder, to_path: &str) -> Answer<()> {
        let to = Self::same(to)?;
        let from = self.spot(path, ErrorCode::NotPermitted)?;
        let spot = to.spot(to_path, ErrorCode::Exist)?;
        act::stays(&from, spot.depth)?;
        to.mount.room.add(|| act::link(&from, &spot))
    }

    fn rename(&self, path: &str, to: &dyn Folder, to_path: &str) -> Answer<()> {
        let to = Self::same(to)?;
        let from = self.spot(path, ErrorCode::Invalid)?;
        let spot = to.spot(to_path, ErrorCode::Invalid)?;
        let moved = from.there.as_ref().ok_or(ErrorCode::NoEntry)?;
        self.mount.check_around(&from)?;
        to.mount.check_around(&spot)?;
        act::stays(&from, spot.depth)?;
        self.mount.check_moved(&from, &spot)?;
        act::rename(&from, &spot)?;
        if spot.there.as_ref().is_some_and(|it| id(it) != id(moved)) {
            to.mount.removed(&spot);
        }
        Ok(())
    }

    fn entries(&self) -> Answer<Box<dyn Entries>> {
        self.disk.entries()
    }

    fn allows(&self, path: &str, follow: bool, wish: Wish) -> Answer<()> {
        self.disk.allows(path, follow, wish)
    }

    fn sync(&self) -> Answer<()> {
        self.disk.sync()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
