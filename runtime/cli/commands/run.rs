//! `wxmcp run`: one script in one sandbox.

use std::io::Read;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};
use wxmcp_broker::CallerHost;
use wxmcp_host::{Job, Runtime};
use wxmcp_recording::redact::Rules;
use wxmcp_run::{
    BoxFuture, Language, Limit, Outcome, Policy, Report, Run, RunError, Runner, Script, Silent,
    Sources, Stdin,
};

use super::{component, recordings};
use crate::check::Checker;
use crate::cli::{NamedLanguage, RecordArgs, RunArgs};
use crate::exit::{Exit, Failure};
use crate::interrupts::Interrupts;
use crate::place;
use crate::queue::QUEUE;
use crate::render::{self, Terminal};
use crate::settings::Settings;

/// Largest script, in bytes: more is a mistake, and would not fit one message.
const SCRIPT: u64 = 8 << 20;

/// How long servers may take to end after the run, if there is so much time left.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// How long they may take if there is not.
const LATE_SHUTDOWN: Duration = Duration::from_millis(50);

/// How long output may take after the deadline.
const LATE_OUTPUT: Duration = Duration::from_millis(50);

pub(super) fn execute(args: &RunArgs) -> Result<Exit, Failure> {
    let mut settings =
        Settings::resolve(&args.limits, &args.policy, &args.config).map_err(Failure::usage)?;
    let (mut script, stdin) = load(args)?;
    place::put(&mut script, file(args), &mut settings);
    if args.interpreter.is_none() {
        crate::packages::provide(&mut settings, &script)?;
    }
    if args.interactive {
        return super::repl::after(script, settings);
    }
    // A thread that still reads our standard input must not hold the exit up: the loop leaves it behind.
    crate::runtime::event_loop()?.run(run(args, settings, script, stdin))
}

/// `wxmcp record`: a run that is recorded.
pub(super) fn record(args: RecordArgs) -> Result<Exit, Failure> {
    let mut run = args.run;
    if run.interactive || run.interpreter.is_some() {
        let error = anyhow::anyhow!("what is typed, and other interpreters, are not recorded");
        return Err(Failure::usage(error).hint("leave --interactive and --interpreter out"));
    }
    let output = args.output.or(run.keep.record.take());
    let path = output.or_else(|| recordings::output_behind(&mut run.words));
    let name = match (&run.code, run.words.first()) {
        (None, Some(name)) if name != "-" => name.as_str(),
        _ => "script",
    };
    run.keep.record = Some(path.unwrap_or_else(|| recordings::default_path(name)));
    execute(&run)
}

pub(super) fn job(script: Script, settings: Settings, stdin: Stdin) -> Job {
    Job {
        script,
        policy: Policy {
            mounts: settings.mounts,
            env: settings.env,
            stdin,
            protected: settings.protected,
            packages: settings.shown,
            workdir: settings.workdir,
            hidden: Vec::new(),
        },
        limits: settings.limits,
        sources: Sources::default(),
    }
}

/// A component that is a script has clocks and an order of calls that nobody keeps or makes anew.
fn refuse_for_components(args: &RunArgs, name: &str) -> Result<(), Failure> {
    let refused = match (&args.keep.record, args.sources.is_deterministic()) {
        (Some(_), _) => "is not recorded",
        (None, true) => "does not run deterministically",
        (None, false) => return Ok(()),
    };
    Err(Failure::usage(anyhow::anyhow!("a component {refused}: `{name}`"))
        .hint("scripts in Python, JavaScript and TypeScript do; a component that is a tool is recorded with its script"))
}

