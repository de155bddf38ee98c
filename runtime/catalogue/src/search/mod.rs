//! Finding tools by what they are about: BM25F over names, parameters and descriptions
//! (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009), with words that
//! may stand for one another, and an answer for queries that nothing fits. A query that is
//! the name of a tool finds it first, whatever its words are.
//!
//! Scores are shares of what a document that says every word of the query as clearly as
//! can be would get, so that they can be compared between queries. Numbers without another
//! source were chosen on the tuning half of `benches/search/queries.txt`.

mod fold;
mod synonyms;
mod words;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use crate::schema::{parameter_prose, parameters};
use words::{Asked, asked, key, words};

/// How soon further occurrences of a word stop counting (BM25's k1).
const K1: f64 = 1.0;

/// What a synonym counts of the word itself.
const SYNONYM: f64 = 0.9;

/// Weight of a word in a document from which on the document says it clearly.
const CLEAR: f64 = 0.6;

/// Share of the query's rarity that a tool must say, if clearly, to fit. Below it lies
/// every query of the tuning half that nothing fits.
const FITS: f64 = 0.37;

/// What a part of a word that no document has counts of a word that none has: about half of
/// all pairs of characters are the end of one word and the beginning of the next.
const UNKNOWN_PART: f64 = 0.5;

/// What a tool gains whose name is all asked for.
const NAME_BONUS: f64 = 0.3;

/// What is left to a tool that changes something when nothing was asked to be changed.
const UNASKED_CHANGE: f64 = 0.9;

/// Words that are read of one field of one document, of all documents together, of one document whatever the others
/// have, and of one query; and how much of a query is read, in bytes.
const MAX_FIELD_WORDS: usize = 1_000;
const MAX_WORDS: usize = 2_000_000;
const MIN_WORDS: usize = 32;
const MAX_QUERY_WORDS: usize = 32;
const MAX_QUERY_BYTES: usize = 2_000;

/// What is said of one tool's parameters, as far as it is searched, in bytes.
const MAX_PROSE_BYTES: usize = 8 << 10;

/// Bytes that a word takes where it is another one, and each time that it is said.
const WORD: u64 = 160;
const SAID: u64 = 40;

/// Bytes that a document takes beside its words.
const DOCUMENT: u64 = 400;

/// What is known of one tool.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// Namespace and name, as scripts spell them.
    pub name: String,
    /// The name as its owner spells it, where that is another.
    pub own: Option<String>,
    /// Parameter names.
    pub parameters: Vec<String>,
    /// What is said of the parameters.
    pub parameter_prose: String,
    /// The description.
    pub description: String,
}

impl Document {
    /// The document of a tool, by its full name.
    pub fn new(name: String, description: &str, input_schema: &Value) -> Self {
        Self {
            name,
            own: None,
            parameters: parameters(input_schema),
            parameter_prose: parameter_prose(input_schema, MAX_PROSE_BYTES),
            description: description.to_owned(),
        }
    }

    /// The same with no more prose than so many bytes of each kind.
    #[must_use]
    pub fn within(mut self, bytes: usize) -> Self {
        for prose in [&mut self.description, &mut self.parameter_prose] {
            prose.truncate(prose.floor_char_boundary(bytes));
            prose.shrink_to_fit();
        }
        self
    }

    /// Bytes of its texts.
    pub fn text_bytes(&self) -> u64 {
        let texts = [&self.name, &self.description, &self.parameter_prose].into_iter();
        let texts = texts.chain(&self.own).chain(&self.parameters);
        texts
            .map(|text| u64::try_from(text.len()).unwrap_or(u64::MAX))
            .sum()
    }

    /// The same, also by the name that its owner gave it.
    #[must_use]
    pub fn with_own_name(mut self, own: &str) -> Self {
        self.own = Some(own.to_owned());
        self
    }

    /// Namespace and name. Of letters that no identifier has, only the owner's spelling tells.
    fn named(&self) -> (&str, &str) {
        let (space, name) = self.name.split_once('.').unwrap_or_default();
        let own = self.own.as_deref().filter(|own| !own.is_ascii());
        (space, own.unwrap_or(name))
    }

