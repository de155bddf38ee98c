//! What npm resolved: its `package-lock.json`, read.

use std::collections::{BTreeMap, HashSet};
use std::path::{Component, Path, PathBuf};

use data_encoding::{BASE64, HEXLOWER};
use serde::Deserialize;
use serde_json::Value;

use super::JavascriptError;
use crate::Locked;

/// Where paths begin.
#[derive(Clone, Copy)]
pub(super) struct Folders<'a> {
    /// The project, whose packages these are.
    pub(super) project: &'a Path,
    /// The folder that npm ran in: its paths are from there.
    pub(super) npm: &'a Path,
}

/// The file, as far as it is of use.
#[derive(Deserialize)]
struct Lockfile {
    packages: BTreeMap<String, Entry>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Entry {
    name: Option<String>,
    version: Option<String>,
    resolved: Option<String>,
    integrity: Option<String>,
    license: Option<Value>,
    dependencies: BTreeMap<String, String>,
    optional_dependencies: BTreeMap<String, String>,
    /// A folder elsewhere.
    link: bool,
    /// It came with the package around it.
    in_bundle: bool,
    dev: bool,
    optional: bool,
    dev_optional: bool,
}

/// The packages that npm resolved, but for optional ones: those have native code, or do without.
pub(super) fn packages(text: &[u8], folders: Folders<'_>) -> Result<Vec<Locked>, JavascriptError> {
    let read: Lockfile = serde_json::from_slice(text).map_err(JavascriptError::Lockfile)?;
    let wanted: HashSet<&String> = read
        .packages
        .values()
        .flat_map(|it| {
            it.dependencies
                .values()
                .chain(it.optional_dependencies.values())
        })
        .collect();
    let mut packages = Vec::new();
    for (place, entry) in &read.packages {
        let is_needed = !entry.dev && !entry.optional && !entry.dev_optional;
        if place.is_empty() || entry.in_bundle || !is_needed {
            continue;
        }
        packages.push(package(place, entry, &wanted, folders)?);
    }
    Ok(packages)
}

fn package(
    place: &str,
    entry: &Entry,
    wanted: &HashSet<&String>,
    folders: Folders<'_>,
) -> Result<Locked, JavascriptError> {
    let in_place = place
        .rsplit_once("node_modules/")
        .map_or(place, |(_, name)| name);
    let name = entry.name.clone().unwrap_or_else(|| in_place.to_owned());
    let refused = |why: &str| JavascriptError::Package {
        name: name.clone(),
        why: why.to_owned(),
    };
    let resolved = entry.resolved.as_deref().unwrap_or_default();
    if entry.link || resolved.starts_with("git") {
        return Err(refused(
            "it comes from a repository or a folder, and its scripts would have to make it",
        ));
    }
    let version = entry.version.clone();
    let version = version.ok_or_else(|| refused("it has no version"))?;
    let digest = entry.integrity.as_deref().and_then(digest);
    let digest = digest.ok_or_else(|| refused("its registry does not tell a SHA-512 of it"))?;
    let simple = format!(
        "{}-{version}.tgz",
        in_place.replace('/', "-").trim_start_matches('@')
    );
    let (file, source) = match resolved.strip_prefix("file:") {
        Some(path) => (simple, Some(folders.of_project(path))),
        None if resolved.is_empty() => (simple, None),
        None if wanted.contains(&resolved.to_owned()) => {
            (resolved.to_owned(), Some(resolved.to_owned()))
        }
        None => (resolved.to_owned(), None),
    };
    Ok(Locked {
        name,
        version,
        file,
        source,
        digest,
        size: None,
        licence: entry.license.as_ref().map(licence),
        place: Some(place.to_owned()),
        needs: entry.dependencies.keys().cloned().collect(),
    })
}

impl Folders<'_> {
    /// A file of the project by its path in it, another by its own.
    fn of_project(self, path: &str) -> String {
        let mut whole = PathBuf::new();
        for part in self.npm.join(path).components() {
            match part {
                Component::ParentDir => drop(whole.pop()),
                part => whole.push(part),
            }
        }
        let path = whole.strip_prefix(self.project).unwrap_or(&whole);
        format!("file:{}", path.display())
    }
}

fn licence(value: &Value) -> String {
    let text = value.as_str().or_else(|| value.get("type")?.as_str());
    text.map_or_else(|| value.to_string(), str::to_owned)
}

/// The SHA-512 in what npm calls integrity.
fn digest(integrity: &str) -> Option<String> {
    let of = |one: &str| {
        let bytes = BASE64
            .decode(one.strip_prefix("sha512-")?.as_bytes())
            .ok()?;
        (bytes.len() == 64).then(|| format!("sha512:{}", HEXLOWER.encode(&bytes)))
    };
    integrity.split_whitespace().find_map(of)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn integrity() -> String {
        format!("sha512-{}", BASE64.encode(&[7; 64]))
    }

    fn read(packages: Value) -> Result<Vec<Locked>, JavascriptError> {
        let text = json!({"lockfileVersion": 3, "packages": packages}).to_string();
        let folders = Folders {
            project: Path::new("/p"),
            npm: Path::new("/tmp/npm"),
        };
        super::packages(text.as_bytes(), folders)
    }

    #[test]
    fn what_npm_resolved_is_locked_by_place() {
        let read = read(json!({
            "": {"dependencies": {"a": "^1", "mine": "file:x.tgz"}},
            "node_modules/a": {
                "version": "1.2.3", "resolved": "https://r/a/-/a-1.2.3.tgz", "integrity": integrity(),
                "license": "MIT", "dependencies": {"@s/b": "2"},
            },
            "node_modules/a/node_modules/@s/b": {
                "name": "other", "version": "2.0.0", "integrity": integrity(), "license": {"type": "ISC"},
            },
            "node_modules/mine": {"version": "1.0.0", "resolved": "file:../../p/x.tgz", "integrity": integrity()},
            "node_modules/bundled": {"version": "1.0.0", "inBundle": true},
            "node_modules/fsevents": {"version": "1.0.0", "optional": true},
        }));
        let read = read.unwrap();
        let [a, b, mine] = &read[..] else {
            panic!("{read:?}")
        };
        assert_eq!(a.digest, format!("sha512:{}", "07".repeat(64)));
        assert_eq!(
            (a.file.as_str(), &a.source),
            ("https://r/a/-/a-1.2.3.tgz", &None)
        );
        assert_eq!(
            (a.licence.as_deref(), &a.needs),
            (Some("MIT"), &vec!["@s/b".to_owned()])
        );
        assert_eq!(
            (b.name.as_str(), b.file.as_str()),
            ("other", "s-b-2.0.0.tgz")
        );
        assert_eq!(b.place.as_deref(), Some("node_modules/a/node_modules/@s/b"));
        assert_eq!(b.licence.as_deref(), Some("ISC"));
        assert_eq!(mine.source.as_deref(), Some("file:x.tgz"));
    }

    #[test]
    fn repositories_and_what_has_no_digest_are_refused_by_name() {
        let refused = |entry: Value| {
            read(json!({"node_modules/a": entry}))
                .unwrap_err()
                .to_string()
        };
        let git = json!({"version": "1.0.0", "resolved": "git+ssh://git@host/a.git#1", "integrity": integrity()});
        assert!(refused(git).starts_with("`a`: it comes from a repository"));
        assert!(refused(json!({"link": true, "resolved": "../a"})).contains("or a folder"));
        let weak = json!({"version": "1.0.0", "integrity": "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="});
        assert_eq!(
            refused(weak),
            "`a`: its registry does not tell a SHA-512 of it"
        );
    }
}
