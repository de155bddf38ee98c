//! What a file and a folder can do, wherever they are.
//!
//! Functions here may block. [`off_the_loop`] runs them elsewhere where they do.

use std::any::Any;
use std::sync::Arc;
use std::time::SystemTime;

use wasmtime_wasi::p2::bindings::filesystem::types::{Advice, DescriptorType, ErrorCode};
use wasmtime_wasi::runtime::spawn_blocking;

use super::devices::Device;

/// A result whose error is the guest's to hear.
pub(super) type Answer<T> = Result<T, ErrorCode>;

/// Bits of a mode that files may be given when they are made.
pub(super) const FILE_BITS: u32 = 0o777;

/// The same of folders, which may have the sticky bit.
pub(super) const FOLDER_BITS: u32 = 0o1777;

/// Whoever runs the file would run it as its owner.
pub(super) const SETUID: u32 = 0o4000;

/// Whoever runs the file would run it as its group; in a folder, new files have its group.
pub(super) const SETGID: u32 = 0o2000;

/// A folder. Paths are relative to it, are not empty, and never leave it: not by `..`, and
/// not by a symbolic link that leads elsewhere, whoever made it and whenever.
pub(super) trait Folder: Send + Sync {
    /// Whether the functions of this folder, and of what is opened in it, may block.
    fn blocks(&self) -> bool;

    /// Opens a file or folder, or makes a file.
    fn open(&self, path: &str, how: &Open) -> Answer<Opened>;

    /// What is at a path.
    fn stat(&self, path: &str, follow: bool) -> Answer<Stat>;

    /// Changes what is kept of a file or folder besides its content. What [`Kind::permits`] refuses
    /// is decided by the very thing that is changed, whatever was at the path before.
    fn change(&self, path: &str, follow: bool, change: Change) -> Answer<()>;

    /// Makes a folder with these permission bits.
    fn make_folder(&self, path: &str, mode: u32) -> Answer<()>;

    /// Removes an empty folder.
    fn remove_folder(&self, path: &str) -> Answer<()>;

    /// Removes a file or symbolic link.
    fn remove_file(&self, path: &str) -> Answer<()>;

    /// Makes a symbolic link to a relative target.
    fn make_link(&self, target: &str, path: &str) -> Answer<()>;

    /// The target of a symbolic link, which is relative.
    fn read_link(&self, path: &str) -> Answer<String>;

    /// Gives a file another name. Both folders must be of the same kind.
    fn link(&self, path: &str, to: &dyn Folder, to_path: &str) -> Answer<()>;

    /// Moves a file or folder, over a file that is there.
    fn rename(&self, path: &str, to: &dyn Folder, to_path: &str) -> Answer<()>;

    /// What is in the folder, without `.` and `..`.
    fn entries(&self) -> Answer<Box<dyn Entries>>;

    /// Whether this process may do something with what is at a path.
    fn allows(&self, path: &str, follow: bool, wish: Wish) -> Answer<()>;

    /// Writes the folder to its device.
    fn sync(&self) -> Answer<()>;

    /// The folder, for another of its own kind.
    fn as_any(&self) -> &dyn Any;
}

/// An open file.
pub(super) trait File: Send + Sync {
    /// Whether its functions may block.
    fn blocks(&self) -> bool;

    /// Whether a guest waits for its streams, as far as their functions do not wait themselves. Guests can tell.
    fn is_awaited(&self) -> bool {
        self.blocks()
    }

    /// Reads from an offset: at least one byte, or none at the end.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> Answer<usize>;

    /// Writes at an offset: at least one byte, where there is one.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> Answer<usize>;

    /// Writes to the end.
    fn append(&self, bytes: &[u8]) -> Answer<usize>;

    /// Cuts the file, or lengthens it by zeros.
    fn resize(&self, size: u64) -> Answer<()>;

    /// Writes the file to its device, perhaps without what a reader does not need.
    fn sync(&self, data_only: bool) -> Answer<()>;

    /// What is known of the file.
    fn stat(&self) -> Answer<Stat>;

    /// Changes what is kept of the file besides its content.
    fn change(&self, change: Change) -> Answer<()>;

