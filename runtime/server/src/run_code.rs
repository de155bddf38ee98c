//! `run_code`: a program begins, goes on, is waited for, and ends.

use std::sync::Arc;
use std::time::Duration;

use rmcp::model::CallToolResult;
use wxmcp_host::Job;
use wxmcp_policy::Principal;
use wxmcp_run::{
    Language, Observer, Policy, RecordingFile, Report, RunError, Runner, RunnerSession, Script,
    Sources, Stdin,
};

use crate::arguments::{RunCode, SessionChoice, Start};
use crate::config::Client;
use crate::listener::Listening;
use crate::loss::Loss;
use crate::recordings::Recording;
use crate::results::{Ended, SessionNote};
use crate::running::{End, Running};
use crate::service::Service;
use crate::sessions::{Held, Session, Sessions};
use crate::turns::{MAX_WAITING, Turn};
use crate::words::{outcome, over};
use crate::{answer, packages};

/// When a client that was refused may come again.
const RETRY: &str = "try again in a second";

/// What a run that is recorded and in no session is carried out by, and where its recording goes.
type Recorded = (Box<dyn RunnerSession>, Arc<Recording>);

/// How a call of `run_code` is answered.
pub(crate) enum Answered {
    /// With this.
    Now(CallToolResult),
    /// The run goes on for longer than a client waits.
    Later(Arc<Running>),
}

impl Service {
    /// Carries out one call. To drop the future cancels its run.
    pub(crate) async fn run_code(
        self: &Arc<Self>,
        client: &Client,
        asked: RunCode,
        listening: &mut Listening,
    ) -> Answered {
        let running = match asked {
            RunCode::End(handle) => return Answered::Now(self.end_session(client, &handle)),
            RunCode::Wait(handle) => match self.running(&handle, &client.principal) {
                Some(running) => running,
                None => return Answered::Now(self.ended_before(client, &handle)),
            },
            RunCode::Start(start) => match self.begin(client, start).await {
                Ok(running) => running,
                Err(words) => return Answered::Now(answer::refused(words)),
            },
        };
        self.attend(running, listening).await
    }

    /// Waits for the end of a run, but no longer than clients do.
    async fn attend(&self, running: Arc<Running>, listening: &mut Listening) -> Answered {
        let attended = Attended(Some(Arc::clone(&running)));
        let mut heard = running.listen();
        let late = tokio::time::sleep(self.config.yield_after);
        tokio::pin!(late);
        let ending = Arc::clone(&running);
        let end = ending.end();
        tokio::pin!(end);
        loop {
            tokio::select! {
                biased;
                Some(heard) = heard.recv() => listening.send(heard).await,
                end = &mut end => {
                    attended.leave();
                    return Answered::Now(self.answer(end, &running.run));
                }
                () = &mut late => {
                    attended.leave();
                    if let Some(session) = &running.session {
                        self.sessions.admit(session);
                    }
                    return Answered::Later(running);
                }
            }
        }
    }

    /// The answer for the end of a run.
    pub(crate) fn answer(&self, end: End, run: &str) -> CallToolResult {
        match end {
            End::Reported(ended) => answer::of_report(&ended, self.config.max_answer),
            End::Lost(loss) => loss.answer(run),
        }
    }

    /// The answer for a run that goes on.
    pub(crate) fn handle(&self, running: &Running) -> CallToolResult {
        let is_recorded = self.recordings.note(&running.run).is_some();
        answer::of_running(
            (&running.run, is_recorded),
            running.session.as_deref(),
            running.began.elapsed().as_secs(),
            &running.newly_printed(),
            self.config.max_answer,
        )
    }

    fn ended_before(&self, client: &Client, run: &str) -> CallToolResult {
        if let Some(ended) = self.results.get(run, &client.principal) {
            return answer::of_report(&ended, self.config.max_answer);
        }
        match self.lost(run, &client.principal) {
            Some(lost) => lost.loss.answer(run),
            None => answer::refused(format!(
                "there is no run {run}: its result is kept for an hour, and the oldest go first"
            )),
        }
    }

    /// Ends the session of an answer that nobody gets.
    pub(crate) fn end_unknown(&self, answered: &Answered) {
        let handle = match answered {
            Answered::Later(running) => running.session.clone(),
            Answered::Now(result) => {
                let content = result.structured_content.as_ref();
                let handle = content.and_then(|it| it.get("session")?.as_str());
                handle.map(str::to_owned)
            }
        };
        if let Some(handle) = handle {
            let why = "the call that made it was cancelled";
            self.sessions.end(&handle, why.to_owned());
        }
    }

    fn end_session(&self, client: &Client, handle: &str) -> CallToolResult {
        match self.sessions.get(handle, &client.principal) {
            Err(words) => answer::refused(words),
            Ok(session) => {
                self.sessions
                    .end(&session.handle, "a call ended it".to_owned());
                answer::plain(format!("[session ended] {handle}"), self.config.max_answer)
            }
        }
    }

