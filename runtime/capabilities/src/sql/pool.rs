//! Links to a database that are kept open, and a bound on how many there are.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Failure;

/// Links in use at once.
const MAX_LINKS: usize = 16;

/// Links that are kept open while nobody uses them.
const MAX_IDLE: usize = 8;

/// Idle links of one kind. No lock is held while anybody waits.
#[derive(Debug)]
pub(super) struct Pool<L> {
    idle: Mutex<Vec<L>>,
    places: Arc<Semaphore>,
}

/// The right to have one link in use.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
}

impl<L> Pool<L> {
    pub(super) fn new() -> Self {
        Self {
            idle: Mutex::default(),
            places: Arc::new(Semaphore::new(MAX_LINKS)),
        }
    }

    /// Waits for a place, and takes an idle link if there is one.
    ///
    /// # Errors
    ///
    /// When all places stay taken for as long as `patience`.
    pub(super) async fn take(&self, patience: Duration) -> Result<(Place, Option<L>), Failure> {
        let free = Arc::clone(&self.places).acquire_owned();
        let Ok(Ok(_permit)) = tokio::time::timeout(patience, free).await else {
            return Err(Failure::Limit(format!(
                "all {MAX_LINKS} links to the database are in use, and none was free within {patience:?}"
            )));
        };
        let link = self.lock().pop();
        Ok((Place { _permit }, link))
    }

    /// Keeps a link for whoever comes next, if there is room.
    pub(super) fn keep(&self, link: L) {
        let mut idle = self.lock();
        if idle.len() < MAX_IDLE {
            idle.push(link);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<L>> {
        self.idle.lock()
    }
}
