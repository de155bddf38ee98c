//! Settings, merged once: flag > environment > `wxmcp.toml` > default.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Error, anyhow, bail};
use bytesize::ByteSize;
use wxmcp_capabilities::{ConnectionConfig, DirectoryConfig, HeaderConfig};
use wxmcp_policy::{CapabilityList, Hosts};
use wxmcp_run::{Limits, Mount, Protected};
use wxmcp_toolfiles::read_file;

use crate::cli::{ConfigArgs, LimitArgs, PolicyArgs};
use crate::mounts::{mounts, protected};
use crate::settings_file::{self, ConnectionTable, DirectoryTable, File, LimitTable};

/// Bytes that tools may keep in a directory whose quota is not set.
const DIRECTORY_QUOTA: u64 = 100 << 20;

/// Largest configuration file, in bytes.
const CONFIGURATION: u64 = 8 << 20;

/// All that a command needs to know, decided.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) limits: Limits,
    pub(crate) call_timeout: Duration,
    /// Bytes that the process may hold for all runs together; the host knows what is usual.
    pub(crate) host_memory_total: Option<ByteSize>,
    pub(crate) mounts: Vec<Mount>,
    /// What no mount lets a script change.
    pub(crate) protected: Protected,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) allow_tools: Vec<String>,
    pub(crate) deny_tools: Vec<String>,
    /// Hosts that scripts may ask.
    pub(crate) hosts: Hosts,
    /// Certificates (PEM) that https trusts besides those that browsers trust.
    pub(crate) authorities: Option<Vec<u8>>,
    /// The folder of tool files, if there is one.
    pub(crate) tools: Option<PathBuf>,
    /// Whether shapes of answers are learned of tools that do not declare them.
    pub(crate) learn: bool,
    /// Databases and hosts of tool files.
    pub(crate) connections: BTreeMap<String, ConnectionConfig>,
    /// Directories of tool files.
    pub(crate) directories: BTreeMap<String, DirectoryConfig>,
    /// What tool files may have of what they ask for.
    pub(crate) grants: BTreeMap<String, CapabilityList>,
    /// Where type checkers are, if not on `PATH`.
    pub(crate) checkers: Option<PathBuf>,
    /// Where tools are that make components, if not on `PATH`.
    pub(crate) componentizers: Option<PathBuf>,
    /// The file that names the upstream servers, if there is one.
    pub(crate) mcp_config: Option<PathBuf>,
}

impl Settings {
    /// Merges the flags with the environment and `wxmcp.toml`.
    ///
    /// # Errors
    /// When a file cannot be read, has an unknown key, or a value makes no sense.
    pub(crate) fn resolve(
        limits: &LimitArgs,
        policy: &PolicyArgs,
        config: &ConfigArgs,
    ) -> anyhow::Result<Self> {
        let path = config.config.as_deref();
        let (file, folder) = read(path.unwrap_or(Path::new("wxmcp.toml")), path.is_some())?;
        let usual_tools = file.tools.folder.as_ref().map(|named| folder.join(named));
        let checkers = programs("WXMCP_CHECKERS", file.check.folder, &folder);
        let componentizers = programs("WXMCP_COMPONENTIZERS", file.build.folder, &folder);
        let authorities_path = file.http.ca.map(|ca| folder.join(ca));
        let own = [
            path.map(Path::to_owned),
            config.mcp_config.clone(),
            // The next command may be without this flag.
            config.tools.clone(),
            Some(usual_tools.clone().unwrap_or_else(|| folder.join("tools"))),
            authorities_path.clone(),
            checkers.clone(),
            componentizers.clone(),
        ];
        let total = file.limits.host_memory_total;
        Ok(Self {
            protected: protected(own.into_iter().flatten()),
            host_memory_total: pick(None, "WXMCP_HOST_MEMORY_TOTAL", total)?,
            call_timeout: pick_time(
                limits.call_timeout,
                "WXMCP_CALL_TIMEOUT",
                file.limits.call_timeout.as_deref(),
            )?
            .unwrap_or(Duration::from_secs(30)),
            limits: merge_limits(limits, &file.limits)?,
            mounts: mounts(&policy.volumes, &file.policy.volumes, &folder)?,
            env: environment(file.policy.env.iter().chain(&policy.env))?,
            allow_tools: if policy.allow_tools.is_empty() {
                file.policy.allow_tools
            } else {
                policy.allow_tools.clone()
            },
            deny_tools: [file.policy.deny_tools, policy.deny_tools.clone()].concat(),
            hosts: hosts(file.policy.allow_hosts.iter().chain(&policy.allow_hosts))?,
            authorities: authorities_path
                .map(|path| authorities(&path))
                .transpose()?,
            tools: tools(config.tools.clone().or(usual_tools), &folder)?,
            learn: file.tools.learn_answers,
            connections: file
                .connections
                .into_iter()
                .map(|(name, table)| {
                    let connection = connection(&name, table, &folder)?;
                    Ok((name, connection))
                })
                .collect::<anyhow::Result<_>>()?,
            directories: file
                .directories
                .into_iter()
                .map(|(name, table)| (name, directory(table, &folder)))
                .collect(),
            grants: file.grants,
            checkers,
            componentizers,
            mcp_config: mcp_config(config)?,
        })
    }
}

