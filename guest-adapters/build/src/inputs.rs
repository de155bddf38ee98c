//! Everything that a guest is built from, by name and digest.

use crate::componentize::{Adapter, SHIM, python_sources};
use crate::digest::{of_parts, sha256};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The sources of this program that decide a byte of the guest.
const BUILDER: [(&str, &str); 14] = [
    ("componentize.rs", include_str!("componentize.rs")),
    ("flatten/constant.rs", include_str!("flatten/constant.rs")),
    ("flatten/emit.rs", include_str!("flatten/emit.rs")),
    ("flatten/merge.rs", include_str!("flatten/merge.rs")),
    ("flatten/mod.rs", include_str!("flatten/mod.rs")),
    ("flatten/parse.rs", include_str!("flatten/parse.rs")),
    ("flatten/release.rs", include_str!("flatten/release.rs")),
    ("flatten/resolve.rs", include_str!("flatten/resolve.rs")),
    ("flatten/write.rs", include_str!("flatten/write.rs")),
    ("image.rs", include_str!("image.rs")),
    ("immortal.rs", include_str!("immortal.rs")),
    ("optimise.rs", include_str!("optimise.rs")),
    ("pipeline.rs", include_str!("pipeline.rs")),
    ("stack.rs", include_str!("stack.rs")),
];

/// Where the project's parts are.
#[derive(Clone, Debug)]
pub struct Project {
    root: PathBuf,
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
        Ok(Self { root })
    }

    /// The Python adapter.
    pub fn python_adapter(&self) -> Adapter {
        Adapter {
            sources: self.root.join("guest-adapters/python"),
            wit: self.root.join("wit/guest.wit"),
            world: "interpreter".to_owned(),
            entry: "app".to_owned(),
        }
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

    /// Digests of the files that a guest is built from: what the lock lists.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read.
    pub fn inputs(&self, adapter: &Adapter) -> Result<BTreeMap<String, String>> {
        let mut inputs = BTreeMap::new();
        inputs.insert("build/src/shim.c".to_owned(), sha256(SHIM.as_bytes()));
        for list in ["requirements.txt", "package.json", "package-lock.json"] {
            inputs.insert(
                format!("build/{list}"),
                digest_of(&self.package_lists().join(list))?,
            );
        }
        inputs.insert("wit/guest.wit".to_owned(), digest_of(&adapter.wit)?);
        let sources = python_sources(&adapter.sources)?;
        anyhow::ensure!(
            !sources.is_empty(),
            "no Python sources in `{}`",
            adapter.sources.display()
        );
        for file in sources {
            inputs.insert(
                format!("python/{}", file.display()),
                digest_of(&adapter.sources.join(&file))?,
            );
        }
        Ok(inputs)
    }

    /// One digest of all inputs, this program and its libraries included.
    ///
    /// # Errors
    ///
    /// When `Cargo.lock` cannot be read.
    pub fn key(&self, adapter: &Adapter, inputs: &BTreeMap<String, String>) -> Result<String> {
        let versions = [self.version("wasm-encoder")?, self.version("wasmparser")?].join(" ");
        let adapter = format!("{} {}", adapter.world, adapter.entry);
        let files = inputs
            .iter()
            .map(|(name, digest)| (name.as_str(), digest.as_bytes()));
        let builder = BUILDER
            .iter()
            .map(|(name, source)| (*name, source.as_bytes()));
        let rest = [
            ("versions", versions.as_bytes()),
            ("adapter", adapter.as_bytes()),
        ];
        Ok(of_parts(files.chain(builder).chain(rest)))
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

fn digest_of(file: &Path) -> Result<String> {
    Ok(sha256(
        &fs::read(file).with_context(|| format!("read `{}`", file.display()))?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sources that decide nothing about the bytes of a component.
    const HARMLESS: [&str; 9] = [
        "cache.rs",
        "digest.rs",
        "flatten/error.rs",
        "inputs.rs",
        "lib.rs",
        "lock.rs",
        "main.rs",
        "native.rs",
        "packages.rs",
    ];

    #[test]
    fn every_source_file_is_listed_or_known_to_be_harmless() -> Result<()> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = Vec::new();
        for folder in ["", "flatten/"] {
            for entry in fs::read_dir(source.join(folder))? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                if name.ends_with(".rs") {
                    found.push(format!("{folder}{name}"));
                }
            }
        }
        found.sort();
        let mut known: Vec<_> = BUILDER
            .iter()
            .map(|(name, _)| *name)
            .chain(HARMLESS)
            .chain(["program.rs"])
            .collect();
        known.sort_unstable();
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
