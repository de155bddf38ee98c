//! Frees arguments that the caller of an import leaves behind.
//!
//! componentize-py 0.25 lowers a `list<u8>` argument into memory of its own
//! (`maybe_pop_list` in its `runtime/src/lib.rs`) and never frees it. The memory is
//! the caller's again when the import has returned, and nobody else knows its
//! address; so the merged module calls each such import through a function that
//! frees the list afterwards.

use super::parse::Module;
use super::resolve::{Function, Plan};
use super::{FlattenError, count};
use wasm_encoder::Instruction;
use wasmparser::FuncType;

/// An import one of whose arguments points to memory that is to be freed after the call.
#[derive(Clone, Copy, Debug)]
pub struct Release {
    /// The module of the import in the core module that calls it.
    pub module: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// Which argument is the address.
    pub argument: u32,
}

/// A function that calls an import and frees its argument.
pub(super) struct Releasing {
    /// The import.
    pub(super) external: Function,
    ty: FuncType,
    argument: u32,
    free: Function,
}

impl Releasing {
    /// The functions that `releases` asks for.
    pub(super) fn all(
        plan: &Plan,
        modules: &[&Module<'_>],
        releases: &[Release],
        external_types: &[(Function, FuncType)],
    ) -> Result<Vec<Self>, FlattenError> {
        if releases.is_empty() {
            return Ok(Vec::new());
        }
        let free = free(plan, modules)?;
        let mut found = Vec::new();
        for release in releases {
            let unknown = || FlattenError::Release {
                import: format!("{} {}", release.module, release.name),
            };
            let mut bound = plan.slots.iter().zip(modules).flat_map(|(slot, module)| {
                let imports = slot.functions.iter().zip(&module.function_imports);
                imports.filter(|(_, i)| (i.module, i.name) == (release.module, release.name))
            });
            let (external, _) = bound.next().ok_or_else(unknown)?;
            let (_, ty) = external_types
                .iter()
                .find(|(function, _)| function == external)
                .ok_or_else(unknown)?;
            let argument = usize::try_from(release.argument).ok();
            let is_address = argument.and_then(|argument| ty.params().get(argument))
                == Some(&wasmparser::ValType::I32);
            if !is_address || found.iter().any(|f: &Self| f.external == *external) {
                return Err(unknown());
            }
            found.push(Self {
                external: external.clone(),
                ty: ty.clone(),
                argument: release.argument,
                free: free.clone(),
            });
        }
        Ok(found)
    }

    /// The type of the import and so of this function.
    pub(super) fn ty(&self) -> &FuncType {
        &self.ty
    }

    /// The body, with functions as `index` numbers them.
    pub(super) fn body(
        &self,
        index: impl Fn(&Function) -> Result<u32, FlattenError>,
    ) -> Result<wasm_encoder::Function, FlattenError> {
        let mut body = wasm_encoder::Function::new([]);
        for parameter in 0..count(self.ty.params().len(), "parameters")? {
            body.instruction(&Instruction::LocalGet(parameter));
        }
        body.instruction(&Instruction::Call(index(&self.external)?))
            .instruction(&Instruction::LocalGet(self.argument))
            .instruction(&Instruction::Call(index(&self.free)?))
            .instruction(&Instruction::End);
        Ok(body)
    }
}

/// C's `free`, as every merged module that imports it is bound to it.
fn free(plan: &Plan, modules: &[&Module<'_>]) -> Result<Function, FlattenError> {
    let mut found = None;
    for (slot, module) in plan.slots.iter().zip(modules) {
        for (function, import) in slot.functions.iter().zip(&module.function_imports) {
            if (import.module, import.name) != ("env", "free") {
                continue;
            }
            if found.is_some_and(|found| found != function) {
                return Err(FlattenError::Free);
            }
            found = Some(function);
        }
    }
    found.cloned().ok_or(FlattenError::Free)
}
