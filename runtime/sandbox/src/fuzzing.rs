//! For the fuzzer alone: what a guest sends, without a guest, and components that are compiled in this process.

use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::Component;
use wxmcp_run::{Ledger, Limits, Observer, RunId, ToolHost, parsed_size};

use crate::calls::{Calls, InRun};
use crate::clock::RunClock;
use crate::engine::compiling_engine;
use crate::family::Family;
use crate::guest::{End, Outbox};
use crate::native::file;
use crate::output::Output;
use crate::supplied::Supplied;

/// The host's side of one guest.
pub struct Guest {
    calls: Calls,
    outbox: Outbox,
}

impl Guest {
    /// A guest whose operations `tools` answers. Must be made where tokio runs.
    pub fn new(
        tools: Arc<dyn ToolHost>,
        observer: &Arc<dyn Observer>,
        limits: &Limits,
        ledger: Ledger,
    ) -> Self {
        let output = Output::charged(limits.output, Arc::clone(observer), &ledger);
        let family = Family::new();
        family.begin(limits.tool_calls);
        let this = InRun {
            run: RunId::random(),
            clock: Arc::new(RunClock::start()),
            ledger,
            family,
        };
        Self {
            calls: Calls::new(tools, Arc::clone(observer), output, this, limits),
            outbox: Outbox::new(limits.value, Arc::clone(observer), false),
        }
    }

    /// `submit` of `guest.wit`; none where it traps.
    pub async fn submit(&mut self, operation: u8, payload: &[u8]) -> Option<u64> {
        let held = self.calls.hold(parsed_size(payload)).await;
        let payload = payload.to_vec();
        self.calls.submit(operation, payload, held).await.ok()
    }

    /// `call` of `guest.wit`; none where it traps.
    pub async fn call(&mut self, operation: u8, payload: &[u8]) -> Option<Vec<u8>> {
        let held = self.calls.hold(parsed_size(payload)).await;
        let payload = payload.to_vec();
        self.calls.call(operation, payload, held).await.ok()
    }

    /// `wait` of `guest.wit`, for what has ended.
    pub async fn wait(&mut self) -> Vec<u8> {
        self.calls.wait(Some(std::time::Duration::ZERO)).await
    }

    /// `cancel` of `guest.wit`.
    pub fn cancel(&mut self, id: u64) {
        self.calls.cancel(id);
    }

    /// `emit` of `guest.wit`, but for output; whether it traps.
    pub fn emit(&mut self, kind: u8, payload: &[u8]) -> bool {
        self.outbox.take(kind, payload).is_err()
    }

    /// The run is over; what it returned, as JSON.
    pub fn finish(mut self) -> Option<String> {
        self.calls.finish();
        match self.outbox.end? {
            End::Value(value) => Some(value.get().to_owned()),
            End::Raised(_) | End::Exit(_) => None,
        }
    }
}

/// Compiles components in this process.
pub struct Components(Engine);

impl Components {
    /// With the settings of every supplied component; none if the machine lacks what they need.
    pub fn new() -> Option<Self> {
        compiling_engine().ok().map(Self)
    }

    /// A component, or why it is none.
    ///
    /// # Errors
    ///
    /// Why the engine does not take it.
    pub fn compile(&self, wasm: &[u8]) -> Result<Supplied, String> {
        // It is not run by other processes, so the file of its native code is empty.
        let native = file::anonymous().map_err(|error| error.to_string())?;
        let native = ([0; 32], Arc::new(native.into()));
        match Component::new(&self.0, wasm) {
            Ok(component) => Ok(Supplied::new(self.0.clone(), component, native)),
            Err(error) => Err(format!("{error:#}")),
        }
    }
}
