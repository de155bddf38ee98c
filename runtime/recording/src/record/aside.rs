//! Work that blocks, in a thread of its own.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use parking_lot::Mutex;

struct Shared<T> {
    done: Option<T>,
    waker: Option<Waker>,
}

/// What some work answers that would block the event loop; at once where there can be no thread.
pub(super) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let shared = Arc::new(Mutex::new(Shared {
        done: None,
        waker: None,
    }));
    let work = Arc::new(Mutex::new(Some(work)));
    let (theirs, taken) = (Arc::clone(&shared), Arc::clone(&work));
    let thread = std::thread::Builder::new().spawn(move || {
        let work = taken.lock().take();
        if let Some(work) = work {
            let done = work();
            let mut shared = theirs.lock();
            shared.done = Some(done);
            if let Some(waker) = shared.waker.take() {
                waker.wake();
            }
        }
    });
    let here = thread.is_err().then(|| work.lock().take()).flatten();
    if let Some(work) = here {
        return work();
    }
    poll_fn(|context| {
        let mut shared = shared.lock();
        match shared.done.take() {
            Some(done) => Poll::Ready(done),
            None => {
                shared.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    })
    .await
}
