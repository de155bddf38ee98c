//! A configuration as JSON whose every value knows where it stands.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::ConfigError;

/// A value with the place where it stands.
pub(super) struct Node<'a> {
    /// The file.
    pub(super) file: &'a str,
    /// The path inside it, as `mcpServers.github.args[1]`.
    pub(super) path: String,
    value: &'a Value,
}

impl<'a> Node<'a> {
    /// The whole file.
    pub(super) fn root(file: &'a str, value: &'a Value) -> Self {
        Self {
            file,
            path: String::new(),
            value,
        }
    }

    /// A member of this value, which is its own `value`.
    pub(super) fn child<'b>(&'b self, key: &str, value: &'b Value) -> Node<'b> {
        let dot = if self.path.is_empty() { "" } else { "." };
        Node {
            file: self.file,
            path: format!("{}{dot}{key}", self.path),
            value,
        }
    }

    /// The member of that name; `null` counts as absent.
    pub(super) fn get(&self, key: &str) -> Result<Option<Node<'_>>, ConfigError> {
        Ok(self
            .object()?
            .get(key)
            .filter(|value| !value.is_null())
            .map(|value| self.child(key, value)))
    }

    /// The value as an object.
    pub(super) fn object(&self) -> Result<&'a Map<String, Value>, ConfigError> {
        self.value
            .as_object()
            .ok_or_else(|| self.wrong("an object"))
    }

    /// The value as a string.
    pub(super) fn string(&self) -> Result<String, ConfigError> {
        let text = self.value.as_str().ok_or_else(|| self.wrong("a string"))?;
        Ok(text.to_owned())
    }

    /// The value as a boolean.
    pub(super) fn bool(&self) -> Result<bool, ConfigError> {
        self.value
            .as_bool()
            .ok_or_else(|| self.wrong("true or false"))
    }

    /// The value as a list of strings.
    pub(super) fn strings(&self) -> Result<Vec<String>, ConfigError> {
        let items = self
            .value
            .as_array()
            .ok_or_else(|| self.wrong("an array of strings"))?;
        items
            .iter()
            .enumerate()
            .map(|(at, value)| {
                Node {
                    file: self.file,
                    path: format!("{}[{at}]", self.path),
                    value,
                }
                .string()
            })
            .collect()
    }

    /// The value as strings by name.
    pub(super) fn string_map(&self) -> Result<BTreeMap<String, String>, ConfigError> {
        self.object()?
            .iter()
            .map(|(key, value)| Ok((key.clone(), self.child(key, value).string()?)))
            .collect()
    }

    fn wrong(&self, expected: &'static str) -> ConfigError {
        let path = if self.path.is_empty() {
            "the file"
        } else {
            &self.path
        };
        ConfigError::WrongType {
            file: self.file.to_owned(),
            path: path.to_owned(),
            expected,
            found: match self.value {
                Value::Null => "null",
                Value::Bool(_) => "a boolean",
                Value::Number(_) => "a number",
                Value::String(_) => "a string",
                Value::Array(_) => "an array",
                Value::Object(_) => "an object",
            },
        }
    }
}
