//! Runs that take longer than a client waits, and what clients hear of them.

use std::process::Command;

use serde_json::{Value, json};

use crate::client::{Client, Era, text};
use crate::support::{TestResult, scripted, tree, wxmcp};

const SLOW: &str =
    "import asyncio\nprint('begun')\nawait asyncio.sleep(1.5)\nprint('ended')\n'value'";

#[test]
fn a_long_run_answers_with_a_handle_and_can_be_waited_for() -> TestResult {
    let folder = tree::<&str>(&[])?;
    for era in [Era::Legacy, Era::Modern] {
        let mut client = Client::start(folder.path(), era, &["--yield-after", "500ms"]);
        let first = client.run(SLOW);
        assert_eq!(first["isError"], false);
        let words = text(&first);
        assert!(words.starts_with("[running] after "), "{words}");
        assert!(words.ends_with("[stdout] so far\nbegun\n"), "{words}");
        let handle = first["structuredContent"]["wait"]
            .as_str()
            .ok_or("no handle")?;
        let mut last = json!(null);
        for _ in 0..100 {
            last = client.call("run_code", json!({"wait": handle}));
            if !text(&last).starts_with("[running]") {
                break;
            }
        }
        assert_eq!(text(&last), "value\n[stdout]\nbegun\nended\n");
        assert_eq!(last["structuredContent"]["run"], handle);
        // The end can be asked for again.
        assert_eq!(
            client.call("run_code", json!({"wait": handle}))["content"],
            last["content"]
        );
        let other = "0".repeat(32);
        let unknown = client.call("run_code", json!({"wait": other}));
        assert!(
            text(&unknown).contains(&format!("there is no run {other}")),
            "{unknown}"
        );
    }
    Ok(())
}

#[test]
fn a_client_that_has_tasks_gets_a_task() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut command: Command = wxmcp(folder.path());
    command.args(["serve", "--yield-after", "300ms"]);
    let capabilities = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
    let mut client = Client::of(command, Era::Modern, capabilities);
    let task = client.call("run_code", json!({"code": SLOW}));
    assert_eq!(task["resultType"], "task", "{task}");
    let id = task["taskId"].as_str().ok_or("no task")?.to_owned();
    let created = task["createdAt"].clone();
    let ended = loop {
        let task = client.request("tasks/get", json!({"taskId": id}));
        assert_eq!(task["result"]["createdAt"], created, "{task}");
        match task["result"]["status"].as_str() {
            Some("working") => {}
            Some("completed") => break task,
            _ => panic!("{task}"),
        }
    };
    let words = ended["result"]["result"]["content"][0]["text"].as_str();
    assert_eq!(words, Some("value\n[stdout]\nbegun\nended\n"), "{ended}");
    let again = client.request("tasks/get", json!({"taskId": id}));
    assert_eq!(again["result"], ended["result"]);
    assert_ne!(ended["result"]["lastUpdatedAt"], created);
    let code = "import asyncio\nawait asyncio.sleep(3600)";
    let task = client.call("run_code", json!({"code": code}));
    client.request("tasks/cancel", json!({"taskId": task["taskId"]}));
    let ended = loop {
        let ended = client.request("tasks/get", json!({"taskId": task["taskId"]}));
        if ended["result"]["status"] != "working" {
            break ended;
        }
    };
    assert_eq!(ended["result"]["status"], "cancelled", "{ended}");
    Ok(())
}

#[test]
fn progress_and_printed_lines_are_heard_by_those_who_ask() -> TestResult {
    let greet = "def greet(name: str) -> str:\n    return name\n";
    let folder = tree(&[("tools/hello/greet.py", greet)])?;
    let code = "from tools import hello\nprint('a line')\nprogress('half', 1, 2)\nhello.greet(name='x')\n'value'";
    let arguments = json!({"code": code});
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    client.request("logging/setLevel", json!({"level": "info"}));
    let params =
        json!({"name": "run_code", "arguments": arguments, "_meta": {"progressToken": "t"}});
    let id = client.begin("tools/call", params.clone());
    let logged = client.notification("notifications/message");
    assert_eq!(logged["params"]["data"], "a line\n", "{logged}");
    let mut before = 0.0;
    for words in ["half", "hello.greet ..", "call 1 done"] {
        let progress = client.notification("notifications/progress");
        let params = &progress["params"];
        assert_eq!(params["message"], words, "{progress}");
        assert_eq!(params["progressToken"], "t");
        let now = params["progress"].as_f64().ok_or("no number")?;
        assert!(now > before, "progress grows: {before}, {now}");
        before = now;
    }
    assert_eq!(
        text(&client.answer(id)["result"]),
        "value\n[stdout]\na line\n"
    );
    // In the newer era each request says what it wants to hear.
    let mut client = Client::start(folder.path(), Era::Modern, &[]);
    let mut params = params;
    params["_meta"]["io.modelcontextprotocol/logLevel"] = json!("info");
    let id = client.begin("tools/call", params);
    let logged = client.notification("notifications/message");
    assert_eq!(logged["params"]["data"], "a line\n", "{logged}");
    client.answer(id);
    Ok(())
}

#[test]
fn a_cancelled_call_stops_the_guest_and_its_calls() -> TestResult {
    let plan: Value = json!({"tools": [{"name": "slow", "hang": true}]});
    let servers = json!({"mcpServers": {"scripted": scripted(&plan)}}).to_string();
    let folder = tree(&[(".mcp.json", servers)])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &["--timeout", "60s"]);
    client.request("logging/setLevel", json!({"level": "info"}));
    let spin = json!({"code": "print('spins')\nwhile True: pass"});
    let id = client.begin("tools/call", json!({"name": "run_code", "arguments": spin}));
    client.notification("notifications/message");
    client.notify("notifications/cancelled", json!({"requestId": id}));
    // Its report says so, and comes without an answer to the call.
    let report = loop {
        let listed = client.request("resources/list", json!({}));
        let run = listed["result"]["resources"].as_array().and_then(|all| {
            all.iter().find_map(|it| {
                it["uri"]
                    .as_str()?
                    .strip_suffix("/report")
                    .map(str::to_owned)
            })
        });
        if let Some(run) = run {
            break client.request("resources/read", json!({"uri": format!("{run}/report")}));
        }
    };
    let words = report["result"]["contents"][0]["text"]
        .as_str()
        .unwrap_or_default();
    assert!(words.contains("\"outcome\":\"cancelled\""), "{words}");
    assert_eq!(text(&client.run("1 + 1")), "2");
    Ok(())
}

#[test]
fn a_run_whose_worker_was_lost_says_so_to_whoever_asks_later() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &["--yield-after", "300ms"]);
    let code = "import asyncio\nawait asyncio.sleep(3600)";
    let begun = client.run(code);
    let handle = begun["structuredContent"]["wait"]
        .as_str()
        .ok_or("no handle")?
        .to_owned();
    let parent = client.child.id().to_string();
    for _ in 0..2 {
        let lost = loop {
            // Again, if the first had not begun it: another has it then.
            let _none_left = Command::new("pkill")
                .args(["-KILL", "-P", &parent])
                .status()?;
            let lost = client.call("run_code", json!({"wait": handle}));
            if !text(&lost).starts_with("[running]") {
                break lost;
            }
        };
        assert_eq!(lost["isError"], true, "{lost}");
        assert!(text(&lost).contains("worker"), "{lost}");
    }
    assert_eq!(text(&client.run("1 + 1")), "2");
    Ok(())
}
