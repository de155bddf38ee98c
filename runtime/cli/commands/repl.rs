//! `wxmcp repl`: a session at a terminal, or at the end of a pipe.

mod editor;
mod history;
mod names;

use std::io::{BufRead as _, Read as _};
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use wxmcp_host::{Guests, Job, Runtime, Session, StartError};
use wxmcp_javascript::{Dialect, is_unfinished};
use wxmcp_recording::{Afterwards, HowToReplay};
use wxmcp_run::{Language, Outcome, Report, Script, Silent, Stdin, ToolHost as _};

use self::editor::{Edited, Editor};
use self::names::Names;
use super::recordings::{Again, Loaded, SessionFile, refuse_secrets};
use super::run::{cannot_listen, failure, interrupted, job};
use crate::cli::ReplArgs;
use crate::exit::{Exit, Failure};
use crate::place;
use crate::render::{self, Terminal};
use crate::settings::Settings;
use crate::streams;

/// Largest input, in bytes: that of a script.
const INPUT: usize = 8 << 20;

/// What the interpreter is for, where it does not start.
const SESSION: &str = "the session";

/// Whether Python goes on reading: what `codeop` says, in an interpreter of its own.
const PYTHON_GOES_ON: &str = "\
import ast, codeop, sys, warnings
warnings.simplefilter('ignore')
compiler = codeop.CommandCompiler()
compiler.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
try:
    goes_on = compiler(sys.argv[1], '<input>', 'exec') is None
except (SyntaxError, ValueError, OverflowError):
    goes_on = False
goes_on
";

/// The file of lines that were typed, in the folder of wxmcp's own, which no mount lets a script change.
const HISTORY: &str = "repl-history";

/// Carries out the command.
pub(super) fn execute(args: &ReplArgs) -> Result<Exit, Failure> {
    let mut settings =
        Settings::resolve(&args.limits, &args.policy, &args.config).map_err(Failure::usage)?;
    let mut empty = Job::new(args.lang.0, "<run>", "").script;
    place::put(&mut empty, None, &mut settings);
    crate::packages::provide(&mut settings, &empty)?;
    crate::runtime::event_loop()?.run(read_and_run(empty, settings, (false, Some(args))))
}

/// Runs a script, and then what is typed.
pub(super) fn after(script: Script, settings: Settings) -> Result<Exit, Failure> {
    if script.language == Language::Component {
        return Err(Failure::usage(anyhow::anyhow!(
            "`--interactive` is for Python, JavaScript and TypeScript, not for components"
        )));
    }
    crate::runtime::event_loop()?.run(read_and_run(script, settings, (true, None)))
}

/// Replays a recording until it is to stop, and then runs what is typed: with the script's variables, and without tools.
pub(super) fn after_replay(
    loaded: &Loaded,
    how: HowToReplay,
    guests: Arc<Guests>,
) -> Result<Exit, Failure> {
    crate::runtime::event_loop()?.run(replay_and_read(loaded, how, guests))
}

async fn replay_and_read(
    loaded: &Loaded,
    how: HowToReplay,
    guests: Arc<Guests>,
) -> Result<Exit, Failure> {
    let mut again = Again::of(loaded, &guests)?;
    let language = loaded
        .language()
        .map_err(|error| Failure::usage(error.into()))?;
    // Runs before the one that it stops in are as they were recorded.
    while let Some(is_last) = again.upcoming(how.until) {
        let terminal = Arc::new(Terminal::new(true, true));
        let how = HowToReplay {
            until: how.until.filter(|_| is_last),
            in_session: true,
            ..how.clone()
        };
        let (_, report) = again.replay(how, terminal.clone()).await?;
        terminal.finish();
        render::report(&report, false, false, false);
    }
    let tools = again.afterwards();
    let (runtime, session, limits) = again.into_session();
    let session = match session {
        Some(session) => session,
        None => open(&runtime, language, None)?,
    };
    let mut first = Job::new(language, "<run>", "");
    first.limits = limits;
    let mut repl = Repl {
        session,
        job: first,
        count: 0,
        runtime,
        input: Input::new(),
        recording: None,
        replayed: Some(tools),
    };
    repl.follow(false).await
}

async fn read_and_run(
    first: Script,
    settings: Settings,
    (runs_first, record): (bool, Option<&ReplArgs>),
) -> Result<Exit, Failure> {
    let runtime = crate::runtime::open(&settings, Arc::new(Silent))?;
    let record = record.and_then(|args| Some((args.record.as_deref()?, args.record_env)));
    let recording = record.map(|(path, secrets)| {
        if !secrets {
            refuse_secrets(&settings.env)?;
        }
        SessionFile::create(path, secrets, &settings.redact, (&runtime, first.language))
    });
    let recording = recording.transpose()?;
    let language = first.language;
    let mut job = job(first, settings, Stdin::Empty);
    if let Some(recording) = &recording {
        recording.hide(&mut job.policy);
    }
    let mut repl = Repl {
        session: open(&runtime, language, recording.as_ref())?,
        job,
        count: 0,
        runtime,
        input: Input::new(),
        recording,
        replayed: None,
    };
    if !runs_first {
        let interrupt = signal(SignalKind::interrupt()).map_err(cannot_listen)?;
        repl.learn_names(interrupt).await;
    }
    let ended = repl.follow(runs_first).await;
    repl.runtime.shutdown().await;
    let written = match repl.recording.take() {
        Some(recording) => recording.end().await,
        None => Ok(()),
    };
    let ended = ended?;
    written.map(|()| ended)
}

