//! What is run: source text in a language, as its guest gets it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::digits::marked_with_floats;
use crate::javascript::shared::{Place, bundle};
use crate::javascript::{self, Dialect, Form, Program};
use crate::library::{Library, Module};
use crate::policy::{Mount, Policy};
use crate::report::Raised;
use crate::zone::Zone;

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
    /// `report.py`; what tracebacks and `sys.argv[0]` say.
    pub name: String,
    /// What the source is written in. The sandbox must have the guest of it, or be that of the component.
    pub language: Language,
    /// The program.
    pub source: String,
    /// Its arguments, the name excluded.
    pub args: Vec<String>,
    /// What is wanted of it if it is a tool file; scripts have none.
    pub task: Option<ToolTask>,
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

/// How a tool is to be described.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Describe {}

/// The script of `wit/guest.wit`.
#[derive(Serialize)]
struct Request<'a> {
    name: &'a str,
    args: &'a [String],
    env: BTreeMap<&'a str, &'a str>,
    /// For notes on errors: where there is no policy nobody knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mounts: Option<BTreeMap<&'a str, &'static str>>,
    #[serde(flatten)]
    text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<&'a ToolTask>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<Zone>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Text<'a> {
    /// Source that the guest itself reads.
    Source {
        source: &'a str,
        /// What a tool file of Python may import.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        modules: Vec<Module<'a>>,
    },
    /// Source that was read here.
    Program(Program),
}

impl Script {
    /// Whether the source is a program, as far as that can be told before it runs:
    /// JavaScript and TypeScript are parsed, Python is not.
    ///
    /// # Errors
    ///
    /// The exception that a run would raise.
    pub fn check(&self) -> Result<(), Raised> {
        self.text().map(|_| ())
    }

    /// What its guest is sent where there is no environment: the script of `wit/guest.wit`, JSON.
    ///
    /// # Errors
    ///
    /// The exception that the source raises because it is no program.
    pub fn message(&self) -> Result<Vec<u8>, Raised> {
        self.request(None, false)
    }

    /// What the guest is sent. It has read the source already if it `knows` it: then
    /// only the task is sent.
    ///
    /// # Errors
    ///
    /// The exception that the source raises because it is no program.
    pub(crate) fn request(&self, policy: Option<&Policy>, knows: bool) -> Result<Vec<u8>, Raised> {
        let env = policy.map_or(&[][..], |policy| &policy.env);
        let mounts = policy.map(|policy| policy.mounts.iter().map(Mount::told).collect());
        let request = Request {
            name: &self.name,
            args: &self.args,
            env: env
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()))
                .collect(),
            mounts,
            text: if knows { None } else { Some(self.text()?) },
            task: self.task.as_ref(),
            zone: self.zone(env),
        };
        let request = serde_json::to_vec(&request).unwrap_or_default();
        // Only arguments of tool files hold numbers.
        Ok(match self.task {
            Some(_) => marked_with_floats(request),
            None => request,
        })
    }

    /// The zone of local time, for the engine that knows none.
    fn zone(&self, env: &[(String, String)]) -> Option<Zone> {
        let name = env.iter().rev().find(|(key, _)| key == "TZ");
        match self.language {
            Language::JavaScript | Language::TypeScript => {
                name.and_then(|(_, zone)| Zone::of(zone))
            }
            Language::Python | Language::Component => None,
        }
    }

    fn text(&self) -> Result<Text<'_>, Raised> {
        let dialect = match self.language {
            Language::Python | Language::Component => {
                let library = self.task.as_ref().map(|task| &task.library);
                return Ok(Text::Source {
                    source: &self.source,
                    modules: library.map_or_else(Vec::new, |library| library.modules(&self.source)),
                });
            }
            Language::JavaScript => Dialect::JavaScript,
            Language::TypeScript => Dialect::TypeScript,
        };
        match &self.task {
            None => javascript::transform(&self.source, dialect, Form::Script)
                .map_err(|error| error.raised(&self.name)),
            Some(task) => {
                let place = Place {
                    path: &task.path,
                    library: &task.library,
                };
                bundle(&self.source, dialect, place).map_err(|error| error.raised(&self.name))
            }
        }
        .map(Text::Program)
    }
}
