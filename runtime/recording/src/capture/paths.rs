//! What of the host counts in a mount besides its content.

use std::fs;
use std::path::{Path, PathBuf};

use wxmcp_run::{Kept, Protected};

/// The permission bits that this process makes nothing with. The kernel says it without changing it in this file only.
pub(super) fn umask() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok())
        .unwrap_or(0o022)
}

/// What is protected, as it is called in a folder.
pub(super) fn protected(folder: &Path, protected: &Protected) -> Kept {
    let mut kept = Kept {
        names: protected.names.clone(),
        paths: Vec::new(),
    };
    let Ok(folder) = folder.canonicalize() else {
        return kept;
    };
    for path in &protected.paths {
        let Ok(path) = std::path::absolute(path) else {
            continue;
        };
        // The path itself may be a link, which stays as it is, too.
        let by_name = path.parent().and_then(|above| {
            let above = above.canonicalize().ok()?;
            Some(above.join(path.file_name()?))
        });
        for path in [by_name, Some(there(&path))].into_iter().flatten() {
            let inside = match folder.starts_with(&path) {
                true => Some(Path::new("")),
                false => path.strip_prefix(&folder).ok(),
            };
            if let Some(inside) = inside.and_then(Path::to_str)
                && !kept.paths.iter().any(|it| it == inside)
            {
                kept.paths.push(inside.to_owned());
            }
        }
    }
    kept.paths.sort();
    kept
}

/// Where a path leads; of what is missing of it the first name, which must not be made.
fn there(path: &Path) -> PathBuf {
    let mut missing = None;
    for above in path.ancestors() {
        if let Ok(found) = above.canonicalize() {
            return match missing {
                Some(name) => found.join(name),
                None => found,
            };
        }
        missing = above.file_name();
    }
    path.to_owned()
}
