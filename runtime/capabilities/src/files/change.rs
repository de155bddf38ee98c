//! What changes a directory: one call at a time, within the quota, and nothing that is protected.
//!
//! The folder of a name is opened first and checked, and then that name of that folder is changed, links not followed: so
//! a path that comes to mean something else in between changes nothing else.

use std::io::{ErrorKind, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cap_std::fs::Dir;
use parking_lot::MutexGuard;
use rustix::fs::{FlockOperation, Mode, OFlags};
use serde_json::{Value, json};
use wxmcp_policy::guard::{Guard, Standing, id, is_folder, seen};
use wxmcp_run::{ToolError, ToolErrorKind};

use super::{Action, Directory, MAX_ENTRIES, MAX_FILE, Request};

/// Most entries of the walk that adds a directory up.
const MAX_WALK: usize = 1_000_000;

/// A name in a folder of the directory that may be changed.
struct Spot<'p> {
    folder: Dir,
    name: &'p str,
}

impl Directory {
    /// Replaces a file, or appends to it.
    pub(super) fn write(&self, dir: &Dir, request: &Request) -> Result<Value, ToolError> {
        let path = request.path.as_str();
        let failed = |error: std::io::Error| self.failed(path, &error);
        let content = self.content(request)?;
        let _alone = self.alone(dir).map_err(failed)?;
        let before = dir.metadata(path).map_or(0, |found| found.len());
        let is_append = request.action == Action::Append;
        let replaced = if is_append { 0 } else { before };
        let guard = Guard::new(&self.protected);
        if is_append {
            // What a link leads to is appended to.
            let meant = match dir.canonicalize(path) {
                Ok(meant) => meant,
                Err(error) if error.kind() == ErrorKind::NotFound => path.into(),
                Err(error) => return Err(failed(error)),
            };
            let meant = meant.to_str().unwrap_or(path);
            let spot = self.spot(dir, &guard, meant)?;
            self.fits(dir, content.len(), replaced, path)?;
            let bytes = self.append(&guard, &spot, path, &content)?;
            return Ok(json!({ "bytes": bytes }));
        }
        let spot = self.spot(dir, &guard, path)?;
        self.fits(dir, content.len(), replaced, path)?;
        replace(&spot.folder, spot.name, &content).map_err(failed)?;
        let size = spot.folder.metadata(spot.name).map_err(failed)?.len();
        Ok(json!({ "bytes": size }))
    }

    /// Removes a file, a link or an empty folder.
    pub(super) fn remove(&self, dir: &Dir, path: &str) -> Result<Value, ToolError> {
        let failed = |error: std::io::Error| self.failed(path, &error);
        let guard = Guard::new(&self.protected);
        let spot = self.spot(dir, &guard, path)?;
        let found = seen(spot.folder.as_fd(), spot.name).map_err(failed)?;
        let found = found.ok_or_else(|| failed(ErrorKind::NotFound.into()))?;
        // Without it, a protected path would lead elsewhere.
        if guard.is_around(id(&found)) {
            return Err(self.protected(path));
        }
        match is_folder(&found) {
            true => spot.folder.remove_dir(spot.name),
            false => spot.folder.remove_file(spot.name),
        }
        .map_err(failed)?;
        Ok(Value::Null)
    }

    /// Makes a folder, and those above it that are missing.
    pub(super) fn make_directory(&self, dir: &Dir, path: &str) -> Result<Value, ToolError> {
        let failed = |error: std::io::Error| self.failed(path, &error);
        let _alone = self.alone(dir).map_err(failed)?;
        self.fits(dir, 0, 0, path)?;
        let guard = Guard::new(&self.protected);
        let mut above: Vec<&Path> = Path::new(path).ancestors().collect();
        above.retain(|above| above.file_name().is_some());
        for folder in above.into_iter().rev() {
            match dir.metadata(folder) {
                Ok(found) if found.is_dir() => continue,
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
                _ => {}
            }
            let spot = self.spot(dir, &guard, folder.to_str().unwrap_or(path))?;
            spot.folder.create_dir(spot.name).map_err(failed)?;
        }
        Ok(Value::Null)
    }

