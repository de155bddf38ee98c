//! A broker for tests, and the questions that tests ask of it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};
use wxmcp_broker::CallerHost;
use wxmcp_host::{ToolsConfig, open_tools};
use wxmcp_run::{CallContext, Detail, Search, ToolAnswer, ToolCall, ToolError, ToolHost as _};
use wxmcp_upstream::{ConfigError, Environment, GuardCommand, UpstreamConfig, parse_config};

pub(crate) type TestResult = Result<(), Box<dyn Error>>;

/// The value of a secret that no text may show.
pub(crate) const CANARY: &str = "canary-4cf1b6e2";

/// A configuration of a lying server, started with these arguments.
pub(crate) fn liar(args: &[&str]) -> Value {
    let script = repository().join("fixtures/mcp/liar.py");
    let mut all = vec!["-ISu".to_owned(), script.display().to_string()];
    all.extend(args.iter().map(|arg| (*arg).to_owned()));
    json!({"command": "python3", "args": all, "env": {"SECRET": "${SECRET}"}})
}

/// The repository that the tests are part of.
pub(crate) fn repository() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", ".."].iter().collect()
}

/// How the test host is made a guard.
pub(crate) fn guard() -> GuardCommand {
    GuardCommand {
        program: env!("CARGO_BIN_EXE_host-test-program").into(),
        args: vec!["guard".into()],
    }
}

/// A broker over these servers, by name.
pub(crate) fn broker(
    servers: Value,
    change: impl FnOnce(&mut ToolsConfig),
) -> Result<Arc<CallerHost>, Box<dyn Error>> {
    let path = std::env::var("PATH")?;
    let mut config = ToolsConfig {
        servers: configured(&servers)?,
        environment: Environment::new([("PATH", path.as_str()), ("SECRET", CANARY)]),
        ..ToolsConfig::new(guard())
    };
    change(&mut config);
    Ok(open_tools(config)?)
}

/// These servers, by name, as a file that stands in the folder where tests run.
pub(crate) fn configured(servers: &Value) -> Result<Vec<UpstreamConfig>, ConfigError> {
    let text = json!({"mcpServers": servers}).to_string();
    Ok(parse_config("test.json", &text, Path::new(""))?.upstreams)
}

/// A broker over one lying server, `liar`.
pub(crate) fn lying(args: &[&str]) -> Result<Arc<CallerHost>, Box<dyn Error>> {
    broker(json!({"liar": liar(args)}), |_| {})
}

/// A brief search.
pub(crate) fn search(query: &str, limit: usize) -> Search {
    Search {
        query: query.to_owned(),
        limit,
        detail: Detail::Brief,
    }
}

/// Who asks.
pub(crate) fn context() -> CallContext {
    CallContext::outside_of_runs(&wxmcp_run::Ledger::unbounded())
}

/// Calls a tool; the arguments are an object.
pub(crate) async fn answer(
    broker: &CallerHost,
    name: &str,
    arguments: Value,
) -> Result<ToolAnswer, ToolError> {
    answer_in(broker, name, arguments, context()).await
}

/// Calls a tool in a run.
pub(crate) async fn answer_in(
    broker: &CallerHost,
    name: &str,
    arguments: Value,
    context: CallContext,
) -> Result<ToolAnswer, ToolError> {
    let arguments = match arguments {
        Value::Object(arguments) => arguments,
        _ => Map::new(),
    };
    let call = ToolCall {
        sequence: 1,
        name: name.to_owned(),
        arguments,
        context,
    };
    broker.call(call).await
}

/// Calls a tool; the value that it answers.
pub(crate) async fn call(
    broker: &CallerHost,
    name: &str,
    arguments: Value,
) -> Result<Value, ToolError> {
    Ok(answer(broker, name, arguments).await?.value)
}

/// The honest neighbour: whatever went before, this must work.
pub(crate) async fn echoes(broker: &CallerHost) -> TestResult {
    assert_eq!(
        call(broker, "liar.echo", json!({"text": "hi"})).await?,
        json!("hi")
    );
    Ok(())
}

/// The error of a call that must fail.
pub(crate) async fn error(
    broker: &CallerHost,
    name: &str,
    arguments: Value,
) -> Result<ToolError, String> {
    match call(broker, name, arguments).await {
        Err(error) => Ok(error),
        Ok(value) => Err(format!("{name} answered {value}")),
    }
}

/// A named pipe in the folder.
pub(crate) fn make_fifo(directory: &tempfile::TempDir) -> std::io::Result<PathBuf> {
    let path = directory.path().join("fifo");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )?;
    Ok(path)
}

/// The reading end of a named pipe; does not wait for a writer.
pub(crate) fn open_fifo(path: &std::path::Path) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = rustix::fs::OFlags::NONBLOCK.bits();
    std::fs::File::options()
        .read(true)
        .custom_flags(i32::try_from(flags).unwrap_or_default())
        .open(path)
}
