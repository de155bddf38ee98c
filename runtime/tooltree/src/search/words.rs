//! Words of a text, as far as they tell what it is about.

/// Longest word that is told apart from its beginning, in bytes.
const MAX_WORD_BYTES: usize = 64;

/// Words that say nothing about what a tool does, in order.
const STOP_WORDS: [&str; 121] = [
    "a",
    "about",
    "all",
    "also",
    "am",
    "an",
    "and",
    "any",
    "anything",
    "are",
    "as",
    "at",
    "be",
    "because",
    "been",
    "being",
    "both",
    "but",
    "by",
    "can",
    "could",
    "d",
    "did",
    "do",
    "does",
    "e",
    "each",
    "etc",
    "every",
    "everything",
    "for",
    "from",
    "g",
    "had",
    "has",
    "have",
    "he",
    "her",
    "here",
    "hers",
    "him",
    "his",
    "how",
    "i",
    "if",
    "in",
    "into",
    "is",
    "it",
    "its",
    "just",
    "later",
    "let",
    "like",
    "ll",
    "m",
    "may",
    "me",
    "my",
    "need",
    "not",
    "nothing",
    "now",
    "of",
    "off",
    "on",
    "one",
    "or",
    "our",
    "please",
    "re",
    "s",
    "shall",
    "she",
    "should",
    "so",
    "some",
    "somebody",
    "someone",
    "something",
    "still",
    "such",
    "t",
    "than",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "these",
    "they",
    "this",
    "those",
    "to",
    "too",
    "us",
    "use",
    "uses",
    "using",
    "ve",
    "very",
    "via",
    "want",
    "was",
    "we",
    "were",
    "what",
    "when",
    "where",
    "which",
    "who",
    "whom",
    "whose",
    "will",
    "with",
    "would",
    "yet",
    "you",
    "your",
    "yours",
];

/// The stems of a text's words, in order; snake case and camel case are taken apart.
/// Nothing is read further than the iterator is asked.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    raw(text)
        .filter(|word| STOP_WORDS.binary_search(&word.as_str()).is_err())
        .map(|word| stem(&word))
}

fn raw(text: &str) -> impl Iterator<Item = String> {
    let mut characters = text.chars().peekable();
    std::iter::from_fn(move || {
        while characters.next_if(|c| !c.is_alphanumeric()).is_some() {}
        let mut word = String::new();
        let mut before_is_lower = false;
        while let Some(character) =
            characters.next_if(|c| c.is_alphanumeric() && !(before_is_lower && c.is_uppercase()))
        {
            if word.len() < MAX_WORD_BYTES {
                word.extend(character.to_lowercase());
            }
            before_is_lower = character.is_lowercase() || character.is_numeric();
        }
        (!word.is_empty()).then_some(word)
    })
}

/// Cuts the commonest English endings, so that `files`, `file` and `listing`,
/// `list` meet.
pub(super) fn stem(word: &str) -> String {
    for (ending, left) in [
        ("ations", 3),
        ("ation", 3),
        ("ings", 3),
        ("ing", 3),
        ("ies", 3),
        ("ied", 3),
        ("ers", 4),
        ("ed", 3),
        ("es", 3),
        ("s", 3),
        ("y", 3),
        ("e", 3),
    ] {
        if let Some(stem) = word.strip_suffix(ending)
            && stem.chars().count() >= left
            && !stem.ends_with('s')
        {
            let doubles = matches!(ending, "ings" | "ing" | "ed");
            return if doubles { undoubled(stem) } else { stem }.to_owned();
        }
    }
    word.to_owned()
}

/// `stopp` of `stopped` is `stop`; `call` and `pass` stay.
fn undoubled(stem: &str) -> &str {
    let mut last = stem.chars().rev();
    match (last.next(), last.next(), stem.strip_suffix(|_: char| true)) {
        (Some(a), Some(b), Some(shorter))
            if a == b && !matches!(a, 'l' | 's') && shorter.len() >= 3 =>
        {
            shorter
        }
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_apart_and_stemmed() {
        let of = |text: &str| words(text).collect::<Vec<_>>();
        assert_eq!(of("readTextFile"), ["read", "text", "fil"]);
        assert_eq!(
            of("list_directories, the FILES"),
            ["list", "director", "fil"]
        );
        assert_eq!(of("stopped calling"), ["stop", "call"]);
        assert!(of("the of and !!! \u{202E}").is_empty());
    }

    #[test]
    fn stop_words_are_in_order() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn a_word_without_end_is_cut() {
        let word = words(&"x".repeat(1 << 20)).next().unwrap();
        assert_eq!(word.len(), MAX_WORD_BYTES);
    }
}
