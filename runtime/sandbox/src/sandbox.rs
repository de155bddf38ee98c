//! One guest, any number of runs.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker, TypedFunc};
use wasmtime::{Engine, Store, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::calls::Calls;
use crate::clock::RunClock;
use crate::guest::{End, MESSAGE, Outbox, State, protocol};
use crate::limits::{Limit, Limits, MemoryMeter, Stop};
use crate::native::NativeError;
use crate::observer::Observer;
use crate::output::Output;
use crate::policy::Policy;
use crate::report::{Outcome, Raised, Report, RunId, Usage};
use crate::script::Script;
use crate::tool::{BoxFuture, CallContext, ToolHost};
use crate::{engine, guest, wasi};

/// Fuel after which a computing guest lets the host look at its clock: about 4 ms
/// at the 5 units a nanosecond that CPython was measured at.
const YIELD_INTERVAL: u64 = 20_000_000;

/// Most bytes that one call from the guest may make the host copy. Above the limit
/// of one message, so that it is ours that is named.
const HOSTCALL: usize = 4 * MESSAGE;

/// A mapped guest that can start instances.
pub struct Sandbox {
    before: InstancePre<State>,
    entry: Entry,
}

/// The world of `wit/guest.wit` that a guest exports.
enum Entry {
    /// `interpreter`: runs its own event loop inside `run`.
    Run(ComponentExportIndex),
    /// `driven-interpreter`: the host's loop hands over what has ended.
    Driven {
        start: ComponentExportIndex,
        deliver: ComponentExportIndex,
    },
}

/// One execution of one script.
pub struct Run {
    /// What to run.
    pub script: Script,
    /// What it may touch.
    pub policy: Policy,
    /// How much it may use.
    pub limits: Limits,
    /// Who answers its tool calls.
    pub tools: Arc<dyn ToolHost>,
    /// Who hears of it while it runs.
    pub observer: Arc<dyn Observer>,
    /// When this ends, the run ends as [`Outcome::Cancelled`].
    pub cancel: BoxFuture<'static, ()>,
}

/// Why a run could not be carried out. Never a script's fault.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The guest could not be loaded.
    #[error(transparent)]
    Native(#[from] NativeError),
    /// A mount's directory could not be opened.
    #[error("open the host directory for mount `{guest}`")]
    Mount {
        /// The mount's path in the guest.
        guest: String,
        /// What the system said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The memory limit is below what the interpreter itself occupies.
    #[error("the memory limit of {limit} bytes is too small for the interpreter")]
    MemoryTooSmall {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The engine could not start an instance.
    #[error("cannot start an instance")]
    Engine(#[source] wasmtime::Error),
}

impl Sandbox {
    /// A sandbox for a guest that exports a world of `wit/guest.wit`.
    ///
    /// # Errors
    /// When the guest imports what is not offered, or lacks its entry.
    pub fn open(engine: &Engine, guest: &Component) -> Result<Self, Error> {
        let mut linker = Linker::new(engine);
        wasi::add_to_linker(&mut linker).map_err(Error::Engine)?;
        guest::add_to_linker(&mut linker).map_err(Error::Engine)?;
        let before = linker.instantiate_pre(guest).map_err(Error::Engine)?;
        let export = |name| guest.get_export_index(None, name);
        let entry = match (export("run"), export("start"), export("deliver")) {
            (Some(run), _, _) => Entry::Run(run),
            (None, Some(start), Some(deliver)) => Entry::Driven { start, deliver },
            _ => {
                let error = wasmtime::format_err!("the guest exports neither `run` nor `start`");
                return Err(Error::Engine(error));
            }
        };
        Ok(Self { before, entry })
    }

    /// Runs one script in a fresh instance, to its end.
    ///
    /// # Errors
    /// When the run could not begin; once it has, every end is an [`Outcome`].
    pub async fn run(&self, run: Run) -> Result<Report, Error> {
        let Run {
            script,
            policy,
            limits,
            tools,
            observer,
            cancel,
        } = run;
        let id = RunId::random();
        let request = match script.request(&policy.env) {
            Ok(request) => request,
            Err(raised) => return Ok(not_begun(id, raised)),
        };
        let clock = Arc::new(RunClock::start());
        let context = CallContext {
            run: id,
            clock: Arc::clone(&clock),
        };
        let output = Output::new(limits.output, Arc::clone(&observer));
        let state = State {
            wasi: wasi::context(&policy, &output)?,
            table: wasi::table(),
            memory: MemoryMeter::new(limits.memory),
            calls: Calls::new(tools, Arc::clone(&observer), context, &limits),
            output,
            outbox: Outbox::new(limits.value, observer),
        };
        let fuel = limits.fuel.unwrap_or(u64::MAX);
        let mut store = self.store(state, fuel).map_err(Error::Engine)?;

        let ended = tokio::select! {
            biased;
            ended = self.enter(&mut store, request) => ended.map_err(Ending::from),
            () = cancel => Err(Ending::Cancelled),
            () = deadline(&clock, limits.wall) => {
                Err(Ending::Stopped(Limit::WallTime(milliseconds(limits.wall))))
            }
        };
        if let Err(Ending::NotStarted(error)) = ended {
            if store.data().memory.refused() {
                return Err(Error::MemoryTooSmall {
                    limit: limits.memory,
                });
            }
            return Err(Error::Engine(error));
        }
        let left = store.get_fuel().unwrap_or(0);
        Ok(report(
            id,
            store.data_mut(),
            ended.err(),
            &limits,
            &clock,
            fuel.saturating_sub(left),
        ))
    }

    fn store(&self, state: State, fuel: u64) -> wasmtime::Result<Store<State>> {
        let mut store = Store::new(self.before.engine(), state);
        store.limiter(|state| &mut state.memory);
        store.set_fuel(fuel)?;
        store.fuel_async_yield_interval(Some(YIELD_INTERVAL))?;
        store.set_hostcall_fuel(HOSTCALL);
        Ok(store)
    }

    async fn enter(&self, store: &mut Store<State>, request: Vec<u8>) -> Result<(), Entered> {
        let instance = self
            .before
            .instantiate_async(&mut *store)
            .await
            .map_err(Entered::Not)?;
        let export = |store: &mut Store<State>, index| {
            instance
                .get_typed_func::<(Vec<u8>,), ()>(store, index)
                .map_err(Entered::Not)
        };
        match &self.entry {
            Entry::Run(run) => {
                let run = export(store, run)?;
                enter(run, store, request).await
            }
            Entry::Driven { start, deliver } => {
                let deliver = export(store, deliver)?;
                let start = export(store, start)?;
                enter(start, store, request).await?;
                drive(deliver, store).await
            }
        }
    }
}

/// Hands over what has ended until nothing is under way, or the script has failed.
async fn drive(
    deliver: TypedFunc<(Vec<u8>,), ()>,
    store: &mut Store<State>,
) -> Result<(), Entered> {
    loop {
        let end = &store.data().outbox.end;
        let (settled, failed) = (end.is_some(), matches!(end, Some(End::Raised(_))));
        if failed {
            return Ok(());
        }
        let completions = store.data_mut().calls.wait(None).await;
        let idle = completions.is_empty();
        if !(idle && settled) {
            enter(deliver, store, completions).await?;
        }
        if idle {
            return Ok(());
        }
    }
}

async fn enter(
    function: TypedFunc<(Vec<u8>,), ()>,
    store: &mut Store<State>,
    bytes: Vec<u8>,
) -> Result<(), Entered> {
    function
        .call_async(store, (bytes,))
        .await
        .map_err(Entered::Trapped)
}

enum Entered {
    Not(wasmtime::Error),
    Trapped(wasmtime::Error),
}

/// Why the guest did not come back from its entry by itself.
enum Ending {
    NotStarted(wasmtime::Error),
    Stopped(Limit),
    OutOfFuel,
    Exit(i32),
    Crashed(String),
    Cancelled,
}

impl From<Entered> for Ending {
    fn from(entered: Entered) -> Self {
        let error = match entered {
            Entered::Not(error) => return Self::NotStarted(error),
            Entered::Trapped(error) => error,
        };
        if let Some(Stop(limit)) = error.downcast_ref::<Stop>() {
            return Self::Stopped(limit.clone());
        }
        if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
            return Self::Exit(*code);
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => Self::OutOfFuel,
            Some(Trap::StackOverflow) => Self::Stopped(Limit::Stack),
            // The guest's stack of C lies at the start of its memory.
            Some(Trap::MemoryOutOfBounds) if is_deep(&error) => Self::Stopped(Limit::Stack),
            Some(trap) => Self::Crashed(trap.to_string()),
            None => Self::Crashed(error.root_cause().to_string()),
        }
    }
}

fn is_deep(error: &wasmtime::Error) -> bool {
    error
        .downcast_ref::<WasmBacktrace>()
        .is_some_and(|trace| trace.frames().len() >= engine::DEEP.get())
}

/// Ends when the run has spent its wall time; pauses of the clock prolong it.
async fn deadline(clock: &RunClock, wall: Duration) {
    while let Some(left) = wall
        .checked_sub(clock.elapsed())
        .filter(|left| !left.is_zero())
    {
        tokio::time::sleep(left).await;
    }
}

/// The report of a script that is no program in its language.
fn not_begun(run: RunId, raised: Raised) -> Report {
    Report {
        run,
        outcome: Outcome::Raised(raised),
        stdout: Vec::new(),
        stderr: Vec::new(),
        calls: Vec::new(),
        usage: Usage {
            wall_ms: 0.0,
            fuel: 0,
            peak_memory: 0,
            tool_calls: 0,
            bytes_kept_out: 0,
        },
        artifacts: Vec::new(),
    }
}

fn report(
    run: RunId,
    state: &mut State,
    ending: Option<Ending>,
    limits: &Limits,
    clock: &RunClock,
    fuel: u64,
) -> Report {
    let (calls, answer_bytes) = state.calls.finish();
    let (stdout, stderr) = state.output.take();
    let artifacts = std::mem::take(&mut state.outbox.artifacts);
    let came_out = [&stdout, &stderr]
        .into_iter()
        .map(Vec::len)
        .chain(artifacts.iter().map(|artifact| artifact.data.len()))
        .map(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX))
        .fold(state.outbox.out_bytes, u64::saturating_add);
    let usage = Usage {
        wall_ms: clock.elapsed().as_secs_f64() * 1e3,
        fuel,
        peak_memory: state.memory.peak(),
        tool_calls: u64::try_from(calls.len()).unwrap_or(u64::MAX),
        bytes_kept_out: answer_bytes.saturating_sub(came_out),
    };
    Report {
        run,
        outcome: outcome(state, ending, limits),
        stdout,
        stderr,
        calls,
        usage,
        artifacts,
    }
}

fn outcome(state: &mut State, ending: Option<Ending>, limits: &Limits) -> Outcome {
    let said = state.outbox.end.take();
    let starved = state.memory.refused();
    match ending {
        None => match said {
            Some(End::Value(value)) => Outcome::Returned(value),
            Some(End::Exit(code)) => Outcome::Exited(code),
            Some(End::Raised(raised)) if starved && raised.kind == "MemoryError" => {
                Outcome::Stopped(state.memory.limit(), Some(raised))
            }
            Some(End::Raised(raised)) => Outcome::Raised(raised),
            None => Outcome::Raised(protocol("the interpreter ended without an outcome")),
        },
        Some(Ending::Exit(code)) => match said {
            Some(End::Exit(code)) => Outcome::Exited(code),
            _ => Outcome::Exited(u8::try_from(code.rem_euclid(256)).unwrap_or(1)),
        },
        Some(Ending::Stopped(limit)) => Outcome::Stopped(limit, None),
        Some(Ending::OutOfFuel) => {
            Outcome::Stopped(Limit::Fuel(limits.fuel.unwrap_or(u64::MAX)), None)
        }
        Some(Ending::Cancelled) => Outcome::Cancelled,
        // An interpreter that runs out of memory where it cannot say so traps.
        Some(Ending::Crashed(_)) if starved => Outcome::Stopped(state.memory.limit(), None),
        Some(Ending::Crashed(why)) => Outcome::Raised(Raised {
            kind: "InterpreterCrash".to_owned(),
            message: format!("the interpreter crashed: {why}"),
            traceback: String::new(),
            line: None,
        }),
        Some(Ending::NotStarted(error)) => Outcome::Raised(protocol(&error.to_string())),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
