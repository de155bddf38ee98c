//! Runs that are recorded for their client, who replays them where there is nothing.

use std::path::Path;

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::client::{Client, Era, text};
use crate::support::{TestResult, tree, wx};

/// A tool, and what scripts with threads, children, waits, clocks and random numbers make of it.
const ADD: (&str, &str) = (
    "tools/sums/add.py",
    "def add(a: int, b: int) -> int:\n    \"\"\"Adds two numbers.\"\"\"\n    return a + b\n",
);

const PYTHON: [&str; 3] = [
    "import asyncio, random, subprocess, sys, threading, time\n\
     from tools import sums\n\
     seen = []\n\
     threads = [threading.Thread(target=lambda n=n: seen.append(sums.add(a=n, b=1))) for n in range(3)]\n\
     for it in threads: it.start()\n\
     for it in threads: it.join()\n\
     await asyncio.sleep(0.01)\n\
     child = subprocess.run([sys.executable, '-c', 'import random; print(random.random())'], capture_output=True)\n\
     print(sorted(seen), child.stdout, time.time())\n\
     random.random()",
    "from concurrent.futures import ThreadPoolExecutor\n\
     pool = ThreadPoolExecutor(2)\n\
     [list(pool.map(lambda n: sums.add(a=n, b=n), range(4))), seen, random.random(), time.monotonic()]",
    "open('note', 'w').write(str(time.time()))\n\
     import os\n\
     [await asyncio.gather(*[sums.add(a=n, b=2) for n in range(3)]), os.stat('note').st_mtime, child.stdout.decode()]",
];

const TYPESCRIPT: [&str; 3] = [
    "import { add } from './tools/sums';\n\
     const all: number[] = await Promise.all([1, 2, 3].map(n => add({a: n, b: 1})));\n\
     await new Promise(done => setTimeout(done, 10));\n\
     console.log(all, Date.now());\n\
     Math.random()",
    "let n = all.length; const more = await add({a: n, b: Math.floor(Math.random() * 100)});\n[more, performance.now(), crypto.randomUUID()]",
    "import { writeFileSync, statSync } from 'node:fs';\nwriteFileSync('note', String(more));\n[statSync('note').mtimeMs, all]",
];

/// Runs code that is recorded: the answer, and the address of its recording.
fn record(client: &mut Client, mut arguments: Value) -> (Value, String) {
    arguments["record"] = json!(true);
    let result = client.call("run_code", arguments);
    let run = result["_meta"]["run"].as_str().unwrap_or_default();
    let address = format!("run://{run}/recording");
    assert_eq!(
        result["structuredContent"]["recording"], address,
        "{result}"
    );
    assert!(
        text(&result).ends_with(&format!("\n[recording] {address}")),
        "{result}"
    );
    (result, address)
}

fn contents(client: &mut Client, address: &str) -> Value {
    let read = client.request("resources/read", json!({"uri": address}));
    let contents = read["result"]["contents"][0].clone();
    assert_eq!(contents["uri"], address, "{read}");
    contents
}

fn recording(client: &mut Client, address: &str) -> Vec<u8> {
    let blob = contents(client, address)["blob"].clone();
    BASE64.decode(blob.as_str().unwrap().as_bytes()).unwrap()
}

/// The report of a run as its recording has it: without what is of the machine.
fn report(client: &mut Client, result: &Value) -> Value {
    let run = result["_meta"]["run"].as_str().unwrap_or_default();
    let whole = contents(client, &format!("run://{run}/report"));
    let mut report: Value = serde_json::from_str(whole["text"].as_str().unwrap()).unwrap();
    report.as_object_mut().unwrap().remove("run");
    let usage = report["usage"].as_object_mut().unwrap();
    for name in ["wall_ms", "start_ms", "host_peak"] {
        usage.remove(name);
    }
    for call in report["calls"].as_array_mut().unwrap() {
        if let Some(ended) = call["ended"].as_object_mut() {
            ended.remove("milliseconds");
        }
    }
    report
}

/// The reports of a recording's replay in a folder with nothing else.
fn replayed(file: &[u8]) -> Result<Vec<Value>, Box<dyn std::error::Error>> {
    let elsewhere = tree(&[("r.wxr", file)])?;
    let printed = wx(elsewhere.path(), &["replay", "r.wxr", "--json"])?;
    assert_eq!(printed.stderr, "");
    let lines = printed.stdout.lines();
    Ok(lines
        .map(serde_json::from_str)
        .collect::<Result<Vec<_>, _>>()?)
}