    /// Says what will be read next.
    fn advise(&self, offset: u64, length: u64, advice: Advice) -> Answer<()>;

    /// The device that it stands for, which each instance has for itself.
    fn device(&self) -> Option<Device> {
        None
    }
}

/// A folder that is being read.
pub(super) trait Entries: Send {
    /// Whether reading on may block.
    fn blocks(&self) -> bool;

    /// The next at most `most` entries; none at the end.
    fn next(&mut self, most: usize) -> Answer<Vec<Entry>>;
}

/// One name in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The name; none where it is not UTF-8, which WASI cannot say.
    pub(super) name: Option<String>,
    pub(super) kind: Kind,
    /// That of [`Stat`], where it is known.
    pub(super) identity: Option<(u64, u64)>,
}

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    Link,
    BlockDevice,
    CharacterDevice,
    Pipe,
    Socket,
    /// Something else, or not known.
    Other,
}

impl Kind {
    /// Refuses to open what is neither a file nor a folder. Opening a link is refused elsewhere.
    pub(super) fn opens(self) -> Answer<()> {
        match self {
            Self::File | Self::Folder | Self::Link => Ok(()),
            _ => Err(ErrorCode::Unsupported),
        }
    }

    /// Refuses bits of a mode that may not be set where there is something of this kind. With setuid or
    /// setgid, whoever runs a file would run it with the rights of wxmcp's user or group.
    pub(super) fn permits(self, mode: u32) -> Answer<()> {
        let permitted = match self {
            Self::Folder => FOLDER_BITS | SETGID,
            _ => FILE_BITS,
        };
        match mode & !permitted {
            0 => Ok(()),
            _ => Err(ErrorCode::NotPermitted),
        }
    }
}

impl From<Kind> for DescriptorType {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::File => Self::RegularFile,
            Kind::Folder => Self::Directory,
            Kind::Link => Self::SymbolicLink,
            Kind::BlockDevice => Self::BlockDevice,
            Kind::CharacterDevice => Self::CharacterDevice,
            Kind::Pipe => Self::Fifo,
            Kind::Socket => Self::Socket,
            Kind::Other => Self::Unknown,
        }
    }
}

/// What is known of a file or folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stat {
    pub(super) kind: Kind,
    pub(super) links: u64,
    pub(super) size: u64,
    /// Times; none where there is none, or it is before 1970.
    pub(super) accessed: Option<SystemTime>,
    pub(super) modified: Option<SystemTime>,
    pub(super) changed: Option<SystemTime>,
    /// Permission bits, with setuid, setgid and the sticky bit.
    pub(super) mode: u32,
    /// Equal for the same file, and different for others.
    pub(super) identity: (u64, u64),
}

/// How something is opened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Open {
    pub(super) follow: bool,
    pub(super) read: bool,
    pub(super) write: bool,
    /// Make a file if there is none.
    pub(super) create: bool,
    /// Fail if there is one.
    pub(super) exclusive: bool,
    pub(super) truncate: bool,
    /// Fail if it is no folder.
    pub(super) folder: bool,
    /// Permission bits of a file that is made.
    pub(super) mode: u32,
}

/// What was opened.
pub(super) enum Opened {
    File(Arc<dyn File>),
    Folder(Arc<dyn Folder>),
}

/// What is changed of a file or folder.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    /// When it was last read and written.
    Times {
        accessed: Option<SystemTime>,
        modified: Option<SystemTime>,
    },
    /// Its permission bits.
    Mode(u32),
}

/// What somebody would like to do with a file or folder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) execute: bool,
}

/// The path of a folder without slashes at its end: where only a folder will do, they say nothing, and do
/// not lead through a link.
pub(super) fn without_slash(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => path,
        shorter => shorter,
    }
}

/// Does something that may block: on another thread, if it does.
pub(super) async fn off_the_loop<T: Send + 'static>(
    blocks: bool,
    act: impl FnOnce() -> T + Send + 'static,
) -> T {
    if blocks {
        spawn_blocking(act).await
    } else {
        act()
    }
}
