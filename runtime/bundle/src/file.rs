//! Bundles that are there, and what is in them.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use crate::form::{ENTRIES, FOLDER, INDEX, MAGIC, SIZE, START, is_path};

/// A bundle that is open.
#[derive(Debug)]
pub struct Bundle {
    file: File,
    /// The index as it stands in the file.
    index: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    path: Range<usize>,
    /// Where its content begins in the file, and how many bytes it has; none of a folder.
    content: Option<(u64, u64)>,
}

/// What is at a path of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A folder.
    Folder {
        /// A number that nothing else in the bundle has.
        number: usize,
    },
    /// A file.
    File {
        /// A number that nothing else in the bundle has.
        number: usize,
        /// Its bytes.
        size: u64,
    },
}

impl Bundle {
    /// Reads the index of a bundle.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is none.
    pub fn read(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let mut start = [0; START];
        file.read_exact_at(&mut start, 0).map_err(|_| broken())?;
        let rest = start.strip_prefix(MAGIC).ok_or_else(broken)?;
        let (count, size) = rest.split_first_chunk().ok_or_else(broken)?;
        let (size, _) = size.split_first_chunk().ok_or_else(broken)?;
        let count = usize::try_from(u32::from_le_bytes(*count)).unwrap_or(usize::MAX);
        let size = usize::try_from(u64::from_le_bytes(*size)).unwrap_or(usize::MAX);
        let fits = u64::try_from(size).is_ok_and(|size| size <= length);
        if count > ENTRIES || size > INDEX || !fits {
            return Err(broken());
        }
        let mut index = vec![0; size];
        let start = u64::try_from(START).unwrap_or(u64::MAX);
        file.read_exact_at(&mut index, start)
            .map_err(|_| broken())?;
        let contents = start.saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
        let (entries, end) = entries(&index, count, contents).ok_or_else(broken)?;
        if end != length {
            return Err(broken());
        }
        Ok(Self {
            file,
            index,
            entries,
        })
    }

    /// What is at a path, which is empty for the folder around all.
    pub fn find(&self, path: &str) -> Option<Found> {
        if path.is_empty() {
            return Some(Found::Folder {
                number: self.entries.len(),
            });
        }
        let by_path = |entry: &Entry| self.bytes(entry).cmp(path.as_bytes());
        let number = self.entries.binary_search_by(by_path).ok()?;
        let entry = self.entries.get(number)?;
        Some(found(number, entry))
    }

    /// What is in a folder, by name, sorted.
    pub fn list<'a>(&'a self, folder: &str) -> impl Iterator<Item = (&'a str, Found)> {
        let above = match folder {
            "" => String::new(),
            _ => format!("{folder}/"),
        };
        let is_before = |entry: &Entry| self.bytes(entry) < above.as_bytes();
        let first = self.entries.partition_point(is_before);
        let below = self.entries.iter().enumerate().skip(first);
        below
            .map_while(move |(number, entry)| {
                let name = self.bytes(entry).strip_prefix(above.as_bytes())?;
                Some((name, found(number, entry)))
            })
            .filter(|(name, _)| !name.contains(&b'/'))
            .filter_map(|(name, found)| Some((std::str::from_utf8(name).ok()?, found)))
    }

    /// Reads of the file with this number, from an offset: none of one that is no file, and at its end.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn read_at(&self, number: usize, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let content = self.entries.get(number).and_then(|entry| entry.content);
        let Some((start, size)) = content else {
            return Ok(0);
        };
        let left = usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let most = left.min(into.len());
        let Some(into) = into.get_mut(..most).filter(|into| !into.is_empty()) else {
            return Ok(0);
        };
        loop {
            match self.file.read_at(into, start.saturating_add(offset)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }

    /// The content of a file; none where there is no file at this path.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn content(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(Found::File { number, size }) = self.find(path) else {
            return Ok(None);
        };
        let mut content = vec![0; usize::try_from(size).map_err(|_| broken())?];
        let mut at = 0;
        while let Some(rest) = content.get_mut(at..).filter(|rest| !rest.is_empty()) {
            let offset = u64::try_from(at).unwrap_or(u64::MAX);
            match self.read_at(number, offset, rest)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => at = at.saturating_add(read),
            }
        }
        Ok(Some(content))
    }

    fn bytes(&self, entry: &Entry) -> &[u8] {
        self.index.get(entry.path.clone()).unwrap_or_default()
    }
}

fn found(number: usize, entry: &Entry) -> Found {
    match entry.content {
        None => Found::Folder { number },
        Some((_, size)) => Found::File { number, size },
    }
}

/// The entries of an index, and where the last content ends; none where it is no index.
fn entries(index: &[u8], count: usize, mut at: u64) -> Option<(Vec<Entry>, u64)> {
    let mut entries: Vec<Entry> = Vec::with_capacity(count);
    let mut rest = index;
    let mut last: &[u8] = &[];
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk()?;
        let (size, after) = after.split_first_chunk()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (path, after) = after.split_at_checked(length)?;
        let start = index.len().checked_sub(after.len())?.checked_sub(length)?;
        if path <= last || !is_path(std::str::from_utf8(path).ok()?) {
            return None;
        }
        let content = match u64::from_le_bytes(*size) {
            FOLDER => None,
            size if size <= SIZE => {
                let start = at;
                at = at.checked_add(size)?;
                Some((start, size))
            }
            _ => return None,
        };
        let end = start.checked_add(length)?;
        entries.push(Entry {
            path: start..end,
            content,
        });
        (rest, last) = (after, path);
    }
    rest.is_empty().then_some((entries, at))
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "this is no bundle")
}
