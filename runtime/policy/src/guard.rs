//! What no mount lets a script change, and no directory a tool file, whatever leads there: another spelling, a link, a second name, the folders above.
//!
//! Entries are known by their folder's identity and their name, folders and files that are there by their own identity
//! too. So it does not matter by which path a guest comes, nor through which mount.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use wxmcp_run::Protected;

/// Device and inode.
pub type Identity = (u64, u64);

/// Most folders above one that is changed.
const DEPTH: usize = 4_096;

/// Most links that a protected path leads through, as on Linux.
const LINKS: usize = 40;

/// Most entries that are looked through for a second name of a file, or for protected names in a folder that is moved.
pub const ENTRIES: usize = 100_000;

/// What is protected.
#[derive(Debug, Default)]
pub struct Guard {
    /// Names in any folder of a mount.
    names: Vec<Name>,
    /// Entries of certain folders, there or not.
    places: Vec<(Identity, Name)>,
    /// Files and folders that are there, the latter with all that is inside.
    inside: HashSet<Identity>,
    /// Folders that lead to them: without them their paths would lead elsewhere.
    around: HashSet<Identity>,
    /// Paths of the folders among them.
    trees: Vec<PathBuf>,
}

#[derive(Debug)]
struct Name {
    spelled: OsString,
    folded: String,
}

impl Name {
    fn new(name: &OsStr) -> Self {
        Self {
            spelled: name.to_owned(),
            folded: fold(&name.to_string_lossy()),
        }
    }
}

/// Where a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// In a mount, so many folders below its root.
    Free(usize),
    /// Inside something protected.
    Protected,
}

impl Guard {
    /// Finds what is there of it.
    pub fn new(protected: &Protected) -> Self {
        let mut guard = Self {
            names: protected
                .names
                .iter()
                .map(|name| Name::new(OsStr::new(name)))
                .collect(),
            ..Self::default()
        };
        for path in &protected.paths {
            if let Ok(path) = std::path::absolute(path) {
                guard.add(&path);
            }
        }
        guard
    }

