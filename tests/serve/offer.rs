//! What a client is offered, and what finding tools answers.

use serde_json::{Value, json};

use crate::client::{Client, Era, text};
use crate::support::{TestResult, tree, write};

const GREET: &str = "def greet(name: str) -> str:\n    \"\"\"Greets somebody by name.\"\"\"\n    return f'Hello, {name}!'\n";

#[test]
fn both_eras_are_offered_three_tools_however_many_are_behind_them() -> TestResult {
    let folder = tree(&[("tools/hello/greet.py", GREET)])?;
    for era in [Era::Legacy, Era::Modern] {
        let mut client = Client::start(folder.path(), era, &[]);
        let listed = client.request("tools/list", json!({}));
        let tools = listed["result"]["tools"].as_array().ok_or("no tools")?;
        let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str()).collect();
        assert_eq!(
            names,
            [
                Some("run_code"),
                Some("search_tools"),
                Some("describe_tools")
            ]
        );
        let run = &tools[0];
        let words = run["description"].as_str().unwrap_or_default();
        assert!(words.ends_with("Namespaces: hello."), "{words}");
        assert!(
            words.contains("300 s") && words.contains("256 MiB"),
            "{words}"
        );
        assert_eq!(run["annotations"]["readOnlyHint"], false);
        assert_eq!(run["_meta"]["anthropic/alwaysLoad"], true);
        for tool in tools {
            assert_eq!(tool["inputSchema"]["type"], "object");
            assert!(tool["inputSchema"].get("oneOf").is_none());
        }
        assert!(client.end().success());
    }
    Ok(())
}

#[test]
fn discovery_says_what_initialize_says() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Modern, &[]);
    let found = client.request("server/discover", json!({}));
    let words = found["result"]["instructions"].as_str().unwrap_or_default();
    assert!(words.starts_with("Write a short program"), "{found}");
    Ok(())
}

#[test]
fn tools_are_found_and_described_as_code() -> TestResult {
    let folder = tree(&[("tools/hello/greet.py", GREET)])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let found = client.call("search_tools", json!({"query": "greet somebody"}));
    assert_eq!(text(&found), "hello.greet  Greets somebody by name.");
    let nothing = client.call("search_tools", json!({"query": "qqqq zzzz"}));
    assert!(
        text(&nothing).starts_with("No tool fits these words. Namespaces: hello"),
        "{nothing}"
    );
    let python = client.call("describe_tools", json!({"names": ["hello.greet"]}));
    assert!(
        text(&python).contains("def greet(name: str) -> str:"),
        "{python}"
    );
    let arguments = json!({"names": ["hello"], "language": "typescript"});
    let typescript = client.call("describe_tools", arguments);
    assert!(
        text(&typescript).contains("greet(name: string): Promise<string>"),
        "{typescript}"
    );
    let unknown = client.call("describe_tools", json!({"names": ["hello.gret"]}));
    assert_eq!(unknown["isError"], true);
    assert!(text(&unknown).contains("greet"), "{unknown}");
    Ok(())
}

#[test]
fn arguments_that_do_not_fit_are_refused_in_words() -> TestResult {
    let folder = tree::<&str>(&[])?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    for (tool, arguments, words) in [
        (
            "run_code",
            json!({}),
            "give `code`, or `wait`, and not both",
        ),
        ("run_code", json!({"code": 1}), "invalid type"),
        (
            "run_code",
            json!({"code": "1", "langauge": "py"}),
            "unknown field `langauge`",
        ),
        (
            "run_code",
            json!({"code": "1", "timeout_ms": 0}),
            "`timeout_ms` is 1 or more",
        ),
        ("search_tools", json!({}), "missing field `query`"),
        ("describe_tools", json!({"names": []}), "1 to 50"),
    ] {
        let result = client.call(tool, arguments);
        assert_eq!(result["isError"], true, "{result}");
        assert!(text(&result).contains(words), "{result}");
    }
    let unknown = client.request("tools/call", json!({"name": "rm", "arguments": {}}));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    // Nothing of this has hurt it.
    assert_eq!(text(&client.run("1 + 1")), "2");
    Ok(())
}

#[test]
fn a_namespace_that_comes_later_changes_the_offer_and_clients_hear_of_it() -> TestResult {
    for era in [Era::Legacy, Era::Modern] {
        let folder = tree(&[("tools/hello/greet.py", GREET)])?;
        let mut client = Client::start(folder.path(), era, &[]);
        client.request("tools/list", json!({}));
        if era == Era::Modern {
            let wanted = json!({"notifications": {"toolsListChanged": true}});
            client.begin("subscriptions/listen", wanted);
            client.notification("notifications/subscriptions/acknowledged");
        }
        // A further tool of a namespace that is there changes nothing that a client was shown.
        write(folder.path(), "tools/hello/part.py", GREET)?;
        write(folder.path(), "tools/later/greet.py", GREET)?;
        client.notification("notifications/tools/list_changed");
        let listed: Value = client.request("tools/list", json!({}));
        let words = listed["result"]["tools"][0]["description"].as_str();
        assert!(
            words
                .unwrap_or_default()
                .ends_with("Namespaces: hello, later."),
            "{listed}"
        );
        let used = client.run("from tools import later\nlater.greet(name='you')");
        assert_eq!(text(&used), "Hello, you!");
    }
    Ok(())
}
