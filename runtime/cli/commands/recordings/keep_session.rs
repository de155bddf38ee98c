//! A session that is recorded.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use parking_lot::Mutex;
use wxmcp_host::Runtime;
use wxmcp_recording::SessionRecorder;
use wxmcp_run::{Language, Policy, RecordingFile, ToRecord};

use super::target::Target;
use crate::exit::Failure;
use crate::render;

/// Records the runs of a session, and of those that follow it, into a file.
pub(in crate::commands) struct SessionFile {
    path: PathBuf,
    target: Target,
    file: Arc<Kept>,
    pub(in crate::commands) recorder: Arc<SessionRecorder>,
}

struct Kept {
    file: Mutex<File>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What makes the file whole, while no run goes on.
    ending: Option<Vec<u8>>,
    gave_up: bool,
    /// Whether anything was written.
    has_begun: bool,
}

impl SessionFile {
    /// The file, with nothing in it.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub(in crate::commands) fn create(
        path: &Path,
        allows_secrets: bool,
        (runtime, language): (&Runtime, Language),
    ) -> Result<Self, Failure> {
        let (target, file) = Target::create(path)
            .with_context(|| format!("write the recording `{}`", path.display()))
            .map_err(Failure::usage)?;
        let file = Arc::new(Kept {
            file: Mutex::new(file),
            state: Mutex::default(),
        });
        let kept: Arc<dyn RecordingFile> = Arc::<Kept>::clone(&file);
        let how = runtime.to_record(language, kept);
        let how = how.map_err(|error| Failure::usage(error.into()))?;
        let how = ToRecord {
            allows_secrets,
            ..how
        };
        Ok(Self {
            path: path.to_owned(),
            target,
            file,
            recorder: SessionRecorder::new(how, Vec::new()),
        })
    }

    /// Hides the file, and what was recorded there before, from the session's runs.
    pub(in crate::commands) fn hide(&self, policy: &mut Policy) {
        self.target.hide(policy);
        self.target.protect(policy);
    }

    /// Ends the file.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or has not all runs.
    pub(in crate::commands) fn end(mut self) -> Result<(), Failure> {
        let mut state = self.file.state.lock();
        // A file without a run is no recording.
        if !state.has_begun {
            render::note("nothing was recorded: there was no run");
            return Ok(());
        }
        self.target.keep();
        let written = match state.ending.take() {
            Some(ending) => self.file.file.lock().write_all(&ending),
            None => Ok(()),
        };
        written
            .with_context(|| format!("write the recording `{}`", self.path.display()))
            .map_err(Failure::unwritten)?;
        let gave_up = state.gave_up;
        drop(state);
        match gave_up {
            false => self.target.finish().map_err(|error| {
                let what = format!("write the recording `{}`", self.path.display());
                Failure::unwritten(anyhow::Error::new(error).context(what))
            }),
            true => Err(Failure::unwritten(anyhow::anyhow!(
                "the recording `{}` does not have all runs",
                self.path.display()
            ))),
        }
    }
}

impl RecordingFile for Kept {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        {
            let mut state = self.state.lock();
            state.ending = None;
            state.has_begun = true;
        }
        self.file.lock().write_all(bytes)
    }

    fn run_ended(&self, ending: &[u8]) {
        self.state.lock().ending = Some(ending.to_vec());
    }

    fn gave_up(&self, why: &str) {
        self.state.lock().gave_up = true;
        render::note(&format!("the recording ends here: {why}"));
    }
}