/// The folder of programs that a variable names, else `wxmcp.toml` in `folder`.
fn programs(variable: &str, named: Option<PathBuf>, folder: &Path) -> Option<PathBuf> {
    std::env::var_os(variable)
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
        .or_else(|| named.map(|named| folder.join(named)))
}

fn read(path: &Path, named: bool) -> anyhow::Result<(File, PathBuf)> {
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    if !named && std::fs::metadata(path).is_err_and(|it| it.kind() == ErrorKind::NotFound) {
        return Ok((File::default(), folder));
    }
    let text = text(path).with_context(|| format!("read `{}`", path.display()))?;
    let file = settings_file::parse(&text)
        .map_err(Error::msg)
        .with_context(|| format!("read `{}`", path.display()))?;
    Ok((file, folder))
}

/// The text of a configuration file: bounded, and never waited for as for a pipe.
pub(crate) fn text(path: &Path) -> anyhow::Result<String> {
    String::from_utf8(read_file(path, CONFIGURATION)?).context("it is not UTF-8 text")
}

fn merge_limits(flags: &LimitArgs, file: &LimitTable) -> anyhow::Result<Limits> {
    let default = Limits::default();
    let wall = pick_time(flags.timeout, "WXMCP_TIMEOUT", file.timeout.as_deref())?;
    let start = pick_time(
        flags.start_timeout,
        "WXMCP_START_TIMEOUT",
        file.start_timeout.as_deref(),
    )?;
    let memory = pick(flags.memory, "WXMCP_MEMORY", file.memory)?;
    let host_memory = pick(flags.host_memory, "WXMCP_HOST_MEMORY", file.host_memory)?;
    let output = pick(flags.max_output, "WXMCP_MAX_OUTPUT", file.max_output)?;
    Ok(Limits {
        fuel: pick(flags.fuel, "WXMCP_FUEL", file.fuel)?,
        wall: wall.unwrap_or(default.wall),
        start: start.unwrap_or(default.start),
        memory: memory.map_or(default.memory, |size| size.as_u64()),
        host_memory: host_memory.map_or(default.host_memory, |size| size.as_u64()),
        output: output.map_or(default.output, |size| size.as_u64()),
        tool_calls: pick(
            flags.max_tool_calls,
            "WXMCP_MAX_TOOL_CALLS",
            file.max_tool_calls,
        )?
        .unwrap_or(default.tool_calls),
        concurrent_calls: pick(
            flags.max_concurrent_calls,
            "WXMCP_MAX_CONCURRENT_CALLS",
            file.max_concurrent_calls,
        )?
        .unwrap_or(default.concurrent_calls),
        ..default
    })
}

/// Flag, else environment, else file.
fn pick<T>(flag: Option<T>, variable: &str, file: Option<T>) -> anyhow::Result<Option<T>>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    if flag.is_some() {
        return Ok(flag);
    }
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .map(Some)
            .map_err(|error| anyhow!("{variable}: {error}")),
        Err(_) => Ok(file),
    }
}

fn pick_time(
    flag: Option<Duration>,
    variable: &str,
    file: Option<&str>,
) -> anyhow::Result<Option<Duration>> {
    let flag = flag.map(humantime::Duration::from);
    let file = file
        .map(|text| text.parse::<humantime::Duration>())
        .transpose()
        .with_context(|| "read a time of `wxmcp.toml`")?;
    Ok(pick(flag, variable, file)?.map(Into::into))
}

