//! What a folder holds, as a value: a run that has it mounted sees a folder in memory.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

/// A folder with all that is in it. One run has it mounted, and writes to a copy.
pub struct Captured {
    /// The folder itself, whose path is empty, and what is in it: sorted by path, each folder before what it holds.
    pub entries: Vec<CapturedEntry>,
    /// The permission bits that nothing was made with where it was captured.
    pub umask: u32,
    /// Names of it, in any folder, and paths that a script may not change, there or not: what
    /// [`Protected`](crate::Protected) says of a host.
    pub protected: Kept,
    /// The folder in memory of the run that has it mounted.
    shown: Mutex<Option<Arc<dyn Shown>>>,
}

/// What of a folder stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Names, in any folder, in upper or lower case.
    pub names: Vec<String>,
    /// Paths in the folder, with all that is inside; an empty one is the folder itself.
    pub paths: Vec<String>,
}

/// A folder, file or link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedEntry {
    /// Its path in the folder that was captured, without a slash at either end.
    pub path: String,
    /// Its permission bits, with setuid, setgid and the sticky bit.
    pub mode: u32,
    /// Which of them say what may be done with it.
    pub rights: Rights,
    /// What it is.
    pub body: CapturedBody,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CapturedBody {
    /// A folder.
    Folder,
    /// A file, with its bytes.
    File(Arc<[u8]>),
    /// A symbolic link, with its target.
    Link(String),
    /// Another name of the file at this path, which comes before.
    Same(String),
}

/// As whom a script uses a file or folder: that says which permission bits count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rights {
    /// As its owner.
    #[default]
    Owner,
    /// As one of its group.
    Group,
    /// As somebody else.
    Others,
    /// As root, whom they do not stop.
    Root,
}

/// The folder in memory that shows what was captured.
pub trait Shown: Send + Sync {
    /// What is in it now, in the order of [`Captured::entries`].
    fn entries(&self) -> Vec<CapturedEntry>;
}

impl Captured {
    /// What was found, in any order.
    pub fn new(mut entries: Vec<CapturedEntry>) -> Self {
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        Self {
            entries,
            umask: 0o022,
            protected: Kept::default(),
            shown: Mutex::default(),
        }
    }

    /// The same for another run: what files hold is not copied.
    #[must_use]
    pub fn of_another_run(&self) -> Self {
        Self {
            entries: self.entries.clone(),
            umask: self.umask,
            protected: self.protected.clone(),
            shown: Mutex::default(),
        }
    }

    /// The folder itself, if it is among the entries.
    pub fn top(&self) -> Option<&CapturedEntry> {
        self.entries.first().filter(|it| it.path.is_empty())
    }

    /// The run that mounts it shows it by this folder.
    pub fn show(&self, shown: Arc<dyn Shown>) {
        *self.shown.lock() = Some(shown);
    }

    /// What is in it now: what was captured, with all that a run changed that has it mounted.
    pub fn now(&self) -> Vec<CapturedEntry> {
        let shown = self.shown.lock().clone();
        shown.map_or_else(|| self.entries.clone(), |shown| shown.entries())
    }
}

impl PartialEq for Captured {
    fn eq(&self, other: &Self) -> bool {
        (&self.entries, self.umask, &self.protected)
            == (&other.entries, other.umask, &other.protected)
    }
}

impl Eq for Captured {}

impl fmt::Debug for Captured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Captured({} entries)", self.entries.len())
    }
}
