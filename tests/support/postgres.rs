//! A real PostgreSQL server, started for one test.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// A server that ends with this value, or with the test's process.
pub(crate) struct Server {
    pub(crate) port: u64,
    /// Of the role `postgres`.
    pub(crate) password: String,
    process: Child,
}

impl Server {
    /// Starts one with these arguments of `tests/servers/postgres.py`.
    pub(crate) fn start(args: &[&OsStr]) -> Result<Self, Box<dyn std::error::Error>> {
        let mut process = Command::new("python3")
            .arg(script())
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = process.stdout.take().ok_or("no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let told: Value = serde_json::from_str(&line)
            .map_err(|error| format!("the server did not start (`make servers`?): {error}"))?;
        Ok(Self {
            port: told
                .get("port")
                .and_then(serde_json::Value::as_u64)
                .ok_or("no port")?,
            password: told
                .get("password")
                .and_then(serde_json::Value::as_str)
                .ok_or("no password")?
                .to_owned(),
            process,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ended = self.process.wait();
    }
}

fn script() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .ancestors()
        .map(|folder| folder.join("tests/servers/postgres.py"))
        .find(|script| script.is_file())
        .unwrap_or_default()
}
