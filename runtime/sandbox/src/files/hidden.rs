//! A folder without some of its files: what wxmcp writes of the very run that looks.
//!
//! They are known by device and inode, so they are hidden by whatever name. What would make or change such a name is left to
//! the folder behind, where the name is protected.

use std::any::Any;
use std::sync::Arc;

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::seam::{Answer, Change, Entries, Entry, Folder, Open, Opened, Stat, Wish};

/// Files, by device and inode.
type Identities = Arc<[(u64, u64)]>;

/// The folder without these files.
pub(super) fn without(inner: Arc<dyn Folder>, hidden: &[(u64, u64)]) -> Arc<dyn Folder> {
    match hidden.is_empty() {
        true => inner,
        false => Arc::new(Hiding {
            inner,
            hidden: hidden.into(),
        }),
    }
}

struct Hiding {
    inner: Arc<dyn Folder>,
    hidden: Identities,
}

impl Hiding {
    fn refuse_hidden(&self, path: &str, follow: bool) -> Answer<()> {
        match self.inner.stat(path, follow) {
            Ok(found) if self.hidden.contains(&found.identity) => Err(ErrorCode::NoEntry),
            _ => Ok(()),
        }
    }

    /// The folder behind another folder of this kind.
    fn behind<'f>(&self, other: &'f dyn Folder) -> Answer<&'f dyn Folder> {
        let other = other.as_any().downcast_ref::<Self>();
        other
            .map(|other| other.inner.as_ref())
            .ok_or(ErrorCode::CrossDevice)
    }
}

impl Folder for Hiding {
    fn blocks(&self) -> bool {
        self.inner.blocks()
    }

    fn open(&self, path: &str, how: &Open) -> Answer<Opened> {
        // Where it may be made, its name is refused behind this.
        if !how.create {
            self.refuse_hidden(path, how.follow)?;
        }
        match self.inner.open(path, how)? {
            Opened::File(file) if self.hidden.contains(&file.stat()?.identity) => {
                Err(ErrorCode::NoEntry)
            }
            Opened::Folder(inner) => Ok(Opened::Folder(Arc::new(Self {
                inner,
                hidden: Arc::clone(&self.hidden),
            }))),
            opened => Ok(opened),
        }
    }

    fn stat(&self, path: &str, follow: bool) -> Answer<Stat> {
        let found = self.inner.stat(path, follow)?;
        match self.hidden.contains(&found.identity) {
            true => Err(ErrorCode::NoEntry),
            false => Ok(found),
        }
    }

    fn change(&self, path: &str, follow: bool, change: Change) -> Answer<()> {
        self.refuse_hidden(path, follow)?;
        self.inner.change(path, follow, change)
    }

    fn make_folder(&self, path: &str, mode: u32) -> Answer<()> {
        self.inner.make_folder(path, mode)
    }

    fn remove_folder(&self, path: &str) -> Answer<()> {
        self.inner.remove_folder(path)
    }

    fn remove_file(&self, path: &str) -> Answer<()> {
        self.inner.remove_file(path)
    }

    fn make_link(&self, target: &str, path: &str) -> Answer<()> {
        self.inner.make_link(target, path)
    }

    fn read_link(&self, path: &str) -> Answer<String> {
        self.refuse_hidden(path, false)?;
        self.inner.read_link(path)
    }

    fn link(&self, path: &str, to: &dyn Folder, to_path: &str) -> Answer<()> {
        self.inner.link(path, self.behind(to)?, to_path)
    }

    fn rename(&self, path: &str, to: &dyn Folder, to_path: &str) -> Answer<()> {
        self.inner.rename(path, self.behind(to)?, to_path)
    }

    fn entries(&self) -> Answer<Box<dyn Entries>> {
        Ok(Box::new(Shown {
            inner: self.inner.entries()?,
            hidden: Arc::clone(&self.hidden),
        }))
    }

    fn allows(&self, path: &str, follow: bool, wish: Wish) -> Answer<()> {
        self.refuse_hidden(path, follow)?;
        self.inner.allows(path, follow, wish)
    }

    fn sync(&self) -> Answer<()> {
        self.inner.sync()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A listing without them.
struct Shown {
    inner: Box<dyn Entries>,
    hidden: Identities,
}

impl Entries for Shown {
    fn blocks(&self) -> bool {
        self.inner.blocks()
    }

    fn next(&mut self, most: usize) -> Answer<Vec<Entry>> {
        loop {
            let mut some = self.inner.next(most)?;
            let is_end = some.is_empty();
            let is_hidden = |identity| self.hidden.contains(&identity);
            some.retain(|entry| !entry.identity.is_some_and(is_hidden));
            if is_end || !some.is_empty() {
                return Ok(some);
            }
        }
    }
}
