//! Scratch: the folders in memory that a script may write to without a mount, gone with its instance. With them comes `/dev`.

use std::sync::Arc;

use super::devices::Devices;
use super::memory::{self, Space};
use super::tree::{Mounted, Tree};
use super::writable::Notes;
use crate::surroundings::{DEVICES, Surroundings};
use wxmcp_run::{Access, Clocks, Ledger, OverBudget};

/// The scratch folders of one instance, which share their room.
pub(super) struct Scratch {
    /// Where they are; empty once they are in the tree.
    paths: Vec<&'static str>,
    /// Whether `/dev` is to be put there, too.
    has_devices: bool,
    clocks: Clocks,
    bytes: u64,
    /// Tells their files from those of other mounts.
    device: u64,
    /// Their room, once they are in the tree.
    space: Option<Arc<Space>>,
}

impl Scratch {
    /// The folders, which are not in a tree yet; `mounts` is the number of mounts besides.
    pub(super) fn new(surroundings: &Surroundings, mounts: usize, clocks: &Clocks) -> Self {
        // The mounts have the numbers above.
        let mounts = u64::try_from(mounts).unwrap_or(u64::MAX);
        Self {
            paths: surroundings.scratch.clone(),
            has_devices: surroundings.has_devices,
            clocks: clocks.clone(),
            bytes: surroundings.bytes,
            device: (u64::MAX - 1).saturating_sub(mounts),
            space: None,
        }
    }

    /// Puts the folders into the tree, if they are not there yet.
    pub(super) fn mount(&mut self, tree: &mut Tree, ledger: &Ledger, notes: &Arc<Notes>) {
        if std::mem::take(&mut self.has_devices) {
            let mounted = Mounted {
                folder: Arc::new(Devices),
                access: Access::ReadWrite,
            };
            tree.put(DEVICES, mounted);
        }
        if self.paths.is_empty() {
            return;
        }
        let space = Space::of_scratch(self.bytes, self.device, ledger, (notes, &self.clocks));
        for path in std::mem::take(&mut self.paths) {
            let mounted = Mounted {
                folder: memory::folder(&space),
                access: Access::ReadWrite,
            };
            tree.put(path, mounted);
        }
        self.space = Some(space);
    }

    /// Bytes that they are charged for.
    pub(super) fn held(&self) -> u64 {
        self.space.as_ref().map_or(0, |space| space.held())
    }

    /// Charges what they hold to another run.
    pub(super) fn charge_to(&mut self, ledger: &Ledger) -> Result<(), OverBudget> {
        match &self.space {
            Some(space) => space.charge_to(ledger),
            None => Ok(()),
        }
    }
}
