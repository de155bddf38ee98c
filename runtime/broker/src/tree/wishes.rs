//! What tool files ask for, and what of it is approved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use wxmcp_run::{ToolError, ToolErrorKind};

use crate::capabilities::{HostError, Hosts};
use crate::grants::{Grants, Pattern, PatternError};
use crate::wording::bounded;

/// Most grants of one kind that a tool may ask for.
const MAX_WISHES: usize = 64;

/// Capabilities by name: what a tool file asks for, or what is approved for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wishes {
    /// Connections: `main` to read, `main:rw` to write, too.
    pub sql: Vec<String>,
    /// Directories: `reports` to read, `reports:rw` to write, too.
    pub files: Vec<String>,
    /// Hosts: `api.example.com`, `*.example.com`, `*`; connections to hosts: `github`.
    pub http: Vec<String>,
    /// Other tools: `database.*`.
    pub tools: Vec<String>,
}

/// What a tool may do with something named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// Read it.
    Read,
    /// Read and change it.
    Write,
}

impl Wishes {
    /// Bounded: a tool file may ask for anything, but not for any amount of it.
    pub(super) fn is_bounded(&self) -> bool {
        [&self.sql, &self.files, &self.http, &self.tools]
            .iter()
            .all(|list| list.len() <= MAX_WISHES && list.iter().all(|one| one.len() <= 256))
    }
}

