//! Whose run is next: as many at a time as there are turns, and fairly between principals.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// Runs that go on at once; most of them wait for tools.
pub(crate) const MAX_RUNNING: usize = 32;

/// Runs that wait for their turn; the next is refused.
pub(crate) const MAX_WAITING: usize = 256;

/// Turns that are taken and waited for.
#[derive(Clone)]
pub(crate) struct Turns(Arc<Mutex<State>>);

struct State {
    free: usize,
    waiting: usize,
    /// Who waits, by principal; the first principal is served next, and goes to the end.
    queues: VecDeque<(String, VecDeque<oneshot::Sender<Turn>>)>,
}

/// The right to run; given on to whoever waits when it is dropped.
pub(crate) struct Turn(Option<Turns>);

/// As many wait as may.
#[derive(Debug)]
pub(crate) struct Busy;

impl Turns {
    pub(crate) fn new(running: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            free: running,
            waiting: 0,
            queues: VecDeque::new(),
        })))
    }

    /// Waits for a turn. Who gives up (drops the future) is passed over.
    pub(crate) async fn take(&self, principal: &str) -> Result<Turn, Busy> {
        let turn = {
            let mut state = self.0.lock();
            if state.free > 0 {
                state.free -= 1;
                return Ok(Turn(Some(self.clone())));
            }
            state.forget_those_who_left();
            if state.waiting >= MAX_WAITING {
                return Err(Busy);
            }
            let (sender, turn) = oneshot::channel();
            state.waiting += 1;
            match state.queues.iter_mut().find(|(name, _)| name == principal) {
                Some((_, queue)) => queue.push_back(sender),
                None => {
                    let queue = VecDeque::from([sender]);
                    state.queues.push_back((principal.to_owned(), queue));
                }
            }
            turn
        };
        turn.await.map_err(|_| Busy)
    }

    fn give_back(&self) {
        loop {
            let next = {
                let mut state = self.0.lock();
                let Some(next) = state.next() else {
                    state.free += 1;
                    return;
                };
                next
            };
            match next.send(Turn(Some(self.clone()))) {
                Ok(()) => return,
                // Nobody waits there any more; this turn goes to the next.
                Err(mut turn) => turn.0 = None,
            }
        }
    }
}

impl State {
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let (principal, mut queue) = self.queues.pop_front()?;
        let next = queue.pop_front();
        self.waiting = self.waiting.saturating_sub(usize::from(next.is_some()));
        if !queue.is_empty() {
            self.queues.push_back((principal, queue));
        }
        next
    }

    fn forget_those_who_left(&mut self) {
        if self.waiting < MAX_WAITING {
            return;
        }
        for (_, queue) in &mut self.queues {
            queue.retain(|waiting| !waiting.is_closed());
        }
        self.queues.retain(|(_, queue)| !queue.is_empty());
        self.waiting = self.queues.iter().map(|(_, queue)| queue.len()).sum();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn principals_take_turns() {
        let turns = Turns::new(1);
        let first = turns.take("a").await.unwrap();
        let mut waiting: Vec<_> = ["a", "a", "b"]
            .into_iter()
            .map(|principal| {
                let mut turn = Box::pin({
                    let turns = turns.clone();
                    async move { turns.take(principal).await }
                });
                assert!((&mut turn).now_or_never().is_none());
                turn
            })
            .collect();
        drop(first);
        let a = (&mut waiting[0]).now_or_never().unwrap().unwrap();
        drop(a);
        assert!(
            (&mut waiting[1]).now_or_never().is_none(),
            "it is the turn of b"
        );
        let b = (&mut waiting[2]).now_or_never().unwrap().unwrap();
        drop(b);
        assert!((&mut waiting[1]).now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_gives_up_is_passed_over_and_who_is_one_too_many_is_refused() {
        let turns = Turns::new(1);
        let first = turns.take("a").await.unwrap();
        let mut waiting: Vec<_> = (0..MAX_WAITING)
            .map(|_| {
                let mut turn = Box::pin(turns.take("a"));
                assert!((&mut turn).now_or_never().is_none());
                turn
            })
            .collect();
        assert!(matches!(turns.take("a").now_or_never(), Some(Err(Busy))));
        drop(waiting.remove(0));
        let mut late = Box::pin(turns.take("a"));
        assert!((&mut late).now_or_never().is_none());
        waiting.clear();
        drop(first);
        assert!((&mut late).now_or_never().unwrap().is_ok());
        assert!(turns.take("a").now_or_never().unwrap().is_ok());
    }
}
