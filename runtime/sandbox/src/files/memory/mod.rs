//! Folders and files in memory, gone when nobody holds them any more.
//!
//! All that came from one root share a [`Space`], which bounds their bytes. One lock guards
//! their names, so that what moves from one folder to another is in one of them at any time.

mod captured;
mod file;
mod kept;
mod node;
mod rules;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::seam::{
    Answer, Change, Entries, FILE_BITS, FOLDER_BITS, File, Folder, Kind, Open, Opened, Stat, Wish,
    without_slash,
};
pub(super) use captured::captured;
use file::{MemoryEntries, MemoryFile};
pub(super) use node::Space;
use node::{Base, Body, NODE, Node, contains};
use rules::{EXECUTE, READ, Rules, WRITE};
use wxmcp_run::{Clocks, Ledger};

/// Most bytes of one name, as on Linux.
const NAME: usize = 255;

/// Most links that one path leads through, as on Linux.
const LINKS: u32 = 40;

/// An empty folder whose content has at most so many bytes. `device` tells its files from
/// those of other folders. The bytes are charged to the ledger as they are taken.
pub(super) fn root(bytes: u64, device: u64, ledger: &Ledger, clocks: &Clocks) -> Arc<dyn Folder> {
    folder(&Space::new(bytes, device, ledger, None, clocks))
}

/// An empty folder whose content takes room of a space, which other folders may share: files can be moved between them.
pub(super) fn folder(space: &Arc<Space>) -> Arc<dyn Folder> {
    // The folder itself is not counted, so that there is one even in no space.
    Arc::new(Memory {
        node: Node::new(space, Body::Folder(BTreeMap::new()), 0o755, 0),
    })
}

/// A folder in memory.
struct Memory {
    node: Arc<Node>,
}

/// Where the last name of a path is, or would be.
struct Spot {
    folder: Arc<Node>,
    name: String,
    /// What is there now.
    found: Option<Arc<Node>>,
    /// Whether the path said that it is a folder, by a slash at its end.
    wants_folder: bool,
}

/// What a path leads to.
enum Found {
    /// The folder that it began with, or one that it went through: its name is not known.
    Folder(Arc<Node>),
    Spot(Spot),
}

