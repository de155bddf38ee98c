//! What tool files request, what `wxmcp.toml` approves, and the grants that both together make.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wxmcp_catalogue::wording::bounded;
use wxmcp_run::{Access, Capability, ToolError, ToolErrorKind};

use crate::hosts::{HostError, Hosts};
use crate::tools::{Pattern, PatternError, ToolPatterns};

/// Most grants of one kind that a tool file may request.
const MAX_REQUESTS: usize = 64;

/// Capabilities by name: what a tool file requests, or what is approved for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CapabilityList {
    /// Connections: `main` to read, `main:rw` to write, too.
    pub sql: Vec<String>,
    /// Directories: `reports` to read, `reports:rw` to write, too.
    pub files: Vec<String>,
    /// Hosts: `api.example.com`, `*.example.com`, `*`; connections to hosts: `github`.
    pub http: Vec<String>,
    /// Other tools: `database.*`.
    pub tools: Vec<String>,
}

impl CapabilityList {
    /// The names of one capability.
    fn of(&self, kind: Capability) -> &[String] {
        match kind {
            Capability::Sql => &self.sql,
            Capability::Files => &self.files,
            Capability::Http => &self.http,
        }
    }

    /// Whether it is within bounds: a tool file may request anything, but not any amount of it.
    pub fn is_bounded(&self) -> bool {
        [&self.sql, &self.files, &self.http, &self.tools]
            .iter()
            .all(|list| list.len() <= MAX_REQUESTS && list.iter().all(|one| one.len() <= 256))
    }
}

/// What a list of `name` and `name:rw` says of one name.
fn access(list: &[String], name: &str) -> Option<Access> {
    list.iter()
        .filter_map(|one| match one.rsplit_once(':') {
            Some((named, "rw")) if named == name => Some(Access::ReadWrite),
            Some((named, "ro")) if named == name => Some(Access::ReadOnly),
            _ if one == name => Some(Access::ReadOnly),
            _ => None,
        })
        .max()
}

/// A table of approvals that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// A key that means no tool.
    #[error("the key `{key}` of `[grants]` means no tool")]
    Key {
        /// The key.
        key: String,
        /// Why.
        source: PatternError,
    },
    /// A pattern of tools that means none.
    #[error("`tools` of `[grants.\"{key}\"]`")]
    Tools {
        /// The key.
        key: String,
        /// Why.
        source: PatternError,
    },
    /// A pattern of hosts that means none.
    #[error("`http` of `[grants.\"{key}\"]`")]
    Hosts {
        /// The key.
        key: String,
        /// Why.
        source: HostError,
    },
}

/// `[grants."namespace.tool"]` of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Approvals {
    tables: Vec<(Pattern, CapabilityList)>,
}

impl Approvals {
    /// Approves by patterns of tool names.
    ///
    /// # Errors
    ///
    /// A pattern that means no tool.
    pub fn new(
        tables: impl IntoIterator<Item = (String, CapabilityList)>,
    ) -> Result<Self, ApprovalError> {
        let tables = tables
            .into_iter()
            .map(|(key, requests)| {
                let parsed = Pattern::parse(&key);
                let pattern = parsed.map_err(|source| ApprovalError::Key {
                    key: key.clone(),
                    source,
                })?;
                let tools = ToolPatterns::new(&requests.tools, [""; 0]);
                tools.map_err(|source| ApprovalError::Tools {
                    key: key.clone(),
                    source,
                })?;
                let hosts = Hosts::new(&requests.http);
                hosts.map_err(|source| ApprovalError::Hosts { key, source })?;
                Ok((pattern, requests))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { tables })
    }

    /// The patterns that it approves by.
    pub fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.tables.iter().map(|(pattern, _)| pattern)
    }

