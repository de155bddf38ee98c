//! Upstreams as people configure them: `.mcp.json` and its relatives.
//!
//! ```json
//! {"mcpServers": {"github": {"command": "npx", "args": ["-y", "server-github"],
//!                            "env": {"TOKEN": "${GITHUB_TOKEN}"}}}}
//! ```
//!
//! Keys that other clients add are let be; a key of the wrong type is an error
//! that names it. Variables are looked up when the upstream is first used.

mod expand;
mod node;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use serde_json::Value;

pub use expand::Environment;
use expand::{Expanded, expand};
use node::Node;

use crate::redact::Redactor;

/// Variables that every upstream gets from wxmcp's own environment; `LC_*` too.
/// Nothing else is inherited.
const INHERITED: [&str; 9] = [
    "HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER",
];

/// One configured upstream, not yet resolved.
#[derive(Clone)]
pub struct UpstreamConfig {
    name: String,
    source: String,
    transport: Transport,
}

#[derive(Clone)]
enum Transport {
    Stdio {
        command: String,
        args: Vec<String>,
        env: BTreeMap<String, String>,
        cwd: Option<String>,
    },
    /// A transport that wxmcp does not have yet.
    Other(String),
}

/// What is wrong with a configuration. Values never appear, only names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file is not JSON.
    #[error("{file}: not readable JSON: {message}")]
    NotJson {
        /// The file.
        file: String,
        /// What the parser says, with line and column.
        message: String,
    },
    /// A key has the wrong type.
    #[error("{file}: {path}: expected {expected}, found {found}")]
    WrongType {
        /// The file.
        file: String,
        /// The key, as `mcpServers.github.args[1]`.
        path: String,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A server has neither `command` nor `url`.
    #[error("{file}: {path}: needs a `command` (or a `url`)")]
    NoCommand {
        /// The file.
        file: String,
        /// The server.
        path: String,
    },
    /// A variable without a default is not set.
    #[error("{file}: {path}: the variable {variable} is not set")]
    NotSet {
        /// The file.
        file: String,
        /// The key.
        path: String,
        /// The variable.
        variable: String,
    },
    /// A `${..}` that means nothing here.
    #[error(
        "{file}: {path}: `{reference}` is none of `${{VAR}}`, `${{VAR:-default}}`, `${{env:VAR}}`"
    )]
    NotAReference {
        /// The file.
        file: String,
        /// The key.
        path: String,
        /// The text.
        reference: String,
    },
    /// The server is reached by a transport that wxmcp does not have yet.
    #[error("{file}: {path}: transport `{transport}` is not supported yet: stdio only")]
    NotSupported {
        /// The file.
        file: String,
        /// The server.
        path: String,
        /// The transport it asks for.
        transport: String,
    },
}

/// A command line with its variables filled in.
pub struct Launch {
    /// The program.
    pub command: OsString,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// Its working directory, where one is configured.
    pub cwd: Option<PathBuf>,
    /// Values that must not appear in texts, by name: the configured
    /// environment and every variable that was filled in.
    pub(crate) secrets: Vec<(String, String)>,
}

/// Reads the `mcpServers` of one file; servers that are `disabled` are left out.
///
/// # Errors
///
/// Text that is not JSON, and keys of the wrong type. Variables are not looked
/// at: see [`UpstreamConfig::resolve`].
pub fn parse_config(file: &str, text: &str) -> Result<Vec<UpstreamConfig>, ConfigError> {
    let root: Value =
        crate::json::read(text.trim_start_matches('\u{FEFF}').as_bytes()).map_err(|error| {
            ConfigError::NotJson {
                file: file.to_owned(),
                message: error.to_string(),
            }
        })?;
    let root = Node::root(file, &root);
    let Some(servers) = root.object()?.get("mcpServers") else {
        return Ok(Vec::new());
    };
    let mut upstreams = Vec::new();
    let servers = root.child("mcpServers", servers);
    for (name, server) in servers.object()? {
        if let Some(upstream) = read_server(name, &servers.child(name, server))? {
            upstreams.push(upstream);
        }
    }
    Ok(upstreams)
}

