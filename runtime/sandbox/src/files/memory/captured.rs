//! Folders in memory that show what was captured, and hand out what became of it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::kept::{Kept, mark_all};
use super::node::{Base, Body, NODE, Node, Space, length};
use super::rules::Rules;
use super::{Folder, Memory};
use crate::files::writable::{MountNotes, Notes};
use wxmcp_run::{Captured, CapturedBody, CapturedEntry, Ledger, Mount, Rights, Shown};

/// A folder that shows what was captured. Bytes of files are not copied until the script writes to them. What it holds is
/// charged to the process: the run that was recorded did not hold it.
pub(in crate::files) fn captured(
    captured: &Captured,
    mount: &Mount,
    device: u64,
    (ledger, notes): (&Ledger, &Arc<Notes>),
) -> Arc<dyn Folder> {
    let notes = MountNotes {
        notes: Arc::clone(notes),
        guest: mount.guest.clone(),
    };
    let kept = Kept::new(&captured.protected.names);
    let rules = Rules::new(mount.quota, notes, captured, kept);
    let space = Space::of_captured(device, ledger.process(), rules);
    let root = fill(captured, &space);
    let content = Content {
        root: Arc::clone(&root),
    };
    captured.show(Arc::new(content));
    Arc::new(Memory { node: root })
}

/// Makes all that was captured.
fn fill(captured: &Captured, space: &Arc<Space>) -> Arc<Node> {
    let (mode, rights) = captured
        .top()
        .map_or((0o755, Rights::Owner), |top| (top.mode, top.rights));
    let root = node(space, Body::Folder(BTreeMap::new()), mode, rights);
    let mut known = HashMap::from([("", Arc::clone(&root))]);
    for entry in captured.entries.iter().filter(|it| !it.path.is_empty()) {
        let (above, name) = entry.path.rsplit_once('/').unwrap_or(("", &entry.path));
        // A recording is hostile: what has no folder around it is not there.
        let Some(above) = known.get(above).cloned().filter(|_| is_name(name)) else {
            continue;
        };
        let new = match &entry.body {
            CapturedBody::Folder => Body::Folder(BTreeMap::new()),
            CapturedBody::Link(target) => Body::Link(target.clone()),
            CapturedBody::File(bytes) => Body::File {
                size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
                pages: BTreeMap::new(),
                base: Base::new(Arc::clone(bytes)),
            },
            CapturedBody::Same(other) => {
                let there = known.get(other.as_str()).cloned();
                if let Some(there) = there.filter(|it| matches!(it.lock().body, Body::File { .. }))
                {
                    let mut inner = there.lock();
                    inner.links = inner.links.saturating_add(1);
                    drop(inner);
                    above.put(name, there);
                }
                continue;
            }
        };
        let new = node(space, new, entry.mode, entry.rights);
        above.put(name, Arc::clone(&new));
        known.insert(&entry.path, new);
    }
    if let Some(rules) = &space.rules {
        let named = known.iter().filter(|(path, _)| {
            let (_, name) = path.rsplit_once('/').unwrap_or(("", path));
            rules.kept.is_name(name)
        });
        named.for_each(|(_, node)| mark_all(node));
        rules.kept.protect(&root, &captured.protected.paths);
    }
    root
}

fn node(space: &Arc<Space>, body: Body, mode: u32, rights: Rights) -> Arc<Node> {
    // Without room for it the process ends soon anyway; what is captured is bounded.
    let held = space.spend(NODE).map_or(0, |()| NODE);
    let node = Node::new(space, body, mode & 0o7777, held);
    node.lock().rights = Some(rights);
    node
}

fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains('\0') && name.len() <= super::NAME
}

/// A folder in memory that a run has mounted.
struct Content {
    root: Arc<Node>,
}

impl Shown for Content {
    fn entries(&self) -> Vec<CapturedEntry> {
        let names = self.root.space.names.lock();
        let _names = names.unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut entries = Vec::new();
        let mut left = vec![(String::new(), Arc::clone(&self.root))];
        while let Some((path, node)) = left.pop() {
            let inner = node.lock();
            let (mode, rights) = (inner.mode, inner.rights.unwrap_or_default());
            let body = match &inner.body {
                Body::Folder(inside) => {
                    left.extend(inside.iter().map(|(name, node)| {
                        let slash = if path.is_empty() { "" } else { "/" };
                        (format!("{path}{slash}{name}"), Arc::clone(node))
                    }));
                    CapturedBody::Folder
                }
                Body::Link(target) => CapturedBody::Link(target.clone()),
                Body::File { size, pages, base } => CapturedBody::File(base.content(*size, pages)),
            };
            let entry = CapturedEntry {
                path,
                mode,
                rights,
                body,
            };
            entries.push((node.identity(), inner.links, entry));
        }
        entries.sort_by(|(.., one), (.., other)| one.path.cmp(&other.path));
        same(entries)
    }
}

/// Entries, each name of a file but the first by that.
fn same(entries: Vec<((u64, u64), u64, CapturedEntry)>) -> Vec<CapturedEntry> {
    let mut first: HashMap<(u64, u64), String> = HashMap::new();
    let entries = entries.into_iter().map(|(identity, links, mut entry)| {
        if links > 1 && matches!(entry.body, CapturedBody::File(_)) {
            match first.get(&identity) {
                Some(other) => entry.body = CapturedBody::Same(other.clone()),
                None => {
                    first.insert(identity, entry.path.clone());
                }
            }
        }
        entry
    });
    entries.collect()
}

impl Node {
    /// Gives a node a name that was captured.
    fn put(self: &Arc<Self>, name: &str, node: Arc<Self>) {
        let mut inner = self.lock();
        // What was captured counts for whoever captured it, but is given back with its name.
        if self.space.spend(length(name)).is_ok() {
            inner.held = inner.held.saturating_add(length(name));
        }
        node.adopt(self);
        if let Body::Folder(entries) = &mut inner.body {
            entries.insert(name.to_owned(), node);
        }
    }
}
