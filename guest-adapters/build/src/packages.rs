//! Sets up the pinned packages, inside the project.
//!
//! `requirements.txt` and `package-lock.json` pin every package with its hash;
//! pip and npm check them. A set-up folder is named by the digest of its list, so
//! a changed list is a new folder, and appears by one rename, so a half-made one
//! is never used.

use crate::digest::sha256;
use crate::program;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages of the Python guest, ready to use.
#[derive(Debug)]
pub struct PythonPackages {
    python: PathBuf,
    node: PathBuf,
}

impl PythonPackages {
    /// Installs what is not installed yet. `lists` holds the pinned lists,
    /// `setup` is where installations go.
    ///
    /// # Errors
    ///
    /// When python3 or npm is missing, or a package cannot be had or has another hash.
    pub fn install(lists: &Path, setup: &Path) -> Result<Self> {
        fs::create_dir_all(setup).with_context(|| format!("make `{}`", setup.display()))?;
        let python = installed(lists, setup, "python", &["requirements.txt"], |folder| {
            let venv = folder.join("venv");
            program::run(
                Command::new("python3").args(["-m", "venv"]).arg(&venv),
                "make a Python environment",
            )?;
            let mut pip = Command::new(venv.join("bin/python3"));
            pip.args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args([
                "--no-compile",
                "--no-deps",
                "--only-binary=:all:",
                "--require-hashes",
                "-r",
            ])
            .arg(folder.join("requirements.txt"));
            program::run(&mut pip, "install the Python packages")
        })?;
        let node = npm_packages(lists, setup)?;
        Ok(Self { python, node })
    }

    /// The Python that has the packages.
    pub fn python(&self) -> PathBuf {
        self.python.join("venv/bin/python3")
    }

    /// A digest of the list of the packages.
    pub fn digest(&self) -> String {
        self.python
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// The componentize-py script, for [`Self::python`].
    pub fn componentize_py(&self) -> PathBuf {
        self.python.join("venv/bin/componentize-py")
    }

    /// The folder of an installed Python package.
    ///
    /// # Errors
    ///
    /// When there is no such package.
    pub fn python_package(&self, name: &str) -> Result<PathBuf> {
        let library = self.python.join("venv/lib");
        for version in
            fs::read_dir(&library).with_context(|| format!("read `{}`", library.display()))?
        {
            let package = version?.path().join("site-packages").join(name);
            if package.is_dir() {
                return Ok(package);
            }
        }
        anyhow::bail!(
            "the Python package `{name}` is not in `{}`",
            library.display()
        )
    }

    /// The wasm-opt script, for node.
    pub fn wasm_opt(&self) -> PathBuf {
        self.node.join("node_modules/binaryen/bin/wasm-opt")
    }
}

/// The folder whose `node_modules` holds the packages of the JavaScript guest.
///
/// # Errors
///
/// When npm is missing, or a package cannot be had or has another hash.
pub fn javascript_packages(lists: &Path, setup: &Path) -> Result<PathBuf> {
    fs::create_dir_all(setup).with_context(|| format!("make `{}`", setup.display()))?;
    npm_packages(lists, setup)
}

fn npm_packages(lists: &Path, setup: &Path) -> Result<PathBuf> {
    let names = ["package.json", "package-lock.json"];
    installed(lists, setup, "node", &names, |folder| {
        let mut npm = Command::new("npm");
        npm.args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ])
        .current_dir(folder);
        program::run(&mut npm, "install the npm packages")
    })
}

/// The folder for a list of packages, made by `install` if it is not there.
fn installed(
    lists: &Path,
    setup: &Path,
    kind: &str,
    names: &[&str],
    install: impl FnOnce(&Path) -> Result<()>,
) -> Result<PathBuf> {
    let mut all = Vec::new();
    for name in names {
        all.extend(
            fs::read(lists.join(name))
                .with_context(|| format!("read the package list `{name}`"))?,
        );
    }
    let digest = sha256(&all);
    let place = setup.join(format!("{kind}-{}", digest.get(..16).unwrap_or(&digest)));
    if place.is_dir() {
        return Ok(place);
    }
    let fresh = tempfile::Builder::new().prefix(".new-").tempdir_in(setup)?;
    for name in names {
        fs::copy(lists.join(name), fresh.path().join(name))?;
    }
    install(fresh.path())?;
    if let Err(error) = fs::rename(fresh.path(), &place) {
        // Another process was faster; its result is the same.
        if !place.is_dir() {
            return Err(error).with_context(|| format!("move packages to `{}`", place.display()));
        }
    }
    Ok(place)
}
