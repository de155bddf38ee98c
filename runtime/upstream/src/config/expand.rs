//! `${VAR}`, `${VAR:-default}` and `${env:VAR}` in configured texts.

use std::collections::BTreeMap;
use std::fmt;

use super::ConfigError;

/// The variables that configurations may refer to. wxmcp's own environment is
/// read once, when this is made; nothing else in this crate reads it.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// An environment of these variables.
    pub fn new<N: Into<String>, V: Into<String>>(
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        Self(
            variables
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }

    /// A text with `${VAR}`, `${VAR:-default}` and `${env:VAR}` replaced: the value of
    /// `key` in a table of a file.
    ///
    /// # Errors
    ///
    /// A variable that is not set, by the key that wants it.
    pub fn expand(
        &self,
        text: &str,
        file: &str,
        table: &str,
        key: &str,
    ) -> Result<String, ConfigError> {
        expand(text, self)
            .map(|expanded| expanded.text)
            .map_err(|fault| fault.at(file, table, key))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

// Environments hold secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("names", &self.0.keys())
            .finish()
    }
}

/// A text with its variables filled in.
pub(super) struct Expanded {
    /// The text.
    pub(super) text: String,
    /// The variables that were used, with their values.
    pub(super) used: Vec<(String, String)>,
}

/// Why a text could not be expanded.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    NotSet(String),
    /// What is inside may be anything, and is not repeated.
    NotAReference,
}

impl Fault {
    /// The fault as an error at its place.
    pub(super) fn at(self, file: &str, server: &str, key: &str) -> ConfigError {
        let (file, path) = (file.to_owned(), format!("{server}.{key}"));
        match self {
            Self::NotSet(variable) => ConfigError::NotSet {
                file,
                path,
                variable,
            },
            Self::NotAReference => ConfigError::NotAReference { file, path },
        }
    }
}

/// Fills in the variables of one text, once: values are not expanded again.
pub(super) fn expand(text: &str, environment: &Environment) -> Result<Expanded, Fault> {
    let mut expanded = Expanded {
        text: String::with_capacity(text.len()),
        used: Vec::new(),
    };
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        expanded.text.push_str(before);
        let Some((inside, behind)) = after.split_once('}') else {
            return Err(Fault::NotAReference);
        };
        let value = expanded.look_up(inside, environment)?;
        expanded.text.push_str(&value);
        rest = behind;
    }
    expanded.text.push_str(rest);
    Ok(expanded)
}

impl Expanded {
    fn look_up(&mut self, inside: &str, environment: &Environment) -> Result<String, Fault> {
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        let name = name.strip_prefix("env:").unwrap_or(name);
        let is_name = name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric())
            && name.starts_with(|c: char| !c.is_ascii_digit());
        if !is_name {
            return Err(Fault::NotAReference);
        }
        // As in a shell, `:-` also replaces a variable that is set to nothing.
        let set = environment
            .get(name)
            .filter(|value| default.is_none() || !value.is_empty());
        match (set, default) {
            (Some(value), _) => {
                self.used.push((name.to_owned(), value.to_owned()));
                Ok(value.to_owned())
            }
            (None, Some(default)) => Ok(default.to_owned()),
            (None, None) => Err(Fault::NotSet(name.to_owned())),
        }
    }
}
