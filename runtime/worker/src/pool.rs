//! The workers of a process: started ahead, each for one principal at a time, replaced when they end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::Notify;
use wxmcp_policy::Principal;
use wxmcp_run::{
    BoxFuture, CompiledComponent, Report, Run, RunError, Runner, RunnerSession, ToRecord, WorkerEnd,
};

use crate::process::{LogLine, WorkerCommand};
use crate::session::PoolSession;
use crate::worker::{Turn, Worker};

/// Bytes that a worker may hold for itself: its heap, what long sources take while they are read, and what runs that have
/// ended left to be used again.
const OWN_MEMORY: u64 = 512 << 20;

/// What a [`Pool`] is made of.
#[derive(Clone)]
pub struct PoolConfig {
    /// What becomes a worker.
    pub command: WorkerCommand,
    /// Workers that are started ahead, and that one principal may have.
    pub ahead: usize,
    /// Workers in all. More than `ahead` are started where several principals have runs or sessions.
    pub most: usize,
    /// Bytes that a worker may hold besides what its runs and sessions may use: one that holds more is ended.
    pub own_memory: u64,
    /// Who hears what workers print, and how they end.
    pub log: Option<LogLine>,
}

impl PoolConfig {
    /// As many workers as cores, and at most 16, or four for each core.
    pub fn new(command: WorkerCommand) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            command,
            ahead: cores,
            most: cores.saturating_mul(4).max(16),
            own_memory: OWN_MEMORY,
            log: None,
        }
    }
}

/// Workers that carry out runs. Dropping it ends all of them.
pub struct Pool(Arc<Shared>);

/// What a pool and its runners share.
pub(crate) struct Shared {
    config: PoolConfig,
    state: Mutex<State>,
    last_session: AtomicU64,
    /// Told when a worker has less to do, or is gone.
    changed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    workers: Vec<Member>,
    is_closed: bool,
}

struct Member {
    worker: Arc<Worker>,
    /// Whose runs it carries out; nobody's yet.
    principal: Option<Whose>,
}

/// Whose runs a worker carries out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Those of a principal.
    Principal(Principal),
    /// Those that every principal depends on.
    Nobody,
}

impl Pool {
    /// A pool that has started nothing yet.
    pub fn new(config: PoolConfig) -> Self {
        Self(Arc::new(Shared {
            config,
            state: Mutex::default(),
            last_session: AtomicU64::new(0),
            changed: Arc::new(Notify::new()),
        }))
    }

    /// Starts the workers that are started ahead, in the event loop that it is called in.
    pub fn start_ahead(&self) {
        self.0.refill();
    }

    /// What carries out the runs of a principal.
    pub fn runner(&self, principal: &Principal) -> Arc<dyn Runner> {
        self.runner_of(Whose::Principal(principal.clone()))
    }

    /// What carries out runs that are nobody's, and that every principal depends on: no worker of a principal does.
    pub fn runner_of_nobody(&self) -> Arc<dyn Runner> {
        self.runner_of(Whose::Nobody)
    }

    fn runner_of(&self, whose: Whose) -> Arc<dyn Runner> {
        Arc::new(PoolRunner {
            pool: Arc::clone(&self.0),
            whose,
            component: None,
        })
    }

    /// The processes of all workers.
    pub fn processes(&self) -> Vec<u32> {
        let state = self.0.state.lock();
        let pids = state.workers.iter().filter_map(|it| it.worker.pid());
        pids.collect()
    }

    /// How many workers have their interpreters loaded.
    pub fn ready(&self) -> usize {
        let state = self.0.state.lock();
        state.alive().filter(|it| it.worker.was_ready()).count()
    }

    /// Ends all workers, and waits until they have ended. Runs are lost.
    pub async fn shutdown(&self) {
        for worker in self.0.close() {
            worker.ended().await;
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Pool").field(&self.processes()).finish()
    }
}

impl Shared {
    /// A number for a session that no other of the pool has.
    pub(crate) fn session_number(&self) -> u64 {
        self.last_session.fetch_add(1, Ordering::Relaxed)
    }

    /// A worker for a principal: one that has nothing to do, else another, else its own that has the least to do. Waits
    /// while all are busy for others.
    ///
    /// # Errors
    ///
    /// When none can be started.
    pub(crate) async fn worker(self: &Arc<Self>, whose: &Whose) -> Result<Turn, RunError> {
        loop {
            let changed = self.changed.notified();
            if let Some(worker) = self.choose(whose)? {
                return Ok(worker);
            }
            changed.await;
        }
    }

