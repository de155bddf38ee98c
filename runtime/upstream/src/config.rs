//! Upstreams as people configure them: `.mcp.json` and its relatives.
//!
//! ```json
//! {"mcpServers": {"github": {"command": "npx", "args": ["-y", "server-github"],
//!                            "env": {"TOKEN": "${GITHUB_TOKEN}"}}}}
//! ```
//!
//! The shapes of other clients are read, too, and keys that they add are let be; a key
//! of the wrong type is an error that names it, and costs its server. Variables are looked
//! up when the upstream is first used.

mod entry;
mod expand;
mod file;
mod node;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use expand::Environment;
use expand::{Expanded, expand};
pub use file::parse_config;

use wxmcp_policy::{Redactor, encoded};
use wxmcp_run::{has_password, is_name_of_secret};

/// Variables that every upstream gets from wxmcp's own environment; `LC_*` too.
/// Nothing else is inherited.
const INHERITED: [&str; 9] = [
    "HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER",
];

/// The servers of one file.
#[derive(Debug, Default)]
pub struct ServersFile {
    /// Each of them once, those that cannot be used among them.
    pub upstreams: Vec<UpstreamConfig>,
    /// Notes on the file for its author.
    pub notes: Vec<String>,
    /// The same of entries that are wxmcp itself, which are left out: nothing is wrong with them.
    pub itself: Vec<String>,
}

/// One configured upstream, not yet resolved.
#[derive(Clone)]
pub struct UpstreamConfig {
    name: String,
    /// Where it stands in the file: `mcpServers.github`.
    path: String,
    origin: Arc<Origin>,
    transport: Transport,
}

/// The file that a server is from.
struct Origin {
    /// What it is called in messages.
    file: String,
    /// What its relative paths are relative to; nothing, for those of this process.
    folder: PathBuf,
}

#[derive(Clone)]
enum Transport {
    Stdio(Stdio),
    /// It is switched off.
    Disabled,
    /// It is not described as it must be, or reached by what wxmcp does not have yet.
    Refused(ConfigError),
}

/// A server that is a process.
#[derive(Clone, Default)]
struct Stdio {
    command: String,
    args: Vec<String>,
    /// `None` takes a variable away that every upstream gets.
    env: BTreeMap<String, Option<String>>,
    cwd: Option<String>,
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
    /// A server has no `command`.
    #[error("{file}: {path}: it needs a `command`")]
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
        "{file}: {path}: a `${{` in it begins none of `${{VAR}}`, `${{VAR:-default}}`, `${{env:VAR}}`"
    )]
    NotAReference {
        /// The file.
        file: String,
        /// The key.
        path: String,
    },
    /// The server is reached by a transport that wxmcp does not have yet.
    #[error(
        "{file}: {path}: servers over HTTP (`{transport}`) are not there yet: wxmcp starts servers that speak stdio"
    )]
    NotSupported {
        /// The file.
        file: String,
        /// The server.
        path: String,
        /// The transport it asks for.
        transport: String,
    },
    /// The server asks for a transport that wxmcp does not have.
    #[error("{file}: {path}: it is no transport; `stdio` is")]
    UnknownTransport {
        /// The file.
        file: String,
        /// The key.
        path: String,
    },
    /// A key would change what the server gets, and is not read.
    #[error("{file}: {path}: wxmcp reads no such file: put its variables into `env`")]
    Unread {
        /// The file.
        file: String,
        /// The key.
        path: String,
    },
    /// No program can be given the value.
    #[error("{file}: {path}: it is empty, or holds a character that no program can be given")]
    Unusable {
        /// The file.
        file: String,
        /// The key.
        path: String,
    },
    /// The server is switched off.
    #[error("{file}: {path}: it is disabled there")]
    Disabled {
        /// The file.
        file: String,
        /// The server.
        path: String,
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
    /// Its working directory, where it is not that of this process.
    pub cwd: Option<PathBuf>,
    /// Values that must not appear in texts, by name: the configured
    /// environment and every variable that was filled in.
    pub(crate) secrets: Vec<(String, String)>,
}

impl UpstreamConfig {
    /// The server's key in the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it is switched off: then it is not among the namespaces.
    pub fn is_disabled(&self) -> bool {
        matches!(self.transport, Transport::Disabled)
    }

    /// Whether it is `wxmcp serve` itself, by whatever program starts it: its tools would be those that run programs
    /// with tools.
    pub(crate) fn is_wxmcp(&self) -> bool {
        let Transport::Stdio(stdio) = &self.transport else {
            return false;
        };
        let is_ours = |word: &str| {
            let name = word.rsplit('/').next().unwrap_or(word);
            // A package runner's `wxmcp@1.2`; or this very program, whatever it is called.
            name.split('@').next() == Some("wxmcp") || is_this_program(&self.origin.folder, word)
        };
        let words = std::iter::once(&stdio.command).chain(&stdio.args);
        let after = words.skip_while(|word| !is_ours(word)).skip(1);
        after.take(1).any(|word| word == "serve")
    }

