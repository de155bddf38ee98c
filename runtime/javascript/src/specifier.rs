//! What a script may import: the tool tree, modules of the guest, and files that the guest reads.

use super::node;
use super::shared::{HOW, ImportingFile};

/// The part of the tool tree that a specifier names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// `./tools`: all namespaces.
    Root,
    /// `./tools/database`.
    Namespace(String),
    /// `./tools/database/query.ts`.
    Tool(String, String),
    /// A module that the guest itself has.
    Builtin(&'static str),
    /// One of Node's own modules, by its name without `node:`.
    Node(String),
    /// A file, or a package, as it is written: the guest looks for it.
    File(String),
    /// A file that tool files share, by its path below the folder of tools.
    Shared(String),
}

/// The folder of the tool tree, and what other hosts call it; these have `callMCPTool` in a file `client` above it.
const ROOT: &str = "tools";
const SERVERS: &str = "servers";

/// The modules that the guest itself has, by all their names.
const BUILTINS: [(&str, &[&str]); 2] = [
    (
        "wxmcp",
        &[
            "wxmcp",
            "@anthropic/mcp-tools",
            "@anthropic/sandbox-runtime",
        ],
    ),
    ("zod", &["zod", "zod/v4"]),
];

/// What to use in place of modules that programs elsewhere import.
const INSTEAD: [(&[&str], &str); 4] = [
    (&["graceful-fs", "fs-extra"], "`node:fs`"),
    (
        &["axios", "node-fetch", "undici", "got"],
        "the global `fetch`",
    ),
    (
        &["@anthropic/mcp-sdk", "@modelcontextprotocol/sdk"],
        "the folder `tools/`, which wxmcp reads itself,",
    ),
    (
        &["@anthropic/sdk", "@anthropic-ai/sdk", "openai"],
        "the program that runs wxmcp",
    ),
];

/// Reads a specifier; `importer` is the tool file, or the file of shared code, that it is in.
///
/// # Errors
///
/// What to say when it names nothing that there is.
pub(super) fn target(
    specifier: &str,
    importer: Option<ImportingFile<'_>>,
) -> Result<Target, String> {
    let Some(importer) = importer else {
        return of_script(specifier).or_else(|_| Ok(Target::File(specifier.to_owned())));
    };
    match importer.find(specifier)? {
        Some(path) => Ok(Target::Shared(path)),
        None => of_script(specifier).map_err(|message| format!("{message}; {HOW}")),
    }
}

/// What a specifier in a module of a package means: a folder `tools` there is the package's own, and so may `zod` be.
pub(super) fn of_package(specifier: &str) -> Target {
    match node::builtin(specifier) {
        Some(name) => Target::Node(name.to_owned()),
        None => Target::File(specifier.to_owned()),
    }
}

/// Whether it is the module that other hosts' scripts have `callMCPTool` from.
pub(super) fn is_client(specifier: &str) -> bool {
    let name = specifier.rsplit('/').next().map(without_suffix);
    specifier.starts_with('.') && name == Some("client")
}

/// What a specifier in a script means, but for files and packages.
pub(super) fn of_script(specifier: &str) -> Result<Target, String> {
    let builtin = BUILTINS
        .iter()
        .find(|(_, names)| names.contains(&specifier));
    if let Some((module, _)) = builtin {
        return Ok(Target::Builtin(module));
    }
    if let Some(name) = node::builtin(specifier) {
        return Ok(Target::Node(name.to_owned()));
    }
    let mut path = specifier;
    while let Some(rest) = path
        .strip_prefix("./")
        .or_else(|| path.strip_prefix("../"))
        .or_else(|| path.strip_prefix('/'))
    {
        path = rest;
    }
    let path = path.strip_prefix('@').unwrap_or(path);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let parts: Vec<&str> = parts
        .iter()
        .enumerate()
        .map(|(at, part)| match at.saturating_add(1) == parts.len() {
            true => without_suffix(part),
            false => part,
        })
        .collect();
    match parts.as_slice() {
        parts if parts.contains(&"..") => Err(refusal(specifier)),
        [ROOT | SERVERS] | [ROOT | SERVERS, "index"] => Ok(Target::Root),
        [ROOT | SERVERS, namespace] | [ROOT | SERVERS, namespace, "index"] => {
            Ok(Target::Namespace((*namespace).to_owned()))
        }
        [ROOT | SERVERS, namespace, tool] => {
            Ok(Target::Tool((*namespace).to_owned(), (*tool).to_owned()))
        }
        _ => Err(refusal(specifier)),
    }
}

