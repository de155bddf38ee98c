//! Runtimes for tests, over tool trees that tests write.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use wxmcp_broker::Watcher;
use wxmcp_capabilities::ConnectionConfig;
use wxmcp_guests::NATIVES;
use wxmcp_host::{Guests, Job, Runtime, ToolsConfig};
use wxmcp_policy::{Approvals, Caller, CapabilityList};
use wxmcp_run::{Language, Outcome, Report, Silent};
use wxmcp_toolfiles::TreeConfig;
use wxmcp_upstream::{Environment, GuardCommand, parse_config};

pub(crate) type TestResult = Result<(), Box<dyn Error>>;

/// The repository that the tests are part of.
pub(crate) fn repository() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", ".."].iter().collect()
}

/// The program that stands in for `wxmcp`: it is guard and compiler.
fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_host-test-program").into()
}

/// The interpreters, compiling with the test program.
pub(crate) fn guests() -> Arc<Guests> {
    let cache = wxmcp_host::cache_directory();
    Arc::new(Guests::with_compiler(NATIVES, cache, program()))
}

/// A folder of tool files: each a path below `tools/`, and its text.
pub(crate) fn tool_tree(files: &[(&str, &str)]) -> Result<tempfile::TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    // An empty file is an empty database.
    std::fs::write(folder.path().join("main.db"), "")?;
    for (path, text) in files {
        let path = folder.path().join("tools").join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(folder)
}

/// What a runtime is made of: the tool files of a folder, everything approved for them, and a lying MCP server `liar`
/// that echoes.
pub(crate) fn config(folder: &Path, guests: &Arc<Guests>) -> Result<ToolsConfig, Box<dyn Error>> {
    let script = repository().join("fixtures/mcp/liar.py");
    let server = serde_json::json!({"mcpServers": {"liar": {
        "command": "python3", "args": ["-ISu", script.display().to_string()]}}});
    let everything = CapabilityList {
        sql: vec!["main:rw".to_owned()],
        tools: vec!["*".to_owned()],
        http: vec!["127.0.0.1".to_owned()],
        ..CapabilityList::default()
    };
    let path = std::env::var("PATH")?;
    let guard = GuardCommand {
        program: program(),
        args: vec!["guard".into()],
    };
    Ok(ToolsConfig {
        servers: parse_config("test.json", &server.to_string(), Path::new(""))?.upstreams,
        environment: Environment::new([("PATH", path.as_str())]),
        tree: Some(TreeConfig {
            folder: folder.join("tools"),
            cache: None,
            version: "test".to_owned(),
            interpreters: guests.clone(),
            sees: wxmcp_run::Policy::default(),
            approvals: Approvals::new(BTreeMap::from([("*".to_owned(), everything)]))?,
            memory: 128 << 20,
            call_timeout: Duration::from_secs(30),
            observer: Arc::new(Silent),
        }),
        connections: BTreeMap::from([(
            "main".to_owned(),
            ConnectionConfig {
                url: format!("sqlite:{}", folder.join("main.db").display()),
                ..ConnectionConfig::default()
            },
        )]),
        ..ToolsConfig::new(guard)
    })
}

/// Runs Python, which must return.
pub(crate) async fn value(runtime: &Runtime, script: &str) -> Result<Value, Box<dyn Error>> {
    let job = Job::new(Language::Python, "test.py", script);
    returned(runtime.run(job).await?)
}

/// The value of a run that returned.
pub(crate) fn returned(report: Report) -> Result<Value, Box<dyn Error>> {
    match report.outcome {
        Outcome::Returned(value) => Ok(serde_json::from_str(value.get())?),
        other => Err(format!("{other:?} {}", String::from_utf8_lossy(&report.stderr)).into()),
    }
}

/// Notes the stages that everything passes, by name and principal.
#[derive(Default)]
pub(crate) struct Seen(Mutex<Vec<(&'static str, String, usize)>>);

impl Seen {
    /// The stages that something of this name passed, called at this depth of tool files.
    pub(crate) fn stages(&self, name: &str, depth: usize) -> Vec<&'static str> {
        let seen = self.0.lock();
        let of_it = seen.iter().filter(|(_, it, at)| it == name && *at == depth);
        of_it.map(|(stage, _, _)| *stage).collect()
    }
}

impl Watcher for Seen {
    fn entered(&self, stage: &'static str, name: &str, caller: &Caller) {
        assert!(caller.run().is_some(), "the caller knows its run");
        let mut seen = self.0.lock();
        seen.push((stage, name.to_owned(), caller.depth()));
    }
}
