//! What all connections of a server share.

use std::collections::HashMap;
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wxmcp_broker::CallerHost;
use wxmcp_policy::Principal;

use crate::config::ServerConfig;
use crate::loss::Loss;
use crate::recordings::Recordings;
use crate::results::{Results, Times};
use crate::running::Running;
use crate::sessions::Sessions;
use crate::turns::{MAX_RUNNING, Turns};

/// How long runs may take to end once they were cancelled.
const ENDING: Duration = Duration::from_secs(2);

/// Runs without a report that are remembered.
const MAX_LOST: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

/// Shortest time between two looks at which sessions are idle.
const LEAST_REST: Duration = Duration::from_millis(100);

/// Runs, results and sessions, of whatever principals and connections.
pub(crate) struct Service {
    pub(crate) config: ServerConfig,
    pub(crate) turns: Turns,
    pub(crate) results: Results,
    pub(crate) sessions: Sessions,
    pub(crate) recordings: Arc<Recordings>,
    running: Mutex<HashMap<String, Arc<Running>>>,
    /// Runs that ended without a report.
    lost: Mutex<LruCache<String, (Arc<Principal>, Lost)>>,
    ended: Notify,
    /// Set when no run may begin any more.
    pub(crate) draining: CancellationToken,
}

/// How a run ended without a report.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    pub(crate) loss: Loss,
    pub(crate) times: Times,
}

impl Service {
    pub(crate) fn new(config: ServerConfig) -> Arc<Self> {
        let ledger = config.runtime.tools().broker().ledger().clone();
        Arc::new(Self {
            turns: Turns::new(MAX_RUNNING),
            recordings: Recordings::new(ledger.clone()),
            results: Results::new(ledger),
            sessions: Sessions::new(config.session_idle, config.sessions),
            running: Mutex::default(),
            lost: Mutex::new(LruCache::new(MAX_LOST)),
            ended: Notify::new(),
            draining: CancellationToken::new(),
            config,
        })
    }

    /// The tools as scripts see them. Each run has a view of its own: what changed is reported to it once.
    /// Where what is held for clients is charged.
    pub(crate) fn ledger(&self) -> wxmcp_run::Ledger {
        self.config.runtime.tools().broker().ledger().clone()
    }

    pub(crate) fn tools(&self) -> Arc<CallerHost> {
        let tools = self.config.runtime.tools();
        tools.broker().for_caller(tools.caller().clone())
    }

    /// Ends sessions as soon as nobody has used them for long enough; for ever.
    pub(crate) async fn end_idle_sessions(&self) -> Infallible {
        loop {
            let now = Instant::now();
            let due = self.sessions.end_idle(now);
            let rest = due.map_or(self.config.session_idle, |due| {
                due.saturating_duration_since(now)
            });
            tokio::time::sleep(rest.max(LEAST_REST)).await;
        }
    }

    pub(crate) fn started(&self, running: &Arc<Running>) {
        let mut all = self.running.lock();
        all.insert(running.run.clone(), Arc::clone(running));
    }

    /// Keeps why a run ended without a report, for whoever asks later.
    pub(crate) fn keep_lost(&self, running: &Running, loss: &Loss) {
        let lost = Lost {
            loss: loss.clone(),
            times: running.times(),
        };
        let lost = (Arc::clone(&running.principal), lost);
        self.lost.lock().put(running.run.clone(), lost);
    }

    /// How a run of this principal ended without a report.
    pub(crate) fn lost(&self, run: &str, principal: &Principal) -> Option<Lost> {
        let mut all = self.lost.lock();
        let (owner, lost) = all.get(run)?;
        (**owner == *principal).then(|| lost.clone())
    }

    pub(crate) fn finished(&self, running: &Running) {
        self.running.lock().remove(&running.run);
        self.ended.notify_waiters();
    }

    /// A run of this principal that goes on.
    pub(crate) fn running(&self, run: &str, principal: &Principal) -> Option<Arc<Running>> {
        let running = self.running.lock();
        let own = running.get(run).filter(|it| *it.principal == *principal);
        own.cloned()
    }

    /// Lets no run begin any more, and waits for those that go on: until `gone` says that nobody reads their answers,
    /// or the time to drain is over. Then they end as cancelled.
    pub(crate) async fn drain(&self, gone: impl Future<Output = ()>) {
        self.draining.cancel();
        let waited = async {
            tokio::select! {
                () = self.none_is_running() => {}
                () = gone => {}
            }
        };
        let _cancelled_below = tokio::time::timeout(self.config.drain, waited).await;
        let left: Vec<_> = self.running.lock().values().cloned().collect();
        for running in &left {
            running.cancel.cancel();
        }
        let _lost = tokio::time::timeout(ENDING, self.none_is_running()).await;
    }

    async fn none_is_running(&self) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            // Registered before the look, so that no end is missed.
            ended.as_mut().enable();
            if self.running.lock().is_empty() {
                return;
            }
            ended.await;
        }
    }
}