    /// Whether nothing is protected.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.places.is_empty() && self.inside.is_empty()
    }

    /// Follows a path: the links on its way must stay as they are, too.
    fn add(&mut self, path: &Path) {
        let mut at = PathBuf::from("/");
        let mut left = names(path);
        let mut links = 0;
        while let Some(name) = left.pop() {
            let Ok(folder) = fs::metadata(&at) else {
                return;
            };
            self.around.insert(of(&folder));
            if name == ".." {
                at.pop();
                continue;
            }
            let next = at.join(&name);
            let found = fs::symlink_metadata(&next);
            let is_last = left.is_empty();
            let is_link = found.as_ref().is_ok_and(fs::Metadata::is_symlink);
            if is_last || is_link || found.is_err() {
                self.places.push((of(&folder), Name::new(&name)));
            }
            match found {
                Ok(_) if is_link => {
                    links += 1;
                    let Ok(target) = fs::read_link(&next) else {
                        return;
                    };
                    if links > LINKS {
                        return;
                    }
                    if target.is_absolute() {
                        at = PathBuf::from("/");
                    }
                    left.extend(names(&target));
                }
                Ok(found) if is_last => {
                    self.inside.insert(of(&found));
                    if found.is_dir() {
                        self.trees.push(next);
                    }
                }
                Ok(_) => at = next,
                // What is missing of it must not be made.
                Err(_) => return,
            }
        }
    }

    /// Whether an entry of a folder must stay as it is, or must not be made. `there` is what it is now.
    ///
    /// # Errors
    ///
    /// What the system says where it cannot be found out; then nothing may be changed.
    pub fn protects(
        &self,
        folder: BorrowedFd<'_>,
        identity: Identity,
        name: &str,
        there: Option<Identity>,
    ) -> io::Result<bool> {
        let folded = fold(name);
        let is_named = self.names.iter().any(|it| it.folded == folded)
            || self
                .places
                .iter()
                .any(|(of, it)| *of == identity && it.folded == folded);
        match there {
            _ if is_named => Ok(true),
            Some(there) => self.is_entry(folder, identity, there, true),
            None => Ok(false),
        }
    }

    /// Whether what is in a folder is protected, whatever name the system lets it have besides.
    fn is_entry(
        &self,
        folder: BorrowedFd<'_>,
        identity: Identity,
        entry: Identity,
        by_name: bool,
    ) -> io::Result<bool> {
        if self.inside.contains(&entry) {
            return Ok(true);
        }
        let here = self.places.iter().filter(|(of, _)| *of == identity);
        let names = self.names.iter().filter(|_| by_name);
        for name in names.chain(here.map(|(_, name)| name)) {
            if seen(folder, &name.spelled)?.is_some_and(|found| id(&found) == entry) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Where a folder is, of the mount with this root; without a root only paths count, up to `/`.
    ///
    /// # Errors
    ///
    /// As for [`Guard::protects`].
    pub fn standing(&self, folder: BorrowedFd<'_>, root: Option<Identity>) -> io::Result<Standing> {
        let mut identity = id(&rustix::fs::fstat(folder)?);
        let mut at = None;
        for depth in 0..DEPTH {
            if self.inside.contains(&identity) {
                return Ok(Standing::Protected);
            }
            if Some(identity) == root {
                return Ok(Standing::Free(depth));
            }
            let here = at.as_ref().map_or(folder, AsFd::as_fd);
            let above = folder_at(here, "..")?;
            let above_identity = id(&rustix::fs::fstat(&above)?);
            // The host moved it out of the mount.
            if above_identity == identity {
                return Ok(Standing::Free(depth));
            }
            if self.is_entry(above.as_fd(), above_identity, identity, root.is_some())? {
                return Ok(Standing::Protected);
            }
            at = Some(above);
            identity = above_identity;
        }
        Err(Errno::NAMETOOLONG.into())
    }

    /// Whether a mount's root is inside something protected: then none of it is changed.
    ///
    /// # Errors
    ///
    /// As for [`Guard::protects`].
    pub fn holds(&self, root: BorrowedFd<'_>) -> io::Result<bool> {
        Ok(self.standing(root, None)? == Standing::Protected)
    }

    /// Whether something protected is found by way of this folder.
    pub fn is_around(&self, folder: Identity) -> bool {
        self.around.contains(&folder)
    }

    /// Whether a name is protected in every folder.
    pub fn is_name(&self, name: &str) -> bool {
        let folded = fold(name);
        self.names.iter().any(|it| it.folded == folded)
    }

    /// Whether a file with several names has one of them in a protected folder.
    pub fn is_in_tree(&self, file: Identity) -> bool {
        let mut left = ENTRIES;
        let mut folders: Vec<PathBuf> = self.trees.clone();
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                left = left.saturating_sub(1);
                if left == 0 {
                    // It was not found out.
                    return true;
                }
                match entry.metadata() {
                    Ok(found) if of(&found) == file => return true,
                    Ok(found) if found.is_dir() => folders.push(entry.path()),
                    _ => {}
                }
            }
        }
        false
    }
}

/// The names of a path, the first one last.
fn names(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter_map(|it| match it {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    });
    names.collect()
}

/// A name as systems compare it that know no upper case, or drop dots and spaces at its end.
pub fn fold(name: &str) -> String {
    name.trim_end_matches(['.', ' '])
        .chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

fn of(found: &fs::Metadata) -> Identity {
    (found.dev(), found.ino())
}

/// The identity of what was found.
pub fn id(found: &rustix::fs::Stat) -> Identity {
    (found.st_dev, found.st_ino)
}

/// What a folder has by a name, links not followed.
///
/// # Errors
///
/// What the system says, but that there is nothing.
pub fn seen(
    folder: BorrowedFd<'_>,
    name: impl rustix::path::Arg,
) -> io::Result<Option<rustix::fs::Stat>> {
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::NOENT | Errno::NAMETOOLONG) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A folder by its name in another one, which neither reads nor writes; a link is none.
///
/// # Errors
///
/// What the system says.
pub fn folder_at(folder: BorrowedFd<'_>, name: impl rustix::path::Arg) -> io::Result<fs::File> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(folder, name, flags, Mode::empty())?.into())
}

/// Whether it is a folder.
pub fn is_folder(found: &rustix::fs::Stat) -> bool {
    FileType::from_raw_mode(found.st_mode) == FileType::Directory
}

/// Whether it is a symbolic link.
pub fn is_link(found: &rustix::fs::Stat) -> bool {
    FileType::from_raw_mode(found.st_mode) == FileType::Symlink
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_the_least_exact_system_does() {
        for spelled in ["wxmcp.toml", "WXMCP.Toml", "wxmcp.toml. ."] {
            assert_eq!(fold(spelled), "wxmcp.toml", "{spelled}");
        }
        assert_eq!(fold("tool\u{17f}"), "tools");
        assert_ne!(fold("wxmcp.toml.bak"), "wxmcp.toml");
    }
}
