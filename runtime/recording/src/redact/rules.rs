//! Which values of a run its recording is not to hold.

use regex::bytes::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// Most rules of a recording.
pub const RULES: usize = 64;

/// Most bytes of a pattern, of a field, and of the fields of all rules together.
pub const PATTERN: usize = 4 << 10;

/// Most bytes that a compiled pattern may take.
const COMPILED: usize = 4 << 20;

/// Most bytes of the word that replaces a value.
const STEM: usize = 32;

/// What replaces a value, with a number behind it, unless a rule says otherwise.
const USUAL_STEM: &str = "redacted";

/// The rules for one recording.
#[derive(Clone, Debug, Default)]
pub struct Rules(Vec<Rule>);

/// One rule, as it was read.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// Its place among all rules of the configuration, from 0.
    pub(super) place: usize,
    pub(super) pattern: Option<Regex>,
    pub(super) fields: Vec<Field>,
    /// The word that replaces its values, without the number.
    pub(super) stem: String,
    /// As it is written.
    text: RuleText,
}

/// Values of JSON that are replaced for their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// By the names that lead to it, the last ones.
    Names(Vec<Name>),
    /// By the whole way from the top.
    Pointer(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Any,
    Is(String),
}

/// A rule as it is written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RuleText {
    /// A regular expression.
    pub pattern: Option<String>,
    /// Names of members, and JSON pointers.
    pub fields: Vec<String>,
    /// The word that replaces values.
    pub with: Option<String>,
}

/// What is wrong with the rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// There are too many.
    #[error("there are more than {RULES} rules")]
    TooMany,
    /// It says nothing.
    #[error("rule {0} has neither `pattern` nor `fields`")]
    Empty(usize),
    /// The pattern is none.
    #[error("the pattern of rule {0} cannot be read: {1}")]
    Pattern(usize, String),
    /// The pattern would hit between all characters.
    #[error("the pattern of rule {0} also fits no text at all; write one that needs a character")]
    FitsNothing(usize),
    /// Something is too long.
    #[error("rule {0} is longer than {PATTERN} bytes")]
    TooLong(usize),
    /// A field is none.
    #[error("a field of rule {0} is none: write `name`, `*.name`, or `/the/way/to/it`")]
    Field(usize),
    /// The word would not stay what it is where it is escaped.
    #[error("`with` of rule {0} is to be 1 to {STEM} letters, digits, `-`, `_` and `.` of ASCII")]
    With(usize),
}

impl Rules {
    /// Reads rules. They are counted from 0 in errors.
    ///
    /// # Errors
    ///
    /// What is wrong with one of them.
    pub fn new(texts: impl IntoIterator<Item = RuleText>) -> Result<Self, RuleError> {
        let rules = texts.into_iter().enumerate();
        let rules: Vec<Rule> = rules
            .map(|(place, text)| Rule::new(place, text))
            .collect::<Result<_, _>>()?;
        match rules.len() > RULES {
            true => Err(RuleError::TooMany),
            false => Ok(Self(rules)),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rule at this place alone.
    pub fn only(&self, place: usize) -> Self {
        let rules = self.0.iter().filter(|rule| rule.place == place);
        Self(rules.cloned().collect())
    }

    /// As they are written: with these another process has the same rules.
    pub fn texts(&self) -> impl Iterator<Item = &RuleText> {
        self.0.iter().map(|rule| &rule.text)
    }

    pub(super) fn all(&self) -> &[Rule] {
        &self.0
    }

    /// The first rule that has a field on a way: all that is inside of a field is hit with it.
    pub(super) fn at(&self, way: &[String]) -> Option<&Rule> {
        let ways = || (1..=way.len()).filter_map(|length| way.get(..length));
        let fits = |field: &Field| ways().any(|way| field.fits(way));
        self.0.iter().find(|rule| rule.fields.iter().any(fits))
    }
}

impl Rule {
    fn new(place: usize, text: RuleText) -> Result<Self, RuleError> {
        let bytes: usize = text.fields.iter().map(String::len).sum();
        if bytes > PATTERN || text.pattern.as_ref().is_some_and(|it| it.len() > PATTERN) {
            return Err(RuleError::TooLong(place));
        }
        if text.pattern.is_none() && text.fields.is_empty() {
            return Err(RuleError::Empty(place));
        }
        let stem = text.with.clone();
        let stem = stem.unwrap_or_else(|| USUAL_STEM.to_owned());
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if stem.is_empty() || stem.len() > STEM || !stem.bytes().all(is_plain) {
            return Err(RuleError::With(place));
        }
        let fields = text.fields.iter().map(|field| Field::new(field));
        let fields: Option<Vec<Field>> = fields.collect();
        Ok(Self {
            place,
            pattern: text
                .pattern
                .as_ref()
                .map(|it| pattern(place, it))
                .transpose()?,
            fields: fields.ok_or(RuleError::Field(place))?,
            stem,
            text,
        })
    }

    /// The parts of a text that the pattern hits: of each match the first group, if there is one.
    pub(super) fn hits<'t>(
        &self,
        text: &'t [u8],
    ) -> impl Iterator<Item = regex::bytes::Match<'t>> + use<'_, 't> {
        let all = self.pattern.iter().flat_map(|it| it.captures_iter(text));
        let hits = all.filter_map(|captures| captures.get(1).or_else(|| captures.get(0)));
        hits.filter(|hit| !hit.is_empty())
    }
}