impl Memory {
    fn names(&self) -> MutexGuard<'_, ()> {
        let names = self.node.space.names.lock();
        names.unwrap_or_else(PoisonError::into_inner)
    }

    /// Walks along a path. The lock of the names is held by the caller.
    fn walk(&self, path: &str, follow: bool) -> Answer<Found> {
        if path.starts_with('/') {
            return Err(ErrorCode::NotPermitted);
        }
        let mut above = vec![Arc::clone(&self.node)];
        let mut left = parts(path);
        let mut wants_folder = path.ends_with('/');
        let (mut links, mut spot) = (0, None);
        while let Some(name) = left.pop() {
            let is_last = left.is_empty();
            let here = above.last().ok_or(ErrorCode::NotPermitted)?;
            match name.as_str() {
                "." => {
                    spot = None;
                    continue;
                }
                ".." if above.len() == 1 => return Err(ErrorCode::NotPermitted),
                ".." => {
                    above.pop();
                    spot = None;
                    continue;
                }
                _ if name.len() > NAME => return Err(ErrorCode::NameTooLong),
                _ => {}
            }
            here.permits(EXECUTE)?;
            let child = match here.child(&name) {
                Ok(child) => Some(child),
                Err(ErrorCode::NoEntry) if is_last => None,
                Err(error) => return Err(error),
            };
            if (!is_last || follow || wants_folder)
                && let Some(target) = child.as_ref().and_then(|child| child.target())
            {
                links += 1;
                if links > LINKS {
                    return Err(ErrorCode::Loop);
                }
                // Only what was captured has such links.
                if target.starts_with('/') {
                    return Err(ErrorCode::NotPermitted);
                }
                wants_folder |= is_last && target.ends_with('/');
                left.extend(parts(&target));
                continue;
            }
            let folder = child.clone().filter(|child| child.kind() == Kind::Folder);
            if !is_last && folder.is_none() {
                return Err(ErrorCode::NotDirectory);
            }
            spot = Some(Spot {
                folder: Arc::clone(here),
                name,
                found: child,
                wants_folder,
            });
            above.extend(folder);
        }
        match spot {
            Some(spot) => Ok(Found::Spot(spot)),
            None => above.pop().map(Found::Folder).ok_or(ErrorCode::NoEntry),
        }
    }

    /// What is at a path.
    fn node(&self, path: &str, follow: bool) -> Answer<Arc<Node>> {
        match self.walk(path, follow)? {
            Found::Folder(node) => Ok(node),
            Found::Spot(spot) => spot.node(),
        }
    }

    /// The place of a name that is changed: a path that ends with `.` or `..` has none.
    fn spot(&self, path: &str) -> Answer<Spot> {
        match self.walk(path, false)? {
            Found::Spot(spot) => spot.check().map(|()| spot),
            Found::Folder(_) => Err(ErrorCode::Invalid),
        }
    }

    /// Refuses a path that ends with `.` or `..` where a name is changed: as the host does, in what was captured.
    fn has_name(&self, path: &str, otherwise: ErrorCode) -> Answer<()> {
        let trimmed = path.trim_end_matches('/');
        let (above, name) = trimmed.rsplit_once('/').unwrap_or((".", trimmed));
        match name {
            "." | ".." if self.node.space.rules.is_some() => {
                self.node(above, true)?;
                Err(otherwise)
            }
            _ => Ok(()),
        }
    }

    /// Makes something at a path where nothing is.
    fn make(&self, path: &str, body: Body, mode: u32) -> Answer<()> {
        let _names = self.names();
        self.has_name(path, ErrorCode::Exist)?;
        let spot = match self.walk(path, false)? {
            Found::Spot(spot) => spot,
            Found::Folder(_) => return Err(ErrorCode::Exist),
        };
        spot.check()?;
        if let Body::Link(target) = &body {
            spot.check_target(target)?;
            spot.takes_link()?;
        }
        if spot.found.is_some() {
            return Err(ErrorCode::Exist);
        }
        if spot.wants_folder && !matches!(body, Body::Folder(_)) {
            return Err(ErrorCode::NoEntry);
        }
        spot.make(body, mode).map(|_| ())
    }
}

impl Spot {
    fn node(self) -> Answer<Arc<Node>> {
        let found = self.found.ok_or(ErrorCode::NoEntry)?;
        if self.wants_folder && found.kind() != Kind::Folder {
            return Err(ErrorCode::NotDirectory);
        }
        Ok(found)
    }

    fn make(&self, body: Body, mode: u32) -> Answer<Arc<Node>> {
        let space = &self.folder.space;
        Rules::add(space.rules.as_ref(), || {
            self.folder.permits(WRITE)?;
            let held = NODE.saturating_add(body.bytes());
            space.spend(held)?;
            let mode = self.folder.of_new(&body, mode);
            let node = Node::new(space, body, mode, held);
            self.folder.add(&self.name, Arc::clone(&node))?;
            Ok(node)
        })
    }

    /// Takes the name away from what has it.
    fn remove(&self, found: &Node) {
        self.folder.take(&self.name);
        if let Some(rules) = &self.folder.space.rules {
            rules.remove_name();
        }
        let mut inner = found.lock();
        inner.links = inner.links.saturating_sub(1);
        inner.changed = found.space.now();
    }
}

impl Folder for Memory {
    fn blocks(&self) -> bool {
        false
    }

