//! An interpreter that is kept in a worker between runs.

use std::sync::Arc;

use wxmcp_run::{BoxFuture, Charge, Outcome, Report, Run, RunError, RunnerSession};

use crate::carry::{Ready, carry_out, charge, not_begun, unless_ended};
use crate::message::Begin;
use crate::pool::{Shared, Whose};
use crate::worker::{Seat, Turn};

/// A session of a pool: its worker is found in its first run.
pub(crate) struct PoolSession {
    pool: Arc<Shared>,
    whose: Whose,
    /// Whether its instance is kept after a run.
    is_kept: bool,
    seat: Option<Seat>,
    /// What is charged for the instance between two runs.
    held: Option<Charge>,
    is_over: bool,
}

impl PoolSession {
    pub(crate) fn new(pool: Arc<Shared>, whose: Whose) -> Self {
        Self {
            pool,
            whose,
            is_kept: true,
            seat: None,
            held: None,
            is_over: false,
        }
    }

    /// For one run.
    pub(crate) fn once(pool: Arc<Shared>, whose: Whose) -> Self {
        Self {
            is_kept: false,
            ..Self::new(pool, whose)
        }
    }

    async fn carry_out(&mut self, mut run: Run) -> Result<Report, RunError> {
        if self.is_over {
            return Err(RunError::SessionOver);
        }
        let is_later = self.seat.is_some();
        let (id, wall, ledger) = (run.id, run.limits.wall, run.ledger.clone());
        let is_tool_file = run.script.task.is_some();
        let kept = self.held.take();
        let beginning = async {
            let held = charge(&ledger, is_tool_file, kept).await;
            let held = match held {
                Ok(held) => held,
                Err(error) => return Ok(Err(error)),
            };
            let turn = match &self.seat {
                Some(seat) => Turn::new(seat.worker()),
                None => self.pool.worker(&self.whose).await?,
            };
            Ok::<_, RunError>(Ok((held, turn)))
        };
        let (held, turn) = match unless_ended(&mut run.cancel, (id, wall), beginning).await {
            Ok(begun) => match begun? {
                Ok(begun) => begun,
                Err(error) => return Ok(not_begun(id, Outcome::Stopped(error.limit(), None))),
            },
            Err(report) => return Ok(*report),
        };
        let worker = Arc::clone(&turn.0);
        if self.is_kept && self.seat.is_none() {
            self.seat = Some(Seat::new(&worker));
        }
        let session = self.seat.as_ref().map(|seat| seat.session);
        let begin = Begin::of(&run, session, is_later)?;
        // If this future is dropped before the run has ended, no other can follow it.
        self.is_over = true;
        let done = carry_out(&worker, run, Ready { begin, held }).await;
        drop(turn);
        self.is_over = done.is_over;
        self.held = done.held.filter(|_| self.is_kept && !done.is_over);
        if self.is_over {
            self.seat = None;
        }
        done.report
    }
}

impl RunnerSession for PoolSession {
    fn run(&mut self, run: Run) -> BoxFuture<'_, Result<Report, RunError>> {
        Box::pin(self.carry_out(run))
    }

    fn is_over(&self) -> bool {
        self.is_over
    }
}
