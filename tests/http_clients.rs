//! Scripts ask hosts as they do elsewhere: with packages of npm, and with `node:http`. Each of them runs in the sandbox
//! against a server on loopback, and prints what it prints in node, but for the hosts that are not granted.

mod support;

use std::fs;
use std::path::PathBuf;

use support::{Printed, TestResult, http as server, repository, wx};

/// Where `make http-clients` installs the packages.
fn packages() -> PathBuf {
    match std::env::var_os("WXMCP_TEST_HTTP_CLIENTS") {
        Some(folder) => folder.into(),
        None => repository().join("target/http-clients"),
    }
}

/// A port of this machine that nothing listens on.
fn nobody() -> std::io::Result<u16> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.port())
}

fn run(name: &str, granted: bool) -> Result<Printed, Box<dyn std::error::Error>> {
    let (port, unused) = (server::start()?, nobody()?);
    let scripts = repository().join("tests/http_clients/scripts");
    let script = scripts.join(format!("{name}.mjs"));
    let modules = packages().join("node_modules");
    let mounts = [
        format!("{}:/project:ro", scripts.display()),
        format!("{}:/node_modules:ro", modules.display()),
    ];
    let hosts = [format!("127.0.0.1:{port}"), format!("127.0.0.1:{unused}")];
    let urls = [
        format!("http://{}", hosts[0]),
        format!("http://{}", hosts[1]),
    ];
    let mut arguments = vec!["run", "--timeout", "60s"];
    for mount in &mounts {
        arguments.extend(["-v", mount]);
    }
    for host in hosts.iter().filter(|_| granted) {
        arguments.extend(["--allow-host", host]);
    }
    let script = script.to_string_lossy();
    arguments.extend([&*script, &urls[0], &urls[1]]);
    let folder = tempfile::tempdir()?;
    let mut printed = wx(folder.path(), &arguments)?;
    printed.stderr = printed.stderr.replace(&port.to_string(), "PORT");
    Ok(printed)
}

fn prints_what_it_does_elsewhere(name: &str) -> TestResult {
    let printed = run(name, true)?;
    let expected = repository().join(format!("tests/http_clients/scripts/{name}.stdout"));
    assert_eq!(
        (printed.stdout.as_str(), printed.stderr.as_str()),
        (fs::read_to_string(expected)?.as_str(), ""),
        "{name}"
    );
    assert_eq!(printed.code, Some(0));
    Ok(())
}

#[test]
fn node_http_has_the_events_and_errors_of_node() -> TestResult {
    prints_what_it_does_elsewhere("http")
}

#[test]
fn axios_works_over_granted_hosts() -> TestResult {
    prints_what_it_does_elsewhere("axios")
}

#[test]
fn node_fetch_works_over_granted_hosts() -> TestResult {
    prints_what_it_does_elsewhere("node_fetch")
}

#[test]
fn got_works_over_granted_hosts() -> TestResult {
    prints_what_it_does_elsewhere("got")
}

#[test]
fn undici_works_over_granted_hosts() -> TestResult {
    prints_what_it_does_elsewhere("undici")
}

#[test]
fn clients_of_models_work_over_granted_hosts() -> TestResult {
    prints_what_it_does_elsewhere("models")
}

/// The same scripts with nothing granted: the first request is refused, in the package's own error.
#[test]
fn without_a_grant_each_of_them_raises_its_own_error() -> TestResult {
    let reason = "`http://127.0.0.1:PORT` is not granted: run the script with `--allow-host 127.0.0.1:PORT`, \
                  or write `allow-hosts = [\"127.0.0.1:PORT\"]` under `[policy]` in wxmcp.toml";
    for (name, error) in [
        // Its own error, too, with the name of the one that it is made from.
        ("axios", "Error: connect EACCES 127.0.0.1:PORT - "),
        (
            "node_fetch",
            "FetchError: request to http://127.0.0.1:PORT/hello failed, reason: connect EACCES 127.0.0.1:PORT - ",
        ),
        ("got", "RequestError: connect EACCES 127.0.0.1:PORT - "),
        ("undici", "TypeError: fetch failed"),
    ] {
        let printed = run(name, false)?;
        assert_eq!(printed.code, Some(1), "{name}");
        assert!(printed.stderr.starts_with(error), "{}", printed.stderr);
        assert!(printed.stderr.contains(reason), "{}", printed.stderr);
        assert_eq!(printed.stdout, "", "{name}");
    }
    Ok(())
}
