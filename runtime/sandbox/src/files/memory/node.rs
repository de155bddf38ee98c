//! What a folder in memory is made of.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::rules::Rules;
use crate::files::errors::no_room;
use crate::files::seam::{Answer, Change, Kind, Stat};
use crate::files::writable::Notes;
use wxmcp_run::{Charge, Clocks, Ledger, OverBudget, Rights};

/// Bytes that a file, folder or link counts for besides its content and name: itself, and what its allocation takes.
pub(super) const NODE: u64 = 256;

/// Bytes of a piece of a file: what was never written takes no memory.
pub(super) const PAGE: u64 = 4 << 10;
/// Bytes of the first table of a folder's entries, or of a file's pages. It has room for eleven of them.
const TABLE: u64 = 400;

/// Bytes that one more name takes besides its letters: its share of tables that are half full, and an allocation of
/// its own.
const NAME: u64 = 128;

/// Bytes that one more page of a file takes besides its content.
const PAGE_ENTRY: u64 = 96;

/// What a file holds for a page with so much content.
pub(super) fn page(content: u64) -> u64 {
    content.saturating_add(PAGE_ENTRY)
}

/// What a folder holds for a name that it gives, however many names its node has.
fn named(name: &str) -> u64 {
    NAME.saturating_add(length(name))
}

/// What the nodes of one root share.
pub(in crate::files) struct Space {
    device: u64,
    pub(super) limit: u64,
    used: Mutex<Charge>,
    /// Held by whoever looks names up, or changes them.
    pub(super) names: Mutex<()>,
    /// The number of the next node.
    next: AtomicU64,
    /// Where it is noted that there is no more room, if that is to be noted.
    notes: Option<Arc<Notes>>,
    /// Who says when a node was made or changed.
    clocks: Clocks,
    /// What else holds, in a folder that was captured.
    pub(super) rules: Option<Rules>,
}

impl Space {
    pub(super) fn new(
        limit: u64,
        device: u64,
        ledger: &Ledger,
        notes: Option<Arc<Notes>>,
        clocks: &Clocks,
    ) -> Arc<Self> {
        Arc::new(Self {
            device,
            limit,
            used: Mutex::new(ledger.nothing()),
            names: Mutex::new(()),
            next: AtomicU64::new(0),
            notes,
            clocks: clocks.clone(),
            rules: None,
        })
    }

    /// The room of what was captured, which its own rules bound.
    pub(super) fn of_captured(device: u64, ledger: &Ledger, rules: Rules) -> Arc<Self> {
        Arc::new(Self {
            device,
            limit: u64::MAX,
            used: Mutex::new(ledger.nothing()),
            names: Mutex::new(()),
            next: AtomicU64::new(0),
            notes: None,
            // Nobody sees its times: the mount has others.
            clocks: Clocks::Live,
            rules: Some(rules),
        })
    }

    /// The time of what happens now.
    pub(super) fn now(&self) -> SystemTime {
        crate::files::time_of(&self.clocks)
    }

    /// The room of the scratch folders of one instance.
    pub(in crate::files) fn of_scratch(
        limit: u64,
        device: u64,
        ledger: &Ledger,
        (notes, clocks): (&Arc<Notes>, &Clocks),
    ) -> Arc<Self> {
        Self::new(limit, device, ledger, Some(Arc::clone(notes)), clocks)
    }

    /// Bytes that it is charged for.
    pub(in crate::files) fn held(&self) -> u64 {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.bytes()
    }

    /// Charges what it holds to another ledger.
    pub(in crate::files) fn charge_to(&self, ledger: &Ledger) -> Result<(), OverBudget> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.transfer(ledger)
    }

    /// The error of something for which there is no room, which is noted.
    pub(super) fn full(&self, error: ErrorCode) -> ErrorCode {
        if let Some(notes) = &self.notes {
            notes.scratch_full(self.limit);
        }
        error
    }

    pub(super) fn spend(&self, bytes: u64) -> Answer<()> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = used.bytes().checked_add(bytes);
        if fits.is_none_or(|used| used > self.limit) {
            return Err(self.full(ErrorCode::InsufficientSpace));
        }
        used.grow(bytes).map_err(no_room)
    }

    pub(super) fn give_back(&self, bytes: u64) {
        self.used
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .shrink(bytes);
    }
}

