//! Descriptions of tool files, kept between processes.
//!
//! A file is known by its content's SHA-256, and by its stamp while that tells versions
//! apart, so that a warm start reads no source.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::definition::Defined;
use super::stamp::Stamp;

/// Largest cache of one folder that is read, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// What is known of one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Entry {
    /// None if the stamp would not tell versions apart.
    pub(super) stamp: Option<Stamp>,
    /// SHA-256 of the content, in hexadecimal.
    pub(super) digest: String,
    /// What it is, or why it is no tool.
    pub(super) defined: Result<Defined, String>,
}

/// Entries by file name.
pub(super) type Entries = BTreeMap<String, Entry>;

#[derive(Serialize, Deserialize)]
struct Kept {
    version: String,
    entries: Entries,
}

/// Where the entries of one folder are kept.
pub(super) fn place(cache: Option<&Path>, folder: &Path) -> Option<PathBuf> {
    let folder = fs::canonicalize(folder).ok()?;
    let name = hex(folder.as_os_str().as_encoded_bytes());
    Some(cache?.join(format!("{name}.json")))
}

/// What was kept; nothing if it is not ours, of another version, or cannot be read.
pub(super) fn load(place: &Path, version: &str) -> Entries {
    let usable = fs::metadata(place).is_ok_and(|found| {
        found.is_file()
            && found.len() <= MAX_BYTES
            && found.uid() == rustix::process::geteuid().as_raw()
            && found.permissions().mode() & 0o022 == 0
    });
    if !usable {
        return Entries::new();
    }
    fs::read(place)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok())
        .filter(|kept| kept.version == version)
        .map(|kept| kept.entries)
        .unwrap_or_default()
}

/// Keeps entries, whole or not at all. That they could not be kept costs time only.
pub(super) fn store(place: &Path, version: &str, entries: &Entries) -> Option<()> {
    let folder = place.parent()?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .ok()?;
    let kept = Kept {
        version: version.to_owned(),
        entries: entries.clone(),
    };
    let mut file = tempfile::NamedTempFile::new_in(folder).ok()?;
    file.write_all(&serde_json::to_vec(&kept).ok()?).ok()?;
    file.persist(place).ok()?;
    Some(())
}

/// SHA-256 in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