    /// The spellings that mean the tool and no other words.
    fn keys(&self) -> BTreeSet<String> {
        let (space, name) = self.name.split_once('.').unwrap_or_default();
        let names = [name, self.own.as_deref().unwrap_or(name)].map(key);
        let space = key(space);
        let full = names.clone().map(|name| format!("{space} {name}"));
        let keys = names.into_iter().filter(|name| !name.is_empty());
        keys.chain(full).collect()
    }
}

/// One part of a document: what a word in it weighs, and how much long ones are held back.
struct Field {
    boost: f64,
    b: f64,
}

const FIELDS: [Field; 6] = [
    // Namespace; name; first sentence; the rest of the description.
    Field { boost: 3.0, b: 0.0 },
    Field { boost: 3.0, b: 0.7 },
    Field { boost: 1.2, b: 0.5 },
    Field { boost: 0.6, b: 0.5 },
    // Names of parameters; what is said of them.
    Field {
        boost: 0.75,
        b: 0.7,
    },
    Field {
        boost: 0.3,
        b: 0.75,
    },
];

/// Which of them is the tool's name.
const NAME: usize = 1;

/// Documents that can be searched; they are known by their position.
#[derive(Clone, Debug, Default)]
pub struct SearchIndex {
    vocabulary: HashMap<String, usize>,
    /// By word.
    postings: Vec<Postings>,
    /// By document.
    names: Vec<NameFacts>,
    /// By stem, known words that may stand for it.
    related: HashMap<String, Vec<usize>>,
    /// By what a name's spellings have in common, the documents of that name.
    exact: HashMap<String, Vec<usize>>,
}

/// Where one word is.
#[derive(Clone, Debug, Default)]
struct Postings {
    places: Vec<Posting>,
    rarity: f64,
    is_change: bool,
}

#[derive(Clone, Debug)]
struct Posting {
    document: usize,
    /// From 0 to 1: how much the document is about the word.
    weight: f64,
    in_name: bool,
}

#[derive(Clone, Debug, Default)]
struct NameFacts {
    /// Rarity of all its words.
    rarity: f64,
    /// Whether the tool says that it changes something.
    changes: bool,
}

/// What a search has found out about one document.
#[derive(Clone, Default)]
struct Found {
    score: f64,
    /// Rarity of the words that it says clearly.
    said: f64,
    /// Rarity of the words of its name that were asked for.
    named: f64,
    change_asked: bool,
    /// Whether the query is its name.
    is_named: bool,
    /// The word of the query that it was last found for, from 1, and what that gave.
    word: usize,
    gave: Gave,
}

#[derive(Clone, Copy, Default)]
struct Gave {
    score: f64,
    said: f64,
    named: f64,
}