    /// Begins a run, once it is its turn.
    async fn begin(
        self: &Arc<Self>,
        client: &Client,
        start: Start,
    ) -> Result<Arc<Running>, String> {
        if self.draining.is_cancelled() {
            return Err("the server ends: it begins no more runs".to_owned());
        }
        let wall = start.timeout.map_or(self.config.limits.wall, |asked| {
            asked.min(self.config.limits.wall)
        });
        let session = start.session.as_ref();
        let session = session.map(|choice| self.session(client, choice, &start));
        let session = session.transpose()?;
        let waiting = async {
            let held = match &session {
                Some(session) => Some(session.hold().await),
                None => None,
            };
            let turn = self.turns.take(&client.principal.name).await;
            let turn =
                turn.map_err(|_| format!("busy: {MAX_WAITING} runs wait already; {RETRY}"))?;
            Ok::<_, String>((held, turn))
        };
        // If the call is cancelled while it waits, nobody has the handle of what it made.
        let made = session
            .as_ref()
            .filter(|_| start.session == Some(SessionChoice::New));
        let made = made.map(|session| Made(&self.sessions, session.handle.clone(), true));
        let waited = tokio::time::timeout(wall, waiting).await;
        if let (Some(mut made), Ok(Ok(_))) = (made, &waited) {
            made.2 = false;
        }
        let (held, turn) = waited.map_err(|_| {
            format!(
                "it was not its turn within the time limit of {} s; {RETRY}",
                wall.as_secs_f64()
            )
        })??;
        let language = start
            .language
            .or(session.as_ref().map(|session| session.language))
            .unwrap_or(Language::Python);
        self.sessions
            .make_room(self.config.runtime.tools().broker().ledger());
        let name = match &session {
            Some(session) => format!("<run {}>", session.next_run()),
            None => "<code>".to_owned(),
        };
        if language == Language::Python {
            packages::refuse_unlocked(&start.code, &self.config.locked)?;
        }
        let mut job = self.job(name, start.code, language, wall);
        job.script.in_session = session.is_some();
        // A run that is recorded is a session of one run.
        let alone = match (&session, start.record) {
            (None, true) => Some(self.recorded(&client.principal, language)?),
            _ => None,
        };
        Ok(self.start(client, job, (session.zip(held), alone), turn))
    }

    fn session(
        &self,
        client: &Client,
        choice: &SessionChoice,
        start: &Start,
    ) -> Result<Arc<Session>, String> {
        let principal = &client.principal;
        match choice {
            SessionChoice::New => {
                let language = start.language.unwrap_or(Language::Python);
                let (runner, recording) = match start.record {
                    true => {
                        let (runner, recording) = self.recorded(principal, language)?;
                        (runner, Some(recording))
                    }
                    false => (self.interpreter(principal, language)?.session(), None),
                };
                let session = self.sessions.begin(principal, language, runner)?;
                recording.map(|recording| session.recording.set(recording));
                Ok(session)
            }
            SessionChoice::Known(handle) => {
                let session = self.sessions.get(handle, principal)?;
                if start.record && session.recording.get().is_none() {
                    return Err(format!(
                        "the session {handle} was not recorded from its first run: begin one with session: \"new\", \
                         record: true"
                    ));
                }
                match start.language {
                    Some(language) if !session.runs(language) => Err(format!(
                        "the session {handle} is one of {:?}: leave `language` out",
                        session.language
                    )),
                    _ => Ok(session),
                }
            }
        }
    }

    /// A session whose runs are recorded.
    fn recorded(&self, principal: &Arc<Principal>, language: Language) -> Result<Recorded, String> {
        let recording = self.recordings.begin(principal);
        let file: Arc<dyn RecordingFile> = Arc::<Recording>::clone(&recording);
        let runtime = &self.config.runtime;
        let session = runtime.recorded_session_for(principal, language, file);
        match session {
            Ok(session) => Ok((session, recording)),
            Err(error) => Err(format!("cannot start: {error}")),
        }
    }

    fn interpreter(
        &self,
        principal: &Principal,
        language: Language,
    ) -> Result<Arc<dyn Runner>, String> {
        let runner = self.config.runtime.interpreter_for(principal, language);
        runner.map_err(|error| format!("cannot start: {error}"))
    }

    fn job(&self, name: String, code: String, language: Language, wall: Duration) -> Job {
        let config = &self.config;
        let mut limits = config.limits.clone();
        limits.wall = wall;
        Job {
            script: Script {
                name,
                language,
                source: code,
                args: Vec::new(),
                path: None,
                in_session: false,
                task: None,
            },
            policy: Policy {
                stdin: Stdin::Empty,
                ..wxmcp_packages::seen_by(language, &config.policy)
            },
            limits,
            sources: Sources::default(),
        }
    }

