//! Files that are too large to be hashed at each start: private, and stamped, so that any later write shows.

use std::fs::File;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, Stat, Timespec, Timestamps, fstat, futimens,
};
use rustix::process::Uid;

/// What a file must be to be believed.
pub struct Mark<'a> {
    /// A digest in hex that the file's time follows from: of its content, or of what it was
    /// compiled from.
    pub digest: &'a str,
    /// Its size in bytes, where that is known beforehand.
    pub size: Option<u64>,
}

/// A file that is being written, and that no reader can see yet.
pub struct Unfinished {
    /// What is written to.
    pub file: File,
    temporary: PathBuf,
    path: PathBuf,
}

impl Unfinished {
    /// Begins a file that will be at `path`; makes its directory (mode 0700).
    ///
    /// # Errors
    /// What the system said, and a directory that is somebody else's.
    pub fn begin(path: &Path) -> std::io::Result<Self> {
        let directory = path
            .parent()
            .ok_or_else(|| std::io::Error::other("no directory"))?;
        private_directory(directory)?;
        let temporary = directory.join(temporary_name());
        let file = File::from(rustix::fs::openat(
            CWD,
            &temporary,
            OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW,
            Mode::RUSR | Mode::WUSR,
        )?);
        Ok(Self {
            file,
            temporary,
            path: path.to_owned(),
        })
    }

    /// Puts the file under its name, whole.
    ///
    /// # Errors
    /// What the system said.
    pub fn finish(self, mark: &Mark<'_>) -> std::io::Result<File> {
        self.file.sync_data()?;
        stamp(&self.file, mark)?;
        rustix::fs::renameat(CWD, &self.temporary, CWD, &self.path)?;
        open_sound(&self.path, mark)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Not there any more once it is finished.
        let _gone = rustix::fs::unlinkat(CWD, &self.temporary, AtFlags::empty());
    }
}

/// A name that no other process chooses.
fn temporary_name() -> String {
    let mut bytes = [0; 16];
    let random = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    // Without randomness the name may be taken: then the file is not made.
    let length = random.unwrap_or(0);
    format!(
        ".{}",
        HEXLOWER.encode(bytes.get(..length).unwrap_or(&bytes))
    )
}

/// A directory that only this user may enter, made if absent.
fn private_directory(path: &Path) -> std::io::Result<()> {
    if let Some(parent) = path.parent() {
        make_parents(parent)?;
    }
    match rustix::fs::mkdirat(CWD, path, Mode::RWXU) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    let found = rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW)?;
    let ours = found.st_uid == rustix::process::geteuid().as_raw();
    let private = Mode::from_raw_mode(found.st_mode) & (Mode::RWXG | Mode::RWXO) == Mode::empty();
    if !ours || FileType::from_raw_mode(found.st_mode) != FileType::Directory {
        return Err(std::io::Error::from(std::io::ErrorKind::PermissionDenied));
    }
    if !private {
        rustix::fs::chmodat(CWD, path, Mode::RWXU, AtFlags::empty())?;
    }
    Ok(())
}

fn make_parents(path: &Path) -> std::io::Result<()> {
    match rustix::fs::mkdirat(CWD, path, Mode::RWXU) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(rustix::io::Errno::NOENT) => {
            let parent = path
                .parent()
                .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))?;
            make_parents(parent)?;
            rustix::fs::mkdirat(CWD, path, Mode::RWXU).or_else(|error| match error {
                rustix::io::Errno::EXIST => Ok(()),
                other => Err(other.into()),
            })
        }
        Err(error) => Err(error.into()),
    }
}

/// Sets the file's time to one that follows from its digest. Whatever writes to
/// the file later changes its time, which each start checks in place of hashing
/// tens of megabytes.
fn stamp(file: &File, mark: &Mark<'_>) -> std::io::Result<()> {
    let time = stamp_time(mark);
    futimens(
        file,
        &Timestamps {
            last_access: time,
            last_modification: time,
        },
    )?;
    Ok(())
}

/// Says that a file is used now, so that it is known which are not; its stamp stays.
///
/// # Errors
/// What the system said.
pub fn used_now(file: &File, mark: &Mark<'_>) -> std::io::Result<()> {
    let now = rustix::fs::UTIME_NOW;
    futimens(
        file,
        &Timestamps {
            last_access: Timespec {
                tv_sec: 0,
                tv_nsec: now,
            },
            last_modification: stamp_time(mark),
        },
    )?;
    Ok(())
}

fn stamp_time(mark: &Mark<'_>) -> Timespec {
    let seconds = mark
        .digest
        .get(..7)
        .and_then(|digits| i64::from_str_radix(digits, 16).ok())
        .unwrap_or(0);
    Timespec {
        tv_sec: 1_000_000_000 + seconds,
        tv_nsec: 0,
    }
}

/// Opens a cached guest, or fails if it is not exactly what was stored: a regular
/// file that only this user can write, of the right size, with its stamp.
///
/// # Errors
/// What the system said; `InvalidData` where it is something else.
pub fn open_sound(path: &Path, mark: &Mark<'_>) -> std::io::Result<File> {
    let file = rustix::fs::openat(
        CWD,
        path,
        OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK,
        Mode::empty(),
    )?;
    let found = fstat(&file)?;
    if !is_sound(&found, mark, rustix::process::geteuid()) {
        return Err(std::io::Error::from(std::io::ErrorKind::InvalidData));
    }
    Ok(File::from(file))
}

/// Whether it is what `owner` has stored.
pub fn is_sound(found: &Stat, mark: &Mark<'_>, owner: Uid) -> bool {
    let stamp = stamp_time(mark);
    FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
        && found.st_uid == owner.as_raw()
        && Mode::from_raw_mode(found.st_mode) & (Mode::RWXG | Mode::RWXO) == Mode::empty()
        && mark
            .size
            .is_none_or(|size| u64::try_from(found.st_size) == Ok(size))
        && found.st_mtime == stamp.tv_sec
        && i64::try_from(found.st_mtime_nsec) == Ok(0)
}

#[cfg(test)]
mod tests {
    use rustix::process::geteuid;

    use super::*;

    #[test]
    fn a_file_of_somebody_else_is_not_sound() -> std::io::Result<()> {
        let file = tempfile::tempfile()?;
        let mark = Mark {
            digest: "0123456789abcdef",
            size: Some(0),
        };
        rustix::fs::fchmod(&file, Mode::RUSR | Mode::WUSR)?;
        stamp(&file, &mark)?;
        let found = fstat(&file)?;
        assert!(is_sound(&found, &mark, geteuid()));
        let other = Uid::from_raw(geteuid().as_raw() ^ 1);
        assert!(!is_sound(&found, &mark, other));
        Ok(())
    }
}
