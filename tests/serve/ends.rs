//! How a server ends, and what becomes of its runs.

use std::io::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Client, Era, text};
use crate::support::{TestResult, tree, wxmcp};

const SLEEPS: &str = "import asyncio\nprint('begun')\nawait asyncio.sleep(3600)";

fn begun(folder: &std::path::Path, flags: &[&str]) -> (Client, u64) {
    let mut client = Client::start(folder, Era::Legacy, flags);
    client.request("logging/setLevel", json!({"level": "info"}));
    let id = client.begin(
        "tools/call",
        json!({"name": "run_code", "arguments": {"code": SLEEPS}}),
    );
    client.notification("notifications/message");
    (client, id)
}

#[test]
fn a_client_that_says_nothing_ends_it_well() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let printed = wxmcp(folder.path()).arg("serve").output()?;
    assert!(printed.status.success());
    assert_eq!(printed.stdout, b"");
    Ok(())
}

#[test]
fn at_the_end_of_input_runs_are_answered_and_long_ones_cancelled() -> TestResult {
    let folder = tree::<&str>(&[])?;
    // Everything at once, as `printf .. | wxmcp serve` sends it.
    let lines = [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
            "name": "run_code", "arguments": {"code": "import asyncio\nawait asyncio.sleep(0.3)\n'late'"}}}),
        json!({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {
            "name": "run_code", "arguments": {"code": SLEEPS}}}),
    ];
    let input: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    let file = folder.path().join("input");
    std::fs::write(&file, input.concat())?;
    let printed = wxmcp(folder.path())
        .args(["serve", "--drain", "3s"])
        .stdin(std::fs::File::open(&file)?)
        .output()?;
    let out = String::from_utf8(printed.stdout)?;
    assert!(out.contains("\"text\":\"late\""), "{out}");
    assert!(out.contains("[cancelled]"), "{out}");
    assert!(printed.status.success());
    Ok(())
}

#[test]
fn a_signal_drains_and_ends_it() -> TestResult {
    let folder = tree::<&str>(&[])?;
    for signal in ["-TERM", "-INT"] {
        let (mut client, id) = begun(folder.path(), &["--drain", "200ms"]);
        let process = client.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &process])
                .status()?
                .success()
        );
        let answer = client.answer(id);
        assert!(
            text(&answer["result"]).starts_with("[stdout]\nbegun\n\n[cancelled]"),
            "{answer}"
        );
        assert!(client.end().success());
    }
    Ok(())
}

fn send(signal: &str, client: &Client) -> TestResult {
    let process = client.child.id().to_string();
    let sent = Command::new("kill").args([signal, &process]).status()?;
    assert!(sent.success());
    Ok(())
}

/// Who asks twice does not wait for the runs that go on.
#[test]
fn a_second_signal_ends_it_at_once() -> TestResult {
    let folder = tree::<&str>(&[])?;
    for signal in ["-TERM", "-INT"] {
        let (mut client, _) = begun(folder.path(), &["--drain", "1h"]);
        send(signal, &client)?;
        // The first one was heard: it begins no more runs, and the one that goes on is waited for.
        while !text(&client.run("1 + 1")).contains("it begins no more runs") {}
        assert!(client.child.try_wait()?.is_none());
        send(signal, &client)?;
        assert_eq!(client.child.wait()?.code(), Some(130));
    }
    // Where the end of its input came first, one signal is the second.
    let (mut client, _) = begun(folder.path(), &["--drain", "1h"]);
    client.close_input();
    let status = loop {
        send("-TERM", &client)?;
        if let Some(status) = client.child.try_wait()? {
            break status;
        }
        std::thread::yield_now();
    };
    assert_eq!(status.code(), Some(130));
    Ok(())
}

#[test]
fn a_client_that_was_killed_takes_its_runs_along() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let (mut client, _) = begun(folder.path(), &["--drain", "50s"]);
    let began = Instant::now();
    client.vanish();
    client.child.wait()?;
    // Far less than the time to drain.
    assert!(
        began.elapsed() < Duration::from_secs(25),
        "{:?}",
        began.elapsed()
    );
    Ok(())
}

#[test]
fn standard_output_is_protocol_and_the_log_is_elsewhere() -> TestResult {
    let folder = tree(&[(
        "tools/hello/greet.py",
        "print('loaded')\ndef greet() -> str:\n    print('called')\n    return 'x'\n",
    )])?;
    let log = folder.path().join("log");
    let path = log.to_string_lossy().into_owned();
    let mut client = Client::start(folder.path(), Era::Legacy, &["--log", &path]);
    let secret = "from tools import hello\nhello.greet()\n'a value of mine'";
    assert_eq!(text(&client.run(secret)), "a value of mine");
    assert!(client.end().success());
    let log = std::fs::read_to_string(&log)?;
    assert!(
        log.contains("ended after") && log.contains("returned, 1 calls"),
        "{log}"
    );
    assert!(!log.contains("a value of mine"), "{log}");
    Ok(())
}

#[test]
fn messages_that_are_none_do_not_end_it() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    for message in [
        json!([]),
        json!({"jsonrpc": "2.0", "id": 900, "method": "no/such"}),
        json!({"jsonrpc": "2.0", "id": 901, "method": "tools/call"}),
        json!({"jsonrpc": "2.0", "id": 902, "result": {}}),
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 12345}}),
    ] {
        client.send(&message);
    }
    assert_eq!(text(&client.run("1 + 1")), "2");
    Ok(())
}

#[test]
fn a_client_that_goes_without_having_read_ends_it() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut child = wxmcp(folder.path())
        .arg("serve")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().ok_or("no standard input")?;
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}});
    writeln!(stdin, "{hello}")?;
    // Less than a pipe takes, so that this end does not wait; the answers are more.
    for id in 2..40 {
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {
            "name": "run_code", "arguments": {"code": "'x' * 20000"}}});
        writeln!(stdin, "{call}")?;
    }
    drop(stdin);
    // Its output stays open, and is never read.
    assert!(child.wait()?.success());
    Ok(())
}

#[test]
fn what_asks_for_nothing_is_passed_over_before_the_first_request() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let cancelled =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}});
    for era in [Era::Legacy, Era::Modern] {
        let mut client = Client::unopened(folder.path(), era);
        client.send(&cancelled);
        if era == Era::Modern {
            client.request("server/discover", json!({}));
            client.send(&cancelled);
        }
        client.open();
        assert_eq!(text(&client.run("1 + 1")), "2");
    }
    Ok(())
}
