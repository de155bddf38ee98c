//! Python sources to a component: componentize-py, with the machine hidden from it.

use crate::packages::PythonPackages;
use crate::program;
use crate::recipe::{copy_file, files_below};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The library that answers clocks, randomness and file times with constants.
pub const SHIM: &str = include_str!("shim.c");

/// What a Python guest is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// Folder with the sources.
    pub sources: PathBuf,
    /// The WIT file with the world.
    pub wit: PathBuf,
    /// The world's name.
    pub world: String,
    /// The module that implements it.
    pub entry: String,
    /// A native module, and its file's name.
    pub native: Option<(&'static str, Vec<u8>)>,
}

/// What componentize-py made, and what the adapter wrote while it started.
#[derive(Debug)]
pub struct Componentized {
    /// The component, as linked.
    pub component: Vec<u8>,
    /// Addresses of the objects to make immortal.
    pub objects: Vec<u8>,
    /// Addresses of their types.
    pub types: Vec<u8>,
    /// What the adapter says about itself, JSON.
    pub report: Vec<u8>,
}

/// Makes the component. The same sources and packages give the same bytes.
///
/// # Errors
///
/// When the shim cannot be compiled or cannot do its work here, or componentize-py
/// fails, or the adapter did not write what it should.
#[expect(
    clippy::too_many_lines,
    reason = "one command, whose arguments are explained where they stand"
)]
pub fn componentize(adapter: &Adapter, packages: &PythonPackages) -> Result<Componentized> {
    if !cfg!(all(
        target_os = "linux",
        any(target_arch = "x86_64", target_arch = "aarch64")
    )) {
        bail!(
            "the Python guest can be built on Linux (x86-64 or aarch64) only: the build hides the machine with seccomp"
        );
    }
    let folder = tempfile::Builder::new()
        .prefix("guest-build-")
        .tempdir()
        .context("make a temporary folder")?;
    let folder = folder.path();
    let shim = compile_shim(folder)?;
    // The guest sees this folder, so it is fresh for each build.
    let path = folder.join("p");
    for file in python_sources(&adapter.sources)? {
        copy_file(&adapter.sources.join(&file), &path.join(&file))?;
    }
    if let Some((name, bytes)) = &adapter.native {
        fs::write(path.join(name), bytes)?;
    }
    let tzdata = packages.python_package("tzdata")?;
    for file in files_below(&tzdata, &|_| true)? {
        copy_file(&tzdata.join(&file), &path.join("tzdata").join(&file))?;
    }
    let ready = folder.join("ready");
    let mut command = Command::new(packages.python());
    // Nothing of the caller's environment reaches the build.
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("TMPDIR", folder)
        .env("LC_ALL", "C.UTF-8");
    command
        .env("PYTHONHASHSEED", "0")
        .env("LD_PRELOAD", &shim)
        .env("GUEST_BUILD_SHIM_READY", &ready);
    command
        .current_dir(folder)
        .args(["-I", "-B"])
        .arg(packages.componentize_py());
    command
        .arg("-q")
        .arg("-d")
        .arg(&adapter.wit)
        .args(["-w", &adapter.world]);
    command.args(["componentize", "-p", "p", "-o", "out.wasm", &adapter.entry]);
    program::run(&mut command, "componentize the Python adapter")?;
    if !ready.exists() {
        bail!(
            "the shim never started its filter: componentize-py did not load the module that it watches"
        );
    }
    let written = |name: &str| {
        fs::read(path.join(name))
            .with_context(|| format!("the adapter did not write `/0/{name}` while it started"))
    };
    Ok(Componentized {
        component: fs::read(folder.join("out.wasm")).context("read what componentize-py made")?,
        objects: written("immortal.bin")?,
        types: written("immortal-types.bin")?,
        report: written("build-report.json")?,
    })
}

/// The Python sources of an adapter, relative to its folder, sorted: all of them
/// except its tests.
///
/// # Errors
///
/// When the folder cannot be read.
pub fn python_sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let enter = |name: &str| !["tests", "__pycache__"].contains(&name) && !name.starts_with('.');
    let mut files = files_below(folder, &enter)?;
    files.retain(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".py") && !name.starts_with("test_") && name != "conftest.py"
    });
    Ok(files)
}

fn compile_shim(folder: &Path) -> Result<PathBuf> {
    let (source, library) = (folder.join("shim.c"), folder.join("shim.so"));
    fs::write(&source, SHIM)?;
    let mut cc = Command::new("cc");
    cc.args([
        "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o",
    ])
    .arg(&library)
    .arg(&source)
    .arg("-ldl");
    program::run(&mut cc, "compile the shim")?;
    Ok(library)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_python_without_tests() -> Result<()> {
        let folder = tempfile::tempdir()?;
        for file in [
            "app.py",
            "part/__init__.py",
            "part/__pycache__/x.py",
            "tests/a.py",
            "test_b.py",
            "LIMITS.md",
            ".x/c.py",
        ] {
            let file = folder.path().join(file);
            fs::create_dir_all(file.parent().unwrap())?;
            fs::write(file, "")?;
        }
        assert_eq!(
            python_sources(folder.path())?,
            [PathBuf::from("app.py"), PathBuf::from("part/__init__.py")]
        );
        Ok(())
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_shim_compiles_without_a_warning() -> Result<()> {
        let folder = tempfile::tempdir()?;
        assert!(compile_shim(folder.path())?.exists());
        Ok(())
    }
}
