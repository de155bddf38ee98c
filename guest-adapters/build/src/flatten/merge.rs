//! The merged core module: what it imports, defines and exports.

use super::modes::Moded;
use super::parse::{Component, CoreInstance, Module};
use super::release::Releasing;
use super::repeat::Repeating;
use super::replace::replaced;
use super::resolve::{Function, Plan};
use super::write::Writer;
use super::{Changes, FlattenError, at, count};
use std::collections::{BTreeSet, HashMap};
use wasmparser::{CanonicalFunction, CanonicalOption, ExternalKind, FuncType, TypeRef};

/// The module name of all imports of the merged module.
pub(super) const IMPORTS: &str = "x";
/// The export name of the memory.
pub(super) const MEMORY: &str = "memory";

/// The merged module, and how the outside finds things in it.
pub(super) struct Merged {
    pub(super) core: Vec<u8>,
    /// What is imported, in the order of the imports.
    pub(super) externals: Vec<Function>,
    /// Values of the globals that merged modules define and export. `None`:
    /// not a known number, or different ones under the same name.
    pub(super) globals: HashMap<String, Option<i32>>,
    /// Functions of our own behind those of the modules, in the order of their indices.
    pub(super) releasing: Vec<Releasing>,
    /// More of them, behind those.
    pub(super) repeating: Vec<Repeating>,
    /// More of them, behind those.
    pub(super) moded: Vec<Moded>,
    /// What stands in the place of a function that is defined.
    replaced: HashMap<Function, Function>,
    external_index: HashMap<Function, u32>,
    function_base: Vec<u32>,
    releasing_base: u32,
}

impl Merged {
    pub(super) fn new(
        component: &Component<'_>,
        plan: &Plan,
        changes: &Changes<'_>,
    ) -> Result<Self, FlattenError> {
        let mut merged = Self {
            core: Vec::new(),
            externals: Vec::new(),
            globals: HashMap::new(),
            releasing: Vec::new(),
            repeating: Vec::new(),
            moded: Vec::new(),
            replaced: HashMap::new(),
            releasing_base: 0,
            external_index: HashMap::new(),
            function_base: Vec::new(),
        };
        let modules = plan
            .slots
            .iter()
            .map(|slot| component.module(slot.module))
            .collect::<Result<Vec<_>, _>>()?;
        let external_types = merged.collect_externals(plan, &modules)?;
        let mut next = count(merged.externals.len(), "functions")?;
        for module in &modules {
            merged.function_base.push(next);
            next = count(module.functions.len(), "functions")?
                .checked_add(next)
                .ok_or(FlattenError::TooMany("functions"))?;
        }
        merged.replaced = replaced(plan, &modules, changes.replaces)?;
        merged.releasing_base = next;
        merged.releasing = Releasing::all(plan, &modules, changes.releases, &external_types)?;
        merged.repeating = Repeating::all(plan, &modules, changes.repeats)?;
        if let Some((interface, functions)) = changes.modes {
            merged.moded = Moded::all(plan, &modules, interface, functions)?;
        }
        let exports = merged.needed_exports(component, plan)?;
        let writer = Writer::new(plan, modules, &merged)?;
        let globals = writer.exported_globals();
        let core = writer.write(&external_types, &exports)?;
        Ok(Self {
            core,
            globals,
            ..merged
        })
    }

    /// Index of a function in the merged module.
    pub(super) fn index(&self, function: &Function) -> Result<u32, FlattenError> {
        match function {
            Function::Defined { slot, index } => {
                let base = self
                    .function_base
                    .get(*slot)
                    .ok_or(FlattenError::TooMany("slots"))?;
                base.checked_add(*index)
                    .ok_or(FlattenError::TooMany("functions"))
            }
            external => {
                let index = self.external_index.get(external);
                index.copied().ok_or(FlattenError::Index {
                    space: "external function",
                    index: 0,
                })
            }
        }
    }

    /// Index of what code and tables of the merged modules mean by a function: some are
    /// reached through a function of ours.
    pub(super) fn called(&self, function: &Function) -> Result<u32, FlattenError> {
        let ours = self.releasing.iter().map(|ours| &ours.external);
        let ours = ours.chain(self.repeating.iter().map(|ours| &ours.function));
        let ours = ours.chain(self.moded.iter().map(|ours| &ours.function));
        match ours.enumerate().find(|(_, ours)| *ours == function) {
            Some((position, _)) => count(position, "functions")?
                .checked_add(self.releasing_base)
                .ok_or(FlattenError::TooMany("functions")),
            None => self.index(function),
        }
    }

    /// Index of what the code of a merged module means by a function that it defines itself.
    pub(super) fn own(&self, slot: usize, index: u32) -> Result<u32, FlattenError> {
        let function = Function::Defined { slot, index };
        self.index(self.replaced.get(&function).unwrap_or(&function))
    }

    /// The name under which the merged module exports one of its functions.
    pub(super) fn export_name(&self, function: &Function) -> Result<String, FlattenError> {
        Ok(format!("f{}", self.index(function)?))
    }

    /// Numbers the functions that come from outside; they and their types in the same order.
    fn collect_externals(
        &mut self,
        plan: &Plan,
        modules: &[&Module<'_>],
    ) -> Result<Vec<(Function, FuncType)>, FlattenError> {
        let mut types = Vec::new();
        for (slot, module) in plan.slots.iter().zip(modules) {
            for (function, import) in slot.functions.iter().zip(&module.function_imports) {
                if matches!(function, Function::Defined { .. })
                    || self.external_index.contains_key(function)
                {
                    continue;
                }
                let (TypeRef::Func(ty) | TypeRef::FuncExact(ty)) = import.ty else {
                    continue;
                };
                self.external_index
                    .insert(function.clone(), count(self.externals.len(), "functions")?);
                self.externals.push(function.clone());
                types.push((function.clone(), at(&module.types, ty, "type")?.clone()));
            }
        }
        Ok(types)
    }

    /// Indices of the merged functions that the component calls or passes on.
    fn needed_exports(
        &self,
        component: &Component<'_>,
        plan: &Plan,
    ) -> Result<BTreeSet<u32>, FlattenError> {
        let mut needed = Vec::new();
        for canonical in &component.canonicals {
            let options = match canonical {
                CanonicalFunction::Lift {
                    core_func_index,
                    options,
                    ..
                } => {
                    needed.push(*core_func_index);
                    options
                }
                CanonicalFunction::Lower { options, .. } => options,
                _ => continue,
            };
            for option in options {
                if let CanonicalOption::Realloc(f) | CanonicalOption::PostReturn(f) = option {
                    needed.push(*f);
                }
            }
        }
        for (number, instance) in component.instances.iter().enumerate() {
            let CoreInstance::Module { arguments, .. } = instance else {
                continue;
            };
            if plan.is_merged(count(number, "core instances")?) {
                continue;
            }
            for (_, argument) in arguments {
                if let CoreInstance::Bundle(entries) = component.instance(*argument)? {
                    needed.extend(
                        entries
                            .iter()
                            .filter(|e| e.kind == ExternalKind::Func)
                            .map(|e| e.index),
                    );
                }
            }
        }
        let mut exports = BTreeSet::new();
        for function in needed {
            let function = plan.function(component, function)?;
            if matches!(function, Function::Defined { .. }) {
                exports.insert(self.index(&function)?);
            }
        }
        Ok(exports)
    }
}