    /// All that is approved for a tool.
    fn of(&self, tool: &str) -> CapabilityList {
        let mut all = CapabilityList::default();
        for (_, requests) in self.tables.iter().filter(|(key, _)| key.matches(tool)) {
            all.sql.extend(requests.sql.iter().cloned());
            all.files.extend(requests.files.iter().cloned());
            all.http.extend(requests.http.iter().cloned());
            all.tools.extend(requests.tools.iter().cloned());
        }
        all
    }
}

/// What one tool file may do: what it requests, as far as that is approved.
#[derive(Clone, Debug)]
pub struct Grants {
    tool: String,
    requested: CapabilityList,
    approved: CapabilityList,
    requested_hosts: Hosts,
    approved_hosts: Hosts,
    tools: [Arc<ToolPatterns>; 2],
}

impl Grants {
    /// The grants of `tool` (a full name), which requests `requested`.
    pub fn new(tool: &str, requested: &CapabilityList, approvals: &Approvals) -> Self {
        let approved = approvals.of(tool);
        Self {
            tool: tool.to_owned(),
            requested_hosts: Hosts::lenient(&requested.http),
            approved_hosts: Hosts::lenient(&approved.http),
            tools: [&requested.tools, &approved.tools].map(|patterns| Arc::new(meant(patterns))),
            requested: requested.clone(),
            approved,
        }
    }

    /// What a named connection to a database may be used for.
    ///
    /// # Errors
    ///
    /// When the tool file does not request it, or nothing approves it.
    pub fn connection(&self, name: &str) -> Result<Access, ToolError> {
        self.named(Capability::Sql, name)
    }

    /// What a named directory may be used for.
    ///
    /// # Errors
    ///
    /// When the tool file does not request it, or nothing approves it.
    pub fn directory(&self, name: &str) -> Result<Access, ToolError> {
        self.named(Capability::Files, name)
    }

    /// The hosts that it requests, and those that are approved: both must grant one.
    pub fn hosts(&self) -> (&Hosts, &Hosts) {
        (&self.requested_hosts, &self.approved_hosts)
    }

    /// Where its approvals stand: the table of `wxmcp.toml`.
    pub fn place(&self) -> String {
        format!("`[grants.\"{}\"]` in wxmcp.toml", self.tool)
    }

    fn named(&self, kind: Capability, name: &str) -> Result<Access, ToolError> {
        let Some(requested) = access(self.requested.of(kind), name) else {
            return Err(self.does_not_ask(kind, name));
        };
        match access(self.approved.of(kind), name) {
            Some(approved) => Ok(requested.min(approved)),
            None => Err(self.is_not_approved(kind, name)),
        }
    }

    /// The error of writing to something that is only granted to be read.
    pub fn only_reads(&self, kind: Capability, name: &str) -> ToolError {
        let wanted = format!("{name}:rw");
        let (tool, shown) = (&self.tool, bounded(name));
        let missing = if access(self.requested.of(kind), name) == Some(Access::ReadWrite) {
            format!("write `{kind} = [\"{wanted}\"]` under `[grants.\"{tool}\"]` in wxmcp.toml")
        } else {
            format!("put {{{kind}: [\"{wanted}\"]}} into the `grants` of its file, and approve it")
        };
        ToolError::new(
            ToolErrorKind::NotGranted,
            format!("`{tool}` may only read `{shown}`; to let it write, {missing}"),
        )
    }

    /// The error of using what the tool file does not request.
    pub fn does_not_ask(&self, kind: Capability, name: &str) -> ToolError {
        let (tool, name) = (&self.tool, bounded(name));
        ToolError::new(
            ToolErrorKind::NotGranted,
            format!(
                "`{tool}` does not ask for `{name}`: put {{{kind}: [\"{name}\"]}} into the `grants` of its file"
            ),
        )
    }

