//! A sample in a folder of its own, and what running it came to.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;

use libtest_mimic::Failed;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Printed, copy_all, copy_file, fixtures, wxmcp};

/// Whether a test held.
pub(crate) type Outcome = Result<(), Failed>;

/// A fresh copy of a folder, with its database.
pub(crate) struct Case {
    copy: TempDir,
    /// Below the copy, where commands run.
    pub(crate) place: PathBuf,
}

impl Case {
    pub(crate) fn of(folder: &str) -> Result<Self, Failed> {
        let copy = tempfile::tempdir()?;
        copy_all(
            &fixtures().join("seed").join(folder),
            copy.path(),
            copy_file,
        )?;
        let place = copy.path().to_owned();
        Self { copy, place }.with_database()
    }

    /// The case, as seen from a folder inside.
    pub(crate) fn inside(&self, folder: &str) -> Result<Self, Failed> {
        let copy = tempfile::tempdir()?;
        copy_all(&self.copy.path().join(folder), copy.path(), copy_file)?;
        let place = copy.path().to_owned();
        Self { copy, place }.with_database()
    }

    fn with_database(self) -> Result<Self, Failed> {
        if let Ok(statements) = fs::read_to_string(self.place.join("main.sql")) {
            self.database()?.execute_batch(&statements)?;
        }
        Ok(self)
    }

    fn database(&self) -> Result<rusqlite::Connection, Failed> {
        Ok(rusqlite::Connection::open(self.place.join("main.db"))?)
    }

    /// The one number that a statement answers.
    pub(crate) fn number(&self, statement: &str) -> Result<i64, Failed> {
        let database = self.database()?;
        Ok(database.query_row(statement, [], |row| row.get(0))?)
    }

    pub(crate) fn wxmcp(&self, arguments: &[&str]) -> Result<Printed, Failed> {
        Ok(wxmcp(&self.place)
            .env("CANARY", "of the host")
            .args(arguments)
            .output()?
            .into())
    }

    /// `wxmcp serve` with these messages as its input.
    pub(crate) fn serve(&self, messages: &[Value]) -> Result<Printed, Failed> {
        let lines: String = messages.iter().map(|it| format!("{it}\n")).collect();
        let input = self.place.join("messages");
        fs::write(&input, lines)?;
        Ok(wxmcp(&self.place)
            .arg("serve")
            .stdin(fs::File::open(&input)?)
            .output()?
            .into())
    }

    pub(crate) fn file(&self, path: &str) -> Result<String, Failed> {
        Ok(fs::read_to_string(self.place.join(path))?)
    }

    /// `cat PARTS | wxmcp run --json FLAGS - ARGUMENTS`; the suffix of the last part is
    /// the language.
    pub(crate) fn report(
        &self,
        parts: &[&str],
        flags: &[&str],
        arguments: &[&str],
    ) -> Result<Report, Failed> {
        let mut script = String::new();
        for part in parts {
            script += &self.file(part)?;
        }
        let language = match parts.last().and_then(|part| part.rsplit_once('.')) {
            Some((_, suffix)) => suffix,
            None => return Err("no language".into()),
        };
        self.run(&script, language, flags, arguments)
    }

    pub(crate) fn run(
        &self,
        script: &str,
        language: &str,
        flags: &[&str],
        arguments: &[&str],
    ) -> Result<Report, Failed> {
        let mut child = wxmcp(&self.place)
            .env("CANARY", "of the host")
            .args(["run", "--json", "--lang", language])
            .args(flags)
            .arg("-")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut stdin = child.stdin.take().ok_or("no standard input")?;
        stdin.write_all(script.as_bytes())?;
        drop(stdin);
        let printed = Printed::from(child.wait_with_output()?);
        let whole = serde_json::from_str(&printed.stdout)
            .map_err(|error| format!("no report: {error}\n{}", printed.stderr))?;
        Ok(Report { whole, printed })
    }

    /// `wxmcp tools call`: the answer, or what was said of the failure.
    pub(crate) fn call(
        &self,
        flags: &[&str],
        tool: &str,
        arguments: Value,
    ) -> Result<Value, Failed> {
        let arguments = arguments.to_string();
        let call = ["tools", "call", tool, "--args", &arguments];
        let printed = self.wxmcp(&[&call, flags].concat())?;
        Ok(match printed.code {
            Some(0) => serde_json::from_str(&printed.stdout)?,
            _ => Value::from(printed.stderr),
        })
    }
}

pub(crate) struct Report {
    pub(crate) whole: Value,
    pub(crate) printed: Printed,
}

impl Report {
    pub(crate) fn returned(&self, value: Value) -> Result<&Self, Failed> {
        same("outcome", &self.whole["error"], &Value::Null)?;
        same("value", &self.whole["value"], &value)?;
        Ok(self)
    }

    /// The script was ended by an error; the text is its type and message.
    pub(crate) fn raised(&self, text: &str) -> Outcome {
        let error = &self.whole["error"];
        let kind = error["type"].as_str().unwrap_or_default();
        let message = error["message"].as_str().unwrap_or_default();
        same("error", &format!("{kind}: {message}"), &text.to_owned())?;
        same("exit code", &self.printed.code, &Some(1))
    }

    /// A limit ended the script.
    pub(crate) fn stopped(&self, limit: &str, words: &str) -> Outcome {
        let error = &self.whole["error"];
        same("limit", &error["limit"], &Value::from(limit))?;
        holds(error["message"].as_str().unwrap_or_default(), words)?;
        same("exit code", &self.printed.code, &Some(3))
    }

    pub(crate) fn stdout(&self) -> &str {
        self.whole["stdout"].as_str().unwrap_or_default()
    }

    pub(crate) fn calls(&self) -> usize {
        self.whole["calls"].as_array().map_or(0, Vec::len)
    }
}

pub(crate) fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Outcome {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what} differs\n--- expected\n{expected:#?}\n--- found\n{found:#?}").into())
}

pub(crate) fn holds(text: &str, words: &str) -> Outcome {
    if text.contains(words) {
        return Ok(());
    }
    Err(format!("no `{words}` in\n{text}").into())
}
