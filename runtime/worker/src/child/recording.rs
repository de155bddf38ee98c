//! The recording of a session in a worker: it goes to the parent, as it is made.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use wxmcp_recording::{RecordedSession, SessionRecorder};
use wxmcp_run::{RecordingFile, RunnerSession, ToRecord};

use super::way::Way;
use crate::message::{Blob, Record, Recorded};
use crate::recorded::{MAX_RECORDED, MAX_WORDS};

/// Sends a recording to the parent: by the way of the run that goes on.
#[derive(Default)]
pub(super) struct ToParent(Mutex<Option<Arc<Way>>>);

impl ToParent {
    /// A session whose runs are recorded.
    pub(super) fn recorded(
        self: &Arc<Self>,
        session: Box<dyn RunnerSession>,
        record: Record,
    ) -> RecordedSession {
        let file: Arc<dyn RecordingFile> = Arc::<Self>::clone(self);
        let how = ToRecord {
            guest: record.guest,
            allows_secrets: record.allows_secrets,
            file,
        };
        RecordedSession::new(session, SessionRecorder::new(how, Vec::new()))
    }

    /// The next run begins.
    pub(super) fn goes_by(&self, way: &Arc<Way>) {
        *self.0.lock() = Some(Arc::clone(way));
    }

    fn send(&self, recorded: Recorded) {
        let way = self.0.lock().clone();
        if let Some(way) = way {
            way.record(recorded);
        }
    }
}

impl RecordingFile for ToParent {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        for part in bytes.chunks(MAX_RECORDED) {
            self.send(Recorded::More(Blob(part.to_vec())));
        }
        Ok(())
    }

    fn run_ended(&self, ending: &[u8]) {
        self.send(Recorded::Ending(Blob(ending.to_vec())));
    }

    fn gave_up(&self, why: &str) {
        let end = why.floor_char_boundary(MAX_WORDS);
        let why = why.get(..end).unwrap_or_default();
        self.send(Recorded::GaveUp(why.to_owned()));
    }
}
