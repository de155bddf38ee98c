//! Words of a text, in any script, as far as they tell what it is about.

use unicode_normalization::char::is_combining_mark;

use super::fold::{Script, composed, fold_into};

/// Longest word that is told apart from its beginning, in bytes.
const MAX_WORD_BYTES: usize = 64;

/// Words of a query or a name that are looked at.
const MAX_QUERY_PIECES: usize = 200;

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

/// The terms of a text that documents are found by, in order: stems of words, and pairs of
/// neighbouring characters where a script writes no spaces. Snake case and camel case are
/// taken apart. Nothing is read further than the iterator is asked.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    pieces(text).flat_map(|piece| match piece.script {
        Script::Spaced => said(&piece.text).into_iter().collect(),
        // A query may be one character, which is a word in Chinese and Japanese.
        Script::Han if piece.is_long() => [characters(&piece.text), pairs(&piece.text)].concat(),
        _ => pairs(&piece.text),
    })
}

/// A term of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The term as [`words`] makes it.
    pub(super) word: String,
    /// Whether it may be no word, but halves of neighbouring ones or the stem of a verb:
    /// where words are not told apart by spaces.
    pub(super) is_part: bool,
}

/// The terms of a query. What only ends words (hiragana, the last syllable of Korean words)
/// is left out unless there is nothing else.
pub(super) fn asked(query: &str) -> impl Iterator<Item = Asked> {
    let pieces: Vec<Piece> = pieces(query).take(MAX_QUERY_PIECES).collect();
    let is_all_hiragana = pieces.iter().all(|it| it.script == Script::Hiragana);
    pieces.into_iter().flat_map(move |piece| {
        let is_part = piece.script != Script::Spaced;
        let mut terms = match piece.script {
            Script::Spaced => said(&piece.text).into_iter().collect(),
            Script::Hiragana if !is_all_hiragana => Vec::new(),
            _ => pairs(&piece.text),
        };
        if piece.script == Script::Hangul && terms.len() > 1 {
            terms.pop();
        }
        terms.into_iter().map(move |word| Asked { word, is_part })
    })
}

/// What two spellings of one name have in common: its words, folded, all of them.
pub(super) fn key(name: &str) -> String {
    let words: Vec<String> = pieces(name)
        .take(MAX_QUERY_PIECES)
        .map(|piece| piece.text)
        .collect();
    words.join(" ")
}

/// The stem of a word that says something.
fn said(word: &str) -> Option<String> {
    STOP_WORDS.binary_search(&word).is_err().then(|| stem(word))
}

fn characters(text: &str) -> Vec<String> {
    text.chars().map(String::from).collect()
}

/// Neighbouring characters, two by two; of one character, itself.
fn pairs(text: &str) -> Vec<String> {
    let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    let ends = starts.iter().skip(2).copied().chain([text.len()]);
    let pairs = starts.iter().zip(ends);
    pairs
        .filter_map(|(start, end)| text.get(*start..end).map(str::to_owned))
        .collect()
}

/// Characters of one script that stand together, folded.
#[derive(Debug)]
struct Piece {
    script: Script,
    text: String,
}

impl Piece {
    fn is_long(&self) -> bool {
        self.text.chars().nth(1).is_some()
    }
}

fn pieces(text: &str) -> impl Iterator<Item = Piece> {
    let mut characters = composed(text).peekable();
    std::iter::from_fn(move || {
        while characters.next_if(|c| !c.is_alphanumeric()).is_some() {}
        let script = Script::of(*characters.peek()?);
        let mut text = String::new();
        let mut before_is_lower = false;
        // What belongs to the word: marks stand on letters, and are no letters themselves.
        let belongs =
            |c: char| is_combining_mark(c) || c.is_alphanumeric() && Script::of(c) == script;
        while let Some(character) =
            characters.next_if(|c| belongs(*c) && !(before_is_lower && c.is_uppercase()))
        {
            if text.len() < MAX_WORD_BYTES && character.is_alphanumeric() {
                fold_into(&mut text, character);
            }
            before_is_lower = character.is_lowercase() || character.is_numeric();
        }
        Some(Piece { script, text })
    })
}

/// Cuts the commonest English endings, so that `files`, `file` and `listing`,
/// `list` meet.
pub(super) fn stem(word: &str) -> String {
    if word.chars().all(Script::is_cyrillic) {
        return cyrillic_stem(word).to_owned();
    }
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

/// A word without the vowels that it ends with, which change with its case.
fn cyrillic_stem(word: &str) -> &str {
    let endings = [
        'а', 'е', 'и', 'о', 'у', 'ы', 'э', 'ю', 'я', 'ь', 'й', 'і', 'ї',
    ];
    let stem = word.trim_end_matches(endings);
    if stem.chars().count() >= 3 {
        stem
    } else {
        word
    }
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
    fn case_and_accents_do_not_matter() {
        let of = |text: &str| words(text).collect::<Vec<_>>();
        for (one, other) in [
            ("München", "munchen"),
            ("MÜNCHEN", "mu\u{308}nchen"),
            ("Größe", "GRÖSSE"),
            ("pronóstico", "Pronostico"),
            ("Łódź", "lodz"),
            ("погоду", "Погода"),
            ("ёлка", "Елка"),
            ("ＦＵＬＬ", "full"),
            ("ﾃﾞｰﾀ", "データ"),
        ] {
            assert_eq!(of(one), of(other), "{one} {other}");
        }
        assert_ne!(of("май"), of("маи"));
        assert_ne!(of("が"), of("か"));
    }

    #[test]
    fn scripts_without_spaces_are_read_in_pairs() {
        let of = |text: &str| words(text).collect::<Vec<_>>();
        let ask = |text: &str| asked(text).map(|it| it.word).collect::<Vec<_>>();
        assert_eq!(
            of("天気を取得"),
            ["天", "気", "天気", "を", "取", "得", "取得"]
        );
        assert_eq!(of("날씨 정보"), ["날씨", "정보"]);
        assert_eq!(ask("天気を教えて"), ["天気", "教"]);
        assert_eq!(ask("날씨를 알려줘"), ["날씨", "알려"]);
        assert_eq!(ask("おすすめ"), ["おす", "すす", "すめ"]);
        assert_eq!(ask("日"), ["日"]);
        assert_eq!(ask("readPDF日本"), ["read", "pdf", "日本"]);
    }

    #[test]
    fn a_key_holds_all_words_of_a_name() {
        for (one, other) in [
            ("is_up", "isUp"),
            ("s.who", "s who"),
            ("Größe", "grosse"),
            ("日本", "日本"),
        ] {
            assert_eq!(key(one), key(other));
        }
        assert_eq!(key("the_weather"), "the weather");
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
