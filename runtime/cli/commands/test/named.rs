//! Tools that the text of a script names. Where a test has no stub for one, a call of it is to say so: a tool that is in no
//! listing would fail before it is called.

use std::collections::{BTreeMap, BTreeSet};

/// Members of `tools` that are no namespaces.
const OWN: [&str; 8] = [
    "ToolError",
    "call",
    "callTool",
    "call_tool",
    "describe",
    "list",
    "namespaces",
    "search",
];

/// Namespaces and tools that are looked at.
const MOST: usize = 1_000;

/// The namespaces that a script names behind `tools`, and the members that it names of them and of those that are known. A
/// name too many harms nothing: only a call of it is refused.
pub(super) fn tools<'a>(
    source: &str,
    known: impl Iterator<Item = &'a str>,
) -> BTreeMap<String, BTreeSet<String>> {
    let tokens = tokens(source);
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for name in known {
        found.entry(name.to_owned()).or_default();
    }
    for (at, token) in tokens.iter().enumerate() {
        let behind = |offset: usize| tokens.get(at.saturating_add(offset)).copied();
        let named: Vec<&str> = match (*token, behind(1), behind(2)) {
            ("tools", Some("." | "/"), Some(name)) => vec![name],
            ("from", Some("tools"), Some("import")) => {
                listed(tokens.get(at.saturating_add(3)..).unwrap_or_default())
            }
            _ => continue,
        };
        let spaces = named
            .into_iter()
            .filter(|name| is_name(name) && !OWN.contains(name));
        for name in spaces.take(MOST) {
            found.entry(name.to_owned()).or_default();
        }
    }
    for (at, token) in tokens.iter().enumerate() {
        let Some(members) = found.get_mut(*token) else {
            continue;
        };
        let behind = tokens.get(at.saturating_add(1)..).unwrap_or_default();
        let named = match behind {
            [".", name, ..] => vec![*name],
            ["import", rest @ ..] => listed(rest),
            _ => before(tokens.get(..at).unwrap_or_default()),
        };
        let named = named.into_iter().filter(|name| is_name(name));
        members.extend(
            named
                .map(str::to_owned)
                .take(MOST.saturating_sub(members.len())),
        );
    }
    found
}

/// Names of a list as `a, b as c` or `(a, b)` has them.
fn listed<'a>(tokens: &[&'a str]) -> Vec<&'a str> {
    let tokens = match tokens {
        ["(", rest @ ..] => rest,
        rest => rest,
    };
    let mut names = Vec::new();
    for part in tokens.split(|token| *token == ",") {
        let Some(name) = part.first() else {
            continue;
        };
        names.push(*name);
        if !matches!(part, [_] | [_, "as", _]) {
            break;
        }
    }
    names
}

/// Names in braces that stand in front of `from "tools/github"`, without the path's last part.
fn before<'a>(tokens: &[&'a str]) -> Vec<&'a str> {
    let ["{", names @ .., "}"] = braces(tokens) else {
        return Vec::new();
    };
    let parts = names.split(|token| *token == ",");
    let names = parts.filter_map(|part| match part {
        ["type", name, ..] | [name, ..] => Some(*name),
        [] => None,
    });
    names.collect()
}

/// The braces that `from` follows, where a path stands behind that.
fn braces<'a, 'b>(tokens: &'b [&'a str]) -> &'b [&'a str] {
    let from = tokens.iter().rposition(|token| *token == "from");
    let path = from.and_then(|from| tokens.get(from.saturating_add(1)..));
    let is_path = |path: &[&str]| {
        path.iter()
            .all(|token| matches!(*token, "." | "/" | "tools"))
    };
    let Some(from) = from.filter(|_| path.is_some_and(is_path)) else {
        return &[];
    };
    let head = tokens.get(..from).unwrap_or_default();
    let open = head.iter().rposition(|token| *token == "{");
    open.and_then(|open| head.get(open..)).unwrap_or_default()
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic())
}

/// Names and marks of a source, without quotes and white space.
fn tokens(source: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$' || c == '-';
        let end = match is_word(first) {
            true => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        // In a text that is a script itself, `\n` ends a line.
        let ends_line = ["\\n", "\\r", "\\t"].iter();
        if let Some(behind) = ends_line.filter_map(|it| rest.strip_prefix(it)).next() {
            rest = behind;
            continue;
        }
        let (token, behind) = rest.split_at(end);
        rest = behind;
        if !first.is_whitespace() && !matches!(first, '"' | '\'' | '`') {
            tokens.push(token);
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(source: &str) -> Vec<String> {
        let found = tools(source, ["known"].into_iter()).into_iter();
        let named = found.map(|(space, members)| {
            format!(
                "{space}: {}",
                members.into_iter().collect::<Vec<_>>().join(" ")
            )
        });
        named.collect()
    }

    #[test]
    fn tools_are_found_where_a_script_names_them() {
        let python = "from tools import github, web as w\nfrom tools.mail import (send, read as r)\n\
                      github.list_issues()\nawait github . close(1)\ntools.search('x')\nknown.go()\nother.x()\n";
        assert_eq!(
            of(python),
            [
                "github: close list_issues",
                "known: go",
                "mail: read send",
                "web: "
            ]
        );
        let typescript = "import { listIssues, type A, close as c } from './tools/github';\n\
                          import * as mail from \"tools/mail\";\nmail.send({ a: 1 });";
        assert_eq!(
            of(typescript),
            ["github: A close listIssues", "known: ", "mail: send"]
        );
        assert_eq!(of("from tools import"), ["known: "]);
        let started =
            r#"subprocess.run([sys.executable, "-c", "from tools import web\nweb.fetch(1)"])"#;
        assert_eq!(of(started), ["known: ", "web: fetch"]);
    }
}
