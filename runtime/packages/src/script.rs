//! What a Python script says of itself at its top: `# /// script`, as PEP 723 has it.

use serde::Deserialize;

use crate::error::PackageError;
use crate::requirement::{Requirement, admits_python};

/// Most packages that a script may name.
const MOST: usize = 256;

/// The version of Python that scripts run on.
pub const PYTHON: &str = "3.14.0";

/// What of the metadata counts here.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metadata {
    requires_python: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
    #[serde(default)]
    tool: Tools,
}

#[derive(Default, Deserialize)]
struct Tools {
    #[serde(default)]
    uv: toml::Table,
}

/// Settings of uv in a script that say where packages come from.
const ELSEWHERE: [&str; 8] = [
    "sources",
    "index",
    "index-url",
    "extra-index-url",
    "find-links",
    "constraint-dependencies",
    "override-dependencies",
    "no-build-isolation-package",
];

/// The packages that a script names in its metadata; none where it has no metadata.
///
/// # Errors
///
/// When the metadata is not in its form, or wants what scripts do not get here.
pub fn required(source: &str) -> Result<Option<Vec<Requirement>>, PackageError> {
    let Some(text) = block(source)? else {
        return Ok(None);
    };
    let metadata: Metadata = toml::from_str(&text)
        .map_err(|error| PackageError::Metadata(error.message().to_owned()))?;
    if let Some(wanted) = &metadata.requires_python {
        let admitted = admits_python(wanted, PYTHON).map_err(PackageError::Metadata)?;
        if !admitted {
            return Err(PackageError::Metadata(format!(
                "it wants Python {wanted}, and the sandbox has {PYTHON}"
            )));
        }
    }
    if let Some(key) = ELSEWHERE
        .iter()
        .find(|key| metadata.tool.uv.contains_key(**key))
    {
        return Err(PackageError::Metadata(format!(
            "`tool.uv.{key}` says where packages come from, which is not read from scripts: say it in the \
             configuration of uv or pip"
        )));
    }
    if metadata.dependencies.len() > MOST {
        return Err(PackageError::Metadata(format!(
            "it names more than {MOST} packages"
        )));
    }
    let all = metadata
        .dependencies
        .iter()
        .map(|text| Requirement::parse(text));
    all.collect::<Result<_, _>>().map(Some)
}

/// The text of the metadata, without the signs of comments.
fn block(source: &str) -> Result<Option<String>, PackageError> {
    let mut found = None;
    let mut lines = source.lines().peekable();
    while let Some(line) = lines.next() {
        if line != "# /// script" {
            continue;
        }
        let mut inside = Vec::new();
        while let Some(line) = lines.next_if(|line| *line == "#" || line.starts_with("# ")) {
            inside.push(line);
        }
        // The last such line of the comment ends it.
        let Some(end) = inside.iter().rposition(|line| *line == "# ///") else {
            continue;
        };
        if found.is_some() {
            return Err(PackageError::Metadata("there are two of it".to_owned()));
        }
        let text = inside.iter().take(end).map(|line| {
            let text = line.strip_prefix("# ").or_else(|| line.strip_prefix('#'));
            format!("{}\n", text.unwrap_or_default())
        });
        found = Some(text.collect());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(source: &str) -> Option<Vec<String>> {
        let all = required(source).unwrap()?;
        Some(all.iter().map(|it| it.text().to_owned()).collect())
    }

    #[test]
    fn metadata_is_found_where_it_stands() {
        let source = "#!/usr/bin/env python\r\n# /// script\r\n# requires-python = '>=3.10'\r\n# dependencies = [\r\n#   'a>=1',\r\n#\r\n#   'B_c',\r\n# ]\r\n# ///\r\nimport a\r\n";
        assert_eq!(
            named(source),
            Some(vec!["a>=1".to_owned(), "b-c".to_owned()])
        );
        assert_eq!(named("# /// script\n# ///\n"), Some(Vec::new()));
        for source in [
            "import a\n",
            "# /// script\n# dependencies = ['a']\nimport a\n",
            "# /// scripts\n# dependencies = ['a']\n# ///\n",
            "#/// script\n# dependencies = ['a']\n# ///\n",
        ] {
            assert_eq!(named(source), None, "{source}");
        }
        // A line within that looks like the end.
        let nested = "# /// script\n# dependencies = ['a']\n# ///\n# [tool.x]\n# ///\n";
        assert!(required(nested).is_err());
    }

    #[test]
    fn what_a_script_cannot_have_is_refused_by_name() {
        for (inside, why) in [
            (
                "requires-python = '<3.12'",
                "it wants Python <3.12, and the sandbox has 3.14.0",
            ),
            ("dependencies = 'a'", "invalid type"),
            (
                "[tool.uv.sources]\n# a = { git = 'https://a.test' }",
                "`tool.uv.sources` says where",
            ),
        ] {
            let source = format!("# /// script\n# {inside}\n# ///\n");
            let error = required(&source).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
        let two = "# /// script\n# ///\n\n# /// script\n# ///\n";
        assert!(
            required(two)
                .unwrap_err()
                .to_string()
                .ends_with("there are two of it")
        );
    }
}
