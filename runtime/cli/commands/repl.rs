//! `wxmcp repl`: a session at a terminal, or at the end of a pipe.

mod editor;
mod history;
mod keys;

use std::collections::BTreeSet;
use std::io::{BufRead as _, Read as _};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinHandle;
use wxmcp_host::{Job, Runtime, Session, StartError};
use wxmcp_javascript::{Dialect, is_unfinished};
use wxmcp_run::{Language, Outcome, Script, Silent, Stdin, ToolHost as _};

use self::editor::{Edited, is_of_name};
use self::history::History;
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

/// Prints the names that Python knows, and makes none.
const PYTHON_NAMES: &str = "\
try:
    print('\\n'.join({*globals(), *dir(__import__('builtins')), *__import__('keyword').kwlist})[:60000])
except Exception:
    pass
";

/// The same in JavaScript.
const JAVASCRIPT_NAMES: &str = "try { console.log(Object.getOwnPropertyNames(globalThis).join('\\n').slice(0, 60000)) } catch {}";

/// Longest name that is completed, in characters.
const MAX_NAME: usize = 100;

/// The file of lines that were typed, in the folder of wxmcp's own, which no mount lets a script change.
const HISTORY: &str = "repl-history";

/// Carries out the command.
pub(super) fn execute(args: &ReplArgs) -> Result<Exit, Failure> {
    let mut settings =
        Settings::resolve(&args.limits, &args.policy, &args.config).map_err(Failure::usage)?;
    let mut empty = Job::new(args.lang.0, "<run>", "").script;
    place::put(&mut empty, None, &mut settings);
    crate::runtime::event_loop()?.run(read_and_run(empty, settings, false))
}

/// Runs a script, and then what is typed.
pub(super) fn after(script: Script, settings: Settings) -> Result<Exit, Failure> {
    if script.language == Language::Component {
        return Err(Failure::usage(anyhow::anyhow!(
            "`--interactive` is for Python, JavaScript and TypeScript, not for components"
        )));
    }
    crate::runtime::event_loop()?.run(read_and_run(script, settings, true))
}

async fn read_and_run(
    first: Script,
    settings: Settings,
    runs_first: bool,
) -> Result<Exit, Failure> {
    let runtime = crate::runtime::open(&settings, Arc::new(Silent))?;
    let mut repl = Repl {
        session: open(&runtime, first.language)?,
        job: job(first, settings, Stdin::Empty),
        count: 0,
        runtime,
        input: Input::new(),
        names: Arc::default(),
    };
    if !runs_first {
        repl.learn_names().await;
    }
    let ended = repl.follow(runs_first).await;
    repl.runtime.shutdown().await;
    ended
}

