//! What all tests of the binary share: `wxmcp` run as a user would, with nothing of this machine's own, and the
//! folders, configuration files and servers that it is run on.
#![allow(dead_code, reason = "each test program uses its part")]

pub(crate) mod http;
pub(crate) mod postgres;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) type TestResult = Result<(), Box<dyn Error>>;

/// This repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `fixtures/` of this repository.
pub(crate) fn fixtures() -> PathBuf {
    repository().join("fixtures")
}

/// The file of servers that names `fixtures/mcp/fixture_server.py` as `fixture`.
pub(crate) fn fixture_config() -> String {
    fixtures()
        .join("mcp/fixture.json")
        .to_string_lossy()
        .into_owned()
}

/// An entry of a file of servers: `fixtures/mcp/scripted.py`, which follows a plan.
pub(crate) fn scripted(plan: &Value) -> Value {
    let script = fixtures().join("mcp/scripted.py");
    json!({"command": "python3", "args": [script, plan.to_string()]})
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

impl Printed {
    /// Both streams, as they are compared.
    pub(crate) fn streams(&self) -> (&str, &str) {
        (&self.stdout, &self.stderr)
    }
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

/// What `wxmcp` prints in a folder.
pub(crate) fn wx(folder: &Path, args: &[&str]) -> Result<Printed, Box<dyn Error>> {
    Ok(wxmcp(folder).args(args).output()?.into())
}

/// What `wxmcp` prints in an empty folder.
pub(crate) fn wx_alone(args: &[&str]) -> Result<Printed, Box<dyn Error>> {
    wx(tempfile::tempdir()?.path(), args)
}

/// A folder with these files.
pub(crate) fn tree<T: AsRef<[u8]>>(files: &[(&str, T)]) -> Result<TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    for (path, bytes) in files {
        write(folder.path(), path, bytes)?;
    }
    Ok(folder)
}

/// Writes a file of a folder, and makes the folders that it is in.
pub(crate) fn write(folder: &Path, path: &str, bytes: impl AsRef<[u8]>) -> TestResult {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().ok_or("no folder")?)?;
    Ok(fs::write(path, bytes)?)
}

/// Copies what is in a folder, by `copy` file by file.
pub(crate) fn copy_all(
    from: &Path,
    to: &Path,
    copy: fn(&Path, &Path) -> std::io::Result<()>,
) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            copy_all(&entry.path(), &target, copy)?;
        } else {
            copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}

/// Copies a file as it is.
pub(crate) fn copy_file(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::copy(from, to).map(drop)
}

/// Lines of a file of a fixture, none where it is absent.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path)
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// Where `tests/checkers/setup.sh` puts the type checkers.
pub(crate) fn checkers() -> Result<PathBuf, String> {
    Ok(installed("WXMCP_TEST_CHECKERS", "checkers")?.join("bin"))
}

/// Where `tests/componentizers/setup.sh` puts what makes components.
pub(crate) fn componentizers() -> Result<PathBuf, String> {
    installed("WXMCP_TEST_COMPONENTIZERS", "componentizers")
}

/// Where `tests/http_python/setup.sh` puts HTTP clients of Python.
pub(crate) fn http_python() -> Result<PathBuf, String> {
    installed("WXMCP_TEST_HTTP_PYTHON", "http-python")
}

/// Where `tests/servers/setup.sh` puts real servers.
pub(crate) fn servers() -> Result<PathBuf, String> {
    installed("WXMCP_TEST_SERVERS", "servers")
}

/// What a setup script installed into `target`, or where this variable says.
fn installed(variable: &str, name: &str) -> Result<PathBuf, String> {
    std::env::var_os(variable)
        .map_or_else(|| repository().join("target").join(name), PathBuf::from)
        .canonicalize()
        .map_err(|_| format!("the {name} are not installed: run `make {name}`"))
}
