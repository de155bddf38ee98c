//! Where everything is that guests are built from.

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the project's parts are.
#[derive(Clone, Debug)]
pub struct Project {
    root: PathBuf,
    /// Whether guests are only to be tried: built faster, and slower.
    pub quick: bool,
}

impl Project {
    /// The project that this program was compiled in.
    ///
    /// # Errors
    ///
    /// When it has moved since.
    pub fn own() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root
            .canonicalize()
            .context("find the project that `guest-build` was compiled in")?;
        Ok(Self { root, quick: false })
    }

    /// The same, to build guests that are only tried.
    #[must_use]
    pub fn to_try(self, quick: bool) -> Self {
        Self { quick, ..self }
    }

    /// The folder of an interpreter's adapter.
    pub fn adapter(&self, name: &str) -> PathBuf {
        self.root.join("guest-adapters").join(name)
    }

    /// The seam that guests are built for.
    pub fn guest_wit(&self) -> PathBuf {
        self.root.join("wit/guest.wit")
    }

    /// The folder with the pinned lists of packages.
    pub fn package_lists(&self) -> PathBuf {
        self.root.join("guest-adapters/build")
    }

    /// Where packages are set up.
    pub fn setup(&self) -> PathBuf {
        self.root.join(".setup")
    }

    /// Where guests go unless told otherwise.
    pub fn guests(&self) -> PathBuf {
        self.root.join("target/guests")
    }

    /// The lock of the guests.
    pub fn lock(&self) -> PathBuf {
        self.root.join("guest-adapters/artifacts.lock")
    }

    /// The version, or versions, of a crate in `Cargo.lock`.
    ///
    /// # Errors
    ///
    /// When the lock cannot be read or has no such crate.
    pub fn version(&self, name: &str) -> Result<String> {
        let lock = fs::read_to_string(self.root.join("Cargo.lock")).context("read `Cargo.lock`")?;
        let versions = versions(&lock, name);
        anyhow::ensure!(!versions.is_empty(), "`Cargo.lock` does not name `{name}`");
        Ok(versions.join(" "))
    }
}

fn versions<'l>(lock: &'l str, name: &str) -> Vec<&'l str> {
    let wanted = format!("name = \"{name}\"");
    let mut lines = lock.lines();
    let mut versions = Vec::new();
    while lines.by_ref().any(|line| line == wanted) {
        versions.extend(
            lines
                .next()
                .and_then(|line| line.strip_prefix("version = ")),
        );
    }
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sources that decide nothing about the bytes of a component.
    const HARMLESS: [&str; 13] = [
        "cache.rs",
        "components.rs",
        "digest.rs",
        "flatten/error.rs",
        "inputs.rs",
        "lib.rs",
        "lock.rs",
        "main.rs",
        "meter/error.rs",
        "native.rs",
        "packages.rs",
        "pipeline.rs",
        "program.rs",
    ];

    #[test]
    fn every_source_file_is_listed_or_known_to_be_harmless() -> Result<()> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = Vec::new();
        for folder in ["", "first/", "flatten/", "meter/"] {
            for entry in fs::read_dir(source.join(folder))? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if name.ends_with(".rs") || folder == "first/" {
                    found.push(format!("{folder}{name}"));
                }
            }
        }
        found.sort();
        let mut known: Vec<_> = crate::python::BUILDER
            .iter()
            .chain(&crate::javascript::BUILDER)
            .chain(&crate::meter::SOURCES)
            .map(|(name, _)| *name)
            .chain(HARMLESS)
            .collect();
        known.sort_unstable();
        known.dedup();
        assert_eq!(found, known);
        Ok(())
    }

    #[test]
    fn finds_all_versions_of_a_crate() {
        let lock = "[[package]]\nname = \"a\"\nversion = \"1\"\n\n[[package]]\nname = \"b\"\nversion = \"2\"\n\n\
            [[package]]\nname = \"a\"\nversion = \"3\"\n";
        assert_eq!(versions(lock, "a"), ["\"1\"", "\"3\""]);
        assert!(versions(lock, "c").is_empty());
    }
}
