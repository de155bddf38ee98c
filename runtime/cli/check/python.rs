//! Python, by `ty`.
//!
//! It runs outside the sandbox and would look for what a script imports among the packages
//! of this machine, and take settings from a script's comments. So it is told of an
//! environment without packages, and `analyse.py` makes those comments plain.

use anyhow::Context;
use serde::Deserialize;
use wxmcp_broker::Interpreters as _;
use wxmcp_sandbox::{Limits, Outcome, Policy, Run, Script, Silent, Stdin};
use wxmcp_tooltree::stubs::{Calls, python};

use super::{BOUNDS, Checker, Finding, Findings, folder};
use crate::exit::Failure;
use crate::guests::Guests;
use crate::program;

/// Reads a script in the sandbox, where hostile source can do no harm.
const ANALYSE: &str = include_str!("analyse.py");

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
    /// Without a Markdown fence.
    source: String,
    /// Names that may be those of namespaces.
    pub(crate) namespaces: Vec<String>,
    /// Those of them that an import names.
    pub(crate) imported: Vec<String>,
    /// Whether it imports all namespaces.
    pub(crate) everything: bool,
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
struct Told {
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
    begin: Place,
}

#[derive(Deserialize)]
struct Place {
    line: u32,
    column: u32,
}

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
    let sets = checker
        .sets(&analysed.namespaces, analysed.everything)
        .await?;
    let calls = match analysed.calls {
        Flavour::Blocking => Calls::Blocking,
        Flavour::Awaited => Calls::Awaited,
        Flavour::Either => Calls::Either,
    };
    let folder = folder(&python(&sets, calls), "script.py", &analysed.source)
        .context("write the stubs for the type check")
        .map_err(Failure::fault)?;
    let arguments = [
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
    let packages = folder.path().join(ENVIRONMENT).join(PACKAGES);
    std::fs::create_dir_all(packages)
        .context("make an environment without packages")
        .map_err(Failure::fault)?;
    let printed = program::run(&ty, &arguments, folder.path(), None, BOUNDS)
        .await
        .map_err(Failure::raised)?;
    let told: Vec<Told> = match printed.code {
        0 | 1 => serde_json::from_str(&printed.stdout)
            .context("read what `ty` printed")
            .map_err(Failure::raised)?,
        code => {
            let words = wxmcp_tooltree::clean(&printed.stdout, 2_000);
            return Err(Failure::raised(anyhow::anyhow!(
                "`ty` failed with exit code {code}: {words}"
            )));
        }
    };
    let mut findings = Findings::default();
    for told in told {
        let Place { line, column } = told.location.positions.begin;
        let is_ours = told.check_name == SYNTAX && analysed.allows(line, column);
        // Lesser ones are advice, or concern a finding that is told already.
        let is_error = matches!(told.severity.as_str(), "major" | "critical" | "blocker");
        if is_error && !is_ours && told.location.path.ends_with("script.py") {
            let message = told.description;
            let head = format!("{}: ", told.check_name);
            findings.add(Finding {
                line,
                column,
                message: message.strip_prefix(&head).unwrap_or(&message).to_owned(),
                rule: told.check_name,
            });
        }
    }
    Ok(findings.sorted())
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
        script: Script {
            name: "<check>".to_owned(),
            language: wxmcp_sandbox::Language::Python,
            source: ANALYSE.to_owned(),
            args: Vec::new(),
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
        tools: std::sync::Arc::new(NoTools),
        observer: std::sync::Arc::new(Silent),
        cancel: Box::pin(std::future::pending()),
    };
    let sandbox = guests
        .sandbox(wxmcp_sandbox::Language::Python)
        .context("start the interpreter that reads the script")
        .map_err(Failure::fault)?;
    let report = sandbox
        .run(run)
        .await
        .context("read the script")
        .map_err(Failure::fault)?;
    match report.outcome {
        Outcome::Returned(value) => serde_json::from_str(value.get())
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

impl wxmcp_sandbox::ToolHost for NoTools {
    fn call(
        &self,
        call: wxmcp_sandbox::ToolCall,
    ) -> wxmcp_sandbox::BoxFuture<'_, Result<wxmcp_sandbox::ToolAnswer, wxmcp_sandbox::ToolError>>
    {
        Box::pin(async move {
            Err(wxmcp_sandbox::ToolError::new(
                wxmcp_sandbox::ToolErrorKind::UnknownTool,
                format!("there is no tool `{}`", call.name),
            ))
        })
    }
}