/// A file, folder or link.
pub(super) struct Node {
    number: u64,
    pub(super) space: Arc<Space>,
    inner: Mutex<Inner>,
}

pub(super) struct Inner {
    pub(super) body: Body,
    pub(super) mode: u32,
    /// As whom a script uses it; none where permission bits are only kept.
    pub(super) rights: Option<Rights>,
    /// How it stands to what is protected in a folder that was captured.
    pub(super) standing: Standing,
    accessed: SystemTime,
    pub(super) modified: SystemTime,
    pub(super) changed: SystemTime,
    /// Names that it has. A folder without one takes nothing new.
    pub(super) links: u64,
    /// Bytes of the space that it holds.
    pub(super) held: u64,
    /// The folder that has it; of a file with several names none is meant.
    parent: Weak<Node>,
}

/// How a file or folder stands to what is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Standing {
    /// It may be changed.
    #[default]
    Free,
    /// Something protected is found by way of this folder.
    Around,
    /// It is protected, or inside of what is.
    Protected,
}

pub(super) enum Body {
    File {
        size: u64,
        pages: BTreeMap<u64, Box<[u8]>>,
        /// What is where no page is.
        base: Base,
    },
    Folder(BTreeMap<String, Arc<Node>>),
    Link(String),
}

/// The beginning of a file that was captured: bytes that others have, too, as far as they are not cut off.
#[derive(Default)]
pub(super) struct Base {
    bytes: Option<Arc<[u8]>>,
    length: usize,
}

impl Base {
    pub(super) fn new(bytes: Arc<[u8]>) -> Self {
        Self {
            length: bytes.len(),
            bytes: Some(bytes),
        }
    }

    pub(super) fn length(&self) -> u64 {
        u64::try_from(self.length).unwrap_or(u64::MAX)
    }

    /// Copies what is at an offset; behind its end are zeros.
    pub(super) fn copy(&self, offset: u64, into: &mut [u8]) {
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let to = from.saturating_add(into.len()).min(self.length);
        let bytes = self.bytes.as_ref().and_then(|bytes| bytes.get(from..to));
        let bytes = bytes.unwrap_or_default();
        let (head, rest) = into.split_at_mut(bytes.len());
        head.copy_from_slice(bytes);
        rest.fill(0);
    }

    /// The file is cut.
    pub(super) fn cut(&mut self, size: u64) {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        self.length = self.length.min(size);
        if self.length == 0 {
            self.bytes = None;
        }
    }

    /// All bytes of a file of this size.
    pub(super) fn content(&self, size: u64, pages: &BTreeMap<u64, Box<[u8]>>) -> Arc<[u8]> {
        if let Some(bytes) = &self.bytes
            && pages.is_empty()
            && usize::try_from(size).is_ok_and(|size| size == self.length)
            && bytes.len() == self.length
        {
            return Arc::clone(bytes);
        }
        let mut content = vec![0; usize::try_from(size).unwrap_or_default()];
        self.copy(0, &mut content);
        for (number, page) in pages {
            let start = usize::try_from(number.saturating_mul(PAGE)).unwrap_or(usize::MAX);
            for (to, from) in content.iter_mut().skip(start).zip(page) {
                *to = *from;
            }
        }
        content.into()
    }
}

impl Body {
    /// Bytes that it takes as it begins, besides its node.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::File { .. } | Self::Folder(_) => TABLE,
            Self::Link(target) => length(target),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.space.give_back(inner.held);
        if let (Some(rules), Body::File { size, pages, base }) = (&self.space.rules, &inner.body) {
            rules.give_back(taken(*size, pages.len(), base));
        }
        // A deep tree is taken apart here, not by drops inside each other.
        let mut inside = VecDeque::new();
        if let Body::Folder(entries) = &mut inner.body {
            inside.extend(std::mem::take(entries).into_values());
        }
        while let Some(node) = inside.pop_front() {
            if let Some(node) = Arc::into_inner(node)
                && let Body::Folder(entries) = &mut node.lock().body
            {
                inside.extend(std::mem::take(entries).into_values());
            }
        }
    }
}

