//! What `run_code` answers.

use serde_json::json;

use crate::client::{Client, Era, text};
use crate::support::{TestResult, tree, wx};

#[test]
fn values_come_first_then_what_was_printed_in_both_languages() -> TestResult {
    let folder = tree::<&str>(&[])?;
    for era in [Era::Legacy, Era::Modern] {
        let mut client = Client::start(folder.path(), era, &[]);
        let result = client.run("print('a line')\n{'n': 2 ** 70}");
        assert_eq!(
            text(&result),
            "{\"n\":1180591620717411303424}\n[stdout]\na line\n"
        );
        assert_eq!(result["structuredContent"]["outcome"], "returned");
        assert_eq!(
            result["structuredContent"]["value"]["n"].to_string(),
            "1180591620717411303424"
        );
        assert_eq!(result["isError"], false);
        let result = client.run_typescript("const n: number = 20;\nn + 22");
        assert_eq!(text(&result), "42");
        let result = client.run("None");
        assert_eq!(text(&result), "[no value, nothing printed]");
    }
    Ok(())
}

#[test]
fn a_failure_is_an_error_with_its_line_and_the_calls_already_made() -> TestResult {
    let send = "def send(to: str) -> str:\n    return to\n";
    let folder = tree(&[("tools/mail/send.py", send)])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let result = client.run("from tools import mail\nmail.send(to='a')\nmail.send(to='b')\n1 / 0");
    assert_eq!(result["isError"], true);
    let words = text(&result);
    assert!(
        words.starts_with("[failed] ZeroDivisionError\nTraceback"),
        "{words}"
    );
    assert!(words.contains("line 4"), "{words}");
    assert!(
        words.ends_with("[calls already made]\n1 mail.send: done\n2 mail.send: done"),
        "{words}"
    );
    assert_eq!(result["structuredContent"]["error"]["line"], 4);
    let syntax = client.run_typescript("let = ;");
    assert_eq!(syntax["isError"], true);
    let exit = client.run("import sys\nsys.exit(3)");
    assert_eq!(
        text(&exit),
        "[failed] the script ended itself with exit code 3"
    );
    assert_eq!(client.run("import sys\nsys.exit(0)")["isError"], false);
    Ok(())
}

#[test]
fn limits_are_named_and_time_can_only_be_lowered() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &["--timeout", "2s"]);
    let spins = |milliseconds: u64| json!({"code": "while True: pass", "timeout_ms": milliseconds});
    let result = client.call("run_code", spins(200));
    assert_eq!(text(&result), "[stopped] by the time limit of 0.2 s");
    assert_eq!(result["structuredContent"]["error"]["limit"], "wall-time");
    let result = client.call("run_code", spins(3_600_000));
    assert_eq!(text(&result), "[stopped] by the time limit of 2 s");
    Ok(())
}

