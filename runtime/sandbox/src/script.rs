//! What is run: source text in a language, as its guest gets it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::javascript::{self, Dialect, Program};
use crate::report::Raised;

/// Languages that there are guests for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// CPython 3.14.
    Python,
    /// StarlingMonkey.
    JavaScript,
    /// StarlingMonkey; the types are removed here.
    TypeScript,
}

/// Source text with a name for tracebacks.
#[derive(Clone, Debug)]
pub struct Script {
    /// `report.py`; what tracebacks and `sys.argv[0]` say.
    pub name: String,
    /// What the source is written in. The sandbox must have the guest of it.
    pub language: Language,
    /// The program.
    pub source: String,
    /// Its arguments, the name excluded.
    pub args: Vec<String>,
}

/// The script of `wit/guest.wit`.
#[derive(Serialize)]
struct Request<'a> {
    name: &'a str,
    args: &'a [String],
    env: BTreeMap<&'a str, &'a str>,
    #[serde(flatten)]
    text: Text<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Text<'a> {
    /// Source that the guest itself reads.
    Source { source: &'a str },
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
        self.request(&[]).map(|_| ())
    }

    /// What the guest is sent.
    ///
    /// # Errors
    ///
    /// The exception that the source raises because it is no program.
    pub(crate) fn request(&self, env: &[(String, String)]) -> Result<Vec<u8>, Raised> {
        let dialect = match self.language {
            Language::Python => None,
            Language::JavaScript => Some(Dialect::JavaScript),
            Language::TypeScript => Some(Dialect::TypeScript),
        };
        let text = match dialect {
            None => Text::Source {
                source: &self.source,
            },
            Some(dialect) => {
                let program = javascript::transform(&self.source, dialect);
                Text::Program(program.map_err(|error| error.raised(&self.name))?)
            }
        };
        let request = Request {
            name: &self.name,
            args: &self.args,
            env: env
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()))
                .collect(),
            text,
        };
        Ok(serde_json::to_vec(&request).unwrap_or_default())
    }
}
