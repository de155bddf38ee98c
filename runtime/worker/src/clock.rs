//! The clock of a run that a worker carries out, as its parent knows it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wxmcp_run::{ClockMessage, ClockSink, RunId};

use crate::line::Line;
use crate::message::ToWorker;

/// Carries pauses to the worker, and counts how long they last: the worker's clock stands still no longer than that,
/// since it also asks whether the guest waits.
pub(crate) struct MirrorClock {
    run: RunId,
    line: Arc<Line>,
    longest_still: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pauses: u32,
    since: Option<Instant>,
    still: Duration,
}

impl MirrorClock {
    pub(crate) fn new(run: RunId, longest_still: Duration, line: Arc<Line>) -> Self {
        Self {
            run,
            line,
            longest_still,
            state: Mutex::default(),
        }
    }

    /// How long it has stood still, and may have.
    pub(crate) fn still(&self) -> Duration {
        self.state.lock().still().min(self.longest_still)
    }
}

impl State {
    fn still(&self) -> Duration {
        let now = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        self.still.saturating_add(now)
    }
}

impl ClockSink for MirrorClock {
    fn send(&self, message: ClockMessage) {
        let mut state = self.state.lock();
        match message {
            ClockMessage::Pause => {
                state.pauses = state.pauses.saturating_add(1);
                state.since.get_or_insert_with(Instant::now);
            }
            ClockMessage::Resume => {
                state.pauses = state.pauses.saturating_sub(1);
                if state.pauses == 0
                    && let Some(since) = state.since.take()
                {
                    state.still = state.still.saturating_add(since.elapsed());
                }
            }
        }
        let pause = message == ClockMessage::Pause;
        self.line.tell(self.run, &ToWorker::Clock { pause });
    }

    fn start_left(&self) -> Option<Duration> {
        let still = self.state.lock().still();
        Some(self.longest_still.saturating_sub(still))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UnixStream;

    #[tokio::test]
    async fn a_pause_counts_while_it_lasts_and_no_longer_than_it_may() {
        let (own, _other) = UnixStream::pair().unwrap();
        let line = Arc::new(Line::new(Arc::new(own)));
        let most = Duration::from_millis(20);
        let clock = MirrorClock::new(RunId::random(), most, line);
        assert_eq!(clock.still(), Duration::ZERO);
        clock.send(ClockMessage::Pause);
        while clock.still() < most {
            tokio::task::yield_now().await;
        }
        clock.send(ClockMessage::Resume);
        assert_eq!(clock.still(), most);
        assert_eq!(clock.start_left(), Some(Duration::ZERO));
    }
}