#[test]
fn a_long_answer_is_cut_and_the_whole_is_a_resource() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &["--max-answer", "2000"]);
    let result = client.run("print('x' * 5000)\n'v' * 5000");
    let words = text(&result);
    assert!(words.chars().count() <= 2_000, "{}", words.len());
    assert!(words.contains("of 5000 characters are shown"), "{words}");
    assert!(result["structuredContent"].to_string().chars().count() <= 2_000);
    let run = result["structuredContent"]["run"]
        .as_str()
        .ok_or("no run")?;
    let read = |client: &mut Client, name: &str| {
        let uri = format!("run://{run}/{name}");
        let answer = client.request("resources/read", json!({"uri": uri}));
        let contents = &answer["result"]["contents"][0];
        contents["text"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(
        read(&mut client, "value"),
        format!("\"{}\"", "v".repeat(5_000))
    );
    assert_eq!(
        read(&mut client, "stdout"),
        format!("{}\n", "x".repeat(5_000))
    );
    let report: serde_json::Value = serde_json::from_str(&read(&mut client, "report"))?;
    assert_eq!(report["outcome"], "returned");
    let listed = client.request("resources/list", json!({}));
    assert!(
        listed.to_string().contains(&format!("run://{run}/report")),
        "{listed}"
    );
    let unknown = json!({"uri": "run://00000000000000000000000000000000/value"});
    let unknown = client.request("resources/read", unknown);
    assert_eq!(unknown["error"]["code"], -32002, "{unknown}");
    Ok(())
}

#[test]
fn an_answer_of_few_characters_shows_what_is_short_and_fewer_are_refused() -> TestResult {
    let folder = tree::<&str>(&[])?;
    for few in ["0", "200", "999", "x"] {
        let refused = wx(folder.path(), &["serve", "--max-answer", few])?;
        assert_eq!(refused.code, Some(2), "{few}");
        let why = match few {
            "x" => "it is no whole number of characters",
            _ => "an answer has 1000 characters or more",
        };
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
    let mut client = Client::start(folder.path(), Era::Legacy, &["--max-answer", "1000"]);
    let result = client.run("print('x' * 5000)\n'seven..'");
    assert!(
        text(&result).starts_with("seven..\n[stdout]\nx"),
        "{result}"
    );
    assert_eq!(result["structuredContent"]["value"], "seven..");
    // A run that raised has no value, which cannot be cut.
    let result = client.run("print('x' * 5000)\nraise ValueError('no')");
    let structured = &result["structuredContent"];
    assert_eq!(structured["value"], json!(null), "{result}");
    assert!(structured.get("value_cut").is_none(), "{result}");
    assert_eq!(structured["error"]["message"], "no", "{result}");
    assert!(text(&result).contains("ValueError: no"), "{result}");
    Ok(())
}

#[test]
fn keys_that_become_one_name_are_not_lost() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let result = client.run("{1: 'number', '1': 'text'}");
    // Refused by the language, or exact in both forms.
    if result["isError"] == false {
        let json = "{\"1\":\"number\",\"1\":\"text\"}";
        assert_eq!(text(&result), json);
        assert_eq!(result["structuredContent"]["value_json"], json, "{result}");
    }
    let twin = client.run("{1: 'number', '2': 'text'}");
    assert_eq!(
        twin["structuredContent"]["value"],
        json!({"1": "number", "2": "text"})
    );
    Ok(())
}

#[test]
fn images_are_content_of_their_own() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let result = client.run("image(b'\\x89PNG\\r\\n\\x1a\\n0000', 'image/png')\n'done'");
    assert_eq!(text(&result), "done");
    assert_eq!(result["content"][1]["type"], "image", "{result}");
    assert_eq!(result["content"][1]["mimeType"], "image/png");
    assert!(result.get("structuredContent").is_none(), "{result}");
    Ok(())
}

#[test]
fn many_at_once_are_each_answered_once() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let ids: Vec<u64> = (0..200)
        .map(|n| {
            let arguments = json!({"code": format!("{n} * 2")});
            client.begin(
                "tools/call",
                json!({"name": "run_code", "arguments": arguments}),
            )
        })
        .collect();
    for (n, id) in ids.into_iter().enumerate() {
        let answer = client.answer(id);
        assert_eq!(text(&answer["result"]), (n * 2).to_string(), "{answer}");
    }
    Ok(())
}

#[test]
fn a_flood_is_refused_with_a_hint_and_nothing_is_lost() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let begin = |client: &mut Client, code: &str| {
        let arguments = json!({"code": code});
        client.begin(
            "tools/call",
            json!({"name": "run_code", "arguments": arguments}),
        )
    };
    let ids: Vec<u64> = (0..400)
        .map(|_| begin(&mut client, "import asyncio\nawait asyncio.sleep(3600)"))
        .collect();
    // 32 run, 256 wait, and the others are refused.
    let refused: Vec<u64> = ids[288..].to_vec();
    for id in &refused {
        let answer = client.answer(*id);
        assert!(
            text(&answer["result"]).starts_with("busy: 256 runs wait already"),
            "{answer}"
        );
        assert_eq!(answer["result"]["isError"], true);
    }
    for id in &ids[..288] {
        client.notify("notifications/cancelled", json!({"requestId": id}));
    }
    assert_eq!(text(&client.run("1 + 1")), "2");
    Ok(())
}
