//! Links to a database that are kept open, and a bound on how many there are.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Failure;

/// Links in use at once.
const MAX_LINKS: usize = 16;

/// Links that are kept open while they are not in use.
const MAX_IDLE: usize = 8;

/// Idle links of one kind. No lock is held while a caller waits.
#[derive(Debug)]
pub(super) struct Pool<L> {
    idle: Mutex<Vec<L>>,
    permits: Arc<Semaphore>,
}

/// The permission to have one link in use. Whatever goes on over the link when its use is over has a clone:
/// a statement that was cancelled and has not ended yet counts as one in use.
#[derive(Clone, Debug)]
pub(super) struct LinkPermit {
    _permit: Arc<OwnedSemaphorePermit>,
}

impl<L> Pool<L> {
    pub(super) fn new() -> Self {
        Self {
            idle: Mutex::default(),
            permits: Arc::new(Semaphore::new(MAX_LINKS)),
        }
    }

    /// Waits for a permit, and takes an idle link if there is one.
    ///
    /// # Errors
    ///
    /// When no permit becomes free within `patience`.
    pub(super) async fn take(
        &self,
        patience: Duration,
    ) -> Result<(LinkPermit, Option<L>), Failure> {
        let free = Arc::clone(&self.permits).acquire_owned();
        let Ok(Ok(permit)) = tokio::time::timeout(patience, free).await else {
            return Err(Failure::Limit(format!(
                "all {MAX_LINKS} links to the database are in use, and none was free within {patience:?}"
            )));
        };
        let link = self.lock().pop();
        let permit = LinkPermit {
            _permit: Arc::new(permit),
        };
        Ok((permit, link))
    }

    /// Keeps a link for the next use, if fewer than the most are kept.
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
