//! What `wxmcp.toml` may hold.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytesize::ByteSize;
use serde::Deserialize;
use wxmcp_policy::CapabilityList;

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
    pub(crate) tools: ToolsTable,
    #[serde(default)]
    pub(crate) http: HttpTable,
    #[serde(default)]
    pub(crate) connections: BTreeMap<String, ConnectionTable>,
    #[serde(default)]
    pub(crate) directories: BTreeMap<String, DirectoryTable>,
    #[serde(default)]
    pub(crate) grants: BTreeMap<String, CapabilityList>,
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
    toml::from_str(text).map_err(|error| without_line(&error, text))
}

/// What is wrong and on which line; neither the line nor a value, which may be a secret.
fn without_line(error: &toml::de::Error, text: &str) -> String {
    let line = error
        .span()
        .and_then(|span| text.get(..span.start))
        .map(|before| before.matches('\n').count().saturating_add(1));
    let message = without_texts(error.message());
    match line {
        Some(line) => format!("line {line}: {message}"),
        None => message,
    }
}

/// A message without the texts of values, which stand between quotation marks.
fn without_texts(message: &str) -> String {
    match message.split_once('"').zip(message.rsplit_once('"')) {
        Some(((before, _), (_, after))) => format!("{}{after}", before.trim_end()),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_told() {
        for (text, told) in [
            (
                "policy = 1",
                "line 1: invalid type: integer `1`, expected struct PolicyTable",
            ),
            (
                "\nlimits = \"can\\\"ary\"",
                "line 2: invalid type: string, expected struct LimitTable",
            ),
        ] {
            assert_eq!(parse(text).err().as_deref(), Some(told));
        }
        assert!(parse("[limits]\nfuel = 1").is_ok());
    }
}