    fn open(&self, path: &str, how: &Open) -> Answer<Opened> {
        let _names = self.names();
        let mut is_new = false;
        let node = match self.walk(path, how.follow)? {
            Found::Folder(node) => node,
            Found::Spot(spot) => match &spot.found {
                Some(_) if how.create && how.exclusive => return Err(ErrorCode::Exist),
                None if how.create && spot.wants_folder => return Err(ErrorCode::IsDirectory),
                None if how.create => {
                    let body = Body::File {
                        size: 0,
                        pages: BTreeMap::new(),
                        base: Base::default(),
                    };
                    is_new = true;
                    spot.check()?;
                    spot.make(body, how.mode & FILE_BITS)?
                }
                _ => spot.node()?,
            },
        };
        let writes = how.write || how.create || how.truncate;
        match node.kind() {
            Kind::Folder if writes => Err(ErrorCode::IsDirectory),
            Kind::Folder => {
                node.permits(READ)?;
                Ok(Opened::Folder(Arc::new(Self { node })))
            }
            Kind::Link => Err(ErrorCode::Loop),
            _ if how.folder => Err(ErrorCode::NotDirectory),
            _ => {
                if !is_new {
                    node.permits(wanted(how))?;
                    if writes {
                        node.check()?;
                    }
                }
                let file = MemoryFile { node };
                if how.truncate {
                    file.resize(0)?;
                }
                Ok(Opened::File(Arc::new(file)))
            }
        }
    }

    fn stat(&self, path: &str, follow: bool) -> Answer<Stat> {
        let _names = self.names();
        Ok(self.node(path, follow)?.stat())
    }

    fn change(&self, path: &str, follow: bool, change: Change) -> Answer<()> {
        let _names = self.names();
        let node = self.node(path, follow)?;
        if matches!(change, Change::Mode(_)) && node.kind() == Kind::Link {
            return Err(ErrorCode::Unsupported);
        }
        node.check()?;
        node.change(change)
    }

    fn make_folder(&self, path: &str, mode: u32) -> Answer<()> {
        self.make(path, Body::Folder(BTreeMap::new()), mode & FOLDER_BITS)
    }

    fn remove_folder(&self, path: &str) -> Answer<()> {
        let _names = self.names();
        self.has_name(path, ErrorCode::Invalid)?;
        let spot = self.spot(without_slash(path))?;
        let found = spot.found.as_ref().ok_or(ErrorCode::NoEntry)?;
        spot.check_around()?;
        spot.folder.permits(WRITE)?;
        if found.kind() != Kind::Folder {
            return Err(ErrorCode::NotDirectory);
        }
        if !found.is_empty() {
            return Err(ErrorCode::NotEmpty);
        }
        spot.remove(found);
        Ok(())
    }

    fn remove_file(&self, path: &str) -> Answer<()> {
        let _names = self.names();
        self.has_name(path, ErrorCode::IsDirectory)?;
        let spot = self.spot(path)?;
        let found = spot.found.as_ref().ok_or(ErrorCode::NoEntry)?;
        spot.folder.permits(WRITE)?;
        match found.kind() {
            Kind::Folder => return Err(ErrorCode::IsDirectory),
            _ if spot.wants_folder => return Err(ErrorCode::NotDirectory),
            _ => {}
        }
        spot.remove(found);
        Ok(())
    }

    fn make_link(&self, target: &str, path: &str) -> Answer<()> {
        // In what was captured the name is looked at first, as on the host.
        if target.starts_with('/') && self.node.space.rules.is_none() {
            return Err(ErrorCode::NotPermitted);
        }
        if target.is_empty() {
            return Err(ErrorCode::NoEntry);
        }
        self.make(path, Body::Link(target.to_owned()), 0o777)
    }

    fn read_link(&self, path: &str) -> Answer<String> {
        let _names = self.names();
        let target = self.node(path, false)?.target();
        match target.ok_or(ErrorCode::Invalid)? {
            target if target.starts_with('/') => Err(ErrorCode::NotPermitted),
            target => Ok(target),
        }
    }

