//! What `wit/capabilities.wit` offers, done by the host on behalf of tool files.
//!
//! A request comes from a guest: it is parsed into a type, held against the tool's
//! grants, and bounded in time and size before anything is done.

mod command;
mod files;
mod pool;
mod postgres;
mod rows;
mod sql;
mod sqlite;
#[cfg(test)]
mod testing;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use wxmcp_sandbox::{Capability, ToolError, ToolErrorKind};

use crate::tree::ToolGrants;
use crate::wording::bounded;
use files::Directory;
pub use postgres::UrlError;
use sql::Databases;
pub(crate) use sql::Held;

/// A database that tools may use.
#[derive(Clone)]
pub struct ConnectionConfig {
    /// `sqlite:PATH`, or `postgres://user:password@host:port/database`. It may hold a
    /// password, so it is never shown.
    pub url: String,
}

impl std::fmt::Debug for ConnectionConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConnectionConfig")
    }
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
}

/// Databases and directories by name.
#[derive(Debug)]
pub(crate) struct Capabilities {
    databases: Databases,
    directories: BTreeMap<String, Directory>,
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
        timeout: Duration,
    ) -> Result<Self, ResourceError> {
        Ok(Self {
            databases: Databases::new(connections, timeout)?,
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
                let request: sql::Request = read(capability, request)?;
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
            Capability::Http => Err(ToolError::new(
                ToolErrorKind::NotGranted,
                "this version of wxmcp has no `http` capability yet",
            )),
        }
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