    fn choose(self: &Arc<Self>, whose: &Whose) -> Result<Option<Turn>, RunError> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(RunError::NoWorker(
                "the pool of workers was shut down".into(),
            ));
        }
        let own = state.own(whose);
        if let Some((worker, (0, _))) = &own {
            return Ok(Some(Turn::new(worker)));
        }
        if state.count(whose) < self.config.ahead.max(1) {
            if let Some(fresh) = state.fresh() {
                fresh.principal = Some(whose.clone());
                return Ok(Some(Turn::new(&fresh.worker)));
            }
            let has_room = |state: &State| match own {
                Some(_) => state.living() < self.config.ahead,
                None => state.living() < self.config.most,
            };
            if state.living() < self.config.ahead || state.end_idle() || has_room(&state) {
                let worker = self.start(&mut state, Some(whose.clone()))?;
                return Ok(Some(Turn::new(&worker)));
            }
        }
        Ok(own.map(|(worker, _)| Turn::new(&worker)))
    }

    fn start(
        self: &Arc<Self>,
        state: &mut State,
        principal: Option<Whose>,
    ) -> Result<Arc<Worker>, RunError> {
        let PoolConfig {
            command,
            log,
            own_memory,
            ..
        } = self.config.clone();
        let started = Worker::start(command, log, Arc::clone(&self.changed), own_memory);
        let worker = started.map_err(|error| RunError::NoWorker(error.into()))?;
        state.workers.push(Member {
            worker: Arc::clone(&worker),
            principal,
        });
        let (attended, pool) = (Arc::clone(&worker), Arc::downgrade(self));
        tokio::spawn(async move {
            let end = attended.attend().await;
            Self::lost(&pool, &attended, &end);
        });
        Ok(worker)
    }

    /// A worker has ended; another is started in its place, unless it never came so far as to be of use.
    fn lost(pool: &Weak<Self>, worker: &Arc<Worker>, end: &WorkerEnd) {
        let Some(pool) = pool.upgrade() else {
            return;
        };
        let is_closed = {
            let mut state = pool.state.lock();
            state.workers.retain(|it| !Arc::ptr_eq(&it.worker, worker));
            state.is_closed
        };
        if !is_closed {
            if let (Some(log), false) = (&pool.config.log, *end == WorkerEnd::Shutdown) {
                log(&format!("a worker process {end}"));
            }
            if worker.was_ready() {
                pool.refill();
            }
        }
        pool.changed.notify_waiters();
    }

    fn refill(self: &Arc<Self>) {
        let mut state = self.state.lock();
        while !state.is_closed && state.living() < self.config.ahead {
            // One that cannot be started is missed by the next run, which says why.
            if self.start(&mut state, None).is_err() {
                return;
            }
        }
    }

    fn close(&self) -> Vec<Arc<Worker>> {
        let workers: Vec<Arc<Worker>> = {
            let mut state = self.state.lock();
            state.is_closed = true;
            let workers = state.workers.iter();
            workers.map(|it| Arc::clone(&it.worker)).collect()
        };
        for worker in &workers {
            worker.kill(WorkerEnd::Shutdown);
        }
        self.changed.notify_waiters();
        workers
    }
}

impl State {
    fn alive(&self) -> impl Iterator<Item = &Member> {
        self.workers.iter().filter(|it| !it.worker.is_over())
    }

    fn living(&self) -> usize {
        self.alive().count()
    }

    fn count(&self, whose: &Whose) -> usize {
        let own = self.alive();
        own.filter(|it| it.principal.as_ref() == Some(whose))
            .count()
    }

    /// The worker of a principal that has the least to do.
    fn own(&self, whose: &Whose) -> Option<(Arc<Worker>, (usize, usize))> {
        let own = self.alive();
        let own = own.filter(|it| it.principal.as_ref() == Some(whose));
        let loads = own.map(|it| (Arc::clone(&it.worker), it.worker.load()));
        loads.min_by_key(|(_, load)| *load)
    }

    fn fresh(&mut self) -> Option<&mut Member> {
        let mut workers = self.workers.iter_mut();
        workers.find(|it| it.principal.is_none() && !it.worker.is_over())
    }

    /// Ends a worker that has nothing to do for its principal: it is given to no other. Whether there was one.
    fn end_idle(&self) -> bool {
        let idle = self.alive().find(|it| it.worker.load() == (0, 0));
        if let Some(idle) = idle {
            idle.worker.kill(WorkerEnd::Shutdown);
        }
        idle.is_some()
    }
}

/// Carries out the runs of one principal.
struct PoolRunner {
    pool: Arc<Shared>,
    whose: Whose,
    /// What is run, where that is no interpreter.
    component: Option<Arc<CompiledComponent>>,
}

impl Runner for PoolRunner {
    fn run(&self, run: Run) -> BoxFuture<'_, Result<Report, RunError>> {
        Box::pin(async move {
            let (pool, whose) = (Arc::clone(&self.pool), self.whose.clone());
            let mut session = PoolSession::once(pool, whose, self.component.clone());
            session.run(run).await
        })
    }

    fn session(&self) -> Box<dyn RunnerSession> {
        let (pool, whose) = (Arc::clone(&self.pool), self.whose.clone());
        Box::new(PoolSession::new(pool, whose, self.component.clone()))
    }

    fn recorded(&self, how: ToRecord) -> Option<Box<dyn RunnerSession>> {
        let (pool, whose) = (Arc::clone(&self.pool), self.whose.clone());
        let session = PoolSession::new(pool, whose, self.component.clone());
        Some(Box::new(session.recorded(how)))
    }

    fn for_component(&self, component: CompiledComponent) -> Option<Arc<dyn Runner>> {
        Some(Arc::new(Self {
            pool: Arc::clone(&self.pool),
            whose: self.whose.clone(),
            component: Some(Arc::new(component)),
        }))
    }
}
