//! Sessions over the protocol.

use serde_json::{Value, json};

use crate::client::{Client, Era, text};
use crate::support::{TestResult, tree};

fn in_session(client: &mut Client, session: &str, code: &str) -> Value {
    client.call("run_code", json!({"code": code, "session": session}))
}

fn begin(client: &mut Client, language: &str, code: &str) -> String {
    let result = client.call(
        "run_code",
        json!({"code": code, "session": "new", "language": language}),
    );
    let handle = result["structuredContent"]["session"].as_str();
    let handle = handle.unwrap_or_else(|| panic!("{result}")).to_owned();
    assert!(
        text(&result).ends_with(&format!("[session] {handle}")),
        "{result}"
    );
    handle
}

#[test]
fn a_session_keeps_what_its_runs_made() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let session = begin(
        &mut client,
        "python",
        "import math\nx = 20\ndef f(): return x + 1",
    );
    let result = in_session(&mut client, &session, "x += 1\nf() + math.floor(20.5)");
    assert!(text(&result).starts_with("42\n[session]"), "{result}");
    let session = begin(
        &mut client,
        "typescript",
        "const x: number = 20;\nlet y = 1;\nclass A { n = 21 }",
    );
    let result = in_session(
        &mut client,
        &session,
        "y += 0; const z = x + new A().n + y;\nz",
    );
    assert!(text(&result).starts_with("42\n[session]"), "{result}");
    // Without a session nothing is kept.
    assert_eq!(client.run("x")["isError"], true);
    Ok(())
}

#[test]
fn a_failed_run_keeps_the_session_and_a_stopped_one_ends_it() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let session = begin(&mut client, "python", "x = 1");
    let failed = in_session(&mut client, &session, "x = 2\n1 / 0");
    assert_eq!(failed["isError"], true);
    assert!(
        text(&failed).ends_with(&format!("[session] {session}")),
        "{failed}"
    );
    let result = in_session(&mut client, &session, "x");
    assert!(text(&result).starts_with("2\n"), "{result}");
    let spin = json!({"code": "while True: pass", "session": session, "timeout_ms": 100});
    let stopped = client.call("run_code", spin);
    let why = "its last run was stopped by the time limit of 0.1 s";
    assert!(
        text(&stopped).ends_with(&format!("[session ended] {session}: {why}")),
        "{stopped}"
    );
    let gone = in_session(&mut client, &session, "x");
    assert_eq!(
        text(&gone),
        format!("the session {session} has ended: {why}")
    );
    assert_eq!(gone["isError"], true);
    Ok(())
}

#[test]
fn unknown_and_ended_sessions_are_errors_and_never_new_ones() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Modern, &[]);
    let unknown = "0".repeat(32);
    let result = in_session(&mut client, &unknown, "1");
    assert!(
        text(&result).starts_with(&format!("there is no session {unknown}")),
        "{result}"
    );
    let session = begin(&mut client, "python", "x = 1");
    let listed = client.request("resources/read", json!({"uri": "session://list"}));
    let listed = listed["result"]["contents"][0]["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(listed.contains(&session), "{listed}");
    let ended = client.call("run_code", json!({"session": format!("end:{session}")}));
    assert_eq!(text(&ended), format!("[session ended] {session}"));
    let result = in_session(&mut client, &session, "x");
    assert!(
        text(&result).ends_with("has ended: a call ended it"),
        "{result}"
    );
    let other = json!({"code": "1", "session": begin(&mut client, "python", "1"), "language": "typescript"});
    let result = client.call("run_code", other);
    assert!(text(&result).contains("is one of Python"), "{result}");
    Ok(())
}

#[test]
fn a_session_serves_one_run_at_a_time() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let session = begin(&mut client, "python", "n = 0");
    let code = "import asyncio\nbefore = n\nawait asyncio.sleep(0.01)\nn = before + 1\nn";
    let ids: Vec<u64> = (0..20)
        .map(|_| {
            let arguments = json!({"code": code, "session": session});
            client.begin(
                "tools/call",
                json!({"name": "run_code", "arguments": arguments}),
            )
        })
        .collect();
    let mut values: Vec<u64> = Vec::new();
    for id in ids {
        let value = client.answer(id)["result"]["structuredContent"]["value"].as_u64();
        values.push(value.ok_or("no value")?);
    }
    values.sort_unstable();
    assert_eq!(values, (1..=20).collect::<Vec<u64>>());
    Ok(())
}

#[test]
fn the_longest_idle_session_makes_room() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let first = begin(&mut client, "python", "1");
    for _ in 0..16 {
        begin(&mut client, "python", "1");
    }
    let result = in_session(&mut client, &first, "1");
    assert!(
        text(&result).contains("another session was made, and 16 is the most"),
        "{result}"
    );
    Ok(())
}

#[test]
fn sessions_that_nobody_heard_of_do_not_push_others_out() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let kept = begin(&mut client, "python", "x = 42");
    for _ in 0..20 {
        let arguments = json!({"code": "1", "session": "new"});
        let id = client.begin(
            "tools/call",
            json!({"name": "run_code", "arguments": arguments}),
        );
        client.notify("notifications/cancelled", json!({"requestId": id}));
    }
    let result = in_session(&mut client, &kept, "x");
    assert!(text(&result).starts_with("42\n"), "{result}");
    Ok(())
}

/// The next run in a session whose worker was lost while nothing ran in it hears that the session has ended, and why.
#[test]
fn a_session_whose_worker_was_lost_while_idle_has_ended_and_says_why() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let session = begin(&mut client, "python", "x = 1");
    let parent = client.child.id().to_string();
    let killed = std::process::Command::new("pkill")
        .args(["-KILL", "-P", &parent])
        .status()?;
    assert!(killed.success());
    let lost = in_session(&mut client, &session, "x");
    let why = "its worker process was ended by signal 9 (SIGKILL, as the system does when memory runs out)";
    let words = format!("the session has ended: {why}; the run did not begin");
    assert_eq!(
        text(&lost),
        format!("{words}\n[session ended] {session}: {why}")
    );
    let structured = &lost["structuredContent"];
    assert_eq!(structured["outcome"], "not-begun", "{lost}");
    assert_eq!(structured["error"]["message"], words.as_str(), "{lost}");
    assert_eq!(structured["session"], session.as_str(), "{lost}");
    assert_eq!(structured["session_ended"], why, "{lost}");
    let after = in_session(&mut client, &session, "x");
    assert_eq!(
        text(&after),
        format!("the session {session} has ended: {why}")
    );
    assert_eq!(text(&client.run("1 + 1")), "2");
    Ok(())
}
