//! Runs that take longer than a client waits, and what clients hear of them.

use std::process::Command;
use std::time::{Duration, Instant};

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

/// A tool's own count and words, its name before them; the client's number grows by itself.
#[test]
#[expect(
    clippy::too_many_lines,
    reason = "a server, a tool file, and what is heard of both"
)]
fn progress_of_servers_and_of_tool_files_is_heard_with_the_name_of_the_tool() -> TestResult {
    let steps = json!([
        [1, 3, "one"],
        [2, 3, "two, with s3cr3t-c4nary"],
        [2.5, null, null]
    ]);
    let plan =
        json!({"tools": [{"name": "long", "inputSchema": {"type": "object"}, "progress": steps}]});
    let mut server = scripted(&plan);
    server["env"] = json!({"TOKEN": "s3cr3t-c4nary"});
    let servers = json!({"mcpServers": {"ups": server}}).to_string();
    let tool = "\
from wxmcp import call_tool, tool

@tool(grants={'tools': ['ups.long']})
def far() -> str:
    progress('own', 5, 6)
    call_tool('ups.long')
    return 'x'
";
    let config = "[grants.\"hello.far\"]\ntools = [\"ups.*\"]\n";
    let folder = tree(&[
        (".mcp.json", servers.as_str()),
        ("tools/hello/far.py", tool),
        ("wxmcp.toml", config),
    ])?;
    for era in [Era::Legacy, Era::Modern] {
        let mut client = Client::start(folder.path(), era, &[]);
        let mut heard = |code: &str, expected: &[&str]| {
            let params = json!({"name": "run_code", "arguments": {"code": code}, "_meta": {"progressToken": 7}});
            let id = client.begin("tools/call", params);
            let mut before = 0.0;
            for words in expected {
                let progress = client.notification("notifications/progress");
                let params = &progress["params"];
                assert_eq!(params["message"], *words, "{progress}");
                assert_eq!(params["progressToken"], 7);
                let now = params["progress"].as_f64().unwrap_or_default();
                assert!(now > before, "progress grows: {before}, {now}");
                before = now;
            }
            let result = client.answer(id);
            assert_eq!(result["result"]["isError"], false, "{result}");
        };
        heard(
            "from tools import ups\nups.long()",
            &[
                "ups.long ..",
                "ups.long: 1/3 one",
                "ups.long: 2/3 two, with [TOKEN]",
                "ups.long: 2.5",
                "call 1 done",
            ],
        );
        heard(
            "from tools import hello\nhello.far()",
            &[
                "hello.far ..",
                "hello.far: 5/6 own",
                "hello.far: 1/3 ups.long: one",
                "hello.far: 2/3 ups.long: two, with [TOKEN]",
                "hello.far: 2.5 ups.long",
                "call 1 done",
            ],
        );
    }
    Ok(())
}

/// The reports that there are.
fn reports(client: &mut Client) -> Vec<String> {
    let listed = client.request("resources/list", json!({}));
    let all = listed["result"]["resources"].as_array();
    let uris = all
        .into_iter()
        .flatten()
        .filter_map(|it| it["uri"].as_str());
    let reports = uris.filter(|uri| uri.ends_with("/report"));
    reports.map(str::to_owned).collect()
}

/// The report of a run that has no answer, since its call was cancelled: one that was not there before.
fn new_report(client: &mut Client, before: &[String]) -> String {
    loop {
        let all = reports(client);
        if let Some(uri) = all.iter().find(|uri| !before.contains(uri)) {
            let read = client.request("resources/read", json!({"uri": uri}));
            let text = read["result"]["contents"][0]["text"].as_str();
            return text.unwrap_or_default().to_owned();
        }
    }
}

