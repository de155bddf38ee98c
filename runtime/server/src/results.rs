//! Reports of runs that have ended, kept for a while: clients read the whole of what an answer cut.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wxmcp_policy::Principal;
use wxmcp_run::{Charge, Ledger, Outcome, Report};

use crate::recordings::RecordingNote;

/// How long a report is kept.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// Bytes that all kept reports take.
const MAX_BYTES: u64 = 64 << 20;

/// Bytes of a report besides what it holds of the script's.
const OWN_BYTES: u64 = 2 << 10;

/// Reports, oldest first; each is read by its principal only.
pub(crate) struct Results {
    ledger: Ledger,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by_run: HashMap<String, One>,
    order: VecDeque<String>,
    bytes: u64,
}

/// The end of a run.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) report: Arc<Report>,
    pub(crate) session: Option<SessionNote>,
    /// None if it was not to be recorded.
    pub(crate) recording: Option<RecordingNote>,
    pub(crate) times: Times,
}

/// When a run began and ended, as the protocol writes times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) begun: String,
    pub(crate) ended: String,
}

/// What an answer says of the session of its run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SessionNote {
    pub(crate) handle: String,
    /// Why there is no next run in it.
    pub(crate) ended: Option<String>,
}

struct One {
    principal: Arc<Principal>,
    ended: Ended,
    at: Instant,
    bytes: u64,
    /// Given back when the report is forgotten.
    _charge: Charge,
}

impl Results {
    pub(crate) fn new(ledger: Ledger) -> Self {
        Self {
            ledger,
            kept: Mutex::default(),
        }
    }

    /// Keeps a report, if there is room for it at all.
    pub(crate) fn keep(&self, run: String, principal: Arc<Principal>, ended: Ended) {
        let bytes = size(&ended.report);
        let mut kept = self.kept.lock();
        kept.forget_old(Instant::now());
        while kept.bytes.saturating_add(bytes) > MAX_BYTES && kept.forget_oldest() {}
        if bytes > MAX_BYTES {
            return;
        }
        let charge = loop {
            match self.ledger.charge(bytes) {
                Ok(charge) => break charge,
                Err(_) if kept.forget_oldest() => {}
                // Who needs the room now has it: the answer itself was sent.
                Err(_) => return,
            }
        };
        kept.bytes = kept.bytes.saturating_add(bytes);
        kept.order.push_back(run.clone());
        let one = One {
            principal,
            ended,
            at: Instant::now(),
            bytes,
            _charge: charge,
        };
        kept.by_run.insert(run, one);
    }

    /// The end of a run of this principal.
    pub(crate) fn get(&self, run: &str, principal: &Principal) -> Option<Ended> {
        let mut kept = self.kept.lock();
        kept.forget_old(Instant::now());
        let one = kept.by_run.get(run)?;
        (*one.principal == *principal).then(|| one.ended.clone())
    }

    /// Runs of this principal whose reports are kept, the latest first.
    pub(crate) fn of(&self, principal: &Principal) -> Vec<(String, Ended)> {
        let mut kept = self.kept.lock();
        kept.forget_old(Instant::now());
        let latest_first = kept.order.iter().rev();
        let own = latest_first.filter_map(|run| {
            let one = kept.by_run.get(run)?;
            (*one.principal == *principal).then(|| (run.clone(), one.ended.clone()))
        });
        own.collect()
    }
}

impl Kept {
    fn forget_old(&mut self, now: Instant) {
        while let Some(run) = self.order.front()
            && self
                .by_run
                .get(run)
                .is_none_or(|one| now.duration_since(one.at) > KEPT)
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) -> bool {
        let Some(run) = self.order.pop_front() else {
            return false;
        };
        if let Some(one) = self.by_run.remove(&run) {
            self.bytes = self.bytes.saturating_sub(one.bytes);
        }
        true
    }
}

fn size(report: &Report) -> u64 {
    let value = match &report.outcome {
        Outcome::Returned(value) => value.get().len(),
        Outcome::Raised(raised) | Outcome::Stopped(_, Some(raised)) => {
            raised.message.len().saturating_add(raised.traceback.len())
        }
        _ => 0,
    };
    let artifacts = report.artifacts.iter().map(|it| it.data.len());
    let calls = report.calls.len().saturating_mul(400);
    let all = [value, report.stdout.len(), report.stderr.len(), calls];
    let bytes: usize = all.into_iter().chain(artifacts).sum();
    u64::try_from(bytes)
        .unwrap_or(u64::MAX)
        .saturating_add(OWN_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmcp_run::{RunId, Usage};

    fn ended(bytes: usize) -> Ended {
        let report = Report {
            run: RunId::random(),
            outcome: Outcome::Cancelled,
            stdout: vec![b'x'; bytes],
            stderr: Vec::new(),
            calls: Vec::new(),
            usage: Usage::default(),
            artifacts: Vec::new(),
        };
        Ended {
            report: Arc::new(report),
            session: None,
            recording: None,
            times: Times::default(),
        }
    }

    fn other() -> Principal {
        Principal {
            name: "other".to_owned(),
            role: "guest".to_owned(),
        }
    }

    #[test]
    fn the_oldest_go_first_and_nobody_reads_those_of_others() {
        let results = Results::new(Ledger::of_process(1 << 30));
        let me = Arc::new(Principal::local());
        for run in ["a", "b", "c"] {
            results.keep(run.to_owned(), Arc::clone(&me), ended(30 << 20));
        }
        assert!(results.get("a", &me).is_none());
        assert!(results.get("b", &me).is_some());
        assert!(results.get("b", &other()).is_none());
        assert_eq!(results.of(&other()).len(), 0);
        let runs: Vec<_> = results.of(&me).into_iter().map(|(run, _)| run).collect();
        assert_eq!(runs, ["c", "b"]);
    }

    #[test]
    fn where_the_ledger_is_full_the_oldest_make_room() {
        let ledger = Ledger::of_process(3 << 20);
        let results = Results::new(ledger.clone());
        let me = Arc::new(Principal::local());
        results.keep("a".to_owned(), Arc::clone(&me), ended(2 << 20));
        results.keep("b".to_owned(), Arc::clone(&me), ended(2 << 20));
        assert!(results.get("a", &me).is_none());
        assert!(results.get("b", &me).is_some());
        assert!(ledger.held() < 3 << 20);
    }

    #[test]
    fn a_report_is_kept_for_an_hour() {
        let results = Results::new(Ledger::unbounded());
        let me = Arc::new(Principal::local());
        results.keep("a".to_owned(), Arc::clone(&me), ended(1));
        let begin = Instant::now();
        results
            .kept
            .lock()
            .forget_old(begin + KEPT - Duration::from_secs(60));
        assert!(results.get("a", &me).is_some());
        results
            .kept
            .lock()
            .forget_old(begin + KEPT + Duration::from_secs(60));
        assert!(results.get("a", &me).is_none());
    }
}
