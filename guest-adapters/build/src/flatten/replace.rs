//! Puts functions of one merged module in the place of those with the same names in others.
//!
//! componentize-py's CPython has an SQLite inside that was built without full-text search, and hides its
//! functions: nothing can be linked in their place. They have names still, in the module's name section. So
//! calls and tables that mean one of them get the function that another library exports under that name.

use super::parse::Module;
use super::resolve::{Function, Plan};
use super::{FlattenError, at, count};
use std::collections::HashMap;
use wasmparser::{ExternalKind, FuncType};

/// All functions whose names begin like this, which one library exports and another one hides.
#[derive(Clone, Copy, Debug)]
pub struct Replace {
    /// How their names begin.
    pub prefix: &'static str,
}

/// What stands in the place of each function that is replaced.
pub(super) fn replaced(
    plan: &Plan,
    modules: &[&Module<'_>],
    replaces: &[Replace],
) -> Result<HashMap<Function, Function>, FlattenError> {
    let mut found = HashMap::new();
    for replace in replaces {
        let fails = |name: &str| FlattenError::Replace {
            function: name.to_owned(),
        };
        let offered = offered(modules, replace.prefix)?;
        for (slot, module) in modules.iter().enumerate().take(plan.slots.len()) {
            for (index, name) in defined_names(module)? {
                let is_other = offered.values().all(|offer| offer.slot != slot);
                if !name.starts_with(replace.prefix) || !is_other {
                    continue;
                }
                // One that stayed would work on the state of the library that is replaced.
                let offer = offered.get(name).ok_or_else(|| fails(name))?;
                if ty(module, index)? != offer.ty {
                    return Err(fails(name));
                }
                let new = Function::Defined {
                    slot: offer.slot,
                    index: offer.index,
                };
                found.insert(Function::Defined { slot, index }, new);
            }
        }
        if found.is_empty() {
            return Err(fails(replace.prefix));
        }
    }
    Ok(found)
}

struct Offer<'m> {
    slot: usize,
    index: u32,
    ty: &'m FuncType,
}

/// Functions that a module exports and defines, by name.
fn offered<'m>(
    modules: &[&'m Module<'_>],
    prefix: &str,
) -> Result<HashMap<&'m str, Offer<'m>>, FlattenError> {
    let mut offered = HashMap::new();
    for (slot, module) in modules.iter().enumerate() {
        let imports = count(module.function_imports.len(), "functions")?;
        for (name, export) in &module.exports {
            if export.kind != ExternalKind::Func || !name.starts_with(prefix) {
                continue;
            }
            if let Some(index) = export.index.checked_sub(imports) {
                let ty = ty(module, index)?;
                offered.insert(*name, Offer { slot, index, ty });
            }
        }
    }
    Ok(offered)
}

/// Names of the functions that a module defines, with their indices among those.
fn defined_names<'m>(module: &'m Module<'_>) -> Result<Vec<(u32, &'m str)>, FlattenError> {
    let imports = count(module.function_imports.len(), "functions")?;
    let names = module.names.iter();
    Ok(names
        .filter_map(|(index, name)| Some((index.checked_sub(imports)?, *name)))
        .collect())
}

fn ty<'m>(module: &'m Module<'_>, index: u32) -> Result<&'m FuncType, FlattenError> {
    at(
        &module.types,
        *at(&module.functions, index, "function")?,
        "type",
    )
}