fn read_server(name: &str, server: &Node<'_>) -> Result<Option<UpstreamConfig>, ConfigError> {
    if server
        .get("disabled")?
        .map(|node| node.bool())
        .transpose()?
        == Some(true)
    {
        return Ok(None);
    }
    let text = |key: &str| server.get(key)?.map(|node| node.string()).transpose();
    let declared = text("type")?;
    let remote = ["url", "httpUrl", "serverUrl"];
    let transport = match (declared.as_deref(), text("command")?) {
        (None | Some("stdio"), Some(command)) => Transport::Stdio {
            command,
            args: server
                .get("args")?
                .map_or(Ok(Vec::new()), |node| node.strings())?,
            env: server
                .get("env")?
                .map_or(Ok(BTreeMap::new()), |node| node.string_map())?,
            cwd: text("cwd")?,
        },
        (Some(other), _) if other != "stdio" => Transport::Other(other.to_owned()),
        _ if remote
            .iter()
            .any(|key| matches!(server.get(key), Ok(Some(_)))) =>
        {
            Transport::Other("http".to_owned())
        }
        _ => {
            return Err(ConfigError::NoCommand {
                file: server.file.to_owned(),
                path: server.path.clone(),
            });
        }
    };
    Ok(Some(UpstreamConfig {
        name: name.to_owned(),
        source: server.file.to_owned(),
        transport,
    }))
}

