//! `wxmcp test`: tests of scripts, each in a sandbox of its own.
//!
//! A test is a script that sees its folder and nothing else. The scripts that it runs are runs of their own (`start.rs`,
//! `under_test.rs`); `host.rs` is the host of tools by which it starts them and answers their calls, `stubs.rs` what
//! they see as tools.

mod case;
mod host;
mod library;
mod named;
mod shown;
mod start;
mod stubs;
mod under_test;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use wxmcp_run::Language;

use self::case::{Case, Ended, Listed, Tested};
use self::shown::Shown;
use self::start::Common;
use super::many;
use crate::cli::{LimitArgs, PolicyArgs, TestArgs};
use crate::exit::{Exit, Failure};
use crate::render;
use crate::settings::Settings;

/// What the names of files of tests end with.
const ENDS: [(&str, Language); 5] = [
    ("_test.py", Language::Python),
    (".test.ts", Language::TypeScript),
    (".test.mts", Language::TypeScript),
    (".test.js", Language::JavaScript),
    (".test.mjs", Language::JavaScript),
];

/// A file of tests.
struct TestFile {
    /// As it was named.
    path: PathBuf,
    language: Language,
    /// The folder that its tests see as the project.
    root: PathBuf,
    /// That folder as it is shown.
    shown_root: PathBuf,
    /// The file in that folder: `tests/report_test.py`.
    inside: String,
}

pub(super) fn execute(args: &TestArgs) -> Result<Exit, Failure> {
    let began = Instant::now();
    let files = files(args)?;
    let settings = Settings::resolve(&LimitArgs::default(), &PolicyArgs::default(), &args.config)
        .map_err(Failure::usage)?;
    let mut common = Common::new(settings, args.timeout)?;
    if files.iter().any(|file| file.language == Language::Python) {
        crate::runtime::event_loop()?.run(common.compile());
    }
    let common = Arc::new(common);
    let listed = many::in_order(
        &files,
        async |file: &TestFile| case::list(&common, file).await,
        |_| {},
    )?;
    let cases = cases(&files, listed, args);
    if cases.is_empty() {
        let what = match &args.filter {
            Some(text) => format!("there is no test that has `{text}` in its name"),
            None => "there is no test".to_owned(),
        };
        return Err(Failure::usage(anyhow::anyhow!(what))
            .hint("tests are functions `test_..` in Python, `test(\"..\", ..)` in TypeScript"));
    }
    let shown = Shown {
        json: args.json,
        quiet: args.quiet,
    };
    let tested = many::in_order(
        &cases,
        async |case: &Case<'_>| case::run(&common, case).await,
        |tested| shown.print(tested),
    )?;
    if let Some(path) = &args.junit {
        shown::junit(&tested, path).map_err(Failure::usage)?;
    }
    let failed = tested.iter().filter(|it| !it.has_passed()).count();
    if !args.json {
        let used: std::collections::BTreeSet<_> = tested.iter().map(|it| &it.file).collect();
        let words = summary(tested.len(), used.len(), failed);
        render::line(&format!("{words} ({:.1} s)", began.elapsed().as_secs_f64()));
    }
    Ok(if failed == 0 {
        Exit::Success
    } else {
        Exit::Failure
    })
}

fn summary(tests: usize, files: usize, failed: usize) -> String {
    let count = |count: usize, one: &str| match count {
        1 => format!("1 {one}"),
        count => format!("{count} {one}s"),
    };
    let passed = tests.saturating_sub(failed);
    let mut words = format!(
        "ran {} in {}: {passed} passed",
        count(tests, "test"),
        count(files, "file")
    );
    if failed > 0 {
        words.push_str(&format!(", {failed} failed"));
    }
    words
}

/// The tests of all files, and the files that cannot be read as what failed already.
fn cases<'a>(files: &'a [TestFile], listed: Vec<Listed>, args: &TestArgs) -> Vec<Case<'a>> {
    let mut cases = Vec::new();
    for (file, listed) in files.iter().zip(listed) {
        match listed {
            Listed::Tests(names) => {
                let named = names.into_iter().map(|name| Case::Test { file, name });
                cases.extend(named);
            }
            Listed::Broken(words) => cases.push(Case::Broken { file, words }),
        }
    }
    if let Some(text) = &args.filter {
        cases.retain(|case| case.to_string().contains(text));
    }
    cases
}

/// The files of tests at the paths that were named.
fn files(args: &TestArgs) -> Result<Vec<TestFile>, Failure> {
    let found = many::files(&args.paths).map_err(Failure::usage)?;
    let mut files = Vec::new();
    for path in found {
        let name = path.file_name().and_then(|name| name.to_str());
        let end = name.and_then(|name| ENDS.iter().find(|(end, _)| name.ends_with(end)));
        match end {
            Some((_, language)) => {
                let file = test_file(&path, *language, args.project.as_deref());
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

impl Tested {
    fn has_passed(&self) -> bool {
        matches!(self.ended, Ended::Passed)
    }
}
