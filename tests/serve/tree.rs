//! The tree of tools as resources.

use std::path::Path;

use serde_json::{Value, json};

use crate::client::{Client, Era};
use crate::support::{TestResult, scripted, tree};

const GREET: &str =
    "def greet(name: str) -> str:\n    \"\"\"Greets somebody by name.\"\"\"\n    return name\n";

/// All addresses of the list, page by page, and how many pages there are.
fn listed(client: &mut Client) -> Result<(Vec<String>, usize), Box<dyn std::error::Error>> {
    let (mut all, mut pages, mut cursor) = (Vec::new(), 0, Value::Null);
    loop {
        let params = match &cursor {
            Value::Null => json!({}),
            cursor => json!({"cursor": cursor}),
        };
        let listed = client.request("resources/list", params);
        let resources = listed["result"]["resources"].as_array().ok_or("no list")?;
        let uris = resources.iter().filter_map(|it| it["uri"].as_str());
        all.extend(
            uris.filter(|it| it.starts_with("tools://"))
                .map(str::to_owned),
        );
        pages += 1;
        cursor = listed["result"]["nextCursor"].clone();
        if cursor.is_null() {
            return Ok((all, pages));
        }
    }
}

fn read(client: &mut Client, uri: &str) -> Result<String, String> {
    let answer = client.request("resources/read", json!({"uri": uri}));
    match answer["result"]["contents"][0]["text"].as_str() {
        Some(text) => Ok(text.to_owned()),
        None => Err(answer["error"]["message"].to_string()),
    }
}

/// The entry of a server that makes a file when it is started.
fn marking(mark: &Path) -> Value {
    let plan = json!({"tools": [{"name": "get-page", "inputSchema": {"type": "object", "properties": {"url": {"type": "string"}}}}]});
    let mut server = scripted(&plan);
    let own =
        std::iter::once(&server["command"]).chain(server["args"].as_array().into_iter().flatten());
    let own: Vec<Value> = own.cloned().collect();
    let shell = [json!("-c"), json!("touch \"$0\"; exec \"$@\""), json!(mark)];
    server["command"] = json!("sh");
    server["args"] = json!([&shell[..], &own].concat());
    server
}

#[test]
fn tools_are_found_as_files_and_servers_are_not_started_to_list_them() -> TestResult {
    let mark = tempfile::tempdir()?;
    let mark = mark.path().join("started");
    let files = [
        ("tools/hello/greet.py", GREET.to_owned()),
        ("tools/hello/part.py", GREET.replace("greet", "part")),
        (
            ".mcp.json",
            json!({"mcpServers": {"web": marking(&mark)}}).to_string(),
        ),
    ];
    let folder = tree(&files)?;
    for era in [Era::Legacy, Era::Modern] {
        let _fresh = std::fs::remove_file(&mark);
        let mut client = Client::start(folder.path(), era, &["--deny-tool", "hello.part"]);
        let (all, pages) = listed(&mut client)?;
        assert_eq!(all, ["tools://hello/greet.ts", "tools://web"]);
        assert_eq!(pages, 1);
        assert!(!mark.exists(), "a list has started a server");
        let stub = read(&mut client, "tools://hello/greet.ts")?;
        assert!(
            stub.contains("greet(name: string): Promise<string>"),
            "{stub}"
        );
        let stub = read(&mut client, "tools://hello/greet.py")?;
        assert!(stub.contains("def greet(name: str) -> str:"), "{stub}");
        assert_eq!(read(&mut client, "tools://")?, "hello/\nweb/");
        assert_eq!(read(&mut client, "tools://hello/")?, "greet.ts");
        assert!(!mark.exists(), "another namespace has started a server");
        for denied in [
            "tools://hello/part.ts",
            "tools://hello/none.ts",
            "tools://other",
        ] {
            let error = read(&mut client, denied).err().ok_or("it was read")?;
            assert!(error.contains("there is no"), "{error}");
        }
        assert_eq!(read(&mut client, "tools://web")?, "get_page.ts");
        assert!(mark.exists());
        let stub = read(&mut client, "tools://web/get_page.ts")?;
        assert!(
            stub.contains("getPage") && stub.contains("url?: string"),
            "{stub}"
        );
        assert_eq!(read(&mut client, "tools://web/get-page.ts")?, stub);
        // Now its tools are known.
        let (all, _) = listed(&mut client)?;
        assert_eq!(all, ["tools://hello/greet.ts", "tools://web/get_page.ts"]);
    }
    Ok(())
}

#[test]
fn a_long_list_has_pages() -> TestResult {
    let files: Vec<(String, &str)> = (0..250)
        .map(|n| (format!("tools/many{}/tool_{n:03}.py", n % 3), GREET))
        .collect();
    let files: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), *text))
        .collect();
    let folder = tree(&files)?;
    let mut client = Client::start(folder.path(), Era::Legacy, &[]);
    let (all, pages) = listed(&mut client)?;
    assert_eq!((all.len(), pages), (250, 3));
    assert!(all.is_sorted());
    let mut once = all.clone();
    once.dedup();
    assert_eq!(once.len(), 250);
    for cursor in ["mine", ""] {
        let refused = client.request("resources/list", json!({"cursor": cursor}));
        assert_eq!(refused["error"]["code"], -32602, "{refused}");
    }
    let templates = client.request("resources/templates/list", json!({}));
    assert!(
        templates
            .to_string()
            .contains("tools://{namespace}/{tool}.ts"),
        "{templates}"
    );
    Ok(())
}
