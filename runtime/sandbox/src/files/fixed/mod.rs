//! A folder of which a script sees nothing but its content and what the script itself did to it.
//!
//! Runs that must reproduce see mounts this way: listings are sorted by the bytes of names; files and folders have the time
//! at which the run began, and what the script makes, writes or changes has the time of its clock then; the time of a folder
//! does not change with what is in it. Files are numbered in the order in which the script first sees them. A folder has the
//! size 0 and one link; of a file those links count that the script saw made. Permission bits are those of the folder
//! behind, but of what the script makes they are what it asked for.

mod entries;
mod file;
mod nodes;
#[cfg(test)]
mod replayed;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::sync::Arc;

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::seam::{
    Answer, Change, Entries, FILE_BITS, FOLDER_BITS, Folder, Kind, Open, Opened, Stat, Wish,
    without_slash,
};
use entries::Sorted;
use file::FixedFile;
use nodes::Nodes;
use wxmcp_run::{Clocks, Ledger};

/// Permission bits of links on Linux.
const LINK_BITS: u32 = 0o777;

/// A folder of such a mount.
pub(super) struct Fixed {
    inner: Arc<dyn Folder>,
    nodes: Arc<Nodes>,
}

/// The same of a whole mount. `device` tells its files from those of others; what is remembered of them is charged.
pub(super) fn mount(
    inner: Arc<dyn Folder>,
    device: u64,
    ledger: &Ledger,
    clocks: &Clocks,
) -> Arc<dyn Folder> {
    Arc::new(Fixed {
        inner,
        nodes: Arc::new(Nodes::new(device, ledger, clocks)),
    })
}

impl Fixed {
    /// Another folder of the same mount: whether two mounts are on one device is the host's affair.
    fn same<'f>(&self, other: &'f dyn Folder) -> Answer<&'f Self> {
        let other = other.as_any().downcast_ref::<Self>();
        other
            .filter(|other| Arc::ptr_eq(&other.nodes, &self.nodes))
            .ok_or(ErrorCode::CrossDevice)
    }

    /// What has a name that is about to go.
    fn going(&self, path: &str) -> Option<Stat> {
        self.inner.stat(without_slash(path), false).ok()
    }

    /// The script made something with these permission bits.
    fn made(&self, path: &str, mode: u32) -> Answer<()> {
        let found = self.inner.stat(without_slash(path), false)?;
        self.nodes.of(&found)?.made(&self.nodes, mode);
        Ok(())
    }
}

impl Folder for Fixed {
    fn blocks(&self) -> bool {
        self.inner.blocks()
    }

    fn open(&self, path: &str, how: &Open) -> Answer<Opened> {
        let is_new = how.create
            && matches!(
                self.inner.stat(path, how.follow && !how.exclusive),
                Err(ErrorCode::NoEntry)
            );
        let file = match self.inner.open(path, how)? {
            Opened::File(file) => file,
            Opened::Folder(inner) => {
                return Ok(Opened::Folder(Arc::new(Self {
                    inner,
                    nodes: Arc::clone(&self.nodes),
                })));
            }
        };
        let node = self.nodes.of(&file.stat()?)?;
        if is_new {
            node.made(&self.nodes, how.mode & FILE_BITS);
        } else if how.truncate {
            node.written(&self.nodes);
        }
        let nodes = Arc::clone(&self.nodes);
        Ok(Opened::File(Arc::new(FixedFile::new(
            file, node, nodes, how.write,
        ))))
    }

    fn stat(&self, path: &str, follow: bool) -> Answer<Stat> {
        let found = self.inner.stat(path, follow)?;
        Ok(self.nodes.of(&found)?.seen(&self.nodes, &found))
    }

    fn change(&self, path: &str, follow: bool, change: Change) -> Answer<()> {
        self.inner.change(path, follow, change)?;
        let found = self.inner.stat(path, follow)?;
        self.nodes.of(&found)?.changed(&self.nodes, change);
        Ok(())
    }

    fn make_folder(&self, path: &str, mode: u32) -> Answer<()> {
        self.inner.make_folder(path, mode)?;
        self.made(path, mode & FOLDER_BITS)
    }

    fn remove_folder(&self, path: &str) -> Answer<()> {
        let going = self.going(path);
        self.inner.remove_folder(path)?;
        self.nodes.removed(going.as_ref());
        Ok(())
    }

    fn remove_file(&self, path: &str) -> Answer<()> {
        let going = self.going(path);
        self.inner.remove_file(path)?;
        self.nodes.removed(going.as_ref());
        Ok(())
    }

    fn make_link(&self, target: &str, path: &str) -> Answer<()> {
        self.inner.make_link(target, path)?;
        self.made(path, LINK_BITS)
    }

    fn read_link(&self, path: &str) -> Answer<String> {
        self.inner.read_link(path)
    }

    fn link(&self, path: &str, to: &dyn Folder, to_path: &str) -> Answer<()> {
        let to = self.same(to)?;
        self.inner.link(path, to.inner.as_ref(), to_path)?;
        let found = self.inner.stat(path, false)?;
        self.nodes.of(&found)?.linked(&self.nodes);
        Ok(())
    }

    fn rename(&self, path: &str, to: &dyn Folder, to_path: &str) -> Answer<()> {
        let to = self.same(to)?;
        let (moved, going) = (self.going(path), to.going(to_path));
        self.inner.rename(path, to.inner.as_ref(), to_path)?;
        let Some(moved) = moved else {
            return Ok(());
        };
        // Of two names of one file both stay.
        let going = going.filter(|going| going.identity != moved.identity);
        self.nodes.removed(going.as_ref());
        self.nodes.of(&moved)?.moved(&self.nodes);
        Ok(())
    }

    fn entries(&self) -> Answer<Box<dyn Entries>> {
        let (inner, nodes) = (self.inner.entries()?, Arc::clone(&self.nodes));
        Ok(Box::new(Sorted::new(inner, nodes)))
    }

    fn allows(&self, path: &str, follow: bool, wish: Wish) -> Answer<()> {
        self.inner.allows(path, follow, wish)
    }

    fn sync(&self) -> Answer<()> {
        self.inner.sync()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// Whether it is a folder.
fn is_folder(found: &Stat) -> bool {
    found.kind == Kind::Folder
}
