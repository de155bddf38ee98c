//! The files at the paths of commands that look at many: `verify`, `test`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Folders inside of each other that are looked through.
const DEPTH: usize = 64;

/// The files at some paths, and what was passed over.
#[derive(Default)]
pub(super) struct Found {
    pub(super) files: Vec<PathBuf>,
    pub(super) notes: Vec<String>,
}

/// The files at some paths: those named, and those in folders, sorted. What is no plain file gets a note if it `counts` for the
/// command.
///
/// # Errors
///
/// When a folder cannot be read.
pub(super) fn find(paths: &[PathBuf], counts: fn(&Path) -> bool) -> anyhow::Result<Found> {
    let mut found = Found::default();
    for path in paths {
        if path.is_dir() {
            let before = found.files.len();
            inside((path, DEPTH), counts, &mut found)?;
            let inside = found.files.get_mut(before..);
            inside.unwrap_or_default().sort();
        } else {
            found.files.push(path.clone());
        }
    }
    found.notes.sort();
    Ok(found)
}

fn inside(
    (folder, depth): (&Path, usize),
    counts: fn(&Path) -> bool,
    found: &mut Found,
) -> anyhow::Result<()> {
    if depth == 0 {
        anyhow::bail!("`{}` is too deep", folder.display());
    }
    let entries = std::fs::read_dir(folder);
    for entry in entries.with_context(|| format!("read the folder `{}`", folder.display()))? {
        let entry = entry?;
        let path = entry.path();
        let kind = entry.file_type()?;
        if kind.is_dir() {
            inside((&path, depth.saturating_sub(1)), counts, found)?;
        } else if kind.is_file() {
            found.files.push(path);
        } else if kind.is_symlink() && (counts(&path) || path.is_dir()) {
            let note = "is a symbolic link, which is not followed in a folder";
            found.notes.push(format!("`{}` {note}", path.display()));
        } else if counts(&path) {
            let note = format!("`{}` is no file, and is passed over", path.display());
            found.notes.push(note);
        }
    }
    Ok(())
}