#[test]
fn a_run_replays_where_there_is_nothing() -> TestResult {
    let folder = tree(&[ADD])?;
    for era in [Era::Legacy, Era::Modern] {
        let mut client = Client::start(folder.path(), era, &[]);
        for (language, [code, ..]) in [("python", PYTHON), ("typescript", TYPESCRIPT)] {
            let (result, address) =
                record(&mut client, json!({"code": code, "language": language}));
            assert_eq!(result["isError"], false, "{result}");
            let expected = report(&mut client, &result);
            let file = recording(&mut client, &address);
            assert_eq!(replayed(&file)?, [expected], "{language}");
            let listed = client.request("resources/list", json!({}));
            assert!(listed.to_string().contains(&address), "{listed}");
        }
        // One that is not to be recorded says nothing of it.
        let result = client.run("1 + 1");
        assert_eq!(text(&result), "2");
        let run = result["_meta"]["run"].as_str().unwrap_or_default();
        let none = client.request(
            "resources/read",
            json!({"uri": format!("run://{run}/recording")}),
        );
        assert!(
            none["error"]["message"]
                .to_string()
                .contains("there is no such resource"),
            "{none}"
        );
    }
    Ok(())
}

#[test]
fn a_session_replays_from_its_first_run_on() -> TestResult {
    let folder = tree(&[ADD])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    for (language, codes) in [("python", PYTHON), ("typescript", TYPESCRIPT)] {
        let mut session = json!("new");
        let mut expected = Vec::new();
        let mut addresses = Vec::new();
        for code in codes {
            let arguments = match session == "new" {
                true => json!({"code": code, "language": language, "session": session}),
                false => json!({"code": code, "session": session}),
            };
            let (result, address) = record(&mut client, arguments);
            assert_eq!(result["isError"], false, "{result}");
            session = result["structuredContent"]["session"].clone();
            expected.push(report(&mut client, &result));
            addresses.push(address);
        }
        // Each has all runs up to its own.
        for (address, count) in addresses.iter().zip(1..) {
            let file = recording(&mut client, address);
            assert_eq!(replayed(&file)?, expected[..count], "{language}");
        }
        // All runs of such a session are recorded, whether or not they say so.
        let silent = client.call("run_code", json!({"code": "1", "session": session}));
        let address = silent["structuredContent"]["recording"].as_str();
        let file = recording(&mut client, address.unwrap());
        assert_eq!(replayed(&file)?.len(), codes.len() + 1);
        let folder = tree(&[("r.wxr", &file)])?;
        let verified = wx(folder.path(), &["verify", "r.wxr"])?;
        assert!(
            verified.stdout.contains("verified 1 recording: 1 same"),
            "{}",
            verified.stdout
        );
    }
    Ok(())
}

#[test]
fn a_session_that_was_not_recorded_from_its_start_is_not_recorded() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let begun = client.call("run_code", json!({"code": "x = 1", "session": "new"}));
    let session = begun["structuredContent"]["session"].clone();
    let refused = client.call(
        "run_code",
        json!({"code": "x = 2", "session": session, "record": true}),
    );
    assert_eq!(refused["isError"], true);
    let handle = session.as_str().unwrap();
    assert_eq!(
        text(&refused),
        format!(
            "the session {handle} was not recorded from its first run: begin one with session: \"new\", record: true"
        )
    );
    // It goes on, and the run that was refused did not happen.
    let next = client.call("run_code", json!({"code": "x", "session": session}));
    assert_eq!(text(&next), format!("1\n[session] {handle}"));
    Ok(())
}

#[test]
fn an_environment_with_secrets_is_refused_by_name() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let code = "import os; len(os.environ)";
    for (name, is_refused) in [("SOME_API_KEY", true), ("SOME_NAME", false)] {
        let variable = format!("{name}=canary-51d0");
        let mut client = Client::start(folder.path(), Era::Legacy, &["-e", &variable]);
        if is_refused {
            let result = client.call("run_code", json!({"code": code, "record": true}));
            assert_eq!(
                text(&result),
                "the run cannot be recorded: the environment variable `SOME_API_KEY` looks like a secret, and would be in the recording"
            );
            assert_eq!(result["isError"], true);
        } else {
            record(&mut client, json!({"code": code}));
        }
        assert_eq!(client.run(code)["isError"], false);
    }
    Ok(())
}

#[test]
fn a_run_that_goes_on_can_be_read_as_far_as_it_has_come() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &["--yield-after", "300ms"]);
    let code = "import asyncio, time\nprint('begun', time.time())\nawait asyncio.sleep(600)";
    let running = client.call("run_code", json!({"code": code, "record": true}));
    let address = running["structuredContent"]["recording"].clone();
    let address = address.as_str().unwrap().to_owned();
    assert!(
        text(&running).contains(&format!("\n[recording] {address}\n")),
        "{running}"
    );
    let elsewhere = tree(&[("r.wxr", recording(&mut client, &address))])?;
    let replayed = wx(elsewhere.path(), &["replay", "r.wxr"])?;
    let streams = replayed.streams();
    assert!(streams.0.starts_with("begun "), "{streams:?}");
    assert!(
        streams.1.contains("the recording was cut short"),
        "{streams:?}"
    );
    // Cancelled, it is whole, and says so.
    let handle = running["structuredContent"]["wait"].clone();
    let waiting = client.begin(
        "tools/call",
        json!({"name": "run_code", "arguments": {"wait": handle}}),
    );
    client.notify(
        "notifications/cancelled",
        json!({"requestId": waiting, "reason": "test"}),
    );
    let whole = loop {
        let file = recording(&mut client, &address);
        std::fs::write(elsewhere.path().join("r.wxr"), &file)?;
        let replayed = wx(elsewhere.path(), &["replay", "r.wxr", "--json"])?;
        if !replayed.stderr.contains("cut short") {
            break replayed;
        }
    };
    let report: Value = serde_json::from_str(&whole.stdout)?;
    assert_eq!(report["outcome"], "cancelled", "{report}");
    Ok(())
}

