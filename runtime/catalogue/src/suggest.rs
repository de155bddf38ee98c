//! What a misspelt name may have meant.

use strsim::osa_distance;

use crate::names::plain_identifier;

/// Longest name that is compared, in characters.
const MAX_COMPARED: usize = 64;

/// Suggestions at most.
const MAX_SUGGESTIONS: usize = 3;

/// The candidates closest to a word by edit distance, best first, at most
/// three; none that differ in more than a third of the word.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = folded(word);
    let allowed = (word.chars().count() / 3).max(1);
    let mut close: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            // Swapping two neighbours is one edit.
            let distance = osa_distance(&word, &folded(candidate));
            (distance <= allowed).then_some((distance, candidate))
        })
        .collect();
    close.sort_unstable();
    close.dedup();
    close
        .into_iter()
        .take(MAX_SUGGESTIONS)
        .map(|(_, candidate)| candidate)
        .collect()
}

fn folded(word: &str) -> String {
    let start: String = word.chars().take(MAX_COMPARED).collect();
    plain_identifier(&start)
        .chars()
        .take(MAX_COMPARED)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The distance that suggestions are ranked by.
    #[test]
    fn distances_count_edits_and_swaps() {
        for (a, b, d) in [
            ("", "", 0),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
            ("abc", "", 3),
            ("", "abc", 3),
            ("same", "same", 0),
            ("lair", "liar", 1),
            ("ab", "ba", 1),
            ("abcd", "badc", 2),
        ] {
            assert_eq!(osa_distance(a, b), d, "{a} {b}");
        }
    }

    #[test]
    fn only_close_names_are_suggested() {
        let names = ["read_file", "read_text_file", "write_file", "list"];
        assert_eq!(nearest("read_fil", names), ["read_file"]);
        assert_eq!(nearest("readTextFiles", names), ["read_text_file"]);
        assert_eq!(nearest("reed_file", names), ["read_file"]);
        assert!(nearest("database", names).is_empty());
        assert!(nearest(&"x".repeat(1 << 20), names).is_empty());
    }
}