fn open(
    runtime: &Runtime,
    language: Language,
    recording: Option<&SessionFile>,
) -> Result<Session, Failure> {
    let session = match recording {
        Some(recording) => runtime.recorded_session(language, &recording.recorder),
        None => runtime.session(language),
    };
    session.map_err(|error| failure(error, SESSION, true))
}

fn cannot_run(error: StartError) -> Failure {
    match error {
        StartError::Run(error) => failure(error, SESSION, true),
        other => Failure::fault(other.into()),
    }
}

struct Repl {
    runtime: Runtime,
    session: Session,
    /// The script that ran last; the next one has its policy and limits.
    job: Job,
    /// Inputs so far: each has a name of its own in tracebacks.
    count: u64,
    input: Input,
    /// The recording of its runs.
    recording: Option<SessionFile>,
    /// After a replay, the tools as the recording has them.
    replayed: Option<Arc<Afterwards>>,
}

impl Repl {
    async fn follow(&mut self, runs_first: bool) -> Result<Exit, Failure> {
        if runs_first && let Some(exit) = self.run().await? {
            return Ok(exit);
        }
        while let Some(text) = self.read().await? {
            if text.trim().is_empty() {
                continue;
            }
            self.count = self.count.saturating_add(1);
            self.job.script.name = format!("<run {}>", self.count);
            self.job.script.path = None;
            self.job.script.source = text;
            if let Some(exit) = self.run().await? {
                return Ok(exit);
            }
        }
        Ok(Exit::Success)
    }

    /// Runs the script, and says how it went; an answer ends the command.
    async fn run(&mut self) -> Result<Option<Exit>, Failure> {
        let interrupt = signal(SignalKind::interrupt()).map_err(cannot_listen)?;
        // Listened to from here on, so that none is lost between the two.
        let interrupt_of_names = signal(SignalKind::interrupt()).map_err(cannot_listen)?;
        let terminal = Arc::new(Terminal::new(true, true));
        let report = self.carry_out(terminal.clone(), interrupt).await;
        terminal.finish();
        let report = report.map_err(cannot_run)?;
        render::report(&report, false, false, false);
        if streams::lost().is_some() {
            return Ok(Some(Exit::Cancelled));
        }
        if let Outcome::Exited(_) = report.outcome {
            return Ok(Some(Exit::from(&report.outcome)));
        }
        self.learn_names(interrupt_of_names).await;
        if self.session.is_over() {
            render::note("that has ended the session: a new one begins, without its variables");
            let language = self.job.script.language;
            self.session = open(&self.runtime, language, self.recording.as_ref())?;
        }
        Ok(None)
    }

    async fn carry_out(
        &mut self,
        terminal: Arc<Terminal>,
        interrupt: Signal,
    ) -> Result<Report, StartError> {
        let (job, cancel) = (self.job.clone(), interrupted(interrupt));
        let Some(replayed) = &self.replayed else {
            return self.session.run_heard(job, terminal, cancel).await;
        };
        let mut run = job.into_run(Arc::clone(self.runtime.tools()), terminal, cancel);
        run.script.in_session = true;
        run.tools = Arc::<Afterwards>::clone(replayed);
        self.session.run_given(run).await
    }

    /// Asks the session for its names, if they are completed; those that were known stay where it does not say. What a
    /// script has put in the place of what is asked may take its time, until an interrupt or a limit.
    async fn learn_names(&mut self, interrupt: Signal) {
        let Some(Lines::Edited(editor)) = &mut self.input.lines else {
            return;
        };
        // A run of ours would be one of the recording.
        if self.session.is_over() || self.recording.is_some() {
            return;
        }
        let mut job = self.job.clone();
        job.script.name = "<names>".to_owned();
        job.script.path = None;
        job.script.source = names::asked_by(job.script.language).to_owned();
        let asked = self
            .session
            .run_heard(job, Arc::new(Silent), interrupted(interrupt));
        if let Ok(report) = asked.await
            && let Outcome::Returned(_) = report.outcome
        {
            let namespaces = self.runtime.tools().namespaces();
            editor.complete(Names::of(&report.stdout, namespaces));
        }
    }

