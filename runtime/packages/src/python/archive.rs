//! Reads the archive that a wheel is: a zip file without encryption, in one part, smaller than 4 GiB.
//!
//! Of the library's crates none fits: the ones for archives change features of crates that the engine has.

use std::io::Read as _;

use flate2::Crc;
use flate2::read::DeflateDecoder;

/// Most files and folders of an archive.
const ENTRIES: usize = 50_000;

/// Most bytes of one file in an archive.
pub(super) const FILE: u64 = 128 << 20;

/// A file or folder of an archive.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// Its path, as the archive has it.
    pub(super) path: &'a str,
    /// Bytes that it says it has.
    pub(super) size: u64,
    /// Whether it is a link or a device.
    pub(super) is_special: bool,
    packed: &'a [u8],
    is_deflated: bool,
    crc: u32,
}

/// The entries of an archive, in its order.
///
/// # Errors
///
/// Why it is none that is read here.
pub(super) fn entries(bytes: &[u8]) -> Result<Vec<Entry<'_>>, &'static str> {
    let end = end(bytes).ok_or("it is no archive")?;
    let mut rest = bytes.get(end.start..).ok_or("it is no archive")?;
    let mut entries = Vec::new();
    for _ in 0..end.count {
        if entries.len() >= ENTRIES {
            return Err("it has too many files");
        }
        let (entry, after) = entry(rest, bytes)?;
        entries.push(entry);
        rest = after;
    }
    Ok(entries)
}

impl Entry<'_> {
    /// Its content.
    ///
    /// # Errors
    ///
    /// Why it cannot be had: it is longer than it says, or not what was packed.
    pub(super) fn content(&self) -> Result<Vec<u8>, &'static str> {
        if self.size > FILE {
            return Err("it is too large");
        }
        let mut content = Vec::new();
        let read = match self.is_deflated {
            true => DeflateDecoder::new(self.packed)
                .take(self.size.saturating_add(1))
                .read_to_end(&mut content),
            false => self
                .packed
                .take(self.size.saturating_add(1))
                .read_to_end(&mut content),
        };
        read.map_err(|_| "it cannot be inflated")?;
        if u64::try_from(content.len()) != Ok(self.size) {
            return Err("it has another size than it says");
        }
        let mut crc = Crc::new();
        crc.update(&content);
        match crc.sum() == self.crc {
            true => Ok(content),
            false => Err("its checksum is wrong"),
        }
    }
}

/// The record at the end of an archive.
struct End {
    start: usize,
    count: usize,
}

/// Bytes of that record, and of the longest comment behind it.
const END: usize = 22;
const COMMENT: usize = 65_535;

fn end(bytes: &[u8]) -> Option<End> {
    let from = bytes.len().saturating_sub(END + COMMENT);
    let tail = bytes.get(from..)?;
    let at = tail.windows(4).rposition(|it| it == b"PK\x05\x06")?;
    let record = tail.get(at..)?;
    let (count, start) = (u16_at(record, 10)?, u32_at(record, 16)?);
    // These say that the numbers are in a record of the form for larger archives.
    if count == u16::MAX || start == u32::MAX {
        return None;
    }
    Some(End {
        start: usize::try_from(start).ok()?,
        count: usize::from(count),
    })
}

/// The entry that a directory begins with, and what is behind it.
fn entry<'a>(directory: &'a [u8], bytes: &'a [u8]) -> Result<(Entry<'a>, &'a [u8]), &'static str> {
    let cut = "its directory is cut off";
    let short = |at| u16_at(directory, at).ok_or(cut);
    let long = |at| u32_at(directory, at).ok_or(cut);
    if !directory.starts_with(b"PK\x01\x02") {
        return Err(cut);
    }
    let (made_by, flags, method) = (short(4)?, short(8)?, short(10)?);
    let (crc, packed, size) = (long(16)?, long(20)?, long(24)?);
    let (attributes, local) = (long(38)?, long(42)?);
    let [name, extra, comment] =
        [28, 30, 32].map(|at| u16_at(directory, at).map_or(0, usize::from));
    let path = directory.get(46..46 + name).ok_or(cut)?;
    let after = directory.get(46 + name + extra + comment..).ok_or(cut)?;
    if flags & 1 != 0 {
        return Err("it is encrypted");
    }
    let is_deflated = match method {
        0 => false,
        8 => true,
        _ => return Err("it is compressed in another way than wheels are"),
    };
    let local = usize::try_from(local).ok().and_then(|at| bytes.get(at..));
    let local = local.ok_or(cut)?;
    let [own_name, own_extra] = [26, 28].map(|at| u16_at(local, at).map_or(0, usize::from));
    // Else another program could take the file for another one.
    if !local.starts_with(b"PK\x03\x04") || local.get(30..30 + own_name) != Some(path) {
        return Err("its directory does not fit its files");
    }
    let start = 30 + own_name + own_extra;
    let length = usize::try_from(packed).map_err(|_| cut)?;
    let end = start.checked_add(length).ok_or(cut)?;
    let mode = attributes >> 16;
    let kind = mode & 0o170_000;
    Ok((
        Entry {
            path: std::str::from_utf8(path).map_err(|_| "a name in it is not UTF-8")?,
            size: u64::from(size),
            is_special: made_by >> 8 == 3 && !matches!(kind, 0 | 0o100_000 | 0o040_000),
            packed: local.get(start..end).ok_or(cut)?,
            is_deflated,
            crc,
        },
        after,
    ))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let found = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*found))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let found = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*found))
}
