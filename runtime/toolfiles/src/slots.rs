//! How many tool files run at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use wxmcp_policy::MAX_DEPTH;

/// Tool files that run at once for scripts: as many calls as one script has in flight, unless
/// its limit is another.
const FIRST: usize = 64;

/// Tool files that run at once for tool files, at each depth.
const NESTED: usize = 16;

/// Slots for running tool files, of each depth its own: what waits for a deeper one never
/// keeps that one from running.
#[derive(Debug)]
pub(crate) struct Slots([Arc<Semaphore>; MAX_DEPTH]);

/// A slot for one running tool file.
#[derive(Debug)]
pub(crate) struct Slot {
    all: Arc<Semaphore>,
    size: usize,
    _own: OwnedSemaphorePermit,
}

impl Slot {
    /// Whether no other tool file of its depth is under way.
    pub(crate) fn is_alone(&self) -> bool {
        self.all.available_permits().saturating_add(1) >= self.size
    }
}

impl Default for Slots {
    fn default() -> Self {
        Self(std::array::from_fn(|depth| {
            Arc::new(Semaphore::new(size(depth)))
        }))
    }
}

impl Slots {
    /// Waits until a tool file may run that so many others wait for.
    pub(crate) async fn enter(&self, depth: usize) -> Option<Slot> {
        let all = Arc::clone(self.0.get(depth)?);
        let own = Arc::clone(&all).acquire_owned().await.ok()?;
        Some(Slot {
            all,
            size: size(depth),
            _own: own,
        })
    }
}

fn size(depth: usize) -> usize {
    if depth == 0 { FIRST } else { NESTED }
}
