//! Files of a user's cache, which no other user can have written: small ones, and large ones that are stamped.

mod sound;

use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

pub use sound::{Mark, Unfinished, is_sound, open_sound, used_now};

/// `WXMCP_CACHE_DIR`, else the user's cache directory; none where there is no home.
pub fn directory() -> Option<PathBuf> {
    absolute("WXMCP_CACHE_DIR").or_else(|| {
        absolute("XDG_CACHE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
            .map(|caches| caches.join("wxmcp"))
    })
}

fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

/// Whether a file is a plain one of this user, that others cannot write, and not too large.
pub fn is_ours(place: &Path, most: u64) -> bool {
    fs::metadata(place).is_ok_and(|found| {
        found.is_file()
            && found.len() <= most
            && found.uid() == rustix::process::geteuid().as_raw()
            && found.permissions().mode() & 0o022 == 0
    })
}

/// Writes a file, whole or not at all.
pub fn store(place: &Path, bytes: &[u8]) -> Option<()> {
    let folder = place.parent()?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .ok()?;
    let mut file = tempfile::NamedTempFile::new_in(folder).ok()?;
    file.write_all(bytes).ok()?;
    file.persist(place).ok()?;
    Some(())
}

/// SHA-256 in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}
