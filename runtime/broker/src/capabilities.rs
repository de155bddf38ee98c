//! What `wit/capabilities.wit` offers, done by the host on behalf of tool files.
//!
//! A request comes from a guest: it is parsed into a type, held against the tool's
//! grants, and bounded in time and size before anything is done.

mod command;
mod files;
mod http;
mod pool;
mod postgres;
mod resolve;
mod rows;
mod sql;
mod sqlite;
#[cfg(test)]
mod testing;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use wxmcp_run::{Capability, ToolError, ToolErrorKind};

use crate::tree::ToolGrants;
use crate::wording::bounded;
use files::Directory;
pub(crate) use http::Granted;
use http::Http;
pub use http::{HostError, Hosts};
pub use postgres::UrlError;
use sql::Databases;
pub(crate) use sql::Held;

/// A database or a host that tools may use.
#[derive(Clone)]
pub struct ConnectionConfig {
    /// `sqlite:PATH`, `postgres://user:password@host:port/database`, or `https://HOST/PATH`.
    /// It may hold a password, so it is never shown.
    pub url: String,
    /// Headers that every request to the host gets, below that URL and nowhere else:
    /// secrets that no guest sees.
    pub headers: Vec<HeaderConfig>,
}

impl ConnectionConfig {
    fn is_host(&self) -> bool {
        self.url.starts_with("https:") || self.url.starts_with("http:")
    }
}

impl std::fmt::Debug for ConnectionConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConnectionConfig")
    }
}

/// A header of a connection.
#[derive(Clone)]
pub struct HeaderConfig {
    /// Its name.
    pub name: String,
    /// What is sent.
    pub value: String,
    /// Whether the value is taken out of what comes back.
    pub is_secret: bool,
}

/// A directory of the host that tools may use.
#[derive(Clone, Debug)]
pub struct DirectoryConfig {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes of all files in it, above which nothing more is written.
    pub quota: u64,
}

/// What may be asked over the network.
#[derive(Clone, Debug, Default)]
pub struct HostsConfig {
    /// The hosts that scripts may ask; tool files have their own grants.
    pub allowed: Hosts,
    /// Certificates (PEM) of authorities that are trusted besides those that browsers trust.
    pub authorities: Option<Vec<u8>>,
}

impl HostsConfig {
    fn authorities(&self) -> Result<Vec<CertificateDer<'static>>, ResourceError> {
        let Some(pem) = &self.authorities else {
            return Ok(Vec::new());
        };
        let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        read.ok()
            .filter(|found| !found.is_empty())
            .ok_or(ResourceError::Authorities)
    }
}

/// Why the configured resources cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ResourceError {
    /// A connection's URL is none that there is a driver for.
    #[error("the URL of the connection `{connection}` cannot be used")]
    Url {
        /// Its name.
        connection: String,
        /// Why.
        source: UrlError,
    },
    /// A connection to a host makes no sense.
    #[error("the connection `{name}`: {why}")]
    Host {
        /// The connection.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A connection is granted that there is not.
    #[error("there is no connection `{0}` to a host; a host of that name is written `https://{0}`")]
    NoConnection(String),
    /// The file of certificates cannot be used.
    #[error("`ca` of `[http]` holds no certificates: it is a file of PEM")]
    Authorities,
}

/// Databases and directories by name.
#[derive(Debug)]
pub(crate) struct Capabilities {
    databases: Databases,
    directories: BTreeMap<String, Directory>,
    http: Http,
    /// What scripts may ask.
    script_hosts: Hosts,
}

impl Capabilities {
    /// Opens nothing yet.
    ///
    /// # Errors
    ///
    /// A connection that no driver knows.
    pub(crate) fn new(
        connections: &BTreeMap<String, ConnectionConfig>,
        directories: &BTreeMap<String, DirectoryConfig>,
        hosts: &HostsConfig,
        timeout: Duration,
    ) -> Result<Self, ResourceError> {
        let (remote, databases): (BTreeMap<_, _>, BTreeMap<_, _>) = connections
            .iter()
            .map(|(name, config)| (name.clone(), config.clone()))
            .partition(|(_, config)| config.is_host());
        let http = Http::new(&remote, hosts.authorities()?, timeout)?;
        let unknown = hosts.allowed.connections().find(|name| !http.has(name));
        if let Some(name) = unknown {
            return Err(ResourceError::NoConnection(name.to_owned()));
        }
        Ok(Self {
            databases: Databases::new(&databases, timeout)?,
            http,
            script_hosts: hosts.allowed.clone(),
            directories: directories
                .iter()
                .map(|(name, config)| (name.clone(), Directory::new(name, config.clone())))
                .collect(),
        })
    }

    /// Waits a little until what was cancelled has ended.
    pub(crate) async fn settle(&self) {
        self.databases.settle().await;
    }

    /// Does what a tool file asks for, if it is granted. Answers JSON.
    pub(crate) async fn perform(
        &self,
        capability: Capability,
        request: Map<String, Value>,
        grants: &ToolGrants,
        held: &Held,
    ) -> Result<Vec<u8>, ToolError> {
        match capability {
            Capability::Sql => {
                let request = sql::Request::read(request)?;
                self.databases.perform(request, grants, held).await
            }
            Capability::Files => {
                let request: files::Request = read(capability, request)?;
                let reach = grants.directory(&request.directory)?;
                let Some(directory) = self.directories.get(&request.directory) else {
                    return Err(ToolError::new(
                        ToolErrorKind::NotGranted,
                        format!(
                            "there is no directory `{0}`: write `[directories.{0}]` in wxmcp.toml",
                            bounded(&request.directory)
                        ),
                    ));
                };
                directory.perform(request, reach, grants).await
            }
            Capability::Http => {
                let request: http::Request = read(capability, request)?;
                self.http.perform(request, &Granted::Tool(grants)).await
            }
        }
    }

    /// Does what a script asks for: of all this only requests, to hosts that the policy
    /// allows.
    pub(crate) async fn perform_for_script(
        &self,
        capability: Capability,
        request: Map<String, Value>,
    ) -> Result<Vec<u8>, ToolError> {
        if capability != Capability::Http {
            return Err(ToolError::new(
                ToolErrorKind::NotGranted,
                format!("`{capability}` is for tool files: scripts call tools that have it"),
            ));
        }
        let request: http::Request = read(capability, request)?;
        let granted = Granted::Script(&self.script_hosts);
        self.http.perform(request, &granted).await
    }
}

fn read<T: DeserializeOwned>(
    capability: Capability,
    request: Map<String, Value>,
) -> Result<T, ToolError> {
    serde_json::from_value(Value::Object(request)).map_err(|error| {
        ToolError::new(
            ToolErrorKind::InvalidCall,
            format!(
                "the request of `{capability}` is not valid: {}",
                bounded(&error.to_string())
            ),
        )
    })
}