    /// A digest of all that decides which server is started: by it, what was learned of
    /// the server is kept. Values of its environment are in it as digests only.
    pub(crate) fn digest(&self) -> Option<String> {
        let Transport::Stdio(stdio) = &self.transport else {
            return None;
        };
        let hash = |text: &str| wxmcp_cache::hex(text.as_bytes());
        let env: BTreeMap<&String, Option<String>> = stdio
            .env
            .iter()
            .map(|(name, value)| (name, value.as_deref().map(hash)))
            .collect();
        let folder = self.origin.folder.to_string_lossy();
        let hashed = serde_json::json!([stdio.command, stdio.args, stdio.cwd, env, folder]);
        Some(hash(&hashed.to_string()))
    }

    /// Fills in the variables and builds the whole environment.
    ///
    /// # Errors
    ///
    /// Variables that are not set, references that mean nothing, transports that wxmcp does
    /// not have, and whatever is wrong with the description of the server.
    pub fn resolve(&self, environment: &Environment) -> Result<Launch, ConfigError> {
        let Origin { file, folder } = &*self.origin;
        let stdio = match &self.transport {
            Transport::Stdio(stdio) => stdio,
            Transport::Refused(error) => return Err(error.clone()),
            Transport::Disabled => {
                return Err(ConfigError::Disabled {
                    file: file.clone(),
                    path: self.path.clone(),
                });
            }
        };
        let mut secrets: Vec<(String, String)> = Vec::new();
        let mut fill = |key: &str, text: &str| -> Result<String, ConfigError> {
            let Expanded { text, used } =
                expand(text, environment).map_err(|fault| fault.at(file, &self.path, key))?;
            secrets.extend(used);
            Ok(text)
        };
        let command = fill("command", &stdio.command)?;
        let args = stdio
            .args
            .iter()
            .enumerate()
            .map(|(at, arg)| fill(&format!("args[{at}]"), arg))
            .collect::<Result<Vec<_>, _>>()?;
        let cwd = stdio.cwd.as_ref().map(|cwd| fill("cwd", cwd)).transpose()?;
        let configured = stdio
            .env
            .iter()
            .filter_map(|(name, value)| Some((name, value.as_ref()?)))
            .map(|(name, value)| Ok((name.clone(), fill(&format!("env.{name}"), value)?)))
            .collect::<Result<BTreeMap<_, _>, ConfigError>>()?;
        secrets.extend(
            configured
                .iter()
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        // Variables that every process inherits are not secret: redacting HOME would garble every path.
        secrets.retain(|(name, _)| configured.contains_key(name) || !is_inherited(name));
        let mut env: BTreeMap<String, String> = environment
            .iter()
            .filter(|(name, _)| is_inherited(name) && !stdio.env.contains_key(*name))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        env.extend(configured);
        // Relative to the file wherever wxmcp is started; a bare name is looked for on `PATH`.
        let command = match command.contains('/') {
            true => folder.join(command).into_os_string(),
            false => command.into(),
        };
        let cwd = folder.join(cwd.unwrap_or_default());
        Ok(Launch {
            command,
            args: args.into_iter().map(OsString::from).collect(),
            env,
            cwd: (!cwd.as_os_str().is_empty()).then_some(cwd),
            secrets,
        })
    }
}

impl Launch {
    /// Removes the command's secrets from texts of our own, and from errors and descriptions.
    pub(crate) fn redactor(&self) -> Redactor {
        redactor(self.secrets.iter())
    }

    /// Removes from answers what looks like a secret: other values are paths and names, which answers have to say.
    pub(crate) fn redactor_of_answers(&self) -> Redactor {
        let secrets = self.secrets.iter();
        redactor(secrets.filter(|(name, value)| is_name_of_secret(name) || has_password(value)))
    }
}

fn redactor<'s>(secrets: impl Iterator<Item = &'s (String, String)>) -> Redactor {
    let forms = secrets.flat_map(|(name, value)| {
        let forms = std::iter::once(value.clone()).chain(encoded(value));
        forms.map(move |form| (name.as_str(), form))
    });
    let forms: Vec<_> = forms.collect();
    Redactor::new(forms.iter().map(|(name, form)| (*name, form.as_str())))
}

/// Whether a word is the path of this program's own file.
fn is_this_program(folder: &Path, word: &str) -> bool {
    let own = std::env::current_exe().and_then(std::fs::canonicalize);
    let named = std::fs::canonicalize(folder.join(word));
    word.contains('/') && matches!((own, named), (Ok(own), Ok(named)) if own == named)
}

fn is_inherited(name: &str) -> bool {
    INHERITED.contains(&name) || name.starts_with("LC_")
}

// Environments and arguments hold secrets: neither type prints them.
impl fmt::Debug for UpstreamConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpstreamConfig")
            .field("name", &self.name)
            .field("file", &self.origin.file)
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
mod tests;
