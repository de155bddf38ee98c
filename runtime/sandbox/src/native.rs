//! Native code of our own guests: unpacked once, checked at each start, mapped.
//!
//! The only place where native code is loaded, and so the only `unsafe` of this
//! crate. What is loaded was compiled by us and is embedded in the program; a
//! cache holds it unpacked, in a directory that only this user can reach.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, MemfdFlags, Mode, OFlags, Stat, Timespec, Timestamps, fstat, futimens,
};
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// A guest as it is embedded in the program.
#[derive(Clone, Copy, Debug)]
pub struct NativeGuest {
    /// `python`, also the file's name in the cache.
    pub name: &'static str,
    /// SHA-256 of the unpacked native code, in hex.
    pub sha256: &'static str,
    /// Size of the unpacked native code in bytes.
    pub size: u64,
    /// The native code, compressed by zstd.
    pub compressed: &'static [u8],
}

/// Where unpacked guests are kept between runs.
#[derive(Clone, Debug)]
pub struct NativeCache {
    directory: Option<PathBuf>,
}

/// Why a guest could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum NativeError {
    /// The embedded guest does not unpack to what it should be.
    #[error("the embedded guest `{guest}` is damaged: reinstall wxmcp")]
    Damaged {
        /// The guest.
        guest: &'static str,
    },
    /// Neither the cache nor memory took the unpacked guest.
    #[error("cannot unpack the guest `{guest}`")]
    Unpack {
        /// The guest.
        guest: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The engine refused the native code.
    #[error("cannot load the guest `{guest}`")]
    Load {
        /// The guest.
        guest: &'static str,
        /// What the engine said.
        source: wasmtime::Error,
    },
}

/// What a cache entry is, for `wxmcp doctor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheState {
    /// Unpacked, and every byte is right.
    Sound,
    /// Not unpacked yet.
    Absent,
    /// There, but not what was unpacked: the next run replaces it.
    Unsound,
    /// There is no usable directory; guests are unpacked into memory at each run.
    NoDirectory,
}

impl NativeCache {
    /// A cache in `directory`, which is made (mode 0700) when first needed; with
    /// `None` guests are unpacked into anonymous memory at each start.
    pub fn new(directory: Option<PathBuf>) -> Self {
        Self { directory }
    }

    /// Loads a guest, unpacking it first if there is no sound copy.
    ///
    /// # Errors
    /// When the embedded guest is damaged, cannot be unpacked anywhere, or is not
    /// for this engine.
    pub fn load(&self, engine: &Engine, guest: &NativeGuest) -> Result<Component, NativeError> {
        if let Some(path) = self.path(guest)
            && let Ok(file) = open_sound(&path, guest)
        {
            match map(engine, &file) {
                Ok(component) => return Ok(component),
                // Made by another build of the engine, or damaged in a way that
                // its stamp does not show: unpack it again.
                Err(_) => drop(file),
            }
        }
        let file = self.unpack(guest)?;
        map(engine, &file).map_err(|source| NativeError::Load {
            guest: guest.name,
            source,
        })
    }

