//! What tests run as processes of their own: the guard, the compiler of components, and a
//! program that holds a broker until it is killed.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;
use wxmcp_host::{ToolsConfig, open_tools};
use wxmcp_run::{CallContext, ToolCall, ToolHost as _};
use wxmcp_upstream::{Environment, GuardCommand, guard_main, parse_config};

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next() {
        Some(mode) if mode == "guard" => guard_main(args),
        Some(mode) if mode == wxmcp_host::COMPILER => wxmcp_sandbox::supplied::compile_main(args),
        Some(mode) if mode == "hold" => match hold(args.filter_map(|arg| arg.into_string().ok())) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "{error}");
                ExitCode::FAILURE
            }
        },
        _ => ExitCode::from(2),
    }
}

/// Has a lying server hold a pipe through one of its tools, says so, and waits.
fn hold(mut args: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let mut next = || args.next().ok_or("too few arguments");
    let (script, tool, fifo) = (next()?, next()?, next()?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let servers =
            json!({"mcpServers": {"liar": {"command": "python3", "args": ["-ISu", script]}}});
        let guard = GuardCommand {
            program: std::env::current_exe()?,
            args: vec!["guard".into()],
        };
        let broker = open_tools(ToolsConfig {
            servers: parse_config("host", &servers.to_string(), Path::new(""))?.upstreams,
            environment: Environment::new([("PATH", std::env::var("PATH")?)]),
            ..ToolsConfig::new(guard)
        })?;
        broker
            .call(ToolCall {
                sequence: 1,
                name: format!("liar.{tool}"),
                arguments: [("fifo".to_owned(), json!(fifo))].into_iter().collect(),
                context: CallContext::outside_of_runs(&wxmcp_run::Ledger::unbounded()),
            })
            .await?;
        writeln!(std::io::stdout(), "ready")?;
        std::future::pending().await
    })
}
