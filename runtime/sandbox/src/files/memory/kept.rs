//! What of a folder that was captured a script may not change, and where its links may lead: as in a folder of the host.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::Spot;
use super::node::{Body, Node, Standing};
use super::rules::Rules;
use crate::files::seam::{Answer, Kind};
use crate::files::writable::{Guard, stays};
use wxmcp_policy::guard::fold;
use wxmcp_run::Protected;

/// What is protected in one mount.
#[derive(Default)]
pub(super) struct Kept {
    names: Guard,
    /// Paths at which nothing may be made: the number of the folder, and the name.
    places: Mutex<HashSet<(u64, String)>>,
}

impl Kept {
    pub(super) fn new(names: &[String]) -> Self {
        let protected = Protected {
            names: names.to_vec(),
            paths: Vec::new(),
        };
        Self {
            names: Guard::new(&protected),
            places: Mutex::default(),
        }
    }

    /// Whether a name is protected in every folder.
    pub(super) fn is_name(&self, name: &str) -> bool {
        self.names.is_name(name)
    }

    /// Marks what is at these paths, and what leads there.
    pub(super) fn protect(&self, root: &Arc<Node>, paths: &[String]) {
        paths.iter().for_each(|path| self.protect_one(root, path));
    }

    fn protect_one(&self, root: &Arc<Node>, path: &str) {
        let mut at = Arc::clone(root);
        for name in path.split('/').filter(|name| !name.is_empty()) {
            mark(&at, Standing::Around);
            match at.child(name) {
                Ok(child) => at = child,
                Err(_) => {
                    let place = (at.identity().1, fold(name));
                    self.places.lock().insert(place);
                    return;
                }
            }
        }
        mark_all(&at);
    }
}

fn mark(node: &Node, standing: Standing) {
    let mut inner = node.lock();
    if inner.standing != Standing::Protected {
        inner.standing = standing;
    }
}

/// Protects something with all that is inside.
pub(super) fn mark_all(node: &Arc<Node>) {
    let mut left = vec![Arc::clone(node)];
    while let Some(node) = left.pop() {
        mark(&node, Standing::Protected);
        if let Body::Folder(entries) = &node.lock().body {
            left.extend(entries.values().cloned());
        }
    }
}

impl Spot {
    /// Refuses to change what is protected at this name, or to make it.
    pub(super) fn check(&self) -> Answer<()> {
        let Some(rules) = &self.folder.space.rules else {
            return Ok(());
        };
        let place = (self.folder.identity().1, fold(&self.name));
        let found = self.found.as_ref().map(|found| found.lock().standing);
        let is_protected = self.folder.lock().standing == Standing::Protected
            || found == Some(Standing::Protected)
            || rules.kept.is_name(&self.name)
            || rules.kept.places.lock().contains(&place);
        match is_protected {
            true => refuse(rules, &self.folder, &self.name),
            false => Ok(()),
        }
    }

    /// Refuses to move or remove a folder by which something protected is found.
    pub(super) fn check_around(&self) -> Answer<()> {
        let found = self.found.as_ref().map(|found| found.lock().standing);
        match &self.folder.space.rules {
            Some(rules) if found == Some(Standing::Around) => {
                refuse(rules, &self.folder, &self.name)
            }
            _ => Ok(()),
        }
    }

    /// Refuses a link that would lead out of the mount.
    pub(super) fn check_target(&self, target: &str) -> Answer<()> {
        match self.folder.space.rules.is_some() && !stays(target, depth(&self.folder)) {
            true => Err(ErrorCode::NotPermitted),
            false => Ok(()),
        }
    }

    /// Refuses a link where a path says that there is a folder, and there is none.
    pub(super) fn takes_link(&self) -> Answer<()> {
        let found = self.found.as_ref().filter(|_| self.wants_folder);
        match found.is_some_and(|found| found.kind() != Kind::Folder) {
            true if self.folder.space.rules.is_some() => Err(ErrorCode::NotDirectory),
            _ => Ok(()),
        }
    }

    /// Refuses another place for what is here, from where a link would lead out of the mount; and to move what has
    /// something protected inside.
    pub(super) fn check_moved(&self, to: &Self) -> Answer<()> {
        let (Some(rules), Some(moved)) = (&self.folder.space.rules, &self.found) else {
            return Ok(());
        };
        let (was, is) = (depth(&self.folder), depth(&to.folder));
        let mut left = vec![(Arc::clone(moved), was, is)];
        while let Some((node, was, is)) = left.pop() {
            let inner = node.lock();
            if inner.standing == Standing::Protected {
                drop(inner);
                return refuse(rules, &self.folder, &self.name);
            }
            match &inner.body {
                Body::Folder(entries) => {
                    let deeper = |depth: usize| depth.saturating_add(1);
                    let inside = entries.values().cloned();
                    left.extend(inside.map(|node| (node, deeper(was), deeper(is))));
                }
                Body::Link(target) if stays(target, was) && !stays(target, is) => {
                    return Err(ErrorCode::NotPermitted);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Node {
    /// Refuses a change of what is protected.
    pub(super) fn check(self: &Arc<Self>) -> Answer<()> {
        let is_protected = self.lock().standing == Standing::Protected;
        match &self.space.rules {
            Some(rules) if is_protected && self.kind() == Kind::Folder => refuse(rules, self, "."),
            Some(rules) if is_protected => {
                let above = self.parent().unwrap_or_else(|| Arc::clone(self));
                let name = name_in(&above, self).unwrap_or_default();
                refuse(rules, &above, &name)
            }
            _ => Ok(()),
        }
    }
}

fn refuse<T>(rules: &Rules, folder: &Arc<Node>, name: &str) -> Answer<T> {
    let mut path = match name {
        "." => Vec::new(),
        name => vec![name.to_owned()],
    };
    let mut at = Arc::clone(folder);
    while let Some(above) = at.parent() {
        path.extend(name_in(&above, &at));
        at = above;
    }
    path.reverse();
    rules.notes.protected(&path.join("/"));
    Err(ErrorCode::NotPermitted)
}

/// How a folder calls what it has.
fn name_in(folder: &Node, node: &Arc<Node>) -> Option<String> {
    let inner = folder.lock();
    let Body::Folder(entries) = &inner.body else {
        return None;
    };
    let mut entries = entries.iter();
    let found = entries.find(|(_, it)| Arc::ptr_eq(it, node));
    found.map(|(name, _)| name.clone())
}

/// How many folders are around one.
fn depth(folder: &Arc<Node>) -> usize {
    let mut at = folder.parent();
    let mut depth: usize = 0;
    while let Some(node) = at {
        depth = depth.saturating_add(1);
        at = node.parent();
    }
    depth
}