impl SearchIndex {
    /// Reads the documents. Of each, so much is read that one with endless prose takes
    /// neither time nor memory from the others.
    pub fn new<'a>(documents: impl IntoIterator<Item = &'a Document>) -> Self {
        let documents: Vec<&Document> = documents.into_iter().collect();
        let mut index = Self::default();
        let mut left = MAX_WORDS;
        let read: Vec<[Vec<usize>; FIELDS.len()]> = documents
            .iter()
            .zip((1..=documents.len()).rev())
            .map(|(document, documents_left)| {
                // What earlier documents left over is for all that follow.
                let mut share = (left / documents_left).max(MIN_WORDS);
                let (space, name) = document.named();
                let (head, rest) = first_sentence(&document.description);
                let parameters = document.parameters.join(" ");
                [
                    space,
                    name,
                    head,
                    rest,
                    &parameters,
                    &document.parameter_prose,
                ]
                .map(|text| {
                    let words = index.intern(text, share.min(MAX_FIELD_WORDS));
                    share = share.saturating_sub(words.len());
                    left = left.saturating_sub(words.len());
                    words
                })
            })
            .collect();
        for (position, document) in documents.iter().enumerate() {
            for key in document.keys() {
                index.exact.entry(key).or_default().push(position);
            }
        }
        index.post(&read);
        index.relate();
        index
    }

    /// Most bytes that the index of some documents takes, told by how many they are, and the bytes of their texts.
    pub fn most_bytes(documents: usize, text: u64) -> u64 {
        let words = u64::try_from(MAX_WORDS).unwrap_or(u64::MAX);
        // A word that is another one has a few letters.
        let of_words = words.min(text / 4).saturating_mul(WORD);
        let documents = u64::try_from(documents).unwrap_or(u64::MAX);
        of_words.saturating_add(documents.saturating_mul(DOCUMENT))
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> u64 {
        let many = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let said = self
            .postings
            .iter()
            .map(|it| many(it.places.len()))
            .sum::<u64>();
        let words = many(self.postings.len()).saturating_mul(WORD);
        let documents = many(self.names.len()).saturating_mul(DOCUMENT);
        words
            .saturating_add(documents)
            .saturating_add(said.saturating_mul(SAID))
    }

    /// The numbers of a text's words; new words get one.
    fn intern(&mut self, text: &str, most: usize) -> Vec<usize> {
        words(text)
            .take(most)
            .map(|word| {
                let next = self.vocabulary.len();
                *self.vocabulary.entry(word).or_insert(next)
            })
            .collect()
    }

    fn post(&mut self, read: &[[Vec<usize>; FIELDS.len()]]) {
        let all = count(read.len());
        let mut means = [0.0; FIELDS.len()];
        for document in read {
            for (mean, words) in means.iter_mut().zip(document) {
                *mean += count(words.len()) / all;
            }
        }
        self.postings = vec![Postings::default(); self.vocabulary.len()];
        for (position, document) in read.iter().enumerate() {
            let mut weights: BTreeMap<usize, f64> = BTreeMap::new();
            let name: BTreeSet<&usize> = document.iter().skip(NAME).take(1).flatten().collect();
            for ((words, field), mean) in document.iter().zip(&FIELDS).zip(means) {
                let length = 1.0 - field.b + field.b * count(words.len()) / mean.max(1e-9);
                for word in words {
                    *weights.entry(*word).or_default() += field.boost / length;
                }
            }
            for (word, weight) in weights {
                if let Some(postings) = self.postings.get_mut(word) {
                    postings.places.push(Posting {
                        document: position,
                        weight: weight / (weight + K1),
                        in_name: name.contains(&word),
                    });
                }
            }
        }
        for postings in &mut self.postings {
            postings.rarity = rarity(all, count(postings.places.len()));
        }
        for change in synonyms::changes() {
            if let Some(postings) = self.word(&change).and_then(|at| self.postings.get_mut(at)) {
                postings.is_change = true;
            }
        }
        self.names = read
            .iter()
            .map(|document| {
                let name: BTreeSet<&usize> = document.iter().skip(NAME).take(1).flatten().collect();
                let of = name.into_iter().filter_map(|word| self.postings.get(*word));
                of.fold(NameFacts::default(), |facts, postings| NameFacts {
                    rarity: facts.rarity + postings.rarity,
                    changes: facts.changes || postings.is_change,
                })
            })
            .collect();
    }

    fn relate(&mut self) {
        for (word, others) in synonyms::related() {
            let known: Vec<usize> = others.iter().filter_map(|other| self.word(other)).collect();
            if !known.is_empty() {
                self.related.insert(word, known);
            }
        }
    }

    fn word(&self, word: &str) -> Option<usize> {
        self.vocabulary.get(word).copied()
    }

    /// Positions of the documents that fit, best first; equals in their order. Those whose
    /// name the query is come before all others.
    ///
    /// None may: a document fits if the words of the query that it says (or their synonyms)
    /// hold a large enough share of the query's rarity. A word that no document says is as
    /// rare as can be, so that a query about something else fits nothing though single
    /// words of it occur.
    pub fn search(&self, query: &str, limit: usize) -> Vec<usize> {
        let query = bounded(query);
        let mut found = vec![Found::default(); self.names.len()];
        let mut total = 0.0;
        for (word, number) in distinct(query).iter().zip(1..) {
            total += self.look_up(word, number, &mut found);
        }
        if let Some(named) = self.exact.get(&key(query)) {
            for position in named {
                if let Some(found) = found.get_mut(*position) {
                    found.is_named = true;
                }
            }
        }
        let mut hits: Vec<(bool, f64, usize)> = found
            .iter()
            .zip(&self.names)
            .enumerate()
            .filter(|(_, (found, _))| {
                found.is_named || (found.word > 0 && found.said >= FITS * total)
            })
            .map(|(position, (found, name))| (found.is_named, found.rank(name), position))
            .collect();
        hits.sort_by(|(named, left, a), (also_named, right, b)| {
            let by_name = also_named.cmp(named);
            by_name.then(right.total_cmp(left)).then(a.cmp(b))
        });
        hits.into_iter()
            .take(limit)
            .map(|(_, _, position)| position)
            .collect()
    }

    /// Notes the documents that say a word; answers the word's rarity.
    fn look_up(&self, asked: &Asked, number: usize, found: &mut [Found]) -> f64 {
        let own = self.word(&asked.word).and_then(|at| self.postings.get(at));
        let others: Vec<&Postings> = self
            .related
            .get(&asked.word)
            .into_iter()
            .flatten()
            .filter_map(|at| self.postings.get(*at))
            .collect();
        let rarity = match own {
            Some(postings) => postings.rarity,
            None => others
                .iter()
                .map(|postings| postings.rarity)
                .reduce(f64::max)
                .unwrap_or_else(|| {
                    let share = if asked.is_part { UNKNOWN_PART } else { 1.0 };
                    share * rarity(count(self.names.len()), 0.0)
                }),
        };
        let synonyms = others.into_iter().map(|postings| (postings, SYNONYM));
        for (postings, share) in own.map(|own| (own, 1.0)).into_iter().chain(synonyms) {
            let worth = share * postings.rarity.min(rarity);
            for posting in &postings.places {
                if let Some(found) = found.get_mut(posting.document) {
                    found.note(number, postings, posting, worth);
                }
            }
        }
        rarity
    }
}

