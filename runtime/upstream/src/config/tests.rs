use std::path::Path;

use serde_json::{Value, json};

use super::*;

fn parse(value: &Value) -> Result<Vec<UpstreamConfig>, String> {
    parse_text(&value.to_string()).map(|read| read.upstreams)
}

fn parse_text(text: &str) -> Result<ServersFile, String> {
    parse_config(".mcp.json", text, Path::new("/w")).map_err(|error| error.to_string())
}

fn environment() -> Environment {
    Environment::new([
        ("PATH", "/bin"),
        ("LC_TIME", "C"),
        ("AWS_SECRET", "never"),
        ("TOKEN", "t0ps3cret"),
        ("EMPTY", ""),
    ])
}

fn resolve(server: &Value) -> Result<Launch, String> {
    parse(&json!({"mcpServers": {"s": server}}))?
        .remove(0)
        .resolve(&environment())
        .map_err(|error| error.to_string())
}

/// The message without the place in the file, which other tests look at.
fn refused(server: &Value) -> String {
    let message = resolve(server).err().unwrap_or_default();
    let start = message.find("mcpServers").unwrap_or_default();
    message[start..].to_owned()
}

fn names(text: &str) -> Vec<String> {
    let read = parse_text(text).unwrap();
    read.upstreams.iter().map(|it| it.name.clone()).collect()
}

#[test]
fn a_foreign_file_is_read_as_it_is() {
    let upstreams = parse(&json!({
        "theme": "dark",
        "mcpServers": {
            "one": {"command": "a", "args": ["b"], "autoApprove": ["x"], "timeout": 3, "icon": null},
            "off": {"command": 3, "disabled": true},
            "out": {"command": "a", "enabled": false},
            "far": {"type": "http", "url": "https://example.invalid/mcp"},
            "farther": {"url": "https://example.invalid/mcp", "type": null},
        },
    }))
    .unwrap();
    let names: Vec<_> = upstreams.iter().map(UpstreamConfig::name).collect();
    assert_eq!(names, ["one", "off", "out", "far", "farther"]);
    let disabled: Vec<bool> = upstreams.iter().map(UpstreamConfig::is_disabled).collect();
    assert_eq!(disabled, [false, true, true, false, false]);
    for (at, message) in [
        (1, "mcpServers.off: it is disabled there"),
        (3, "servers over HTTP (`http`) are not there yet"),
        (4, "servers over HTTP (`url`) are not there yet"),
    ] {
        let error = upstreams[at].resolve(&environment()).unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
    assert!(parse(&json!({})).unwrap().is_empty());
}

#[test]
fn the_sections_of_other_clients_are_known() {
    for text in [
        r#"{"mcpServers": {"s": {"command": "a"}}}"#,
        r#"{"servers": {"s": {"type": "stdio", "command": "a"}}, "inputs": []}"#,
        r#"{"context_servers": {"s": {"source": "custom", "command": "a"}}}"#,
        r#"{"mcp": {"s": {"type": "local", "command": ["a"]}}}"#,
        r#"{"mcp": {"servers": {"s": {"command": "a"}}, "inputs": []}}"#,
        r#"{"s": {"command": "a"}, "$schema": "x"}"#,
        r#"{"mcpServers": null, "servers": {"s": {"command": "a"}}}"#,
    ] {
        assert_eq!(names(text), ["s"], "{text}");
    }
    assert_eq!(
        names(r#"{"mcp": {"servers": {"command": "a"}}}"#),
        ["servers"]
    );
    let read = parse_text(r#"{"theme": "dark"}"#).unwrap();
    assert!(read.upstreams.is_empty());
    assert!(
        read.notes[0].starts_with(".mcp.json: no servers are in it"),
        "{:?}",
        read.notes
    );
}

#[test]
fn commands_are_read_in_each_of_their_shapes() {
    for server in [
        json!({"command": "a", "args": ["b", 5, true], "env": {"K": "1"}}),
        json!({"command": ["a", "b", "5"], "args": ["true"], "environment": {"K": 1}}),
        json!({"command": {"path": "a", "args": ["b", 5, true], "env": {"K": "1"}}}),
    ] {
        let launch = resolve(&server).unwrap();
        assert_eq!(launch.command, "a", "{server}");
        assert_eq!(launch.args, ["b", "5", "true"], "{server}");
        assert_eq!(launch.env.get("K").map(String::as_str), Some("1"));
    }
}

#[test]
fn numbers_and_booleans_are_text_as_they_are_written() {
    let text = r#"{"mcpServers": {"s": {"command": "a",
        "env": {"A": 9007199254740993, "B": 1.50, "C": false, "PATH": null}}}}"#;
    let launch = parse_text(text).unwrap().upstreams[0].resolve(&environment());
    let env = launch.unwrap().env;
    let env: Vec<_> = env.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(
        env,
        ["A=9007199254740993", "B=1.50", "C=false", "LC_TIME=C"]
    );
    for none in [json!(null), json!({})] {
        assert!(resolve(&json!({"command": "a", "env": none, "args": null})).is_ok());
    }
}

