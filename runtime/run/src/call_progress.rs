//! How far a tool is that was called, as it reports that itself.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Reports of one call that are passed on at once.
const AT_ONCE: u32 = 10;

/// How soon there is room for one more.
const EVERY: Duration = Duration::from_millis(100);

/// Longest message of a report, in bytes.
const MAX_MESSAGE: usize = 256;

/// Hears how far one call is. A report that comes too soon after many others is dropped: a tool that reports without
/// end costs its run no more than one that reports now and then.
#[derive(Clone, Default)]
pub struct CallProgress(Option<Arc<Reported>>);

struct Reported {
    hear: Box<dyn Fn(Step) + Send + Sync>,
    room: Mutex<Room>,
}

/// How many reports may be passed on.
struct Room {
    left: u32,
    since: Instant,
}

/// One report of a tool.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Step {
    /// Its words.
    pub message: Option<String>,
    /// Steps done.
    pub done: Option<f64>,
    /// Steps in all.
    pub total: Option<f64>,
}

impl CallProgress {
    /// Passes on to `hear`.
    pub(crate) fn to(hear: impl Fn(Step) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(Reported {
            hear: Box::new(hear),
            room: Mutex::new(Room {
                left: AT_ONCE,
                since: Instant::now(),
            }),
        })))
    }

    /// Passes a report on, if there is room for it; it is read only then.
    pub fn report(&self, read: impl FnOnce() -> Step) {
        let Some(to) = &self.0 else {
            return;
        };
        if !to.room.lock().take(Instant::now()) {
            return;
        }
        let mut step = read();
        if let Some(message) = &mut step.message {
            message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        }
        (to.hear)(step);
    }
}

impl Room {
    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since).as_millis();
        let more = u32::try_from(passed / EVERY.as_millis()).unwrap_or(u32::MAX);
        if more > 0 {
            self.left = self.left.saturating_add(more).min(AT_ONCE);
            self.since = now;
        }
        let left = self.left.checked_sub(1);
        self.left = left.unwrap_or_default();
        left.is_some()
    }
}

impl fmt::Debug for CallProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallProgress")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_reports_is_a_few() {
        let heard = Arc::<Mutex<Vec<Step>>>::default();
        let kept = Arc::clone(&heard);
        let progress = CallProgress::to(move |step| kept.lock().push(step));
        let began = Instant::now();
        let mut read = 0_usize;
        for _ in 0..10_000 {
            progress.report(|| {
                read += 1;
                Step {
                    message: Some("é".repeat(MAX_MESSAGE)),
                    done: Some(1.0),
                    total: None,
                }
            });
        }
        let passed = began.elapsed().as_millis() / EVERY.as_millis();
        let most = usize::try_from(passed).unwrap() + 10;
        let heard = heard.lock();
        assert!((10..=most).contains(&heard.len()), "{}", heard.len());
        assert_eq!(read, heard.len());
        let step = Step {
            message: Some("é".repeat(MAX_MESSAGE / 2)),
            done: Some(1.0),
            total: None,
        };
        assert_eq!(heard[0], step);
    }

    #[test]
    fn room_comes_back_with_time_and_is_never_more_than_at_first() {
        let since = Instant::now();
        let mut room = Room { left: 1, since };
        assert!(room.take(since));
        assert!(!room.take(since + EVERY / 2));
        assert!(room.take(since + EVERY));
        assert!(!room.take(since + EVERY));
        let later = since + EVERY * 1_000;
        let taken = (0..100).filter(|_| room.take(later)).count();
        assert_eq!(taken, 10);
    }
}
