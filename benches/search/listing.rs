//! The tools of real servers, listed through the broker and kept below `target/`.
//!
//! What servers say of their tools is theirs: it is never committed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::future::join_all;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use wxmcp_broker::CallerHost;
use wxmcp_catalogue::Document;
use wxmcp_host::{ToolsConfig, open_tools};
use wxmcp_run::{CallContext, ToolDescription, ToolHost as _};
use wxmcp_upstream::{Environment, GuardCommand, parse_config};

/// Servers that start at once.
const AT_ONCE: usize = 4;

/// Files that say which servers there are, in which versions.
const INPUTS: [&str; 6] = [
    "mcp.json",
    "package-lock.json",
    "requirements.txt",
    "requirements-mcp1.txt",
    "requirements-atlassian.txt",
    "requirements-workspace.txt",
];

/// All tools, by namespace and name: what the broker says of each.
pub(crate) fn tools() -> anyhow::Result<Vec<Value>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let servers = here.join("../target/bench-servers");
    let kept = servers.join("tools.json");
    let version = version(&here.join("servers"))?;
    match read(&kept, &version) {
        Some(told) => Ok(told),
        None => {
            let told = list(&here.join("servers/mcp.json"), &servers)?;
            let text = json!({"version": version, "tools": told}).to_string();
            std::fs::write(&kept, text)?;
            read(&kept, &version).context("what was just kept cannot be read")
        }
    }
}

/// The tools as searches know them.
pub(crate) fn documents(told: &[Value]) -> anyhow::Result<Vec<Document>> {
    told.iter().map(document).collect()
}

fn version(servers: &Path) -> anyhow::Result<String> {
    let mut digest = Sha256::new();
    for input in INPUTS {
        digest.update(std::fs::read(servers.join(input)).context(input)?);
    }
    Ok(format!("{:x}", digest.finalize()))
}

fn read(kept: &Path, version: &str) -> Option<Vec<Value>> {
    let kept: Value = serde_json::from_slice(&std::fs::read(kept).ok()?).ok()?;
    (kept["version"] == version).then(|| kept["tools"].as_array().cloned())?
}

fn document(told: &Value) -> anyhow::Result<Document> {
    let text = |key: &str| told[key].as_str().context("a tool without a name");
    Ok(Document::new(
        text("name")?.to_owned(),
        text("description")?,
        &told["input"],
    ))
}

/// Starts the servers, a few at a time, and asks each for its tools. Those that do not
/// start are named and left out.
fn list(config: &Path, servers: &Path) -> anyhow::Result<Vec<ToolDescription>> {
    let servers = servers
        .canonicalize()
        .context("run benches/servers/setup.sh first")?;
    let broker = broker(config, &servers)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut told = Vec::new();
        for names in broker.namespaces().chunks(AT_ONCE) {
            let spaces = join_all(names.iter().map(|name| described(&broker, name))).await;
            for (name, space) in names.iter().zip(spaces) {
                match space {
                    Ok(tools) => told.extend(tools),
                    Err(error) => println!("left out: `{name}`: {error}"),
                }
            }
        }
        broker.shutdown().await;
        Ok(told)
    })
}

fn broker(config: &Path, servers: &Path) -> anyhow::Result<Arc<CallerHost>> {
    let work = servers.join("work");
    let home = work.join("home");
    std::fs::create_dir_all(&home)?;
    let text = |path: &Path| -> anyhow::Result<String> {
        Ok(path.to_str().context("a path that is no text")?.to_owned())
    };
    let path = std::env::var("PATH")?;
    let wxmcp: PathBuf = std::env::current_exe()?.with_file_name("wxmcp");
    ensure!(wxmcp.is_file(), "{} is missing", wxmcp.display());
    Ok(open_tools(ToolsConfig {
        servers: parse_config("mcp.json", &std::fs::read_to_string(config)?, Path::new(""))?
            .upstreams,
        environment: Environment::new([
            ("PATH", path.as_str()),
            ("HOME", &text(&home)?),
            ("SERVERS", &text(servers)?),
            ("WORK", &text(&work)?),
        ]),
        call_timeout: Duration::from_secs(120),
        start_timeout: Duration::from_secs(120),
        ..ToolsConfig::new(GuardCommand {
            program: wxmcp,
            args: vec!["__upstream-guard".into()],
        })
    })?)
}

async fn described(broker: &CallerHost, space: &str) -> anyhow::Result<Vec<ToolDescription>> {
    let context = || CallContext::outside_of_runs(&wxmcp_run::Ledger::unbounded());
    let listing = broker.namespace(space.to_owned(), context()).await?;
    let names = listing
        .tools
        .iter()
        .map(|tool| format!("{space}.{}", tool.attribute))
        .collect();
    Ok(broker.describe(names, context()).await?)
}
