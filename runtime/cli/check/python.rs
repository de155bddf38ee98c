//! Python, by `ty`.
//!
//! It runs outside the sandbox and would look for what a script imports among the packages
//! of this machine, and take settings from a script's comments. So it is told of an
//! environment that has the script's packages and no others, and `analyse.py` makes those comments plain.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use serde::Deserialize;
use wxmcp_catalogue::stubs::{Calls, python};
use wxmcp_run::Run;
use wxmcp_run::{Ledger, Limits, Outcome, Policy, Script, Silent, Sources, Stdin};
use wxmcp_toolfiles::Interpreters as _;

use super::ambient::{add_python, modules, namespaces};
use super::{BOUNDS, Checker, Finding, Findings, folder};
use crate::exit::Failure;
use crate::program;
use wxmcp_host::Guests;

/// Reads a script in the sandbox, where hostile source can do no harm.
const ANALYSE: &str = concat!(
    include_str!("../../../guest-adapters/python/_wxmcp/fences.py"),
    include_str!("analyse.py")
);

/// What `ty` calls source that CPython does not take, and what scripts here may do beyond
/// CPython.
const SYNTAX: &str = "invalid-syntax";

/// A Python environment in the folder of the check, and where it would have its packages.
const ENVIRONMENT: &str = "environment";
const PACKAGES: &str = "lib/python3.14/site-packages";

/// What `analyse.py` answers.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Read {
    /// It is no program.
    Unreadable {
        /// Why.
        error: Unreadable,
    },
    /// It is one.
    Script(Analysed),
}

