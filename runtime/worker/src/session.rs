//! An interpreter that is kept in a worker between runs.

use std::sync::Arc;

use wxmcp_run::{
    BoxFuture, Charge, CompiledComponent, Outcome, OverBudget, Report, Run, RunError,
    RunnerSession, ToRecord,
};

use crate::carry::{carry_out, charge, not_begun, unless_ended};
use crate::load::Load;
use crate::pool::{Shared, Whose};
use crate::worker::{Seat, Turn};

/// Workers that a run is given to, one after the other, if those before ended before it began.
const MAX_WORKERS: usize = 3;

/// Bytes that the instance of a session is charged before its first run.
const SESSION: u64 = 2 << 20;

/// A session of a pool: its worker is found in its first run.
pub(crate) struct PoolSession {
    pool: Arc<Shared>,
    whose: Whose,
    /// What is run, where that is no interpreter. It keeps the file open that workers may load it from.
    component: Option<Arc<CompiledComponent>>,
    /// How its runs are recorded, if they are.
    record: Option<ToRecord>,
    /// Its number, if its instance is kept after a run.
    session: Option<u64>,
    seat: Option<Seat>,
    /// What is charged for the instance between two runs.
    held: Option<Charge>,
    /// What the process is charged for the instance of a session of scripts.
    memory: Option<Charge>,
    is_over: bool,
}

impl PoolSession {
    pub(crate) fn new(
        pool: Arc<Shared>,
        whose: Whose,
        component: Option<Arc<CompiledComponent>>,
    ) -> Self {
        Self {
            session: Some(pool.session_number()),
            ..Self::once(pool, whose, component)
        }
    }

    /// The same, with its runs recorded.
    pub(crate) fn recorded(self, how: ToRecord) -> Self {
        Self {
            record: Some(how),
            ..self
        }
    }

    /// For one run.
    pub(crate) fn once(
        pool: Arc<Shared>,
        whose: Whose,
        component: Option<Arc<CompiledComponent>>,
    ) -> Self {
        Self {
            pool,
            whose,
            component,
            record: None,
            session: None,
            seat: None,
            held: None,
            memory: None,
            is_over: false,
        }
    }

    #[expect(clippy::too_many_lines, reason = "one step after the other")]
    async fn carry_out(&mut self, run: Run) -> Result<Report, RunError> {
        if self.is_over {
            return Err(RunError::SessionOver);
        }
        let is_tool_file = run.script.task.is_some();
        let is_later = self.seat.is_some();
        let is_session = run.script.in_session && self.session.is_some();
        let component = self.component.as_deref();
        let later = (is_later, self.record.as_ref());
        let mut run = Load::new(run, self.session, component, later)?;
        let (id, wall, ledger) = (run.id, run.limits.wall, run.ledger.clone());
        let kept = self.held.take();
        let charging = async {
            let held = charge(&ledger, is_tool_file, kept).await?;
            let memory = match (is_session, self.memory.take()) {
                (true, None) => Some(ledger.process().charge_when_free(SESSION).await?),
                (_, memory) => memory,
            };
            Ok::<_, OverBudget>((held, memory))
        };
        let mut held = match unless_ended(&mut run.cancel, (id, wall), charging).await {
            Ok(Ok((held, memory))) => {
                self.memory = memory;
                held
            }
            Ok(Err(error)) => return Ok(not_begun(id, Outcome::Stopped(error.limit(), None))),
            Err(report) => return Ok(*report),
        };
        let mut tried = 0;
        loop {
            tried += 1;
            let turn = match self.turn(&mut run).await {
                Ok(turn) => turn?,
                Err(report) => return Ok(*report),
            };
            let worker = Arc::clone(&turn.0);
            if let (Some(session), None) = (self.session, &self.seat) {
                self.seat = Some(Seat::new(&worker, session, run.limits.memory));
            }
            // If this future is dropped before the run has ended, no other can follow it.
            self.is_over = true;
            let done = carry_out(&worker, &mut run, held).await;
            drop(turn);
            self.is_over = done.is_over;
            if self.is_over {
                self.seat = None;
            }
            match done.held {
                Some(charge) if !done.has_begun && !is_later && tried < MAX_WORKERS => {
                    held = charge;
                }
                charge => {
                    let is_kept = self.session.is_some() && !done.is_over;
                    self.held = charge.filter(|_| is_kept);
                    self.keep(done.memory);
                    return match done.report {
                        Err(RunError::WorkerEnded { how, .. }) if is_later && !done.has_begun => {
                            Err(RunError::SessionLost(how))
                        }
                        report => report,
                    };
                }
            }
        }
    }
}

impl PoolSession {
    /// A turn on the worker of the session, or on one that is found now.
    ///
    /// # Errors
    ///
    /// The report of a run that ended before.
    async fn turn(&self, run: &mut Load) -> Result<Result<Turn, RunError>, Box<Report>> {
        if let Some(seat) = &self.seat {
            return Ok(Ok(Turn::new(seat.worker())));
        }
        let (id, wall) = (run.id, run.limits.wall);
        let finding = self.pool.worker(&self.whose);
        unless_ended(&mut run.cancel, (id, wall), finding).await
    }

    /// Charges what the instance takes between runs; one that the process may not hold is not kept.
    fn keep(&mut self, bytes: u64) {
        let refused = self
            .memory
            .as_mut()
            .is_some_and(|it| it.resize(bytes).is_err());
        if refused || self.is_over {
            (self.is_over, self.seat, self.memory) = (true, None, None);
        }
    }
}

impl RunnerSession for PoolSession {
    fn run(&mut self, run: Run) -> BoxFuture<'_, Result<Report, RunError>> {
        Box::pin(self.carry_out(run))
    }

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn memory(&self) -> u64 {
        self.memory.as_ref().map_or(0, Charge::bytes)
    }
}
