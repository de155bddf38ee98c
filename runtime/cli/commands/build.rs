//! `wxmcp build`: a WebAssembly component of a script.

use std::sync::Arc;

use wxmcp_run::{Language, Script, Silent};

use super::run;
use crate::cli::{BuildArgs, LimitArgs, PolicyArgs};
use crate::componentize::{Builder, Built};
use crate::exit::{Exit, Failure};
use crate::render;
use crate::settings::Settings;

pub(super) fn execute(args: &BuildArgs) -> Result<Exit, Failure> {
    let settings = Settings::resolve(&LimitArgs::default(), &PolicyArgs::default(), &args.config)
        .map_err(Failure::usage)?;
    let script = run::read_script(&args.script, args.lang)?;
    refuse_packages(&script, &settings)?;
    let runtime = crate::runtime::open(&settings, Arc::new(Silent))?;
    let (guests, broker) = (runtime.guests(), runtime.tools());
    let built = crate::runtime::event_loop()?.run(async {
        let builder = Builder {
            broker,
            guests,
            folder: settings.componentizers.as_deref(),
        };
        let built = builder.build(&script, &args.with, &args.output).await;
        broker.shutdown().await;
        built
    });
    let summary = line(&built?);
    render::line(&format!("{}: {summary}", args.output.display()));
    Ok(Exit::Success)
}

/// A component has no packages: a script that names some would fail in it.
fn refuse_packages(script: &Script, settings: &Settings) -> Result<(), Failure> {
    let named = match script.language {
        Language::Python => wxmcp_packages::required(&script.source),
        _ => Ok(None),
    };
    let named = named.map_err(|error| crate::packages::failed(error, &script.name))?;
    if let Some(first) = named.iter().flatten().next() {
        let name = first.name();
        return Err(Failure::usage(anyhow::anyhow!(
            "a component has no packages, and `{}` names `{name}`",
            script.name
        ))
        .hint("`wxmcp run` runs it with its packages"));
    }
    if !settings.packages.project.python.is_empty() {
        render::note(
            "the packages that wxmcp.toml declares are not in the component: a script that imports them fails in it",
        );
    }
    Ok(())
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
