//! Lines that are no messages: each that asks for an answer gets one, and nothing else is lost.

use serde_json::{Value, json};

use crate::client::{Client, Era, text};
use crate::support::{TestResult, tree};

/// A call whose id comes last, as some SDKs write it, with `code` as it is.
fn call(id: u64, code: &str) -> String {
    format!(
        r#"{{"method":"tools/call","params":{{"name":"run_code","arguments":{{"code":{code}}}}},"jsonrpc":"2.0","id":{id}}}"#
    )
}

#[test]
fn lines_that_cannot_be_read_are_answered_and_the_next_one_runs() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let deep = format!("{}{}", "[".repeat(130), "]".repeat(130));
    for era in [Era::Legacy, Era::Modern] {
        let mut client = Client::unopened(folder.path(), era);
        // Before the two have settled how they speak, too.
        for is_open in [false, true] {
            if is_open {
                client.open();
            }
            for (line, code, id) in [
                ("no JSON".to_owned(), -32700, json!(null)),
                ("{\"id\": 5, ".to_owned(), -32700, json!(null)),
                ("[]".to_owned(), -32600, json!(null)),
                (
                    r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#.to_owned(),
                    -32600,
                    json!(null),
                ),
                (
                    r#"{"id":900,"method":"ping"}"#.to_owned(),
                    -32600,
                    json!(900),
                ),
                (call(901, r#""'\ud800'""#), -32600, json!(901)),
                (call(902, &deep), -32600, json!(902)),
                (
                    r#"{"jsonrpc":"2.0","id":903,"method":"no/such"}"#.to_owned(),
                    -32601,
                    json!(903),
                ),
                (
                    r#"{"jsonrpc":"2.0","id":904,"method":"tools/call"}"#.to_owned(),
                    -32602,
                    json!(904),
                ),
                (
                    r#"{"jsonrpc":"2.0","id":"e","method":"resources/read","params":{"uri":1}}"#
                        .to_owned(),
                    -32602,
                    json!("e"),
                ),
            ] {
                client.send_line(&line);
                let answer = client.next_error();
                assert_eq!(
                    (&answer["error"]["code"], &answer["id"]),
                    (&json!(code), &id),
                    "{line}: {answer}"
                );
                assert_eq!(answer["jsonrpc"], "2.0");
            }
        }
        assert_eq!(text(&client.run("'\u{1F600}'")), "\u{1F600}");
        assert!(client.end().success());
    }
    Ok(())
}

#[test]
fn a_line_that_is_too_long_is_answered_by_its_id_and_takes_no_memory() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    client.run("1");
    let before = peak(client.child.id())?;
    client.send_line(&call(900, &format!("\"{}\"", "x".repeat(200 << 20))));
    let answer = client.next_error();
    assert_eq!(
        (&answer["error"]["code"], &answer["id"]),
        (&json!(-32600), &json!(900))
    );
    let words = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(words.contains("longer than 33554432 bytes"), "{words}");
    // What may be kept of a line, and not what it has.
    let grown = peak(client.child.id())?.saturating_sub(before);
    assert!(grown < 100 << 10, "{grown} KiB");
    // Its twin has a length that is allowed.
    let program = format!("len('{}')", "x".repeat(7 << 20));
    let answer = client.run(&program);
    assert_eq!(text(&answer), (7 << 20).to_string());
    Ok(())
}

#[test]
fn requests_between_lines_that_are_none_are_all_answered() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let ids: Vec<u64> = (0..50)
        .map(|n| {
            client.send_line("{\"broken\": ");
            let arguments = json!({"code": format!("{n} + 1")});
            client.begin(
                "tools/call",
                json!({"name": "run_code", "arguments": arguments}),
            )
        })
        .collect();
    for (n, id) in ids.into_iter().enumerate() {
        let answer = client.answer(id);
        assert_eq!(text(&answer["result"]), (n + 1).to_string());
    }
    let refused: Vec<Value> = (0..50).map(|_| client.next_error()).collect();
    assert!(refused.iter().all(|it| it["error"]["code"] == -32700));
    Ok(())
}

/// The most memory that a process has taken, in KiB.
fn peak(pid: u32) -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no number")?.parse()?)
}
