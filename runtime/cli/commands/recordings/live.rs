//! `wxmcp replay --live`: recorded answers where there are any, real tools where there are none.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use wxmcp_broker::CallerHost;
use wxmcp_recording::event::Head;
use wxmcp_recording::{Answered, HowToReplay, Live};
use wxmcp_run::{Language, Limits, Report, RunError, Silent, ToolHost};

use super::super::run::{cannot_listen, end, failure, interrupted};
use super::keep::Keep;
use super::load::{Loaded, other};
use crate::cli::{ConfigArgs, KeepArgs, LimitArgs, LiveArgs, PolicyArgs, ReplayArgs};
use crate::exit::{Exit, Failure};
use crate::interrupts::Interrupts;
use crate::render::{self, Terminal};
use crate::settings::Settings;

pub(super) fn execute(args: &ReplayArgs, loaded: &Loaded) -> Result<Exit, Failure> {
    let settings = settings(&args.live, &loaded.recorded.head).map_err(Failure::usage)?;
    crate::runtime::event_loop()?.run(run(args, loaded, settings))
}

/// What a live call may do is what `wxmcp run` says here; how much the run may use is what was recorded, unless something
/// else is said.
fn settings(args: &LiveArgs, head: &Head) -> anyhow::Result<Settings> {
    let limits = LimitArgs {
        timeout: args.timeout,
        ..LimitArgs::default()
    };
    let policy = PolicyArgs {
        allow_tools: args.allow_tools.clone(),
        deny_tools: args.deny_tools.clone(),
        allow_hosts: args.allow_hosts.clone(),
        ..PolicyArgs::default()
    };
    let config = ConfigArgs {
        mcp_config: args.mcp_config.clone(),
        tools: args.tools.clone(),
        config: args.config.clone(),
    };
    let recorded = Limits::from(&head.limits);
    Settings::resolve_for(&limits, &policy, &config, &recorded)
}

async fn run(args: &ReplayArgs, loaded: &Loaded, settings: Settings) -> Result<Exit, Failure> {
    let runtime = crate::runtime::open(&settings, Arc::new(Silent))?;
    let broker = runtime.tools();
    let unmatched = broker.unmatched_patterns();
    unmatched.iter().for_each(|it| render::note(it));
    let interrupts = Interrupts::listen().map_err(cannot_listen)?;
    let interrupt = signal(SignalKind::interrupt()).map_err(cannot_listen)?;
    let terminal = Arc::new(Terminal::new(!args.json, !args.quiet && !args.json));
    let how = HowToReplay {
        script: args.script.as_deref().map(other).transpose()?,
        edited: loaded.edited.clone().filter(|_| args.script.is_none()),
        ..HowToReplay::default()
    };
    let tools: Arc<dyn ToolHost> = Arc::<CallerHost>::clone(broker);
    let live = Live::of(Arc::clone(&loaded.recorded), how, tools);
    let ledger = broker.broker().ledger();
    let wall = settings.limits.wall;
    let cancel = Box::pin(interrupted(interrupt));
    let run = live.run(settings.limits.clone(), ledger, terminal.clone(), cancel);
    let run = run
        .context("the recording cannot be replayed")
        .map_err(Failure::usage)?;
    let language = run.script.language;
    let carried_out = carry_out(args, loaded, &settings, &runtime, run);
    let (report, kept) = match carried_out.await {
        Ok(ran) => ran,
        Err(failure) => {
            broker.shutdown().await;
            return Err(failure);
        }
    };
    let is_interrupted = interrupts.end_the_process();
    terminal.finish();
    let report = report.map_err(|error| {
        let is_ours = language != Language::Component;
        failure(error, &loaded.recorded.head.name, is_ours)
    });
    let exit = report.map(|report| {
        render::report(&report, args.json, args.usage, args.quiet);
        Exit::from(&report.outcome)
    });
    render::note(&in_words(live.answered()));
    let rest = if is_interrupted { Duration::ZERO } else { wall };
    end(broker, &exit, rest).await;
    kept.and(exit)
}

/// Carries the run out, and records it if that was asked for.
async fn carry_out(
    args: &ReplayArgs,
    loaded: &Loaded,
    settings: &Settings,
    runtime: &wxmcp_host::Runtime,
    run: wxmcp_run::Run,
) -> Result<(Result<Report, RunError>, Result<(), Failure>), Failure> {
    let name = run.script.name.clone();
    let runner = runtime
        .interpreter(run.script.language)
        .map_err(|error| failure(error, &name, true))?;
    let Some(path) = &args.live.record else {
        return Ok((runner.run(run).await, Ok(())));
    };
    let keep = Keep {
        path,
        args: &KeepArgs::default(),
        rules: &settings.redact,
        // Another script was not recorded by that command.
        command: match args.script {
            Some(_) => Vec::new(),
            None => loaded.recorded.head.command.clone(),
        },
    };
    let (run, keeper) = keep.begin(run, runtime)?;
    let report = runner.run(run).await;
    let kept = match &report {
        Ok(report) => keeper.end(report, runtime.tools()).await,
        Err(_) => Ok(()),
    };
    Ok((report, kept))
}

fn in_words(answered: Answered) -> String {
    let calls = |count| match count {
        1 => "1 call was".to_owned(),
        count => format!("{count} calls were"),
    };
    format!(
        "{} answered from the recording, {} by tools",
        calls(answered.recorded),
        answered.live
    )
}
