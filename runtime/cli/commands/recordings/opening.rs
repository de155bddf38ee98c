//! Files of recordings, opened.

use std::fs::File;
use std::io;
use std::path::Path;

/// Opens a recording; what is no file is not waited for.
///
/// # Errors
///
/// When it is no file, or cannot be read.
pub(super) fn open(path: &Path) -> io::Result<File> {
    // To open a pipe would wait for its writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    File::open(path)
}
