//! Runs the `wxmcp` binary as a user would, with nothing of this machine's own.
#![allow(dead_code, reason = "each test program uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// `fixtures/` of this repository.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// `wxmcp`, in `folder`, with an environment that holds what it needs and no more.
pub(crate) fn wxmcp(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wxmcp"));
    command
        .current_dir(folder)
        .env_clear()
        .env("FIXTURES", fixtures())
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("WXMCP_CACHE_DIR", cache())
        .stdin(Stdio::null());
    command
}

/// One cache for all tests of one build, so that the guest is unpacked once.
pub(crate) fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

/// What a command printed, as text, for assertions and messages.
pub(crate) struct Printed {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Printed {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A folder with these files.
pub(crate) fn tree(
    files: &[(&str, &[u8])],
) -> Result<tempfile::TempDir, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    for (path, bytes) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        std::fs::write(path, bytes)?;
    }
    Ok(folder)
}

/// What `wxmcp` prints in a folder.
pub(crate) fn wx(folder: &Path, args: &[&str]) -> Result<Printed, Box<dyn std::error::Error>> {
    Ok(wxmcp(folder).args(args).output()?.into())
}

/// Lines of a file of a fixture, none where it is absent.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path)
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Where `tests/checkers/setup.sh` puts the type checkers.
pub(crate) fn checkers() -> Result<PathBuf, String> {
    let checkers = std::env::var_os("WXMCP_TEST_CHECKERS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/checkers"),
        PathBuf::from,
    );
    checkers
        .join("bin")
        .canonicalize()
        .map_err(|_| "the type checkers are not installed: run `make checkers`".to_owned())
}

/// Where `tests/componentizers/setup.sh` puts what makes components.
pub(crate) fn componentizers() -> Result<PathBuf, String> {
    std::env::var_os("WXMCP_TEST_COMPONENTIZERS")
        .map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/componentizers"),
            PathBuf::from,
        )
        .canonicalize()
        .map_err(|_| "the componentizers are not installed: run `make componentizers`".to_owned())
}
