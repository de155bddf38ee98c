//! Code that the tool files of one folder share: files beside them whose names begin with `_`,
//! folders of such names, and `_lib` in the root of the tree.
//!
//! All of it counts in the digest of each tool file of the folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use wxmcp_run::{Library, Shared};

use crate::read_file::read_file;
use crate::stamp::Stamp;

/// The folder of shared code in the root of the tree.
const ROOT_LIBRARY: &str = "_lib";

/// Most shared files of one folder.
const MAX_FILES: usize = 200;

/// How deep folders of shared code are read.
const MAX_DEPTH: usize = 4;

/// Largest shared file, and most of them together, in bytes.
const MAX_FILE: u64 = 1 << 20;
const MAX_TOTAL: u64 = 4 << 20;

/// The shared files of a folder as they were when it was last looked at.
#[derive(Debug, Default)]
pub(crate) struct SharedFiles {
    /// The folder of tools.
    root: PathBuf,
    /// Files by path below the root, with their stamps.
    files: BTreeMap<String, Stamp>,
    /// Folders that were read, and whether each was there.
    folders: BTreeMap<PathBuf, Option<Stamp>>,
    /// Why it is not used at all.
    refused: Option<String>,
    read: Mutex<Option<Arc<Content>>>,
}

/// What is in the files.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) library: Arc<Library>,
    /// SHA-256 of all of it, in hexadecimal; empty if there are no files.
    pub(crate) digest: String,
}

impl SharedFiles {
    /// Looks at the shared files of `folder` in `root`; reads none. `marked` are the names in
    /// the folder that begin with `_`.
    pub(crate) fn of(root: &Path, folder: &Path, marked: &[String]) -> Self {
        let mut found = Self {
            root: root.to_owned(),
            ..Self::default()
        };
        for name in marked {
            found.note(folder, name, 0);
        }
        found.look(&root.join(ROOT_LIBRARY), 1);
        found
    }

    fn look(&mut self, folder: &Path, depth: usize) {
        if self.folders.len() >= MAX_FILES {
            self.refused = Some(format!("there are more than {MAX_FILES} folders of them"));
            return;
        }
        let stamp = Stamp::of(folder).ok();
        self.folders.insert(folder.to_owned(), stamp);
        if stamp.is_none() {
            return;
        }
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if let Ok(name) = entry.file_name().into_string() {
                self.note(folder, &name, depth);
            }
        }
    }

    /// Notes a file, or all files of a folder.
    fn note(&mut self, folder: &Path, name: &str, depth: usize) {
        // A name is written into a comment behind the source, which must not end.
        let ends_line = |c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}';
        if self.refused.is_some()
            || name == "__pycache__"
            || name.starts_with('.')
            || name.contains(ends_line)
        {
            return;
        }
        let path = folder.join(name);
        if !is_source(name) {
            if depth < MAX_DEPTH && path.is_dir() {
                self.look(&path, depth.saturating_add(1));
            }
            return;
        }
        if self.files.len() >= MAX_FILES {
            self.refused = Some(format!("there are more than {MAX_FILES} of them"));
            return;
        }
        let below = path.strip_prefix(&self.root).ok().and_then(Path::to_str);
        if let (Some(below), Ok(stamp)) = (below, Stamp::of(&path)) {
            self.files.insert(below.to_owned(), stamp);
        }
    }

    /// Whether all of it is as it was, as far as stamps tell.
    pub(crate) fn is_current(&self) -> bool {
        let files = self.files.iter().all(|(below, stamp)| {
            stamp.is_settled() && Stamp::of(&self.root.join(below)).ok() == Some(*stamp)
        });
        files
            && self.folders.iter().all(|(folder, stamp)| {
                Stamp::of(folder).ok() == *stamp && stamp.is_none_or(|stamp| stamp.is_settled())
            })
    }

    /// Whether any of it was changed after a time.
    pub(crate) fn changed_after(&self, time: SystemTime) -> bool {
        self.files.values().any(|stamp| stamp.is_after(time))
    }

    /// What tells this version from others without reading it; none where nothing does. Empty
    /// if there are no files.
    pub(crate) fn fingerprint(&self) -> Option<String> {
        if self.files.is_empty() {
            return Some(String::new());
        }
        if !self.files.values().all(Stamp::is_settled) {
            return None;
        }
        let text = serde_json::to_vec(&self.files).ok()?;
        Some(wxmcp_cache::hex(&text))
    }

    /// Reads all files, once.
    ///
    /// # Errors
    ///
    /// Why none of it is used.
    pub(crate) fn content(&self) -> Result<Arc<Content>, String> {
        if let Some(why) = &self.refused {
            return Err(format!("its shared files are not read: {why}"));
        }
        let mut known = self.read.lock();
        if let Some(content) = &*known {
            return Ok(Arc::clone(content));
        }
        let mut library = Library::default();
        let mut total = 0_u64;
        let root = fs::canonicalize(&self.root).unwrap_or_else(|_| self.root.clone());
        for below in self.files.keys() {
            let shared = match self.text(below, &root) {
                Ok(text) => {
                    let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
                    total = total.saturating_add(size);
                    Shared::Text(text.into())
                }
                Err(why) => Shared::Refused(why),
            };
            if total > MAX_TOTAL {
                return Err("its shared files are larger than 4 MiB together".to_owned());
            }
            library.files.insert(below.clone(), shared);
        }
        let content = Arc::new(Content {
            digest: digest(&library),
            library: Arc::new(library),
        });
        *known = Some(Arc::clone(&content));
        Ok(content)
    }

    /// The text of a file, which must be below the canonical `root`.
    fn text(&self, below: &str, root: &Path) -> Result<String, String> {
        let path = self.root.join(below);
        let real = fs::canonicalize(&path).map_err(|_| "it cannot be read".to_owned())?;
        if !real.starts_with(root) {
            return Err("it is a link out of the tool tree".to_owned());
        }
        let bytes = read_file(&real, MAX_FILE).map_err(|error| error.to_string())?;
        let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
        Ok(match text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned(),
            None => text,
        })
    }
}

