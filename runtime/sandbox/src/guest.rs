//! The host side of `wit/guest.wit`, and all that one instance owns.

use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, ResourceTable, WasmList};
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxView, WasiView};

use crate::aside::LARGE;
use crate::calls::Calls;
use crate::files::Files;
use crate::limits::{Budget, MemoryMeter, Stop};
use crate::meter::Meter;
use crate::operation::RUN;
use crate::output::Output;
use crate::programs::Programs;
use wxmcp_run::Limit;
use wxmcp_run::{Artifact, Charge, Ledger, Raised, parsed_size};
use wxmcp_run::{Event, Stream};

/// Most bytes of one message from the guest; bounds every copy made of one.
pub(crate) const MESSAGE: usize = 16 << 20;

/// Bytes of messages after which the clock has its turn: a few milliseconds of work.
const HOST_BYTES: usize = 4 << 20;

/// Bytes of all artifacts of a run.
const ARTIFACTS: u64 = 16 << 20;

/// Bytes of the name of one that are kept.
const ARTIFACT_NAME: usize = 255;

/// Progress messages of a run that reach the observer; later ones are dropped.
const PROGRESS: u64 = 10_000;

/// Bytes of an exception's message, and of its traceback, that are kept.
pub(crate) const RAISED: usize = 256 << 10;

/// What a progress message is in `wit/guest.wit`.
const PROGRESS_KIND: u8 = 5;

/// What is kept until the run has ended: outcomes and artifacts.
const KEPT_KINDS: [u8; 4] = [3, 4, 6, 7];

/// Bytes of a progress message that are kept.
const PROGRESS_MESSAGE: usize = 256;

/// What one instance owns on the host.
pub(crate) struct State {
    pub(crate) wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    pub(crate) files: Files,
    pub(crate) memory: MemoryMeter,
    pub(crate) meter: Meter,
    pub(crate) calls: Calls,
    pub(crate) output: Output,
    pub(crate) outbox: Outbox,
    /// Modules that the run may still have read.
    pub(crate) programs: Programs,
    /// The clocks that the guest reads.
    pub(crate) clocks: wxmcp_run::Clocks,
    /// Bytes that the host has worked on since it last looked at the clock.
    pub(crate) host_bytes: usize,
}

impl State {
    /// The operations, for the guest that calls now.
    pub(crate) fn calls(&mut self) -> &mut Calls {
        self.calls.fuel = self.meter.used();
        &mut self.calls
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl State {
    /// Who begins an operation. A run that is started sees the files of this one, which are there from then on.
    fn asked(&mut self, operation: u8) -> &mut Calls {
        if operation == RUN {
            let _shared = self.files.tree();
        }
        self.calls()
    }
}

/// What the guest said of its end, and what it handed out.
pub(crate) struct Outbox {
    pub(crate) end: Option<End>,
    /// The signal by which the script ended itself.
    pub(crate) signal: Option<u8>,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) out_bytes: u64,
    /// For the end and the artifacts.
    pub(crate) held: Option<Charge>,
    value_limit: u64,
    /// Whether the script is one of a session, which outlives that a script ends itself.
    continues: bool,
    artifact_budget: Budget,
    progress_budget: Budget,
    observer: std::sync::Arc<dyn wxmcp_run::Observer>,
}

/// How the guest says that its script ended. It may lie about its own script,
/// and gains nothing by it.
pub(crate) enum End {
    Value(Box<RawValue>),
    Raised(Raised),
    Exit(u8),
}

/// Offers the interfaces of `wit/guest.wit` to guests.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    add_host(linker)?;
    add_waiting(linker)
}

fn add_host(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut host = linker.instance("wxmcp:guest/host@0.1.0")?;
    host.func_wrap_async(
        "submit",
        |mut store: StoreContextMut<'_, State>, (operation, payload): (u8, WasmList<u8>)| {
            Box::new(async move {
                let (bytes, parsed) = (payload.len(), weight(&store, &payload)?);
                let held = store.data_mut().calls.hold(parsed).await;
                let payload = copy(&store, &payload)?;
                let calls = store.data_mut().asked(operation);
                let id = calls.submit(operation, payload, held).await?;
                yield_after(&mut store, bytes).await;
                Ok((id,))
            })
        },
    )?;
    host.func_wrap(
        "cancel",
        |mut store: StoreContextMut<'_, State>, (id,): (u64,)| {
            store.data_mut().calls.cancel(id);
            Ok(())
        },
    )?;
    host.func_wrap_async(
        "emit",
        |mut store: StoreContextMut<'_, State>, (kind, payload): (u8, WasmList<u8>)| {
            Box::new(async move {
                let length = payload.len();
                let held = match kind {
                    1 | 2 => None,
                    _ => Some(hold(store.data().calls.ledger().clone(), length).await?),
                };
                emit(&mut store, kind, &payload)?;
                if let Some(held) = held.filter(|_| KEPT_KINDS.contains(&kind)) {
                    store.data_mut().outbox.hold(held);
                }
                yield_after(&mut store, length).await;
                if let Some(room) = store.data().output.full() {
                    room.await;
                }
                Ok(())
            })
        },
    )
}

