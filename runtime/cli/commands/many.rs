//! What commands have in common that do the same to many files: `verify`, `test`.

use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Context as _;
use parking_lot::Mutex;
use quick_junit::{NonSuccessKind, TestCaseStatus};

use crate::exit::Failure;

/// Works on all items, as many at once as there are processors, each by a thread with an event loop of its own; hands on
/// what became of each, in their order, as soon as all before it are done.
///
/// # Errors
///
/// When there can be no event loop.
pub(super) fn in_order<T: Sync, R: Send>(
    items: &[T],
    work: impl AsyncFn(&T) -> R + Sync,
    hand_on: impl FnMut(&R) + Send,
) -> Result<Vec<R>, Failure> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Done {
        all: items.iter().map(|_| None).collect(),
        handed_on: 0,
        hand_on,
    });
    let drive = || -> Result<(), Failure> {
        crate::runtime::event_loop()?.run(async {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some(item) = items.get(at) else {
                    return Ok(());
                };
                let became = work(item).await;
                done.lock().take(at, became);
            }
        })
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads.min(items.len()))
            .map(|_| scope.spawn(drive))
            .collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            let lost = || Failure::fault(anyhow::anyhow!("a thread ended"));
            thread.join().unwrap_or_else(|_| Err(lost()))
        };
        threads.into_iter().map(join).collect()
    });
    results.into_iter().collect::<Result<(), _>>()?;
    Ok(done.into_inner().all.into_iter().flatten().collect())
}

/// What is done, until all before it is.
struct Done<R, F> {
    all: Vec<Option<R>>,
    handed_on: usize,
    hand_on: F,
}

impl<R, F: FnMut(&R)> Done<R, F> {
    fn take(&mut self, at: usize, became: R) {
        if let Some(place) = self.all.get_mut(at) {
            *place = Some(became);
        }
        while let Some(Some(became)) = self.all.get(self.handed_on) {
            (self.hand_on)(became);
            self.handed_on = self.handed_on.saturating_add(1);
        }
    }
}

/// How a case that did not pass is told in JUnit's format: its first line is the message.
pub(super) fn not_passed(kind: NonSuccessKind, words: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let mut lines = words.lines();
    status.set_message(lines.next().unwrap_or_default());
    status.set_description(words);
    status
}

/// Writes a report in JUnit's format.
///
/// # Errors
///
/// When it cannot be written.
pub(super) fn write_junit(report: &quick_junit::Report, path: &Path) -> anyhow::Result<()> {
    let write = || -> anyhow::Result<()> {
        let mut file = std::fs::File::create(path)?;
        file.write_all(report.to_string()?.as_bytes())?;
        Ok(())
    };
    write().with_context(|| format!("write `{}`", path.display()))
}
