//! Reads files that people write: of the tool tree, and configuration. Bounded.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags};

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A folder, a pipe or a device.
    #[error("it is not a file")]
    NotAFile,
    /// It has more bytes than these.
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    /// The system refused it.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// The bytes of a file, `most` at most.
///
/// # Errors
///
/// A file that is larger, and a pipe or a device, without waiting for it.
pub fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, ReadError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).map_err(io::Error::from)?);
    if !file.metadata().is_ok_and(|found| found.is_file()) {
        return Err(ReadError::NotAFile);
    }
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
        return Err(ReadError::TooLarge(most));
    }
    Ok(bytes)
}