#[expect(clippy::too_many_lines, reason = "one step after the other")]
async fn run(
    args: &RunArgs,
    settings: Settings,
    script: Script,
    stdin: Stdin,
) -> Result<Exit, Failure> {
    let name = script.name.clone();
    let file = file(args).filter(|_| script.path.is_none());
    let is_ours = script.language != Language::Component;
    if !is_ours {
        refuse_for_components(args, &name)?;
    }
    let runtime = crate::runtime::open(&settings, Arc::new(Silent))?;
    let broker = runtime.tools();
    // Known without starting anything; of tools of servers, when they have run.
    let unmatched = broker.unmatched_patterns();
    unmatched.iter().for_each(|it| render::note(it));
    if args.check {
        check(&settings, &script, &runtime).await?;
    }
    // Heard from the first instruction on, also while a component is compiled.
    let interrupts = Interrupts::listen().map_err(cannot_listen)?;
    let interrupt = signal(SignalKind::interrupt()).map_err(cannot_listen)?;
    let terminal = Arc::new(Terminal::new(!args.json, !args.quiet && !args.json));
    let mut cancel: BoxFuture<'static, ()> = Box::pin(interrupted(interrupt));
    let started = tokio::select! {
        started = start(args, &script, &runtime, settings.limits.start) => started.map(Some),
        () = &mut cancel => Ok(None),
    };
    let (runner, prepared) = match started {
        Ok(Some(started)) => started,
        ended => {
            broker.shutdown().await;
            return ended.map(|_| Exit::Cancelled);
        }
    };
    let rules = settings.redact.clone();
    let mut job = job(script, settings, stdin);
    job.sources = args.sources.sources();
    job.limits.start = job.limits.start.saturating_sub(prepared);
    let wall = job.limits.wall;
    let run = job.into_run(Arc::clone(broker), terminal.clone(), cancel);
    let ran = carry_out(run, &runner, args, &runtime, &rules).await;
    let (mut report, kept) = match ran {
        Ok(ran) => ran,
        Err(failure) => {
            broker.shutdown().await;
            return Err(failure);
        }
    };
    let is_interrupted = interrupts.end_the_process();
    // The process ends next: to take the guest apart before would only make it end later.
    std::mem::forget(Arc::clone(&runner));
    terminal.finish();
    if let Ok(report) = &mut report {
        report.usage.start_ms += prepared.as_secs_f64() * 1e3;
        file.into_iter()
            .for_each(|file| place::explain(report, file));
    }
    let rest = match &report {
        _ if is_interrupted => Duration::ZERO,
        Ok(report) => rest_of(wall, report),
        Err(_) => wall,
    };
    let exit = told(report, args, &name, is_ours);
    let more = broker.unmatched_patterns().into_iter();
    more.filter(|it| !unmatched.contains(it))
        .for_each(|it| render::note(&it));
    end(broker, &exit, rest).await;
    kept.and(exit)
}

/// Carries a run out, and records it if that was asked for: how it went, and whether the recording was kept.
async fn carry_out(
    run: Run,
    runner: &Arc<dyn Runner>,
    args: &RunArgs,
    runtime: &Runtime,
    rules: &Rules,
) -> Result<(Result<Report, RunError>, Result<(), Failure>), Failure> {
    let (run, keeper) = recordings::keep(run, args, runtime, rules)?;
    let report = runner.run(run).await;
    let kept = match (keeper, &report) {
        (Some(keeper), Ok(report)) => keeper.end(report, runtime.tools()).await,
        _ => Ok(()),
    };
    Ok((report, kept))
}

/// Ends the servers. They may take the rest of the run's time, and whoever reads what was printed, too. What is
/// late already is not made later: the guards end what is left.
pub(super) async fn end(broker: &CallerHost, exit: &Result<Exit, Failure>, rest: Duration) {
    let began = Instant::now();
    let patience = match exit {
        Ok(Exit::Limit | Exit::Cancelled) => LATE_SHUTDOWN,
        _ => rest.min(SHUTDOWN).max(LATE_SHUTDOWN),
    };
    let _left_to_guards = tokio::time::timeout(patience, broker.shutdown()).await;
    let rest = rest.saturating_sub(began.elapsed());
    QUEUE.give_up_after(rest.saturating_add(LATE_OUTPUT));
}

/// Prints how a run went.
fn told(
    report: Result<Report, RunError>,
    args: &RunArgs,
    name: &str,
    is_ours: bool,
) -> Result<Exit, Failure> {
    let report = report.map_err(|error| failure(error, name, is_ours))?;
    render::report(&report, args.json, args.usage, args.quiet);
    if args.sources.is_deterministic()
        && matches!(report.outcome, Outcome::Stopped(Limit::WallTime(_), _))
    {
        render::note(
            "how far a run comes in a time depends on the machine; --fuel stops it at the same place each time",
        );
    }
    Ok(Exit::from(&report.outcome))
}

