//! Where a tool file is, and what its name says.

use std::path::PathBuf;
use std::sync::Arc;

use wxmcp_run::Language;

use crate::shared::SharedFiles;

/// Where a file is and what it is called.
pub(crate) struct Place<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) tool: &'a str,
    pub(crate) file: &'a str,
    pub(crate) path: PathBuf,
    pub(crate) language: Language,
    pub(crate) shared: &'a Arc<SharedFiles>,
}

impl Place<'_> {
    /// Its path below the folder of tools.
    pub(crate) fn below(&self) -> String {
        format!("{}/{}", self.namespace, self.file)
    }

    pub(crate) fn shown(&self) -> String {
        format!("tools/{}/{}", self.namespace, self.file)
    }
}

/// The language of a file, by its name; none for files that are not tools.
pub(crate) fn language(file: &str) -> Option<(Language, &str)> {
    let (stem, suffix) = file.rsplit_once('.')?;
    let language = match suffix {
        "ts" | "mts" => Language::TypeScript,
        "js" | "mjs" => Language::JavaScript,
        "py" => Language::Python,
        "wasm" => Language::Component,
        _ => return None,
    };
    // Declarations of types are not programs.
    (!stem.is_empty() && !stem.ends_with(".d") && is_visible(stem)).then_some((language, stem))
}

/// Whether a name in the tree is meant for it: not hidden, no cache of an interpreter, no
/// packages.
pub(crate) fn is_visible(name: &str) -> bool {
    !name.starts_with(['.', '_']) && name != "node_modules"
}