    fn link(&self, path: &str, to: &dyn Folder, to_path: &str) -> Answer<()> {
        let to = self.same_space(to)?;
        let _names = self.names();
        self.has_name(path, ErrorCode::NotPermitted)?;
        let from = match self.walk(path, false)? {
            Found::Spot(from) => from,
            Found::Folder(_) => return Err(ErrorCode::NotPermitted),
        };
        from.check()?;
        to.has_name(to_path, ErrorCode::Exist)?;
        let spot = to.spot(to_path)?;
        from.check_moved(&spot)?;
        let node = from.node()?;
        if spot.found.is_some() {
            return Err(ErrorCode::Exist);
        }
        if node.kind() == Kind::Folder {
            return Err(ErrorCode::NotPermitted);
        }
        if spot.wants_folder {
            return Err(ErrorCode::NoEntry);
        }
        Rules::add(self.node.space.rules.as_ref(), || {
            spot.folder.permits(WRITE)?;
            spot.folder.add(&spot.name, Arc::clone(&node))
        })?;
        let mut inner = node.lock();
        inner.links = inner.links.saturating_add(1);
        Ok(())
    }

    fn rename(&self, path: &str, to: &dyn Folder, to_path: &str) -> Answer<()> {
        let to = self.same_space(to)?;
        let _names = self.names();
        self.has_name(path, ErrorCode::Invalid)?;
        to.has_name(to_path, ErrorCode::Invalid)?;
        let (from, to) = (self.spot(path)?, to.spot(to_path)?);
        let moved = from.found.as_ref().ok_or(ErrorCode::NoEntry)?;
        let is_folder = moved.kind() == Kind::Folder;
        from.check_around()?;
        to.check_around()?;
        from.check_moved(&to)?;
        from.folder.permits(WRITE)?;
        to.folder.permits(WRITE)?;
        if !is_folder && (from.wants_folder || to.wants_folder) {
            return Err(ErrorCode::NotDirectory);
        }
        if is_folder && contains(moved, &to.folder) {
            return Err(ErrorCode::Invalid);
        }
        if let Some(there) = &to.found {
            if Arc::ptr_eq(there, moved) {
                return Ok(());
            }
            match (is_folder, there.kind() == Kind::Folder) {
                (true, false) => return Err(ErrorCode::NotDirectory),
                (false, true) => return Err(ErrorCode::IsDirectory),
                (true, true) if !there.is_empty() => return Err(ErrorCode::NotEmpty),
                _ => to.remove(there),
            }
        }
        to.folder.add(&to.name, Arc::clone(moved))?;
        from.folder.take(&from.name);
        Ok(())
    }

    fn entries(&self) -> Answer<Box<dyn Entries>> {
        Ok(Box::new(MemoryEntries {
            node: Arc::clone(&self.node),
            last: None,
        }))
    }

    fn allows(&self, path: &str, follow: bool, wish: Wish) -> Answer<()> {
        let _names = self.names();
        self.node(path, follow)?.allows(wish)
    }

    fn sync(&self) -> Answer<()> {
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Memory {
    /// Another folder, if it is of the same root.
    fn same_space<'f>(&self, other: &'f dyn Folder) -> Answer<&'f Self> {
        let other = other.as_any().downcast_ref::<Self>();
        other
            .filter(|other| Arc::ptr_eq(&other.node.space, &self.node.space))
            .ok_or(ErrorCode::CrossDevice)
    }
}

/// The permission bits that opening a file takes.
fn wanted(how: &Open) -> u32 {
    let writes = how.write || how.create || how.truncate;
    let read = if how.read || !how.write { READ } else { 0 };
    if writes { read | WRITE } else { read }
}

/// The parts of a path, the first one last.
fn parts(path: &str) -> Vec<String> {
    let parts = path.split('/').rev().filter(|part| !part.is_empty());
    parts.map(str::to_owned).collect()
}
