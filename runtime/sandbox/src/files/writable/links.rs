//! Symbolic links that scripts make: none leads out of its mount, wherever it is moved.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Dir, FileType, Mode, OFlags};

use wxmcp_policy::guard::{ENTRIES, Guard};

/// How many folders up a link leads; none if it could lead anywhere: it is absolute, or goes up again behind a name,
/// which may be a link itself, now or later.
pub(super) fn up(target: &str) -> Option<usize> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts = target.split('/').filter(|it| !matches!(*it, "" | "."));
    let mut up: usize = 0;
    let mut below = parts.by_ref().skip_while(|it| {
        let is_up = *it == "..";
        up = up.saturating_add(usize::from(is_up));
        is_up
    });
    let is_plain = below.all(|it| it != "..");
    is_plain.then_some(up)
}

/// Whether a link at so many folders below the root stays in the mount.
pub(in crate::files) fn stays(target: &str, depth: usize) -> bool {
    up(target).is_some_and(|up| up <= depth)
}

/// What is wrong with moving a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Census {
    /// Nothing.
    Free,
    /// Something with a protected name is in it.
    Protected,
    /// A link in it would lead out of the mount.
    Leads,
    /// It has too many entries to look through.
    TooLarge,
}

/// Looks through a folder that is moved `less` folders nearer to the root; it is `depth` folders below it now.
pub(super) fn census(
    folder: impl AsFd,
    guard: &Guard,
    depth: usize,
    less: usize,
) -> io::Result<Census> {
    let mut left = ENTRIES;
    let mut folders = vec![(PathBuf::from("."), depth)];
    while let Some((path, depth)) = folders.pop() {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&folder, &path, flags, Mode::empty())?;
        for entry in Dir::read_from(&opened)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            left = left.saturating_sub(1);
            if left == 0 {
                return Ok(Census::TooLarge);
            }
            if name.to_str().is_ok_and(|name| guard.is_name(name)) {
                return Ok(Census::Protected);
            }
            let kind = match entry.file_type() {
                FileType::Unknown => {
                    let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
                    let found = rustix::fs::statat(&opened, name, flags)?;
                    FileType::from_raw_mode(found.st_mode)
                }
                known => known,
            };
            match kind {
                FileType::Directory => {
                    let below = Path::new(OsStr::from_bytes(name.to_bytes()));
                    folders.push((path.join(below), depth.saturating_add(1)));
                }
                FileType::Symlink if less > 0 => {
                    let target = rustix::fs::readlinkat(&opened, name, Vec::new())?;
                    let target = target.to_string_lossy();
                    if stays(&target, depth) && !stays(&target, depth.saturating_sub(less)) {
                        return Ok(Census::Leads);
                    }
                }
                _ => {}
            }
        }
    }
    Ok(Census::Free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_if_it_goes_up_no_further_than_it_is_deep() {
        for (target, depth, wanted) in [
            ("x", 0, true),
            ("./x/y", 0, true),
            (".", 0, true),
            ("..", 0, false),
            ("..", 1, true),
            (".././../x", 2, true),
            ("../../x", 1, false),
            ("x/../y", 5, false),
            ("../x/..", 5, false),
            ("/x", 5, false),
        ] {
            assert_eq!(stays(target, depth), wanted, "{target} at {depth}");
        }
    }
}
