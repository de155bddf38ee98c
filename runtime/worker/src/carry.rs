//! One run, carried out by a worker: sent, attended, cancelled, and ended with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use wxmcp_run::{
    BoxFuture, Charge, Ledger, Limit, Outcome, OverBudget, Report, RunError, RunId, Usage,
    WorkerEnd,
};

use crate::assigned::{Assigned, Done};
use crate::load::Load;
use crate::worker::Worker;

/// How long a run may take to end that is cancelled. Then its worker is ended.
const ENDING: Duration = Duration::from_secs(1);

/// Shortest time between two looks at whether a run is overdue.
const LEAST_REST: Duration = Duration::from_millis(20);

/// What the instance of a tool file is charged before it begins, in bytes: what it will hold at least.
const FRESH: u64 = 1 << 20;

/// What some work answers, unless the run is cancelled or its time is over before.
///
/// # Errors
///
/// The report of a run that does not begin.
pub(crate) async fn unless_ended<T>(
    cancel: &mut BoxFuture<'static, ()>,
    (id, wall): (RunId, Duration),
    work: impl Future<Output = T>,
) -> Result<T, Box<Report>> {
    let outcome = tokio::select! {
        biased;
        done = work => return Ok(done),
        () = cancel => Outcome::Cancelled,
        () = tokio::time::sleep(wall) => Outcome::Stopped(wall_time(wall), None),
    };
    Err(Box::new(not_begun(id, outcome)))
}

/// Charges what a run holds from the beginning; waits while others hold what the process may.
///
/// # Errors
///
/// When the run may not hold so much.
pub(crate) async fn charge(
    ledger: &Ledger,
    is_tool_file: bool,
    kept: Option<Charge>,
) -> Result<Charge, OverBudget> {
    match kept {
        Some(mut kept) => kept.transfer(ledger).map(|()| kept),
        None if is_tool_file => ledger.charge_when_free(FRESH).await,
        None => Ok(ledger.nothing()),
    }
}

fn wall_time(wall: Duration) -> Limit {
    Limit::WallTime(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX))
}

/// Carries a run out to its end; `held` is what is charged for it already.
pub(crate) async fn carry_out(worker: &Arc<Worker>, run: &mut Load, held: Charge) -> Done {
    let (sender, done) = oneshot::channel();
    let wall = run.limits.wall;
    let assigned = Arc::new(Assigned::new(run, Arc::clone(&worker.line), held, sender));
    if let Err(how) = worker.add(&assigned) {
        assigned.lose(how);
    }
    let abandoned = Abandoned {
        worker,
        run: Some(Arc::clone(&assigned)),
    };
    let message = run.message.clone();
    let ending = async {
        worker.line.send_frame(message).await;
        match done.await {
            Ok(done) => done,
            // The sender is kept with the run until the run has ended.
            Err(_) => lost(WorkerEnd::Shutdown),
        }
    };
    tokio::pin!(ending);
    let ended = tokio::select! {
        biased;
        ended = &mut ending => Some(ended),
        () = &mut run.cancel => {
            assigned.cancel();
            None
        }
        // The worker keeps the deadline; this one is for a worker that does not.
        () = overdue(&assigned) => {
            assigned.stop(wall_time(wall));
            None
        }
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            let ended = match tokio::time::timeout(ENDING, &mut ending).await {
                Ok(ended) => ended,
                Err(_) => {
                    worker.kill(WorkerEnd::Unresponsive);
                    ending.await
                }
            };
            // It is not given to another worker any more.
            Done {
                has_begun: true,
                ..ended
            }
        }
    };
    abandoned.has_ended();
    ended
}

/// Ends when the worker should have ended the run for its time: pauses of its clock, which this process grants, make that
/// later.
async fn overdue(run: &Assigned) {
    loop {
        let left = run.due().saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        // While the clock stands still, the due time moves on with the time.
        tokio::select! {
            () = tokio::time::sleep(left.max(LEAST_REST)) => {}
            () = run.begins.notified() => {}
        }
    }
}

fn lost(how: WorkerEnd) -> Done {
    Done {
        report: Err(RunError::WorkerEnded {
            how,
            calls: Vec::new(),
        }),
        is_over: true,
        held: None,
        memory: 0,
        has_begun: true,
    }
}

/// The report of a run that ended before it began.
pub(crate) fn not_begun(run: RunId, outcome: Outcome) -> Report {
    Report {
        run,
        outcome,
        stdout: Vec::new(),
        stderr: Vec::new(),
        calls: Vec::new(),
        usage: Usage::default(),
        artifacts: Vec::new(),
    }
}

/// A run whose future is dropped is cancelled, and its worker ended if that does not end it.
struct Abandoned<'w> {
    worker: &'w Arc<Worker>,
    run: Option<Arc<Assigned>>,
}

impl Abandoned<'_> {
    fn has_ended(mut self) {
        self.run = None;
    }
}

impl Drop for Abandoned<'_> {
    fn drop(&mut self) {
        let Some(run) = self.run.take() else {
            return;
        };
        run.abandon();
        let Ok(handle) = tokio::runtime::Handle::try_current() else {
            self.worker.kill(WorkerEnd::Unresponsive);
            return;
        };
        let (worker, id) = (Arc::clone(self.worker), run.id);
        handle.spawn(async move {
            tokio::time::sleep(ENDING).await;
            if worker.has(id) {
                worker.kill(WorkerEnd::Unresponsive);
            }
        });
    }
}