impl Node {
    pub(super) fn new(space: &Arc<Space>, body: Body, mode: u32, held: u64) -> Arc<Self> {
        let now = space.now();
        let rights = space.rules.as_ref().map(|rules| rules.rights);
        Arc::new(Self {
            number: space.next.fetch_add(1, Ordering::Relaxed),
            space: Arc::clone(space),
            inner: Mutex::new(Inner {
                body,
                mode,
                rights,
                standing: Standing::Free,
                accessed: now,
                modified: now,
                changed: now,
                links: 1,
                held,
                parent: Weak::new(),
            }),
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn kind(&self) -> Kind {
        match self.lock().body {
            Body::File { .. } => Kind::File,
            Body::Folder(_) => Kind::Folder,
            Body::Link(_) => Kind::Link,
        }
    }

    pub(super) fn identity(&self) -> (u64, u64) {
        (self.space.device, self.number)
    }

    pub(super) fn stat(&self) -> Stat {
        let inner = self.lock();
        let (kind, size) = match &inner.body {
            Body::File { size, .. } => (Kind::File, *size),
            Body::Folder(_) => (Kind::Folder, 0),
            Body::Link(target) => (Kind::Link, length(target)),
        };
        Stat {
            kind,
            links: inner.links,
            size,
            accessed: Some(inner.accessed),
            modified: Some(inner.modified),
            changed: Some(inner.changed),
            mode: inner.mode,
            identity: self.identity(),
        }
    }

    pub(super) fn change(&self, change: Change) -> Answer<()> {
        self.is_own()?;
        if let Change::Mode(mode) = change {
            self.kind().permits(mode)?;
        }
        let mut inner = self.lock();
        match change {
            Change::Mode(mode) => inner.mode = mode,
            Change::Times { accessed, modified } => {
                inner.accessed = accessed.unwrap_or(inner.accessed);
                inner.modified = modified.unwrap_or(inner.modified);
            }
        }
        inner.changed = self.space.now();
        Ok(())
    }

    /// A node that a folder has by a name.
    pub(super) fn child(&self, name: &str) -> Answer<Arc<Self>> {
        match &self.lock().body {
            Body::Folder(entries) => entries.get(name).cloned().ok_or(ErrorCode::NoEntry),
            _ => Err(ErrorCode::NotDirectory),
        }
    }

    /// Gives a node a name in this folder. The name counts, and its place in the table.
    pub(super) fn add(self: &Arc<Self>, name: &str, node: Arc<Self>) -> Answer<()> {
        let mut inner = self.lock();
        if inner.links == 0 {
            return Err(ErrorCode::NoEntry);
        }
        let Body::Folder(entries) = &mut inner.body else {
            return Err(ErrorCode::NotDirectory);
        };
        self.space.spend(named(name))?;
        node.adopt(self);
        entries.insert(name.to_owned(), node);
        inner.held = inner.held.saturating_add(named(name));
        inner.modified = self.space.now();
        Ok(())
    }

    /// The folder that has it; of a file with several names one of them.
    pub(super) fn parent(&self) -> Option<Arc<Self>> {
        self.lock().parent.upgrade()
    }

    /// Says which folder has it.
    pub(super) fn adopt(&self, parent: &Arc<Self>) {
        self.lock().parent = Arc::downgrade(parent);
    }

    /// Takes a name away.
    pub(super) fn take(&self, name: &str) {
        let mut inner = self.lock();
        if let Body::Folder(entries) = &mut inner.body
            && entries.remove(name).is_some()
        {
            self.space.give_back(named(name));
            inner.held = inner.held.saturating_sub(named(name));
            inner.modified = self.space.now();
        }
    }

    /// Where a link leads.
    pub(super) fn target(&self) -> Option<String> {
        match &self.lock().body {
            Body::Link(target) => Some(target.clone()),
            _ => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(&self.lock().body, Body::Folder(entries) if entries.is_empty())
    }
}

/// Bytes of a file that become free with it: holes never took any.
pub(super) fn taken(size: u64, pages: usize, base: &Base) -> u64 {
    let pages = u64::try_from(pages).unwrap_or(u64::MAX);
    size.min(pages.saturating_mul(PAGE).saturating_add(base.length()))
}

/// Whether a folder is another one, or has it somewhere inside.
pub(super) fn contains(folder: &Arc<Node>, other: &Arc<Node>) -> bool {
    let mut at = Some(Arc::clone(other));
    while let Some(node) = at {
        if Arc::ptr_eq(folder, &node) {
            return true;
        }
        at = node.parent();
    }
    false
}

pub(super) fn length(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}
