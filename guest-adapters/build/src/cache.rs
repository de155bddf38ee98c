//! Built guests, kept outside the clone by the digest of what they were built from.
//!
//! `${XDG_CACHE_HOME:-$HOME/.cache}/wxmcp-build/<digest>/`: an entry is a folder
//! that appears by one rename and is not changed afterwards. Its `entry.json`
//! names each file with its digest; a file that has another one is not used.

use crate::digest::sha256;
use anyhow::{Context, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The cache; also when it does not exist yet.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    files: BTreeMap<String, String>,
    facts: serde_json::Value,
}

const ENTRY: &str = "entry.json";

/// Entries that stay, those used last: a component and its native code are two, of
/// 85 MB and 20 MB.
const KEPT: usize = 20;

impl Cache {
    /// The cache of this user.
    ///
    /// # Errors
    ///
    /// Without `XDG_CACHE_HOME` and `HOME`.
    pub fn of_user() -> Result<Self> {
        let folder = |name| {
            env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let base =
            folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")));
        let base = base.context("neither XDG_CACHE_HOME nor HOME names a folder for the cache")?;
        Ok(Self::at(base.join("wxmcp-build")))
    }

    /// A cache in a folder.
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where a file of an entry is, whether it exists or not.
    pub fn path(&self, key: &str, file: &str) -> PathBuf {
        self.root.join(key).join(file)
    }

    /// What was noted with an entry; `None` when there is none, or not a whole one.
    pub fn facts<F: DeserializeOwned>(&self, key: &str) -> Option<F> {
        let entry = self.entry(key)?;
        if !entry
            .files
            .keys()
            .all(|file| self.path(key, file).is_file())
        {
            return None;
        }
        self.used(key);
        serde_json::from_value(entry.facts).ok()
    }

    /// Notes that an entry was wanted now. Best effort: it only decides what is deleted.
    fn used(&self, key: &str) {
        let entry = fs::File::options().append(true).open(self.path(key, ENTRY));
        let _noted = entry.and_then(|entry| entry.set_modified(SystemTime::now()));
    }

    /// A file of an entry; `None` when it is missing or damaged.
    pub fn read(&self, key: &str, file: &str) -> Option<Vec<u8>> {
        let digest = self.entry(key)?.files.remove(file)?;
        let bytes = fs::read(self.path(key, file)).ok()?;
        (sha256(&bytes) == digest).then_some(bytes)
    }

    /// Makes an entry, in place of one with the same key.
    ///
    /// # Errors
    ///
    /// When the cache cannot be written.
    pub fn put(&self, key: &str, files: &[(&str, &[u8])], facts: &impl Serialize) -> Result<()> {
        fs::create_dir_all(&self.root)
            .with_context(|| format!("make the cache `{}`", self.root.display()))?;
        let fresh = tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(&self.root)?;
        let mut entry = Entry {
            files: BTreeMap::new(),
            facts: serde_json::to_value(facts)?,
        };
        for (name, bytes) in files {
            fs::write(fresh.path().join(name), bytes)
                .with_context(|| format!("write `{name}` to the cache"))?;
            entry.files.insert((*name).to_owned(), sha256(bytes));
        }
        fs::write(fresh.path().join(ENTRY), serde_json::to_vec_pretty(&entry)?)?;
        let place = self.root.join(key);
        let old = tempfile::Builder::new()
            .prefix(".old-")
            .tempdir_in(&self.root)?;
        if place.exists() {
            fs::rename(&place, old.path())
                .with_context(|| format!("replace `{}`", place.display()))?;
        }
        match fs::rename(fresh.path(), &place) {
            Ok(()) => self.prune(),
            // Another process made the same entry meanwhile.
            Err(_) if place.join(ENTRY).is_file() => Ok(()),
            Err(error) => {
                Err(error).with_context(|| format!("make the cache entry `{}`", place.display()))
            }
        }
    }

    /// Deletes the oldest entries. Who wanted one builds it again.
    fn prune(&self) -> Result<()> {
        let mut entries = Vec::new();
        for folder in fs::read_dir(&self.root)? {
            let path = folder?.path();
            if let Ok(made) = fs::metadata(path.join(ENTRY)).and_then(|entry| entry.modified()) {
                entries.push((made, path));
            }
        }
        entries.sort();
        let surplus = entries.len().saturating_sub(KEPT);
        for (_, path) in entries.into_iter().take(surplus) {
            match fs::remove_dir_all(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("delete `{}`", path.display()));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn entry(&self, key: &str) -> Option<Entry> {
        serde_json::from_slice(&fs::read(self.path(key, ENTRY)).ok()?).ok()
    }
}

/// Replaces a file at once, or not at all.
///
/// # Errors
///
/// When the folder cannot be written.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(permissions())
        .tempfile_in(folder)?;
    file.write_all(bytes)
        .with_context(|| format!("write `{}`", path.display()))?;
    file.persist(path)
        .with_context(|| format!("replace `{}`", path.display()))?;
    Ok(())
}

/// The permissions that files are made with by default.
fn permissions() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(0o644)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("deep/cache"));
        (folder, cache)
    }

    #[test]
    fn gives_back_what_was_put() -> Result<()> {
        let (_folder, cache) = cache();
        assert_eq!(cache.facts::<u32>("k"), None);
        cache.put("k", &[("a", b"one"), ("b", b"two")], &7)?;
        assert_eq!(cache.facts::<u32>("k"), Some(7));
        assert_eq!(cache.read("k", "b").as_deref(), Some(b"two".as_slice()));
        assert_eq!(cache.read("k", "c"), None);
        Ok(())
    }

    #[test]
    fn what_is_used_stays() -> Result<()> {
        let (_folder, cache) = cache();
        cache.put("used", &[], &1)?;
        cache.put("unused", &[], &1)?;
        for i in 0..KEPT {
            assert_eq!(cache.facts::<u32>("used"), Some(1));
            cache.put(&format!("k{i}"), &[], &1)?;
        }
        assert_eq!(cache.facts::<u32>("used"), Some(1));
        assert_eq!(cache.facts::<u32>("unused"), None);
        Ok(())
    }

    #[test]
    fn a_damaged_file_is_not_used_and_can_be_replaced() -> Result<()> {
        let (_folder, cache) = cache();
        cache.put("k", &[("a", b"one")], &1)?;
        fs::write(cache.path("k", "a"), "two")?;
        assert_eq!(cache.read("k", "a"), None);
        cache.put("k", &[("a", b"one")], &2)?;
        assert_eq!(cache.read("k", "a").as_deref(), Some(b"one".as_slice()));
        assert_eq!(cache.facts::<u32>("k"), Some(2));
        Ok(())
    }

    #[test]
    fn an_entry_that_is_not_whole_is_none() -> Result<()> {
        let (_folder, cache) = cache();
        cache.put("k", &[("a", b"one")], &1)?;
        fs::remove_file(cache.path("k", "a"))?;
        assert_eq!(cache.facts::<u32>("k"), None);
        cache.put("l", &[("a", b"one")], &1)?;
        fs::write(cache.path("l", ENTRY), "{\"files\": {")?;
        assert_eq!(cache.facts::<u32>("l"), None);
        assert_eq!(cache.read("l", "a"), None);
        Ok(())
    }

    #[test]
    fn the_oldest_entries_go() -> Result<()> {
        let (_folder, cache) = cache();
        let long_ago = std::time::SystemTime::UNIX_EPOCH;
        for number in 0..KEPT {
            cache.put(&format!("k{number}"), &[], &1)?;
            let entry = fs::File::options()
                .append(true)
                .open(cache.path(&format!("k{number}"), ENTRY))?;
            entry
                .set_modified(long_ago + std::time::Duration::from_secs(u64::try_from(number)?))?;
        }
        cache.put("new", &[], &2)?;
        assert_eq!(cache.facts::<u32>("k0"), None);
        assert_eq!(cache.facts::<u32>("k1"), Some(1));
        assert_eq!(cache.facts::<u32>("new"), Some(2));
        Ok(())
    }

    #[test]
    fn nothing_is_left_behind() -> Result<()> {
        let (_folder, cache) = cache();
        cache.put("k", &[("a", b"one")], &1)?;
        cache.put("k", &[("a", b"two")], &1)?;
        let names: Vec<_> = fs::read_dir(&cache.root)?
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["k"]);
        Ok(())
    }
}
