//! From the names that owners give to the identifiers that scripts write.
//!
//! The map of one namespace is injective and does not depend on the order in
//! which names arrive: a tool cannot take another tool's identifier by being
//! listed first.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::name_hex;
use crate::text::is_unseen;

/// Longest name that is used as it is, in bytes. MCP says 128; some servers say more.
pub const MAX_NAME_BYTES: usize = 256;

/// Longest name that can be called at all, in bytes.
pub(crate) const MAX_CALLED_NAME_BYTES: usize = 1_000;

/// How much of an odd name its identifier shows, in bytes.
const MAX_STEM_BYTES: usize = 48;

/// Suffix lengths tried in turn, in hexadecimal digits.
const SUFFIXES: [usize; 4] = [4, 8, 16, 64];

/// Python's keywords. None of them can be an attribute as it is.
const KEYWORDS: [&str; 32] = [
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
    "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda",
    "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// What is odd about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There are no characters in it.
    #[error("the name is empty")]
    Empty,
    /// It is longer than [`MAX_NAME_BYTES`].
    #[error("the name is {bytes} bytes long, more than {MAX_NAME_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Readers could not see all of it.
    #[error("the name holds characters that cannot be seen, or white space that is easily missed")]
    Unseen,
}

/// Whether a name can be used as it is. Single spaces between words are seen, and allowed.
///
/// # Errors
///
/// Names that are empty, over-long, or that a reader could not tell from
/// another name by looking at it.
pub fn check_name(name: &str) -> Result<(), NameError> {
    let is_missed = |c: char| is_unseen(c) || (c.is_whitespace() && c != ' ');
    if name.is_empty() {
        Err(NameError::Empty)
    } else if name.len() > MAX_NAME_BYTES {
        Err(NameError::TooLong { bytes: name.len() })
    } else if name.chars().any(is_missed) || name.trim() != name || name.contains("  ") {
        Err(NameError::Unseen)
    } else {
        Ok(())
    }
}

/// The snake-case identifier that a name asks for, before collisions.
///
/// ASCII letters, digits and single inner underscores only: identifiers of
/// other scripts are folded by Python and would collide unseen. A keyword gets
/// a trailing underscore, a leading digit a leading one. Applying it twice
/// changes nothing.
pub fn plain_identifier(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let mut identifier = String::with_capacity(name.len());
    for (at, &character) in characters.iter().enumerate() {
        if !character.is_ascii_alphanumeric() {
            separate(&mut identifier);
            continue;
        }
        if character.is_ascii_uppercase() {
            let before = at.checked_sub(1).and_then(|at| characters.get(at));
            let after = characters.get(at.saturating_add(1));
            let starts_word = before.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
                || before.is_some_and(char::is_ascii_uppercase)
                    && after.is_some_and(char::is_ascii_lowercase);
            if starts_word {
                separate(&mut identifier);
            }
        }
        identifier.push(character.to_ascii_lowercase());
    }
    let identifier = identifier.trim_end_matches('_');
    if identifier.is_empty() {
        "unnamed".to_owned()
    } else if KEYWORDS.contains(&identifier) {
        format!("{identifier}_")
    } else if identifier.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{identifier}")
    } else {
        identifier.to_owned()
    }
}

/// Whether Python reserves the word.
pub(crate) fn is_keyword(word: &str) -> bool {
    KEYWORDS.contains(&word) || matches!(word, "True" | "False" | "None")
}

/// Ends a word; a leading or doubled underscore never appears.
fn separate(identifier: &mut String) {
    if !identifier.is_empty() && !identifier.ends_with('_') {
        identifier.push('_');
    }
}

/// The identifiers of a set of names: one each, none shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identifiers {
    by_name: BTreeMap<String, String>,
    by_identifier: BTreeMap<String, String>,
    contested: BTreeSet<String>,
}