/// Charges what a guest hands out before it is copied.
async fn hold(ledger: Ledger, bytes: usize) -> Result<Charge, Stop> {
    let bytes = u64::try_from(bytes.min(MESSAGE)).unwrap_or(u64::MAX);
    let charge = ledger.charge_when_free(bytes).await;
    charge.map_err(|over| Stop(over.limit()))
}

fn emit(
    store: &mut StoreContextMut<'_, State>,
    kind: u8,
    payload: &WasmList<u8>,
) -> wasmtime::Result<()> {
    let stream = match kind {
        1 => Stream::Stdout,
        2 => Stream::Stderr,
        _ => {
            let payload = copy(store, payload)?;
            let outbox = &mut store.data_mut().outbox;
            outbox.take(kind, &payload)?;
            return match &outbox.end {
                // The interpreter returns by itself, and is there for the next run.
                _ if outbox.continues => Ok(()),
                Some(End::Exit(code)) => Err(I32Exit(i32::from(*code)).into()),
                // It was to be the end; what it was is said.
                _ if kind == 7 => Err(I32Exit(1).into()),
                _ => Ok(()),
            };
        }
    };
    let output = store.data().output.clone();
    output.print(stream, payload.as_le_slice(&*store))?;
    Ok(())
}

/// Lets the deadline have its turn after much work of the host, which takes no fuel.
pub(crate) async fn yield_after(store: &mut StoreContextMut<'_, State>, bytes: usize) {
    let done = &mut store.data_mut().host_bytes;
    *done = done.saturating_add(bytes);
    if *done >= HOST_BYTES {
        *done = 0;
        tokio::task::yield_now().await;
    }
}

fn add_waiting(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut host = linker.instance("wxmcp:guest/waiting@0.1.0")?;
    host.func_wrap_async(
        "wait",
        |mut store: StoreContextMut<'_, State>, (timeout,): (Option<u64>,)| {
            Box::new(async move {
                let timeout = timeout.map(Duration::from_micros);
                Ok((store.data_mut().calls().wait(timeout).await,))
            })
        },
    )?;
    host.func_wrap_async(
        "call",
        |mut store: StoreContextMut<'_, State>, (operation, payload): (u8, WasmList<u8>)| {
            Box::new(async move {
                let parsed = weight(&store, &payload)?;
                let held = store.data_mut().calls.hold(parsed).await;
                let payload = copy(&store, &payload)?;
                let calls = store.data_mut().asked(operation);
                Ok((calls.call(operation, payload, held).await?,))
            })
        },
    )
}

/// What a message of calls takes: as it is copied, and once it is read. No larger one is looked at than may be.
fn weight(store: &StoreContextMut<'_, State>, payload: &WasmList<u8>) -> Result<u64, Stop> {
    if payload.len() > MESSAGE {
        let allowed = u64::try_from(MESSAGE).unwrap_or(u64::MAX);
        return Err(Stop(Limit::Message(allowed)));
    }
    let payload = payload.as_le_slice(store);
    // Short ones are gone again before anything else happens.
    let copy = if payload.len() < LARGE {
        0
    } else {
        payload.len()
    };
    let copy = u64::try_from(copy).unwrap_or(u64::MAX);
    Ok(parsed_size(payload).saturating_add(copy))
}

/// A message out of guest memory, if it is no larger than one may be.
pub(crate) fn copy(
    store: &StoreContextMut<'_, State>,
    payload: &WasmList<u8>,
) -> Result<Vec<u8>, Stop> {
    if payload.len() > MESSAGE {
        let allowed = u64::try_from(MESSAGE).unwrap_or(u64::MAX);
        return Err(Stop(Limit::Message(allowed)));
    }
    Ok(payload.as_le_slice(store).to_vec())
}

