//! A run's wall clock, which stands still while the run waits for what is not its own.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Measures a run's wall time: everything counts, waits for tools included,
/// save the time in which a [`Pause`] is held.
#[derive(Debug)]
pub struct RunClock {
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    holders: u32,
    since: Option<Instant>,
    paused: Duration,
}

impl RunClock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            state: Mutex::new(State::default()),
        }
    }

    /// Stops the clock until the answer is dropped. Pauses may overlap; the
    /// clock runs again when the last one ends.
    pub fn pause(&self) -> Pause<'_> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.holders = state.holders.saturating_add(1);
        state.since.get_or_insert_with(Instant::now);
        Pause { clock: self }
    }

    /// Time spent so far.
    pub fn elapsed(&self) -> Duration {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let current = state.since.map_or(Duration::ZERO, |since| since.elapsed());
        self.started
            .elapsed()
            .saturating_sub(state.paused)
            .saturating_sub(current)
    }
}

/// Holds a [`RunClock`] still; see [`RunClock::pause`].
#[derive(Debug)]
pub struct Pause<'a> {
    clock: &'a RunClock,
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        let mut state = self
            .clock
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        state.holders = state.holders.saturating_sub(1);
        if state.holders == 0
            && let Some(since) = state.since.take()
        {
            state.paused = state.paused.saturating_add(since.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paused_clock_stands_still() {
        let clock = RunClock::start();
        let pause = clock.pause();
        let nested = clock.pause();
        let before = clock.elapsed();
        while clock.started.elapsed() < Duration::from_millis(5) {
            std::hint::spin_loop();
        }
        drop(nested);
        assert_eq!(clock.elapsed().as_millis(), before.as_millis());
        drop(pause);
        while clock.elapsed() == before {
            std::hint::spin_loop();
        }
    }
}