fn digest(library: &Library) -> String {
    if library.files.is_empty() {
        return String::new();
    }
    let mut all = Vec::new();
    for (below, shared) in &library.files {
        let (kind, text) = match shared {
            Shared::Text(text) => (b'+', text.as_ref()),
            Shared::Refused(why) => (b'-', why.as_str()),
        };
        for part in [below.as_str(), text] {
            all.push(kind);
            all.extend(part.len().to_le_bytes());
            all.extend(part.as_bytes());
        }
    }
    wxmcp_cache::hex(&all)
}

fn is_source(name: &str) -> bool {
    let is_declaration = name.ends_with(".d.ts") || name.ends_with(".d.mts");
    let suffixes = [".ts", ".mts", ".js", ".mjs", ".json", ".py"];
    !is_declaration && suffixes.iter().any(|suffix| name.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    fn tree(files: &[(&str, &str)]) -> Result<tempfile::TempDir, Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().ok_or("no folder")?)?;
            fs::write(path, text)?;
        }
        Ok(root)
    }

    fn of(root: &Path) -> SharedFiles {
        let folder = root.join("t");
        let names = fs::read_dir(&folder).into_iter().flatten().flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        let marked: Vec<String> = names.filter(|name| name.starts_with('_')).collect();
        SharedFiles::of(root, &folder, &marked)
    }

    fn names(root: &Path) -> Result<Vec<String>, String> {
        let content = of(root).content()?;
        Ok(content.library.files.keys().cloned().collect())
    }

    #[test]
    fn shared_code_is_beside_the_tools_and_in_lib() -> Result<(), Box<dyn Error>> {
        let root = tree(&[
            ("t/a.ts", ""),
            ("t/_money.ts", ""),
            ("t/_types.d.ts", ""),
            ("t/_notes.md", ""),
            ("t/_two\nlines.ts", ""),
            ("t/_lib/deep/er/x.py", ""),
            ("t/__pycache__/x.py", ""),
            ("t/sub/_x.ts", ""),
            ("_lib/tax.json", "{}"),
            ("_other/x.ts", ""),
            ("u/_y.ts", ""),
        ])?;
        assert_eq!(
            names(root.path())?,
            ["_lib/tax.json", "t/_lib/deep/er/x.py", "t/_money.ts"]
        );
        Ok(())
    }

    #[test]
    fn links_out_of_the_tree_are_refused() -> Result<(), Box<dyn Error>> {
        let outside = tree(&[("secret.ts", "x")])?;
        let root = tree(&[("t/_money.ts", "")])?;
        std::os::unix::fs::symlink(
            outside.path().join("secret.ts"),
            root.path().join("t/_secret.ts"),
        )?;
        std::os::unix::fs::symlink(
            root.path().join("t/_money.ts"),
            root.path().join("t/_inside.ts"),
        )?;
        std::os::unix::fs::symlink(outside.path(), root.path().join("t/_folder"))?;
        let content = of(root.path()).content()?;
        let refused: Vec<&str> = content
            .library
            .files
            .iter()
            .filter(|(_, shared)| matches!(shared, Shared::Refused(_)))
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(refused, ["t/_folder/secret.ts", "t/_secret.ts"]);
        assert_eq!(content.library.files.len(), 4);
        Ok(())
    }

    #[test]
    fn a_change_is_seen_and_changes_the_digest() -> Result<(), Box<dyn Error>> {
        let root = tree(&[("t/_money.ts", "1")])?;
        let before = of(root.path()).content()?.digest.clone();
        fs::write(root.path().join("t/_money.ts"), "2")?;
        assert_ne!(of(root.path()).content()?.digest, before);
        let seen = of(root.path());
        fs::create_dir_all(root.path().join("_lib"))?;
        assert!(!seen.is_current());
        Ok(())
    }

    #[test]
    fn floods_are_refused() -> Result<(), Box<dyn Error>> {
        let root = tempfile::tempdir()?;
        fs::create_dir(root.path().join("t"))?;
        for n in 0..=MAX_FILES {
            fs::write(root.path().join(format!("t/_{n}.ts")), "")?;
        }
        assert!(names(root.path()).is_err());
        Ok(())
    }
}
