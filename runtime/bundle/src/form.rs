//! The form of a bundle.
//!
//! ```text
//! "wxmcp-bundle-1\n"
//! u32  how many entries
//! u64  bytes of the index
//! of each entry, sorted by the bytes of its path: u32 bytes of its path, u64 bytes of its content, the path
//! the contents, in that order
//! ```
//!
//! Numbers are little-endian. A path has no slash at either end, no empty part, none that is `.` or `..`, and no zero byte.
//! The size of a folder is all ones; folders are there before what they hold. A bundle has no links.

use std::collections::BTreeMap;
use std::io::{self, Write};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// How each bundle begins.
pub(crate) const MAGIC: &[u8] = b"wxmcp-bundle-1\n";

/// Bytes in front of the index.
pub(crate) const START: usize = MAGIC.len() + 12;

/// The size that says that an entry is a folder.
pub(crate) const FOLDER: u64 = u64::MAX;

/// Most files and folders of a bundle.
pub const ENTRIES: usize = 200_000;

/// Most bytes of all contents of a bundle.
pub const SIZE: u64 = 1 << 30;

/// Most bytes of the index of a bundle.
pub const INDEX: usize = 32 << 20;

/// Most bytes of a path in a bundle.
pub const PATH: usize = 1_024;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It has too many files, or too much in them.
    #[error("packages of more than {0}")]
    TooLarge(String),
    /// A path that no file of a bundle may have.
    #[error("the path {0:?} of a package")]
    Path(String),
    /// It could not be written.
    #[error("cannot store packages in the cache")]
    Io(#[from] io::Error),
}

/// The files of a bundle that is to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// By path. Folders around them need not be there; an empty one has no bytes.
    files: BTreeMap<String, Option<Vec<u8>>>,
    size: u64,
}

impl Tree {
    /// Puts a file into it. What was at its path is replaced.
    ///
    /// # Errors
    ///
    /// When its path is none, leads through a file, or is a folder, or the tree gets too large.
    pub fn add(&mut self, path: &str, content: Vec<u8>) -> Result<(), BundleError> {
        if !is_path(path) {
            return Err(BundleError::Path(path.to_owned()));
        }
        let mut at = 0;
        while let Some(end) = path.get(at..).and_then(|rest| rest.find('/')) {
            at = at.saturating_add(end);
            let folder = path.get(..at).unwrap_or_default();
            if let Some(Some(_)) = self.files.get(folder) {
                return Err(BundleError::Path(path.to_owned()));
            }
            self.files.entry(folder.to_owned()).or_default();
            at = at.saturating_add(1);
        }
        let added = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let removed = match self.files.get(path) {
            Some(None) => return Err(BundleError::Path(path.to_owned())),
            Some(Some(before)) => u64::try_from(before.len()).unwrap_or(0),
            None => 0,
        };
        self.size = self.size.saturating_sub(removed).saturating_add(added);
        if self.size > SIZE {
            return Err(BundleError::TooLarge(format!("{} MiB", SIZE >> 20)));
        }
        self.files.insert(path.to_owned(), Some(content));
        if self.files.len() > ENTRIES {
            return Err(BundleError::TooLarge(format!("{ENTRIES} files")));
        }
        Ok(())
    }

    /// What a file of it has.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path)?.as_deref()
    }

    /// Its files, by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let all = self.files.iter();
        all.filter_map(|(path, content)| Some((path.as_str(), content.as_deref()?)))
    }

    /// What is in front of the contents.
    pub(crate) fn head(&self) -> Result<Vec<u8>, BundleError> {
        let mut index = Vec::new();
        for (path, content) in &self.files {
            let length = u32::try_from(path.len()).unwrap_or(u32::MAX);
            let size = content.as_ref().map_or(FOLDER, |content| {
                u64::try_from(content.len()).unwrap_or(FOLDER)
            });
            index.extend(length.to_le_bytes());
            index.extend(size.to_le_bytes());
            index.extend(path.as_bytes());
        }
        if index.len() > INDEX {
            return Err(BundleError::TooLarge(format!("{INDEX} bytes of names")));
        }
        let count = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        let size = u64::try_from(index.len()).unwrap_or(u64::MAX);
        let mut head = MAGIC.to_vec();
        head.extend(count.to_le_bytes());
        head.extend(size.to_le_bytes());
        head.append(&mut index);
        Ok(head)
    }

    pub(crate) fn digest(&self, head: &[u8]) -> String {
        let mut digest = Sha256::new_with_prefix(head);
        for (_, content) in self.files() {
            digest.update(content);
        }
        HEXLOWER.encode(&digest.finalize())
    }

    pub(crate) fn size(&self, head: &[u8]) -> u64 {
        let head = u64::try_from(head.len()).unwrap_or(u64::MAX);
        self.size.saturating_add(head)
    }

    pub(crate) fn write(&self, head: &[u8], file: impl Write) -> io::Result<()> {
        let mut file = io::BufWriter::with_capacity(1 << 20, file);
        file.write_all(head)?;
        for (_, content) in self.files() {
            file.write_all(content)?;
        }
        file.flush()
    }
}

/// Whether a file of a bundle may have this path.
pub(crate) fn is_path(path: &str) -> bool {
    path.len() <= PATH
        && !path.contains('\0')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
