//! From names of JSON and of tools to the labels of WIT.
//!
//! The map is injective within each scope and does not depend on the order in which names
//! arrive. Labels hold lower-case words only, each of which begins with a letter: later
//! versions of WIT let a word begin with a digit, tools of today refuse it.

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::name_hex;

/// Longest label before it is told apart from others, in bytes.
const MAX_LABEL_BYTES: usize = 64;

/// Lengths of the digests that tell labels apart, tried in turn.
const DIGITS: [usize; 4] = [4, 8, 16, 64];

/// Words that mean something to a parser of WIT.
const RESERVED: [&str; 52] = [
    "as",
    "async",
    "bool",
    "borrow",
    "char",
    "constructor",
    "enum",
    "error-context",
    "export",
    "f32",
    "f64",
    "flags",
    "float32",
    "float64",
    "from",
    "func",
    "future",
    "import",
    "include",
    "interface",
    "list",
    "map",
    "option",
    "own",
    "package",
    "record",
    "resource",
    "result",
    "s16",
    "s32",
    "s64",
    "s8",
    "static",
    "stream",
    "string",
    "tuple",
    "type",
    "u16",
    "u32",
    "u64",
    "u8",
    "use",
    "variant",
    "with",
    "world",
    "default",
    "implements",
    "self",
    "since",
    "unstable",
    "gate",
    "in",
];

/// The label that a name asks for: its words in lower case, joined by `-`. What is no ASCII
/// letter or digit ends a word, and so does a step from `a` to `B`; a word that would begin
/// with a digit belongs to the one before it. A name without any word is `unnamed`.
pub fn plain_label(name: &str) -> String {
    let mut label = String::new();
    let mut before = ' ';
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        if label.len() >= MAX_LABEL_BYTES {
            break;
        }
        if character.is_ascii_alphanumeric() {
            let is_upper = character.is_ascii_uppercase();
            let ends_capitals = is_upper
                && before.is_ascii_uppercase()
                && characters.peek().is_some_and(char::is_ascii_lowercase);
            let steps_up = is_upper && (before.is_ascii_lowercase() || before.is_ascii_digit());
            let begins = !before.is_ascii_alphanumeric() || ends_capitals || steps_up;
            if label.is_empty() && character.is_ascii_digit() {
                label.push('n');
            } else if begins && !label.is_empty() && !character.is_ascii_digit() {
                label.push('-');
            }
            label.push(character.to_ascii_lowercase());
        }
        before = character;
    }
    if label.is_empty() {
        "unnamed".to_owned()
    } else {
        label
    }
}

/// The name that a label stands for where nothing else is said: with `_` between words.
pub fn plain_name(label: &str) -> String {
    label.replace('-', "_")
}

/// A label as WIT text has it: behind `%` where it is reserved.
pub(super) fn spelled(label: &str) -> String {
    if RESERVED.contains(&label) {
        format!("%{label}")
    } else {
        label.to_owned()
    }
}

/// The labels of one scope, by the keys they were asked for with.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels(BTreeMap<String, String>);

impl Labels {
    /// Gives each name its label. A name keeps its plain one unless others ask for the same,
    /// or it is taken; then only the name that the label stands for keeps it, and each other
    /// gets a word of its digest: `read-only-x3f2a`.
    pub(super) fn of_names<'a>(
        names: impl IntoIterator<Item = &'a str>,
        taken: &BTreeSet<&str>,
    ) -> Self {
        Self::assign(names.into_iter().map(|name| (name, name)), taken)
    }

    /// The same of things whose keys are not what they want to be called.
    pub(super) fn assign<'a>(
        wanted: impl IntoIterator<Item = (&'a str, &'a str)>,
        taken: &BTreeSet<&str>,
    ) -> Self {
        let mut groups: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for (key, wanted) in wanted {
            groups.entry(plain_label(wanted)).or_default().insert(key);
        }
        let mut labels = BTreeMap::new();
        for (plain, keys) in &groups {
            let is_taken = taken.contains(plain.as_str());
            let own = plain_name(plain);
            let (keeps, rest): (Vec<&str>, Vec<&str>) = keys
                .iter()
                .partition(|&&key| !is_taken && (keys.len() == 1 || key == own));
            labels.extend(keeps.into_iter().map(|key| (key.to_owned(), plain.clone())));
            if !rest.is_empty() {
                labels.extend(tell_apart(plain, &rest, &groups, taken));
            }
        }
        Self(labels)
    }

    pub(super) fn get(&self, key: &str) -> String {
        self.0.get(key).cloned().unwrap_or_default()
    }
}

/// Labels with a word of digest, all of one length: the first at which they differ from each
/// other and from all that was asked for. The word holds no `-`, so that those of two plain
/// labels never meet.
fn tell_apart(
    plain: &str,
    keys: &[&str],
    groups: &BTreeMap<String, BTreeSet<&str>>,
    taken: &BTreeSet<&str>,
) -> BTreeMap<String, String> {
    let mut told = BTreeMap::new();
    for length in DIGITS {
        told = keys
            .iter()
            .map(|&key| {
                let digits: String = name_hex(key).chars().take(length).collect();
                (key.to_owned(), format!("{plain}-x{digits}"))
            })
            .collect();
        let distinct: BTreeSet<&String> = told.values().collect();
        let is_free =
            |label: &&String| !groups.contains_key(*label) && !taken.contains(label.as_str());
        if distinct.len() == told.len() && distinct.iter().all(is_free) {
            break;
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_kebab_labels() {
        for (name, label) in [
            ("user_id", "user-id"),
            ("userId", "user-id"),
            ("HTTPServer2Go", "http-server2-go"),
            ("page_2", "page2"),
            ("2fa", "n2fa"),
            ("__class__", "class"),
            ("café", "caf"),
            ("日本", "unnamed"),
            ("", "unnamed"),
            ("a--b", "a-b"),
            ("-1.5", "n15"),
            ("ASC", "asc"),
        ] {
            assert_eq!(plain_label(name), label, "{name}");
        }
        assert!(plain_label(&"aB".repeat(1_000)).len() <= MAX_LABEL_BYTES + 1);
    }

    #[test]
    fn the_name_that_a_label_stands_for_keeps_it_whatever_the_order() {
        let names = ["user-id", "user_id", "userId", "other"];
        let nothing = BTreeSet::new();
        let labels = Labels::of_names(names, &nothing);
        let turned = Labels::of_names(names.into_iter().rev(), &nothing);
        assert_eq!(labels.0, turned.0);
        assert_eq!(labels.get("user_id"), "user-id");
        assert_eq!(labels.get("other"), "other");
        assert!(labels.get("userId").starts_with("user-id-x"));
        assert_ne!(labels.get("userId"), labels.get("user-id"));
        let taken = Labels::of_names(names, &BTreeSet::from(["other"]));
        assert!(taken.get("other").starts_with("other-x"));
    }

    /// Every label is valid, and no two names share one, for a few thousand names from a
    /// small alphabet that collides all the time.
    #[test]
    fn the_map_is_injective() {
        let alphabet = ["a", "B", "-", "_", "1", "é", "list", "."];
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
        assert!(names.len() > 3_000);
        let labels = Labels::of_names(names.iter().map(String::as_str), &BTreeSet::new());
        let mut seen = BTreeSet::new();
        for name in &names {
            let label = labels.get(name);
            assert!(
                label.split('-').all(|word| {
                    word.starts_with(|c: char| c.is_ascii_lowercase())
                        && word
                            .bytes()
                            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                }),
                "{label}"
            );
            assert!(seen.insert(label.clone()), "{label} is shared");
        }
    }
}
