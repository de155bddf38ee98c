//! What `wxmcp.toml` declares, changed where it stands: comments and everything else stay.

use std::ops::Range;

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

/// `[packages]` of `wxmcp.toml`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Packages of Python, as in `requests>=2.32`.
    #[serde(default)]
    pub python: Vec<String>,
    /// Packages of JavaScript, as in `date-fns@^4`.
    #[serde(default)]
    pub javascript: Vec<String>,
}

/// Why a file could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum DeclareError {
    /// It is no TOML.
    #[error("it cannot be read")]
    Form(#[from] Box<toml::de::Error>),
    /// It is written in a way that is not changed here.
    #[error("`[packages]` is written in a way that is not changed here: write `{key} = [{}]` there yourself", .entries.join(", "))]
    Odd {
        /// The key.
        key: &'static str,
        /// What it was to have.
        entries: Vec<String>,
    },
}

/// The text of a `wxmcp.toml` in which `key` of `[packages]` has these entries. Those that are there stay as they are
/// written.
///
/// # Errors
///
/// When it is no TOML, or `[packages]` is written in a way that cannot be changed.
pub fn with(text: &str, key: &'static str, entries: &[String]) -> Result<String, DeclareError> {
    let table = DeTable::parse(text).map_err(Box::new)?;
    let packages = table.get_ref().get("packages");
    let array = packages.and_then(|it| match it.get_ref() {
        DeValue::Table(table) => table.get(key),
        _ => None,
    });
    let made = match (packages, array) {
        (_, Some(array)) => {
            let DeValue::Array(items) = array.get_ref() else {
                return Err(odd(key, entries));
            };
            let there: Vec<(String, Range<usize>)> = items
                .iter()
                .filter_map(|it| Some((it.get_ref().as_str()?.to_owned(), it.span())))
                .collect();
            changed(text, array.span(), &there, entries)
        }
        (Some(_), None) => below_header(text, key, entries),
        (None, _) => {
            let gap = match text {
                "" => "",
                text if text.ends_with("\n\n") => "",
                text if text.ends_with('\n') => "\n",
                _ => "\n\n",
            };
            Some(format!(
                "{text}{gap}[packages]\n{key} = {}\n",
                array_of(entries)
            ))
        }
    };
    // What was changed by its text must mean what was wanted.
    made.filter(|made| declared(made, key).as_deref() == Some(entries))
        .ok_or_else(|| odd(key, entries))
}

fn odd(key: &'static str, entries: &[String]) -> DeclareError {
    let entries = entries.iter().map(|it| quoted(it)).collect();
    DeclareError::Odd { key, entries }
}

/// What a text declares.
fn declared(text: &str, key: &str) -> Option<Vec<String>> {
    #[derive(Deserialize)]
    struct File {
        packages: Table,
    }
    let File { packages } = toml::from_str(text).ok()?;
    match key {
        "python" => Some(packages.python),
        _ => Some(packages.javascript),
    }
}

/// The array without what is not wanted, and with what is new at its end.
fn changed(
    text: &str,
    array: Range<usize>,
    there: &[(String, Range<usize>)],
    entries: &[String],
) -> Option<String> {
    let kept: Vec<&(String, Range<usize>)> = there
        .iter()
        .filter(|(it, _)| entries.contains(it))
        .collect();
    let new: Vec<&String> = entries
        .iter()
        .filter(|it| there.iter().all(|(there, _)| there != *it))
        .collect();
    if kept.len() != there.len() || there.is_empty() {
        let is_long = text.get(array.clone())?.contains('\n') && !entries.is_empty();
        let whole = match is_long {
            true => {
                let lines: Vec<String> = entries
                    .iter()
                    .map(|it| format!("  {},\n", quoted(it)))
                    .collect();
                format!("[\n{}]", lines.concat())
            }
            false => array_of(entries),
        };
        return Some(format!(
            "{}{whole}{}",
            text.get(..array.start)?,
            text.get(array.end..)?
        ));
    }
    let last = there.last()?.1.end;
    let line = text.get(..there.last()?.1.start)?.rsplit('\n').next()?;
    let between = match line.trim().is_empty() {
        true => format!(",\n{line}"),
        false => ", ".to_owned(),
    };
    let added: Vec<String> = new
        .iter()
        .map(|it| format!("{between}{}", quoted(it)))
        .collect();
    Some(format!(
        "{}{}{}",
        text.get(..last)?,
        added.concat(),
        text.get(last..)?
    ))
}

/// The key in a line of its own, below the header of the table.
fn below_header(text: &str, key: &str, entries: &[String]) -> Option<String> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        let bare = line.split('#').next().unwrap_or_default().trim();
        if bare == "[packages]" {
            let gap = if line.ends_with('\n') { "" } else { "\n" };
            let (before, after) = text.split_at_checked(at)?;
            return Some(format!(
                "{before}{gap}{key} = {}\n{after}",
                array_of(entries)
            ));
        }
    }
    None
}

fn array_of(entries: &[String]) -> String {
    let all: Vec<String> = entries.iter().map(|it| quoted(it)).collect();
    format!("[{}]", all.join(", "))
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(text: &str, entries: &[&str]) -> String {
        let entries: Vec<String> = entries.iter().map(|it| (*it).to_owned()).collect();
        with(text, "python", &entries).unwrap()
    }

    #[test]
    fn what_is_declared_is_changed_where_it_stands() {
        assert_eq!(python("", &["a"]), "[packages]\npython = [\"a\"]\n");
        assert_eq!(
            python("[limits]\nfuel = 1", &["a>=1"]),
            "[limits]\nfuel = 1\n\n[packages]\npython = [\"a>=1\"]\n"
        );
        assert_eq!(
            python(
                "[packages] # mine\njavascript = ['b']\n\n[limits]\n",
                &["a"]
            ),
            "[packages] # mine\npython = [\"a\"]\njavascript = ['b']\n\n[limits]\n"
        );
        assert_eq!(
            python("[packages]\npython = ['a']  # why\n", &["a", "b"]),
            "[packages]\npython = ['a', \"b\"]  # why\n"
        );
        let long = "[packages]\npython = [\n    'a', # why\n    'b',\n]\n";
        assert_eq!(
            python(long, &["a", "b", "c"]),
            "[packages]\npython = [\n    'a', # why\n    'b',\n    \"c\",\n]\n"
        );
        assert_eq!(
            python(long, &["b"]),
            "[packages]\npython = [\n  \"b\",\n]\n"
        );
        assert_eq!(python(long, &[]), "[packages]\npython = []\n");
        assert_eq!(
            python("packages.python = ['a']\n", &["a", "b"]),
            "packages.python = ['a', \"b\"]\n"
        );
    }

    #[test]
    fn what_cannot_be_changed_is_said() {
        let entries = ["a".to_owned()];
        let odd = with("packages = { javascript = [] }\n", "python", &entries).unwrap_err();
        assert!(
            odd.to_string()
                .ends_with("write `python = [\"a\"]` there yourself"),
            "{odd}"
        );
        assert!(matches!(
            with("[", "python", &entries),
            Err(DeclareError::Form(_))
        ));
    }
}
