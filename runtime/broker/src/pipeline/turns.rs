//! Work of schemas and values beside the event loop: a few pieces at a time, the others wait.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::Semaphore;
use wxmcp_catalogue::Stop;
use wxmcp_run::Held;

/// As many pieces of work at once as there are processors.
#[derive(Debug)]
pub(crate) struct Turns(Arc<Semaphore>);

/// Why work did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotDone {
    /// It waited, or worked, for too long.
    TooSlow,
    /// It panicked.
    Failed,
}

/// Stops the work when its caller has gone.
struct StopsWhenDropped(Stop);

impl Drop for StopsWhenDropped {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Default for Turns {
    fn default() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new(processors)))
    }
}

impl Turns {
    /// Does some work on a thread where nothing else waits, when its turn comes. What is held for it is held until the
    /// thread has ended with it, though the caller may have gone; work that looks at its [`Stop`] ends then.
    pub(crate) async fn aside<T: Send + 'static>(
        &self,
        held: Held,
        limit: Duration,
        work: impl FnOnce(Stop) -> T + Send + 'static,
    ) -> Result<T, NotDone> {
        let stop = Stop::default();
        let _stops = StopsWhenDropped(stop.clone());
        let turns = Arc::clone(&self.0);
        let done = async {
            let turn = turns.acquire_owned().await.map_err(|_| NotDone::Failed)?;
            let thread = tokio::task::spawn_blocking(move || {
                let done = work(stop);
                drop(turn);
                // In this order: what was worked on is dropped before it is given back.
                (done, held)
            });
            thread.await.map_err(|_| NotDone::Failed)
        };
        match tokio::time::timeout(limit, done).await {
            Ok(done) => done.map(|(done, _held)| done),
            Err(_) => Err(NotDone::TooSlow),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use wxmcp_run::Ledger;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn turns(many: usize) -> Turns {
        Turns(Arc::new(Semaphore::new(many)))
    }

    #[tokio::test]
    async fn work_waits_for_its_turn_up_to_its_deadline() {
        let turns = turns(1);
        let (end, ended) = mpsc::channel::<()>();
        let first = turns.aside(Held::default(), LONG, move |_| ended.recv().is_ok());
        let second = async {
            let soon = Duration::from_millis(50);
            let late = turns.aside(Held::default(), soon, |_| ()).await;
            end.send(()).unwrap();
            late
        };
        let (first, second) = tokio::join!(first, second);
        assert_eq!((first, second), (Ok(true), Err(NotDone::TooSlow)));
        assert_eq!(turns.aside(Held::default(), LONG, |_| 1).await, Ok(1));
    }

    /// The charge is given back when the thread has ended, not when the caller has gone.
    #[tokio::test]
    async fn what_is_held_is_held_until_the_thread_ends() {
        let turns = turns(1);
        let ledger = Ledger::of_process(100);
        let held = Held::from(ledger.charge(10).unwrap());
        let (stopped, has_stopped) = mpsc::channel::<Stop>();
        let (end, ended) = mpsc::channel::<()>();
        let soon = Duration::from_millis(50);
        let late = turns.aside(held, soon, move |stop| {
            stopped.send(stop).unwrap();
            ended.recv().unwrap();
        });
        assert_eq!(late.await, Err(NotDone::TooSlow));
        assert!(has_stopped.recv().unwrap().is_stopped());
        assert_eq!(ledger.held(), 10);
        end.send(()).unwrap();
        // The next turn comes when the first has ended.
        assert_eq!(turns.aside(Held::default(), LONG, |_| 1).await, Ok(1));
        while ledger.held() > 0 {
            tokio::task::yield_now().await;
        }
    }
}
