//! The probe guest (`guest-adapters/probe`), metered as ours are, compiled and ready to run.

#![allow(dead_code, unreachable_pub, reason = "shared by several test programs")]

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use guest_build::meter::{Counter, meter};
use sha2::{Digest, Sha256};
use wxmcp_run::Run;
use wxmcp_run::{
    BoxFuture, Event, Language, Ledger, Limits, Observer, Policy, Report, Script, Sources,
    ToolAnswer, ToolCall, ToolError, ToolErrorKind, ToolHost,
};
use wxmcp_sandbox::engine::{self, Allocation};
use wxmcp_sandbox::{NativeCache, NativeGuest, Sandbox};

pub type TestResult = Result<(), Box<dyn Error>>;

/// The probe as an embedded guest.
pub fn guest() -> Result<NativeGuest, Box<dyn Error>> {
    let text = include_str!("../../../../guest-adapters/probe/probe.wat");
    let native = engine::compile(&meter(&wat::parse_str(text)?, Counter::InLocals, &[])?)?;
    let sha256 = Sha256::digest(&native)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    Ok(NativeGuest {
        name: "probe",
        component: "",
        sha256: sha256.leak(),
        size: u64::try_from(native.len())?,
        compressed: zstd::bulk::compress(&native, 1)?.leak(),
    })
}

/// Runs a probe script under limits.
pub fn run(source: &str, limits: Limits) -> Result<Report, Box<dyn Error>> {
    let engine = engine::engine(Allocation::OnDemand)?;
    let guest = NativeCache::new(None).load(&engine, &guest()?)?;
    let sandbox = Sandbox::open(&engine, &guest)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(sandbox.run(request(source, limits)))?)
}

/// What [`run`] runs.
pub fn request(source: &str, limits: Limits) -> Run {
    Run {
        id: wxmcp_run::RunId::random(),
        script: Script {
            name: "probe".to_owned(),
            language: Language::Python,
            source: source.to_owned(),
            args: Vec::new(),
            path: None,
            in_session: false,
            task: None,
        },
        policy: Policy::default(),
        limits,
        ledger: Ledger::unbounded(),
        tools: Arc::new(Tools),
        sources: Sources::default(),
        observer: Arc::new(Events::default()),
        cancel: Box::pin(std::future::pending()),
    }
}

/// Short limits, so that a test that should be stopped is stopped soon.
pub fn limits() -> Limits {
    Limits {
        wall: Duration::from_secs(20),
        ..Limits::default()
    }
}

/// Keeps what an observer hears, as text.
#[derive(Default)]
pub struct Events(pub Mutex<Vec<String>>);

impl Observer for Events {
    fn event(&self, event: Event<'_>) {
        let text = match event {
            Event::Output { stream, bytes } => {
                format!("{stream:?} {}", String::from_utf8_lossy(bytes))
            }
            other => format!("{other:?}"),
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(text);
    }
}

/// `t.echo` answers its arguments after a turn of the event loop; `t.never` never.
pub struct Tools;

impl ToolHost for Tools {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        Box::pin(async move {
            // All of it, with what is charged for it, until it is answered.
            let call = call;
            match call.name.as_str() {
                "t.echo" => {
                    tokio::task::yield_now().await;
                    Ok(ToolAnswer::new(call.arguments.into(), 7))
                }
                "t.never" => std::future::pending().await,
                _ => Err(ToolError::new(ToolErrorKind::UnknownTool, "no such tool")),
            }
        })
    }
}
