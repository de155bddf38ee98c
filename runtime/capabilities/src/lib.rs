//! What `wit/capabilities.wit` offers, done by the host on behalf of callers: statements over named
//! connections (`sql`), requests to hosts (`http`), files of named directories (`files`).
//!
//! A request comes from a guest: it is parsed into a type, checked against the caller's
//! grants, and bounded in time and size before anything is done.

mod charged;
mod files;
mod http;
mod resolve;
mod sql;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use wxmcp_broker::{Capabilities, CapabilityRequest, Granted};
use wxmcp_catalogue::wording::bounded;
use wxmcp_policy::{Addresses, CapabilityGrants, Grants, Hosts};
use wxmcp_run::{BoxFuture, CallContext, Capability, Protected, ToolError, ToolErrorKind, Written};

use files::Directory;
use http::Http;
pub use sql::UrlError;
#[doc(hidden)]
pub use sql::fuzzing;
use sql::{Databases, Held};

/// A database or a host that tools may use.
#[derive(Clone, Default)]
pub struct ConnectionConfig {
    /// `sqlite:PATH`, `postgres://user:password@host:port/database`, or `https://HOST/PATH`.
    /// It may hold a password, so it is never shown.
    pub url: String,
    /// Headers that every request to the host gets, below that URL and nowhere else:
    /// secrets that no guest sees.
    pub headers: Vec<HeaderConfig>,
    /// Addresses that are not public and that the name in the URL may lead to. An address in the URL itself, and
    /// `localhost`, need none.
    pub addresses: Addresses,
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
    #[error(
        "a host that is allowed is one word, and no connection to a host has that name; a host of one word is \
         written with `https://` in front"
    )]
    NoConnection,
    /// The file of certificates cannot be used.
    #[error("`ca` of `[http]` holds no certificates: it is a file of PEM")]
    Authorities,
}

/// What is made of a configuration: databases, hosts and directories by name.
#[derive(Clone, Debug, Default)]
pub struct ResourcesConfig {
    /// Databases and hosts, by name.
    pub connections: BTreeMap<String, ConnectionConfig>,
    /// Directories, by name.
    pub directories: BTreeMap<String, DirectoryConfig>,
    /// What no directory lets a tool file change.
    pub protected: Protected,
    /// Certificates (PEM) of authorities that are trusted besides those that browsers trust.
    pub authorities: Option<Vec<u8>>,
    /// How long one request may take.
    pub timeout: Duration,
}

/// The databases, hosts and directories of one process.
#[derive(Clone, Debug)]
pub struct Resources(Arc<Named>);

#[derive(Debug)]
struct Named {
    databases: Databases,
    directories: BTreeMap<String, Directory>,
    http: Http,
}

impl Resources {
    /// Opens nothing yet.
    ///
    /// # Errors
    ///
    /// A connection that no driver knows.
    pub fn new(config: &ResourcesConfig) -> Result<Self, ResourceError> {
        let (remote, databases): (BTreeMap<_, _>, BTreeMap<_, _>) = config
            .connections
            .iter()
            .map(|(name, config)| (name.clone(), config.clone()))
            .partition(|(_, config)| config.is_host());
        let authorities = authorities(config.authorities.as_deref())?;
        let protected = Arc::new(config.protected.clone());
        Ok(Self(Arc::new(Named {
            databases: Databases::new(&databases, config.timeout)?,
            http: Http::new(&remote, authorities, config.timeout)?,
            directories: config
                .directories
                .iter()
                .map(|(name, config)| {
                    let directory = Directory::new(name, config.clone(), &protected);
                    (name.clone(), directory)
                })
                .collect(),
        })))
    }

    /// Whether all connections to hosts that these patterns name are there.
    ///
    /// # Errors
    ///
    /// The first that is not.
    pub fn check_hosts(&self, hosts: &Hosts) -> Result<(), ResourceError> {
        match hosts.connections().all(|name| self.0.http.has(name)) {
            true => Ok(()),
            false => Err(ResourceError::NoConnection),
        }
    }
}