/// Where a source stops being a program.
#[derive(Deserialize)]
pub(crate) struct Unreadable {
    pub(crate) message: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// What a script uses.
#[derive(Deserialize)]
pub(crate) struct Analysed {
    /// Without a Markdown fence; a script that is indented as a whole is below an `if`.
    source: String,
    /// Lines of ours above the script.
    above: u32,
    /// Names that may be those of namespaces.
    pub(crate) namespaces: Vec<String>,
    /// Those of them that an import names.
    pub(crate) imported: Vec<String>,
    /// Names that it binds nowhere; they may be those of namespaces and tools.
    ambient: Vec<String>,
    /// Whether it takes members of `tools` as items: `tools["github"]`.
    items: bool,
    /// Whether it imports all namespaces.
    pub(crate) everything: bool,
    /// The tools that it uses, by namespace, all as it spells them.
    pub(crate) tools: BTreeMap<String, BTreeSet<String>>,
    /// Namespaces of which it may use any tool.
    pub(crate) whole: Vec<String>,
    /// Tools that it calls, or has described, by their full names.
    pub(crate) named: Vec<String>,
    /// Whether it may use tools by names that it does not spell.
    pub(crate) open: bool,
    calls: Flavour,
    /// From line and column to line and column: where `await` and `return` stand at the
    /// top level.
    own: Vec<[u32; 4]>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Flavour {
    Blocking,
    Awaited,
    Either,
}

/// A finding in the form of GitLab's code quality reports.
#[derive(Deserialize)]
struct RawFinding {
    check_name: String,
    description: String,
    severity: String,
    location: Location,
}

#[derive(Deserialize)]
struct Location {
    path: String,
    positions: Positions,
}

#[derive(Deserialize)]
struct Positions {
    begin: LineColumn,
}

#[derive(Deserialize)]
struct LineColumn {
    line: u32,
    column: u32,
}

/// The arguments of `ty`.
const ARGUMENTS: [&str; 14] = [
    "check",
    "--project",
    ".",
    "--output-format",
    "gitlab",
    "--python-version",
    "3.14",
    "--python-platform",
    "linux",
    "--no-progress",
    "--no-respect-ignore-files",
    "--python",
    ENVIRONMENT,
    "script.py",
];

pub(super) async fn check(checker: &Checker<'_>, script: &Script) -> Result<Findings, Failure> {
    let ty = checker.program("Python", &["ty"], "`ty` from PyPI")?;
    let analysed = match analyse(checker.guests, &script.source).await? {
        Read::Script(analysed) => analysed,
        Read::Unreadable { error } => {
            return Ok(Findings::unreadable(
                error.line,
                error.column,
                error.message,
            ));
        }
    };
    let mut ambient = checker.ambient(&analysed.ambient).await;
    for (name, module) in modules(&analysed.ambient) {
        ambient.entry(name).or_insert(module);
    }
    let namespaces = [analysed.namespaces.clone(), namespaces(&ambient)].concat();
    let sets = checker.sets(&namespaces, analysed.everything).await?;
    let calls = match analysed.calls {
        Flavour::Blocking => Calls::Blocking,
        Flavour::Awaited => Calls::Awaited,
        Flavour::Either => Calls::Either,
    };
    let mut files = python(&sets, calls);
    add_python(&mut files, &ambient, analysed.items);
    let folder = folder(&files, "script.py", &analysed.source)
        .context("write the stubs for the type check")
        .map_err(Failure::fault)?;
    let packages = folder.path().join(ENVIRONMENT).join(PACKAGES);
    std::fs::create_dir_all(&packages)
        .context("make an environment of packages")
        .map_err(Failure::fault)?;
    if let Some(bundle) = &checker.packages {
        crate::packages::unpack(bundle, &packages)
            .context("show the packages to the type checker")
            .map_err(Failure::fault)?;
    }
    let printed = program::run(&ty, &ARGUMENTS, folder.path(), None, BOUNDS)
        .await
        .map_err(Failure::raised)?;
    let printed_findings: Vec<RawFinding> = match printed.code {
        0 | 1 => serde_json::from_str(&printed.stdout)
            .context("read what `ty` printed")
            .map_err(Failure::raised)?,
        code => {
            let words = wxmcp_catalogue::clean(&printed.stdout, 2_000);
            return Err(Failure::raised(anyhow::anyhow!(
                "`ty` failed with exit code {code}: {words}"
            )));
        }
    };
    Ok(findings(printed_findings, &analysed))
}

/// The errors among what `ty` found in the script, at the lines of its author.
fn findings(printed: Vec<RawFinding>, analysed: &Analysed) -> Findings {
    let mut findings = Findings::default();
    for raw in printed {
        let LineColumn { line, column } = raw.location.positions.begin;
        let line = line.saturating_sub(analysed.above).max(1);
        let is_ours = raw.check_name == SYNTAX && analysed.allows(line, column);
        // Lesser ones are advice, or belong to a finding that is listed already.
        let is_error = matches!(raw.severity.as_str(), "major" | "critical" | "blocker");
        if is_error && !is_ours && raw.location.path.ends_with("script.py") {
            let message = raw.description;
            let head = format!("{}: ", raw.check_name);
            findings.add(Finding {
                line,
                column,
                message: message.strip_prefix(&head).unwrap_or(&message).to_owned(),
                rule: raw.check_name,
            });
        }
    }
    findings.sorted()
}

impl Analysed {
    fn allows(&self, line: u32, column: u32) -> bool {
        self.own.iter().any(|[from, start, to, end]| {
            (*from, *start) <= (line, column) && (line, column) <= (*to, *end)
        })
    }
}

/// Reads a script, without running it.
pub(crate) async fn analyse(guests: &Guests, source: &str) -> Result<Read, Failure> {
    let run = Run {
        id: wxmcp_run::RunId::random(),
        script: Script {
            name: "<check>".to_owned(),
            language: wxmcp_run::Language::Python,
            source: ANALYSE.to_owned(),
            args: Vec::new(),
            path: None,
            in_session: false,
            task: None,
        },
        policy: Policy {
            stdin: Stdin::Bytes(source.as_bytes().to_vec()),
            ..Policy::default()
        },
        limits: Limits {
            // A tree takes many times the room of its source.
            memory: 1 << 30,
            value: 32 << 20,
            ..Limits::default()
        },
        ledger: Ledger::unbounded(),
        tools: std::sync::Arc::new(NoTools),
        sources: Sources::default(),
        observer: std::sync::Arc::new(Silent),
        cancel: Box::pin(std::future::pending()),
    };
    let sandbox = guests
        .sandbox(wxmcp_run::Language::Python)
        .context("start the interpreter that reads the script")
        .map_err(Failure::fault)?;
    let report = sandbox
        .run(run)
        .await
        .context("read the script")
        .map_err(Failure::fault)?;
    match report.outcome {
        // Through a value: untagged types do not take numbers of any size.
        Outcome::Returned(value) => serde_json::from_str::<serde_json::Value>(value.get())
            .and_then(serde_json::from_value)
            .context("read what the script imports")
            .map_err(Failure::fault),
        Outcome::Stopped(limit, _) => Err(Failure::raised(anyhow::anyhow!(
            "the script cannot be read: {limit}"
        ))),
        Outcome::Raised(raised) => Err(Failure::raised(anyhow::anyhow!(
            "the script cannot be read: {}: {}",
            raised.kind,
            raised.message
        ))),
        Outcome::Exited(_) | Outcome::Cancelled => Err(Failure::fault(anyhow::anyhow!(
            "the script was not read to its end"
        ))),
    }
}

/// Reading a script calls nothing.
struct NoTools;

impl wxmcp_run::ToolHost for NoTools {
    fn call(
        &self,
        call: wxmcp_run::ToolCall,
    ) -> wxmcp_run::BoxFuture<'_, Result<wxmcp_run::ToolAnswer, wxmcp_run::ToolError>> {
        Box::pin(async move {
            Err(wxmcp_run::ToolError::new(
                wxmcp_run::ToolErrorKind::UnknownTool,
                format!("there is no tool `{}`", call.name),
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names that cases use and bind nowhere: each may be a namespace, or a tool, which is not what they are about.
    const UNBOUND: [&str; 12] = [
        "E", "a", "b", "f", "g", "i", "name", "names", "other", "text", "x", "y",
    ];

    /// `database: mail, query; any: mail; named: a.b; open`
    async fn told(guests: &Guests, source: &str) -> anyhow::Result<String> {
        let read = analyse(guests, source).await;
        let Read::Script(read) = read.map_err(|_| anyhow::anyhow!("{source} is not read"))? else {
            anyhow::bail!("{source} is no program");
        };
        let mut parts: Vec<String> = read
            .tools
            .iter()
            .filter(|(namespace, _)| !read.whole.contains(namespace))
            .map(|(namespace, tools)| {
                let tools: Vec<&str> = tools.iter().map(String::as_str).collect();
                format!("{namespace}: {}", tools.join(", "))
            })
            .collect();
        for (what, names) in [("any", &read.whole), ("named", &read.named)] {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let names: Vec<&str> = names
                .into_iter()
                .filter(|it| !UNBOUND.contains(it))
                .collect();
            if !names.is_empty() {
                parts.push(format!("{what}: {}", names.join(", ")));
            }
        }
        if read.open {
            parts.push("open".to_owned());
        }
        Ok(parts.join("; "))
    }

    async fn each(cases: &[(&str, &str)]) -> anyhow::Result<()> {
        let guests = crate::guests::guests();
        for (source, expected) in cases {
            assert_eq!(told(&guests, source).await?, *expected, "{source}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn attributes_of_namespaces_are_the_tools() -> anyhow::Result<()> {
        each(&[
            ("from tools.d import query", "d: query"),
            (
                "from tools.d import query as q, update\nq()",
                "d: query, update",
            ),
            ("from tools import d\nd.query()", "d: query"),
            ("from tools import d as e\nawait e.query.aio()", "d: query"),
            ("import tools.d as e\ne.query.sync()", "d: query"),
            ("import tools.d\ntools.d.query()", "d: query"),
            ("import tools\nq = tools.d.query\nq()", "d: query"),
            ("import tools as t\nt.d.query(t.e.x())", "d: query; e: x"),
            ("tools.d.query()", "d: query"),
            ("from wxmcp import tools as t\nt.d.query()", "d: query"),
            ("import wxmcp as w\nw.tools.d.query(); w.sql", "d: query"),
            (
                "def f():\n    from tools import d\n    return [d.x(i) for i in y if d.z]\nf()",
                "d: x, z",
            ),
            (
                "if a:\n    from tools import d\nelse:\n    from tools import d\nd.x()",
                "d: x",
            ),
            ("from tools import d", ""),
            ("\n    from tools import d\n    d.x()\n", "d: x"),
            ("from tools import d\nprint(f'{d.x()}')", "d: x"),
            (
                "from tools import ToolError, d\ntry:\n    d.x()\nexcept ToolError:\n    pass",
                "d: x",
            ),
            ("x = 1\nlambda e: e.query", ""),
        ])
        .await
    }

    #[tokio::test]
    async fn a_namespace_that_is_not_followed_is_used_whole() -> anyhow::Result<()> {
        each(&[
            ("from tools.d import *", "any: d"),
            ("from tools.d import __all__", "any: d"),
            ("from tools import d\ndir(d)", "any: d"),
            ("from tools import d\nf(d)\nd.x()", "any: d"),
            ("from tools import d\ngetattr(d, name)()", "any: d"),
            ("from tools import d\ne = d\ne.x()", "any: d"),
            ("from tools import d\nd.__dict__", "any: d"),
            ("from tools import d\nd.x = 1", "any: d"),
            ("from tools import d\ndel d", "any: d"),
            ("from tools import d\nd.x()\nd = 3", "any: d"),
            ("from tools import d\nd.x()\ndef f(d): pass", "any: d"),
            ("from tools import d\nd.x()\nfor d in y: pass", "any: d"),
            ("from tools import d\nd.x()\nimport json as d", "any: d"),
            (
                "from tools import d\nd.x()\nfrom tools import e as d",
                "any: d, e",
            ),
            (
                "from tools import d\nd.x()\nmatch y:\n    case {**d}: pass",
                "any: d",
            ),
            (
                "from tools import d\nd.x()\ntry:\n    y\nexcept E as d: pass",
                "any: d",
            ),
            ("from tools import d\nd.x()\nclass d: pass", "any: d"),
            ("class A:\n    from tools import d\nA.d.x()", "any: d"),
            ("from tools import d\n(d or 1).x()", "any: d"),
            ("import tools\nf(tools.d)", "any: d"),
            ("import tools.d.x as y", "any: d"),
            ("from tools.d.x import y", "any: d"),
        ])
        .await
    }

    #[tokio::test]
    async fn names_of_calls_are_read_where_they_are_literals() -> anyhow::Result<()> {
        each(&[
            ("call_tool('d.x', a=1)", "named: d.x"),
            (
                "await call_tool.aio('d.x'); call_tool.sync('d.y')",
                "named: d.x, d.y",
            ),
            (
                "import tools\ntools.call_tool('d.x'); tools.call('d.y')",
                "named: d.x, d.y",
            ),
            ("from tools import call_tool as c\nc('d.x')", "named: d.x"),
            (
                "from wxmcp import call_tool\ncall_tool('d.x')",
                "named: d.x",
            ),
            ("tools.describe('d.x', ['d.y'])", "named: d.x, d.y"),
            (
                "from tools import d, describe\nfrom tools.e import f\ndescribe(d.x, f)",
                "d: x; e: f",
            ),
            ("tools.search('x')", ""),
            ("call_tool(name)", "open"),
            ("call_tool('d.' + name)", "open"),
            ("call_tool(f'd.{name}')", "open"),
            ("call_tool(*names)", "open"),
            ("call_tool()", "open"),
            ("c = call_tool\nc('d.x')", "open"),
            ("map(call_tool, names)", "open"),
            ("def call_tool(name): pass", "open"),
            ("tools.describe(name)", "open"),
            ("for x in dir(tools): getattr(tools, x)", "open"),
            ("tools = [1]", "open"),
            ("from tools import d\nd.x()\neval(y)", "d: x; open"),
            ("globals()['tools']", "open"),
            ("f.__globals__['tools']", "open"),
            ("import sys\nsys.modules['tools']", "open"),
            ("from importlib import import_module", "open"),
            ("import wxmcp\nf(wxmcp)", "open"),
        ])
        .await
    }

    #[tokio::test]
    async fn more_names_than_are_kept_are_any() -> anyhow::Result<()> {
        let names: String = (0..=1000).map(|n| format!("d.t{n}()\n")).collect();
        let guests = crate::guests::guests();
        let told = told(&guests, &format!("from tools import d\n{names}")).await?;
        assert!(told.ends_with("; open"), "{told}");
        Ok(())
    }
}
