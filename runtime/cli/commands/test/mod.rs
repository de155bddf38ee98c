//! `wxmcp test`: tests of scripts, each in a sandbox of its own.
//!
//! A test is a script that sees its folder and nothing else. The scripts that it runs are runs of their own (`start.rs`,
//! `under_test.rs`); `host.rs` is the host of tools by which it starts them and answers their calls, `stubs.rs` what
//! they see as tools.

mod case;
mod file;
mod host;
mod library;
mod named;
mod refusals;
mod shown;
mod sources;
mod start;
mod stub;
mod stubs;
mod under_test;

use std::sync::Arc;
use std::time::Instant;

use wxmcp_run::Language;

use self::case::{Case, Ended, Listed, Tested};
use self::file::{TestFile, files};
use self::shown::Shown;
use self::start::Common;
use super::many;
use crate::cli::{LimitArgs, PolicyArgs, TestArgs};
use crate::exit::{Exit, Failure};
use crate::render;
use crate::settings::Settings;

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
            Listed::Tests(tests) => {
                let named = tests.names.into_iter().map(|name| Case::Test {
                    file,
                    name,
                    code: tests.code.clone(),
                });
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

impl Tested {
    fn has_passed(&self) -> bool {
        matches!(self.ended, Ended::Passed)
    }
}