/// What runs the script, and how long that took which is counted as the start of others: a component is
/// compiled, and servers are started whose tools it imports.
async fn start(
    args: &RunArgs,
    script: &Script,
    runtime: &Runtime,
    time: Duration,
) -> Result<(Arc<dyn Runner>, Duration), Failure> {
    let interpreter = args.interpreter.as_deref();
    let runner = runner(script, interpreter, runtime);
    if script.language != Language::Component {
        return Ok((runner.await?, Duration::ZERO));
    }
    let began = Instant::now();
    match tokio::time::timeout(time, runner).await {
        Ok(runner) => Ok((runner?, began.elapsed())),
        Err(_) => Err(Failure::usage(anyhow::anyhow!(
            "cannot run `{}`: compiling it, and starting the servers whose tools it imports, takes longer than the \
             start-timeout of {time:?}",
            script.name
        ))
        .hint("raise --start-timeout")),
    }
}

/// What runs the script.
async fn runner(
    script: &Script,
    interpreter: Option<&str>,
    runtime: &Runtime,
) -> Result<Arc<dyn Runner>, Failure> {
    if let Some(interpreter) = interpreter {
        return component::interpreter(interpreter, runtime.guests()).await;
    }
    match script.language {
        Language::Component => component::runner(&script.name, runtime).await,
        language @ (Language::Python | Language::JavaScript | Language::TypeScript) => runtime
            .interpreter(language)
            .map_err(|error| failure(error, &script.name, true)),
    }
}

/// Checks a script before it runs.
async fn check(settings: &Settings, script: &Script, runtime: &Runtime) -> Result<(), Failure> {
    let checker = Checker {
        broker: runtime.tools(),
        guests: runtime.guests(),
        folder: settings.checkers.as_deref(),
        packages: crate::packages::shown(settings),
    };
    let checked = refuse_mistyped(&checker, script).await;
    if checked.is_err() {
        runtime.tools().shutdown().await;
    }
    checked
}

/// A script that does not fit the types of its tools does not run, nor one that cannot be
/// checked.
async fn refuse_mistyped(checker: &Checker<'_>, script: &Script) -> Result<(), Failure> {
    let findings = checker.check(script).await.map_err(Failure::into_usage)?;
    if findings.findings.is_empty() {
        return Ok(());
    }
    for line in super::check::lines(&script.name, &findings) {
        render::note(&line);
    }
    let count = findings.findings.len().saturating_add(findings.more);
    Err(Failure::usage(anyhow::anyhow!(
        "`{}` does not fit the types of its tools: {count} findings",
        script.name
    ))
    .hint("change what is noted above, or run it without --check"))
}

/// What is left of a run's time. One that was interrupted has none.
fn rest_of(wall: Duration, report: &Report) -> Duration {
    match report.outcome {
        Outcome::Cancelled => Duration::ZERO,
        _ => {
            let used = Duration::try_from_secs_f64(report.usage.wall_ms / 1e3);
            wall.saturating_sub(used.unwrap_or(Duration::MAX))
        }
    }
}

pub(super) fn cannot_listen(error: std::io::Error) -> Failure {
    Failure::fault(anyhow::Error::new(error).context("listen for interrupts"))
}

/// Ends when the user interrupts, or when what the script prints cannot be written.
pub(super) async fn interrupted(mut interrupt: Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        () = QUEUE.script_lost() => {}
    }
}

