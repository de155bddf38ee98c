//! How tests went, as people, programs and CI systems read it.

use std::path::Path;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde_json::json;

use super::case::{Ended, Failed, Tested};
use crate::commands::many;
use crate::render;

/// What is printed of each test.
pub(super) struct Shown {
    pub(super) json: bool,
    pub(super) quiet: bool,
}

impl Shown {
    pub(super) fn print(&self, tested: &Tested) {
        if self.json {
            return render::line(&line(tested).to_string());
        }
        let milliseconds = tested.took.as_secs_f64() * 1e3;
        let (state, words) = match &tested.ended {
            Ended::Passed if self.quiet => return,
            Ended::Passed => ("ok     ", None),
            Ended::Failed(failed) => ("FAILED ", Some(in_words(failed, &tested.file))),
            Ended::Broken(words) => ("ERROR  ", Some(words.clone())),
        };
        render::quoting_line(&format!(
            "{state}  {}  {milliseconds:.0} ms",
            tested.title()
        ));
        let Some(words) = words else {
            return;
        };
        for line in words.lines() {
            render::quoting_line(&format!("    {line}"));
        }
        if !tested.printed.is_empty() {
            render::line("    the test printed:");
            for line in tested.printed.lines() {
                render::quoting_line(&format!("      {line}"));
            }
        }
    }
}

impl Tested {
    fn title(&self) -> String {
        match &self.name {
            Some(name) => format!("{}: {}", self.file.display(), name.name),
            None => self.file.display().to_string(),
        }
    }
}

/// What `--json` prints of a test.
fn line(tested: &Tested) -> serde_json::Value {
    let (outcome, failed, error) = match &tested.ended {
        Ended::Passed => ("passed", None, None),
        Ended::Failed(failed) => ("failed", Some(failed), None),
        Ended::Broken(words) => ("error", None, Some(words)),
    };
    json!({
        "file": tested.file.display().to_string(),
        "test": tested.name.as_ref().map(|name| &name.name),
        "line": tested.name.as_ref().and_then(|name| name.line),
        "outcome": outcome,
        "milliseconds": tested.took.as_secs_f64() * 1e3,
        "failure": failed,
        "difference": failed.and_then(|failed| difference(failed)),
        "error": error,
        "printed": tested.printed,
    })
}

/// A failure in words: where, what was asserted, how it differs, and a script that did not return.
fn in_words(failed: &Failed, file: &Path) -> String {
    let mut lines = Vec::new();
    let place = match failed.line {
        Some(line) => format!("{}:{line}", file.display()),
        None => file.display().to_string(),
    };
    lines.push(match &failed.source {
        Some(source) => format!("{place}: {source}"),
        None => place,
    });
    match &failed.traceback {
        Some(traceback) => lines.push(traceback.trim_end().to_owned()),
        None if failed.message.is_empty() => {}
        None if failed.kind.starts_with("Assertion") => lines.push(failed.message.clone()),
        None => lines.push(format!("{}: {}", failed.kind, failed.message)),
    }
    if let Some(difference) = difference(failed) {
        lines.push(difference);
    }
    if let Some(script) = &failed.script {
        let name = &script.name;
        lines.push(match script.outcome.as_str() {
            "raised" => format!("{name} raised:"),
            "stopped" => format!("{name} was stopped:"),
            outcome => format!("{name} {outcome}:"),
        });
        let words = script.words.trim_end().lines();
        lines.extend(words.map(|line| format!("  {line}")));
    }
    lines.join("\n")
}

/// How two values differ that were compared.
fn difference(failed: &Failed) -> Option<String> {
    let (left, right) = (failed.left.as_ref()?, failed.right.as_ref()?);
    let operator = failed.operator.as_deref().unwrap_or_default();
    let is_equality = operator == "==" || operator.to_lowercase().ends_with("equal");
    let is_denied = operator.starts_with("not");
    if is_equality && !is_denied && left != right {
        let lines = wxmcp_recording::difference(&format!("{right}\n"), &format!("{left}\n"));
        return Some(format!("- right, + left\n{}", lines.trim_end()));
    }
    Some(format!("left:  {left}\nright: {right}"))
}

/// Writes all of them as JUnit has it, a suite for each file.
///
/// # Errors
///
/// When the file cannot be written.
pub(super) fn junit(tested: &[Tested], path: &Path) -> anyhow::Result<()> {
    let mut report = quick_junit::Report::new("wxmcp test");
    for tests in tested.chunk_by(|one, other| one.file == other.file) {
        let Some(first) = tests.first() else {
            continue;
        };
        let file = first.file.display().to_string();
        let mut suite = TestSuite::new(file.clone());
        for test in tests {
            let status = match &test.ended {
                Ended::Passed => TestCaseStatus::success(),
                Ended::Failed(failed) => {
                    many::not_passed(NonSuccessKind::Failure, &in_words(failed, &test.file))
                }
                Ended::Broken(words) => many::not_passed(NonSuccessKind::Error, words),
            };
            let name = test.name.as_ref().map_or(&file, |name| &name.name);
            let mut case = TestCase::new(name.clone(), status);
            case.set_classname(file.clone());
            case.set_time(test.took);
            if !test.printed.is_empty() {
                case.set_system_out(test.printed.clone());
            }
            suite.add_test_case(case);
        }
        report.add_test_suite(suite);
    }
    many::write_junit(&report, path)
}
