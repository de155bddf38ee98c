//! One run, carried out by a worker: sent, attended, cancelled, and ended with it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use wxmcp_run::{
    BoxFuture, Charge, Held, Ledger, Limit, Outcome, OverBudget, Report, Run, RunError, RunId,
    Usage, WorkerEnd,
};

use crate::assigned::{Assigned, Done};
use crate::message::{Begin, ToWorker};
use crate::worker::Worker;

/// How long a run may take to end that is cancelled. Then its worker is ended.
const ENDING: Duration = Duration::from_secs(1);

/// What the instance of a tool file is charged before it begins, in bytes: what it will hold at least.
const FRESH: u64 = 1 << 20;

/// The message of a run, and what is charged for its instance.
pub(crate) struct Ready {
    pub(crate) begin: Begin,
    pub(crate) held: Charge,
}

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

/// Carries a run out to its end.
pub(crate) async fn carry_out(worker: &Arc<Worker>, mut run: Run, ready: Ready) -> Done {
    let (sender, done) = oneshot::channel();
    let id = run.id;
    let cancel = std::mem::replace(&mut run.cancel, Box::pin(std::future::pending()));
    let (wall, start) = (run.limits.wall, run.limits.start);
    let assigned = Arc::new(Assigned::new(
        run,
        Arc::clone(&worker.line),
        ready.held,
        sender,
    ));
    if let Err(how) = worker.add(&assigned) {
        return lost(how);
    }
    let abandoned = Abandoned {
        worker,
        run: Some(Arc::clone(&assigned)),
    };
    let message = ToWorker::Begin(Box::new(ready.begin));
    let ending = async {
        if let Err(error) = worker.line.send(id, &message, Held::default()).await {
            worker.remove(id);
            return Done {
                report: Err(RunError::Engine(error.into())),
                is_over: true,
                held: None,
            };
        }
        done.await.unwrap_or_else(|_| lost(WorkerEnd::Shutdown))
    };
    tokio::pin!(ending);
    let ended = tokio::select! {
        biased;
        ended = &mut ending => Some(ended),
        () = cancel => {
            assigned.cancel();
            None
        }
        // The worker keeps the deadline; this one is for a worker that does not.
        () = tokio::time::sleep(wall.saturating_add(start).saturating_add(ENDING)) => {
            assigned.stop(wall_time(wall));
            None
        }
    };
    let ended = match ended {
        Some(ended) => ended,
        None => match tokio::time::timeout(ENDING, &mut ending).await {
            Ok(ended) => ended,
            Err(_) => {
                worker.kill(WorkerEnd::Unresponsive);
                ending.await
            }
        },
    };
    abandoned.has_ended();
    ended
}

fn lost(how: WorkerEnd) -> Done {
    Done {
        report: Err(RunError::WorkerEnded {
            how,
            calls: Vec::new(),
        }),
        is_over: true,
        held: None,
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