    /// Reads a cache entry whole and compares its digest.
    pub fn inspect(&self, guest: &NativeGuest) -> CacheState {
        let Some(path) = self.path(guest) else {
            return CacheState::NoDirectory;
        };
        match open_sound(&path, guest) {
            Ok(file) => match digest(&file) {
                Ok(found) if found == guest.sha256 => CacheState::Sound,
                _ => CacheState::Unsound,
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => CacheState::Absent,
            Err(_) => CacheState::Unsound,
        }
    }

    /// Where a guest is kept, if there is a directory.
    pub fn path(&self, guest: &NativeGuest) -> Option<PathBuf> {
        let id = guest.sha256.get(..16)?;
        Some(
            self.directory
                .as_ref()?
                .join(format!("{}-{id}.native", guest.name)),
        )
    }

    fn unpack(&self, guest: &NativeGuest) -> Result<File, NativeError> {
        let image = decompress(guest)?;
        if let Some(path) = self.path(guest)
            && let Ok(file) = store(&path, guest, &image)
        {
            return Ok(file);
        }
        // No usable directory: memory that no other process can name.
        anonymous(&image).map_err(|source| NativeError::Unpack {
            guest: guest.name,
            source,
        })
    }
}

fn decompress(guest: &NativeGuest) -> Result<Vec<u8>, NativeError> {
    let damaged = || NativeError::Damaged { guest: guest.name };
    let size = usize::try_from(guest.size).map_err(|_| damaged())?;
    let image = zstd::bulk::decompress(guest.compressed, size).map_err(|_| damaged())?;
    if image.len() != size || hex(&Sha256::digest(&image)) != guest.sha256 {
        return Err(damaged());
    }
    Ok(image)
}

/// Writes a guest under its name so that no reader ever sees half of it.
fn store(path: &Path, guest: &NativeGuest, image: &[u8]) -> std::io::Result<File> {
    let directory = path
        .parent()
        .ok_or_else(|| std::io::Error::other("no directory"))?;
    private_directory(directory)?;
    let temporary = directory.join(format!(
        ".{}-{}",
        crate::report::RunId::random(),
        guest.name
    ));
    let written = (|| {
        let file = File::from(rustix::fs::openat(
            CWD,
            &temporary,
            OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW,
            Mode::RUSR | Mode::WUSR,
        )?);
        write_sparse(&file, image)?;
        file.sync_data()?;
        stamp(&file, guest)?;
        rustix::fs::renameat(CWD, &temporary, CWD, path)?;
        Ok(())
    })();
    if let Err(error) = written {
        let _gone = rustix::fs::unlinkat(CWD, &temporary, AtFlags::empty());
        return Err(error);
    }
    open_sound(path, guest)
}

/// A directory of this user that nobody else may enter, made if absent.
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

/// Leaves pages of zeros out: a quarter of an image is zeros.
fn write_sparse(mut file: &File, image: &[u8]) -> std::io::Result<()> {
    const PAGE: usize = 1 << 16;
    for page in image.chunks(PAGE) {
        if page.iter().all(|byte| *byte == 0) {
            let skip = i64::try_from(page.len()).unwrap_or(0);
            file.seek(SeekFrom::Current(skip))?;
        } else {
            file.write_all(page)?;
        }
    }
    file.set_len(u64::try_from(image.len()).unwrap_or(u64::MAX))
}

/// Sets the file's time to one that follows from its digest. Whatever writes to
/// the file later changes its time, which each start checks in place of hashing
/// tens of megabytes.
fn stamp(file: &File, guest: &NativeGuest) -> std::io::Result<()> {
    let time = stamp_time(guest);
    futimens(
        file,
        &Timestamps {
            last_access: time,
            last_modification: time,
        },
    )?;
    Ok(())
}

fn stamp_time(guest: &NativeGuest) -> Timespec {
    let seconds = guest
        .sha256
        .get(..7)
        .and_then(|digits| i64::from_str_radix(digits, 16).ok())
        .unwrap_or(0);
    Timespec {
        tv_sec: 1_000_000_000 + seconds,
        tv_nsec: 0,
    }
}

/// Opens a cached guest, or fails if it is not exactly what was stored: a regular
/// file of ours that nobody else can write, of the right size, with its stamp.
fn open_sound(path: &Path, guest: &NativeGuest) -> std::io::Result<File> {
    let file = rustix::fs::openat(
        CWD,
        path,
        OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK,
        Mode::empty(),
    )?;
    let found = fstat(&file)?;
    if !is_sound(&found, guest) {
        return Err(std::io::Error::from(std::io::ErrorKind::InvalidData));
    }
    Ok(File::from(file))
}

fn is_sound(found: &Stat, guest: &NativeGuest) -> bool {
    let stamp = stamp_time(guest);
    FileType::from_raw_mode(found.st_mode) == FileType::RegularFile
        && found.st_uid == rustix::process::geteuid().as_raw()
        && Mode::from_raw_mode(found.st_mode) & (Mode::RWXG | Mode::RWXO) == Mode::empty()
        && u64::try_from(found.st_size) == Ok(guest.size)
        && found.st_mtime == stamp.tv_sec
        && i64::try_from(found.st_mtime_nsec) == Ok(0)
}

fn anonymous(image: &[u8]) -> std::io::Result<File> {
    let memory: OwnedFd = rustix::fs::memfd_create(
        "wxmcp-guest",
        MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING,
    )?;
    let file = File::from(memory);
    write_sparse(&file, image)?;
    rustix::fs::fcntl_add_seals(
        &file,
        rustix::fs::SealFlags::WRITE
            | rustix::fs::SealFlags::SHRINK
            | rustix::fs::SealFlags::GROW
            | rustix::fs::SealFlags::SEAL,
    )?;
    Ok(file)
}

#[expect(
    unsafe_code,
    reason = "native code is code: the one place where ours is mapped"
)]
fn map(engine: &Engine, file: &File) -> wasmtime::Result<Component> {
    // The open file, not its path, which another process could point elsewhere.
    let path = format!("/proc/self/fd/{}", file.as_fd().as_raw_fd());
    // SAFETY: `open_sound` and `anonymous` are the only sources of `file`. Its
    // bytes came out of this program, passed their SHA-256 when they were written,
    // and lie in a file of this user that nobody else can write and that was not
    // written since (`is_sound`), or in a sealed memory file.
    unsafe { Component::deserialize_file(engine, path) }
}

fn digest(file: &File) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    std::io::copy(&mut &*file, &mut hasher)?;
    Ok(hex(&hasher.finalize()))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _never_fails = write!(text, "{byte:02x}");
        text
    })
}
