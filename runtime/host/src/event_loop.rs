//! The event loop, built in one place.

use std::future::Future;

use tokio::runtime::{Builder, Runtime};

/// Stack of the threads of an event loop, in bytes. Guests have their own.
const STACK: usize = 2 << 20;

/// What runs, calls, deadlines and children are driven by. Work that blocks (files, unpacking, hashing, SQLite)
/// leaves it for threads of its own.
#[derive(Debug)]
pub struct EventLoop(Runtime);

impl EventLoop {
    /// A loop on the thread that asks, which starts in microseconds: for commands that do one thing.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn on_this_thread() -> std::io::Result<Self> {
        Self::built(&mut Builder::new_current_thread())
    }

    /// A loop with this many threads: for programs that serve several runs at once.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn with_threads(threads: usize) -> std::io::Result<Self> {
        Self::built(Builder::new_multi_thread().worker_threads(threads.max(1)))
    }

    fn built(builder: &mut Builder) -> std::io::Result<Self> {
        let built = builder.enable_all().thread_stack_size(STACK).build()?;
        Ok(Self(built))
    }

    /// Drives a future to its end, and what it has begun meanwhile. Threads that still read or write then, our own
    /// standard input for example, are left behind.
    pub fn run<T>(self, future: impl Future<Output = T>) -> T {
        let done = self.0.block_on(future);
        self.0.shutdown_background();
        done
    }
}
