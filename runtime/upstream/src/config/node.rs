//! A configuration as JSON whose every value knows where it stands.

use jsonc_parser::ast::{Object, Value};
use jsonc_parser::common::{Range, Ranged as _};

use super::ConfigError;

/// Where a value stands in a file, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    line: usize,
    column: usize,
}

impl Spot {
    /// The place of a byte of the source.
    pub(super) fn of(source: &str, at: usize) -> Self {
        let before = source.get(..at).unwrap_or(source);
        let line = before.rsplit_once('\n').map_or(before, |(_, line)| line);
        Self {
            line: before.matches('\n').count().saturating_add(1),
            column: line.chars().count().saturating_add(1),
        }
    }

    /// The file and the place in it: `.mcp.json:3:14`.
    pub(super) fn in_file(self, file: &str) -> String {
        format!("{file}:{}:{}", self.line, self.column)
    }
}

/// A value with the place where it stands.
#[derive(Clone)]
pub(super) struct Node<'a> {
    /// The file.
    pub(super) file: &'a str,
    source: &'a str,
    /// The path inside it, as `mcpServers.github.args[1]`.
    pub(super) path: String,
    value: &'a Value<'a>,
}

impl<'a> Node<'a> {
    /// The whole file.
    pub(super) fn root(file: &'a str, source: &'a str, value: &'a Value<'a>) -> Self {
        Self {
            file,
            source,
            path: String::new(),
            value,
        }
    }

    /// The file and the place in it.
    pub(super) fn place(&self) -> String {
        let Range { start, .. } = self.value.range();
        Spot::of(self.source, start).in_file(self.file)
    }

    fn child(&self, key: &str, value: &'a Value<'a>) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.at(format!("{}{dot}{key}", self.path), value)
    }

    fn at(&self, path: String, value: &'a Value<'a>) -> Self {
        Self {
            path,
            value,
            ..*self
        }
    }

    /// The members of an object, in order; of those that share a name, all.
    pub(super) fn members(&self) -> Result<Vec<(&'a str, Self)>, ConfigError> {
        let members = self.object()?.properties.iter();
        Ok(members
            .map(|member| {
                let name = member.name.as_str();
                (name, self.child(name, &member.value))
            })
            .collect())
    }

    /// The member of that name, the last if there are several; `null` counts as absent.
    pub(super) fn get(&self, key: &str) -> Result<Option<Self>, ConfigError> {
        let mut members = self.object()?.properties.iter().rev();
        Ok(members
            .find(|member| member.name.as_str() == key)
            .filter(|member| !matches!(member.value, Value::NullKeyword(_)))
            .map(|member| self.child(key, &member.value)))
    }

    /// Whether it is an object that has one of these members.
    pub(super) fn has_any(&self, keys: &[&str]) -> bool {
        self.value
            .as_object()
            .is_some_and(|object| keys.iter().any(|key| object.get(key).is_some()))
    }

    pub(super) fn is_object(&self) -> bool {
        self.value.as_object().is_some()
    }

    pub(super) fn is_null(&self) -> bool {
        self.value.as_null_keyword().is_some()
    }

    fn object(&self) -> Result<&'a Object<'a>, ConfigError> {
        self.value
            .as_object()
            .ok_or_else(|| self.wrong("an object"))
    }

    /// The elements, if it is an array.
    pub(super) fn elements(&self) -> Option<Vec<Self>> {
        let elements = self.value.as_array()?.elements.iter().enumerate();
        Some(
            elements
                .map(|(at, value)| self.at(format!("{}[{at}]", self.path), value))
                .collect(),
        )
    }

    /// The value as a boolean.
    pub(super) fn bool(&self) -> Result<bool, ConfigError> {
        let value = self.value.as_boolean_lit();
        value
            .map(|value| value.value)
            .ok_or_else(|| self.wrong("true or false"))
    }

    /// The value as a string.
    pub(super) fn string(&self) -> Result<String, ConfigError> {
        let text = self.value.as_string_lit();
        text.map(|text| text.value.clone().into_owned())
            .ok_or_else(|| self.wrong("a string"))
    }

    /// The value as a program is given it: numbers and booleans as they are written.
    pub(super) fn text(&self) -> Result<String, ConfigError> {
        let text = match self.value {
            Value::NumberLit(number) => number.value.to_owned(),
            Value::BooleanLit(boolean) => boolean.value.to_string(),
            _ => self.string()?,
        };
        if text.contains('\0') {
            return Err(self.unusable());
        }
        Ok(text)
    }

    /// The value as a list of what a program is given.
    pub(super) fn texts(&self) -> Result<Vec<String>, ConfigError> {
        let elements = self.elements();
        elements
            .ok_or_else(|| self.wrong("an array of strings"))?
            .iter()
            .map(Self::text)
            .collect()
    }

    /// That no program can be given this.
    pub(super) fn unusable(&self) -> ConfigError {
        ConfigError::Unusable {
            file: self.place(),
            path: self.path.clone(),
        }
    }

    /// That the value has the wrong type.
    pub(super) fn wrong(&self, expected: &'static str) -> ConfigError {
        let path = if self.path.is_empty() {
            "the file"
        } else {
            &self.path
        };
        ConfigError::WrongType {
            file: self.place(),
            path: path.to_owned(),
            expected,
            found: match self.value {
                Value::NullKeyword(_) => "null",
                Value::BooleanLit(_) => "a boolean",
                Value::NumberLit(_) => "a number",
                Value::StringLit(_) => "a string",
                Value::Array(_) => "an array",
                Value::Object(_) => "an object",
            },
        }
    }
}
