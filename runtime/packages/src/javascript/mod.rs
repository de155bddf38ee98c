//! Packages of JavaScript: resolved and downloaded by npm, unpacked here, with programs of their modules.

mod archive;
mod kept;
mod lazy;
mod lockfile;
mod npm;
mod programs;
mod requirement;
mod resolve;
mod simple;

use std::path::Path;
use std::{fs, io};

use archive::Unpacked;
use lockfile::Folders;
use npm::Npm;
use wxmcp_bundle::{BundleError, Tree};

pub use kept::{MOUNT, bundle, mount};
pub use programs::FORM;

use crate::Locked;

/// Largest file of a package, in bytes.
const ARCHIVE: u64 = 256 << 20;

/// Why packages of JavaScript cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum JavascriptError {
    /// There is no npm.
    #[error("there is no `npm` on PATH: packages of JavaScript are resolved and downloaded by it")]
    NoNpm,
    /// What is declared is no package.
    #[error("`{declared}`: {why}")]
    Requirement {
        /// What was declared.
        declared: String,
        /// What stands against it.
        why: &'static str,
    },
    /// npm failed, in its words.
    #[error("`npm` failed: {0}")]
    Npm(String),
    /// npm wrote no `package-lock.json` that can be read.
    #[error("`npm` wrote no `package-lock.json` that can be read")]
    Lockfile(#[source] serde_json::Error),
    /// A package cannot be used.
    #[error("`{name}`: {why}")]
    Package {
        /// Its name.
        name: String,
        /// What stands against it.
        why: String,
    },
    /// The bundle cannot be made.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A file cannot be read or written.
    #[error("cannot use a temporary folder")]
    Io(#[from] io::Error),
}

/// Resolves declared packages to exact ones, those that they need among them. Nothing of them is downloaded but what says
/// what they need. `project` is the folder in which paths begin, and whose `.npmrc` counts.
///
/// # Errors
///
/// When npm does not resolve them, or one of them cannot be used.
pub async fn resolve(declared: &[String], project: &Path) -> Result<Vec<Locked>, JavascriptError> {
    if declared.is_empty() {
        return Ok(Vec::new());
    }
    let arguments = declared.iter().map(|it| requirement::argument(it, project));
    let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
    let npm = Npm::find(project)?;
    let command = ["install", "--package-lock-only", "--package-lock", "--save"];
    npm.run(&command, &arguments).await?;
    let folder = npm.folder()?;
    let text = fs::read(folder.join("package-lock.json"))?;
    let project = project.canonicalize().unwrap_or(project.to_owned());
    let folders = Folders {
        project: &project,
        npm: &folder,
    };
    lockfile::packages(&text, folders)
}

/// Downloads locked packages, from npm's cache where it has them, and makes the files of their bundle: packages
/// below `node_modules`, and programs of their modules. Nothing of them runs.
///
/// # Errors
///
/// When npm does not get them, a file is not what is locked, or a package cannot be used.
pub async fn install(locked: &[Locked], project: &Path) -> Result<Tree, JavascriptError> {
    let mut unpacked = Unpacked::default();
    for batch in batches(locked, project) {
        let npm = Npm::find(project)?;
        let wanted: Vec<String> = batch.iter().map(|it| it.wanted.clone()).collect();
        let printed = npm.run(&["pack", "--prefer-offline"], &wanted).await?;
        let names: Vec<String> = names(&printed);
        if names.len() != batch.len() {
            let words = format!("it made {} files of {} packages", names.len(), batch.len());
            return Err(JavascriptError::Npm(words));
        }
        let folder = npm.folder()?;
        unpacked = tokio::task::spawn_blocking(move || {
            for (file, name) in batch.iter().zip(names) {
                unpack(&mut unpacked, file, &folder.join(name))?;
            }
            drop(npm);
            Ok::<_, JavascriptError>(unpacked)
        })
        .await
        .map_err(io::Error::other)??;
    }
    let made = tokio::task::spawn_blocking(move || {
        let programs = programs::files_of(&unpacked.files);
        let mut tree = Tree::default();
        for (path, content) in unpacked.files.into_iter().chain(programs) {
            tree.add(&path, content)?;
        }
        Ok(tree)
    });
    made.await.map_err(io::Error::other)?
}

/// The names of files that npm printed, one a line.
fn names(printed: &str) -> Vec<String> {
    let names = printed.lines().filter(|it| it.ends_with(".tgz"));
    names.map(str::to_owned).collect()
}

/// One file, and the packages that are in it: one in several places.
struct File {
    /// As npm is asked for it.
    wanted: String,
    packages: Vec<Locked>,
}

/// Files, in batches in which no two have one name: npm writes these side by side.
fn batches(locked: &[Locked], project: &Path) -> Vec<Vec<File>> {
    let mut batches: Vec<Vec<File>> = Vec::new();
    for package in locked {
        let wanted = wanted(package, project);
        let known = batches.iter_mut().flatten().find(|it| it.wanted == wanted);
        if let Some(known) = known {
            known.packages.push(package.clone());
            continue;
        }
        let name = written(package);
        let takes = |batch: &Vec<File>| {
            let mut names = batch.iter().filter_map(|it| it.packages.first());
            names.all(|other| written(other) != name)
        };
        let file = File {
            wanted,
            packages: vec![package.clone()],
        };
        match batches.iter_mut().find(|batch| takes(batch)) {
            Some(batch) => batch.push(file),
            None => batches.push(vec![file]),
        }
    }
    batches
}

/// What npm calls the file of a package.
fn written(package: &Locked) -> String {
    let name = package.name.trim_start_matches('@').replace('/', "-");
    format!("{name}-{}", package.version)
}

/// A locked package, as npm is asked for it.
fn wanted(package: &Locked, project: &Path) -> String {
    match package.source.as_deref() {
        Some(source) => match source.strip_prefix("file:") {
            Some(path) => {
                let path = std::path::absolute(project.join(path)).unwrap_or_default();
                format!("file:{}", path.display())
            }
            None => source.to_owned(),
        },
        None => format!("{}@{}", package.name, package.version),
    }
}

fn unpack(unpacked: &mut Unpacked, file: &File, path: &Path) -> Result<(), JavascriptError> {
    let Some(first) = file.packages.first() else {
        return Ok(());
    };
    let archive = archive(path, &first.name)?;
    for package in &file.packages {
        unpacked.add(package, &archive)?;
    }
    Ok(())
}

fn archive(path: &Path, name: &str) -> Result<Vec<u8>, JavascriptError> {
    let size = fs::metadata(path)?.len();
    if size > ARCHIVE {
        return Err(JavascriptError::Package {
            name: name.to_owned(),
            why: format!("its file has more than {} MiB", ARCHIVE >> 20),
        });
    }
    Ok(fs::read(path)?)
}