#[test]
fn comments_commas_marks_and_line_ends_of_editors_are_read() {
    for text in [
        "// one\n{\"mcpServers\": {/* two */ \"s\": {\"command\": \"a\"},},}",
        "\u{FEFF}{\"mcpServers\": {\"s\": {\"command\": \"a\"}}}",
        "{\"mcpServers\":\r\n {\"s\": {\"command\": \"a\"}}}\r\n",
        "{\"mcpServers\": {\"s\": {\"command\": \"a\", \"args\": [\"\\ud800\"]}}}",
    ] {
        assert_eq!(names(text), ["s"], "{text}");
    }
}

#[test]
fn a_file_that_is_none_is_refused_with_its_place() {
    let deep = "[".repeat(100_000);
    for (text, message) in [
        (
            "",
            ".mcp.json:1:1: not readable JSON: there is nothing in it",
        ),
        (
            "\n // x\n",
            ".mcp.json:1:1: not readable JSON: there is nothing in it",
        ),
        (
            "[]",
            ".mcp.json:1:1: the file: expected an object, found an array",
        ),
        (
            "3",
            ".mcp.json:1:1: the file: expected an object, found a number",
        ),
        (
            "{\n \"mcpServers\": []}",
            ".mcp.json:2:16: mcpServers: expected an object, found an array",
        ),
        (
            "{\"mcpServers\": {\"good\": \n",
            ".mcp.json:2:1: not readable JSON: ",
        ),
        ("{\n  mcpServers: {}}", ".mcp.json:2:3: not readable JSON: "),
        ("{'mcpServers': {}}", ".mcp.json:1:2: not readable JSON: "),
        ("{} {}", ".mcp.json:1:4: not readable JSON: "),
        (&deep, ".mcp.json:1:"),
    ] {
        let error = parse_text(text).unwrap_err();
        assert!(error.starts_with(message), "{text:.20}: {error}");
    }
}

#[test]
fn one_malformed_server_costs_only_itself() {
    let text = "{\"mcpServers\": {\n\"bad\": {\"command\": 3},\n\"worse\": 4,\n\"good\": {\"command\": \"a\"}}}";
    let read = parse_text(text).unwrap();
    let told: Vec<String> = read
        .upstreams
        .iter()
        .map(|it| match it.resolve(&environment()) {
            Ok(_) => "well".to_owned(),
            Err(error) => error.to_string(),
        })
        .collect();
    assert_eq!(
        told,
        [
            ".mcp.json:2:20: mcpServers.bad.command: expected a string, found a number",
            ".mcp.json:3:10: mcpServers.worse: expected an object, found a number",
            "well",
        ]
    );
}

#[test]
fn what_is_wrong_with_a_server_is_named() {
    for (server, message) in [
        (
            json!({"command": "a", "args": "x"}),
            "mcpServers.s.args: expected an array of strings, found a string",
        ),
        (
            json!({"command": "a", "args": ["x", null]}),
            "mcpServers.s.args[1]: expected a string, found null",
        ),
        (
            json!({"command": "a", "env": {"K": [1]}}),
            "mcpServers.s.env.K: expected a string, found an array",
        ),
        (json!({"args": []}), "mcpServers.s: it needs a `command`"),
        (
            json!({"command": "a", "disabled": "yes"}),
            "mcpServers.s.disabled: expected true or false, found a string",
        ),
        (
            json!({"command": "a", "type": "carrier pigeon"}),
            "mcpServers.s.type: it is no transport; `stdio` is",
        ),
        (
            json!({"command": "a", "envFile": ".env"}),
            "mcpServers.s.envFile: wxmcp reads no such file: put its variables into `env`",
        ),
        (
            json!({"command": []}),
            "mcpServers.s.command: it is empty, or holds a character that no program can be given",
        ),
        (
            json!({"command": "a", "env": {"A=B": "1"}}),
            "mcpServers.s.env.A=B: it is empty, or holds a character that no program can be given",
        ),
    ] {
        assert_eq!(refused(&server), message);
    }
}

#[test]
fn of_two_definitions_the_last_counts_and_is_told() {
    let text = r#"{"mcpServers": {"s": {"command": "a"}, "s": {"command": "b"}}}"#;
    let read = parse_text(text).unwrap();
    assert_eq!(read.upstreams.len(), 1);
    let launch = read.upstreams[0].resolve(&environment()).unwrap();
    assert_eq!(launch.command, "b");
    assert!(read.notes[0].contains("`s` is defined more than once"));
}