impl Identifiers {
    /// Gives each name its identifier.
    ///
    /// A name keeps its [`plain_identifier`] unless others ask for the same;
    /// then only a name that already is that identifier keeps it, and each
    /// other gets digits of its own name's SHA-256: `read_only_3f2a`. A name
    /// that [`check_name`] refuses always gets them, and takes nothing from others.
    pub fn assign<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut groups: BTreeMap<String, Group<'_>> = BTreeMap::new();
        for name in names {
            if check_name(name).is_ok() {
                let group = groups.entry(plain_identifier(name)).or_default();
                group.plain.insert(name);
            } else {
                let group = groups.entry(plain_identifier(stem(name))).or_default();
                group.odd.insert(name);
            }
        }
        let mut by_name = BTreeMap::new();
        let mut contested = BTreeSet::new();
        for (plain, group) in &groups {
            contested.extend(group.odd.iter().map(|&name| name.to_owned()));
            if group.plain.len() > 1 {
                contested.extend(group.plain.iter().map(|&name| name.to_owned()));
            }
            let (exact, mut rest): (Vec<&str>, Vec<&str>) = group
                .plain
                .iter()
                .partition(|&&name| name == plain || group.plain.len() == 1);
            rest.extend(&group.odd);
            by_name.extend(
                exact
                    .into_iter()
                    .map(|name| (name.to_owned(), plain.clone())),
            );
            by_name.extend(tell_apart(plain, &rest, &groups));
        }
        let by_identifier = by_name
            .iter()
            .map(|(name, identifier)| (identifier.clone(), name.clone()))
            .collect();
        Self {
            by_name,
            by_identifier,
            contested,
        }
    }

    /// The identifier of a name.
    pub fn identifier(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(String::as_str)
    }

    /// The name behind either spelling. No name is another name's identifier.
    pub fn resolve(&self, spelled: &str) -> Option<&str> {
        self.by_name
            .get_key_value(spelled)
            .map(|(name, _)| name)
            .or_else(|| self.by_identifier.get(spelled))
            .map(String::as_str)
    }

    /// Whether another name asks for the identifier that `name` asks for.
    pub fn is_contested(&self, name: &str) -> bool {
        self.contested.contains(name)
    }
}

/// Names that ask for the same identifier.
#[derive(Default)]
struct Group<'a> {
    /// Those that can be used as they are.
    plain: BTreeSet<&'a str>,
    /// Those that cannot.
    odd: BTreeSet<&'a str>,
}

/// As much of an odd name as its identifier shows.
fn stem(name: &str) -> &str {
    let (stem, _) = name.split_at(name.floor_char_boundary(MAX_STEM_BYTES));
    stem
}

