//! Real MCP servers, as their authors ship them.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use wxmcp_run::{ToolErrorKind as Kind, ToolHost as _};

use crate::support::{TestResult, broker, call, context, error, repository};

/// Where `tests/servers/setup.sh` installs them.
fn servers() -> Result<PathBuf, String> {
    let servers = std::env::var_os("WXMCP_TEST_SERVERS")
        .map_or_else(|| repository().join("target/servers"), PathBuf::from);
    servers.canonicalize().map_err(|_| {
        "the test servers are not installed: run `make test`, which installs them".to_owned()
    })
}

/// A server from npm.
fn node(package: &str, args: &[&str]) -> Result<Value, String> {
    let script = servers()?
        .join("node_modules/@modelcontextprotocol")
        .join(package)
        .join("dist/index.js");
    let mut all = vec![script.display().to_string()];
    all.extend(args.iter().map(|arg| (*arg).to_owned()));
    Ok(json!({"command": "node", "args": all}))
}

/// A server from PyPI.
fn python(venv: &str, program: &str, args: &[&str]) -> Result<Value, String> {
    let program = servers()?.join(venv).join("bin").join(program);
    Ok(json!({"command": program, "args": args}))
}

#[tokio::test]
async fn server_everything() -> TestResult {
    let broker = broker(
        json!({"everything": node("server-everything", &[])?}),
        |_| {},
    )?;
    let listing = broker.namespace("everything".to_owned(), context()).await?;
    assert!(listing.tools.iter().any(|tool| tool.attribute == "get_sum"));
    let described = broker
        .describe(vec!["everything.get-sum".to_owned()], context())
        .await?;
    assert_eq!(
        described[0].signature,
        "everything.get_sum(a: float, b: float) -> Any"
    );
    let sum = call(&broker, "everything.get_sum", json!({"a": 2, "b": 40})).await?;
    assert_eq!(sum, json!("The sum of 2 and 40 is 42."));
    let echo = call(&broker, "everything.echo", json!({"message": "hi"})).await?;
    assert_eq!(echo, json!("Echo: hi"));
    let weather = call(
        &broker,
        "everything.get_structured_content",
        json!({"location": "New York"}),
    )
    .await?;
    assert!(weather["temperature"].is_number(), "{weather}");
    let image = call(&broker, "everything.get_tiny_image", json!({})).await?;
    let blocks = image.as_array().ok_or("no list of blocks")?;
    assert!(
        blocks
            .iter()
            .any(|block| block["type"] == "image" && block["data"].is_string())
    );
    let invalid = error(&broker, "everything.get_sum", json!({"a": "two"})).await?;
    assert_eq!(
        invalid.message,
        "the arguments of `everything.get_sum` do not fit: \"b\" is a required property; \
         /a: \"two\" is not of type \"number\""
    );
    broker.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn server_filesystem() -> TestResult {
    let folder = tempfile::tempdir()?;
    let root = folder.path().canonicalize()?;
    let file = root.join("note.txt");
    let server = node("server-filesystem", &[&root.display().to_string()])?;
    let broker = broker(json!({ "files": server }), |_| {})?;
    let write = json!({"path": file, "content": "one\ntwo\n"});
    call(&broker, "files.write_file", write).await?;
    let read = call(&broker, "files.read_text_file", json!({ "path": file })).await?;
    assert_eq!(read, json!({"content": "one\ntwo\n"}));
    let outside = error(
        &broker,
        "files.read_text_file",
        json!({"path": "/etc/passwd"}),
    )
    .await?;
    assert_eq!(outside.kind, Kind::ToolFailed);
    assert!(outside.message.contains("Access denied"), "{outside}");
    broker.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn server_memory_and_sequential_thinking() -> TestResult {
    let folder = tempfile::tempdir()?;
    let mut memory = node("server-memory", &[])?;
    memory["env"] = json!({"MEMORY_FILE_PATH": folder.path().join("memory.jsonl")});
    let thinking = node("server-sequential-thinking", &[])?;
    let broker = broker(json!({"memory": memory, "thinking": thinking}), |_| {})?;
    let entity = json!({"name": "wasm", "entityType": "format", "observations": ["is small"]});
    call(
        &broker,
        "memory.create_entities",
        json!({ "entities": [entity] }),
    )
    .await?;
    let graph = call(&broker, "memory.read_graph", json!({})).await?;
    assert_eq!(graph["entities"][0]["observations"], json!(["is small"]));
    let thought = json!({
        "thought": "first", "nextThoughtNeeded": false, "thoughtNumber": 1, "totalThoughts": 1,
    });
    let thinking = call(&broker, "thinking.sequentialthinking", thought).await?;
    assert_eq!(thinking["thoughtNumber"], json!(1));
    broker.shutdown().await;
    Ok(())
}

/// These two speak the newer protocol.
#[tokio::test]
async fn servers_git_and_time() -> TestResult {
    let folder = tempfile::tempdir()?;
    let path = folder.path().display().to_string();
    let git = |args: &[&str]| Command::new("git").args(["-C", &path]).args(args).output();
    git(&["init", "--quiet"])?;
    std::fs::write(folder.path().join("new.txt"), "new")?;
    let broker = broker(
        json!({
            "git": python("venv", "mcp-server-git", &["--repository", &path])?,
            "time": python("venv", "mcp-server-time", &[])?,
        }),
        |_| {},
    )?;
    let status = call(&broker, "git.git_status", json!({ "repo_path": path })).await?;
    assert!(status.to_string().contains("new.txt"), "{status}");
    let converted = call(
        &broker,
        "time.convert_time",
        json!({"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}),
    )
    .await?;
    assert_eq!(converted["time_difference"], json!("+9.0h"), "{converted}");
    broker.shutdown().await;
    Ok(())
}

#[tokio::test]
async fn server_sqlite() -> TestResult {
    let folder = tempfile::tempdir()?;
    let database = folder.path().join("test.db").display().to_string();
    let server = python(
        "venv-sqlite",
        "mcp-server-sqlite",
        &["--db-path", &database],
    )?;
    let broker = broker(json!({ "database": server }), |_| {})?;
    let create = json!({"query": "CREATE TABLE t (n INTEGER)"});
    call(&broker, "database.create_table", create).await?;
    let insert = json!({"query": "INSERT INTO t VALUES (1), (2)"});
    call(&broker, "database.write_query", insert).await?;
    let rows = call(
        &broker,
        "database.read_query",
        json!({"query": "SELECT n FROM t"}),
    )
    .await?;
    assert_eq!(rows, json!("[{'n': 1}, {'n': 2}]"));
    broker.shutdown().await;
    Ok(())
}
