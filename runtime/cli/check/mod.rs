//! `wxmcp check`: a script against the types of the tools that it uses.
//!
//! The script never runs. What it imports is read from it (Python in a sandbox without any
//! grant, TypeScript by our own parser), stubs of just these namespaces are written to a
//! temporary folder, and an external checker reads both there.

mod ambient;
pub(crate) mod python;
mod typescript;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Resource;
use serde::Serialize;
use wxmcp_broker::CallerHost;
use wxmcp_catalogue::stubs::{StubFile, ToolSet};
use wxmcp_run::{BundleFile, Language, Script, ToolHost};

use crate::commands::tools;
use crate::exit::Failure;
use crate::program::{self, Bounds};
use wxmcp_host::Guests;

/// What a checker may use. One of Go's reserves much more of addresses than it touches.
const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(60),
    of: Resource::As,
    memory: 8 << 30,
    file: 1 << 20,
};

/// Findings that are kept, at most; the rest are counted.
const MAX_FINDINGS: usize = 100;

/// Longest message that is kept, in bytes.
const MAX_MESSAGE: usize = 4_000;

/// What a checker says of one place in a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// Line of the script, from 1.
    pub(crate) line: u32,
    /// Column, from 1: in characters for Python, in UTF-16 units for TypeScript.
    pub(crate) column: u32,
    /// The checker's own name of the rule.
    pub(crate) rule: String,
    /// What is wrong, with what was expected.
    pub(crate) message: String,
}

/// All that a checker says.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Findings {
    pub(crate) findings: Vec<Finding>,
    /// Further ones, which are not kept.
    pub(crate) more: usize,
}

/// Everything that a check works with.
pub(crate) struct Checker<'a> {
    pub(crate) broker: &'a CallerHost,
    pub(crate) guests: &'a Guests,
    /// Where the type checkers are, if not on `PATH`.
    pub(crate) folder: Option<&'a Path>,
    /// The script's packages, if it has such.
    pub(crate) packages: Option<BundleFile>,
}

impl Checker<'_> {
    /// Checks a script.
    pub(crate) async fn check(&self, script: &Script) -> Result<Findings, Failure> {
        match script.language {
            Language::Python => python::check(self, script).await,
            Language::TypeScript => typescript::check(self, script).await,
            Language::Component => Err(Failure::usage(anyhow::anyhow!(
                "`{}` is a component: its types are checked whenever it is run",
                script.name
            ))),
            Language::JavaScript => Err(Failure::usage(anyhow::anyhow!(
                "`{}` is JavaScript, which has no types to check",
                script.name
            ))
            .hint("write it in TypeScript, or say --lang ts")),
        }
    }

    /// A program, or how to get it.
    fn program(&self, language: &str, names: &[&str], package: &str) -> Result<PathBuf, Failure> {
        program::find(self.folder, names).ok_or_else(|| {
            let names = names.join("` or `");
            let place = match self.folder {
                Some(folder) => format!("in `{}`", folder.display()),
                None => "on PATH".to_owned(),
            };
            Failure::usage(anyhow::anyhow!(
                "there is no `{names}` {place}: {language} is checked by it"
            ))
            .hint(format!(
                "install {package}, or say where it is: WXMCP_CHECKERS=DIR, or `folder` under \
                 `[check]` in wxmcp.toml (`make checkers` leaves both in target/checkers/bin)"
            ))
        })
    }

    /// The tools of namespaces, by the names that a script gives them: other case, `-` and
    /// `_` lead to a namespace as they do when it runs. Names of none are left out.
    async fn sets(&self, spelled: &[String], everything: bool) -> Result<Vec<ToolSet>, Failure> {
        let all = self.broker.namespaces();
        let mut wanted: Vec<(&str, &str)> = Vec::new();
        if everything {
            wanted.extend(all.iter().map(|name| (name.as_str(), name.as_str())));
        }
        for spelled in spelled {
            let found = namespace_of(&all, spelled);
            wanted.extend(found.map(|name| (spelled.as_str(), name)));
        }
        wanted.sort_unstable();
        wanted.dedup();
        let mut sets = Vec::new();
        for (spelled, name) in wanted {
            let set = self
                .broker
                .tool_set(name, &tools::context(self.broker))
                .await;
            let set = set.map_err(tools::failed)?;
            // What was learned is no promise: nothing is refused for it.
            let declared = set
                .tools
                .into_iter()
                .map(|(attribute, tool)| (attribute, tool.with_learned_output(None)));
            sets.push(ToolSet {
                namespace: spelled.to_owned(),
                tools: declared.collect(),
            });
        }
        Ok(sets)
    }
}

/// The namespace that a script means by a name: other case, `-` and `_` are no other name,
/// unless two namespaces differ in nothing else.
pub(crate) fn namespace_of<'a>(all: &'a [String], spelled: &str) -> Option<&'a str> {
    let exact = all.iter().find(|name| *name == spelled);
    let mut alike = all.iter().filter(|name| folded(name) == folded(spelled));
    exact
        .or_else(|| alike.next().filter(|_| alike.next().is_none()))
        .map(String::as_str)
}

/// A name without what does not tell namespaces, or members of one, apart.
pub(crate) fn folded(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}

impl Findings {
    /// One finding: a source that is no program.
    fn unreadable(line: u32, column: u32, message: String) -> Self {
        let mut findings = Self::default();
        findings.add(Finding {
            line,
            column,
            rule: "syntax".to_owned(),
            message,
        });
        findings
    }

    fn add(&mut self, mut finding: Finding) {
        if self.findings.len() >= MAX_FINDINGS {
            self.more = self.more.saturating_add(1);
            return;
        }
        finding.message = wxmcp_catalogue::clean(&finding.message, MAX_MESSAGE);
        finding.rule = wxmcp_catalogue::clean(&finding.rule, MAX_MESSAGE);
        self.findings.push(finding);
    }

    /// The checker's order is not always that of the script.
    fn sorted(mut self) -> Self {
        self.findings
            .sort_by_key(|finding| (finding.line, finding.column));
        self
    }
}

/// A temporary folder with the stubs and the script.
fn folder(files: &[StubFile], script: &str, source: &str) -> anyhow::Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    tools::export::write(folder.path(), files)?;
    std::fs::write(folder.path().join(script), source)?;
    Ok(folder)
}
