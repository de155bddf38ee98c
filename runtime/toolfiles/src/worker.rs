//! The thread that runs tool files while several of them are under way.
//!
//! The event loop's own thread waits for the outside; this one runs guest code. It
//! begins the next piece of work only while none of its own computes: what waits for the outside
//! overlaps, and what computes does not share caches and memory with dozens of others. Two threads
//! took 1.4 times as long on two processors, for calls and for descriptions: fresh instances are
//! page faults and mappings, and those of one process exclude each other.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::task::AtomicWaker;
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use wxmcp_run::BoxFuture;

/// Pieces of work that keep the thread busy.
pub(crate) const ENOUGH: usize = 4;

/// Turns of about 4 ms after which work that still computes no longer keeps the thread from
/// beginning other work: a long computation does not make a short one wait for its end.
const PATIENCE: u32 = 25;

/// Longest wait for the thread at the end: many turns of what computes.
const SETTLING: Duration = Duration::from_millis(200);

/// Stack of the thread, in bytes. Guests have their own.
const STACK: usize = 2 << 20;

/// Runs futures on a thread that exists only while there is work.
#[derive(Default)]
pub(crate) struct Worker {
    queue: Mutex<Queue>,
    ended: Notify,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<BoxFuture<'static, ()>>,
    /// Whether the thread exists.
    runs: bool,
    /// Wakes it while all that it has begun waits for the outside.
    idle: Option<Waker>,
}

impl Worker {
    /// Runs `work` on the thread, in the order of the calls; tasks that it spawns, timers and
    /// input are those of the caller's event loop. It is dropped when the answer is no longer waited
    /// for. None if it panicked.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (mut done, answer) = oneshot::channel();
        let work = async move {
            let value = tokio::select! {
                biased;
                () = done.closed() => return,
                value = work => value,
            };
            drop(done.send(value));
        };
        // Work that panics drops its end of the channel, and so tells the caller that waits.
        self.submit(Box::pin(AssertUnwindSafe(work).catch_unwind().map(drop)));
        answer.await.ok()
    }

    /// Waits until the thread has ended, which it does when nobody waits for its work any more:
    /// guests that compute need timers of the event loop until then.
    pub(crate) async fn settle(&self) {
        let settled = async {
            loop {
                let ended = self.ended.notified();
                if !self.queue().runs {
                    return;
                }
                ended.await;
            }
        };
        let _late = tokio::time::timeout(SETTLING, settled).await;
    }

    fn submit(self: &Arc<Self>, work: BoxFuture<'static, ()>) {
        let handle = Handle::current();
        let mut queue = self.queue();
        queue.waiting.push_back(work);
        if let Some(idle) = queue.idle.take() {
            idle.wake();
        }
        if queue.runs {
            return;
        }
        let run = {
            let (worker, handle) = (Arc::clone(self), handle.clone());
            move || handle.block_on(worker.work())
        };
        let thread = std::thread::Builder::new().stack_size(STACK).spawn(run);
        queue.runs = thread.is_ok();
        if !queue.runs {
            // Without the thread the event loop itself must do.
            let waiting = queue.waiting.drain(..);
            waiting.for_each(|work| drop(handle.spawn(work)));
        }
    }

    /// What the thread does until there is nothing left to do.
    async fn work(self: Arc<Self>) {
        let mut begun = FuturesUnordered::new();
        poll_fn(|context| {
            loop {
                while let Poll::Ready(Some(())) = begun.poll_next_unpin(context) {}
                if begun.iter().any(|turns: &Turns| turns.computes) {
                    return Poll::Pending;
                }
                match self.next(begun.is_empty(), context.waker()) {
                    Poll::Ready(Some(work)) => begun.push(Turns::new(work)),
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
    }

    /// What to begin; none when the thread is free to end.
    fn next(&self, is_free: bool, waker: &Waker) -> Poll<Option<BoxFuture<'static, ()>>> {
        let mut queue = self.queue();
        let work = queue.waiting.pop_front();
        if work.is_none() && !is_free {
            queue.idle = Some(waker.clone());
            return Poll::Pending;
        }
        if work.is_none() {
            (queue.runs, queue.idle) = (false, None);
            self.ended.notify_waiters();
        }
        Poll::Ready(work)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A piece of work.
struct Turns {
    work: BoxFuture<'static, ()>,
    asked: Arc<Asked>,
    turns: u32,
    /// Whether it asked for its next turn at once, or has not had its first.
    computes: bool,
}

/// Whether work was woken since its turn began.
#[derive(Default)]
struct Asked {
    asked: AtomicBool,
    thread: AtomicWaker,
}

impl Wake for Asked {
    fn wake(self: Arc<Self>) {
        self.asked.store(true, Ordering::Release);
        self.thread.wake();
    }
}

impl Turns {
    fn new(work: BoxFuture<'static, ()>) -> Self {
        Self {
            work,
            asked: Arc::default(),
            turns: 0,
            computes: true,
        }
    }
}

impl Future for Turns {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.asked.thread.register(context.waker());
        self.asked.asked.store(false, Ordering::Release);
        self.turns = self.turns.saturating_add(1);
        let waker = Waker::from(Arc::clone(&self.asked));
        let polled = self.work.as_mut().poll(&mut Context::from_waker(&waker));
        self.computes = self.asked.asked.load(Ordering::Acquire) && self.turns < PATIENCE;
        polled
    }
}

#[cfg(test)]
mod tests;
