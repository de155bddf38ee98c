//! Recordings of runs, as far as they have come: kept for a while, so that clients can read them.
//!
//! Their bytes come from worker processes, and are taken as they are: bounded, charged to the ledger, and never read here.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wxmcp_policy::Principal;
use wxmcp_run::{Bytes, Charge, Ledger, RecordingFile};

/// How long the recording of a run is kept after it.
const KEPT: Duration = Duration::from_secs(60 * 60);

/// Bytes that all recordings take.
const MAX_BYTES: u64 = 64 << 20;

/// Bytes that a run takes beside its recording.
const OWN_BYTES: u64 = 1 << 10;

/// Bytes by which a recording that is written grows at once.
const STEP: usize = 16 << 10;

/// Recordings of a server; each is read by its principal only.
pub(crate) struct Recordings {
    ledger: Ledger,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    all: HashMap<u64, One>,
    last: u64,
}

/// The recording of a run, or of the runs of a session up to the last.
struct One {
    principal: Arc<Principal>,
    bytes: Vec<u8>,
    /// What is charged for it.
    charge: Charge,
    /// Why nothing more comes.
    gave_up: Option<String>,
    parts: Vec<Part>,
    /// Whether more may come.
    is_open: bool,
}

/// A run of it.
struct Part {
    run: String,
    at: Instant,
    /// How much of the file there was when it ended, and what makes that a whole one.
    ended: Option<(usize, Vec<u8>)>,
}

/// What an answer says of the recording of its run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RecordingNote {
    /// It can be read.
    Kept,
    /// There is none, for this reason.
    NotKept(String),
}

/// One that is being written.
pub(crate) struct Recording {
    all: Arc<Recordings>,
    number: u64,
}

impl Recordings {
    pub(crate) fn new(ledger: Ledger) -> Arc<Self> {
        Arc::new(Self {
            ledger,
            state: Mutex::default(),
        })
    }

    /// Begins one.
    pub(crate) fn begin(self: &Arc<Self>, principal: &Arc<Principal>) -> Arc<Recording> {
        let mut state = self.state.lock();
        state.last = state.last.saturating_add(1);
        let number = state.last;
        let one = One {
            principal: Arc::clone(principal),
            bytes: Vec::new(),
            charge: self.ledger.nothing(),
            gave_up: None,
            parts: Vec::new(),
            is_open: true,
        };
        state.all.insert(number, one);
        Arc::new(Recording {
            all: Arc::clone(self),
            number,
        })
    }

    /// What the recording of a run is: as far as it has come while the run goes on, or was lost. None where there is no
    /// such recording.
    ///
    /// # Errors
    ///
    /// Why the run was not recorded.
    pub(crate) fn read(&self, run: &str, principal: &Principal) -> Option<Result<Vec<u8>, String>> {
        let mut state = self.state.lock();
        state.forget_old(Instant::now());
        let mut all = state.all.values();
        let (one, part) = all.find_map(|one| Some((one, one.part(run)?)))?;
        if *one.principal != *principal {
            return None;
        }
        Some(one.read(part))
    }

    /// What is said of the recording of a run that has ended; none if it was not to be recorded.
    pub(crate) fn note(&self, run: &str) -> Option<RecordingNote> {
        let state = self.state.lock();
        let mut all = state.all.values();
        let (one, part) = all.find_map(|one| Some((one, one.part(run)?)))?;
        Some(match one.why_not(part) {
            None => RecordingNote::Kept,
            Some(why) => RecordingNote::NotKept(why.to_owned()),
        })
    }
}

impl Recording {
    /// The next run of it begins.
    pub(crate) fn begin_run(&self, run: &str) {
        let mut state = self.all.state.lock();
        if let Some(one) = state.all.get_mut(&self.number) {
            one.parts.push(Part {
                run: run.to_owned(),
                at: Instant::now(),
                ended: None,
            });
        }
        state.take_room(self.number, 0);
    }
}

impl RecordingFile for Recording {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.all.state.lock();
        if !state.take_room(self.number, bytes.len()) {
            return Err(io::Error::other("the recording takes nothing more"));
        }
        if let Some(one) = state.all.get_mut(&self.number) {
            one.extend(bytes);
        }
        Ok(())
    }

    fn run_ended(&self, ending: &[u8]) {
        let mut state = self.all.state.lock();
        if !state.take_room(self.number, ending.len()) {
            return;
        }
        if let Some(one) = state.all.get_mut(&self.number) {
            let length = one.bytes.len();
            if let Some(part) = one.parts.last_mut() {
                part.ended.get_or_insert((length, ending.to_vec()));
                part.at = Instant::now();
            }
        }
    }

    fn gave_up(&self, why: &str) {
        let mut state = self.all.state.lock();
        if let Some(one) = state.all.get_mut(&self.number) {
            one.gave_up.get_or_insert_with(|| why.to_owned());
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        let mut state = self.all.state.lock();
        let is_empty = state.all.get_mut(&self.number).is_some_and(|one| {
            one.is_open = false;
            one.parts.is_empty()
        });
        if is_empty {
            state.all.remove(&self.number);
        }
    }
}