fn open(runtime: &Runtime, language: Language) -> Result<Session, Failure> {
    let session = runtime.session(language);
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
    /// What Tab completes.
    names: Arc<Vec<String>>,
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
        let terminal = Arc::new(Terminal::new(true, true));
        let job = self.job.clone();
        let running = self
            .session
            .run_heard(job, terminal.clone(), interrupted(interrupt));
        let report = running.await;
        terminal.finish();
        let report = report.map_err(cannot_run)?;
        render::report(&report, false, false, false);
        if streams::lost().is_some() {
            return Ok(Some(Exit::Cancelled));
        }
        if let Outcome::Exited(_) = report.outcome {
            return Ok(Some(Exit::from(&report.outcome)));
        }
        self.learn_names().await;
        if self.session.is_over() {
            render::note("that has ended the session: a new one begins, without its variables");
            self.session = open(&self.runtime, self.job.script.language)?;
        }
        Ok(None)
    }

    /// Asks the session for its names, if they are completed; those that were known stay where it does not say.
    async fn learn_names(&mut self) {
        if self.input.history.is_none() || self.session.is_over() {
            return;
        }
        let mut job = self.job.clone();
        job.script.name = "<names>".to_owned();
        job.script.source = match job.script.language {
            Language::Python | Language::Component => PYTHON_NAMES,
            Language::JavaScript | Language::TypeScript => JAVASCRIPT_NAMES,
        }
        .to_owned();
        let Ok(report) = self.session.run(job).await else {
            return;
        };
        if let Outcome::Returned(_) = report.outcome {
            let printed = String::from_utf8_lossy(&report.stdout);
            // A script may have any key there: only what is a name is shown.
            let is_name = |name: &&str| {
                name.chars().count() <= MAX_NAME && !name.is_empty() && name.chars().all(is_of_name)
            };
            let own = printed.lines().filter(is_name).map(str::to_owned);
            let namespaces = self.runtime.tools().namespaces();
            let all: BTreeSet<String> = own.chain(namespaces).collect();
            self.names = Arc::new(all.into_iter().collect());
        }
    }

    /// The next input, of as many lines as it needs; none when there are no more.
    async fn read(&mut self) -> Result<Option<String>, Failure> {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot_listen)?;
        let mut text = String::new();
        loop {
            let prompt = if text.is_empty() { ">>> " } else { "... " };
            match self.input.line(prompt, &self.names, &mut interrupt).await {
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

/// Standard input, line by line.
struct Input {
    is_terminal: bool,
    /// Lines that were typed before, if lines are edited.
    history: Option<Arc<Mutex<History>>>,
    /// The thread that waits for the next line.
    reading: Option<JoinHandle<std::io::Result<Edited>>>,
}

impl Input {
    fn new() -> Self {
        let is_terminal = rustix::termios::isatty(rustix::stdio::stdin());
        // One that cannot move its cursor reads lines as a pipe does.
        let is_able = std::env::var_os("TERM").is_some_and(|it| !it.is_empty() && it != "dumb");
        let history = (is_terminal && is_able && streams::STDOUT.is_terminal()).then(|| {
            let file = wxmcp_host::cache_directory().map(|folder| folder.join(HISTORY));
            Arc::new(Mutex::new(History::open(file)))
        });
        Self {
            is_terminal,
            history,
            reading: None,
        }
    }

    async fn line(
        &mut self,
        prompt: &'static str,
        names: &Arc<Vec<String>>,
        interrupt: &mut Signal,
    ) -> Line {
        if self.is_terminal && self.history.is_none() {
            render::prompt(prompt);
        }
        // An interrupt leaves the thread waiting: its line is the next one's.
        let reading = self.reading.get_or_insert_with(|| match &self.history {
            Some(history) => {
                // After what a script has printed.
                render::prompt("");
                let (history, names) = (Arc::clone(history), Arc::clone(names));
                tokio::task::spawn_blocking(move || edited(prompt, &history, &names))
            }
            None => tokio::task::spawn_blocking(read),
        });
        let read = tokio::select! {
            read = reading => read,
            _ = interrupt.recv() => {
                render::line("");
                return Line::Dropped;
            }
        };
        self.reading = None;
        match read {
            Ok(Ok(Edited::Line(line))) => Line::Text(line),
            Ok(Ok(Edited::Dropped)) => Line::Dropped,
            Ok(Ok(Edited::End)) | Ok(Err(_)) | Err(_) => {
                if self.is_terminal && self.history.is_none() {
                    render::line("");
                }
                Line::End
            }
        }
    }
}

fn edited(prompt: &str, history: &Mutex<History>, names: &[String]) -> std::io::Result<Edited> {
    let mut history = history.lock();
    let edited = editor::line(prompt, &history, names)?;
    Ok(match edited {
        Edited::Line(line) => {
            history.add(&line);
            Edited::Line(format!("{line}\n"))
        }
        other => other,
    })
}

fn read() -> std::io::Result<Edited> {
    let mut line = String::new();
    let limit = u64::try_from(INPUT).unwrap_or(u64::MAX).saturating_add(1);
    std::io::stdin().lock().take(limit).read_line(&mut line)?;
    Ok(match line.is_empty() {
        true => Edited::End,
        false => Edited::Line(line),
    })
}
