//! Recordings that come from workers: bytes, handed on as they come.

use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use wxmcp_recording::event::Event;
use wxmcp_recording::file::{Completeness, Recording};
use wxmcp_run::{RecordingFile, ToRecord};
use wxmcp_worker::{Pool, PoolConfig};

use crate::support::{TestResult, command, lost, pool, returned, run, runner};

#[derive(Default)]
struct File(Mutex<Parts>);

#[derive(Default)]
struct Parts {
    bytes: Vec<u8>,
    /// The whole recording at the end of each run.
    whole: Vec<Vec<u8>>,
    gave_up: Option<String>,
}

impl RecordingFile for File {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn run_ended(&self, ending: &[u8]) {
        let mut parts = self.0.lock();
        let whole = [&parts.bytes, ending].concat();
        parts.whole.push(whole);
    }

    fn gave_up(&self, why: &str) {
        self.0.lock().gave_up = Some(why.to_owned());
    }
}

fn to_record(file: &Arc<File>) -> ToRecord {
    let file: Arc<dyn RecordingFile> = Arc::<File>::clone(file);
    ToRecord {
        guest: "guest".to_owned(),
        allows_secrets: false,
        file,
    }
}

#[tokio::test]
async fn all_runs_of_a_session_are_in_its_recording() -> TestResult {
    let pool = pool(1);
    let file = Arc::new(File::default());
    let session = runner(&pool).recorded(to_record(&file));
    let mut session = session.ok_or("a pool records in its workers")?;
    for count in 1..4 {
        let mut next = run("return 1");
        next.script.in_session = true;
        assert_eq!(returned(session.run(next).await?)?, 1);
        let parts = file.0.lock();
        assert_eq!(parts.gave_up, None);
        let recording = Recording::read(parts.whole.last().ok_or("no end")?.as_slice())?;
        assert_eq!(recording.completeness, Completeness::Complete);
        let heads = recording.events.iter().filter_map(|event| match event {
            Event::Head(head) => Some((head.guest.as_str(), head.source.as_str())),
            _ => None,
        });
        assert_eq!(
            heads.collect::<Vec<_>>(),
            vec![("guest", "return 1"); count]
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_cannot_be_recorded_is_refused_by_name() -> TestResult {
    let pool = pool(1);
    let file = Arc::new(File::default());
    let session = runner(&pool).recorded(to_record(&file));
    let mut session = session.ok_or("a pool records in its workers")?;
    let mut secret = run("return 1");
    let env = ("A_PASSWORD".to_owned(), "canary".to_owned());
    secret.policy.env.push(env);
    let refused = session.run(secret).await.err().ok_or("it was recorded")?;
    assert_eq!(
        refused.to_string(),
        "the run cannot be recorded: the environment variable `A_PASSWORD` looks like a secret, and would be in the recording"
    );
    assert!(file.0.lock().bytes.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_worker_that_sends_too_much_of_a_recording_at_once_is_ended() -> TestResult {
    let pool = Pool::new(PoolConfig {
        ahead: 1,
        ..PoolConfig::new(command(&["hostile", "records-much"]))
    });
    let file = Arc::new(File::default());
    let session = runner(&pool).recorded(to_record(&file));
    let mut session = session.ok_or("a pool records in its workers")?;
    let (how, _) = lost(session.run(run("return 1")).await)?;
    let expected = "broke the protocol, and was killed: it sent too much of a recording at once";
    assert_eq!(how, expected);
    assert!(file.0.lock().bytes.is_empty());
    Ok(())
}
