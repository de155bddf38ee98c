//! Sessions: live interpreters that are kept between runs, and why others are no more.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use lru::LruCache;
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;
use wxmcp_policy::Principal;
use wxmcp_run::{Language, Ledger, RunnerSession};

use crate::ids;
use crate::recordings::Recording;

/// Ended sessions whose end is remembered.
const MAX_REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

/// All sessions of a server; each is its principal's only.
pub(crate) struct Sessions {
    idle: Duration,
    of_a_principal: usize,
    state: Mutex<State>,
}

struct State {
    live: HashMap<String, Arc<Session>>,
    /// Those whose first answer was not given yet: they push no other out.
    begun: HashMap<String, Arc<Session>>,
    ended: LruCache<String, (Arc<Principal>, String)>,
}

/// One session.
pub(crate) struct Session {
    pub(crate) handle: String,
    pub(crate) language: Language,
    principal: Arc<Principal>,
    interpreter: Arc<tokio::sync::Mutex<Interpreter>>,
    used: Mutex<Instant>,
    runs: AtomicU64,
    /// That of all its runs, if they are recorded.
    pub(crate) recording: OnceLock<Arc<Recording>>,
}

/// What a run of a session has for itself while it goes on.
pub(crate) type Held = OwnedMutexGuard<Interpreter>;

/// The live interpreter; none once the session has ended.
pub(crate) struct Interpreter(pub(crate) Option<Box<dyn RunnerSession>>);

/// A session, as it is listed.
pub(crate) struct Listed {
    pub(crate) handle: String,
    pub(crate) language: Language,
    pub(crate) idle: Duration,
    pub(crate) is_running: bool,
}

impl Sessions {
    pub(crate) fn new(idle: Duration, of_a_principal: usize) -> Self {
        Self {
            idle,
            of_a_principal,
            state: Mutex::new(State {
                live: HashMap::new(),
                begun: HashMap::new(),
                ended: LruCache::new(MAX_REMEMBERED),
            }),
        }
    }

    /// Makes a session, which is nobody's until it is admitted.
    ///
    /// # Errors
    ///
    /// When its principal has as many as it may, and all of them are running.
    pub(crate) fn begin(
        &self,
        principal: &Arc<Principal>,
        language: Language,
        interpreter: Box<dyn RunnerSession>,
    ) -> Result<Arc<Session>, String> {
        self.end_idle(Instant::now());
        let mut state = self.state.lock();
        let own = state.live.values().filter(|it| it.principal == *principal);
        let running = own.filter(|it| it.is_running()).count();
        let begun = state.begun.values().filter(|it| it.principal == *principal);
        if running.saturating_add(begun.count()) >= self.of_a_principal {
            return Err(format!(
                "there are {} sessions already, and all of them are running",
                self.of_a_principal
            ));
        }
        let session = Arc::new(Session {
            handle: ids::random(),
            language,
            principal: Arc::clone(principal),
            interpreter: Arc::new(tokio::sync::Mutex::new(Interpreter(Some(interpreter)))),
            used: Mutex::new(Instant::now()),
            runs: AtomicU64::new(0),
            recording: OnceLock::new(),
        });
        state
            .begun
            .insert(session.handle.clone(), Arc::clone(&session));
        Ok(session)
    }

    /// Its first answer is given: from now on its principal can use it. If that has as many as it may, the one that was not
    /// used for the longest time ends; this one, if all others are running.
    pub(crate) fn admit(&self, handle: &str) {
        let mut state = self.state.lock();
        let Some(session) = state.begun.get(handle).cloned() else {
            return;
        };
        let own = state
            .live
            .values()
            .filter(|it| it.principal == session.principal);
        if own.clone().count() >= self.of_a_principal {
            let idle = own.filter(|it| !it.is_running());
            let longest = idle.min_by_key(|it| *it.used.lock());
            let longest = longest.map(|it| it.handle.clone());
            let why = format!(
                "another session was made, and {} is the most there may be: this one was not used for the longest time",
                self.of_a_principal
            );
            match longest {
                Some(longest) => state.end(&longest, why),
                None => {
                    let why = format!(
                        "there are {} other sessions, and all of them are running",
                        self.of_a_principal
                    );
                    state.end(handle, why);
                    return;
                }
            }
        }
        state.begun.remove(handle);
        state.live.insert(handle.to_owned(), session);
    }

    /// Ends a session that nobody will hear of.
    pub(crate) fn forget(&self, handle: &str) {
        self.state.lock().begun.remove(handle);
    }

