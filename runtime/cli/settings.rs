//! Settings, merged once: flag > environment > `wxmcp.toml` > default.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Error, anyhow, bail};
use bytesize::ByteSize;
use wxmcp_capabilities::{ConnectionConfig, DirectoryConfig, HeaderConfig};
use wxmcp_policy::{Addresses, CapabilityList, Hosts, Pattern};
use wxmcp_recording::redact::{RuleText, Rules};
use wxmcp_run::{Limits, Mount, Protected};
use wxmcp_toolfiles::read_file;

use crate::cli::{ConfigArgs, LimitArgs, PolicyArgs};
use crate::mounts::{mounts, protected, workdir};
use crate::packages::Packages;
use crate::settings_file::{
    self, ConnectionTable, DirectoryTable, File, LimitTable, RecordingTable,
};

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
    /// The folder of the guest that scripts begin in, if it is not their home.
    pub(crate) workdir: Option<String>,
    /// What is declared of packages.
    pub(crate) packages: Packages,
    /// Where packages are for the script, once they are provided.
    pub(crate) shown: Vec<String>,
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
    /// What recordings leave out.
    pub(crate) redact: Rules,
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
        Self::resolve_for(limits, policy, config, &Limits::default())
    }

    /// The same for a command whose usual limits are others.
    #[expect(
        clippy::too_many_lines,
        reason = "a line or two for each setting, each of which may be wrong"
    )]
    pub(crate) fn resolve_for(
        limits: &LimitArgs,
        policy: &PolicyArgs,
        config: &ConfigArgs,
        usual: &Limits,
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
        tool_patterns("allow-tools", &file.policy.allow_tools)?;
        tool_patterns("deny-tools", &file.policy.deny_tools)?;
        Ok(Self {
            protected: protected(own.into_iter().flatten()),
            host_memory_total: pick(None, "WXMCP_HOST_MEMORY_TOTAL", total)?,
            call_timeout: pick_time(
                limits.call_timeout,
                "WXMCP_CALL_TIMEOUT",
                file.limits.call_timeout.as_deref(),
            )?
            .unwrap_or(Duration::from_secs(30)),
            limits: merge_limits(limits, &file.limits, usual)?,
            mounts: mounts(policy, &file.policy, &folder)?,
            packages: Packages {
                project: file.packages,
                flags: policy.packages.packages.clone(),
                site: policy.packages.site.clone(),
                lock: folder.join(wxmcp_packages::NAME),
            },
            shown: Vec::new(),
            workdir: workdir(policy.workdir.as_deref(), file.policy.workdir.as_deref())?,
            env: environment(file.policy.env.iter().chain(&policy.env))?,
            allow_tools: if policy.allow_tools.is_empty() {
                file.policy.allow_tools
            } else {
                policy.allow_tools.clone()
            },
            deny_tools: [file.policy.deny_tools, policy.deny_tools.clone()].concat(),
            hosts: hosts(&file.policy.allow_hosts, &policy.allow_hosts)?,
            authorities: authorities_path
                .map(|path| authorities(&path))
                .transpose()?,
            tools: tools(config.tools.as_deref(), usual_tools, &folder)?,
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
            redact: redact(file.recording)?,
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

fn merge_limits(flags: &LimitArgs, file: &LimitTable, default: &Limits) -> anyhow::Result<Limits> {
    let wall = pick_time(flags.timeout, "WXMCP_TIMEOUT", file.timeout.as_deref())?;
    let start = pick_time(
        flags.start_timeout,
        "WXMCP_START_TIMEOUT",
        file.start_timeout.as_deref(),
    )?;
    let memory = pick(flags.memory, "WXMCP_MEMORY", file.memory)?;
    let host_memory = pick(flags.host_memory, "WXMCP_HOST_MEMORY", file.host_memory)?;
    let scratch = pick(flags.scratch, "WXMCP_SCRATCH", file.scratch)?;
    let output = pick(flags.max_output, "WXMCP_MAX_OUTPUT", file.max_output)?;
    Ok(Limits {
        fuel: pick(flags.fuel, "WXMCP_FUEL", file.fuel)?,
        wall: wall.unwrap_or(default.wall),
        start: start.unwrap_or(default.start),
        memory: memory.map_or(default.memory, |size| size.as_u64()),
        host_memory: host_memory.map_or(default.host_memory, |size| size.as_u64()),
        scratch: scratch.map_or(default.scratch, |size| size.as_u64()),
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
        ..default.clone()
    })
}

/// What a limit must be. The errors of most parsers repeat what they read.
trait Readable: std::str::FromStr {
    const EXPECTED: &'static str;
}

impl Readable for u64 {
    const EXPECTED: &'static str = "a whole number";
}

impl Readable for u32 {
    const EXPECTED: &'static str = "a whole number below 2^32";
}

impl Readable for ByteSize {
    const EXPECTED: &'static str = "a size such as `64MiB`";
}

impl Readable for humantime::Duration {
    const EXPECTED: &'static str = "a time such as `30s`";
}

fn parsed<T: Readable>(text: &str, place: &str) -> anyhow::Result<T> {
    text.parse()
        .map_err(|_| anyhow!("{place}: expected {}", T::EXPECTED))
}

/// Flag, else environment, else file.
fn pick<T: Readable>(
    flag: Option<T>,
    variable: &str,
    file: Option<T>,
) -> anyhow::Result<Option<T>> {
    if flag.is_some() {
        return Ok(flag);
    }
    match std::env::var(variable) {
        Ok(text) => parsed(&text, variable).map(Some),
        Err(_) => Ok(file),
    }
}

fn pick_time(
    flag: Option<Duration>,
    variable: &str,
    file: Option<&str>,
) -> anyhow::Result<Option<Duration>> {
    let flag = flag.map(humantime::Duration::from);
    let key = variable.trim_start_matches("WXMCP_").to_lowercase();
    let place = format!("wxmcp.toml: limits.{}", key.replace('_', "-"));
    let file = file.map(|text| parsed(text, &place)).transpose()?;
    Ok(pick(flag, variable, file)?.map(Into::into))
}

fn environment<'a>(
    entries: impl Iterator<Item = &'a String>,
) -> anyhow::Result<Vec<(String, String)>> {
    let is_name = |text: &str| {
        text.bytes()
            .all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
    };
    entries
        .map(|entry| match entry.split_once('=') {
            Some(("", _)) => bail!("an entry of `env` names no variable: write NAME or NAME=VALUE"),
            Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
            None => match std::env::var(entry) {
                Ok(value) => Ok((entry.clone(), value)),
                Err(_) if is_name(entry) => {
                    bail!("the variable `{entry}` is not set, and no value was given")
                }
                // It may be a value.
                Err(_) => {
                    bail!("an entry of `env` is no name of a variable: write NAME or NAME=VALUE")
                }
            },
        })
        .collect()
}

/// The tool tree: a folder that is named must be there, `tools` need not.
fn tools(
    flag: Option<&Path>,
    file: Option<PathBuf>,
    folder: &Path,
) -> anyhow::Result<Option<PathBuf>> {
    match (flag, file) {
        (Some(named), _) if named.is_dir() => Ok(Some(named.to_owned())),
        (Some(named), _) => bail!("there is no folder `{}`", named.display()),
        (None, Some(named)) if named.is_dir() => Ok(Some(named)),
        (None, Some(_)) => bail!("wxmcp.toml: tools.folder: there is no such folder"),
        (None, None) => Ok(Some(folder.join("tools")).filter(|tools| tools.is_dir())),
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
    if url.starts_with("sqlite:") && !given.addresses.is_empty() {
        bail!("`{table}` of `wxmcp.toml` has `addresses`, and a file of SQLite has none");
    }
    for (index, address) in given.addresses.iter().enumerate() {
        Addresses::new([address])
            .with_context(|| format!("wxmcp.toml: {table}.addresses[{index}]"))?;
    }
    Ok(ConnectionConfig {
        url,
        headers,
        addresses: Addresses::new(&given.addresses)?,
    })
}

/// That the patterns of a key mean tools.
fn tool_patterns(key: &str, patterns: &[String]) -> anyhow::Result<()> {
    for (index, pattern) in patterns.iter().enumerate() {
        Pattern::parse(pattern).with_context(|| format!("wxmcp.toml: policy.{key}[{index}]"))?;
    }
    Ok(())
}

/// The hosts that scripts may ask.
fn hosts(file: &[String], flags: &[String]) -> anyhow::Result<Hosts> {
    for (index, pattern) in file.iter().enumerate() {
        Hosts::new([pattern])
            .with_context(|| format!("wxmcp.toml: policy.allow-hosts[{index}]"))?;
    }
    for pattern in flags {
        Hosts::new([pattern]).with_context(|| format!("--allow-host `{pattern}`"))?;
    }
    Ok(Hosts::new(file.iter().chain(flags))?)
}

/// Certificates of authorities that https trusts besides.
fn authorities(path: &Path) -> anyhow::Result<Vec<u8>> {
    let read = read_file(path, CONFIGURATION);
    read.context("read the file that `ca` of `[http]` names")
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

/// What recordings leave out.
fn redact(table: RecordingTable) -> anyhow::Result<Rules> {
    let rules = table.redact.into_iter().map(|rule| RuleText {
        pattern: rule.pattern,
        fields: rule.fields,
        with: rule.with,
    });
    Rules::new(rules).context("wxmcp.toml: recording.redact")
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
        let one = |text: &str| [text.to_owned()];
        assert_eq!(
            hosts(&one("a.test"), &one("*.b.test:8080"))?
                .connections()
                .count(),
            0
        );
        let in_file = format!("{:#}", hosts(&one("a.*.test"), &[]).unwrap_err());
        assert!(in_file.starts_with("wxmcp.toml: policy.allow-hosts[0]: it means no host: "));
        let as_flag = format!("{:#}", hosts(&[], &one("a.*.test")).unwrap_err());
        assert!(as_flag.starts_with("--allow-host `a.*.test`: it means no host: "));
        Ok(())
    }

    #[test]
    fn a_misspelt_key_is_an_error() {
        let error = settings_file::parse("[limits]\ntimeuot = '1s'").unwrap_err();
        assert!(error.contains("timeuot"), "{error}");
    }

    #[test]
    fn entries_of_the_environment_are_not_repeated() -> anyhow::Result<()> {
        let read = |entry: &str| environment([&entry.to_owned()].into_iter());
        assert_eq!(read("A=canary")?, [("A".to_owned(), "canary".to_owned())]);
        for entry in ["=canary", "sk-canary", "canary canary"] {
            let error = format!("{:#}", read(entry).unwrap_err());
            assert!(
                error.contains("NAME=VALUE") && !error.contains("canary"),
                "{error}"
            );
        }
        let unset = read("NOT_SET_ANYWHERE_AT_ALL").unwrap_err().to_string();
        assert!(
            unset.contains("`NOT_SET_ANYWHERE_AT_ALL` is not set"),
            "{unset}"
        );
        Ok(())
    }

    #[test]
    fn limits_that_cannot_be_read_are_not_repeated() {
        let file = "canary";
        let error = pick_time(None, "WXMCP_NOT_SET_START_TIMEOUT", Some(file)).unwrap_err();
        let expected = "wxmcp.toml: limits.not-set-start-timeout: expected a time such as `30s`";
        assert_eq!(error.to_string(), expected);
        let size = parsed::<ByteSize>("canary", "WXMCP_MEMORY").unwrap_err();
        assert_eq!(
            size.to_string(),
            "WXMCP_MEMORY: expected a size such as `64MiB`"
        );
        assert!(parsed::<ByteSize>("64MiB", "").is_ok());
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
