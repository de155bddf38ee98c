//! Bundles: trees of files that are read and never changed, each in one file of the cache that its SHA-256 names.
//!
//! Packages are kept so. Any number of runs and workers read one bundle at a time: each reads what it needs from the open
//! file, so the system keeps the bytes once.

mod file;
mod form;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::{fs, io};

use lru::LruCache;
use parking_lot::Mutex;
use wxmcp_cache::{Mark, Unfinished, open_sound};
use wxmcp_run::BundleFile;

pub use file::{Bundle, Found};
pub use form::{BundleError, ENTRIES, INDEX, PATH, SIZE, Tree};

/// Bundles that this process keeps open.
const KEPT: NonZeroUsize = NonZeroUsize::new(16).unwrap();

static OPEN: LazyLock<Mutex<LruCache<String, Arc<Bundle>>>> =
    LazyLock::new(|| Mutex::new(LruCache::new(KEPT)));

/// The folder that a bundle is in.
///
/// # Errors
///
/// Where this user has no cache.
pub fn folder_of(file: &BundleFile) -> io::Result<PathBuf> {
    let cache = || wxmcp_cache::directory().map(|cache| folder_in(&cache));
    let folder = file.folder.clone().or_else(cache);
    folder.ok_or_else(|| {
        io::Error::other(
            "packages are kept in a cache, and there is none: `WXMCP_CACHE_DIR` names one",
        )
    })
}

/// Where bundles are in a cache.
pub fn folder_in(cache: &Path) -> PathBuf {
    cache.join("bundles")
}

/// Whether a bundle is there as it was stored.
pub fn is_there(file: &BundleFile) -> bool {
    opened(file).is_ok()
}

/// A bundle, which stays open for the runs after this one.
///
/// # Errors
///
/// When it is not there, or not what was stored.
pub fn opened(file: &BundleFile) -> io::Result<Arc<Bundle>> {
    if let Some(open) = OPEN.lock().get(&file.digest) {
        return Ok(Arc::clone(open));
    }
    if !is_digest(&file.digest) {
        return Err(io::Error::other("the name of a bundle is a SHA-256"));
    }
    let path = path_of(&folder_of(file)?, &file.digest);
    let mark = Mark {
        digest: &file.digest,
        size: None,
    };
    let opened = open_sound(&path, &mark).map_err(|error| named(&error, &file.digest))?;
    let bundle = Arc::new(Bundle::read(opened)?);
    OPEN.lock().put(file.digest.clone(), Arc::clone(&bundle));
    Ok(bundle)
}

fn named(error: &io::Error, digest: &str) -> io::Error {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "is not in the cache of this machine",
        io::ErrorKind::InvalidData => "was changed since it was stored in the cache",
        _ => return io::Error::new(error.kind(), format!("the bundle {digest}: {error}")),
    };
    io::Error::new(error.kind(), format!("the bundle {digest} {why}"))
}

/// Stores a tree of files in a folder of bundles; answers the digest of its bundle. One that is there already is not
/// written again.
///
/// # Errors
///
/// When the tree is too large, or cannot be written.
pub fn store(folder: &Path, tree: &Tree) -> Result<String, BundleError> {
    let head = tree.head()?;
    let digest = tree.digest(&head);
    let size = tree.size(&head);
    let path = path_of(folder, &digest);
    let mark = Mark {
        digest: &digest,
        size: Some(size),
    };
    if open_sound(&path, &mark).is_ok() {
        return Ok(digest);
    }
    let unfinished = Unfinished::begin(&path)?;
    tree.write(&head, &unfinished.file)?;
    unfinished.finish(&mark)?;
    Ok(digest)
}

/// Removes a bundle, where it is there. Whoever has it open goes on reading it.
///
/// # Errors
///
/// What the system said.
pub fn remove(folder: &Path, digest: &str) -> io::Result<()> {
    OPEN.lock().pop(digest);
    match fs::remove_file(path_of(folder, digest)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn path_of(folder: &Path, digest: &str) -> PathBuf {
    folder.join(format!("{digest}.bundle"))
}

fn is_digest(digest: &str) -> bool {
    digest.len() == 64
        && digest
            .bytes()
            .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests;
