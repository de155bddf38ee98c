//! What is remembered of the files, folders and links of one mount.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;

use super::is_folder;
use crate::files::errors::no_room;
use crate::files::seam::{Answer, Change, Stat};
use crate::files::time_of;
use wxmcp_run::{Charge, Clocks, Ledger};

/// Bytes that count for each file that a script has seen.
const NODE: u64 = 256;

/// What was seen of one mount.
pub(super) struct Nodes {
    device: u64,
    clocks: Clocks,
    /// When the run began.
    start: SystemTime,
    seen: Mutex<Seen>,
    pub(super) ledger: Ledger,
}

struct Seen {
    /// By the identity in the folder behind, while there is a name for it.
    nodes: HashMap<(u64, u64), Arc<Node>>,
    /// The number of the next one.
    next: u64,
    held: Charge,
}

/// A file, folder or link.
pub(super) struct Node {
    number: u64,
    kept: Mutex<Kept>,
}

/// What of it is not that of the folder behind.
struct Kept {
    /// Names that the script knows to be there.
    links: u64,
    accessed: SystemTime,
    modified: SystemTime,
    changed: SystemTime,
    /// Permission bits that the script said.
    mode: Option<u32>,
}

impl Nodes {
    pub(super) fn new(device: u64, ledger: &Ledger, clocks: &Clocks) -> Self {
        Self {
            device,
            clocks: clocks.clone(),
            start: time_of(clocks),
            seen: Mutex::new(Seen {
                nodes: HashMap::new(),
                next: 0,
                held: ledger.nothing(),
            }),
            ledger: ledger.clone(),
        }
    }

    /// What is remembered of something that was found.
    pub(super) fn of(&self, found: &Stat) -> Answer<Arc<Node>> {
        self.at(found.identity)
    }

    fn at(&self, identity: (u64, u64)) -> Answer<Arc<Node>> {
        let mut seen = self.seen.lock();
        if let Some(node) = seen.nodes.get(&identity) {
            return Ok(Arc::clone(node));
        }
        seen.held.grow(NODE).map_err(no_room)?;
        let node = Arc::new(Node {
            number: seen.next,
            kept: Mutex::new(Kept {
                links: 1,
                accessed: self.start,
                modified: self.start,
                changed: self.start,
                mode: None,
            }),
        });
        seen.next = seen.next.saturating_add(1);
        seen.nodes.insert(identity, Arc::clone(&node));
        Ok(node)
    }

    /// The identity that a script is told.
    pub(super) fn identity(&self, behind: (u64, u64)) -> Answer<(u64, u64)> {
        Ok((self.device, self.at(behind)?.number))
    }

    /// A name of it is gone. With the last one its identity may be that of something else.
    pub(super) fn removed(&self, found: Option<&Stat>) {
        let Some(found) = found else {
            return;
        };
        let mut seen = self.seen.lock();
        if let Some(node) = seen.nodes.get(&found.identity) {
            let mut kept = node.kept.lock();
            kept.links = kept.links.saturating_sub(1);
        }
        let was_last = is_folder(found) || found.links <= 1;
        if was_last && seen.nodes.remove(&found.identity).is_some() {
            seen.held.shrink(NODE);
        }
    }

    fn now(&self) -> SystemTime {
        time_of(&self.clocks)
    }
}

impl Node {
    /// What a script is told of it.
    pub(super) fn seen(&self, nodes: &Nodes, found: &Stat) -> Stat {
        let kept = self.kept.lock();
        let (links, size) = match is_folder(found) {
            true => (1, 0),
            // A name that the host gave it, and the script has not seen yet, may be left.
            false => (kept.links.max(1).min(found.links), found.size),
        };
        Stat {
            kind: found.kind,
            links,
            size,
            accessed: Some(kept.accessed),
            modified: Some(kept.modified),
            changed: Some(kept.changed),
            mode: kept.mode.unwrap_or(found.mode),
            identity: (nodes.device, self.number),
        }
    }

    /// The script made it.
    pub(super) fn made(&self, nodes: &Nodes, mode: u32) {
        let now = nodes.now();
        *self.kept.lock() = Kept {
            links: 1,
            accessed: now,
            modified: now,
            changed: now,
            mode: Some(mode),
        };
    }

    /// The script wrote to it.
    pub(super) fn written(&self, nodes: &Nodes) {
        let now = nodes.now();
        let mut kept = self.kept.lock();
        (kept.modified, kept.changed) = (now, now);
    }

    /// The script gave it another name.
    pub(super) fn moved(&self, nodes: &Nodes) {
        self.kept.lock().changed = nodes.now();
    }

    /// The script gave it one more name.
    pub(super) fn linked(&self, nodes: &Nodes) {
        let mut kept = self.kept.lock();
        kept.links = kept.links.saturating_add(1);
        kept.changed = nodes.now();
    }

    /// The script changed what is kept of it.
    pub(super) fn changed(&self, nodes: &Nodes, change: Change) {
        let now = nodes.now();
        let mut kept = self.kept.lock();
        match change {
            Change::Mode(mode) => kept.mode = Some(mode),
            Change::Times { accessed, modified } => {
                kept.accessed = accessed.unwrap_or(kept.accessed);
                kept.modified = modified.unwrap_or(kept.modified);
            }
        }
        kept.changed = now;
    }
}
