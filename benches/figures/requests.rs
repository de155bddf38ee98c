//! What a request costs by a library of Python that brings its own HTTP.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::timing::{row, text};

/// Prints the median of requests for 1 KiB in milliseconds, after the import, once the answer is as it must be.
const SCRIPT: &str = "\
import sys, time
sys.path.insert(0, sys.argv[1])
import requests
url = f'http://localhost:{sys.argv[2]}/kib'
assert requests.get(url).content == b'x' * 1024
times = []
for _ in range(101):
    started = time.perf_counter()
    requests.get(url)
    times.append(time.perf_counter() - started)
print(sorted(times)[50] * 1e3)
";

/// Measures where `tests/http_python/setup.sh` has installed the libraries.
pub(crate) fn figures(wxmcp: &Path, python: &Path) -> anyhow::Result<()> {
    let site = Path::new("target/http-python/site");
    ensure!(site.exists(), "`make http-python` installs the libraries");
    let mut server = Command::new(python)
        .arg("tests/http_python/server.py")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let _kept_open = server.stdin.take();
    let mut port = String::new();
    let output = server.stdout.take().context("no output")?;
    BufReader::new(output).read_line(&mut port)?;
    let measured = measure(wxmcp, python, site, port.trim());
    server.kill()?;
    server.wait()?;
    let (ours, theirs) = measured?;
    row(
        "`requests.get` of 1 KiB from loopback after import, p50, native CPython",
        &format!("{ours:.2} ms, {theirs:.2} ms"),
        "<= 2 ms",
    );
    Ok(())
}

fn measure(wxmcp: &Path, python: &Path, site: &Path, port: &str) -> anyhow::Result<(f64, f64)> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("script.py");
    std::fs::write(&script, SCRIPT)?;
    let mount = format!("{}:/site", site.display());
    let host = format!("localhost:{port}");
    let mut ours = Command::new(wxmcp);
    ours.args(["run", "--allow-host", &host, "-v", &mount])
        .arg(&script)
        .args(["--", "/site", port]);
    let mut theirs = Command::new(python);
    theirs
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(&script)
        .arg(site)
        .arg(port);
    let time = |command: &mut Command| -> anyhow::Result<f64> {
        let printed = text(command.output()?)?;
        let time: f64 = printed.trim().parse()?;
        ensure!(time > 0.0);
        Ok(time)
    };
    Ok((time(&mut ours)?, time(&mut theirs)?))
}
