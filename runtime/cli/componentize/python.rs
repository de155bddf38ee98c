//! What is put around a script in Python.

use std::collections::BTreeSet;

use anyhow::anyhow;
use serde_json::Value;
use wxmcp_catalogue::stubs::StubFile;
use wxmcp_run::Script;

use super::contents::Contents;
use super::uses::{Used, Uses};
use super::{MAX_MESSAGE, embedded, sources};
use crate::check::python::{Read, analyse};
use crate::exit::Failure;
use wxmcp_host::Guests;

/// What the package `tools` has besides namespaces.
const ALWAYS: [&str; 5] = ["ToolError", "call", "call_tool", "describe", "search"];

/// What a script uses: CPython reads it, in a sandbox.
pub(super) async fn uses(guests: &Guests, script: &Script) -> Result<Uses, Failure> {
    match analyse(guests, &script.source).await? {
        Read::Script(mut analysed) => {
            let imported: BTreeSet<String> = analysed
                .imported
                .into_iter()
                .filter(|name| !ALWAYS.contains(&name.as_str()))
                .collect();
            let named = [analysed.namespaces, analysed.whole.clone()].concat();
            let mut perhaps: BTreeSet<String> = named.into_iter().collect();
            perhaps.extend(analysed.tools.keys().cloned());
            let mut used = |namespace: &String| Used {
                namespace: namespace.clone(),
                tools: (!analysed.whole.contains(namespace))
                    .then(|| analysed.tools.remove(namespace).unwrap_or_default()),
            };
            let mut uses = Uses {
                named: analysed.named,
                everything: analysed.everything,
                is_open: analysed.open,
                ..Uses::default()
            };
            uses.imported = imported.iter().map(&mut used).collect();
            uses.perhaps = perhaps.difference(&imported).map(&mut used).collect();
            Ok(uses)
        }
        Read::Unreadable { error } => Err(Failure::raised(anyhow!(
            "{}:{}:{}: {}",
            script.name,
            error.line,
            error.column,
            wxmcp_catalogue::clean(&error.message, MAX_MESSAGE)
        ))),
    }
}

/// The files that componentize-py makes a component of.
pub(super) fn files(contents: &Contents, script: Value) -> Vec<StubFile> {
    let mut files = embedded(sources::PYTHON, "src/");
    files.push(StubFile {
        path: "src/built.json".to_owned(),
        text: contents.data(script).to_string(),
    });
    files.extend(contents.wit(&[]));
    files
}
