//! What `wxmcp.toml` may hold.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytesize::ByteSize;
use serde::Deserialize;
use wxmcp_policy::CapabilityList;

use super::file_error;

/// `wxmcp.toml`. Unknown keys are errors: a misspelt limit is no limit.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    #[serde(default)]
    pub(crate) limits: LimitTable,
    #[serde(default)]
    pub(crate) policy: PolicyTable,
    #[serde(default)]
    pub(crate) check: CheckTable,
    #[serde(default)]
    pub(crate) build: BuildTable,
    #[serde(default)]
    pub(crate) packages: wxmcp_packages::Table,
    #[serde(default)]
    pub(crate) tools: ToolsTable,
    #[serde(default)]
    pub(crate) http: HttpTable,
    #[serde(default)]
    pub(crate) connections: BTreeMap<String, ConnectionTable>,
    #[serde(default)]
    pub(crate) directories: BTreeMap<String, DirectoryTable>,
    #[serde(default)]
    pub(crate) grants: BTreeMap<String, CapabilityList>,
    #[serde(default)]
    pub(crate) recording: RecordingTable,
}

/// What recordings leave out.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordingTable {
    #[serde(default)]
    pub(crate) redact: Vec<RedactTable>,
}

/// Values that recordings leave out; a pattern may be a value.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedactTable {
    pub(crate) pattern: Option<String>,
    #[serde(default)]
    pub(crate) fields: Vec<String>,
    pub(crate) with: Option<String>,
}

impl std::fmt::Debug for RedactTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RedactTable")
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct ToolsTable {
    pub(crate) folder: Option<PathBuf>,
    #[serde(default)]
    pub(crate) learn_answers: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckTable {
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BuildTable {
    pub(crate) folder: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpTable {
    pub(crate) ca: Option<PathBuf>,
}

/// A database or a host; what may be secret is never shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConnectionTable {
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, String>,
    /// Addresses that are not public and that the name in the URL may lead to.
    #[serde(default)]
    pub(crate) addresses: Vec<String>,
}

impl std::fmt::Debug for ConnectionTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ConnectionTable")
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DirectoryTable {
    pub(crate) path: PathBuf,
    pub(crate) quota: Option<ByteSize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct LimitTable {
    pub(crate) timeout: Option<String>,
    pub(crate) start_timeout: Option<String>,
    pub(crate) fuel: Option<u64>,
    pub(crate) memory: Option<ByteSize>,
    pub(crate) host_memory: Option<ByteSize>,
    pub(crate) host_memory_total: Option<ByteSize>,
    pub(crate) scratch: Option<ByteSize>,
    pub(crate) max_tool_calls: Option<u64>,
    pub(crate) max_concurrent_calls: Option<u32>,
    pub(crate) max_output: Option<ByteSize>,
    pub(crate) call_timeout: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PolicyTable {
    #[serde(default)]
    pub(crate) volumes: Vec<String>,
    pub(crate) project: Option<PathBuf>,
    pub(crate) workdir: Option<String>,
    #[serde(default)]
    pub(crate) env: Vec<String>,
    #[serde(default)]
    pub(crate) allow_tools: Vec<String>,
    #[serde(default)]
    pub(crate) deny_tools: Vec<String>,
    #[serde(default)]
    pub(crate) allow_hosts: Vec<String>,
}

/// Reads the text of a file.
///
/// # Errors
/// What is wrong with it, and on which line.
pub(crate) fn parse(text: &str) -> Result<File, String> {
    toml::from_str(text).map_err(|error| file_error::words(&error, text))
}
