//! What `wxmcp verify` says of recordings: lines, JSON, and JUnit's format.

use std::path::Path;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde_json::json;

use super::verify::{Outcome, Verified};
use crate::cli::VerifyArgs;
use crate::commands::many;
use crate::exit::Exit;
use crate::render;

/// How many of the recordings are what.
#[derive(Default)]
pub(super) struct Counts {
    same: usize,
    differ: usize,
    updated: usize,
    cut_short: usize,
    unreadable: usize,
}

impl Counts {
    pub(super) fn of(verified: &[Verified]) -> Self {
        let mut counts = Self::default();
        for one in verified {
            let count = match &one.outcome {
                Outcome::Same => &mut counts.same,
                Outcome::Differs(..) => &mut counts.differ,
                Outcome::Updated(_) => &mut counts.updated,
                Outcome::CutShort(_) => &mut counts.cut_short,
                Outcome::Unreadable(_) => &mut counts.unreadable,
            };
            *count = count.saturating_add(1);
        }
        counts
    }

    pub(super) fn in_words(&self) -> String {
        let all = [
            self.same,
            self.differ,
            self.updated,
            self.cut_short,
            self.unreadable,
        ];
        let all = match all.iter().sum::<usize>() {
            1 => "1 recording".to_owned(),
            count => format!("{count} recordings"),
        };
        let mut words = format!("verified {all}: {} same", self.same);
        let differ = if self.differ == 1 {
            "differs"
        } else {
            "differ"
        };
        for (count, what) in [
            (self.differ, differ),
            (self.updated, "recorded again"),
            (self.cut_short, "cut short"),
            (self.unreadable, "could not be replayed"),
        ] {
            if count > 0 {
                words.push_str(&format!(", {count} {what}"));
            }
        }
        words
    }

    pub(super) fn exit(&self) -> Exit {
        match (self.differ, self.cut_short, self.unreadable) {
            (0, 0, 0) => Exit::Success,
            (0, ..) => Exit::Usage,
            _ => Exit::Diverged,
        }
    }
}

/// Prints what became of a recording.
pub(super) fn print(verified: &Verified, args: &VerifyArgs) {
    let path = verified.path.display();
    let milliseconds = verified.took.as_secs_f64() * 1e3;
    if args.json {
        let (outcome, divergence, error) = match &verified.outcome {
            Outcome::Same => ("same", None, None),
            Outcome::Differs(divergence, _) => ("differs", Some(divergence), None),
            Outcome::Updated(_) => ("updated", None, None),
            Outcome::CutShort(error) => ("cut-short", None, Some(error)),
            Outcome::Unreadable(error) => ("unreadable", None, Some(error)),
        };
        let line = json!({
            "recording": path.to_string(), "outcome": outcome, "milliseconds": milliseconds,
            "divergence": divergence, "error": error, "notes": verified.notes,
        });
        return render::line(&line.to_string());
    }
    match &verified.outcome {
        Outcome::Same if args.quiet => return,
        Outcome::Same => render::quoting_line(&format!("same     {path}  {milliseconds:.0} ms")),
        Outcome::Differs(_, words) | Outcome::Updated(words) => {
            let is_updated = matches!(verified.outcome, Outcome::Updated(_));
            let state = if is_updated { "UPDATED" } else { "DIFFERS" };
            render::quoting_line(&format!("{state}  {path}  {milliseconds:.0} ms"));
            for line in words.lines() {
                render::quoting_line(&format!("    {line}"));
            }
        }
        Outcome::CutShort(error) => render::quoting_line(&format!("CUT      {path}: {error}")),
        Outcome::Unreadable(error) => render::quoting_line(&format!("ERROR    {path}: {error}")),
    }
    for note in &verified.notes {
        render::quoting_line(&format!("    note: {note}"));
    }
}

/// Writes all of it in JUnit's format.
///
/// # Errors
///
/// When the file cannot be written.
pub(super) fn junit(verified: &[Verified], path: &Path) -> anyhow::Result<()> {
    let mut suite = TestSuite::new("recordings");
    for one in verified {
        let status = match &one.outcome {
            Outcome::Same | Outcome::Updated(_) => TestCaseStatus::success(),
            Outcome::Differs(_, words) => many::not_passed(NonSuccessKind::Failure, words),
            Outcome::CutShort(error) | Outcome::Unreadable(error) => {
                many::not_passed(NonSuccessKind::Error, error)
            }
        };
        let mut case = TestCase::new(one.path.display().to_string(), status);
        case.set_time(one.took);
        if !one.notes.is_empty() {
            case.set_system_out(one.notes.join("\n"));
        }
        suite.add_test_case(case);
    }
    let mut report = quick_junit::Report::new("wxmcp verify");
    report.add_test_suite(suite);
    many::write_junit(&report, path)
}