impl Outbox {
    pub(crate) fn new(
        value_limit: u64,
        observer: std::sync::Arc<dyn wxmcp_run::Observer>,
        continues: bool,
    ) -> Self {
        Self {
            continues,
            end: None,
            signal: None,
            artifacts: Vec::new(),
            out_bytes: 0,
            held: None,
            value_limit,
            artifact_budget: Budget::new(ARTIFACTS),
            progress_budget: Budget::new(PROGRESS),
            observer,
        }
    }

    /// Keeps what is charged for what was handed out, as long as the instance is in use.
    fn hold(&mut self, charge: Charge) {
        match &mut self.held {
            Some(held) => held.join(charge),
            none => *none = Some(charge),
        }
    }

    pub(crate) fn take(&mut self, kind: u8, payload: &[u8]) -> Result<(), Stop> {
        match kind {
            3 => self.end = Some(self.value(payload)?),
            4 => self.end = Some(End::Raised(raised(payload))),
            PROGRESS_KIND => self.progress(payload),
            6 => self.artifact(payload)?,
            7 => {
                let exit = serde_json::from_slice::<Exit>(payload).ok();
                self.signal = exit.as_ref().and_then(|exit| exit.signal);
                self.end = Some(match exit.and_then(|exit| exit.code()) {
                    Some(code) => End::Exit(code),
                    None => End::Raised(protocol("the interpreter ended with no exit code")),
                });
            }
            _ => {}
        }
        Ok(())
    }

    fn value(&mut self, payload: &[u8]) -> Result<End, Stop> {
        let size = u64::try_from(payload.len()).unwrap_or(u64::MAX);
        if size > self.value_limit {
            return Err(Stop(Limit::Value(self.value_limit)));
        }
        self.out_bytes = size;
        Ok(match serde_json::from_slice::<Box<RawValue>>(payload) {
            Ok(value) => End::Value(value),
            Err(error) => End::Raised(protocol(&format!(
                "the value that was returned is no JSON: {error}"
            ))),
        })
    }

    fn progress(&mut self, payload: &[u8]) {
        #[derive(Deserialize)]
        struct Progress {
            message: Option<String>,
            done: Option<f64>,
            total: Option<f64>,
        }
        if self.progress_budget.spend(1).is_err() {
            return;
        }
        if let Ok(progress) = serde_json::from_slice::<Progress>(payload) {
            let message = progress.message.as_deref();
            self.observer.event(Event::Progress {
                message: message.map(|text| head(text, PROGRESS_MESSAGE)),
                done: progress.done,
                total: progress.total,
            });
        }
    }

    fn artifact(&mut self, payload: &[u8]) -> Result<(), Stop> {
        let size = u64::try_from(payload.len()).unwrap_or(u64::MAX);
        self.artifact_budget
            .spend(size)
            .map_err(|total| Stop(Limit::Artifacts(total)))?;
        if let Ok(mut artifact) = serde_json::from_slice::<Artifact>(payload)
            && ["image", "text", "file"].contains(&artifact.kind.as_str())
        {
            artifact.name = artifact
                .name
                .map(|name| head(&name, ARTIFACT_NAME).to_owned());
            self.artifacts.push(artifact);
        }
        Ok(())
    }
}

/// The type of the exception when the interpreter broke the protocol.
pub(crate) const PROTOCOL: &str = "InterpreterError";

/// What the host says when the interpreter broke the protocol.
pub(crate) fn protocol(message: &str) -> Raised {
    Raised {
        kind: PROTOCOL.to_owned(),
        message: message.to_owned(),
        traceback: String::new(),
        line: None,
        file: None,
    }
}

fn raised(payload: &[u8]) -> Raised {
    match serde_json::from_slice::<Raised>(payload) {
        Ok(raised) => Raised {
            kind: head(&raised.kind, PROGRESS_MESSAGE).to_owned(),
            message: head(&raised.message, RAISED).to_owned(),
            traceback: head(&raised.traceback, RAISED).to_owned(),
            line: raised.line,
            file: raised
                .file
                .map(|file| head(&file, PROGRESS_MESSAGE).to_owned()),
        },
        Err(error) => protocol(&format!(
            "the interpreter reported an exception that cannot be read: {error}"
        )),
    }
}

/// How a script ended itself.
#[derive(Deserialize)]
struct Exit {
    code: i64,
    /// The signal that it sent itself.
    #[serde(default)]
    signal: Option<u8>,
}

impl Exit {
    fn code(&self) -> Option<u8> {
        u8::try_from(self.code.rem_euclid(256)).ok()
    }
}

/// The first `bytes` of a text, cut between characters.
pub(crate) fn head(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}