fn environment<'a>(
    entries: impl Iterator<Item = &'a String>,
) -> anyhow::Result<Vec<(String, String)>> {
    entries
        .map(|entry| match entry.split_once('=') {
            Some(("", _)) => bail!("`{entry}` names no variable"),
            Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
            None => std::env::var(entry)
                .map(|value| (entry.clone(), value))
                .map_err(|_| anyhow!("the variable `{entry}` is not set, and no value was given")),
        })
        .collect()
}

/// The tool tree: a folder that is named must be there, `tools` need not.
fn tools(named: Option<PathBuf>, folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    match named {
        Some(named) if named.is_dir() => Ok(Some(named)),
        Some(named) => bail!("there is no folder `{}`", named.display()),
        None => Ok(Some(folder.join("tools")).filter(|tools| tools.is_dir())),
    }
}

/// A connection; the file of a SQLite database is relative to `wxmcp.toml`.
fn connection(
    name: &str,
    given: ConnectionTable,
    folder: &Path,
) -> anyhow::Result<ConnectionConfig> {
    let table = format!("connections.{name}");
    let environment = crate::runtime::environment();
    let url = environment.expand(&given.url, "wxmcp.toml", &table, "url")?;
    let is_host = url.starts_with("https:") || url.starts_with("http:");
    if !is_host && !given.headers.is_empty() {
        bail!("`{table}` of `wxmcp.toml` has `headers`, which only go to a host: `https://..`");
    }
    let key = |header: &str| format!("headers.{header}");
    let headers = given
        .headers
        .iter()
        .map(|(header, value)| {
            let expanded = environment.expand(value, "wxmcp.toml", &table, &key(header))?;
            Ok(HeaderConfig {
                name: header.clone(),
                is_secret: value.contains("${") || is_credential(header),
                value: expanded,
            })
        })
        .collect::<anyhow::Result<_>>()?;
    let url = match url.strip_prefix("sqlite:") {
        None => url,
        Some(path) => {
            let path = folder.join(path.strip_prefix("//").unwrap_or(path));
            format!("sqlite:{}", path.display())
        }
    };
    Ok(ConnectionConfig { url, headers })
}

/// The hosts that scripts may ask.
fn hosts<'a>(patterns: impl Iterator<Item = &'a String>) -> anyhow::Result<Hosts> {
    Hosts::new(patterns).context("read the hosts that scripts may ask")
}

/// Certificates of authorities that https trusts besides.
fn authorities(path: &Path) -> anyhow::Result<Vec<u8>> {
    let read = read_file(path, CONFIGURATION);
    read.with_context(|| format!("read `{}`, `ca` of `[http]`", path.display()))
}

/// Whether a header of this name holds a secret, wherever its value comes from.
fn is_credential(header: &str) -> bool {
    let header = header.to_ascii_lowercase();
    [
        "auth", "cookie", "key", "token", "secret", "password", "session",
    ]
    .iter()
    .any(|word| header.contains(word))
}

fn directory(table: DirectoryTable, folder: &Path) -> DirectoryConfig {
    DirectoryConfig {
        path: folder.join(table.path),
        quota: table.quota.map_or(DIRECTORY_QUOTA, |size| size.as_u64()),
    }
}

fn mcp_config(config: &ConfigArgs) -> anyhow::Result<Option<PathBuf>> {
    if let Some(path) = &config.mcp_config {
        if !path.is_file() {
            bail!("there is no file `{}`", path.display());
        }
        return Ok(Some(path.clone()));
    }
    Ok([".mcp.json", "mcp.json"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.is_file()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_those_of_the_file_and_of_the_flags() -> anyhow::Result<()> {
        let patterns = ["a.test".to_owned(), "*.b.test:8080".to_owned()];
        assert_eq!(hosts(patterns.iter())?.connections().count(), 0);
        let error = hosts([&"a.*.test".to_owned()].into_iter()).unwrap_err();
        assert!(format!("{error:#}").contains("`a.*.test` means no host"));
        Ok(())
    }

    #[test]
    fn a_misspelt_key_is_an_error() {
        let error = settings_file::parse("[limits]\ntimeuot = '1s'").unwrap_err();
        assert!(error.contains("timeuot"), "{error}");
    }

    #[test]
    fn headers_that_hold_secrets_are_known_by_their_names() {
        for header in ["Authorization", "X-Api-Key", "cookie", "Private-Token"] {
            assert!(is_credential(header), "{header}");
        }
        for header in ["Accept", "X-GitHub-Api-Version", "User-Agent"] {
            assert!(!is_credential(header), "{header}");
        }
    }
}