    /// The next input, of as many lines as it needs; none when there are no more.
    async fn read(&mut self) -> Result<Option<String>, Failure> {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot_listen)?;
        let mut text = String::new();
        loop {
            let prompt = if text.is_empty() { ">>> " } else { "... " };
            match self.input.line(prompt, &mut interrupt).await {
                Line::Text(line) => text.push_str(&line),
                Line::Dropped => text.clear(),
                Line::End if text.is_empty() => return Ok(None),
                Line::End => return Ok(Some(text)),
            }
            if text.len() > INPUT {
                return Err(Failure::usage(anyhow::anyhow!(
                    "the input is larger than 8 MiB"
                )));
            }
            if !text.is_empty() && !self.goes_on(&text).await? {
                return Ok(Some(text));
            }
        }
    }

    /// Whether an input needs another line.
    async fn goes_on(&self, text: &str) -> Result<bool, Failure> {
        match self.job.script.language {
            Language::JavaScript => Ok(is_unfinished(text, Dialect::JavaScript)),
            Language::TypeScript => Ok(is_unfinished(text, Dialect::TypeScript)),
            Language::Python | Language::Component => self.python_goes_on(text).await,
        }
    }

    async fn python_goes_on(&self, text: &str) -> Result<bool, Failure> {
        // A block ends with an empty line.
        let last = text.lines().next_back().unwrap_or_default();
        let is_inside = last.starts_with([' ', '\t']) && !last.trim().is_empty();
        if is_inside {
            return Ok(true);
        }
        let mut job = Job::new(Language::Python, "<input>", PYTHON_GOES_ON);
        job.script.args = vec![text.to_owned()];
        let report = self.runtime.run(job).await.map_err(cannot_run)?;
        Ok(matches!(report.outcome, Outcome::Returned(value) if value.get() == "true"))
    }
}

/// What was read.
enum Line {
    /// A line, with its end.
    Text(String),
    /// Ctrl-C: what was typed of this input does not count.
    Dropped,
    /// There is no more.
    End,
}

/// What reads lines, one after the other.
enum Lines {
    /// A terminal at which they are edited.
    Edited(Box<Editor>),
    /// Any other input, or a terminal that cannot move its cursor.
    Plain,
}

/// Standard input, line by line.
struct Input {
    is_terminal: bool,
    is_edited: bool,
    /// None while a thread reads.
    lines: Option<Lines>,
    /// The thread that waits for the next line.
    reading: Option<JoinHandle<(Edited, Lines)>>,
}

impl Input {
    fn new() -> Self {
        let is_terminal = rustix::termios::isatty(rustix::stdio::stdin());
        // One that cannot move its cursor reads lines as a pipe does.
        let is_able = std::env::var_os("TERM").is_some_and(|it| !it.is_empty() && it != "dumb");
        let editor = (is_terminal && is_able && streams::STDOUT.is_terminal())
            .then(|| Editor::open(wxmcp_host::cache_directory().map(|folder| folder.join(HISTORY))))
            .flatten();
        Self {
            is_terminal,
            is_edited: editor.is_some(),
            lines: Some(editor.map_or(Lines::Plain, |editor| Lines::Edited(Box::new(editor)))),
            reading: None,
        }
    }

    async fn line(&mut self, prompt: &'static str, interrupt: &mut Signal) -> Line {
        if matches!(self.lines, Some(Lines::Edited(_))) && !Editor::can_wait() {
            self.give_up_editing("too many files are open");
        }
        match (self.is_edited, self.is_terminal) {
            // The editor writes its own, after what a script has printed.
            (true, _) => render::prompt(""),
            (false, true) => render::prompt(prompt),
            (false, false) => {}
        }
        // An interrupt leaves the thread waiting: its line is the next one's.
        let lines = self.lines.take();
        let reading = self.reading.get_or_insert_with(|| match lines {
            Some(Lines::Edited(editor)) => {
                tokio::task::spawn_blocking(move || edited(prompt, editor))
            }
            Some(Lines::Plain) | None => tokio::task::spawn_blocking(plain),
        });
        let read = tokio::select! {
            read = reading => read,
            _ = interrupt.recv() => {
                render::line("");
                return Line::Dropped;
            }
        };
        self.reading = None;
        let Ok((edited, lines)) = read else {
            self.give_up_editing("it has failed");
            return Line::Dropped;
        };
        self.lines = Some(lines);
        match edited {
            Edited::Line(line) => Line::Text(line),
            Edited::Dropped => Line::Dropped,
            Edited::Refused(why) => {
                render::note(&why);
                Line::Dropped
            }
            Edited::End => {
                if self.is_terminal && !self.is_edited {
                    render::line("");
                }
                Line::End
            }
        }
    }

    fn give_up_editing(&mut self, why: &str) {
        render::note(&format!("lines are read without the editor: {why}"));
        self.lines = Some(Lines::Plain);
        self.is_edited = false;
    }
}

fn edited(prompt: &str, mut editor: Box<Editor>) -> (Edited, Lines) {
    let edited = match editor.line(prompt) {
        Edited::Line(line) => Edited::Line(format!("{line}\n")),
        other => other,
    };
    (edited, Lines::Edited(editor))
}

fn plain() -> (Edited, Lines) {
    let mut line = String::new();
    let limit = u64::try_from(INPUT).unwrap_or(u64::MAX).saturating_add(1);
    let read = std::io::stdin().lock().take(limit).read_line(&mut line);
    let edited = match read {
        Ok(_) if !line.is_empty() => Edited::Line(line),
        Ok(_) | Err(_) => Edited::End,
    };
    (edited, Lines::Plain)
}
