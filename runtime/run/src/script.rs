//! What is run: source text in a language, as its guest gets it.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::library::Library;

/// Languages that there are guests for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// CPython 3.14.
    Python,
    /// StarlingMonkey.
    JavaScript,
    /// StarlingMonkey; the types are removed here.
    TypeScript,
    /// None of these: a component that was supplied is the program itself, without source text,
    /// or an interpreter that reads the source as it is.
    Component,
}

/// Source text with a name for tracebacks.
#[derive(Clone, Debug)]
pub struct Script {
    /// `report.py`; what tracebacks and `sys.argv[0]` say, unless there is a path.
    pub name: String,
    /// Where the guest sees the file of the script, if a mount shows it: an absolute path.
    pub path: Option<String>,
    /// What the source is written in. The sandbox must have the guest of it, or be that of the component.
    pub language: Language,
    /// The program.
    pub source: String,
    /// Its arguments, the name excluded.
    pub args: Vec<String>,
    /// Whether it is one of several scripts of a session, each of which goes on with the variables of those before it.
    /// Their names should differ, so that tracebacks show lines of the right one.
    pub in_session: bool,
    /// What is wanted of it if it is a tool file; scripts have none.
    pub task: Option<ToolTask>,
}

impl Script {
    /// What the guest knows the script by: its path, else its name.
    pub fn seen_as(&self) -> &str {
        self.path.as_deref().unwrap_or(&self.name)
    }
}

/// What a tool file is run for.
#[derive(Clone, Debug, Serialize)]
pub struct ToolTask {
    /// The tool that the file is named after: `query` of `query.ts`.
    pub tool: String,
    /// Its path below the folder of tools: `database/query.ts`.
    #[serde(skip)]
    pub path: String,
    /// The code that it may import.
    #[serde(skip)]
    pub library: Arc<Library>,
    /// What is to be done.
    #[serde(flatten)]
    pub job: ToolJob,
}

/// What a tool file can be asked.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolJob {
    /// What the tool says of itself. The run's value is the `described` of `wit/guest.wit`.
    Describe(Describe),
    /// To run the tool with these arguments. The run's value is its answer.
    Call(serde_json::Map<String, Value>),
}

/// The class of the exception that a guest raises when the arguments of [`ToolJob::Call`] do not fit: part of the
/// protocol, as the names of `wit/guest.wit` are.
pub const INVALID_ARGUMENTS: &str = "InvalidArguments";

/// How a tool is to be described.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Describe {}
