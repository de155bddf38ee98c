//! Files of tests, and the folders that their tests see.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use wxmcp_run::Language;

use crate::cli::TestArgs;
use crate::commands::folders;
use crate::exit::Failure;
use crate::mounts::PROJECT;
use crate::render;

/// What the names of files of tests end with.
const ENDS: [(&str, Language); 5] = [
    ("_test.py", Language::Python),
    (".test.ts", Language::TypeScript),
    (".test.mts", Language::TypeScript),
    (".test.js", Language::JavaScript),
    (".test.mjs", Language::JavaScript),
];

/// A file of tests.
pub(super) struct TestFile {
    /// As it was named.
    pub(super) path: PathBuf,
    pub(super) language: Language,
    /// The folder that its tests see as the project.
    pub(super) root: PathBuf,
    /// That folder as it is shown.
    pub(super) shown_root: PathBuf,
    /// The file in that folder: `tests/report_test.py`.
    pub(super) inside: String,
}

/// The files of tests at the paths that were named.
pub(super) fn files(args: &TestArgs) -> Result<Vec<TestFile>, Failure> {
    let found = folders::find(&args.paths, |path| language(path).is_some());
    let found = found.map_err(Failure::usage)?;
    found.notes.iter().for_each(|note| render::note(note));
    let mut files = Vec::new();
    for path in found.files {
        // Packages have tests of their own.
        let is_of_package = path.iter().any(|part| part == "node_modules");
        if is_of_package && !args.paths.contains(&path) {
            continue;
        }
        match language(&path) {
            Some(language) => {
                let file = test_file(&path, language, args.project.as_deref());
                files.push(file.map_err(Failure::usage)?);
            }
            None if args.paths.contains(&path) => {
                let error = anyhow::anyhow!("`{}` is no file of tests", path.display());
                return Err(Failure::usage(error)
                    .hint("files of tests are called `*_test.py`, `*.test.ts`, `*.test.js`"));
            }
            None => {}
        }
    }
    if files.is_empty() {
        return Err(Failure::usage(anyhow::anyhow!("there is no file of tests"))
            .hint("files of tests are called `*_test.py`, `*.test.ts`, `*.test.js`"));
    }
    Ok(files)
}

/// The language of a file of tests, by its name.
fn language(path: &Path) -> Option<Language> {
    let name = path.file_name()?.to_str()?;
    let mut ends = ENDS.iter();
    ends.find(|(end, _)| name.ends_with(end)).map(|(_, it)| *it)
}

fn test_file(path: &Path, language: Language, project: Option<&Path>) -> anyhow::Result<TestFile> {
    let canonical = path
        .canonicalize()
        .with_context(|| format!("read `{}`", path.display()))?;
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let shown_root = project.or(folder).unwrap_or(Path::new("."));
    let root = match project {
        Some(project) => project
            .canonicalize()
            .with_context(|| format!("read the folder `{}`", project.display()))?,
        None => canonical.parent().unwrap_or(Path::new("/")).to_owned(),
    };
    let inside = canonical.strip_prefix(&root).ok().and_then(Path::to_str);
    let Some(inside) = inside else {
        anyhow::bail!(
            "`{}` is not in the project `{}`",
            path.display(),
            shown_root.display()
        );
    };
    Ok(TestFile {
        path: path.to_owned(),
        language,
        inside: inside.to_owned(),
        shown_root: shown_root.to_owned(),
        root,
    })
}

impl TestFile {
    /// A text of a test, with the paths of the host in place of its own.
    pub(super) fn seen_from_outside(&self, text: &str) -> String {
        let root = format!("{}/", self.shown_root.display());
        let root = root.strip_prefix("./").unwrap_or(&root);
        text.replace(&format!("{PROJECT}/"), root)
    }
}