impl Found {
    /// Of a word and its synonyms, the best counts.
    fn note(&mut self, number: usize, postings: &Postings, posting: &Posting, worth: f64) {
        if self.word != number {
            self.word = number;
            self.gave = Gave::default();
        }
        raise(
            &mut self.gave.score,
            &mut self.score,
            worth * posting.weight,
        );
        raise(
            &mut self.gave.said,
            &mut self.said,
            worth * (posting.weight / CLEAR).min(1.0),
        );
        if posting.in_name {
            raise(&mut self.gave.named, &mut self.named, worth);
            self.change_asked |= postings.is_change;
        }
    }

    fn rank(&self, name: &NameFacts) -> f64 {
        let unasked = name.changes && !self.change_asked;
        let named = 1.0 + NAME_BONUS * self.named / name.rarity.max(1e-9);
        self.score * named * if unasked { UNASKED_CHANGE } else { 1.0 }
    }
}

/// Makes `sum` hold `now` in place of the smaller `before`.
fn raise(before: &mut f64, sum: &mut f64, now: f64) {
    if now > *before {
        *sum += now - *before;
        *before = now;
    }
}

/// As much of a query as is read.
fn bounded(query: &str) -> &str {
    let end = query.floor_char_boundary(MAX_QUERY_BYTES);
    query.get(..end).unwrap_or_default()
}

/// The distinct words of a query, bounded.
fn distinct(query: &str) -> Vec<Asked> {
    let mut words: Vec<Asked> = Vec::new();
    for word in asked(query) {
        if words.len() < MAX_QUERY_WORDS && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// The first sentence of a description, and the rest.
fn first_sentence(description: &str) -> (&str, &str) {
    let text = description.trim_start();
    let paragraph = text.find("\n\n").unwrap_or(text.len());
    let end = text
        .match_indices(['.', '!', '?'])
        .map(|(at, mark)| at.saturating_add(mark.len()))
        .find(|end| {
            let next = text.get(*end..).and_then(|rest| rest.chars().next());
            next.is_none_or(char::is_whitespace)
        })
        .unwrap_or(text.len());
    text.split_at(paragraph.min(end))
}

/// What a word is worth that so many of all documents say.
fn rarity(all: f64, with: f64) -> f64 {
    (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
}

/// A count as a number to calculate with; exact below 2^32.
fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
