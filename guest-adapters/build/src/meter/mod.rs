//! Lets a component count its own instructions.
//!
//! The engine can count them too, but its counter is reached through two loads in every function, and
//! stored and loaded again around every call: a fifth to a third of CPython's time. Here the
//! core module gets a counter of its own, a global, and code that takes units from it where
//! something begins that may go on without end: at the header of each loop, and at the entry of
//! functions (`paths.rs` says how many units), save of those that do little (`leaves.rs`). The
//! length of what bulk instructions move is taken before they run.
//!
//! When the counter is below zero, the module asks the host for more (`grant`), which is
//! where a run out of fuel ends and where the host has its turn. So that the host always knows
//! what was used, the counter is also reported (`note`) before each call of an import and when
//! an export returns, and taken anew (`take`) when an export is called. What allocates for the
//! host may not call it meanwhile: it is counted, and bounded by a trap.
//!
//! No other instruction touches the global: it is not exported, and code that exists already cannot
//! name it.

mod charge;
mod component;
mod core;
mod error;
mod keep;
mod leaves;
mod module;
mod order;
mod paths;
mod roles;

pub use error::MeterError;
pub use order::numbers;

use wasmparser::{Validator, WasmFeatures};

/// The interface of the host that metered components import.
pub const INTERFACE: &str = "wxmcp:guest/meter@0.1.0";

/// The module of the core module's imports of it.
const IMPORTS: &str = "wxmcp:meter";
/// Reports what is left, and gets units for a while; the host may wait, or end the run.
const GRANT: &str = "grant";
/// Reports what is left, and gets what may be spent before the next `grant`.
const TAKE: &str = "take";
/// Reports what is left.
const NOTE: &str = "note";

/// What the core modules of guests are made of: nothing whose control flow is not in `paths.rs`.
const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::EXTENDED_CONST);

/// The sources that decide what this pass writes.
pub(crate) const SOURCES: [(&str, &str); 10] = [
    ("meter/charge.rs", include_str!("charge.rs")),
    ("meter/component.rs", include_str!("component.rs")),
    ("meter/core.rs", include_str!("core.rs")),
    ("meter/keep.rs", include_str!("keep.rs")),
    ("meter/leaves.rs", include_str!("leaves.rs")),
    ("meter/mod.rs", include_str!("mod.rs")),
    ("meter/module.rs", include_str!("module.rs")),
    ("meter/order.rs", include_str!("order.rs")),
    ("meter/paths.rs", include_str!("paths.rs")),
    ("meter/roles.rs", include_str!("roles.rs")),
];

/// Where functions that have loops hold the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Where the others do.
    InMemory,
    /// In a local: best where loops turn often between calls (`keep.rs`). The units are the same.
    InLocals,
}

/// A component that does the same, and counts. The functions in `first` come first in its core
/// module, numbered there without its imports: native code lies in that order.
///
/// # Errors
///
/// Refuses everything that it does not understand completely, so that what it returns
/// cannot compute without being counted.
pub fn meter(bytes: &[u8], counter: Counter, first: &[u32]) -> Result<Vec<u8>, MeterError> {
    Validator::new().validate_all(bytes)?;
    let shape = roles::Shape::of(bytes)?;
    let core = bytes.get(shape.main.clone());
    let core = core.ok_or(MeterError::Index("the core module"))?;
    Validator::new_with_features(FEATURES)
        .validate_all(core)
        .map_err(MeterError::Features)?;
    let metered = module::metered(core, &shape.roles, counter, first)?;
    validate(&metered, "module")?;
    let component = component::with_main(bytes, &shape, &metered)?;
    validate(&component, "component")?;
    Ok(component)
}

fn validate(bytes: &[u8], what: &'static str) -> Result<(), MeterError> {
    match Validator::new().validate_all(bytes) {
        Ok(_) => Ok(()),
        Err(source) => Err(MeterError::InvalidOutput { what, source }),
    }
}

fn count(length: usize) -> Result<u32, MeterError> {
    u32::try_from(length).map_err(|_| MeterError::Index("so large a number"))
}
