//! What a search knows of one tool.

use std::collections::BTreeSet;

use serde_json::Value;

use super::words::key;
use crate::schema::{parameter_prose, parameters};

/// What is said of one tool's parameters, as far as it is searched, in bytes.
const MAX_PROSE_BYTES: usize = 8 << 10;

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
    pub(super) fn named(&self) -> (&str, &str) {
        let (space, name) = self.name.split_once('.').unwrap_or_default();
        let own = self.own.as_deref().filter(|own| !own.is_ascii());
        (space, own.unwrap_or(name))
    }

    /// The spellings that mean the tool and no other words.
    pub(super) fn keys(&self) -> BTreeSet<String> {
        let (space, name) = self.name.split_once('.').unwrap_or_default();
        let names = [name, self.own.as_deref().unwrap_or(name)].map(key);
        let space = key(space);
        let full = names.clone().map(|name| format!("{space} {name}"));
        let keys = names.into_iter().filter(|name| !name.is_empty());
        keys.chain(full).collect()
    }
}
