//! The runtime of a command, made from its settings.

use std::sync::Arc;

use anyhow::Context;
use wxmcp_host::{EventLoop, Guests, Runtime, ToolsConfig};
use wxmcp_policy::{Approvals, ToolPatterns};
use wxmcp_run::{Ledger, Observer, Source};
use wxmcp_toolfiles::TreeConfig;
use wxmcp_upstream::{Environment, GuardCommand, ServersFile, parse_config};
use wxmcp_worker::LogLine;

use crate::exit::Failure;
use crate::guests;
use crate::packages;
use crate::settings::Settings;

/// Memory of one tool file's instance, in bytes.
const TOOL_MEMORY: u64 = 128 << 20;

/// The hidden first argument that turns this program into an upstream's guard.
pub(crate) const GUARD: &str = "__upstream-guard";

/// The event loop of a command.
pub(crate) fn event_loop() -> Result<EventLoop, Failure> {
    EventLoop::on_this_thread()
        .context("start the event loop")
        .map_err(Failure::fault)
}

/// A runtime with the tool tree and the configured servers; starts nothing. What tool files
/// print goes to `observer`.
pub(crate) fn open(settings: &Settings, observer: Arc<dyn Observer>) -> Result<Runtime, Failure> {
    open_with(settings, observer, guests::guests())
}

/// The same, with runs in worker processes; what they print goes to `log`.
pub(crate) fn open_in_workers(
    settings: &Settings,
    observer: Arc<dyn Observer>,
    log: LogLine,
) -> Result<Runtime, Failure> {
    // Workers are processes of the same user: what crashes one must not read this one.
    #[cfg(target_os = "linux")]
    let _hidden =
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    open_with(settings, observer, Arc::new(guests::in_workers(log)?))
}

fn open_with(
    settings: &Settings,
    observer: Arc<dyn Observer>,
    guests: Arc<Guests>,
) -> Result<Runtime, Failure> {
    let program = std::env::current_exe()
        .context("find this program's own file")
        .map_err(Failure::fault)?;
    let guard = GuardCommand {
        program,
        args: vec![GUARD.into()],
    };
    let allow = if settings.allow_tools.is_empty() {
        &["*".to_owned()][..]
    } else {
        &settings.allow_tools
    };
    let tools = ToolPatterns::new(allow, &settings.deny_tools)
        .context("read the tool patterns")
        .map_err(Failure::usage)?;
    let usual = ToolsConfig::new(guard);
    let total = settings
        .host_memory_total
        .map(|size| Ledger::of_process(size.as_u64()));
    let config = ToolsConfig {
        servers: configured(settings)?.upstreams,
        tree: tree(settings, &guests, observer)?,
        ledger: total.unwrap_or_else(|| usual.ledger.clone()),
        connections: settings.connections.clone(),
        directories: settings.directories.clone(),
        protected: settings.protected.clone(),
        authorities: settings.authorities.clone(),
        hosts: settings.hosts.clone(),
        tools,
        environment: environment(),
        call_timeout: settings.call_timeout,
        start_timeout: settings.limits.start,
        learned: guests
            .cache()
            .filter(|_| settings.learn)
            .map(|cache| cache.join("learned")),
        eras: guests.cache().map(|cache| cache.join("eras")),
        conceal: true,
        ..usual
    };
    Runtime::with_guests(guests)
        .tools(config)
        .build()
        .context("read `[connections]` and `[http]` of `wxmcp.toml`")
        .map_err(Failure::usage)
}

/// The tool tree of the settings, if there is one.
///
/// # Errors
///
/// When what it may do makes no sense.
pub(crate) fn tree(
    settings: &Settings,
    guests: &Arc<Guests>,
    observer: Arc<dyn Observer>,
) -> Result<Option<TreeConfig>, Failure> {
    let Some(folder) = settings.tools.clone() else {
        return Ok(None);
    };
    let approvals = Approvals::new(settings.grants.clone())
        .context("read `[grants]` of `wxmcp.toml`")
        .map_err(Failure::usage)?;
    let sees = packages::of_tools(settings)?;
    let bundles = sees.mounts.iter().filter_map(|it| match &it.source {
        Source::Bundle(file) => Some(file.digest.as_str()),
        _ => None,
    });
    // What a tool file says of itself may depend on them.
    let version = [guests.natives().version()]
        .into_iter()
        .chain(bundles.map(str::to_owned));
    let version = version.collect::<Vec<_>>().join(" ");
    Ok(Some(TreeConfig {
        folder,
        cache: guests.cache().map(|cache| cache.join("tools")),
        version,
        sees,
        interpreters: guests.clone(),
        approvals,
        memory: TOOL_MEMORY,
        call_timeout: settings.call_timeout,
        observer,
    }))
}

/// The servers of the configuration file, if there is one.
pub(crate) fn configured(settings: &Settings) -> Result<ServersFile, Failure> {
    let Some(path) = &settings.mcp_config else {
        return Ok(ServersFile::default());
    };
    // Scripts read this label in errors, and must not learn a path of the host.
    let label = path.file_name().unwrap_or_default().to_string_lossy();
    let read = || -> anyhow::Result<ServersFile> {
        let file = std::path::absolute(path)?;
        let folder = file.parent().context("it stands in no folder")?;
        let text = crate::settings::text(path)?;
        Ok(parse_config(&label, &text, folder)?)
    };
    read()
        .with_context(|| format!("read `{}`", path.display()))
        .map_err(Failure::usage)
}

/// What `${VAR}` in a configuration refers to.
pub(crate) fn environment() -> Environment {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Environment::new(variables)
}