impl State {
    /// Bytes of all recordings.
    fn bytes(&self) -> u64 {
        self.all.values().map(|one| one.charge.bytes()).sum()
    }

    /// Makes room for more bytes of a recording that is being written; whether there is. The oldest of others go; one for
    /// which there is still no room ends with nothing.
    fn take_room(&mut self, number: u64, more: usize) -> bool {
        loop {
            let before = self.bytes();
            let Some(one) = self.all.get_mut(&number) else {
                return false;
            };
            if one.gave_up.is_some() {
                return false;
            }
            let wanted = one.wanted(more);
            let after = before
                .saturating_sub(one.charge.bytes())
                .saturating_add(wanted);
            if after <= MAX_BYTES && one.charge.resize(wanted).is_ok() {
                return true;
            }
            if self.forget_oldest() {
                continue;
            }
            if let Some(one) = self.all.get_mut(&number) {
                one.bytes = Vec::new();
                let _smaller = one.charge.resize(0);
                one.gave_up = Some(format!(
                    "there is no room for it: recordings take {} at most",
                    Bytes(MAX_BYTES)
                ));
            }
            return false;
        }
    }

    /// Forgets the oldest one that is not being written; whether there was one.
    fn forget_oldest(&mut self) -> bool {
        let closed = self.all.iter().filter(|(_, one)| !one.is_open);
        let oldest = closed.min_by_key(|(_, one)| one.parts.last().map(|part| part.at));
        let Some(oldest) = oldest.map(|(number, _)| *number) else {
            return false;
        };
        self.all.remove(&oldest).is_some()
    }

    fn forget_old(&mut self, now: Instant) {
        self.all.retain(|_, one| {
            // Only the last one may go on.
            let last = one.parts.last().map(|part| part.run.clone());
            let is_open = one.is_open;
            one.parts.retain(|part| {
                let goes_on = is_open && last.as_ref() == Some(&part.run);
                goes_on || now.saturating_duration_since(part.at) <= KEPT
            });
            is_open || !one.parts.is_empty()
        });
    }
}

