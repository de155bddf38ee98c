//! How a run ended, and its report.

use std::time::Duration;

use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;
use wxmcp_run::{Limit, Limits, Outcome, Raised, Report, RunId, Usage};

use crate::clock::RunClock;
use crate::engine;
use crate::guest::{End, PROTOCOL, State, protocol};
use crate::limits::Stop;

/// Why the guest did not come back.
pub(crate) enum Entered {
    /// It could not be entered.
    Not(wasmtime::Error),
    /// It ended inside.
    Trapped(wasmtime::Error),
}

/// Why the guest did not come back from its entry by itself.
pub(crate) enum Ending {
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

/// The report of a script that is no program in its language, or that ended before it was
/// entered.
pub(crate) fn not_begun(run: RunId, outcome: Outcome, clock: &RunClock) -> Report {
    Report {
        run,
        outcome,
        stdout: Vec::new(),
        stderr: Vec::new(),
        calls: Vec::new(),
        usage: Usage {
            wall_ms: clock.elapsed().as_secs_f64() * 1e3,
            start_ms: clock.still().as_secs_f64() * 1e3,
            fuel: 0,
            peak_memory: 0,
            host_peak: 0,
            tool_calls: 0,
            bytes_kept_out: 0,
        },
        artifacts: Vec::new(),
    }
}

pub(crate) fn report(
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
        start_ms: clock.still().as_secs_f64() * 1e3,
        fuel,
        peak_memory: state.memory.peak(),
        host_peak: state.calls.ledger().peak(),
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
    let starved = state.memory.refused().cloned();
    match (ending, said) {
        (None, Some(End::Value(value))) => Outcome::Returned(value),
        (None, Some(End::Exit(code))) => Outcome::Exited(code),
        (None, Some(End::Raised(raised))) => match starved {
            Some(limit) if raised.kind == "MemoryError" => Outcome::Stopped(limit, Some(raised)),
            _ => Outcome::Raised(raised),
        },
        (None, None) => Outcome::Raised(protocol("the interpreter ended without an outcome")),
        (Some(Ending::Exit(_)), Some(End::Exit(code))) => Outcome::Exited(code),
        (Some(Ending::Exit(_)), Some(End::Raised(raised))) if raised.kind == PROTOCOL => {
            Outcome::Raised(raised)
        }
        // An interpreter that runs out of memory where it cannot say so traps.
        (Some(ending), _) => match (ending, starved) {
            (Ending::Crashed(_), Some(limit)) => Outcome::Stopped(limit, None),
            (ending, _) => ended(ending, limits),
        },
    }
}

/// The outcome of a run whose guest did not come back.
pub(crate) fn ended(ending: Ending, limits: &Limits) -> Outcome {
    match ending {
        Ending::Exit(code) => Outcome::Exited(u8::try_from(code.rem_euclid(256)).unwrap_or(1)),
        Ending::Stopped(limit) => Outcome::Stopped(limit, None),
        Ending::OutOfFuel => Outcome::Stopped(Limit::Fuel(limits.fuel.unwrap_or(u64::MAX)), None),
        Ending::Cancelled => Outcome::Cancelled,
        Ending::Crashed(why) => Outcome::Raised(Raised {
            kind: "GuestCrash".to_owned(),
            message: format!("the guest crashed: {why}"),
            traceback: String::new(),
            line: None,
            file: None,
        }),
        Ending::NotStarted(error) => Outcome::Raised(protocol(&error.to_string())),
    }
}

pub(crate) fn timed_out(limits: &Limits) -> Ending {
    Ending::Stopped(Limit::WallTime(milliseconds(limits.wall)))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
