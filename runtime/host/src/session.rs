//! Sessions: interpreters that are kept between runs.

use std::sync::Arc;

use wxmcp_broker::CallerHost;
use wxmcp_recording::{RecordedSession, SessionRecorder};
use wxmcp_run::{Language, Observer, Report, Run, RunError, RunnerSession, Silent};

use crate::runtime::{Job, Runtime, StartError};

/// A live interpreter. Each job goes on with the variables, functions and imports of those before it, one at a time.
///
/// A run that raises, or that its script ends (`sys.exit`), leaves the session as it is. One that a limit stops, that is
/// cancelled, or whose future is dropped ends it. Mounts, standard input and the limit of memory are those of the
/// first job; all other limits begin anew with each. The ledger of the process counts the memory until this is dropped.
///
/// ```
/// use wxmcp_host::{EventLoop, Job, Runtime};
/// use wxmcp_run::{Language, Outcome};
///
/// let runtime = Runtime::builder(wxmcp_guests::NATIVES).build()?;
/// let mut session = runtime.session(Language::Python)?;
/// let report = EventLoop::on_this_thread()?.run(async {
///     session.run(Job::new(Language::Python, "<run 1>", "def double(n): return 2 * n")).await?;
///     session.run(Job::new(Language::Python, "<run 2>", "double(20) + 2")).await
/// })?;
/// assert!(matches!(report.outcome, Outcome::Returned(value) if value.get() == "42"));
/// assert!(!session.is_over());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Session {
    language: Language,
    interpreter: Box<dyn RunnerSession>,
    tools: Arc<CallerHost>,
}

impl Runtime {
    /// Opens a session. Its interpreter starts with its first job.
    ///
    /// # Errors
    ///
    /// When the interpreter cannot be loaded.
    pub fn session(&self, language: Language) -> Result<Session, RunError> {
        Ok(Session {
            language,
            interpreter: self.interpreter(language)?.session(),
            tools: Arc::clone(self.tools()),
        })
    }
}

impl Runtime {
    /// A session whose runs are recorded, in this process, after those that `recorder` has.
    ///
    /// # Errors
    ///
    /// When the interpreter cannot be loaded.
    pub fn recorded_session(
        &self,
        language: Language,
        recorder: &Arc<SessionRecorder>,
    ) -> Result<Session, RunError> {
        let session = self.interpreter(language)?.session();
        let session = RecordedSession::new(session, Arc::clone(recorder));
        Ok(Session {
            language,
            interpreter: Box::new(session),
            tools: Arc::clone(self.tools()),
        })
    }
}

impl Session {
    /// The language that it was opened for. JavaScript and TypeScript can go on with each other.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Whether no other job can follow.
    pub fn is_over(&self) -> bool {
        self.interpreter.is_over()
    }

    /// Bytes of memory that the ledger counts for it.
    pub fn memory(&self) -> u64 {
        self.interpreter.memory()
    }

    /// Runs a job to its end, and hears nothing of it meanwhile. The names of a session's scripts should differ:
    /// tracebacks find the lines of earlier ones by them.
    ///
    /// # Errors
    ///
    /// When the run could not begin, the session is over, or the job's language is another interpreter's.
    pub async fn run(&mut self, job: Job) -> Result<Report, StartError> {
        self.run_heard(job, Arc::new(Silent), std::future::pending())
            .await
    }

    /// The same; `observer` hears of the run, and when `cancel` ends, the run does, and the session with it.
    ///
    /// # Errors
    ///
    /// As [`Session::run`].
    pub async fn run_heard(
        &mut self,
        mut job: Job,
        observer: Arc<dyn Observer>,
        cancel: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Report, StartError> {
        if !same_interpreter(self.language, job.script.language) {
            return Err(RunError::OtherInterpreter.into());
        }
        job.script.in_session = true;
        let run = job.into_run(Arc::clone(&self.tools), observer, cancel);
        Ok(self.interpreter.run(run).await?)
    }
}

impl Session {
    /// Runs what is a run already: one that replays a recording.
    ///
    /// # Errors
    ///
    /// As [`Session::run`].
    pub async fn run_given(&mut self, run: Run) -> Result<Report, StartError> {
        if !same_interpreter(self.language, run.script.language) {
            return Err(RunError::OtherInterpreter.into());
        }
        Ok(self.interpreter.run(run).await?)
    }
}

fn same_interpreter(one: Language, other: Language) -> bool {
    let kind = |language| match language {
        Language::JavaScript | Language::TypeScript => Language::JavaScript,
        Language::Python | Language::Component => language,
    };
    kind(one) == kind(other)
}