    fn start(
        self: &Arc<Self>,
        client: &Client,
        job: Job,
        (session, alone): (Option<(Arc<Session>, Held)>, Option<Recorded>),
        turn: Turn,
    ) -> Arc<Running> {
        let name = session.as_ref().map(|(session, _)| session.handle.clone());
        let language = job.script.language;
        let id = wxmcp_run::RunId::random();
        let running = Arc::new(Running::new(
            id.to_string(),
            Arc::clone(&client.principal),
            name,
        ));
        let recording = match (&session, &alone) {
            (Some((session, _)), _) => session.recording.get(),
            (None, alone) => alone.as_ref().map(|(_, recording)| recording),
        };
        if let Some(recording) = recording {
            recording.begin_run(&running.run);
        }
        self.started(&running);
        let cancelled = running.cancel.clone().cancelled_owned();
        let observer: Arc<dyn Observer> = Arc::<Running>::clone(&running);
        let mut run = job.into_run(self.tools(), observer, cancelled);
        run.id = id;
        let service = Arc::clone(self);
        let attended = Arc::clone(&running);
        let runner = match (&session, &alone) {
            (None, None) => Some(self.interpreter(&client.principal, language)),
            _ => None,
        };
        let carried_out = tokio::spawn(async move {
            let _turn = turn;
            let end = match (session, alone, runner) {
                (Some((session, held)), _, _) => {
                    service.run_in(&session, held, run, &attended).await
                }
                (None, Some((mut alone, _recording)), _) => {
                    service.reported(alone.run(run).await, None, &attended)
                }
                (None, None, Some(Ok(runner))) => {
                    service.reported(runner.run(run).await, None, &attended)
                }
                (None, None, Some(Err(words))) => End::Lost(Loss::not_begun(words)),
                (None, None, None) => End::Lost(Loss::not_begun("there is nothing to run it")),
            };
            service.conclude(&attended, end);
        });
        // A run that panics ends, too: as one that was lost.
        let (service, attended) = (Arc::clone(self), Arc::clone(&running));
        tokio::spawn(async move {
            if carried_out.await.is_err() {
                let words =
                    "wxmcp's own fault: the run was lost. What it had called may have been done";
                service.conclude(&attended, End::Lost(Loss::lost(words)));
            }
        });
        running
    }

    async fn run_in(
        &self,
        session: &Session,
        mut held: Held,
        run: wxmcp_run::Run,
        running: &Running,
    ) -> End {
        let Some(interpreter) = held.0.as_mut() else {
            let why = self.sessions.end_of(&session.handle).unwrap_or_default();
            let words = format!("the session {} has ended: {why}", session.handle);
            return End::Lost(Loss::not_begun(words));
        };
        let ran = interpreter.run(run).await;
        if interpreter.is_over() {
            held.0 = None;
            self.sessions.end(&session.handle, over(&ran));
        }
        session.touch();
        // Before the answer is made, which says whether there is a next run in it.
        match running.cancel.is_cancelled() {
            true => self.sessions.forget(&session.handle),
            false => self.sessions.admit(&session.handle),
        }
        if self.sessions.end_of(&session.handle).is_some() {
            held.0 = None;
        }
        let note = SessionNote {
            handle: session.handle.clone(),
            ended: self.sessions.end_of(&session.handle),
        };
        drop(held);
        self.reported(ran, Some(note), running)
    }

    fn reported(
        &self,
        ran: Result<Report, RunError>,
        session: Option<SessionNote>,
        running: &Running,
    ) -> End {
        let recording = self.recordings.note(&running.run);
        match ran {
            Ok(report) => End::Reported(Ended {
                report: Arc::new(report),
                session,
                recording,
                times: running.times(),
            }),
            // Of what is refused there is no recording that could be spoken of.
            Err(error @ RunError::NotRecorded(_)) => End::Lost(Loss::of(error, session)),
            Err(error) => End::Lost(Loss::of(error, session).recorded(recording)),
        }
    }

    fn conclude(&self, running: &Running, end: End) {
        let words = match &end {
            End::Reported(ended) => {
                let principal = Arc::clone(&running.principal);
                self.results
                    .keep(running.run.clone(), principal, ended.clone());
                outcome(&ended.report)
            }
            End::Lost(loss) => {
                self.keep_lost(running, loss);
                loss.words.clone()
            }
        };
        self.config.log.line(format_args!(
            "run {} of {} ended after {} ms: {words}",
            running.run,
            running.principal.name,
            running.began.elapsed().as_millis()
        ));
        running.finish(end);
        self.finished(running);
    }
}

/// A run that somebody waits for: if they go, it is cancelled.
struct Attended(Option<Arc<Running>>);

impl Attended {
    /// The run has ended, or goes on without them.
    fn leave(mut self) {
        self.0 = None;
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        if let Some(running) = &self.0 {
            running.cancel.cancel();
        }
    }
}

/// A session that ends with this, unless its first run begins.
struct Made<'a>(&'a Sessions, String, bool);

impl Drop for Made<'_> {
    fn drop(&mut self) {
        if self.2 {
            let why = "the call that made it did not begin a run";
            self.0.end(&self.1, why.to_owned());
        }
    }
}
