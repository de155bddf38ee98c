//! `wxmcp init`: what a project begins with.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use anyhow::Context;

use crate::exit::{Exit, Failure};
use crate::render;

const CONFIGURATION: &str = include_str!("init/wxmcp.toml");
const TOOL: &str = include_str!("init/greet.py");

/// Writes the files that are not there yet; what is there stays as it is.
pub(super) fn execute() -> Result<Exit, Failure> {
    let mut written = 0_usize;
    for (path, text) in [
        ("wxmcp.toml", CONFIGURATION),
        ("tools/hello/greet.py", TOOL),
    ] {
        match write(Path::new(path), text) {
            Ok(true) => {
                written = written.saturating_add(1);
                render::line(&format!("wrote {path}"));
            }
            Ok(false) => render::note(&format!("{path} is there already, and stays as it is")),
            Err(error) => {
                return Err(Failure::usage(error.context(format!("write `{path}`"))));
            }
        }
    }
    if written > 0 {
        render::line("try it: wxmcp run -c 'from tools import hello; hello.greet(name=\"you\")'");
        render::line("give it to an agent: wxmcp serve --print-config claude-code");
    }
    Ok(Exit::Success)
}

/// Whether the file was written; not, if there is one.
fn write(path: &Path, text: &str) -> anyhow::Result<bool> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).context("make its folder")?;
    }
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            file.write_all(text.as_bytes())?;
            Ok(true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.into()),
    }
}
