//! The languages' own features, one after the other: `fixtures/sources`.
//!
//! A file holds many sources, each below a line `//// name`. In a source of
//! `*.ts.txt` and `*.js.txt` the word `HERE` throws an error, and the script must end
//! by it, with its line and its column as a user's editor counts them. A source of
//! `invalid.*` must not run: behind its name stand line, column and message. `␍` is a
//! carriage return, `␞` a line separator.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail where it stands"
)]

mod support;

use std::fmt::Write as _;
use std::fs;

use libtest_mimic::{Arguments, Failed, Trial};
use support::{Printed, fixtures, wxmcp};

/// What `HERE` is: it throws, wherever an expression may stand.
const THROWS: &str = "new class{constructor(){throw new Error('here')}}()";

/// Where in it the error is made.
const MADE_AT: usize = "new class{constructor(){throw ".len();

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for entry in fs::read_dir(fixtures().join("sources")).expect("the fixtures are there") {
        let path = entry.expect("a folder entry").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        let (kind, language) = name
            .strip_suffix(".txt")
            .and_then(|name| name.split_once('.'))
            .expect("named kind.language.txt");
        let (is_valid, language) = (kind != "invalid", language.to_owned());
        let text = fs::read_to_string(&path).expect("a text");
        trials.push(Trial::test(
            format!("sources::{kind}.{language}"),
            move || file(&text, &language, is_valid),
        ));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn file(text: &str, language: &str, is_valid: bool) -> Result<(), Failed> {
    let mut failures = String::new();
    let mut count = 0;
    for case in text.split("//// ").skip(1) {
        let (title, source) = case.split_once('\n').ok_or("no source")?;
        let source = source.replace('␍', "\r").replace('␞', "\u{2028}");
        let outcome = match is_valid {
            true => valid(&source, language),
            false => invalid(&source, language, title),
        };
        if let Err(failure) = outcome {
            writeln!(failures, "=== {title}\n{source}--- {failure}")?;
        }
        count += 1;
    }
    if count == 0 {
        return Err("no sources".into());
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.into())
    }
}

fn valid(source: &str, language: &str) -> Result<(), String> {
    let at = source.find("HERE").ok_or("no HERE")?;
    let before = &source[..at];
    let is_line_end = |c: char| matches!(c, '\n' | '\r' | '\u{2028}');
    let start = before.rfind(is_line_end).map_or(0, |end| {
        end + before[end..].chars().next().map_or(1, char::len_utf8)
    });
    let ends = before.matches("\r\n").count();
    let line = before.matches(is_line_end).count() - ends + 1;
    let column = before[start..].encode_utf16().count() + MADE_AT + 1;
    let source = source.replacen("HERE", THROWS, 1).replace("HERE", "0");
    let traceback = traceback(&source, language)?;
    let mut lines = traceback.lines();
    let place = format!("script.{language}:{line}:{column}");
    let (error, frame) = (lines.next(), lines.next().unwrap_or_default());
    let is_frame = frame.trim() == format!("at {place}") || frame.ends_with(&format!("({place})"));
    if error != Some("Error: here") || !is_frame {
        return Err(format!("not `Error: here` at {place}, but\n{traceback}"));
    }
    if traceback.contains("adapter") {
        return Err(format!("a frame of ours:\n{traceback}"));
    }
    Ok(())
}

fn invalid(source: &str, language: &str, title: &str) -> Result<(), String> {
    let (_, expected) = title.split_once(" | ").unwrap_or((title, ""));
    let traceback = traceback(source, language)?;
    let mut lines = traceback.lines();
    let message = lines.next().unwrap_or_default();
    let place = lines.next().unwrap_or_default();
    let place = place
        .split_once(&format!("at script.{language}:"))
        .map_or(place, |(_, place)| place);
    let found = format!("{place} {message}");
    if found == expected {
        Ok(())
    } else {
        Err(format!("found {found}"))
    }
}

/// The traceback that a script ends with.
fn traceback(source: &str, language: &str) -> Result<String, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let name = format!("script.{language}");
    fs::write(folder.path().join(&name), source).map_err(|error| error.to_string())?;
    let output = wxmcp(folder.path())
        .args(["run", "--json", "--mcp-config"])
        .arg(fixtures().join("mcp/fixture.json"))
        .arg(&name)
        .output()
        .map_err(|error| error.to_string())?;
    let printed = Printed::from(output);
    let report: serde_json::Value =
        serde_json::from_str(&printed.stdout).map_err(|_| printed.stderr.clone())?;
    if printed.code != Some(1) {
        return Err(format!("exit code {:?}: {report}", printed.code));
    }
    let traceback = report["error"]["traceback"].as_str();
    traceback
        .map(str::to_owned)
        .ok_or_else(|| format!("no traceback: {report}"))
}
