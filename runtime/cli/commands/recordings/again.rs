//! Recordings made anew by `wxmcp verify`: missing ones, and such that differ.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use wxmcp_recording::file::{Completeness, Recording};

use super::load::Loaded;
use crate::exit::Failure;

/// Names of files that are scripts.
const SCRIPTS: [&str; 7] = ["py", "js", "mjs", "jsx", "ts", "mts", "tsx"];

/// The scripts among some files that have no recording beside them, and where it would be.
pub(super) fn without_recording(files: &[PathBuf]) -> Vec<(PathBuf, PathBuf)> {
    let is_script = |path: &&PathBuf| {
        let end = path.extension().and_then(|end| end.to_str());
        end.is_some_and(|end| SCRIPTS.contains(&end)) && !is_test(path)
    };
    let scripts = files.iter().filter(is_script);
    let missing = scripts.map(|path| (path.clone(), path.with_extension("wxr")));
    missing
        .filter(|(_, recording)| !recording.exists())
        .collect()
}

/// Whether a file holds tests of scripts, and is none to be run alone.
fn is_test(path: &Path) -> bool {
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    stem.ends_with("_test") || stem.ends_with(".test")
}

/// Records a script that has no recording: `wxmcp run SCRIPT`, with what `wxmcp.toml` says.
///
/// # Errors
///
/// When it cannot be recorded.
pub(super) fn record_script(script: &Path, recording: &Path) -> Result<(), Failure> {
    run(recording, &[script.display().to_string()], &[])
}

/// Records a run again, by the words of its command line.
///
/// # Errors
///
/// When there are none, or it cannot be recorded.
pub(super) fn record_again(loaded: &Loaded, recording: &Path) -> Result<(), Failure> {
    if loaded.recorded.head.name == "<stdin>" {
        return Err(Failure::usage(anyhow::anyhow!(
            "the script of `{}` was read from standard input, and is in no file",
            recording.display()
        )));
    }
    match loaded.recorded.head.command.split_first() {
        Some((first, words)) if first == "run" => {
            run(recording, words, &loaded.recorded.head.stdin.0)
        }
        _ => Err(Failure::usage(anyhow::anyhow!(
            "`{}` does not say how it was recorded",
            recording.display()
        ))),
    }
}

fn is_whole(recording: &Path) -> bool {
    let read = std::fs::File::open(recording).ok().map(Recording::read);
    matches!(read, Some(Ok(recording)) if recording.completeness == Completeness::Complete)
}

fn run(recording: &Path, words: &[String], stdin: &[u8]) -> Result<(), Failure> {
    // Beside the old one: a run that fails to be recorded leaves that as it is.
    let fresh = recording.with_extension("wxr.new");
    let record = || -> anyhow::Result<()> {
        let program = std::env::current_exe()?;
        let mut command = Command::new(program);
        command.arg("run").arg("--record").arg(&fresh).args(words);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        if let Some(mut input) = child.stdin.take() {
            // It is read to its end before the script begins; one that refuses to begin may have ended.
            let _ended = input.write_all(stdin);
        }
        let output = child.wait_with_output()?;
        // The script may end with any code: that the recording is whole says that it was recorded.
        if !is_whole(&fresh) {
            let said = String::from_utf8_lossy(&output.stderr);
            anyhow::bail!("`wxmcp run {}` failed: {}", words.join(" "), said.trim());
        }
        std::fs::rename(&fresh, recording)?;
        Ok(())
    };
    let recorded = record();
    if recorded.is_err() {
        let _was_not_made = std::fs::remove_file(&fresh);
    }
    recorded
        .with_context(|| format!("record `{}`", recording.display()))
        .map_err(Failure::usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_without_a_recording_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let names = ["a.py", "a.wxr", "b.ts", "c_test.py", "d.test.ts", "e.txt"];
        for name in names {
            std::fs::write(path(name), "").unwrap();
        }
        let found = without_recording(&names.map(path));
        assert_eq!(found, [(path("b.ts"), path("b.wxr"))]);
    }
}
