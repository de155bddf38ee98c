//! How much a run may use.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How much one run may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Units of fuel, about one per WebAssembly instruction. `None` counts only.
    pub fuel: Option<u64>,
    /// Wall-clock time, waits for tools included, upstream start-up excluded.
    pub wall: Duration,
    /// How long the run's clock stands still, all in all, while servers and files start that it waits for.
    pub start: Duration,
    /// Linear memory of the guest in bytes, the interpreter's own image included.
    pub memory: u64,
    /// Bytes that the host holds for the run at once, beside the guest's memory: arguments, answers, listings,
    /// and the memory of the tool files that it calls.
    pub host_memory: u64,
    /// Bytes of the files that a script keeps in its home and in `/tmp`, which are in the host's memory and are charged
    /// to the run as they are taken; 0: there are no such folders. In a session, that of its first run.
    pub scratch: u64,
    /// Bytes printed, standard output and error together.
    pub output: u64,
    /// Bytes of the value that the script returns.
    pub value: u64,
    /// Tool calls and requests to hosts, failed ones included.
    pub tool_calls: u64,
    /// Tool calls in flight at once; further ones wait for their turn.
    pub concurrent_calls: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: None,
            wall: Duration::from_secs(30),
            start: Duration::from_secs(60),
            memory: 256 << 20,
            host_memory: 256 << 20,
            scratch: 64 << 20,
            output: 1 << 20,
            value: 8 << 20,
            tool_calls: 1_000,
            concurrent_calls: 64,
        }
    }
}

/// The limit that stopped a run. `Display` is what a person reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "limit", content = "allowed", rename_all = "kebab-case")]
pub enum Limit {
    /// Units of fuel.
    Fuel(u64),
    /// Wall-clock time in milliseconds.
    WallTime(u64),
    /// Linear memory in bytes.
    Memory(u64),
    /// Bytes that the host holds for the run.
    HostMemory(u64),
    /// The guest's stack; not settable.
    Stack,
    /// Bytes printed.
    Output(u64),
    /// Bytes of the returned value.
    Value(u64),
    /// Tool calls.
    ToolCalls(u64),
    /// Operations under way or unread at once; not settable.
    Pending(u64),
    /// Bytes of one message from the guest; not settable.
    Message(u64),
    /// Progress messages and artifacts; not settable.
    Artifacts(u64),
}

impl Limit {
    /// The limit's name, as in the report.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fuel(_) => "fuel",
            Self::WallTime(_) => "wall-time",
            Self::Memory(_) => "memory",
            Self::HostMemory(_) => "host-memory",
            Self::Stack => "stack",
            Self::Output(_) => "output",
            Self::Value(_) => "value",
            Self::ToolCalls(_) => "tool-calls",
            Self::Pending(_) => "pending",
            Self::Message(_) => "message",
            Self::Artifacts(_) => "artifacts",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fuel(units) => write!(f, "the fuel limit of {units} units"),
            Self::WallTime(ms) => write!(
                f,
                "the time limit of {} s",
                Duration::from_millis(*ms).as_secs_f64()
            ),
            Self::Memory(bytes) => write!(f, "the memory limit of {}", Bytes(*bytes)),
            Self::HostMemory(bytes) => {
                write!(
                    f,
                    "the limit of {} that the host holds for a run",
                    Bytes(*bytes)
                )
            }
            Self::Stack => f.write_str("the stack limit"),
            Self::Output(bytes) => write!(f, "the output limit of {}", Bytes(*bytes)),
            Self::Value(bytes) => write!(f, "the limit of {} for a value", Bytes(*bytes)),
            Self::ToolCalls(calls) => write!(f, "the limit of {calls} tool calls"),
            Self::Pending(operations) => {
                write!(f, "the limit of {operations} operations at once")
            }
            Self::Message(bytes) => {
                write!(
                    f,
                    "the limit of {} for one message to the host",
                    Bytes(*bytes)
                )
            }
            Self::Artifacts(bytes) => {
                write!(f, "the limit of {} for artifacts", Bytes(*bytes))
            }
        }
    }
}

/// A number of bytes, in units that people read.
pub struct Bytes(
    /// How many.
    pub u64,
);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n >= 1 << 20 && n % (1 << 20) == 0 => write!(f, "{} MiB", n >> 20),
            n if n >= 1 << 10 && n % (1 << 10) == 0 => write!(f, "{} KiB", n >> 10),
            n => write!(f, "{n} bytes"),
        }
    }
}