fn pattern(place: usize, text: &str) -> Result<Regex, RuleError> {
    let regex = RegexBuilder::new(text).size_limit(COMPILED).build();
    let regex = regex.map_err(|error| {
        // The last line says what is wrong; those before repeat the pattern.
        let words = error.to_string();
        let last = words.lines().last().unwrap_or_default();
        RuleError::Pattern(place, last.trim_start_matches("error: ").to_owned())
    })?;
    match regex.is_match(b"") {
        true => Err(RuleError::FitsNothing(place)),
        false => Ok(regex),
    }
}

impl Field {
    fn new(text: &str) -> Option<Self> {
        if let Some(pointer) = text.strip_prefix('/') {
            let names = pointer.split('/');
            let names = names.map(|name| name.replace("~1", "/").replace("~0", "~"));
            return Some(Self::Pointer(names.collect()));
        }
        let name = |name: &str| match name {
            "" => None,
            "*" => Some(Name::Any),
            name => Some(Name::Is(name.to_owned())),
        };
        let names: Option<Vec<Name>> = text.split('.').map(name).collect();
        // What only says `*` would hit everything, and nothing on purpose.
        let names = names.filter(|names| names.iter().any(|name| *name != Name::Any));
        Some(Self::Names(names?))
    }

    fn fits(&self, way: &[String]) -> bool {
        match self {
            Self::Pointer(names) => names == way,
            Self::Names(names) => {
                let last = way
                    .len()
                    .checked_sub(names.len())
                    .and_then(|at| way.get(at..));
                let is = |name: &Name, member: &String| match name {
                    Name::Any => true,
                    Name::Is(name) => name.eq_ignore_ascii_case(member),
                };
                last.is_some_and(|last| names.iter().zip(last).all(|(name, it)| is(name, it)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(pattern: &str) -> Result<Rules, RuleError> {
        Rules::new([RuleText {
            pattern: Some(pattern.to_owned()),
            ..RuleText::default()
        }])
    }

    #[test]
    fn a_field_is_hit_by_its_last_names_or_its_whole_way() {
        let way = |way: &str| way.split('/').map(str::to_owned).collect::<Vec<_>>();
        for (field, hit, missed) in [
            ("password", "user/0/Password", "password/x"),
            ("*.token", "a/token", "token"),
            ("user.*.name", "x/user/3/name", "user/name"),
        ] {
            let field = Field::new(field).unwrap();
            assert!(field.fits(&way(hit)), "{field:?}");
            assert!(!field.fits(&way(missed)), "{field:?}");
        }
        let escaped = Field::new("/a~1b/~0c").unwrap();
        assert!(escaped.fits(&["a/b".to_owned(), "~c".to_owned()]));
        let pointer = Field::new("/user/name").unwrap();
        assert!(pointer.fits(&way("user/name")) && !pointer.fits(&way("a/user/name")));
        for none in ["", "*", "*.*", "a..b", "."] {
            assert_eq!(Field::new(none), None, "{none}");
        }
    }

    #[test]
    fn rules_that_cannot_be_meant_are_refused() {
        assert!(matches!(rule("("), Err(RuleError::Pattern(0, _))));
        assert_eq!(rule("a*").unwrap_err(), RuleError::FitsNothing(0));
        assert!(matches!(
            rule(r"(\w{1000}){1000}"),
            Err(RuleError::Pattern(0, _))
        ));
        assert_eq!(
            rule(&"a".repeat(PATTERN + 1)).unwrap_err(),
            RuleError::TooLong(0)
        );
        assert_eq!(
            Rules::new([RuleText::default()]).unwrap_err(),
            RuleError::Empty(0)
        );
        let with = |with: &str| {
            Rules::new([RuleText {
                fields: vec!["a".to_owned()],
                with: Some(with.to_owned()),
                ..RuleText::default()
            }])
        };
        assert_eq!(with("a b").unwrap_err(), RuleError::With(0));
        assert!(with("user_1.x-").is_ok());
        let many = vec![
            RuleText {
                fields: vec!["a".to_owned()],
                ..RuleText::default()
            };
            RULES + 1
        ];
        assert_eq!(Rules::new(many).unwrap_err(), RuleError::TooMany);
    }

    #[test]
    fn of_a_match_the_first_group_is_hit() {
        let rules = rule(r"Bearer (\S+)|key=\w+").unwrap();
        let rule = rules.all().first().unwrap();
        let hits: Vec<_> = rule
            .hits(b"Bearer abc key=d")
            .map(|it| it.as_bytes())
            .collect();
        assert_eq!(hits, [b"abc".as_slice(), b"key=d"]);
    }
}
