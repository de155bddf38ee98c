//! Packages of JavaScript: locked where they are not yet, and made a bundle.

use std::path::Path;

use anyhow::{Context as _, anyhow};
use wxmcp_host::{EventLoop, cache_directory};
use wxmcp_packages::javascript::{self, JavascriptError};
use wxmcp_packages::{Declared, Lock, Locked};
use wxmcp_run::BundleFile;

use super::{OWN_LOCK, Packages, read, said};
use crate::exit::Failure;

/// The bundle of what a project declares, and of what flags name; none where that is nothing. What is not locked is resolved first.
pub(super) fn provided(
    packages: &Packages,
    flags: &[String],
) -> Result<Option<BundleFile>, Failure> {
    let declared = &packages.project.javascript;
    if !flags.is_empty() {
        let all: Vec<String> = declared.iter().chain(flags).cloned().collect();
        return own(packages, &all).map(Some);
    }
    if declared.is_empty() {
        return Ok(None);
    }
    let lock = read(&packages.lock)?;
    if let Some(lock) = lock
        .as_ref()
        .filter(|it| &it.declared.javascript == declared)
    {
        return bundle(packages, &lock.javascript).map(Some);
    }
    let locked = resolve(packages, declared)?;
    let bundle = bundle(packages, &locked)?;
    write(&packages.lock, lock, declared, &locked)?;
    Ok(Some(bundle))
}

/// The bundle of what a project has locked; none where it declares nothing.
///
/// # Errors
///
/// When what is declared is not locked.
pub(super) fn locked(packages: &Packages) -> Result<Option<BundleFile>, Failure> {
    let declared = &packages.project.javascript;
    if declared.is_empty() {
        return Ok(None);
    }
    let lock = read(&packages.lock)?.unwrap_or_default();
    if &lock.declared.javascript != declared {
        return Err(Failure::usage(anyhow!(
            "wxmcp.lock was not made for the packages of JavaScript that wxmcp.toml declares"
        ))
        .hint("`wxmcp lock` resolves them"));
    }
    bundle(packages, &lock.javascript).map(Some)
}

/// Packages of one run: what was resolved for the same names is kept in the cache.
fn own(packages: &Packages, declared: &[String]) -> Result<BundleFile, Failure> {
    let mut sorted = declared.to_vec();
    sorted.sort();
    let folder = std::path::absolute(folder(packages)).unwrap_or_default();
    let key = format!("javascript\n{}\n{}", folder.display(), sorted.join("\n"));
    let name = format!("{}.lock", wxmcp_cache::hex(key.as_bytes()));
    let path = cache()?.join("locks").join(name);
    if wxmcp_cache::is_ours(&path, OWN_LOCK)
        && let Ok(Some(lock)) = Lock::read(&path)
    {
        return bundle(packages, &lock.javascript);
    }
    let locked = resolve(packages, declared)?;
    let bundle = bundle(packages, &locked)?;
    let mut lock = Lock::of(Declared {
        python: Vec::new(),
        javascript: sorted,
    });
    lock.javascript = locked;
    // Where it cannot be kept, the next run resolves again.
    let _kept = wxmcp_cache::store(&path, lock.text().as_bytes());
    Ok(bundle)
}

/// Resolves what is declared.
pub(crate) fn resolve(packages: &Packages, declared: &[String]) -> Result<Vec<Locked>, Failure> {
    run(javascript::resolve(declared, folder(packages)))
}

/// The bundle of locked packages.
pub(crate) fn bundle(packages: &Packages, locked: &[Locked]) -> Result<BundleFile, Failure> {
    let cache = cache()?;
    run(javascript::bundle(locked, folder(packages), &cache))
}

/// Writes what was resolved into a lock, whose other half stays.
pub(crate) fn write(
    path: &Path,
    lock: Option<Lock>,
    declared: &[String],
    locked: &[Locked],
) -> Result<(), Failure> {
    let mut lock = lock.unwrap_or_else(|| Lock::of(Declared::default()));
    lock.declared.javascript = declared.to_vec();
    lock.javascript = locked.to_vec();
    let written = lock.write(path).context("lock the packages");
    written.map_err(Failure::usage)?;
    said(locked.len(), path);
    Ok(())
}

/// The name of a declared package: `date-fns` of `date-fns@^4`.
pub(crate) fn name(declared: &str) -> &str {
    let from = usize::from(declared.starts_with('@'));
    let at = declared.get(from..).and_then(|rest| rest.find('@'));
    at.and_then(|at| declared.get(..at.saturating_add(from)))
        .unwrap_or(declared)
}

fn folder(packages: &Packages) -> &Path {
    let folder = packages.lock.parent();
    folder
        .filter(|it| !it.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

fn cache() -> Result<std::path::PathBuf, Failure> {
    cache_directory().ok_or_else(|| {
        let error = wxmcp_packages::PackageError::NoCache;
        super::failed(error, "the project")
    })
}

fn run<T>(work: impl Future<Output = Result<T, JavascriptError>>) -> Result<T, Failure> {
    let event_loop = EventLoop::on_this_thread().map_err(|error| Failure::usage(error.into()))?;
    let done = event_loop.run(work).map_err(anyhow::Error::from);
    done.context("cannot provide packages of JavaScript")
        .map_err(Failure::usage)
}