pub(super) fn failure(error: RunError, name: &str, is_ours: bool) -> Failure {
    let usage = matches!(
        error,
        RunError::Mount { .. } | RunError::NoWorkdir { .. } | RunError::MemoryTooSmall { .. }
    );
    let hint = match &error {
        RunError::Mount { guest, .. } if guest.starts_with("/packages/") => Some(
            "the packages must be in the cache of this machine, as they were: a run in their project puts them there"
                .to_owned(),
        ),
        RunError::Mount { guest, .. } => Some(format!(
            "create the directory, or drop the volume `{guest}`"
        )),
        RunError::NoWorkdir { .. } => Some(
            "`--workdir` names a folder that a mount shows, `/tmp`, or one in its home".to_owned(),
        ),
        RunError::MemoryTooSmall { .. } if is_ours => {
            let needs = "CPython alone needs about 70 MiB, JavaScript 18 MiB: raise --memory";
            Some(needs.to_owned())
        }
        _ => None,
    };
    let error = anyhow::Error::new(error).context(format!("cannot start `{name}`"));
    let failure = if usage {
        Failure::usage(error)
    } else {
        Failure::fault(error)
    };
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// The file of the script, if it is in one.
fn file(args: &RunArgs) -> Option<&str> {
    let first = args.words.first().filter(|_| args.code.is_none());
    first.map(String::as_str).filter(|name| *name != "-")
}

/// The script, and what its standard input will be.
fn load(args: &RunArgs) -> Result<(Script, Stdin), Failure> {
    if let Some(code) = &args.code {
        let script = Script {
            name: "<code>".to_owned(),
            language: of_text(args),
            source: code.clone(),
            args: args.words.clone(),
            path: None,
            in_session: false,
            task: None,
        };
        return Ok((script, Stdin::Inherit));
    }
    let Some((name, rest)) = args.words.split_first() else {
        let error = anyhow::anyhow!("there is no script to run");
        let usage = crate::cli::RUN_USAGE;
        return Err(Failure::usage(error).hint(format!("write {usage}")));
    };
    let rest = script_arguments(rest)?;
    if name != "-" {
        let mut script = match &args.interpreter {
            Some(_) => Script {
                name: name.clone(),
                language: Language::Component,
                source: source(name)?,
                args: Vec::new(),
                path: None,
                in_session: false,
                task: None,
            },
            None => read_script(name, args.lang)?,
        };
        script.args = rest.to_vec();
        return Ok((script, Stdin::Inherit));
    }
    let source = read(std::io::stdin().lock())
        .context("read the script from standard input")
        .map_err(Failure::usage)?;
    let script = Script {
        name: "<stdin>".to_owned(),
        language: of_text(args),
        source,
        args: rest.to_vec(),
        path: None,
        in_session: false,
        task: None,
    };
    Ok((script, Stdin::Empty))
}

/// The language of text that has no file name.
fn of_text(args: &RunArgs) -> Language {
    match (&args.interpreter, args.lang) {
        (Some(_), _) => Language::Component,
        (None, lang) => lang.map_or(Language::Python, |named| named.0),
    }
}

fn source(name: &str) -> Result<String, Failure> {
    std::fs::File::open(name)
        .map_err(anyhow::Error::from)
        .and_then(read)
        .with_context(|| format!("cannot read `{name}`"))
        .map_err(Failure::usage)
}

/// The script in a file, without arguments.
pub(super) fn read_script(name: &str, named: Option<NamedLanguage>) -> Result<Script, Failure> {
    let language = language(named, name)?;
    let source = match language {
        // Read where it is compiled.
        Language::Component => String::new(),
        Language::Python | Language::JavaScript | Language::TypeScript => source(name)?,
    };
    Ok(Script {
        name: name.to_owned(),
        language,
        source,
        args: Vec::new(),
        path: None,
        in_session: false,
        task: None,
    })
}

/// The words behind the script. A flag of ours among them is more likely a limit
/// or a grant in the wrong place than an argument, and must not get lost: behind
/// `--` every word is the script's.
fn script_arguments(words: &[String]) -> Result<&[String], Failure> {
    if let Some((first, rest)) = words.split_first()
        && first == "--"
    {
        return Ok(rest);
    }
    for word in words.iter().filter(|word| word.starts_with('-')) {
        if crate::cli::is_run_flag(word) {
            let error = anyhow::anyhow!("`{word}` stands behind the script");
            return Err(Failure::usage(error).hint(
                "write flags of wxmcp before the script, and `--` before arguments of the script",
            ));
        }
    }
    Ok(words)
}

fn read(source: impl Read) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    source.take(SCRIPT + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > SCRIPT {
        anyhow::bail!("it is larger than 8 MiB");
    }
    String::from_utf8(bytes).context("it is not UTF-8 text")
}

fn language(named: Option<NamedLanguage>, path: &str) -> Result<Language, Failure> {
    let extension = std::path::Path::new(path)
        .extension()
        .and_then(|extension| extension.to_str());
    match (named, extension) {
        (Some(named), _) => Ok(named.0),
        (None, Some("py")) => Ok(Language::Python),
        (None, Some("js" | "mjs" | "cjs" | "jsx")) => Ok(Language::JavaScript),
        (None, Some("ts" | "mts" | "cts" | "tsx")) => Ok(Language::TypeScript),
        (None, Some("wasm")) => Ok(Language::Component),
        (None, _) => Err(
            Failure::usage(anyhow::anyhow!("cannot tell the language of `{path}`"))
                .hint("name it `*.py`, `*.js`, `*.ts` or `*.wasm`, or say --lang"),
        ),
    }
}
