//! Finding tools by what they are about: Okapi BM25 over names, parameters and
//! descriptions (Robertson and Zaragoza, 2009).

use std::collections::BTreeMap;

/// How soon further occurrences of a word stop counting.
const K1: f64 = 1.2;

/// How much long documents are held back.
const B: f64 = 0.75;

/// Occurrences that one word in a name, a parameter, or the prose stands for.
const NAME_WEIGHT: f64 = 4.0;
const PARAMETER_WEIGHT: f64 = 1.5;
const PROSE_WEIGHT: f64 = 1.0;

/// Words that are read of one document and of one query.
const MAX_DOCUMENT_WORDS: usize = 2_000;
const MAX_QUERY_WORDS: usize = 64;

/// Words that say nothing about what a tool does.
const STOP_WORDS: [&str; 30] = [
    "a", "all", "an", "and", "are", "as", "at", "be", "by", "can", "do", "for", "from", "how", "i",
    "if", "in", "is", "it", "me", "my", "of", "on", "or", "that", "the", "this", "to", "use",
    "with",
];

/// What is known of one tool.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// Namespace and name.
    pub name: String,
    /// Parameter names.
    pub parameters: Vec<String>,
    /// The description.
    pub description: String,
}

/// Documents that can be searched; they are known by their position.
#[derive(Clone, Debug, Default)]
pub struct SearchIndex {
    documents: Vec<Words>,
    /// In how many documents each word occurs.
    spread: BTreeMap<String, usize>,
    mean_length: f64,
}

#[derive(Clone, Debug, Default)]
struct Words {
    weights: BTreeMap<String, f64>,
    length: f64,
}

impl SearchIndex {
    /// Reads the documents.
    pub fn new<'a>(documents: impl IntoIterator<Item = &'a Document>) -> Self {
        let documents: Vec<Words> = documents.into_iter().map(Words::of).collect();
        let mut spread: BTreeMap<String, usize> = BTreeMap::new();
        for word in documents.iter().flat_map(|words| words.weights.keys()) {
            let count = spread.entry(word.clone()).or_default();
            *count = count.saturating_add(1);
        }
        let total: f64 = documents.iter().map(|words| words.length).sum();
        Self {
            mean_length: total / count(documents.len()).max(1.0),
            documents,
            spread,
        }
    }

    /// Positions of the documents that fit, best first; equals in their order.
    /// Nothing fits a query none of whose words occur.
    pub fn search(&self, query: &str, limit: usize) -> Vec<usize> {
        let mut asked: Vec<String> = words(query).take(MAX_QUERY_WORDS).collect();
        asked.sort_unstable();
        asked.dedup();
        let mut hits: Vec<(usize, f64)> = self
            .documents
            .iter()
            .map(|document| asked.iter().map(|word| self.score(document, word)).sum())
            .enumerate()
            .filter(|(_, score)| *score > 0.0)
            .collect();
        hits.sort_by(|(_, left), (_, right)| right.total_cmp(left));
        hits.into_iter()
            .take(limit)
            .map(|(position, _)| position)
            .collect()
    }

    fn score(&self, document: &Words, word: &str) -> f64 {
        let Some(weight) = document.weights.get(word) else {
            return 0.0;
        };
        let all = count(self.documents.len());
        let with = count(self.spread.get(word).copied().unwrap_or_default());
        let rarity = (1.0 + (all - with + 0.5) / (with + 0.5)).ln();
        let length = 1.0 - B + B * document.length / self.mean_length.max(1.0);
        rarity * weight * (K1 + 1.0) / (weight + K1 * length)
    }
}

impl Words {
    fn of(document: &Document) -> Self {
        let mut read = Self::default();
        read.add(&document.name, NAME_WEIGHT);
        for parameter in &document.parameters {
            read.add(parameter, PARAMETER_WEIGHT);
        }
        read.add(&document.description, PROSE_WEIGHT);
        read
    }

    fn add(&mut self, text: &str, weight: f64) {
        for word in words(text) {
            if self.length >= count(MAX_DOCUMENT_WORDS) {
                break;
            }
            self.length += 1.0;
            *self.weights.entry(word).or_default() += weight;
        }
    }
}

/// The stems of a text's words; snake case and camel case are taken apart.
fn words(text: &str) -> impl Iterator<Item = String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut before_is_lower = false;
    for character in text.chars().chain([' ']) {
        let ends = !character.is_alphanumeric() || (before_is_lower && character.is_uppercase());
        if ends && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if words.len() > MAX_DOCUMENT_WORDS {
            break;
        }
        if character.is_alphanumeric() && word.len() < 64 {
            word.extend(character.to_lowercase());
        }
        before_is_lower = character.is_lowercase() || character.is_numeric();
    }
    words
        .into_iter()
        .filter(|word| !STOP_WORDS.contains(&word.as_str()))
        .map(|word| stem(&word).to_owned())
}

/// Cuts the commonest English endings, so that `files`, `file` and `listing`,
/// `list` meet.
fn stem(word: &str) -> &str {
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
            return stem;
        }
    }
    word
}

/// A count as a number to calculate with; exact below 2^32.
fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> SearchIndex {
        SearchIndex::new(&[
            document("files.read_text_file", "path", "Reads a file as text."),
            document(
                "files.list_directory",
                "path",
                "Lists what is in a directory.",
            ),
            document(
                "github.createIssue",
                "title",
                "Opens an issue in a repository.",
            ),
            document(
                "github.list_issues",
                "state",
                "Issues of a repository, newest first.",
            ),
            document(
                "clock.convert_time",
                "timezone",
                "Converts times between zones.",
            ),
        ])
    }

    fn document(name: &str, parameter: &str, description: &str) -> Document {
        Document {
            name: name.to_owned(),
            parameters: vec![parameter.to_owned()],
            description: description.to_owned(),
        }
    }

    #[test]
    fn the_best_fit_comes_first() {
        for (query, first) in [
            ("read file", 0),
            ("listing directories", 1),
            ("create an issue", 2),
            ("newest issues", 3),
            ("what timezone", 4),
            ("convertTime", 4),
        ] {
            assert_eq!(index().search(query, 3).first(), Some(&first), "{query}");
        }
    }

    #[test]
    fn nothing_fits_what_is_not_there() {
        for query in ["", "the of and", "kubernetes", "!!!", "\u{202E}"] {
            assert!(index().search(query, 10).is_empty(), "{query}");
        }
        assert!(SearchIndex::new(&[]).search("file", 10).is_empty());
    }

    #[test]
    fn hits_are_bounded_by_the_limit() {
        assert_eq!(index().search("repository list path", 2).len(), 2);
        assert!(index().search(&"file ".repeat(1_000_000), 10).len() <= 5);
    }
}
