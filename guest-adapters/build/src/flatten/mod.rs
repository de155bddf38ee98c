//! Merges the core modules of a component into one.
//!
//! componentize-py links a dozen shared libraries, each of them a core module
//! that is instantiated on its own and finds its functions through imports.
//! Flat, they are one module: instantiation is an order of magnitude faster,
//! calls between libraries are direct, `wasm-opt` sees the whole program, and
//! all state is in one linear memory.
//!
//! Two kinds of instances stay outside, as in every component made by
//! `wit-component`: the *shim*, whose table `$imports` stands in for imports
//! that need the memory before it exists, and the *fixup* that fills the table.

mod constant;
mod emit;
mod error;
mod merge;
mod modes;
mod parse;
mod release;
mod repeat;
mod replace;
mod resolve;
mod write;

pub use error::FlattenError;
pub use modes::{Mode, ModesInterface, WithMode};
pub use release::Release;
pub use repeat::{Repeat, Told};
pub use replace::Replace;

use merge::Merged;
use parse::Component;
use resolve::Plan;
use wasmparser::{Validator, WasmFeatures};

/// What is to be done besides merging.
#[derive(Clone, Copy, Debug, Default)]
pub struct Changes<'c> {
    /// Imports whose arguments are freed after their calls.
    pub releases: &'c [Release],
    /// Functions that are called until they have moved all bytes.
    pub repeats: &'c [Repeat],
    /// Functions that others stand in the place of.
    pub replaces: &'c [Replace],
    /// Functions that know modes, where the component imports the interface for it.
    pub modes: Option<(&'c ModesInterface, &'c [WithMode])>,
}

/// A component taken apart: the merged core module, and what goes around it.
pub struct Flat<'a> {
    component: Component<'a>,
    plan: Plan,
    merged: Merged,
}

impl<'a> Flat<'a> {
    /// Takes a component apart and merges its core modules, with some changes.
    ///
    /// # Errors
    ///
    /// Refuses everything that it does not understand completely, and changes of
    /// what is not imported.
    pub fn new(bytes: &'a [u8], changes: &Changes<'_>) -> Result<Self, FlattenError> {
        validator()
            .validate_all(bytes)
            .map_err(FlattenError::InvalidInput)?;
        let mut component = Component::parse(bytes)?;
        let plan = Plan::new(&mut component)?;
        let merged = Merged::new(&component, &plan, changes)?;
        validate(&merged.core, "module")?;
        Ok(Self {
            component,
            plan,
            merged,
        })
    }

    /// The merged core module.
    ///
    /// Its imports are numbered in the module `x`, its exports are `memory` and
    /// `f` with a number.
    pub fn core(&self) -> &[u8] {
        &self.merged.core
    }

    /// The initial value of a global that one of the merged modules exported
    /// under this name; `None` when it is not certain.
    pub fn global(&self, name: &str) -> Option<i32> {
        self.merged.globals.get(name).copied().flatten()
    }

    /// How many core instances became one.
    pub fn merged_instances(&self) -> usize {
        self.plan.slots.len()
    }

    /// Puts a core module into the component: `core()`, or an optimised form
    /// of it with the same imports and exports.
    ///
    /// # Errors
    ///
    /// When the result is no valid component, as with a core module that lacks
    /// an export.
    pub fn component(&self, core: &[u8]) -> Result<Vec<u8>, FlattenError> {
        let bytes = emit::component(&self.component, &self.plan, &self.merged, core)?;
        validate(&bytes, "component")?;
        Ok(bytes)
    }
}

/// Flattens a component.
///
/// # Errors
///
/// Those of [`Flat::new`] and [`Flat::component`].
pub fn flatten(bytes: &[u8]) -> Result<Vec<u8>, FlattenError> {
    let flat = Flat::new(bytes, &Changes::default())?;
    flat.component(flat.core())
}

/// The same features for input and output: what wasmtime has switched on
/// unless told otherwise.
fn validator() -> Validator {
    Validator::new_with_features(WasmFeatures::default())
}

fn validate(bytes: &[u8], what: &'static str) -> Result<(), FlattenError> {
    match validator().validate_all(bytes) {
        Ok(_) => Ok(()),
        Err(source) => Err(FlattenError::InvalidOutput { what, source }),
    }
}

/// The element at an index, or an error that names the index space.
fn at<'t, T>(items: &'t [T], index: u32, space: &'static str) -> Result<&'t T, FlattenError> {
    usize::try_from(index)
        .ok()
        .and_then(|i| items.get(i))
        .ok_or(FlattenError::Index { space, index })
}

/// A length as an index.
fn count(length: usize, of: &'static str) -> Result<u32, FlattenError> {
    u32::try_from(length).map_err(|_| FlattenError::TooMany(of))
}
