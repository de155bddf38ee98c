//! Reads a folder of the host.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;
use wxmcp_run::{CapturedBody, CapturedEntry, Rights};

use super::{ENTRY, NotCaptured, Why};

/// Bytes that may still be read, of all mounts of a run.
pub(super) struct Budget {
    most: u64,
    spent: u64,
}

impl Budget {
    pub(super) fn new(most: u64) -> Self {
        Self { most, spent: 0 }
    }

    fn spend(&mut self, bytes: u64) -> Result<(), Why> {
        self.spent = self.spent.saturating_add(bytes);
        match self.spent > self.most {
            true => Err(Why::TooLarge {
                size: self.spent,
                most: self.most,
            }),
            false => Ok(()),
        }
    }
}

/// The folder, and all that is in it but what is hidden, sorted by path.
pub(super) fn read(
    folder: &Path,
    guest: &str,
    hidden: &[(u64, u64)],
    budget: &mut Budget,
) -> Result<Vec<CapturedEntry>, NotCaptured> {
    let refused = |path: &str, why: Why| NotCaptured {
        guest: guest.to_owned(),
        path: path.to_owned(),
        why,
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(folder, flags, Mode::empty());
    let root = opened.map_err(|error| refused("", unreadable(error)))?;
    let user = User::current();
    let top = rustix::fs::fstat(&root).map_err(|error| refused("", unreadable(error)))?;
    let mut found = vec![(String::new(), top)];
    let mut folders = vec![String::new()];
    while let Some(above) = folders.pop() {
        list(&root, &above, budget, |path, stat| {
            if hidden.contains(&(stat.st_dev, stat.st_ino)) {
                return;
            }
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                folders.push(path.clone());
            }
            found.push((path, stat));
        })
        .map_err(|(path, why)| refused(&path, why))?;
    }
    // The first name of a file in this order is the one that it is known by.
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut names = HashMap::new();
    let mut entries = Vec::with_capacity(found.len());
    for (path, stat) in found {
        let body = body(&root, &path, &stat, &mut names, budget);
        entries.push(CapturedEntry {
            body: body.map_err(|why| refused(&path, why))?,
            mode: stat.st_mode & 0o7777,
            rights: user.rights(&stat),
            path,
        });
    }
    Ok(entries)
}

/// Hands out what is in a folder, or says which of its paths is wrong.
fn list(
    root: &OwnedFd,
    above: &str,
    budget: &mut Budget,
    mut found: impl FnMut(String, Stat),
) -> Result<(), (String, Why)> {
    let here = |error: Errno| (above.to_owned(), unreadable(error));
    let folder = match above {
        "" => open(root, ".", OFlags::DIRECTORY),
        _ => open(root, above, OFlags::DIRECTORY),
    };
    let folder = folder.map_err(here)?;
    for entry in Dir::read_from(&folder).map_err(here)? {
        let entry = entry.map_err(here)?;
        let name: &CStr = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let slash = if above.is_empty() { "" } else { "/" };
        let path = format!("{above}{slash}{}", name.to_string_lossy());
        if name.to_str().is_err() {
            return Err((path, Why::NotUtf8("name")));
        }
        let bytes = u64::try_from(path.len()).unwrap_or(u64::MAX);
        if let Err(why) = budget.spend(bytes.saturating_add(ENTRY)) {
            return Err((path, why));
        }
        match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => found(path, stat),
            // It went meanwhile.
            Err(Errno::NOENT) => {}
            Err(error) => return Err((path, unreadable(error))),
        }
    }
    Ok(())
}

fn body(
    root: &OwnedFd,
    path: &str,
    stat: &Stat,
    names: &mut HashMap<(u64, u64), String>,
    budget: &mut Budget,
) -> Result<CapturedBody, Why> {
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => CapturedBody::Folder,
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(root, path, Vec::new()).map_err(unreadable)?;
            let target: CString = target;
            let target = target.into_string();
            CapturedBody::Link(target.map_err(|_| Why::NotUtf8("target"))?)
        }
        FileType::RegularFile => {
            let identity = (stat.st_dev, stat.st_ino);
            if let Some(first) = names.get(&identity) {
                return Ok(CapturedBody::Same(first.clone()));
            }
            if stat.st_nlink > 1 {
                names.insert(identity, path.to_owned());
            }
            CapturedBody::File(content(root, path, stat, budget)?.into())
        }
        FileType::Fifo => return Err(Why::Kind("a pipe")),
        FileType::Socket => return Err(Why::Kind("a socket")),
        FileType::CharacterDevice | FileType::BlockDevice => return Err(Why::Kind("a device")),
        FileType::Unknown => return Err(Why::Kind("something else than a file")),
    })
}

/// The bytes of a file. What is written to meanwhile is read once more.
fn content(root: &OwnedFd, path: &str, stat: &Stat, budget: &mut Budget) -> Result<Vec<u8>, Why> {
    budget.spend(size(stat))?;
    let mut was = size(stat);
    for _ in 0..2 {
        let file = open(root, path, OFlags::NONBLOCK).map_err(unreadable)?;
        let before = rustix::fs::fstat(&file).map_err(unreadable)?;
        if FileType::from_raw_mode(before.st_mode) != FileType::RegularFile {
            return Err(Why::Changes);
        }
        budget.spend(size(&before).saturating_sub(was))?;
        was = was.max(size(&before));
        let mut bytes = Vec::new();
        let mut file = File::from(file);
        let read = (&mut file)
            .take(was.saturating_add(1))
            .read_to_end(&mut bytes);
        read.map_err(Why::Unreadable)?;
        let after = rustix::fs::fstat(&file).map_err(unreadable)?;
        let is_whole = u64::try_from(bytes.len()).is_ok_and(|length| length == size(&after));
        if is_whole && version(&before) == version(&after) {
            return Ok(bytes);
        }
    }
    Err(Why::Changes)
}

/// Opens what is below a folder, and no link.
fn open(root: &OwnedFd, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let inside = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    match rustix::fs::openat2(root, path, flags, Mode::empty(), inside) {
        // An old kernel, or one whose filter of system calls refuses it.
        Err(Errno::NOSYS | Errno::PERM) => rustix::fs::openat(root, path, flags, Mode::empty()),
        opened => opened,
    }
}

fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}

/// What is another one once a file was written to.
fn version(stat: &Stat) -> (u64, [(i64, u64); 2]) {
    let times = [
        (stat.st_mtime, stat.st_mtime_nsec),
        (stat.st_ctime, stat.st_ctime_nsec),
    ];
    (size(stat), times)
}

fn unreadable(error: Errno) -> Why {
    Why::Unreadable(io::Error::from(error))
}

/// Who reads.
struct User {
    user: u32,
    groups: Vec<u32>,
}

impl User {
    fn current() -> Self {
        let mut groups = vec![rustix::process::getegid().as_raw()];
        let others = rustix::process::getgroups().unwrap_or_default();
        groups.extend(others.iter().map(|group| group.as_raw()));
        Self {
            user: rustix::process::geteuid().as_raw(),
            groups,
        }
    }

    fn rights(&self, stat: &Stat) -> Rights {
        match self.user {
            0 => Rights::Root,
            user if user == stat.st_uid => Rights::Owner,
            _ if self.groups.contains(&stat.st_gid) => Rights::Group,
            _ => Rights::Others,
        }
    }
}
