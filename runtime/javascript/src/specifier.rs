//! What a script may import: the tool tree, and nothing else.

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
const INSTEAD: [(&[&str], &str); 14] = [
    (&["fs", "graceful-fs", "fs-extra"], "the global `files`"),
    (&["process"], "the global `process`"),
    (&["crypto"], "the global `crypto`"),
    (&["timers"], "`setTimeout`"),
    (&["buffer"], "`Uint8Array`, `TextEncoder` and `TextDecoder`"),
    (&["url"], "the globals `URL` and `URLSearchParams`"),
    (&["util", "console"], "the global `console`"),
    (&["events"], "the global `EventTarget`"),
    (
        &[
            "http",
            "https",
            "net",
            "axios",
            "node-fetch",
            "undici",
            "got",
        ],
        "a tool",
    ),
    (
        &["child_process", "worker_threads", "cluster", "os"],
        "a tool",
    ),
    (&["readline"], "the global `stdin`"),
    (&["stream"], "the global `ReadableStream`"),
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
        return of_script(specifier);
    };
    match importer.find(specifier)? {
        Some(path) => Ok(Target::Shared(path)),
        None => of_script(specifier).map_err(|message| format!("{message}; {HOW}")),
    }
}

/// What a specifier in a script means.
pub(super) fn of_script(specifier: &str) -> Result<Target, String> {
    let builtin = BUILTINS
        .iter()
        .find(|(_, names)| names.contains(&specifier));
    if let Some((module, _)) = builtin {
        return Ok(Target::Builtin(module));
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
        [ROOT | SERVERS] | [ROOT | SERVERS, "index"] => Ok(Target::Root),
        [ROOT | SERVERS, namespace] | [ROOT | SERVERS, namespace, "index"] => {
            Ok(Target::Namespace((*namespace).to_owned()))
        }
        [ROOT | SERVERS, namespace, tool] => {
            Ok(Target::Tool((*namespace).to_owned(), (*tool).to_owned()))
        }
        ["client"] if specifier.starts_with('.') => Ok(Target::Builtin("wxmcp")),
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
        assert_eq!(of_script("../client.js"), Ok(Target::Builtin("wxmcp")));
        assert!(of_script("client").is_err());
        assert_eq!(of_script("zod"), Ok(Target::Builtin("zod")));
    }

    #[test]
    fn other_modules_are_refused_with_what_there_is() {
        let refused = |specifier| of_script(specifier).unwrap_err();
        assert_eq!(
            refused("node:fs"),
            "there is no module `node:fs`: a script imports tools, as `./tools/<namespace>`; \
             use the global `files` instead"
        );
        for (specifier, instead) in [
            ("fs/promises", "; use the global `files` instead"),
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
