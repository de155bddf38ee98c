//! What a misspelt name may have meant.

use crate::names::plain_identifier;

/// Longest name that is compared, in characters.
const MAX_COMPARED: usize = 64;

/// Suggestions at most.
const MAX_SUGGESTIONS: usize = 3;

/// The candidates closest to a word by edit distance, best first, at most
/// three; none that differ in more than a third of the word.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = folded(word);
    let allowed = (word.len() / 3).max(1);
    let mut close: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            let distance = distance(&word, &folded(candidate));
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

fn folded(word: &str) -> Vec<char> {
    let start: String = word.chars().take(MAX_COMPARED).collect();
    plain_identifier(&start)
        .chars()
        .take(MAX_COMPARED)
        .collect()
}

/// Edit distance in which swapping two neighbours is one edit ("optimal string
/// alignment"), one row at a time.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut two_above: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    let mut before: Option<char> = None;
    for (at, &l) in left.iter().enumerate() {
        let mut row = vec![at.saturating_add(1)];
        for (column, &r) in right.iter().enumerate() {
            let cell =
                |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX);
            let next = column.saturating_add(1);
            let mut best = cell(&above, column).saturating_add(usize::from(l != r));
            best = best.min(cell(&above, next).saturating_add(1));
            best = best.min(cell(&row, column).saturating_add(1));
            if let Some(last) = column.checked_sub(1)
                && right.get(last) == Some(&l)
                && before == Some(r)
            {
                best = best.min(cell(&two_above, last).saturating_add(1));
            }
            row.push(best);
        }
        two_above = std::mem::replace(&mut above, row);
        before = Some(l);
    }
    above.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_edits_and_swaps() {
        let of = |a: &str, b: &str| {
            distance(
                &a.chars().collect::<Vec<_>>(),
                &b.chars().collect::<Vec<_>>(),
            )
        };
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
            assert_eq!(of(a, b), d, "{a} {b}");
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
