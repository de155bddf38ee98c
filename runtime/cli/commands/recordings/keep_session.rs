//! A session that is recorded.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use parking_lot::Mutex;
use wxmcp_host::{Guests, Runtime};
use wxmcp_recording::SessionRecorder;
use wxmcp_recording::redact::Rules;
use wxmcp_run::{Language, Policy, RecordingFile, ToRecord};

use super::redacting::Held;
use super::redactor::{Redactor, written};
use super::target::Target;
use crate::exit::Failure;
use crate::render;

/// Records the runs of a session, and of those that follow it, into a file.
pub(in crate::commands) struct SessionFile {
    path: PathBuf,
    target: Target,
    file: Arc<Kept>,
    /// What takes values out of it, and where it is written then.
    redacts: Option<(Rules, Arc<Guests>, File)>,
    pub(in crate::commands) recorder: Arc<SessionRecorder>,
}

struct Kept {
    to: Mutex<To>,
    state: Mutex<State>,
}

/// Where the recording goes as it comes.
enum To {
    File(File),
    /// Into memory, until the session has ended: then what rules hit is taken out of it.
    Memory(Held),
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
        rules: &Rules,
        (runtime, language): (&Runtime, Language),
    ) -> Result<Self, Failure> {
        let (target, file) = Target::create(path)
            .with_context(|| format!("write the recording `{}`", path.display()))
            .map_err(Failure::usage)?;
        let (to, redacts) = match rules.is_empty() {
            true => (To::File(file), None),
            false => (
                To::Memory(Held::new(runtime.tools().broker().ledger())),
                Some((rules.clone(), Arc::clone(runtime.guests()), file)),
            ),
        };
        let file = Arc::new(Kept {
            to: Mutex::new(to),
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
            redacts,
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
    pub(in crate::commands) async fn end(mut self) -> Result<(), Failure> {
        let (has_begun, ending, gave_up) = {
            let mut state = self.file.state.lock();
            (state.has_begun, state.ending.take(), state.gave_up)
        };
        // A file without a run is no recording.
        if !has_begun {
            render::note("nothing was recorded: there was no run");
            return Ok(());
        }
        let what = || format!("write the recording `{}`", self.path.display());
        let redacts = self.redacts.take();
        if redacts.is_none() {
            self.target.keep();
        }
        self.file
            .put(&ending.unwrap_or_default())
            .with_context(what)
            .map_err(Failure::unwritten)?;
        if let Some((rules, guests, file)) = redacts {
            let redactor = Redactor {
                rules: &rules,
                guests: &guests,
                file: self.path.display().to_string(),
                keeps_what_differs: None,
            };
            let bytes = self.file.in_memory();
            let (events, notes) = redactor.redacted(&bytes).await?;
            notes.iter().for_each(|note| render::note(note));
            written(&file, &events)
                .with_context(what)
                .map_err(Failure::unwritten)?;
            // It has all runs up to the one that could not be recorded.
            self.target.keep();
        }
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

impl Kept {
    fn put(&self, bytes: &[u8]) -> io::Result<()> {
        match &mut *self.to.lock() {
            To::File(file) => file.write_all(bytes),
            To::Memory(held) => held.write_all(bytes),
        }
    }

    /// What is in memory.
    fn in_memory(&self) -> Vec<u8> {
        match &mut *self.to.lock() {
            To::File(_) => Vec::new(),
            To::Memory(held) => std::mem::take(&mut held.bytes),
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
        self.put(bytes)
    }

    fn run_ended(&self, ending: &[u8]) {
        self.state.lock().ending = Some(ending.to_vec());
    }

    fn gave_up(&self, why: &str) {
        self.state.lock().gave_up = true;
        render::note(&format!("the recording ends here: {why}"));
    }
}
