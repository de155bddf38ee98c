//! The thread that runs tool files while several of them are under way.
//!
//! The event loop's own thread waits for the outside; this one runs guest code. It
//! begins the next piece of work only while none of its own computes: what waits for the outside
//! overlaps, and what computes does not share caches and memory with dozens of others.

use std::cell::Cell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::rc::Rc;
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

/// Threads. Two took 1.4 times as long as one on two processors, for calls and for descriptions:
/// fresh instances are page faults and mappings, and those of one process exclude each other.
const THREADS: usize = 1;

/// Turns of about 4 ms after which work that still computes no longer keeps its thread from
/// beginning other work: a long computation does not make a short one wait for its end.
const PATIENCE: u32 = 25;

/// Longest wait for threads at the end: many turns of what computes.
const SETTLING: Duration = Duration::from_millis(200);

/// Stack of a thread, in bytes. Guests have their own.
const STACK: usize = 2 << 20;

/// Runs futures on threads that exist only while there is work.
pub(crate) struct Workers {
    most: usize,
    queue: Mutex<Queue>,
    ended: Notify,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<BoxFuture<'static, ()>>,
    threads: usize,
    /// Threads whose work waits for the outside.
    idle: Vec<Waker>,
}

/// What a thread does next.
enum Next {
    Begin(BoxFuture<'static, ()>),
    Wait,
    End,
}

impl Default for Workers {
    fn default() -> Self {
        Self::new(THREADS)
    }
}

impl Workers {
    fn new(most: usize) -> Self {
        Self {
            most,
            queue: Mutex::default(),
            ended: Notify::new(),
        }
    }

    /// Pieces of work that keep all threads busy.
    pub(crate) fn enough(&self) -> usize {
        self.most.saturating_mul(4)
    }

    /// Runs `work` on one of the threads, in the order of the calls; tasks that it spawns, timers and
    /// input are those of the caller's event loop. It is dropped when the answer is no longer waited
    /// for. None if it panicked.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (mut done, answer) = oneshot::channel();
        self.submit(Box::pin(async move {
            let value = tokio::select! {
                biased;
                () = done.closed() => return,
                value = work => value,
            };
            drop(done.send(value));
        }));
        answer.await.ok()
    }

    /// Waits until all threads have ended, which they do when nobody waits for their work any more:
    /// guests that compute need timers of the event loop until then.
    pub(crate) async fn settle(&self) {
        let settled = async {
            loop {
                let ended = self.ended.notified();
                if self.queue().threads == 0 {
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
        queue.idle.drain(..).for_each(Waker::wake);
        if queue.threads < self.most {
            let workers = Arc::clone(self);
            let thread = std::thread::Builder::new().stack_size(STACK);
            let run = {
                let handle = handle.clone();
                move || handle.block_on(workers.work())
            };
            match thread.spawn(run) {
                Ok(_) => queue.threads = queue.threads.saturating_add(1),
                // Without any thread the event loop itself must do.
                Err(_) if queue.threads == 0 => {
                    queue
                        .waiting
                        .drain(..)
                        .for_each(|work| drop(handle.spawn(work)));
                }
                Err(_) => {}
            }
        }
    }

    /// What one thread does until there is nothing left to do.
    async fn work(self: Arc<Self>) {
        let computing = Rc::new(Cell::new(0));
        let mut live = FuturesUnordered::new();
        poll_fn(|context| {
            loop {
                while let Poll::Ready(Some(())) = live.poll_next_unpin(context) {}
                if computing.get() > 0 {
                    return Poll::Pending;
                }
                match self.next(live.is_empty(), context.waker()) {
                    Next::Begin(work) => live.push(Turns::new(work, &computing)),
                    Next::Wait => return Poll::Pending,
                    Next::End => return Poll::Ready(()),
                }
            }
        })
        .await;
    }

    fn next(&self, is_free: bool, waker: &Waker) -> Next {
        let mut queue = self.queue();
        if let Some(work) = queue.waiting.pop_front() {
            return Next::Begin(work);
        }
        if is_free {
            queue.threads = queue.threads.saturating_sub(1);
            self.ended.notify_waiters();
            return Next::End;
        }
        if !queue.idle.iter().any(|idle| idle.will_wake(waker)) {
            queue.idle.push(waker.clone());
        }
        Next::Wait
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A piece of work that counts as computing while it asks for its next turn at once, or has not
/// had its first.
struct Turns {
    work: BoxFuture<'static, ()>,
    asked: Arc<Asked>,
    turns: u32,
    counts: bool,
    computing: Rc<Cell<usize>>,
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
    fn new(work: BoxFuture<'static, ()>, computing: &Rc<Cell<usize>>) -> Self {
        computing.set(computing.get().saturating_add(1));
        Self {
            work,
            asked: Arc::default(),
            turns: 0,
            counts: true,
            computing: Rc::clone(computing),
        }
    }

    fn count(&mut self, counts: bool) {
        let others = self
            .computing
            .get()
            .saturating_sub(usize::from(self.counts));
        self.computing
            .set(others.saturating_add(usize::from(counts)));
        self.counts = counts;
    }
}

impl Future for Turns {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let asked = Arc::clone(&self.asked);
        asked.thread.register(context.waker());
        asked.asked.store(false, Ordering::Release);
        self.turns = self.turns.saturating_add(1);
        let waker = Waker::from(Arc::clone(&asked));
        let mut turn = Context::from_waker(&waker);
        // Work that panicked drops its end of the channel, and so tells the caller that waits.
        let work = AssertUnwindSafe(&mut self.work).catch_unwind();
        let ended = std::pin::pin!(work).poll(&mut turn).is_ready();
        let computes = asked.asked.load(Ordering::Acquire) && self.turns < PATIENCE;
        self.count(!ended && computes);
        if ended {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

#[cfg(test)]
mod tests;