    /// A session of this principal.
    ///
    /// # Errors
    ///
    /// Why there is none: what ended it, or that it is unknown.
    pub(crate) fn get(&self, handle: &str, principal: &Principal) -> Result<Arc<Session>, String> {
        self.end_idle(Instant::now());
        let mut state = self.state.lock();
        if let Some(session) = state.live.get(handle)
            && *session.principal == *principal
        {
            return Ok(Arc::clone(session));
        }
        match state.ended.get(handle) {
            Some((owner, why)) if **owner == *principal => {
                Err(format!("the session {handle} has ended: {why}"))
            }
            _ => Err(format!(
                "there is no session {handle}; begin one with session: \"new\""
            )),
        }
    }

    /// Ends a session; a run that uses it goes on, and its answer says so.
    pub(crate) fn end(&self, handle: &str, why: String) {
        self.state.lock().end(handle, why);
    }

    /// Why a session has ended, if it has.
    pub(crate) fn end_of(&self, handle: &str) -> Option<String> {
        let mut state = self.state.lock();
        match state.live.contains_key(handle) || state.begun.contains_key(handle) {
            true => None,
            false => {
                let ended = state.ended.get(handle);
                Some(ended.map_or("it was forgotten".to_owned(), |(_, why)| why.clone()))
            }
        }
    }

    /// Ends what nobody has used for long enough; answers when the next could be due.
    pub(crate) fn end_idle(&self, now: Instant) -> Option<Instant> {
        let mut state = self.state.lock();
        let is_due = |it: &Session| {
            !it.is_running() && now.saturating_duration_since(*it.used.lock()) >= self.idle
        };
        let due: Vec<String> = state
            .live
            .values()
            .filter(|it| is_due(it))
            .map(|it| it.handle.clone())
            .collect();
        for handle in due {
            state.end(&handle, format!("nobody used it for {:?}", self.idle));
        }
        let used = state.live.values().map(|it| *it.used.lock()).min()?;
        used.checked_add(self.idle)
    }

    /// Ends those that were not used for the longest time while all runs together hold more than three quarters of what
    /// they may: what is kept for later makes room for what runs now.
    pub(crate) fn make_room(&self, ledger: &Ledger) {
        let ledger = ledger.process();
        let most = ledger.budget() / 4 * 3;
        while ledger.held() > most {
            let mut state = self.state.lock();
            let idle = state.live.values().filter(|it| !it.is_running());
            let longest = idle.min_by_key(|it| *it.used.lock());
            let Some(longest) = longest.map(|it| it.handle.clone()) else {
                return;
            };
            let why = "its memory was needed for other runs: it was not used for the longest time";
            state.end(&longest, why.to_owned());
        }
    }

    /// Sessions of this principal.
    pub(crate) fn of(&self, principal: &Principal) -> Vec<Listed> {
        self.end_idle(Instant::now());
        let state = self.state.lock();
        let own = state.live.values().filter(|it| *it.principal == *principal);
        let mut listed: Vec<Listed> = own
            .map(|it| Listed {
                handle: it.handle.clone(),
                language: it.language,
                idle: it.used.lock().elapsed(),
                is_running: it.is_running(),
            })
            .collect();
        listed.sort_by_key(|it| it.idle);
        listed
    }
}

impl State {
    fn end(&mut self, handle: &str, why: String) {
        let session = self.live.remove(handle);
        if let Some(session) = session.or_else(|| self.begun.remove(handle)) {
            // Where a run has it now, it goes with the end of that run.
            if let Ok(mut interpreter) = session.interpreter.try_lock() {
                interpreter.0 = None;
            }
            self.ended
                .put(handle.to_owned(), (Arc::clone(&session.principal), why));
        }
    }
}

impl Session {
    /// Waits until no other run uses it.
    pub(crate) async fn hold(&self) -> Held {
        Arc::clone(&self.interpreter).lock_owned().await
    }

    /// Takes note that it was used.
    pub(crate) fn touch(&self) {
        *self.used.lock() = Instant::now();
    }

