//! What is held for one client: requests that have no answer yet, and answers that it has not read.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use rmcp::RoleServer;
use rmcp::model::{ClientNotification, JsonRpcMessage, RequestId};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests of a client that may be open at once: one more is refused. Each may take an answer of `--max-answer`.
const MAX_OPEN: usize = 512;

/// Bytes that all lines of these requests may have. A line may have half of them.
const MAX_OPEN_BYTES: usize = 64 << 20;

/// Answers that may wait to be written before no more requests are read.
const MAX_UNWRITTEN: usize = 64;

/// The same in bytes. Requests that are open by then are answered all the same.
const MAX_UNWRITTEN_BYTES: usize = 1 << 20;

/// Resources of any size that are read at once; the next waits until one of their answers was written.
const LARGE: usize = 4;

/// What is held for one client.
#[derive(Clone)]
pub(crate) struct Open {
    requests: Arc<Mutex<Requests>>,
    unwritten: Arc<Unwritten>,
    large: Arc<Semaphore>,
}

#[derive(Default)]
struct Requests {
    open: HashMap<RequestId, Request>,
    bytes: usize,
}

struct Request {
    bytes: usize,
    /// Kept until its answer was written.
    large: Option<OwnedSemaphorePermit>,
}

#[derive(Default)]
struct Unwritten {
    answers: AtomicUsize,
    bytes: AtomicUsize,
}

/// An answer that waits to be written.
pub(crate) struct Waiting {
    unwritten: Arc<Unwritten>,
    bytes: usize,
    _large: Option<OwnedSemaphorePermit>,
}

impl Default for Open {
    fn default() -> Self {
        Self {
            requests: Arc::default(),
            unwritten: Arc::default(),
            large: Arc::new(Semaphore::new(LARGE)),
        }
    }
}

impl Open {
    /// Notes a message of the client, whose line has so many bytes.
    ///
    /// # Errors
    ///
    /// Why it is refused, and the request that it is.
    pub(crate) fn take(
        &self,
        message: &RxJsonRpcMessage<RoleServer>,
        bytes: usize,
    ) -> Result<(), (RequestId, String)> {
        match message {
            JsonRpcMessage::Request(request) => self
                .begin(&request.id, bytes)
                .map_err(|why| (request.id.clone(), why)),
            JsonRpcMessage::Notification(it) => {
                if let ClientNotification::CancelledNotification(cancelled) = &it.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    // It gets no answer.
                    drop(self.end(id));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn begin(&self, id: &RequestId, bytes: usize) -> Result<(), String> {
        let mut requests = self.requests.lock();
        let (count, all) = (requests.open.len(), requests.bytes.saturating_add(bytes));
        if count >= MAX_OPEN {
            return Err(format!(
                "{MAX_OPEN} requests are open: wait for the answers of some, or cancel them"
            ));
        }
        if all > MAX_OPEN_BYTES {
            return Err(format!(
                "open requests would have {all} bytes together, and may have {MAX_OPEN_BYTES}: wait for the answers of some"
            ));
        }
        match requests.open.entry(id.clone()) {
            Entry::Occupied(_) => return Err("a request with this `id` is open".to_owned()),
            Entry::Vacant(free) => free.insert(Request { bytes, large: None }),
        };
        requests.bytes = all;
        Ok(())
    }

    fn end(&self, id: &RequestId) -> Option<Request> {
        let mut requests = self.requests.lock();
        let ended = requests.open.remove(id)?;
        requests.bytes = requests.bytes.saturating_sub(ended.bytes);
        Some(ended)
    }

    /// Waits for the turn of a request whose answer may be large.
    pub(crate) async fn large(&self, id: &RequestId) {
        let Ok(permit) = Arc::clone(&self.large).acquire_owned().await else {
            return;
        };
        // One that was cancelled gets no answer.
        if let Some(request) = self.requests.lock().open.get_mut(id) {
            request.large = Some(permit);
        }
    }

    /// A message for the client, which waits from now on.
    pub(crate) fn answers(&self, message: &TxJsonRpcMessage<RoleServer>) -> Waiting {
        let ended = match message {
            JsonRpcMessage::Response(response) => self.end(&response.id),
            JsonRpcMessage::Error(error) => error.id.as_ref().and_then(|id| self.end(id)),
            _ => None,
        };
        self.unwritten.answers.fetch_add(1, Ordering::SeqCst);
        Waiting {
            unwritten: Arc::clone(&self.unwritten),
            bytes: 0,
            _large: ended.and_then(|it| it.large),
        }
    }

    /// Whether so much waits to be written that no more is read.
    pub(crate) fn is_full(&self) -> bool {
        self.unwritten.answers.load(Ordering::SeqCst) >= MAX_UNWRITTEN
            || self.unwritten.bytes.load(Ordering::SeqCst) >= MAX_UNWRITTEN_BYTES
    }
}

impl Waiting {
    /// It has so many bytes.
    pub(crate) fn has(&mut self, bytes: usize) {
        self.unwritten.bytes.fetch_add(bytes, Ordering::SeqCst);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.unwritten.bytes.fetch_sub(self.bytes, Ordering::SeqCst);
        self.unwritten.answers.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use rmcp::model::{ErrorData, NumberOrString};

    fn id(number: i64) -> RequestId {
        NumberOrString::Number(number)
    }

    fn answer(number: i64) -> TxJsonRpcMessage<RoleServer> {
        JsonRpcMessage::error(ErrorData::internal_error("x", None), Some(id(number)))
    }

    #[test]
    fn open_requests_are_bounded_by_number_bytes_and_id() {
        let open = Open::default();
        let most = i64::try_from(MAX_OPEN).unwrap();
        for number in 0..most {
            assert_eq!(open.begin(&id(number), 100), Ok(()));
        }
        assert!(open.begin(&id(-1), 1).unwrap_err().starts_with("512 req"));
        drop(open.answers(&answer(7)));
        let twice = open.begin(&id(8), 1).unwrap_err();
        assert_eq!(twice, "a request with this `id` is open");
        let long = open.begin(&id(-1), MAX_OPEN_BYTES).unwrap_err();
        assert!(long.starts_with("open requests would have"), "{long}");
        assert_eq!(open.begin(&id(7), 100), Ok(()));
        for number in 0..most {
            drop(open.answers(&answer(number)));
        }
        assert_eq!(open.begin(&id(1), MAX_OPEN_BYTES), Ok(()));
    }

    #[test]
    fn answers_that_are_not_written_stop_the_reading() {
        let open = Open::default();
        let mut waiting: Vec<_> = (0..64)
            .map(|number| open.answers(&answer(number)))
            .collect();
        assert!(open.is_full());
        waiting.truncate(3);
        assert!(!open.is_full());
        waiting[0].has(MAX_UNWRITTEN_BYTES);
        assert!(open.is_full());
        waiting.clear();
        assert!(!open.is_full());
    }

    #[test]
    fn large_answers_wait_for_those_before() {
        let open = Open::default();
        for number in 0..6 {
            open.begin(&id(number), 1).unwrap();
        }
        for number in 0..4 {
            assert!(open.large(&id(number)).now_or_never().is_some());
        }
        assert!(open.large(&id(4)).now_or_never().is_none());
        let waiting = open.answers(&answer(0));
        assert!(open.large(&id(4)).now_or_never().is_none());
        drop(waiting);
        assert!(open.large(&id(4)).now_or_never().is_some());
        // One that was cancelled is not waited for.
        drop(open.end(&id(1)));
        assert!(open.large(&id(1)).now_or_never().is_some());
        assert!(open.large(&id(5)).now_or_never().is_some());
    }
}
