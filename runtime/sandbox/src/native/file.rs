//! Files of native code: private, stamped, and never mapped if anybody may have written to them.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{MemfdFlags, SealFlags, fstat};
use wasmtime::Engine;
use wasmtime::component::Component;
use wxmcp_cache::{Mark, is_sound};

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