    /// The place of a name that is changed or made, unless that is protected.
    fn spot<'p>(&self, dir: &Dir, guard: &Guard, path: &'p str) -> Result<Spot<'p>, ToolError> {
        let failed = |error: std::io::Error| self.failed(path, &error);
        let target = Path::new(path);
        let folder = match target.parent() {
            Some(parent) if parent != Path::new("") => dir.open_dir(parent),
            _ => dir.try_clone(),
        };
        let folder = folder.map_err(failed)?;
        let name = target.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| failed(ErrorKind::InvalidInput.into()))?;
        match self.is_protected(dir, guard, &folder, name) {
            Ok(false) => Ok(Spot { folder, name }),
            Ok(true) => Err(self.protected(path)),
            Err(error) => Err(failed(error)),
        }
    }

    fn is_protected(
        &self,
        root: &Dir,
        guard: &Guard,
        folder: &Dir,
        name: &str,
    ) -> std::io::Result<bool> {
        if guard.is_empty() {
            return Ok(false);
        }
        let root_identity = id(&rustix::fs::fstat(root)?);
        let identity = id(&rustix::fs::fstat(folder)?);
        let there = seen(folder.as_fd(), name)?;
        Ok(guard.holds(root.as_fd())?
            || guard.standing(folder.as_fd(), Some(root_identity))? == Standing::Protected
            || guard.protects(folder.as_fd(), identity, name, there.as_ref().map(id))?)
    }

    /// Appends to a file, and returns its size.
    fn append(
        &self,
        guard: &Guard,
        spot: &Spot<'_>,
        path: &str,
        content: &[u8],
    ) -> Result<u64, ToolError> {
        let failed = |error: std::io::Error| self.failed(path, &error);
        // Without waiting for the reader of a pipe.
        let flags = OFlags::WRONLY
            | OFlags::APPEND
            | OFlags::CREATE
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o666);
        let opened = rustix::fs::openat(&spot.folder, spot.name, flags, mode);
        let mut file = std::fs::File::from(opened.map_err(|error| failed(error.into()))?);
        let found = rustix::fs::fstat(&file).map_err(|error| failed(error.into()))?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(self.error(ToolErrorKind::CapabilityFailed, path, "it is not a file"));
        }
        if found.st_nlink > 1 && guard.is_in_tree(id(&found)) {
            return Err(self.protected(path));
        }
        file.write_all(content).map_err(failed)?;
        Ok(file.metadata().map_err(failed)?.len())
    }

    fn protected(&self, path: &str) -> ToolError {
        self.error(
            ToolErrorKind::NotGranted,
            path,
            "it is protected: wxmcp, or a client of MCP servers, reads or executes it next",
        )
    }

    fn content(&self, request: &Request) -> Result<Vec<u8>, ToolError> {
        let path = &request.path;
        match (&request.text, &request.bytes) {
            (Some(text), None) => Ok(text.clone().into_bytes()),
            (None, Some(bytes)) => STANDARD.decode(bytes).map_err(|_| {
                self.error(ToolErrorKind::InvalidCall, path, "its bytes are no base64")
            }),
            _ => Err(self.error(
                ToolErrorKind::InvalidCall,
                path,
                "there is nothing to write",
            )),
        }
    }

    /// Waits until this call alone changes the directory: neither another call nor another process of
    /// wxmcp does. Both locks end when the answer is dropped.
    fn alone(&self, dir: &Dir) -> std::io::Result<(MutexGuard<'_, ()>, OwnedFd)> {
        let alone = self.writing.lock();
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let locked = rustix::fs::openat(dir, ".", flags, Mode::empty())?;
        rustix::fs::flock(&locked, FlockOperation::LockExclusive)?;
        Ok((alone, locked))
    }

    /// Whether so many bytes may be added, and so many go; and whether there may be one
    /// more file or folder.
    fn fits(&self, dir: &Dir, added: usize, gone: u64, path: &str) -> Result<(), ToolError> {
        let added = u64::try_from(added).unwrap_or(u64::MAX);
        if added > MAX_FILE {
            let why = format!("more than {MAX_FILE} bytes at once");
            return Err(self.error(ToolErrorKind::LimitReached, path, &why));
        }
        let (used, entries) = size_of(dir).map_err(|error| self.failed(".", &error))?;
        let parts = Path::new(path).components().count();
        if entries.saturating_add(parts) > MAX_ENTRIES && dir.symlink_metadata(path).is_err() {
            let why = format!(
                "the directory has {entries} files and folders, {MAX_ENTRIES} are the limit"
            );
            return Err(self.error(ToolErrorKind::LimitReached, path, &why));
        }
        let after = used.saturating_sub(gone).saturating_add(added);
        if after > self.config.quota {
            let why = format!(
                "the directory would hold {after} bytes, and its quota is {}: \
                 raise `quota` of `[directories.{}]` in wxmcp.toml",
                self.config.quota, self.name
            );
            return Err(self.error(ToolErrorKind::LimitReached, path, &why));
        }
        Ok(())
    }
}

/// Writes beside the file and renames, so that a reader sees the old or the new.
fn replace(folder: &Dir, name: &str, content: &[u8]) -> std::io::Result<()> {
    if folder.metadata(name).is_ok_and(|found| found.is_dir()) {
        return Err(ErrorKind::IsADirectory.into());
    }
    let mut file = cap_tempfile::TempFile::new(folder)?;
    // The new file gets the permissions of the old one, so it is readable by the same users.
    if let Ok(before) = folder.metadata(name) {
        file.as_file().set_permissions(before.permissions())?;
    }
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.replace(name)
}

/// Bytes of all files below a directory, and how many files and folders there are; links are
/// not followed.
pub(super) fn size_of(dir: &Dir) -> std::io::Result<(u64, usize)> {
    let mut total = 0_u64;
    let mut seen = 0_usize;
    let mut folders = vec![dir.try_clone()?];
    while let Some(folder) = folders.pop() {
        for entry in folder.entries()? {
            let entry = entry?;
            seen = seen.saturating_add(1);
            if seen > MAX_WALK {
                return Err(std::io::ErrorKind::FileTooLarge.into());
            }
            let found = entry.metadata()?;
            if found.is_dir() {
                folders.push(entry.open_dir()?);
            } else {
                total = total.saturating_add(found.len());
            }
        }
    }
    Ok((total, seen))
}