#[test]
fn what_a_script_says_of_its_progress_is_read_or_refused_by_name() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let mut heard = |language: &str, code: &str, expected: &[&str]| {
        let arguments = json!({"code": code, "language": language});
        let params =
            json!({"name": "run_code", "arguments": arguments, "_meta": {"progressToken": "t"}});
        let id = client.begin("tools/call", params);
        for words in expected {
            let progress = client.notification("notifications/progress");
            assert_eq!(progress["params"]["message"], *words, "{progress}");
        }
        client.answer(id)["result"].clone()
    };
    let result = heard(
        "typescript",
        "progress({ step: 1, of: ['a'] }); progress([1]); progress(new Error('no')); progress('x', 1n, 2);",
        &["{\"step\":1,\"of\":[\"a\"]}", "[1]", "Error: no", "x"],
    );
    assert_eq!(result["isError"], false, "{result}");
    let result = heard(
        "python",
        "progress({'step': 1})\nprogress('x', True, 2.5)",
        &["{'step': 1}", "x"],
    );
    assert_eq!(result["isError"], false, "{result}");
    for (language, name) in [("python", "str"), ("typescript", "string")] {
        let result = heard(language, "progress(1, 3, 'one')", &[]);
        let words =
            format!("TypeError: progress(message, done, total): total is a number, not {name}");
        assert!(text(&result).contains(&words), "{result}");
        let result = heard(language, "progress('one', 'two')", &[]);
        assert!(text(&result).contains("done is a number"), "{result}");
    }
    Ok(())
}

#[test]
fn a_cancelled_call_stops_a_guest_that_computes() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &["--timeout", "600s"]);
    client.request("logging/setLevel", json!({"level": "info"}));
    let spin = json!({"code": "print('spins')\nwhile True: pass"});
    let id = client.begin("tools/call", json!({"name": "run_code", "arguments": spin}));
    client.notification("notifications/message");
    client.notify("notifications/cancelled", json!({"requestId": id}));
    let report = new_report(&mut client, &[]);
    assert!(report.contains("\"outcome\":\"cancelled\""), "{report}");
    assert_eq!(text(&client.run("1 + 1")), "2");
    Ok(())
}

/// The run waits for a server that never answers: it ends as cancelled, and so does the call at the server.
#[test]
fn a_cancelled_call_stops_a_guest_that_waits_and_its_calls_upstream() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let heard = folder.path().join("heard");
    let slow = json!({"name": "slow", "inputSchema": {"type": "object"}, "hang": true,
        "progress": [[1, null, "under way"]]});
    let plan: Value = json!({"tools": [slow, "quick"], "heard": heard});
    let servers = json!({"mcpServers": {"scripted": scripted(&plan)}}).to_string();
    std::fs::write(folder.path().join(".mcp.json"), servers)?;
    let flags = ["--timeout", "600s", "--call-timeout", "600s"];
    let mut client = Client::start(folder.path(), Era::Legacy, &flags);
    for code in [
        "from tools import scripted\nscripted.slow()",
        "from tools import scripted\nimport asyncio\nawait asyncio.gather(scripted.slow(), asyncio.sleep(900))",
    ] {
        let _ = std::fs::write(&heard, "");
        let before = reports(&mut client);
        let arguments = json!({"code": code});
        let params =
            json!({"name": "run_code", "arguments": arguments, "_meta": {"progressToken": 1}});
        let id = client.begin("tools/call", params);
        // The server has the call: it says so itself.
        while client.notification("notifications/progress")["params"]["message"]
            != "scripted.slow: 1 under way"
        {}
        client.notify("notifications/cancelled", json!({"requestId": id}));
        let began = Instant::now();
        while !std::fs::read_to_string(&heard)?.contains("notifications/cancelled") {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "the server was not told"
            );
            std::thread::yield_now();
        }
        let report = new_report(&mut client, &before);
        assert!(report.contains("\"outcome\":\"cancelled\""), "{report}");
        // The server goes on, and answers others.
        let quick = client.run("from tools import scripted\nscripted.quick()['tool']");
        assert_eq!(text(&quick), "quick");
    }
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
        let structured = &lost["structuredContent"];
        assert_eq!(structured["outcome"], "lost", "{lost}");
        assert_eq!(structured["error"]["kind"], "lost", "{lost}");
        assert_eq!(structured["error"]["message"], text(&lost), "{lost}");
        assert_eq!(structured["run"], handle.as_str(), "{lost}");
    }
    assert_eq!(text(&client.run("1 + 1")), "2");
    Ok(())
}
