//! The file of a recording, `.wxr`: events, compressed and chained by hashes. `docs/recording-format.md` describes each byte.
//!
//! [`Writer`] makes one while a run goes on: what was pushed before [`Writer::flush`] can be read even if the process is killed.
//! [`Reader`] takes files from strangers: what it keeps and does is bounded by the file's size and by named limits.
//! [`line()`] and [`table`] are what people see of them.

mod blobs;
mod calls;
mod chunk;
mod decode;
mod differences;
mod encode;
#[doc(hidden)]
pub mod fuzzing;
mod limits;
mod reader;
mod show;
mod stream;
mod writer;

#[cfg(test)]
mod tests;

pub use calls::{Call, Ended, calls, table};
pub use limits::{BYTES, BYTES_ANYWAY, BYTES_EACH, BYTES_OF_ITEM, LARGE};
pub use reader::{Completeness, ReadError, Reader, Recording};
pub use show::{Show, line};
pub use writer::{WriteError, Writer};

/// The version of the format that is written, and the one that is read.
pub const VERSION: u8 = 1;

/// What every recording begins with; the version follows.
pub const MAGIC: [u8; 3] = *b"wxr";
