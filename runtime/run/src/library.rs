//! Code that tool files share: files of their tree which are no tools.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

/// All shared files that the tool files of one folder may import.
#[derive(Clone, Debug, Default)]
pub struct Library {
    /// By path below the folder of tools: `orders/_money.ts`, `_lib/dates.py`.
    pub files: BTreeMap<String, Shared>,
}

/// One shared file.
#[derive(Clone, Debug)]
pub enum Shared {
    /// Its text.
    Text(Arc<str>),
    /// Why it cannot be imported.
    Refused(String),
}

/// A shared file of Python as its guest gets it.
#[derive(Debug, Serialize)]
pub struct Module<'l> {
    /// Its dotted name, the folder of the tool file first: `orders._money`, `_lib.dates`.
    module: String,
    /// What tracebacks call it.
    name: String,
    /// Whether it is the `__init__` of a package.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    package: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'l str>,
    /// Why it cannot be imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'l str>,
}

impl Library {
    /// The files of Python that a source may import: those that it names, and those that these name.
    pub fn modules(&self, source: &str) -> Vec<Module<'_>> {
        let mut waiting: Vec<Module<'_>> = self.files.iter().filter_map(module).collect();
        let mut found: Vec<Module<'_>> = Vec::new();
        let mut unread = vec![source];
        while let Some(text) = unread.pop() {
            let (named, others) = waiting
                .into_iter()
                .partition(|module| text.contains(last_name(&module.module)));
            waiting = others;
            unread.extend(named.iter().filter_map(|module: &Module<'_>| module.source));
            found.extend(named);
        }
        found
    }
}

fn last_name(module: &str) -> &str {
    module.rsplit_once('.').map_or(module, |(_, name)| name)
}

fn module<'l>((path, shared): (&'l String, &'l Shared)) -> Option<Module<'l>> {
    let stem = path.strip_suffix(".py")?;
    let (stem, package) = match stem.strip_suffix("/__init__") {
        Some(stem) => (stem, true),
        None => (stem, false),
    };
    let (source, refused) = match shared {
        Shared::Text(text) => (Some(text.as_ref()), None),
        Shared::Refused(why) => (None, Some(why.as_str())),
    };
    Some(Module {
        module: stem.replace('.', "_").replace('/', "."),
        name: format!("tools/{path}"),
        package,
        source,
        refused,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_modules_that_are_named_are_sent() {
        let files = [
            ("orders/_money.py", "from _lib import tax"),
            ("orders/_other.py", ""),
            ("orders/_money.ts", "export const x = 1"),
            ("_lib/tax.py", "RATE = 19"),
            ("_lib/dates.py", ""),
            ("_lib/__init__.py", ""),
        ];
        let library = Library {
            files: files
                .map(|(path, text)| (path.to_owned(), Shared::Text(text.into())))
                .into(),
        };
        let named = |source: &str| -> Vec<String> {
            let mut names: Vec<String> = library
                .modules(source)
                .into_iter()
                .map(|module| module.module)
                .collect();
            names.sort();
            names
        };
        assert_eq!(
            named("from _money import add"),
            ["_lib", "_lib.tax", "orders._money"]
        );
        assert_eq!(named("import _lib.dates"), ["_lib", "_lib.dates"]);
        assert!(named("print(1)").is_empty());
    }
}
