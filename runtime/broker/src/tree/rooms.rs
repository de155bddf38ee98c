//! How many tool files run at once.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::caller::MAX_DEPTH;

/// Tool files that run at once for scripts: as many calls as one script has in flight, unless
/// it was told otherwise.
const FIRST: usize = 64;

/// Tool files that run at once for tool files, at each depth.
const NESTED: usize = 16;

/// Room for running tool files, of each depth its own: what waits for a deeper one never
/// keeps that one from running.
#[derive(Debug)]
pub(crate) struct Rooms([Semaphore; MAX_DEPTH]);

impl Default for Rooms {
    fn default() -> Self {
        Self(std::array::from_fn(|depth| {
            Semaphore::new(if depth == 0 { FIRST } else { NESTED })
        }))
    }
}

impl Rooms {
    /// Waits until a tool file may run that so many others wait for.
    pub(crate) async fn enter(&self, depth: usize) -> Option<SemaphorePermit<'_>> {
        self.0.get(depth)?.acquire().await.ok()
    }
}