/// What a folder has that runs may write to is in the recording; the replay writes nowhere.
#[test]
fn files_of_mounts_are_recorded() -> TestResult {
    let folder = tree(&[("data/a", "1")])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &["-v", "data:/data:rw"]);
    let write = "n = int(open('/data/a').read())\nopen('/data/a', 'w').write(str(n + 1))\nn";
    let (first, _) = record(&mut client, json!({"code": write, "session": "new"}));
    let session = first["structuredContent"]["session"].clone();
    let (second, address) = record(&mut client, json!({"code": write, "session": session}));
    let expected = [report(&mut client, &first), report(&mut client, &second)];
    assert_eq!(expected[1]["value"], 2);
    let file = recording(&mut client, &address);
    write_elsewhere(folder.path())?;
    assert_eq!(replayed(&file)?, expected);
    // The run is carried out; only its recording is not there.
    let third = client.call(
        "run_code",
        json!({"code": write, "session": session, "record": true}),
    );
    let why = "files of a mount were changed between two runs, by something else than these";
    assert!(text(&third).starts_with("40\n"), "{third}");
    assert!(
        text(&third).ends_with(&format!("\n[not recorded] {why}")),
        "{third}"
    );
    assert_eq!(third["structuredContent"]["not_recorded"], why);
    Ok(())
}

fn write_elsewhere(folder: &Path) -> std::io::Result<()> {
    std::fs::write(folder.join("data/a"), "40")
}

#[test]
fn what_rules_hit_is_in_no_recording_that_a_client_reads() -> TestResult {
    let rules =
        "[recording]\nredact = [{ pattern = \"canary-[a-z0-9]+\" }, { fields = [\"password\"] }]\n";
    let tool = "def who(n: int) -> dict:\n    return {'password': 'hunter2' * n}\n";
    let folder = tree(&[("wxmcp.toml", rules), ("tools/people/who.py", tool)])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let replayed = |bytes: &[u8]| -> Result<String, Box<dyn std::error::Error>> {
        std::fs::write(folder.path().join("r.wxr"), bytes)?;
        let shown = wx(folder.path(), &["recording", "show", "r.wxr"])?.stdout;
        assert!(
            !shown.contains("hunter2") && !shown.contains("canary"),
            "{shown}"
        );
        let verified = wx(folder.path(), &["verify", "-q", "r.wxr"])?;
        assert_eq!(verified.code, Some(0), "{}", verified.stdout);
        let replayed = wx(folder.path(), &["replay", "r.wxr"])?.stdout;
        Ok(replayed.trim_end().to_owned())
    };
    let code = "from tools import people\nprint('canary-ab1')\npeople.who(n=1)['password'] + '!'";
    let (ran, address) = record(&mut client, json!({"code": code}));
    // The client itself has what the run answered.
    assert!(text(&ran).starts_with("hunter2!\n"), "{ran}");
    let bytes = recording(&mut client, &address);
    assert_eq!(replayed(&bytes)?, "redacted-1\nredacted-2!");
    // The same words each time that it is read.
    assert_eq!(recording(&mut client, &address), bytes);
    // Each run of a session has those before it.
    let first = "from tools import people\nz = people.who(n=2)['password']";
    let (_, first) = record(&mut client, json!({"code": first, "session": "new"}));
    let bytes = recording(&mut client, &first);
    assert_eq!(replayed(&bytes)?, "");
    let sessions = contents(&mut client, "session://list");
    let sessions: Value = serde_json::from_str(sessions["text"].as_str().unwrap_or("null"))?;
    let session = &sessions[0]["session"];
    let (_, second) = record(&mut client, json!({"code": "z + '?'", "session": session}));
    let bytes = recording(&mut client, &second);
    assert_eq!(replayed(&bytes)?, "redacted-1?");
    Ok(())
}

#[test]
fn a_recording_that_a_rule_changes_is_refused_by_that_rule() -> TestResult {
    let rules =
        "[recording]\nredact = [{ pattern = \"canary-[a-z]+\" }, { fields = [\"password\"] }]\n";
    let tool = "def who() -> dict:\n    return {'password': 'hunter2'}\n";
    let folder = tree(&[("wxmcp.toml", rules), ("tools/people/who.py", tool)])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let code = "from tools import people\nprint('canary-x')\nlen(people.who()['password'])";
    let (_, address) = record(&mut client, json!({"code": code}));
    let read = client.request("resources/read", json!({"uri": address}));
    let words = read["error"]["message"].as_str().unwrap_or_default();
    let why = format!(
        "the recording `{address}` is not kept: `recording.redact[1]` of wxmcp.toml changes what its script does"
    );
    assert!(words.starts_with(&why), "{read}");
    assert!(!read.to_string().contains("hunter2"), "{read}");
    Ok(())
}
