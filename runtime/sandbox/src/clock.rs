//! A run's wall clock, which stands still while the run waits for what is not its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wxmcp_run::{ClockHandle, ClockMessage, ClockSink};

/// Measures a run's wall time: everything counts, waits for tools included, save
/// the time in which a [`Pause`](wxmcp_run::Pause) is held *and* the guest waits for the host. A
/// guest that computes meanwhile spends its time, and so does one whose pauses have lasted as long
/// as they may all together.
#[derive(Debug)]
pub struct RunClock {
    started: Instant,
    longest_still: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pauses: u32,
    guest_waits: bool,
    still_since: Option<Instant>,
    still: Duration,
}

impl State {
    /// Starts or ends a stretch that does not count.
    fn turn(&mut self) {
        if self.pauses > 0 && self.guest_waits {
            self.still_since.get_or_insert_with(Instant::now);
        } else if let Some(since) = self.still_since.take() {
            self.still = self.still.saturating_add(since.elapsed());
        }
    }
}

impl RunClock {
    /// A clock that starts now, and stands still as long as it is asked to.
    pub fn start() -> Self {
        Self::standing_still_for(Duration::MAX)
    }

    /// A clock that starts now, and stands still no longer than this, all in all.
    pub fn standing_still_for(longest: Duration) -> Self {
        Self {
            started: Instant::now(),
            longest_still: longest,
            state: Mutex::new(State::default()),
        }
    }

    /// The clock, for those who answer calls.
    pub fn handle(self: &Arc<Self>) -> ClockHandle {
        let sink: Arc<dyn ClockSink> = Arc::<Self>::clone(self);
        ClockHandle::new(sink)
    }

    /// Says that the guest waits for the host until the answer is dropped. The
    /// sandbox does this; a test of a tool host may.
    pub fn guest_waits(&self) -> GuestWaits<'_> {
        self.change(|state| state.guest_waits = true);
        GuestWaits { clock: self }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        change(&mut state);
        state.turn();
    }

    /// Time spent so far.
    pub fn elapsed(&self) -> Duration {
        let now = Instant::now();
        let all = now.saturating_duration_since(self.started);
        all.saturating_sub(self.still_at(now))
    }

    /// How long it has stood still.
    pub fn still(&self) -> Duration {
        self.still_at(Instant::now())
    }

    /// Ends when the run has spent its wall time; pauses prolong it.
    pub(crate) async fn over(&self, wall: Duration) {
        while let Some(left) = wall
            .checked_sub(self.elapsed())
            .filter(|left| !left.is_zero())
        {
            tokio::time::sleep(left).await;
        }
    }

    fn still_at(&self, now: Instant) -> Duration {
        let state = self.state.lock();
        let current = state
            .still_since
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        state.still.saturating_add(current).min(self.longest_still)
    }
}

impl ClockSink for RunClock {
    fn send(&self, message: ClockMessage) {
        self.change(|state| {
            state.pauses = match message {
                ClockMessage::Pause => state.pauses.saturating_add(1),
                ClockMessage::Resume => state.pauses.saturating_sub(1),
            }
        });
    }

    fn start_left(&self) -> Option<Duration> {
        Some(self.longest_still.saturating_sub(self.still()))
    }
}

/// The guest waits for the host; see [`RunClock::guest_waits`].
#[derive(Debug)]
pub struct GuestWaits<'a> {
    clock: &'a RunClock,
}

impl Drop for GuestWaits<'_> {
    fn drop(&mut self) {
        self.clock.change(|state| state.guest_waits = false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spend(time: Duration) {
        let started = Instant::now();
        while started.elapsed() < time {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn a_paused_clock_stands_still_while_the_guest_waits() {
        let clock = Arc::new(RunClock::start());
        let handle = clock.handle();
        let pause = handle.pause();
        let waits = clock.guest_waits();
        let nested = handle.pause();
        let before = clock.elapsed();
        spend(Duration::from_millis(5));
        drop(nested);
        assert_eq!(clock.elapsed().as_millis(), before.as_millis());
        drop(pause);
        drop(waits);
        spend(Duration::from_millis(2));
        assert!(clock.elapsed() >= before + Duration::from_millis(2));
    }

    #[test]
    fn a_clock_stands_still_no_longer_than_it_may() {
        let longest = Duration::from_millis(3);
        let clock = Arc::new(RunClock::standing_still_for(longest));
        let handle = clock.handle();
        let waits = clock.guest_waits();
        for _ in 0..3 {
            let _pause = handle.pause();
            spend(Duration::from_millis(2));
        }
        drop(waits);
        assert_eq!(clock.still(), longest);
        assert_eq!(handle.start_left(), Some(Duration::ZERO));
        assert!(clock.elapsed() >= Duration::from_millis(3));
        // As long as nothing is paused, all of it is left.
        let fresh = Arc::new(RunClock::standing_still_for(longest));
        spend(Duration::from_millis(1));
        assert_eq!(fresh.handle().start_left(), Some(longest));
        assert_eq!(ClockHandle::none().start_left(), None);
    }

    #[test]
    fn a_guest_that_computes_spends_its_time_also_while_a_server_starts() {
        let clock = Arc::new(RunClock::start());
        let handle = clock.handle();
        let _pause = handle.pause();
        spend(Duration::from_millis(3));
        assert!(clock.elapsed() >= Duration::from_millis(3));
    }
}