/// Suffixed identifiers for names that ask for the same one. All get suffixes
/// of one length, the first at which they differ from each other and from
/// every identifier that was asked for. Suffixes hold no underscore, so those
/// of two groups never meet.
fn tell_apart(
    plain: &str,
    names: &[&str],
    groups: &BTreeMap<String, Group<'_>>,
) -> BTreeMap<String, String> {
    let mut told = BTreeMap::new();
    for length in SUFFIXES {
        told = names
            .iter()
            .map(|&name| {
                let digits: String = name_hex(name).chars().take(length).collect();
                let stem = plain.trim_end_matches('_');
                (name.to_owned(), format!("{stem}_{digits}"))
            })
            .collect();
        let distinct: BTreeSet<&String> = told.values().collect();
        if distinct.len() == told.len() && !distinct.iter().any(|id| groups.contains_key(*id)) {
            break;
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_snake_case_identifiers() {
        for (name, identifier) in [
            ("get-sum", "get_sum"),
            ("getSum", "get_sum"),
            ("HTTPServer2Go", "http_server2_go"),
            ("read.file/now", "read_file_now"),
            ("import", "import_"),
            ("__class__", "class_"),
            ("2fa", "_2fa"),
            ("café", "caf"),
            ("日本", "unnamed"),
            ("a--b__c", "a_b_c"),
        ] {
            assert_eq!(plain_identifier(name), identifier, "{name}");
            assert_eq!(
                plain_identifier(identifier),
                identifier,
                "{identifier} again"
            );
        }
    }

    #[test]
    fn colliding_names_are_told_apart_whatever_the_order() {
        let names = ["read-only", "read_only", "readOnly", "write"];
        let assigned = Identifiers::assign(names);
        let turned = Identifiers::assign(names.into_iter().rev());
        assert_eq!(assigned, turned);
        assert_eq!(assigned.identifier("read_only"), Some("read_only"));
        assert_eq!(assigned.identifier("write"), Some("write"));
        let dashed = assigned.identifier("read-only").unwrap();
        let camel = assigned.identifier("readOnly").unwrap();
        assert_ne!(dashed, camel);
        for (identifier, name) in [(dashed, "read-only"), (camel, "readOnly")] {
            assert_eq!(identifier.len(), "read_only_3f2a".len());
            assert_eq!(assigned.resolve(identifier), Some(name));
            assert_eq!(assigned.resolve(name), Some(name));
        }
        assert!(assigned.is_contested("read-only") && !assigned.is_contested("write"));
    }

    #[test]
    fn a_name_that_already_is_the_suffixed_identifier_keeps_it() {
        let suffixed = format!("a_b_{}", &name_hex("a-b")[..4]);
        let assigned = Identifiers::assign(["a-b", "a.b", suffixed.as_str()]);
        assert_eq!(assigned.identifier(&suffixed), Some(suffixed.as_str()));
        assert_eq!(assigned.identifier("a-b").map(str::len), Some(12));
    }

    #[test]
    fn keywords_collide_with_their_escaped_form_only() {
        let assigned = Identifiers::assign(["import", "import_", "Import"]);
        assert_eq!(assigned.identifier("import_"), Some("import_"));
        let other = assigned.identifier("import").unwrap();
        assert!(other.starts_with("import_") && other.len() == "import_3f2a".len());
    }

    /// Every identifier is valid, unique, and leads back to its name, for a
    /// few thousand names from a small alphabet that collides all the time.
    #[test]
    fn the_map_is_injective() {
        let alphabet = ["a", "B", "-", "_", "1", "é", "if", "."];
        let mut names = vec![String::new()];
        for _ in 0..4 {
            names = names
                .iter()
                .flat_map(|name| alphabet.iter().map(move |part| format!("{name}{part}")))
                .chain(names.iter().cloned())
                .collect();
        }
        names.sort();
        names.dedup();
        names.retain(|name| !name.is_empty());
        assert!(names.len() > 3_000);
        let assigned = Identifiers::assign(names.iter().map(String::as_str));
        let mut seen = BTreeSet::new();
        for name in &names {
            let identifier = assigned.identifier(name).unwrap();
            assert!(seen.insert(identifier), "{identifier} is shared");
            assert_eq!(assigned.resolve(identifier), Some(name.as_str()));
            assert_eq!(assigned.resolve(name), Some(name.as_str()));
            assert!(
                identifier
                    .bytes()
                    .all(|b| b == b'_' || b.is_ascii_alphanumeric())
            );
            assert!(!identifier.starts_with(|c: char| c.is_ascii_digit()));
            assert!(!identifier.starts_with("__") && !KEYWORDS.contains(&identifier));
        }
    }

    #[test]
    fn hostile_names_are_refused_with_their_reason() {
        assert_eq!(check_name(""), Err(NameError::Empty));
        assert_eq!(
            check_name(&"x".repeat(1 << 20)),
            Err(NameError::TooLong { bytes: 1 << 20 })
        );
        for name in [
            "a\u{202E}b",
            "a\nb",
            " a",
            "a ",
            "a  b",
            "a\u{A0}b",
            "\u{1b}[2J",
            "a\u{200B}",
            "\0",
        ] {
            assert_eq!(check_name(name), Err(NameError::Unseen), "{name:?}");
        }
        assert_eq!(check_name("日本.tool-1"), Ok(()));
        assert_eq!(check_name("search tools"), Ok(()));
    }

    /// A name that looks like another neither takes its identifier nor makes it unclear.
    #[test]
    fn odd_names_get_digits_and_take_nothing() {
        let long = "x".repeat(300);
        let names = ["echo", "echo\u{200B}", " echo", "a\nb", long.as_str(), ""];
        let assigned = Identifiers::assign(names);
        assert_eq!(assigned.identifier("echo"), Some("echo"));
        assert!(!assigned.is_contested("echo"));
        let mut seen = BTreeSet::from(["echo"]);
        for name in names.into_iter().skip(1) {
            let identifier = assigned.identifier(name).unwrap();
            assert!(seen.insert(identifier) && identifier.len() < 60, "{name:?}");
            assert!(assigned.is_contested(name), "{name:?}");
            assert_eq!(assigned.resolve(identifier), Some(name));
            assert_eq!(assigned.resolve(name), Some(name));
        }
    }
}
