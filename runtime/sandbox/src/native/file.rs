//! Files of native code: private, stamped, and never mapped if anybody may have written to them.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, MemfdFlags, Mode, OFlags, SealFlags, Stat, Timespec, Timestamps, fstat,
    futimens,
};
use rustix::process::Uid;
use wasmtime::Engine;
use wasmtime::component::Component;

/// What a file must be to be mapped.
pub(crate) struct Mark<'a> {
    /// A digest in hex that the file's time follows from: of its content, or of what it was
    /// compiled from.
    pub(crate) digest: &'a str,
    /// Its size in bytes, where that is known beforehand.
    pub(crate) size: Option<u64>,
}

/// A file that is being written, and that no reader can see yet.
pub(crate) struct Unfinished {
    pub(crate) file: File,
    temporary: PathBuf,
    path: PathBuf,
}

impl Unfinished {
    /// Begins a file that will be at `path`; makes its directory (mode 0700).
    pub(crate) fn begin(path: &Path) -> std::io::Result<Self> {
        let directory = path
            .parent()
            .ok_or_else(|| std::io::Error::other("no directory"))?;
        private_directory(directory)?;
        let temporary = directory.join(format!(".{}", wxmcp_run::RunId::random()));
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
    pub(crate) fn finish(self, mark: &Mark<'_>) -> std::io::Result<File> {
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

/// Leaves pages of zeros out: a quarter of an image is zeros. What lies between is written at
/// once, so that the system keeps it in large pieces, which take fewer page faults to map.
pub(crate) fn write_sparse(mut file: &File, image: &[u8]) -> std::io::Result<()> {
    const PAGE: usize = 1 << 16;
    let is_zeros = |page: &&[u8]| page.iter().all(|byte| *byte == 0);
    let mut rest = image;
    while !rest.is_empty() {
        let zeros = length(rest.chunks(PAGE).take_while(is_zeros));
        file.seek(SeekFrom::Current(i64::try_from(zeros).unwrap_or(0)))?;
        let (_, after) = rest.split_at(zeros);
        let (written, after) = after.split_at(length(
            after.chunks(PAGE).take_while(|page| !is_zeros(page)),
        ));
        file.write_all(written)?;
        rest = after;
    }
    file.set_len(u64::try_from(image.len()).unwrap_or(u64::MAX))
}

fn length<'a>(pages: impl Iterator<Item = &'a [u8]>) -> usize {
    pages.map(<[u8]>::len).sum()
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
pub(crate) fn used_now(file: &File, mark: &Mark<'_>) -> std::io::Result<()> {
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
pub(crate) fn open_sound(path: &Path, mark: &Mark<'_>) -> std::io::Result<File> {
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

/// Checks a file that another process of this program has opened: it must be exactly what was stored in the cache, or
/// memory of this user that was sealed.
pub(crate) fn check_opened(file: &File, mark: &Mark<'_>) -> std::io::Result<()> {
    let found = fstat(file)?;
    let owner = rustix::process::geteuid();
    // Only memory files have seals.
    let seals = rustix::fs::fcntl_get_seals(file).unwrap_or(SealFlags::empty());
    let is_sealed = seals.contains(SEALED) && found.st_uid == owner.as_raw();
    match is_sealed || is_sound(&found, mark, owner) {
        true => Ok(()),
        false => Err(std::io::Error::from(std::io::ErrorKind::InvalidData)),
    }
}

/// Whether it is what `owner` has stored.
fn is_sound(found: &Stat, mark: &Mark<'_>, owner: Uid) -> bool {
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

/// Memory that no other process can name.
pub(crate) fn anonymous() -> std::io::Result<File> {
    let memory: OwnedFd = rustix::fs::memfd_create(
        "wxmcp-native",
        MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING,
    )?;
    Ok(File::from(memory))
}

/// What memory of native code must be sealed against.
const SEALED: SealFlags = SealFlags::WRITE
    .union(SealFlags::SHRINK)
    .union(SealFlags::GROW)
    .union(SealFlags::SEAL);

/// Seals such memory: it can no longer be written to.
pub(crate) fn seal(file: &File) -> std::io::Result<()> {
    rustix::fs::fcntl_add_seals(file, SEALED)?;
    Ok(())
}

#[expect(
    unsafe_code,
    reason = "native code is code: the one place where ours is mapped"
)]
pub(crate) fn map(engine: &Engine, file: &File) -> wasmtime::Result<Component> {
    // The open file, not its path, which another process could point elsewhere.
    let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    // SAFETY: `open_sound`, `check_opened` and `anonymous` are the only sources of `file`. Its
    // bytes came out of this program (passing their SHA-256 when they were written)
    // or out of its own compiler, and lie in a file of this user that nobody else
    // can write and that was not written since (`is_sound`), or in a sealed memory file. One that
    // was opened by another process is of the process that started this one.
    unsafe { Component::deserialize_file(engine, path) }
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
