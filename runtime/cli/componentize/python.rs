//! What is put around a script in Python.

use anyhow::anyhow;
use serde_json::Value;
use wxmcp_sandbox::Script;
use wxmcp_tooltree::stubs::StubFile;

use super::contents::Contents;
use super::{MAX_MESSAGE, Uses, embedded, sources};
use crate::check::python::{Read, analyse};
use crate::exit::Failure;
use crate::guests::Guests;

/// What the package `tools` has besides namespaces.
const ALWAYS: [&str; 5] = ["ToolError", "call", "call_tool", "describe", "search"];

/// What a script imports: CPython reads it, in a sandbox.
pub(super) async fn uses(guests: &Guests, script: &Script) -> Result<Uses, Failure> {
    match analyse(guests, &script.source).await? {
        Read::Script(analysed) => {
            let is_always = |name: &String| ALWAYS.contains(&name.as_str());
            let (perhaps, imported) = analysed.imported.into_iter().partition(is_always);
            Ok(Uses {
                imported,
                perhaps: [perhaps, analysed.namespaces].concat(),
                everything: analysed.everything,
            })
        }
        Read::Unreadable { error } => Err(Failure::raised(anyhow!(
            "{}:{}:{}: {}",
            script.name,
            error.line,
            error.column,
            wxmcp_tooltree::clean(&error.message, MAX_MESSAGE)
        ))),
    }
}

/// The files that componentize-py makes a component of.
pub(super) fn files(contents: &Contents, script: Value) -> Vec<StubFile> {
    let mut files = embedded(sources::PYTHON, "src/");
    files.push(StubFile {
        path: "src/built.json".to_owned(),
        text: contents.told(script).to_string(),
    });
    files.extend(contents.wit(&[]));
    files
}