fn authorities(pem: Option<&[u8]>) -> Result<Vec<CertificateDer<'static>>, ResourceError> {
    let Some(pem) = pem else {
        return Ok(Vec::new());
    };
    let read = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    read.ok()
        .filter(|found| !found.is_empty())
        .ok_or(ResourceError::Authorities)
}

impl Capabilities for Resources {
    fn for_caller(&self, grants: &CapabilityGrants) -> Arc<dyn Granted> {
        Arc::new(GrantedResources {
            resources: Arc::clone(&self.0),
            grants: grants.clone(),
            held: Held::default(),
            waiting: http::Waiting::default(),
        })
    }

    fn settle(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.databases.settle())
    }
}

/// The resources as one caller may use them.
struct GrantedResources {
    resources: Arc<Named>,
    grants: CapabilityGrants,
    /// Transactions that are open.
    held: Held,
    /// Connections to hosts over which nothing was asked yet.
    waiting: http::Waiting,
}

impl Granted for GrantedResources {
    fn read<'a>(
        &'a self,
        capability: Capability,
        request: Map<String, Value>,
    ) -> Result<Box<dyn CapabilityRequest + 'a>, ToolError> {
        let what = match (capability, &self.grants) {
            (Capability::Http, _) => {
                What::Http(Box::new(http::Prepared::new(read(capability, request)?)?))
            }
            (_, CapabilityGrants::Script(_)) => {
                return Err(ToolError::new(
                    ToolErrorKind::NotGranted,
                    format!("`{capability}` is for tool files: scripts call tools that have it"),
                ));
            }
            (Capability::Sql, CapabilityGrants::ToolFile(grants)) => {
                What::Sql(sql::Request::read(request)?, grants)
            }
            (Capability::Files, CapabilityGrants::ToolFile(grants)) => {
                What::Files(read(capability, request)?, grants)
            }
        };
        Ok(Box::new(Requested {
            granted: self,
            what,
        }))
    }
}

/// One request, parsed.
struct Requested<'a> {
    granted: &'a GrantedResources,
    what: What<'a>,
}

enum What<'a> {
    Sql(sql::Request, &'a Grants),
    Files(files::Request, &'a Grants),
    Http(Box<http::Prepared>),
}

impl CapabilityRequest for Requested<'_> {
    fn permit(&self) -> Result<(), ToolError> {
        match &self.what {
            What::Sql(request, grants) => request.permit(grants),
            What::Files(request, grants) => grants.directory(&request.directory).map(drop),
            What::Http(request) => {
                let GrantedResources {
                    resources, grants, ..
                } = self.granted;
                resources.http.permit(request, grants)
            }
        }
    }

    fn perform<'s>(
        self: Box<Self>,
        context: &'s CallContext,
    ) -> BoxFuture<'s, Result<Written, ToolError>>
    where
        Self: 's,
    {
        Box::pin(async move {
            let GrantedResources {
                resources,
                grants,
                held,
                waiting,
            } = self.granted;
            match self.what {
                What::Sql(request, grants) => {
                    let databases = &resources.databases;
                    databases.perform(request, grants, held, context).await
                }
                What::Files(request, grants) => resources.files(request, grants, context).await,
                What::Http(request) => {
                    let http = &resources.http;
                    http.perform(*request, grants, waiting, context).await
                }
            }
        })
    }
}

impl Named {
    async fn files(
        &self,
        request: files::Request,
        grants: &Grants,
        context: &CallContext,
    ) -> Result<Written, ToolError> {
        let access = grants.directory(&request.directory)?;
        let Some(directory) = self.directories.get(&request.directory) else {
            return Err(ToolError::new(
                ToolErrorKind::NotGranted,
                format!(
                    "there is no directory `{0}`: write `[directories.{0}]` in wxmcp.toml",
                    bounded(&request.directory)
                ),
            ));
        };
        directory.perform(request, access, grants, context).await
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
