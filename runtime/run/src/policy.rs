//! What a run may touch. The default is nothing.

use std::path::PathBuf;
use std::sync::Arc;

use crate::captured::Captured;

/// What a run may touch besides its tools.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Folders that the script sees.
    pub mounts: Vec<Mount>,
    /// The whole environment that the script sees.
    pub env: Vec<(String, String)>,
    /// What the script reads from its standard input.
    pub stdin: Stdin,
    /// Paths of the guest at which packages are found that scripts import, in order: mounts, or folders in them.
    pub packages: Vec<String>,
    /// What of the host the script may not change through any mount.
    pub protected: Protected,
    /// The folder of the guest that a script begins in; none: its home. Supplied components and tool files begin in `/`.
    pub workdir: Option<String>,
    /// Files that no mount shows, by device and inode: what wxmcp writes of the run itself, such as its recording. Only runs
    /// that are given their sources hide them.
    pub hidden: Vec<(u64, u64)>,
}

/// Files and folders of the host that no mount lets a script change, whether they are there yet or not: what programs
/// of the host read as their configuration, or execute. Scripts may read them where a mount shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protected {
    /// Names, in any folder of a mount, in upper or lower case.
    pub names: Vec<String>,
    /// Paths of the host, with all that is inside.
    pub paths: Vec<PathBuf>,
}

/// How much a script may add to a folder of the host in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Bytes by which files become longer. What is removed, or cut off, counts no more.
    pub bytes: u64,
    /// Names of files, folders and links.
    pub files: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self {
            bytes: 1 << 30,
            files: 100_000,
        }
    }
}

/// A folder at a path of the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// What is there.
    pub source: Source,
    /// Its absolute path in the guest.
    pub guest: String,
    /// What the script may do below it.
    pub access: Access,
    /// How much it may add to a folder of the host that it may write to.
    pub quota: Quota,
}

impl Mount {
    /// What a guest sees of it: its path there, and `ro` or `rw`.
    pub fn told(&self) -> (&str, &'static str) {
        let access = match self.access {
            Access::ReadOnly => "ro",
            Access::ReadWrite => "rw",
        };
        (&self.guest, access)
    }
}

/// What a script sees at a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A directory of the host.
    Host(PathBuf),
    /// A folder in memory, empty at first, and gone with the instance.
    Memory {
        /// Most bytes that names and files in it take.
        bytes: u64,
    },
    /// What a folder of a host held, as a folder in memory. It is gone with the instance, but for what
    /// [`Captured::now`] hands out.
    Captured(Arc<Captured>),
    /// Packages, out of the cache of this machine. Nobody writes to them, and their digest says what they are.
    Bundle(BundleFile),
}

/// A file of the cache that holds a tree of files: `wxmcp-bundle` has its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleFile {
    /// The SHA-256 of the file, in hexadecimal.
    pub digest: String,
    /// The folder that it is in; none: that of this user's cache.
    pub folder: Option<PathBuf>,
}

/// What may be done with a mount, a directory or a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Read files and list folders.
    ReadOnly,
    /// Read, create, change and remove.
    ReadWrite,
}

/// What a script reads from its standard input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stdin {
    /// Nothing: end of file at once.
    #[default]
    Empty,
    /// These bytes.
    Bytes(Vec<u8>),
    /// The standard input of this process.
    Inherit,
}
