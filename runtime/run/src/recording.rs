//! What whoever carries out runs is told of a recording: where its file goes. How one is made is not known here.

use std::io;
use std::sync::Arc;

/// How the runs of a session are recorded.
#[derive(Clone)]
pub struct ToRecord {
    /// SHA-256 of the interpreter, in hexadecimal.
    pub guest: String,
    /// Whether values of the environment may be in it whose names look like those of secrets.
    pub allows_secrets: bool,
    /// Takes the file.
    pub file: Arc<dyn RecordingFile>,
}

/// Takes the file of a recording while it is written. The bytes may come from a process that a script has taken over.
pub trait RecordingFile: Send + Sync {
    /// More of the file. What it has then can be read up to its last complete event.
    ///
    /// # Errors
    ///
    /// When it takes no more.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// A run has ended. With these bytes behind what came so far, that is a whole recording; without them it may go on.
    fn run_ended(&self, ending: &[u8]);

    /// Nothing more comes, for this reason: the run that goes on, and those after it, are not recorded.
    fn gave_up(&self, why: &str);
}