impl UpstreamConfig {
    /// The server's key in the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Fills in the variables and builds the whole environment.
    ///
    /// # Errors
    ///
    /// Variables that are not set, references that mean nothing, and
    /// transports that wxmcp does not have.
    pub fn resolve(&self, environment: &Environment) -> Result<Launch, ConfigError> {
        let path = format!("mcpServers.{}", self.name);
        let (command, args, env, cwd) = match &self.transport {
            Transport::Stdio {
                command,
                args,
                env,
                cwd,
            } => (command, args, env, cwd),
            Transport::Other(transport) => {
                return Err(ConfigError::NotSupported {
                    file: self.source.clone(),
                    path,
                    transport: transport.clone(),
                });
            }
        };
        let mut secrets: Vec<(String, String)> = Vec::new();
        let mut fill = |key: &str, text: &str| -> Result<String, ConfigError> {
            let Expanded { text, used } =
                expand(text, environment).map_err(|fault| fault.at(&self.source, &path, key))?;
            secrets.extend(used);
            Ok(text)
        };
        let command = fill("command", command)?;
        let args = args
            .iter()
            .enumerate()
            .map(|(at, arg)| fill(&format!("args[{at}]"), arg))
            .collect::<Result<Vec<_>, _>>()?;
        let cwd = cwd.as_ref().map(|cwd| fill("cwd", cwd)).transpose()?;
        let configured = env
            .iter()
            .map(|(name, value)| Ok((name.clone(), fill(&format!("env.{name}"), value)?)))
            .collect::<Result<BTreeMap<_, _>, ConfigError>>()?;
        secrets.extend(
            configured
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        // What everyone inherits is no secret: hiding HOME would spoil every path.
        secrets.retain(|(name, _)| configured.contains_key(name) || !is_inherited(name));
        let mut env: BTreeMap<String, String> = environment
            .iter()
            .filter(|(name, _)| is_inherited(name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        env.extend(configured);
        Ok(Launch {
            command: command.into(),
            args: args.into_iter().map(OsString::from).collect(),
            env,
            cwd: cwd.map(PathBuf::from),
            secrets,
        })
    }
}

impl Launch {
    /// Removes the command's secrets from texts.
    pub(crate) fn redactor(&self) -> Redactor {
        let values = self.secrets.iter();
        Redactor::new(values.map(|(name, value)| (name.as_str(), value.as_str())))
    }
}

fn is_inherited(name: &str) -> bool {
    INHERITED.contains(&name) || name.starts_with("LC_")
}

// Environments and arguments hold secrets: neither type prints them.
impl fmt::Debug for UpstreamConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamConfig")
            .field("name", &self.name)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch")
            .field("command", &self.command)
            .field("env", &self.env.keys())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: Value) -> Result<Vec<UpstreamConfig>, String> {
        parse_config(".mcp.json", &value.to_string()).map_err(|error| error.to_string())
    }

    fn environment() -> Environment {
        Environment::new([
            ("PATH", "/bin"),
            ("LC_TIME", "C"),
            ("AWS_SECRET", "never"),
            ("TOKEN", "t0ps3cret"),
            ("EMPTY", ""),
        ])
    }

    fn resolve(server: Value) -> Result<Launch, String> {
        parse(json!({"mcpServers": {"s": server}}))?
            .remove(0)
            .resolve(&environment())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_foreign_file_is_read_as_it_is() {
        let upstreams = parse(json!({
            "theme": "dark",
            "mcpServers": {
                "one": {"command": "a", "args": ["b"], "autoApprove": ["x"], "timeout": 3},
                "off": {"command": 3, "disabled": true},
                "far": {"type": "http", "url": "https://example.invalid/mcp"},
                "farther": {"url": "https://example.invalid/mcp", "type": null},
            },
        }))
        .unwrap();
        let names: Vec<_> = upstreams.iter().map(UpstreamConfig::name).collect();
        assert_eq!(names, ["one", "far", "farther"]);
        assert_eq!(
            upstreams[1]
                .resolve(&environment())
                .unwrap_err()
                .to_string(),
            ".mcp.json: mcpServers.far: transport `http` is not supported yet: stdio only"
        );
        assert!(parse(json!({})).unwrap().is_empty());
    }

    #[test]
    fn what_has_the_wrong_type_is_named() {
        for (value, message) in [
            (
                json!([]),
                ".mcp.json: the file: expected an object, found an array",
            ),
            (
                json!({"mcpServers": {"s": {"command": 3}}}),
                ".mcp.json: mcpServers.s.command: expected a string, found a number",
            ),
            (
                json!({"mcpServers": {"s": {"command": "a", "args": ["x", true]}}}),
                ".mcp.json: mcpServers.s.args[1]: expected a string, found a boolean",
            ),
            (
                json!({"mcpServers": {"s": {"command": "a", "env": {"K": 1}}}}),
                ".mcp.json: mcpServers.s.env.K: expected a string, found a number",
            ),
            (
                json!({"mcpServers": {"s": {"args": []}}}),
                ".mcp.json: mcpServers.s: needs a `command` (or a `url`)",
            ),
        ] {
            assert_eq!(parse(value).unwrap_err(), message);
        }
        assert!(
            parse_config("x.json", "{")
                .unwrap_err()
                .to_string()
                .starts_with("x.json: not readable JSON: EOF")
        );
    }

    #[test]
    fn variables_are_filled_in_everywhere() {
        let launch = resolve(json!({
            "command": "${env:PATH}/x",
            "args": ["--token=${TOKEN}", "${NOT_SET:-d}", "${EMPTY:-e}", "$TOKEN", "$", "${EMPTY}"],
            "cwd": "/w/${NOT_SET:-}",
            "env": {"KEY": "k-${TOKEN}"},
        }))
        .unwrap();
        assert_eq!(launch.command, "/bin/x");
        assert_eq!(
            launch.args,
            ["--token=t0ps3cret", "d", "e", "$TOKEN", "$", ""]
        );
        assert_eq!(launch.cwd, Some(PathBuf::from("/w/")));
        let env: Vec<_> = launch.env.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(env, ["KEY=k-t0ps3cret", "LC_TIME=C", "PATH=/bin"]);
        let secrets: Vec<_> = launch
            .secrets
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert!(secrets.contains(&"TOKEN") && secrets.contains(&"KEY"));
        assert!(!secrets.contains(&"PATH"));
        assert!(!format!("{launch:?}").contains("t0ps3cret"));
    }

    #[test]
    fn a_variable_that_is_not_set_is_an_error_that_names_the_key() {
        for (server, message) in [
            (
                json!({"command": "a", "env": {"TOKEN": "${GITHUB_TOKEN}"}}),
                ".mcp.json: mcpServers.s.env.TOKEN: the variable GITHUB_TOKEN is not set",
            ),
            (
                json!({"command": "a", "args": ["", "${env:X_1}"]}),
                ".mcp.json: mcpServers.s.args[1]: the variable X_1 is not set",
            ),
            (
                json!({"command": "${input:token}"}),
                ".mcp.json: mcpServers.s.command: `${input:token}` is none of `${VAR}`, `${VAR:-default}`, `${env:VAR}`",
            ),
            (
                json!({"command": "x${TOKEN"}),
                ".mcp.json: mcpServers.s.command: `${TOKEN` is none of `${VAR}`, `${VAR:-default}`, `${env:VAR}`",
            ),
        ] {
            assert_eq!(resolve(server).unwrap_err(), message);
        }
    }
}