    /// The number of the run that begins now, from 1: tracebacks find the lines of earlier ones by it.
    pub(crate) fn next_run(&self) -> u64 {
        self.runs.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    fn is_running(&self) -> bool {
        self.interpreter.try_lock().is_err()
    }

    /// Whether it runs scripts of a language.
    pub(crate) fn runs(&self, language: Language) -> bool {
        (self.language == Language::Python) == (language == Language::Python)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxmcp_run::{BoxFuture, Charge, Report, Run, RunError};

    /// An interpreter that does nothing, and what is charged for it.
    struct Nothing(Option<Charge>);

    impl RunnerSession for Nothing {
        fn run(&mut self, _run: Run) -> BoxFuture<'_, Result<Report, RunError>> {
            Box::pin(async { Err(RunError::SessionOver) })
        }

        fn is_over(&self) -> bool {
            false
        }

        fn memory(&self) -> u64 {
            self.0.as_ref().map_or(0, Charge::bytes)
        }
    }

    fn begin(sessions: &Sessions, principal: &Arc<Principal>) -> Result<Arc<Session>, String> {
        let session = sessions.begin(principal, Language::Python, Box::new(Nothing(None)))?;
        sessions.admit(&session.handle);
        Ok(session)
    }

    fn other() -> Arc<Principal> {
        Arc::new(Principal {
            name: "other".to_owned(),
            role: "guest".to_owned(),
        })
    }

    #[tokio::test]
    async fn the_longest_idle_goes_first_and_its_owner_hears_why() {
        let sessions = Sessions::new(Duration::from_secs(60), 2);
        let me = Arc::new(Principal::local());
        let first = begin(&sessions, &me).unwrap();
        let second = begin(&sessions, &me).unwrap();
        first.touch();
        let of_another = begin(&sessions, &other()).unwrap();
        let third = begin(&sessions, &me).unwrap();
        let error = sessions.get(&second.handle, &me).err().unwrap();
        assert!(
            error.contains("another session was made, and 2 is the most"),
            "{error}"
        );
        for live in [&first, &third] {
            assert!(sessions.get(&live.handle, &me).is_ok());
        }
        assert!(sessions.get(&of_another.handle, &other()).is_ok());
        let error = sessions.get(&of_another.handle, &me).err().unwrap();
        assert!(error.contains("there is no session"), "{error}");
        let held = [first.hold().await, third.hold().await];
        let error = begin(&sessions, &me).err().unwrap();
        assert!(error.contains("all of them are running"), "{error}");
        drop(held);
        assert!(begin(&sessions, &me).is_ok());
    }

    #[tokio::test]
    async fn one_that_was_begun_before_all_others_ran_is_not_one_more() {
        let sessions = Sessions::new(Duration::from_secs(60), 2);
        let me = Arc::new(Principal::local());
        let live = [
            begin(&sessions, &me).unwrap(),
            begin(&sessions, &me).unwrap(),
        ];
        let nothing = Box::new(Nothing(None));
        let new = sessions.begin(&me, Language::Python, nothing).unwrap();
        let held = [live[0].hold().await, live[1].hold().await];
        sessions.admit(&new.handle);
        let error = sessions.get(&new.handle, &me).err().unwrap();
        assert!(
            error.contains("there are 2 other sessions, and all of them are running"),
            "{error}"
        );
        assert_eq!(sessions.of(&me).len(), 2);
        drop(held);
        assert!(begin(&sessions, &me).is_ok());
        assert_eq!(sessions.of(&me).len(), 2);
    }

    #[tokio::test]
    async fn an_idle_one_ends_and_a_running_one_does_not() {
        let sessions = Sessions::new(Duration::from_secs(60), 16);
        let me = Arc::new(Principal::local());
        let idle = begin(&sessions, &me).unwrap();
        let running = begin(&sessions, &me).unwrap();
        let held = running.hold().await;
        let later = Instant::now() + Duration::from_secs(61);
        sessions.end_idle(later);
        let error = sessions.get(&idle.handle, &me).err().unwrap();
        assert!(error.contains("nobody used it for 60s"), "{error}");
        assert!(sessions.get(&running.handle, &me).is_ok());
        drop(held);
    }

    #[test]
    fn where_memory_is_short_the_longest_idle_make_room() {
        let sessions = Sessions::new(Duration::from_secs(60), 16);
        let me = Arc::new(Principal::local());
        let ledger = Ledger::of_process(100);
        let kept: Vec<_> = (0..3)
            .map(|_| {
                let charge = ledger.charge(30).unwrap();
                let interpreter = Box::new(Nothing(Some(charge)));
                let session = sessions.begin(&me, Language::Python, interpreter);
                let handle = session.unwrap().handle.clone();
                sessions.admit(&handle);
                handle
            })
            .collect();
        sessions.make_room(&ledger);
        assert_eq!(ledger.held(), 60);
        let error = sessions.get(&kept[0], &me).err().unwrap();
        assert!(error.contains("its memory was needed"), "{error}");
        assert!(sessions.get(&kept[1], &me).is_ok());
    }
}