fn without_suffix(name: &str) -> &str {
    [".ts", ".mts", ".js", ".mjs"]
        .iter()
        .find_map(|suffix| name.strip_suffix(suffix))
        .unwrap_or(name)
}

fn refusal(specifier: &str) -> String {
    let shown: String = specifier.chars().take(100).collect();
    let bare = specifier.strip_prefix("node:").unwrap_or(specifier);
    let instead = INSTEAD
        .iter()
        .find(|(names, _)| names.iter().any(|name| is_of(bare, name)))
        .map(|(_, instead)| format!("; use {instead} instead"))
        .unwrap_or_default();
    format!(
        "there is no module `{shown}`: a script imports tools, as `./tools/<namespace>`{instead}"
    )
}

/// `fs/promises` is of `fs`.
fn is_of(specifier: &str, package: &str) -> bool {
    specifier
        .strip_prefix(package)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_the_tool_tree_are_understood() {
        let database = || Ok(Target::Namespace("database".to_owned()));
        for specifier in [
            "./tools/database",
            "tools/database",
            "../tools/database.ts",
            "@tools/database",
            "/tools/database/index.js",
            "./tools/database/",
            "./servers/database",
            "../servers/database/index.ts",
        ] {
            assert_eq!(of_script(specifier), database(), "{specifier}");
        }
        assert_eq!(of_script("./tools"), Ok(Target::Root));
        let query = Target::Tool("database".to_owned(), "query".to_owned());
        assert_eq!(of_script("./tools/database/query.ts"), Ok(query));
        for name in [
            "wxmcp",
            "@anthropic/mcp-tools",
            "@anthropic/sandbox-runtime",
        ] {
            assert_eq!(of_script(name), Ok(Target::Builtin("wxmcp")));
        }
        assert_eq!(
            of_script("../servers/database/query.js"),
            Ok(Target::Tool("database".to_owned(), "query".to_owned()))
        );
        assert!(is_client("../client.js") && is_client("./client"));
        assert!(!is_client("client") && !is_client("./clients"));
        assert_eq!(of_script("zod"), Ok(Target::Builtin("zod")));
    }

    #[test]
    fn a_package_has_folders_of_such_names_of_its_own() {
        for specifier in [
            "./tools/database",
            "../tools/runner.mjs",
            "./tools",
            "lodash",
            "zod",
        ] {
            let file = Target::File(specifier.to_owned());
            assert_eq!(of_package(specifier), file, "{specifier}");
        }
        assert_eq!(of_package("fs"), Target::Node("fs".to_owned()));
    }

    #[test]
    fn modules_of_node_are_known_with_and_without_their_scheme() {
        let fs = || Ok(Target::Node("fs".to_owned()));
        assert_eq!(of_script("node:fs"), fs());
        assert_eq!(of_script("fs"), fs());
        assert_eq!(
            of_script("fs/promises"),
            Ok(Target::Node("fs/promises".to_owned()))
        );
        // The tools of a namespace with such a name.
        assert_eq!(
            of_script("./tools/fs"),
            Ok(Target::Namespace("fs".to_owned()))
        );
        // Those that have no name without it; and one that is none: the guest says so.
        assert_eq!(of_script("node:test"), Ok(Target::Node("test".to_owned())));
        assert!(of_script("test").is_err());
        assert_eq!(of_script("node:nope"), Ok(Target::Node("nope".to_owned())));
    }

    #[test]
    fn files_are_for_the_guest_to_find() {
        for specifier in ["./helper.js", "../lib/x", "lodash", "/data/x.mjs"] {
            let file = Ok(Target::File(specifier.to_owned()));
            assert_eq!(target(specifier, None), file, "{specifier}");
        }
    }

    #[test]
    fn other_modules_are_refused_with_what_there_is() {
        let refused = |specifier| of_script(specifier).unwrap_err();
        for (specifier, instead) in [
            ("fs-extra", "; use `node:fs` instead"),
            (
                "@modelcontextprotocol/sdk/server/mcp.js",
                "; use the folder `tools/`, which wxmcp reads itself, instead",
            ),
            (
                "@anthropic-ai/sdk",
                "; use the program that runs wxmcp instead",
            ),
            ("fsevents", "`./tools/<namespace>`"),
        ] {
            assert!(refused(specifier).ends_with(instead), "{specifier}");
        }
        for specifier in [
            "lodash",
            "./helper.js",
            "https://x.y/z.js",
            "",
            "./tools/a/b/c",
        ] {
            assert!(
                refused(specifier).starts_with("there is no module"),
                "{specifier}"
            );
        }
    }
}
