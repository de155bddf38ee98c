//! Descriptions of tool files, kept between processes.
//!
//! A file is known by its content's SHA-256, and by its stamp while that tells versions
//! apart, so that a warm start reads no source.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::definition::Described;
use crate::stamp::Stamp;
use wxmcp_cache as kept;

/// Largest cache of one folder that is read, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// What is known of one file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// None if the stamp would not tell versions apart.
    pub(crate) stamp: Option<Stamp>,
    /// What tells versions of the shared code apart; none if nothing does.
    #[serde(default)]
    pub(crate) shared: Option<String>,
    /// SHA-256 of the content, in hexadecimal.
    pub(crate) digest: String,
    /// Its tools, or why it is none.
    pub(crate) defined: Result<Described, String>,
}

/// Entries by file name.
pub(crate) type Entries = BTreeMap<String, Entry>;

#[derive(Serialize, Deserialize)]
struct Kept {
    version: String,
    entries: Entries,
}

/// Where the entries of one folder are kept.
pub(crate) fn place(cache: Option<&Path>, folder: &Path) -> Option<PathBuf> {
    let folder = fs::canonicalize(folder).ok()?;
    let name = kept::hex(folder.as_os_str().as_encoded_bytes());
    Some(cache?.join(format!("{name}.json")))
}

/// What was kept; nothing if it is not ours, of another version, or cannot be read.
pub(crate) fn load(place: &Path, version: &str) -> Entries {
    Some(place)
        .filter(|place| kept::is_ours(place, MAX_BYTES))
        .and_then(|place| fs::read(place).ok())
        .and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok())
        .filter(|kept| kept.version == version)
        .map(|kept| kept.entries)
        .unwrap_or_default()
}

/// Keeps entries, whole or not at all. That they could not be kept costs time only.
pub(crate) fn store(place: &Path, version: &str, entries: &Entries) -> Option<()> {
    let kept = Kept {
        version: version.to_owned(),
        entries: entries.clone(),
    };
    kept::store(place, &serde_json::to_vec(&kept).ok()?)
}
