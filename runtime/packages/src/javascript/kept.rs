//! Bundles of locked packages, made once.

use std::path::{Path, PathBuf};

use wxmcp_run::{Access, BundleFile, Mount, Quota, Source};

use super::{FORM, JavascriptError, install};
use crate::Locked;

/// Where a script sees its packages.
pub const MOUNT: &str = "/packages/javascript";

/// Largest note of which bundle packages have.
const NOTE: u64 = 1_024;

/// The bundle of locked packages: the one that was made before, else one that is made now. `project` is the folder in which
/// paths begin.
///
/// # Errors
///
/// When npm does not get them, a file is not what is locked, or a package cannot be used.
pub async fn bundle(
    locked: &[Locked],
    project: &Path,
    cache: &Path,
) -> Result<BundleFile, JavascriptError> {
    let note = note(locked, cache);
    if let Some(found) = found(&note) {
        return Ok(found);
    }
    let tree = install(locked, project).await?;
    let digest = wxmcp_bundle::store(&wxmcp_bundle::folder_in(cache), &tree)?;
    // Where it cannot be kept the bundle is made again.
    let _kept = wxmcp_cache::store(&note, digest.as_bytes());
    Ok(file(digest))
}

/// How a script sees a bundle.
pub fn mount(bundle: BundleFile) -> Mount {
    Mount {
        source: Source::Bundle(bundle),
        guest: MOUNT.to_owned(),
        access: Access::ReadOnly,
        quota: Quota::default(),
    }
}

fn found(note: &Path) -> Option<BundleFile> {
    if !wxmcp_cache::is_ours(note, NOTE) {
        return None;
    }
    let file = file(std::fs::read_to_string(note).ok()?);
    wxmcp_bundle::is_there(&file).then_some(file)
}

fn file(digest: String) -> BundleFile {
    BundleFile {
        digest,
        folder: None,
    }
}

/// The file that says which bundle these packages have, in the form of this program.
fn note(locked: &[Locked], cache: &Path) -> PathBuf {
    let mut key = format!("javascript {FORM}\n");
    for it in locked {
        let place = it.place.as_deref().unwrap_or_default();
        for text in [&it.name, &it.version, place, &it.digest] {
            key.push_str(text);
            key.push('\n');
        }
    }
    let name = wxmcp_cache::hex(key.as_bytes());
    wxmcp_bundle::folder_in(cache).join(format!("{name}.javascript"))
}