impl One {
    fn part(&self, run: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.run == run)
    }

    /// Bytes that it grows by beyond what it needs.
    fn step(&self) -> usize {
        STEP.max(self.bytes.len() / 8)
    }

    /// Takes more bytes, for which there is room.
    fn extend(&mut self, more: &[u8]) {
        if self.bytes.len().saturating_add(more.len()) > self.bytes.capacity() {
            let room = more.len().saturating_add(self.step());
            self.bytes.reserve_exact(room);
        }
        self.bytes.extend_from_slice(more);
    }

    /// Bytes that it takes with so many more.
    fn wanted(&self, more: usize) -> u64 {
        let endings = self.parts.iter().flat_map(|part| &part.ended);
        let endings: usize = endings.map(|(_, ending)| ending.len()).sum();
        let needed = self.bytes.len().saturating_add(more);
        let file = match needed <= self.bytes.capacity() {
            true => self.bytes.capacity(),
            false => needed.saturating_add(self.step()),
        };
        let own = OWN_BYTES.saturating_mul(u64::try_from(self.parts.len()).unwrap_or(u64::MAX));
        let bytes = u64::try_from(file.saturating_add(endings)).unwrap_or(u64::MAX);
        bytes.saturating_add(own)
    }

    /// Why a run of it cannot be read.
    fn why_not(&self, part: &Part) -> Option<&str> {
        match (&part.ended, &self.gave_up) {
            (Some((length, _)), _) if *length <= self.bytes.len() => None,
            (_, Some(why)) => Some(why),
            (Some(_), None) => Some("it was forgotten"),
            (None, None) if self.bytes.is_empty() => Some("nothing of it has been recorded"),
            (None, None) => None,
        }
    }

    fn read(&self, part: &Part) -> Result<Vec<u8>, String> {
        if let Some(why) = self.why_not(part) {
            return Err(why.to_owned());
        }
        Ok(match &part.ended {
            Some((length, ending)) => {
                let mut whole = self.bytes.get(..*length).unwrap_or_default().to_vec();
                whole.extend_from_slice(ending);
                whole
            }
            None => self.bytes.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other() -> Arc<Principal> {
        Arc::new(Principal {
            name: "other".to_owned(),
            role: "guest".to_owned(),
        })
    }

    /// A run whose recording is `bytes`, and has ended.
    fn ended(recordings: &Arc<Recordings>, principal: &Arc<Principal>, run: &str, bytes: usize) {
        let recording = recordings.begin(principal);
        recording.begin_run(run);
        let _full = recording.append(&vec![b'x'; bytes]);
        recording.run_ended(b"end");
    }

    #[test]
    fn nobody_reads_those_of_others() {
        let recordings = Recordings::new(Ledger::unbounded());
        let (one, two) = (Arc::new(Principal::local()), other());
        ended(&recordings, &one, "a", 2);
        ended(&recordings, &two, "b", 1);
        assert_eq!(recordings.read("a", &one), Some(Ok(b"xxend".to_vec())));
        assert_eq!(recordings.read("a", &two), None);
        assert_eq!(recordings.read("b", &one), None);
        assert_eq!(recordings.read("b", &two), Some(Ok(b"xend".to_vec())));
        assert_eq!(recordings.read("c", &one), None);
    }

    #[test]
    fn each_run_of_a_session_has_those_before_it() {
        let recordings = Recordings::new(Ledger::unbounded());
        let me = Arc::new(Principal::local());
        let session = recordings.begin(&me);
        session.begin_run("a");
        let nothing = "nothing of it has been recorded".to_owned();
        assert_eq!(recordings.read("a", &me), Some(Err(nothing)));
        session.append(b"1").unwrap();
        assert_eq!(recordings.read("a", &me), Some(Ok(b"1".to_vec())));
        session.run_ended(b".");
        session.begin_run("b");
        session.append(b"2").unwrap();
        assert_eq!(recordings.read("a", &me), Some(Ok(b"1.".to_vec())));
        assert_eq!(recordings.read("b", &me), Some(Ok(b"12".to_vec())));
        assert_eq!(recordings.note("b"), Some(RecordingNote::Kept));
        session.gave_up("no more");
        session.begin_run("c");
        assert!(session.append(b"3").is_err());
        let why = RecordingNote::NotKept("no more".to_owned());
        assert_eq!(recordings.note("c"), Some(why));
        assert_eq!(recordings.read("a", &me), Some(Ok(b"1.".to_vec())));
        assert_eq!(recordings.note("d"), None);
    }

    #[test]
    fn the_oldest_make_room_and_one_alone_is_bounded() {
        let ledger = Ledger::of_process(1 << 30);
        let recordings = Recordings::new(ledger.clone());
        let me = Arc::new(Principal::local());
        for run in ["a", "b", "c"] {
            ended(&recordings, &me, run, 25 << 20);
        }
        assert_eq!(recordings.note("a"), None);
        assert_eq!(recordings.note("b"), Some(RecordingNote::Kept));
        assert!(ledger.held() <= MAX_BYTES && ledger.held() > 50 << 20);
        let large = recordings.begin(&me);
        large.begin_run("d");
        assert!((0..65).any(|_| large.append(&vec![b'x'; 1 << 20]).is_err()));
        let why = recordings.read("d", &me).unwrap().unwrap_err();
        assert_eq!(
            why,
            "there is no room for it: recordings take 64 MiB at most"
        );
        // What it took is given back, and others have gone for it.
        assert_eq!(recordings.note("c"), None);
        assert!(ledger.held() < 1 << 20, "{}", ledger.held());
    }

    #[test]
    fn where_the_ledger_is_full_the_oldest_make_room() {
        let ledger = Ledger::of_process(3 << 20);
        let recordings = Recordings::new(ledger.clone());
        let me = Arc::new(Principal::local());
        ended(&recordings, &me, "a", 2 << 20);
        ended(&recordings, &me, "b", 2 << 20);
        assert_eq!(recordings.note("a"), None);
        assert_eq!(recordings.note("b"), Some(RecordingNote::Kept));
    }

    #[test]
    fn a_recording_is_kept_for_an_hour_and_one_that_is_written_for_longer() {
        let recordings = Recordings::new(Ledger::unbounded());
        let me = Arc::new(Principal::local());
        ended(&recordings, &me, "a", 1);
        let session = recordings.begin(&me);
        session.begin_run("b");
        session.run_ended(b".");
        session.begin_run("c");
        let now = Instant::now();
        let look = |after| {
            recordings.state.lock().forget_old(now + after);
            ["a", "b", "c"].map(|run| recordings.note(run).is_some())
        };
        assert_eq!(look(KEPT - Duration::from_secs(60)), [true; 3]);
        assert_eq!(look(KEPT + Duration::from_secs(60)), [false, false, true]);
        drop(session);
        assert_eq!(look(KEPT + Duration::from_secs(60)), [false; 3]);
        // One that was never written to is nothing.
        drop(recordings.begin(&me));
        assert!(recordings.state.lock().all.is_empty());
    }
}
