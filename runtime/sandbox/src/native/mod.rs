//! Native code of our own guests: unpacked once, checked at each start, mapped.
//!
//! `file.rs` is the only place where native code is loaded, and so the only `unsafe` of this
//! crate. What is loaded was compiled by us and is embedded in the program; a
//! cache holds it unpacked, in a directory that only this user can reach.

pub(crate) mod file;

use std::fs::File;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;
use wxmcp_run::RunError;

use self::file::map;
use wxmcp_cache::{Mark, Unfinished, open_sound};

/// A guest as it is embedded in the program.
#[derive(Clone, Copy, Debug)]
pub struct NativeGuest {
    /// `python`, also the file's name in the cache.
    pub name: &'static str,
    /// SHA-256 of the component that it was compiled from, in hex: the same on every machine.
    pub component: &'static str,
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

impl From<NativeError> for RunError {
    fn from(error: NativeError) -> Self {
        let source = std::error::Error::source(&error).map(|source| source.to_string().into());
        Self::Guest(error.to_string(), source)
    }
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
            && let Ok(file) = open_sound(&path, &mark(guest))
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
        match open_sound(&path, &mark(guest)) {
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

    /// The directory of components that were supplied and compiled here.
    pub(crate) fn components(&self) -> Option<PathBuf> {
        Some(self.directory.as_ref()?.join("components"))
    }

    fn unpack(&self, guest: &NativeGuest) -> Result<File, NativeError> {
        let image = decompress(guest)?;
        if let Some(path) = self.path(guest)
            && let Ok(file) = store(&path, guest, &image)
        {
            return Ok(file);
        }
        // No usable directory: memory that no other process can name.
        in_memory(&image).map_err(|source| NativeError::Unpack {
            guest: guest.name,
            source,
        })
    }
}

fn decompress(guest: &NativeGuest) -> Result<Vec<u8>, NativeError> {
    let damaged = || NativeError::Damaged { guest: guest.name };
    let size = usize::try_from(guest.size).map_err(|_| damaged())?;
    let image = zstd::bulk::decompress(guest.compressed, size).map_err(|_| damaged())?;
    if image.len() != size || HEXLOWER.encode(&Sha256::digest(&image)) != guest.sha256 {
        return Err(damaged());
    }
    Ok(image)
}

/// Writes a guest under its name so that no reader ever sees half of it.
fn store(path: &Path, guest: &NativeGuest, image: &[u8]) -> std::io::Result<File> {
    let unfinished = Unfinished::begin(path)?;
    file::write_sparse(&unfinished.file, image)?;
    unfinished.finish(&mark(guest))
}

fn in_memory(image: &[u8]) -> std::io::Result<File> {
    let memory = file::anonymous()?;
    file::write_sparse(&memory, image)?;
    file::seal(&memory)?;
    Ok(memory)
}

fn mark(guest: &NativeGuest) -> Mark<'static> {
    Mark {
        digest: guest.sha256,
        size: Some(guest.size),
    }
}

fn digest(file: &File) -> std::io::Result<String> {
    let mut hasher = Sha256::new();
    std::io::copy(&mut &*file, &mut hasher)?;
    Ok(HEXLOWER.encode(&hasher.finalize()))
}