    /// The error of using what the tool file requests and nothing approves.
    pub fn is_not_approved(&self, kind: Capability, name: &str) -> ToolError {
        let request = format!("{name}:rw");
        let requested = self.requested.of(kind);
        let is_for_writing = kind != Capability::Http && requested.contains(&request);
        let request = if is_for_writing { &request } else { name };
        let (tool, name, request) = (&self.tool, bounded(name), bounded(request));
        ToolError::new(
            ToolErrorKind::NotGranted,
            format!(
                "`{tool}` asks for `{name}`, which is not approved: write `{kind} = [\"{request}\"]` \
                 under `[grants.\"{tool}\"]` in wxmcp.toml"
            ),
        )
    }

    /// The patterns of other tools that it requests, and of those that are approved: both must
    /// grant one.
    pub fn tools(&self) -> &[Arc<ToolPatterns>; 2] {
        &self.tools
    }
}

/// Patterns without those that mean no tool: these grant none.
fn meant(patterns: &[String]) -> ToolPatterns {
    let meant = patterns
        .iter()
        .filter(|one| ToolPatterns::new([one], [""; 0]).is_ok());
    ToolPatterns::new(meant, [""; 0]).unwrap_or_else(|_| ToolPatterns::nothing())
}

/// What a tool file requests and does not get, for those who look at the tree.
impl Grants {
    /// The requests that nothing approves, as `kind = ["name"]`.
    pub fn unapproved(&self) -> Vec<String> {
        let mut missing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (kind, requested, approved) in [
            ("sql", &self.requested.sql, &self.approved.sql),
            ("files", &self.requested.files, &self.approved.files),
        ] {
            for request in requested {
                let name = request.trim_end_matches(":rw").trim_end_matches(":ro");
                if access(approved, name) < access(requested, name) {
                    missing.entry(kind).or_default().push(request.clone());
                }
            }
        }
        for request in &self.requested.http {
            // Of a request like `*`, an approval is only ever a part.
            if !self.approved_hosts.overlap(&Hosts::lenient([request])) {
                missing.entry("http").or_default().push(request.clone());
            }
        }
        for request in &self.requested.tools {
            if !self.approved.tools.contains(request) {
                missing.entry("tools").or_default().push(request.clone());
            }
        }
        missing
            .into_iter()
            .map(|(kind, names)| format!("{kind} = {names:?}"))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(requested: &[&str], approved: &[&str]) -> Grants {
        let list = |names: &[&str]| CapabilityList {
            sql: names.iter().map(|name| (*name).to_owned()).collect(),
            ..CapabilityList::default()
        };
        let approvals = Approvals::new([("db.*".to_owned(), list(approved))]).unwrap();
        Grants::new("db.query", &list(requested), &approvals)
    }

    #[test]
    fn a_grant_is_what_is_requested_and_approved() {
        for (requested, approved, expected) in [
            (&["main"][..], &["main"][..], Some(Access::ReadOnly)),
            (&["main:rw"], &["main"], Some(Access::ReadOnly)),
            (&["main"], &["main:rw"], Some(Access::ReadOnly)),
            (&["main:rw"], &["main:rw"], Some(Access::ReadWrite)),
            (&["main"], &["other"], None),
            (&[], &["main"], None),
        ] {
            let granted = grants(requested, approved).connection("main");
            assert_eq!(granted.ok(), expected, "{requested:?} {approved:?}");
        }
    }

    #[test]
    fn refusals_say_what_would_allow_it() {
        let error = grants(&["main"], &[]).connection("main").unwrap_err();
        assert_eq!(
            error.message,
            "`db.query` asks for `main`, which is not approved: write `sql = [\"main\"]` \
             under `[grants.\"db.query\"]` in wxmcp.toml"
        );
        let error = grants(&[], &["main"]).connection("main").unwrap_err();
        assert_eq!(
            error.message,
            "`db.query` does not ask for `main`: put {sql: [\"main\"]} into the `grants` of its file"
        );
        assert_eq!(
            grants(&["main:rw", "b"], &["main"]).unapproved(),
            ["sql = [\"main:rw\", \"b\"]"]
        );
    }
}
