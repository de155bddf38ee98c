//! HTTP clients of Python from PyPI, unchanged, in the sandbox: they do what they do under CPython.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::Value;
use support::{Printed, TestResult, http_python, repository, wxmcp};

type Made<T> = Result<T, Box<dyn std::error::Error>>;

fn site() -> Made<PathBuf> {
    Ok(http_python()?.join("site"))
}

fn file(name: &str) -> PathBuf {
    repository().join("tests/http_python").join(name)
}

/// `tests/http_python/server.py`; it ends with this.
struct Server {
    port: String,
    child: Child,
    _input: ChildStdin,
}

impl Server {
    fn start(arguments: &[&Path]) -> Made<Self> {
        let mut child = Command::new("python3")
            .arg(file("server.py"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("no input")?;
        let mut port = String::new();
        let output = child.stdout.take().ok_or("no output")?;
        BufReader::new(output).read_line(&mut port)?;
        Ok(Self {
            port: port.trim().to_owned(),
            child,
            _input: input,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// What a script prints in the sandbox, run with these options.
fn in_sandbox(folder: &Path, script: &str, port: &str, options: &[&str]) -> Made<Printed> {
    let mount = format!("{}:/site", site()?.display());
    let mut command = wxmcp(folder);
    command.args(["run", "--timeout", "120s", "-v", &mount]);
    command.args(options).arg(file(script));
    Ok(command.args(["--", "/site", port]).output()?.into())
}

/// What the same script prints under CPython.
fn under_cpython(script: &str, port: &str) -> Made<Printed> {
    let mut command = Command::new("python3");
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(file(script));
    Ok(command.arg(site()?).arg(port).output()?.into())
}

fn granted(port: &str) -> [String; 2] {
    ["--allow-host".to_owned(), format!("localhost:{port}")]
}

/// Runs a script both ways: what it prints is the same, and what `NAME.out` has.
fn same(name: &str) -> TestResult {
    let server = Server::start(&[])?;
    let folder = tempfile::tempdir()?;
    let script = format!("{name}.py");
    let native = under_cpython(&script, &server.port)?;
    assert_eq!(native.code, Some(0), "{}", native.stderr);
    let [flag, host] = granted(&server.port);
    // Nobody listens there, which a script that may ask is told as by a network.
    let options = [flag.as_str(), &host, &flag, "localhost:1"];
    let printed = in_sandbox(folder.path(), &script, &server.port, &options)?;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    let expected = fs::read_to_string(file(&format!("{name}.out")))?;
    assert_eq!(printed.stdout, expected);
    assert_eq!(native.stdout, expected);
    assert_eq!(printed.stderr, "");
    Ok(())
}

/// Sessions, redirects, cookies, streams, uploads, retries, timeouts; 60 threads whose requests the server answers when all
/// have come.
#[test]
fn requests_does_as_under_cpython() -> TestResult {
    same("requests_session")
}

#[test]
fn httpx_does_as_under_cpython() -> TestResult {
    same("httpx_clients")
}

#[test]
fn aiohttp_does_as_under_cpython() -> TestResult {
    same("aiohttp_session")
}

/// Each library has its own error for a connection that fails, and ours has the reason in it.
#[test]
fn a_place_that_is_not_granted_is_the_librarys_own_error() -> TestResult {
    let server = Server::start(&[])?;
    let folder = tempfile::tempdir()?;
    let printed = in_sandbox(folder.path(), "refused.py", &server.port, &[])?;
    let expected = fs::read_to_string(file("refused.out"))?;
    assert_eq!(printed.stdout, expected, "{}", printed.stderr);
    Ok(())
}

/// What is no request of HTTP/1.1 is refused in words, and what is one is answered.
#[test]
fn sockets_carry_requests_and_nothing_else() -> TestResult {
    let server = Server::start(&[])?;
    let folder = tempfile::tempdir()?;
    let [flag, host] = granted(&server.port);
    let printed = in_sandbox(folder.path(), "sockets.py", &server.port, &[&flag, &host])?;
    let expected = fs::read_to_string(file("sockets.out"))?;
    assert_eq!(printed.stdout, expected, "{}", printed.stderr);
    Ok(())
}

/// `ca` of `[http]` decides, whatever the script says.
#[test]
fn the_host_decides_whom_to_trust() -> TestResult {
    let folder = tempfile::tempdir()?;
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key)?.pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate()?;
    let params = CertificateParams::new(vec!["localhost".to_owned()])?;
    let certificate = params.signed_by(&key, &issuer)?.pem();
    let paths =
        ["certificate.pem", "key.pem", "authority.pem"].map(|name| folder.path().join(name));
    for (path, text) in paths
        .iter()
        .zip([certificate, key.serialize_pem(), authority])
    {
        fs::write(path, text)?;
    }
    let [certificate, key, authority] = &paths;
    let server = Server::start(&[certificate, key])?;
    let [flag, host] = granted(&server.port);
    for (settings, expected) in [
        (String::new(), "untrusted.out"),
        (format!("[http]\nca = {authority:?}\n"), "secured.out"),
    ] {
        fs::write(folder.path().join("wxmcp.toml"), settings)?;
        let printed = in_sandbox(folder.path(), "secured.py", &server.port, &[&flag, &host])?;
        let expected = fs::read_to_string(file(expected))?;
        assert_eq!(printed.stdout, expected, "{}", printed.stderr);
    }
    Ok(())
}

/// A connection and each request over it are calls of the report.
#[test]
fn connections_and_requests_are_calls_of_the_report() -> TestResult {
    let server = Server::start(&[])?;
    let folder = tempfile::tempdir()?;
    let [flag, host] = granted(&server.port);
    let code = format!(
        "import sys; sys.path.insert(0, '/site'); import requests\n\
         with requests.Session() as session:\n    \
         [session.get('http://{host}/hello?key=canary').text for _ in range(2)]"
    );
    let mount = format!("{}:/site", site()?.display());
    let mut command = wxmcp(folder.path());
    let printed: Printed = command
        .args(["run", "--json", &flag, &host, "-v", &mount, "-c", &code])
        .output()?
        .into();
    let report: Value = serde_json::from_str(&printed.stdout)?;
    let calls = report["calls"].as_array().ok_or("no calls")?;
    let names: Vec<_> = calls.iter().map(|call| call["name"].as_str()).collect();
    let (connect, get) = (
        format!("http CONNECT http://{host}"),
        format!("http GET http://{host}"),
    );
    assert_eq!(names, [Some(connect.as_str()), Some(&get), Some(&get)]);
    Ok(())
}
