//! What a user asks for: a package of Python by name, with the versions that will do.

use std::fmt;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};

use crate::error::PackageError;

/// Most bytes of a requirement.
const MOST: usize = 4_096;

/// A package of Python, and which of its versions will do: `requests[socks]>=2.32`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    name: String,
    extras: Vec<String>,
    specifiers: VersionSpecifiers,
    marker: Option<String>,
    text: String,
}

impl Requirement {
    /// Reads one. What would have something built or fetched from elsewhere than an index is refused.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PackageError> {
        let refused = |why: &str| PackageError::Requirement {
            text: text.to_owned(),
            why: why.to_owned(),
        };
        let trimmed = text.trim();
        if trimmed.len() > MOST || trimmed.contains(char::is_control) {
            return Err(refused("it is too long, or has more than one line"));
        }
        let (asked, marker) = match trimmed.split_once(';') {
            Some((asked, marker)) => (asked.trim(), Some(marker.trim().to_owned())),
            None => (trimmed, None),
        };
        let end = asked
            .find(|it: char| !is_of_name(it))
            .unwrap_or(asked.len());
        let (name, rest) = asked.split_at(end);
        if !is_name(name) {
            return Err(refused("a name has letters, digits, `-`, `_` and `.`"));
        }
        let rest = rest.trim_start();
        if rest.starts_with('@') || rest.starts_with(':') || rest.starts_with('/') {
            return Err(refused(
                "packages come from an index or a folder of wheels, not from a URL or a path",
            ));
        }
        let (extras, rest) = match rest.strip_prefix('[') {
            None => (Vec::new(), rest),
            Some(rest) => {
                let (inside, rest) = rest
                    .split_once(']')
                    .ok_or_else(|| refused("`]` is missing"))?;
                let extras = inside.split(',').map(str::trim).filter(|it| !it.is_empty());
                let extras: Vec<String> = extras.map(normal).collect();
                if !extras.iter().all(|it| is_name(it)) {
                    return Err(refused("an extra has letters, digits, `-`, `_` and `.`"));
                }
                (extras, rest)
            }
        };
        let versions = rest.trim();
        let versions = versions
            .strip_prefix('(')
            .and_then(|inside| inside.strip_suffix(')'))
            .unwrap_or(versions);
        if versions.contains("===") {
            return Err(refused("`===` compares texts; `==` compares versions"));
        }
        let specifiers = VersionSpecifiers::from_str(versions)
            .map_err(|error| refused(&error.to_string().replace('\n', " ")))?;
        let mut requirement = Self {
            name: normal(name),
            extras,
            specifiers,
            marker,
            text: String::new(),
        };
        requirement.text = requirement.to_string();
        Ok(requirement)
    }

    /// The package's name, as it is compared.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The requirement as it is kept: two that mean the same are mostly the same text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Parts of the package that are asked for besides.
    pub fn extras(&self) -> &[String] {
        &self.extras
    }

    /// Where it is needed; none: everywhere.
    pub fn marker(&self) -> Option<&str> {
        self.marker.as_deref()
    }

    /// Whether it names no versions.
    pub fn is_open(&self) -> bool {
        self.specifiers.is_empty()
    }

    /// Whether a version will do.
    pub fn admits(&self, version: &str) -> bool {
        Version::from_str(version).is_ok_and(|version| {
            // Also the releases before a final one: what is locked was chosen already.
            self.specifiers.contains(&version)
        })
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if !self.extras.is_empty() {
            write!(f, "[{}]", self.extras.join(","))?;
        }
        let versions: Vec<String> = self
            .specifiers
            .iter()
            .map(|it| it.to_string().replace(' ', ""))
            .collect();
        f.write_str(&versions.join(","))?;
        match &self.marker {
            Some(marker) => write!(f, "; {marker}"),
            None => Ok(()),
        }
    }
}

/// A name as it is compared: in lower case, with `-` for each run of `-`, `_` and `.`.
pub fn normal(name: &str) -> String {
    let mut made = String::with_capacity(name.len());
    for letter in name.trim().chars() {
        match letter {
            '-' | '_' | '.' if made.ends_with('-') => {}
            '-' | '_' | '.' => made.push('-'),
            letter => made.push(letter.to_ascii_lowercase()),
        }
    }
    made
}

/// Whether a specifier of versions admits the guest's Python.
pub(crate) fn admits_python(specifier: &str, version: &str) -> Result<bool, String> {
    let specifiers = VersionSpecifiers::from_str(specifier).map_err(|error| error.to_string())?;
    let version = Version::from_str(version).map_err(|error| error.to_string())?;
    Ok(specifiers.contains(&version))
}

fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.')
}

fn is_name(name: &str) -> bool {
    let ends = |letter: Option<char>| letter.is_some_and(|it| it.is_ascii_alphanumeric());
    ends(name.chars().next()) && ends(name.chars().last()) && name.chars().all(is_of_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_are_read() {
        for (text, kept) in [
            ("requests", "requests"),
            (" PyYAML ", "pyyaml"),
            ("Zope.Interface >= 5 , <6", "zope-interface>=5,<6"),
            (
                "requests[socks, use_chardet]~=2.32.0",
                "requests[socks,use-chardet]~=2.32.0",
            ),
            ("attrs (>=20)", "attrs>=20"),
            (
                "tomli>=2; python_version < '3.11'",
                "tomli>=2; python_version < '3.11'",
            ),
        ] {
            assert_eq!(Requirement::parse(text).unwrap().text(), kept, "{text}");
        }
        let requirement = Requirement::parse("a>=2.1,<3").unwrap();
        for (version, admitted) in [
            ("2.1", true),
            ("2.10.3", true),
            ("3.0", false),
            ("2.0", false),
            ("x", false),
        ] {
            assert_eq!(requirement.admits(version), admitted, "{version}");
        }
    }

    #[test]
    fn what_would_be_built_or_fetched_from_elsewhere_is_refused() {
        for text in [
            "",
            "-r more.txt",
            "--index-url=https://a.test",
            "./a.whl",
            "a @ https://a.test/a.whl",
            "a@git+https://a.test/a",
            "git+https://a.test/a",
            "https://a.test/a.whl",
            "a>>1",
            "a[b",
            "a===1",
            "a\n-r b",
            "a b",
        ] {
            let refused = Requirement::parse(text);
            assert!(
                matches!(refused, Err(PackageError::Requirement { .. })),
                "{text:?}"
            );
        }
    }
}
