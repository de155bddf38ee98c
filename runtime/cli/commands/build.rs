//! `wxmcp build`: a WebAssembly component of a script.

use std::sync::Arc;

use anyhow::Context;
use wxmcp_run::Silent;

use super::run;
use crate::cli::{BuildArgs, LimitArgs, PolicyArgs};
use crate::componentize::{Builder, Built};
use crate::exit::{Exit, Failure};
use crate::settings::Settings;
use crate::{broker, render};

pub(super) fn execute(args: &BuildArgs) -> Result<Exit, Failure> {
    let settings = Settings::resolve(&LimitArgs::default(), &PolicyArgs::default(), &args.config)
        .map_err(Failure::usage)?;
    let script = run::read_script(&args.script, args.lang)?;
    let guests = crate::guests::guests();
    let broker = broker::broker(&settings, &guests, Arc::new(Silent))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the event loop")
        .map_err(Failure::fault)?;
    let built = runtime.block_on(async {
        let builder = Builder {
            broker: &broker,
            guests: &guests,
            folder: settings.componentizers.as_deref(),
        };
        let built = builder.build(&script, &args.with, &args.output).await;
        broker.shutdown().await;
        built
    });
    runtime.shutdown_background();
    let told = line(&built?);
    render::line(&format!("{}: {told}", args.output.display()));
    Ok(Exit::Success)
}

/// `28.6 MiB, imports database (2 tools), docs (1 tool)`
fn line(built: &Built) -> String {
    let imports: Vec<String> = built
        .imports
        .iter()
        .map(|(name, count)| match count {
            1 => format!("{name} (1 tool)"),
            count => format!("{name} ({count} tools)"),
        })
        .collect();
    match imports.as_slice() {
        [] => format!("{}, imports no tools", built.size),
        imports => format!("{}, imports {}", built.size, imports.join(", ")),
    }
}
