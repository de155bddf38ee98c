//! Descriptions of tool files: a script runs once with nothing granted, a component is compiled.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use wxmcp_catalogue::wording::bounded;
use wxmcp_run::{
    BoxFuture, CallContext, Capability, Describe, Limit, Limits, Outcome, Raised, Run, RunError,
    Script, Silent, Sources, ToolAnswer, ToolCall, ToolError, ToolErrorKind, ToolHost, ToolJob,
    ToolTask, Written,
};

use crate::component;
use crate::config::Shared;
use crate::definition::{Defined, Described, Undescribed};
use crate::place::Place;
use crate::runner::{Content, Source};

/// The limits of describing a file: its module is executed, its tool is not called.
fn description_limits() -> Limits {
    Limits {
        fuel: Some(5_000_000_000),
        wall: Duration::from_secs(10),
        start: Duration::ZERO,
        host_memory: 128 << 20,
        scratch: 0,
        memory: 128 << 20,
        output: 64 << 10,
        value: 1 << 20,
        tool_calls: 10,
        concurrent_calls: 1,
    }
}

/// Describes the tools of a file: a script is run with nothing granted, a component is compiled and not run.
pub(crate) async fn describe(
    place: &Place<'_>,
    content: Content,
    shared: &Shared,
) -> Result<Described, Undescribed> {
    match content {
        Content::Source(source) => {
            let defined = describe_script(place, source, shared).await?;
            Ok(Described {
                tools: vec![defined],
                left_out: Vec::new(),
            })
        }
        Content::Component(content) => component::describe(&content, place.tool, shared).await,
    }
}

async fn describe_script(
    place: &Place<'_>,
    source: Source,
    shared: &Shared,
) -> Result<Defined, Undescribed> {
    let does_not_start =
        |error: RunError| Undescribed::Now(format!("its interpreter does not start: {error}"));
    let runner = shared
        .config
        .runner(place.language, None)
        .await
        .map_err(does_not_start)?;
    let run = Run {
        id: wxmcp_run::RunId::random(),
        script: Script {
            name: place.shown(),
            language: place.language,
            source: source.text.as_ref().to_owned(),
            args: Vec::new(),
            path: None,
            in_session: false,
            task: Some(ToolTask {
                tool: place.tool.to_owned(),
                path: place.below(),
                library: Arc::clone(&source.shared.library),
                job: ToolJob::Describe(Describe::default()),
            }),
        },
        policy: shared.config.sees.clone(),
        limits: description_limits(),
        ledger: shared.for_one_file(),
        tools: Arc::new(Nothing),
        sources: Sources::default(),
        observer: Arc::new(Silent),
        cancel: Box::pin(std::future::pending()),
    };
    let report = runner.run(run).await.map_err(does_not_start)?;
    let why = match report.outcome {
        Outcome::Returned(value) => {
            return Ok(Defined::read(value.get(), place.namespace, place.tool)?);
        }
        Outcome::Raised(raised) => bounded(&exception(&raised, &place.shown())),
        Outcome::Exited(code) => format!("it ended the interpreter with code {code}"),
        // On a machine with less to do it may end in time.
        Outcome::Stopped(limit @ (Limit::WallTime(_) | Limit::HostMemory(_)), _) => {
            let why = format!("reading it was stopped by {limit}");
            return Err(Undescribed::Now(why));
        }
        Outcome::Stopped(limit, _) => format!("reading it was stopped by {limit}"),
        Outcome::Cancelled => return Err(Undescribed::Now("reading it was cancelled".to_owned())),
    };
    Err(Undescribed::Lasting(why))
}

/// An exception of a tool file, as one sentence with its line.
fn exception(raised: &Raised, shown: &str) -> String {
    let message = match raised.message.as_str() {
        "" => raised.kind.clone(),
        message => format!("{}: {message}", raised.kind),
    };
    let file = raised.file.as_deref().unwrap_or(shown);
    match raised.line {
        Some(line) => format!("{message} ({file}, line {line})"),
        None => message,
    }
}

/// Refuses every call: for files that are only described.
struct Nothing;

impl ToolHost for Nothing {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        Box::pin(async move { Err(only_read(&call.name)) })
    }

    fn capability(
        &self,
        capability: Capability,
        _request: Map<String, Value>,
        _context: CallContext,
    ) -> BoxFuture<'_, Result<Written, ToolError>> {
        Box::pin(async move { Err(only_read(&capability.to_string())) })
    }
}

fn only_read(what: &str) -> ToolError {
    ToolError::new(
        ToolErrorKind::NotGranted,
        format!(
            "`{}` is not there while the tool file is read: use it inside the tool's function",
            bounded(what)
        ),
    )
}
