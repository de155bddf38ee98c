//! `wxmcp.lock`: the exact packages of a project, with their digests.

use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

/// The name of the file, which is beside `wxmcp.toml`.
pub const NAME: &str = "wxmcp.lock";

/// The version of its form.
const VERSION: u32 = 1;

/// Most bytes of the file.
const MOST: u64 = 16 << 20;

/// Why a file of locked packages cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// It cannot be read or written.
    #[error("{}", .0.display())]
    Io(PathBuf, #[source] io::Error),
    /// It is too large to be one.
    #[error("{} has more than {} MiB", .0.display(), MOST >> 20)]
    TooLarge(PathBuf),
    /// It is not in the form of one.
    #[error("{}", .0.display())]
    Form(PathBuf, #[source] Box<toml::de::Error>),
    /// It is of another version of this program.
    #[error(
        "{} has version {found}; this wxmcp reads version {VERSION}: `wxmcp lock` writes it anew",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version that it has.
        found: u32,
    },
}

/// All packages of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    version: u32,
    /// What was declared when it was made, by language: where that differs today, it is old.
    #[serde(default)]
    pub declared: Declared,
    /// Packages of Python, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub python: Vec<Locked>,
    /// Packages of JavaScript, by name and version: there may be several versions of one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub javascript: Vec<Locked>,
}

/// What a user asked for, in the words of each language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// As in `requests>=2.32`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub python: Vec<String>,
    /// As in `date-fns@^4`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub javascript: Vec<String>,
}

/// One package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// Its name, as its language writes it.
    pub name: String,
    /// Its exact version.
    pub version: String,
    /// The file that has it: the name of a wheel, or a URL.
    pub file: String,
    /// Where the file came from, where that is not what the language's index says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// `sha256:` or `sha512:` and the digest of the file, in hexadecimal.
    pub digest: String,
    /// Bytes of the file, where they are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its licence, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Of JavaScript, the folder that it is in: `node_modules/a/node_modules/b`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Packages that it needs, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
}

impl Lock {
    /// Nothing, for what was declared.
    pub fn of(declared: Declared) -> Self {
        Self {
            version: VERSION,
            declared,
            ..Self::default()
        }
    }

    /// Reads the file; none where there is none.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or is no such file.
    pub fn read(path: &Path) -> Result<Option<Self>, LockError> {
        let failed = |error| LockError::Io(path.to_owned(), error);
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
            Ok(found) if found.len() > MOST => return Err(LockError::TooLarge(path.to_owned())),
            Ok(_) => {}
        }
        let text = fs::read_to_string(path).map_err(failed)?;
        Self::parse(&text, path).map(Some)
    }

    /// Reads the text of the file at a path.
    fn parse(text: &str, path: &Path) -> Result<Self, LockError> {
        let form = |error| LockError::Form(path.to_owned(), Box::new(error));
        /// What each version has.
        #[derive(Deserialize)]
        struct Any {
            version: u32,
        }
        let Any { version } = toml::from_str(text).map_err(form)?;
        if version != VERSION {
            return Err(LockError::Version {
                path: path.to_owned(),
                found: version,
            });
        }
        toml::from_str(text).map_err(form)
    }

    /// The text of the file: the same packages are the same text.
    pub fn text(&self) -> String {
        let mut sorted = self.clone();
        for packages in [&mut sorted.python, &mut sorted.javascript] {
            packages.sort_by(|one, other| {
                let key = |it: &Locked| (it.name.clone(), it.version.clone(), it.place.clone());
                key(one).cmp(&key(other))
            });
        }
        let text = toml::to_string(&sorted).unwrap_or_default();
        format!(
            "# `wxmcp lock` writes this file: which packages scripts import, by version and digest.\n{text}"
        )
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn write(&self, path: &Path) -> Result<(), LockError> {
        let failed = |error| LockError::Io(path.to_owned(), error);
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        io::Write::write_all(&mut file, self.text().as_bytes()).map_err(failed)?;
        // As any file of a project: whoever may read the folder may read it.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(mode).map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(name: &str) -> Locked {
        Locked {
            name: name.to_owned(),
            version: "1.0".to_owned(),
            file: format!("{name}-1.0-py3-none-any.whl"),
            source: None,
            digest: "sha256:00".to_owned(),
            size: Some(9),
            licence: Some("MIT".to_owned()),
            place: None,
            needs: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        assert!(Lock::read(&path).unwrap().is_none());
        let declared = Declared {
            python: vec!["b>=1".to_owned()],
            javascript: Vec::new(),
        };
        let mut lock = Lock::of(declared);
        lock.python = vec![locked("b"), locked("a")];
        lock.write(&path).unwrap();
        let read = Lock::read(&path).unwrap().unwrap();
        assert_eq!(read.text(), lock.text());
        lock.python.reverse();
        assert_eq!(read, lock);
    }

    #[test]
    fn another_version_and_unknown_members_are_refused() {
        let refused = |text| Lock::parse(text, Path::new("wxmcp.lock")).unwrap_err();
        let version = refused("version = 2\nnews = true\n").to_string();
        assert!(version.starts_with("wxmcp.lock has version 2"), "{version}");
        let LockError::Form(_, error) = refused("version = 1\nnews = true\n") else {
            panic!("no error of form");
        };
        assert!(
            error.to_string().contains("unknown field `news`"),
            "{error}"
        );
        Lock::parse("version = 1\n", Path::new("wxmcp.lock")).unwrap();
    }
}
