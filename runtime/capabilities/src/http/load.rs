//! How much all answers together may hold while they are on their way.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

/// Bytes of all bodies that are being read or were not handed over yet.
const MAX_UNDER_WAY: usize = 256 << 20;

/// Bodies that are decompressed at once; more wait their turn.
const MAX_DECODING: usize = 2;

/// What is left for bodies.
#[derive(Clone, Debug)]
pub(super) struct Load {
    held: Arc<AtomicUsize>,
    limit: usize,
    pub(super) decoding: Arc<Semaphore>,
}

impl Default for Load {
    fn default() -> Self {
        Self::new(MAX_UNDER_WAY)
    }
}

impl Load {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            held: Arc::default(),
            limit,
            decoding: Arc::new(Semaphore::new(MAX_DECODING)),
        }
    }

    /// The share of one body, which is nothing yet.
    pub(super) fn share(&self) -> Share {
        Share {
            load: self.clone(),
            bytes: 0,
        }
    }
}

/// Bytes of one body; given back on drop.
#[derive(Debug)]
pub(super) struct Share {
    load: Load,
    bytes: usize,
}

impl Share {
    /// Holds so many bytes instead, if there is room for them.
    pub(super) fn hold(&mut self, bytes: usize) -> bool {
        let before = self.load.held.fetch_add(bytes, Ordering::Relaxed);
        self.load.held.fetch_sub(self.bytes, Ordering::Relaxed);
        let fits = before.saturating_sub(self.bytes).saturating_add(bytes) <= self.load.limit;
        self.bytes = bytes;
        fits
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.load.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_are_given_back() {
        let load = Load::new(10);
        let mut one = load.share();
        let mut two = load.share();
        assert!(one.hold(4) && one.hold(6) && two.hold(4));
        assert!(!two.hold(5));
        drop(one);
        assert!(two.hold(10));
        drop(two);
        assert_eq!(load.held.load(Ordering::Relaxed), 0);
    }
}
