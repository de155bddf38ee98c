//! What differs between guests: how their components are made.

use crate::digest::{of_parts, sha256};
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// How the component of one guest is made.
pub trait Recipe {
    /// `python`: the stem of the guest's files.
    fn name(&self) -> &'static str;

    /// Digests of the files that the guest is built from: what the lock lists.
    ///
    /// # Errors
    ///
    /// When one of them cannot be read.
    fn inputs(&self) -> Result<BTreeMap<String, String>>;

    /// Whatever else decides a byte of the component: sources of this program, and
    /// versions of its libraries.
    ///
    /// # Errors
    ///
    /// When `Cargo.lock` cannot be read.
    fn builder(&self) -> Result<Vec<(&'static str, String)>>;

    /// Makes the component.
    ///
    /// # Errors
    ///
    /// When packages cannot be had or a step fails.
    fn make(&self, clock: &mut Clock) -> Result<Made>;
}

/// One digest of all inputs, this program and its libraries included.
///
/// # Errors
///
/// When an input cannot be read.
pub fn key(recipe: &dyn Recipe) -> Result<String> {
    let (inputs, builder) = (recipe.inputs()?, recipe.builder()?);
    let inputs = inputs
        .iter()
        .map(|(name, digest)| (name.as_str(), digest.as_bytes()));
    let builder = builder
        .iter()
        .map(|(name, content)| (*name, content.as_bytes()));
    Ok(of_parts(inputs.chain(builder)))
}

/// A component, and what came beside it.
#[derive(Debug)]
pub struct Made {
    /// The component, ready to be compiled.
    pub component: Vec<u8>,
    /// Files that are kept beside it.
    pub files: Vec<(&'static str, Vec<u8>)>,
    /// SHA-256 of what each step made.
    pub outputs: BTreeMap<String, String>,
    /// What steps counted.
    pub counts: BTreeMap<String, usize>,
}

/// Tells how long each step took.
#[derive(Debug)]
pub struct Clock {
    since: Instant,
    say: fn(&str),
}

impl Clock {
    /// A clock that starts now.
    pub fn start(say: fn(&str)) -> Self {
        Self {
            since: Instant::now(),
            say,
        }
    }

    /// Tells of a step that was done.
    pub fn done(&mut self, what: &str) {
        (self.say)(&format!(
            "{:6.1} s  {what}",
            self.since.elapsed().as_secs_f64()
        ));
        self.since = Instant::now();
    }
}

/// A size for people.
pub fn megabytes(bytes: usize) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

/// The digest of a file.
///
/// # Errors
///
/// When it cannot be read.
pub fn digest_of(file: &Path) -> Result<String> {
    Ok(sha256(
        &fs::read(file).with_context(|| format!("read `{}`", file.display()))?,
    ))
}

/// Files below a folder, relative to it, sorted; `enter` decides about folders.
///
/// # Errors
///
/// When the folder cannot be read.
pub fn files_below(folder: &Path, enter: &dyn Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(inner) = open.pop() {
        let place = folder.join(&inner);
        for entry in fs::read_dir(&place).with_context(|| format!("read `{}`", place.display()))? {
            let entry = entry?;
            let name = entry.file_name();
            if !entry.file_type()?.is_dir() {
                files.push(inner.join(name));
            } else if enter(&name.to_string_lossy()) {
                open.push(inner.join(name));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// Copies a file, and makes the folders that it needs.
///
/// # Errors
///
/// When it cannot be read or written.
pub fn copy_file(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let bytes = fs::read(from).with_context(|| format!("read `{}`", from.display()))?;
    fs::write(to, bytes).with_context(|| format!("write `{}`", to.display()))
}
