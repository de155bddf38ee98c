//! Runs the programs that the build is made of.

use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// How much of a failed program's output is repeated, in bytes from its end.
const TAIL: usize = 4_000;

/// Runs a program to its end; its output is shown only when it fails.
///
/// # Errors
///
/// When it cannot be started, or ends with anything but 0.
pub fn run(command: &mut Command, what: &str) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("{what}: cannot start `{name}`"))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    ]
    .concat();
    let tail = text.char_indices().rev().nth(TAIL).map_or(0, |(at, _)| at);
    bail!(
        "{what}: `{name}` failed ({})\n{}",
        output.status,
        text.get(tail..).unwrap_or_default().trim_end()
    )
}

/// Where the caller's shell finds a program.
///
/// # Errors
///
/// When it is nowhere on the path.
pub fn on_path(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
        .with_context(|| format!("`{name}` is not on the path"))
}
