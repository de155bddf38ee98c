//! Who pays for what a request takes while it is sent, and for its answer.

use std::sync::Arc;

use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wxmcp_run::{CallProgress, Held, Ledger};

/// Messages that may wait to be written to one server, in units of [`UNIT`]: so many small ones, or one that is larger
/// than all of them.
const MAX_UNSENT: u32 = 1024;

/// Bytes of a message that take one unit.
const UNIT: u64 = 1024;

/// Goes with a request through rmcp, beside what is sent.
#[derive(Clone, Debug)]
pub(crate) struct Payer {
    /// Where its answer is charged.
    pub(crate) ledger: Ledger,
    /// Who hears how far it is.
    pub(crate) progress: CallProgress,
    /// What is charged for the message: given back when it is written, or given up.
    pub(crate) _held: Held,
    /// Its place among the messages that wait to be written.
    pub(crate) _place: Option<Arc<OwnedSemaphorePermit>>,
}

/// The places of messages that wait to be written to one server.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        let places = usize::try_from(MAX_UNSENT).unwrap_or(Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(places)))
    }
}

impl Places {
    /// Waits for a place for a message of so many bytes. Messages get their places in the order of the calls.
    pub(crate) async fn take(&self, bytes: u64) -> Option<Arc<OwnedSemaphorePermit>> {
        let units = u32::try_from(bytes / UNIT).unwrap_or(MAX_UNSENT);
        let units = units.saturating_add(1).min(MAX_UNSENT);
        let place = Arc::clone(&self.0).acquire_many_owned(units).await;
        // The places of a server are never closed.
        place.ok().map(Arc::new)
    }
}

/// How many bytes a value takes as JSON; nothing is kept of it.
pub(crate) fn length_of(value: &impl Serialize) -> u64 {
    struct Count(u64);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let more = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.0 = self.0.saturating_add(more);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // Values of JSON can be written, and counting cannot fail.
    let _ = serde_json::to_writer(&mut count, value);
    count.0
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn a_message_is_as_long_as_it_is_written() {
        let value = serde_json::json!({"a": ["x\n", 1.50, null]});
        let written = u64::try_from(value.to_string().len()).unwrap();
        assert_eq!(length_of(&value), written);
    }

    #[test]
    fn a_large_message_waits_for_small_ones_and_later_ones_for_it() {
        let places = Places::default();
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(first) = pin!(places.take(10)).poll(&mut context) else {
            panic!("the first waits");
        };
        let mut large = pin!(places.take(u64::MAX));
        assert!(large.as_mut().poll(&mut context).is_pending());
        let mut later = pin!(places.take(10));
        assert!(later.as_mut().poll(&mut context).is_pending());
        drop(first);
        let Poll::Ready(large) = large.as_mut().poll(&mut context) else {
            panic!("the large one waits");
        };
        assert!(later.as_mut().poll(&mut context).is_pending());
        drop(large);
        assert!(later.as_mut().poll(&mut context).is_ready());
    }
}
