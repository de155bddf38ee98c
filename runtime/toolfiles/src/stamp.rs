//! Whether a file or folder is the one that was seen before.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// File systems note times in ticks: what was changed so recently may change again
/// without another time.
const TICK: Duration = Duration::from_millis(100);

/// Times of change, size and inode of a file, as far as they tell versions apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    modified: (i64, i64),
    changed: (i64, i64),
    size: u64,
    inode: u64,
}

impl Stamp {
    /// The stamp of what is at a path, symbolic links followed.
    ///
    /// # Errors
    ///
    /// When there is nothing, or it cannot be seen.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::from(&fs::metadata(path)?))
    }

    /// The stamp of a tool file: of a component, with that of the description beside it.
    ///
    /// # Errors
    ///
    /// As [`Stamp::of`].
    pub(crate) fn of_file(path: &Path) -> io::Result<Self> {
        Ok(Self::of(path)?.with_beside(path))
    }

    /// Both files as one: any change of either changes it.
    fn with_beside(self, path: &Path) -> Self {
        if path.extension() != Some(OsStr::new("wasm")) {
            return self;
        }
        let Ok(beside) = Self::of(&beside(path)) else {
            return self;
        };
        Self {
            modified: self.modified.max(beside.modified),
            changed: self.changed.max(beside.changed),
            size: self.size.wrapping_add(beside.size),
            inode: self.inode ^ beside.inode.rotate_left(32),
        }
    }

    /// The same of an entry of a folder, which need not be looked up again.
    ///
    /// # Errors
    ///
    /// As [`Stamp::of`].
    pub(crate) fn of_entry(entry: &fs::DirEntry) -> io::Result<Self> {
        let found = entry.metadata()?;
        if found.is_symlink() {
            return Self::of_file(&entry.path());
        }
        Ok(Self::from(&found).with_beside(&entry.path()))
    }

    /// When it was changed in any way; a program cannot set this time.
    fn changed(&self) -> Option<SystemTime> {
        let (seconds, nanoseconds) = self.changed;
        let (seconds, nanoseconds) = (
            u64::try_from(seconds).ok()?,
            u32::try_from(nanoseconds).ok()?,
        );
        SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanoseconds))
    }

    /// Whether it was changed after a time, as far as the file system's clock tells. A time that is still to come tells
    /// nothing: that clock is ahead, or was.
    pub(crate) fn is_after(&self, time: SystemTime) -> bool {
        let changed = self.changed();
        changed.is_some_and(|changed| changed > time && changed <= SystemTime::now())
    }

    /// Whether the same stamp later means the same content.
    pub(crate) fn is_settled(&self) -> bool {
        let age = self
            .changed()
            .and_then(|changed| SystemTime::now().duration_since(changed).ok());
        age.is_some_and(|age| age > TICK)
    }
}

/// The file that says what a component cannot.
pub(crate) fn beside(path: &Path) -> PathBuf {
    path.with_extension("json")
}

impl From<&fs::Metadata> for Stamp {
    fn from(found: &fs::Metadata) -> Self {
        Self {
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
            size: found.size(),
            inode: found.ino(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_changed_after_a_time_unless_its_own_is_still_to_come() -> io::Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        let stamp = Stamp::of(file.path())?;
        assert!(stamp.is_after(SystemTime::UNIX_EPOCH));
        assert!(!stamp.is_after(SystemTime::now()));
        let ahead = Stamp {
            changed: (i64::MAX, 0),
            ..stamp
        };
        assert!(!ahead.is_after(SystemTime::UNIX_EPOCH));
        let tomorrow = Stamp {
            changed: (stamp.changed.0.saturating_add(86_400), 0),
            ..stamp
        };
        assert!(!tomorrow.is_after(SystemTime::UNIX_EPOCH));
        Ok(())
    }
}