#[test]
fn relative_paths_are_relative_to_the_file() {
    for (command, cwd, expected, place) in [
        ("./run.sh", json!(null), "/w/./run.sh", "/w"),
        ("bin/run", json!("other"), "/w/bin/run", "/w/other"),
        ("/bin/run", json!("/x"), "/bin/run", "/x"),
        ("python3", json!(null), "python3", "/w"),
        ("${TOKEN}/x", json!("${EMPTY}"), "/w/t0ps3cret/x", "/w"),
    ] {
        let launch = resolve(&json!({"command": command, "cwd": cwd})).unwrap();
        assert_eq!(launch.command, expected);
        assert_eq!(launch.cwd.as_deref(), Some(Path::new(place)));
    }
}

#[test]
fn variables_are_filled_in_everywhere() {
    let launch = resolve(&json!({
        "command": "${env:PATH}/x",
        "args": ["--token=${TOKEN}", "${NOT_SET:-d}", "${EMPTY:-e}", "$TOKEN", "$", "${EMPTY}"],
        "cwd": "/w/${NOT_SET:-}",
        "env": {"KEY": "k-${TOKEN}"},
    }))
    .unwrap();
    assert_eq!(launch.command, "/bin/x");
    assert_eq!(
        launch.args,
        ["--token=t0ps3cret", "d", "e", "$TOKEN", "$", ""]
    );
    assert_eq!(launch.cwd, Some(PathBuf::from("/w/")));
    let env: Vec<_> = launch.env.iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(env, ["KEY=k-t0ps3cret", "LC_TIME=C", "PATH=/bin"]);
    let secrets: Vec<_> = launch
        .secrets
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert!(secrets.contains(&"TOKEN") && secrets.contains(&"KEY"));
    assert!(!secrets.contains(&"PATH"));
    assert!(!format!("{launch:?}").contains("t0ps3cret"));
}

#[test]
fn a_variable_that_is_not_set_is_an_error_that_names_the_key() {
    for (server, message) in [
        (
            json!({"command": "a", "env": {"TOKEN": "${GITHUB_TOKEN}"}}),
            ".mcp.json: mcpServers.s.env.TOKEN: the variable GITHUB_TOKEN is not set",
        ),
        (
            json!({"command": "a", "args": ["", "${env:X_1}"]}),
            ".mcp.json: mcpServers.s.args[1]: the variable X_1 is not set",
        ),
        (
            json!({"command": "${input:token}"}),
            ".mcp.json: mcpServers.s.command: a `${` in it begins none of `${VAR}`, `${VAR:-default}`, `${env:VAR}`",
        ),
        (
            json!({"command": "x${TOKEN"}),
            ".mcp.json: mcpServers.s.command: a `${` in it begins none of `${VAR}`, `${VAR:-default}`, `${env:VAR}`",
        ),
    ] {
        assert_eq!(resolve(&server).unwrap_err(), message);
    }
}

#[test]
fn a_digest_tells_servers_apart_and_holds_no_value() {
    let of = |server: Value| {
        let upstreams = parse(&json!({"mcpServers": {"s": server}})).unwrap();
        upstreams[0].digest()
    };
    let plain = of(json!({"command": "a"}));
    assert_eq!(plain.as_ref().map(String::len), Some(64));
    assert_eq!(plain, of(json!({"command": "a", "timeout": 3})));
    for other in [
        json!({"command": "b"}),
        json!({"command": "a", "args": ["x"]}),
        json!({"command": "a", "cwd": "x"}),
        json!({"command": "a", "env": {"K": "1"}}),
    ] {
        assert_ne!(plain, of(other));
    }
    assert_eq!(of(json!({"url": "x"})), None);
}

#[test]
fn wxmcp_itself_is_recognised_and_left_out() {
    let read = parse_text(
        &json!({"mcpServers": {
            "self": {"command": "wxmcp", "args": ["serve"]},
            "path": {"command": "/opt/bin/wxmcp", "args": ["serve", "--stdio"]},
            "npx": {"command": "npx", "args": ["-y", "wxmcp@1.2", "serve"]},
            "other": {"command": "node", "args": ["server.js", "serve"]},
            "named": {"command": "wxmcp-tools", "args": ["serve"]},
            "reads": {"command": "wxmcp", "args": ["tools", "list"]},
            "renamed": {"command": std::env::current_exe().unwrap(), "args": ["serve"]},
        }})
        .to_string(),
    )
    .unwrap();
    let names: Vec<_> = read.upstreams.iter().map(UpstreamConfig::name).collect();
    assert_eq!(names, ["other", "named", "reads"]);
    assert_eq!((read.notes.len(), read.itself.len()), (0, 4));
    assert!(
        read.itself[0].ends_with("`self` is wxmcp itself, and is left out"),
        "{:?}",
        read.itself
    );
}