/// How far a list of `name` and `name:rw` reaches for one name.
fn reach(list: &[String], name: &str) -> Option<Reach> {
    list.iter()
        .filter_map(|one| match one.rsplit_once(':') {
            Some((named, "rw")) if named == name => Some(Reach::Write),
            Some((named, "ro")) if named == name => Some(Reach::Read),
            _ if one == name => Some(Reach::Read),
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
    tables: Vec<(Pattern, Wishes)>,
}

impl Approvals {
    /// Approves by patterns of tool names.
    ///
    /// # Errors
    ///
    /// A pattern that means no tool.
    pub fn new(tables: impl IntoIterator<Item = (String, Wishes)>) -> Result<Self, ApprovalError> {
        let tables = tables
            .into_iter()
            .map(|(key, wishes)| {
                let parsed = Pattern::parse(&key);
                let pattern = parsed.map_err(|source| ApprovalError::Key {
                    key: key.clone(),
                    source,
                })?;
                let tools = Grants::new(&wishes.tools, [""; 0]);
                tools.map_err(|source| ApprovalError::Tools {
                    key: key.clone(),
                    source,
                })?;
                let hosts = Hosts::new(&wishes.http);
                hosts.map_err(|source| ApprovalError::Hosts { key, source })?;
                Ok((pattern, wishes))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { tables })
    }

    /// The patterns that it approves by.
    pub(crate) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.tables.iter().map(|(pattern, _)| pattern)
    }

    /// All that is approved for a tool.
    pub(super) fn of(&self, tool: &str) -> Wishes {
        let mut all = Wishes::default();
        for (_, wishes) in self.tables.iter().filter(|(key, _)| key.matches(tool)) {
            all.sql.extend(wishes.sql.iter().cloned());
            all.files.extend(wishes.files.iter().cloned());
            all.http.extend(wishes.http.iter().cloned());
            all.tools.extend(wishes.tools.iter().cloned());
        }
        all
    }
}

/// The grants of one tool: what it asks for, as far as it is approved.
#[derive(Clone, Debug)]
pub(crate) struct ToolGrants {
    tool: String,
    asked: Wishes,
    approved: Wishes,
    asked_hosts: Hosts,
    approved_hosts: Hosts,
}

impl ToolGrants {
    pub(super) fn new(tool: &str, asked: &Wishes, approvals: &Approvals) -> Self {
        let approved = approvals.of(tool);
        Self {
            tool: tool.to_owned(),
            asked_hosts: Hosts::lenient(&asked.http),
            approved_hosts: Hosts::lenient(&approved.http),
            asked: asked.clone(),
            approved,
        }
    }

    /// A tool that asks for connections, and gets them.
    #[cfg(test)]
    pub(crate) fn of_connections(tool: &str, sql: &[&str]) -> Self {
        let wishes = Wishes {
            sql: sql.iter().map(|one| (*one).to_owned()).collect(),
            ..Wishes::default()
        };
        Self {
            tool: tool.to_owned(),
            asked: wishes.clone(),
            approved: wishes,
            asked_hosts: Hosts::default(),
            approved_hosts: Hosts::default(),
        }
    }

    /// How far a connection may be used.
    pub(crate) fn connection(&self, name: &str) -> Result<Reach, ToolError> {
        self.named("sql", name, &self.asked.sql, &self.approved.sql)
    }

    /// How far a directory may be used.
    pub(crate) fn directory(&self, name: &str) -> Result<Reach, ToolError> {
        self.named("files", name, &self.asked.files, &self.approved.files)
    }

    /// The hosts that it asks for, and those that are approved: both must grant one.
    pub(crate) fn hosts(&self) -> (&Hosts, &Hosts) {
        (&self.asked_hosts, &self.approved_hosts)
    }

    /// Where its approvals stand.
    pub(crate) fn place(&self) -> String {
        format!("`[grants.\"{}\"]` in wxmcp.toml", self.tool)
    }

    fn named(
        &self,
        kind: &str,
        name: &str,
        asked: &[String],
        approved: &[String],
    ) -> Result<Reach, ToolError> {
        let Some(asked) = reach(asked, name) else {
            return Err(self.does_not_ask(kind, name));
        };
        match reach(approved, name) {
            Some(approved) => Ok(asked.min(approved)),
            None => Err(self.is_not_approved(kind, name)),
        }
    }

    /// What to say when something is only granted to be read.
    pub(crate) fn only_reads(&self, kind: &str, name: &str) -> ToolError {
        let wanted = format!("{name}:rw");
        let asked = match kind {
            "sql" => &self.asked.sql,
            _ => &self.asked.files,
        };
        let (tool, shown) = (&self.tool, bounded(name));
        let missing = if reach(asked, name) == Some(Reach::Write) {
            format!("write `{kind} = [\"{wanted}\"]` under `[grants.\"{tool}\"]` in wxmcp.toml")
        } else {
            format!("put {{{kind}: [\"{wanted}\"]}} into the `grants` of its file, and approve it")
        };
        ToolError::new(
            ToolErrorKind::NotGranted,
            format!("`{tool}` may only read `{shown}`; to let it write, {missing}"),
        )
    }

    pub(crate) fn does_not_ask(&self, kind: &str, name: &str) -> ToolError {
        let (tool, name) = (&self.tool, bounded(name));
        ToolError::new(
            ToolErrorKind::NotGranted,
            format!(
                "`{tool}` does not ask for `{name}`: put {{{kind}: [\"{name}\"]}} into the `grants` of its file"
            ),
        )
    }

    pub(crate) fn is_not_approved(&self, kind: &str, name: &str) -> ToolError {
        let asked = match kind {
            "sql" => &self.asked.sql,
            _ => &self.asked.files,
        };
        let wish = format!("{name}:rw");
        let wish = if asked.contains(&wish) { &wish } else { name };
        let (tool, name, wish) = (&self.tool, bounded(name), bounded(wish));
        ToolError::new(
            ToolErrorKind::NotGranted,
            format!(
                "`{tool}` asks for `{name}`, which is not approved: write `{kind} = [\"{wish}\"]` \
                 under `[grants.\"{tool}\"]` in wxmcp.toml"
            ),
        )
    }

    /// What other tools it may call: each must grant one. A pattern that it asks for
    /// and that means no tool grants none.
    pub(crate) fn tools(&self) -> [Grants; 2] {
        [&self.asked.tools, &self.approved.tools].map(|patterns| {
            let meant = patterns
                .iter()
                .filter(|one| Grants::new([one], [""; 0]).is_ok());
            Grants::new(meant, [""; 0]).unwrap_or_else(|_| Grants::nothing())
        })
    }
}

/// What a tool wants and does not get, for those who look at the tree.
impl ToolGrants {
    /// The wishes that nothing approves, as `kind = ["name"]`.
    pub(crate) fn unapproved(&self) -> Vec<String> {
        let mut missing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (kind, asked, approved) in [
            ("sql", &self.asked.sql, &self.approved.sql),
            ("files", &self.asked.files, &self.approved.files),
        ] {
            for wish in asked {
                let name = wish.trim_end_matches(":rw").trim_end_matches(":ro");
                if reach(approved, name) < reach(asked, name) {
                    missing.entry(kind).or_default().push(wish.clone());
                }
            }
        }
        for wish in &self.asked.http {
            // Of a wish like `*`, an approval is only ever a part.
            if !self.approved_hosts.overlap(&Hosts::lenient([wish])) {
                missing.entry("http").or_default().push(wish.clone());
            }
        }
        for wish in &self.asked.tools {
            if !self.approved.tools.contains(wish) {
                missing.entry("tools").or_default().push(wish.clone());
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

    fn grants(asked: &[&str], approved: &[&str]) -> ToolGrants {
        let list = |names: &[&str]| Wishes {
            sql: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Wishes::default()
        };
        let approvals = Approvals::new([("db.*".to_owned(), list(approved))]).unwrap();
        ToolGrants::new("db.query", &list(asked), &approvals)
    }

    #[test]
    fn a_grant_is_what_is_asked_for_and_approved() {
        for (asked, approved, expected) in [
            (&["main"][..], &["main"][..], Some(Reach::Read)),
            (&["main:rw"], &["main"], Some(Reach::Read)),
            (&["main"], &["main:rw"], Some(Reach::Read)),
            (&["main:rw"], &["main:rw"], Some(Reach::Write)),
            (&["main"], &["other"], None),
            (&[], &["main"], None),
        ] {
            let reach = grants(asked, approved).connection("main");
            assert_eq!(reach.ok(), expected, "{asked:?} {approved:?}");
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
