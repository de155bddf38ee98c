//! Which instances are merged, and what each of their imports really is.

use super::parse::{Component, CoreFunction, CoreInstance, Export, Module};
use super::{FlattenError, at, count};
use std::collections::HashMap;
use wasmparser::{ExternalKind, Import};

/// The instances to merge, in order of instantiation, with their imports resolved.
pub(super) struct Plan {
    pub(super) slots: Vec<Slot>,
    by_instance: HashMap<u32, usize>,
}

/// One instance that becomes part of the merged module.
pub(super) struct Slot {
    pub(super) instance: u32,
    pub(super) module: u32,
    pub(super) functions: Vec<Function>,
    /// Where each imported global is defined.
    pub(super) globals: Vec<Definition>,
}

/// A thing that a merged module defines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Definition {
    pub(super) slot: usize,
    /// Index among what the module defines, imports not counted.
    pub(super) index: u32,
}

/// What a function import is bound to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Function {
    /// A function of a merged module; index among those it defines.
    Defined { slot: usize, index: u32 },
    /// A canonical function.
    Canonical(u32),
    /// An export of an instance that stays outside.
    Kept { instance: u32, name: String },
}

/// A resolved thing of any kind.
enum Resolved {
    Here(Definition),
    Canonical(u32),
    Kept { instance: u32, name: String },
}

/// Nothing is aliased through more instances than this.
const DEEPEST_ALIAS: u32 = 1_000;

impl Plan {
    pub(super) fn new(component: &mut Component<'_>) -> Result<Self, FlattenError> {
        let mut chosen = Vec::new();
        for (instance, core) in component.instances.iter().enumerate() {
            if let CoreInstance::Module { module, .. } = core
                && !is_kept(component.module(*module)?)
            {
                chosen.push((count(instance, "core instances")?, *module));
            }
        }
        if chosen.is_empty() {
            return Err(FlattenError::NothingToMerge);
        }
        for (_, module) in &chosen {
            component.take_obstacle(*module)?;
        }
        let by_instance = chosen
            .iter()
            .enumerate()
            .map(|(slot, (instance, _))| (*instance, slot))
            .collect();
        let slots = chosen.into_iter().map(|(instance, module)| Slot {
            instance,
            module,
            functions: Vec::new(),
            globals: Vec::new(),
        });
        let mut plan = Self {
            slots: slots.collect(),
            by_instance,
        };
        for slot in 0..plan.slots.len() {
            plan.resolve_imports(component, slot)?;
        }
        plan.check_state(component)?;
        Ok(plan)
    }

    /// Whether an instance is among those that are merged.
    pub(super) fn is_merged(&self, instance: u32) -> bool {
        self.by_instance.contains_key(&instance)
    }

    /// What a core function of the component is.
    pub(super) fn function(
        &self,
        component: &Component<'_>,
        index: u32,
    ) -> Result<Function, FlattenError> {
        Ok(match component.function(index)? {
            CoreFunction::Canonical(number) => Function::Canonical(*number),
            CoreFunction::Export(export) => self
                .export(component, *export, ExternalKind::Func, 0)?
                .into_function(),
        })
    }

    /// Checks that a core memory of the component is the one of the merged module.
    pub(super) fn check_memory(
        &self,
        component: &Component<'_>,
        index: u32,
    ) -> Result<(), FlattenError> {
        let export = at(&component.memories, index, "core memory")?;
        self.export(component, *export, ExternalKind::Memory, 0)?
            .into_definition(ExternalKind::Memory)
            .map(|_| ())
    }

    /// The instance outside and the name behind a core table of the component.
    pub(super) fn kept_table(
        &self,
        component: &Component<'_>,
        index: u32,
    ) -> Result<(u32, String), FlattenError> {
        let export = at(&component.tables, index, "core table")?;
        match self.export(component, *export, ExternalKind::Table, 0)? {
            Resolved::Kept { instance, name } => Ok((instance, name)),
            _ => Err(FlattenError::KeptInstance {
                instance: export.instance,
                what: "the table that is being merged",
            }),
        }
    }

    fn resolve_imports(
        &mut self,
        component: &Component<'_>,
        number: usize,
    ) -> Result<(), FlattenError> {
        let slot = self
            .slots
            .get(number)
            .ok_or(FlattenError::TooMany("slots"))?;
        let (instance, module) = (slot.instance, component.module(slot.module)?);
        let mut functions = Vec::with_capacity(module.function_imports.len());
        for import in &module.function_imports {
            functions.push(
                self.import(component, instance, import, ExternalKind::Func, 0)?
                    .into_function(),
            );
        }
        let mut globals = Vec::with_capacity(module.global_imports.len());
        for import in &module.global_imports {
            let resolved = self.import(component, instance, import, ExternalKind::Global, 0)?;
            globals.push(resolved.into_definition(ExternalKind::Global)?);
        }
        for import in &module.table_imports {
            let resolved = self.import(component, instance, import, ExternalKind::Table, 0)?;
            resolved.into_definition(ExternalKind::Table)?;
        }
        for import in &module.memory_imports {
            let resolved = self.import(component, instance, import, ExternalKind::Memory, 0)?;
            resolved.into_definition(ExternalKind::Memory)?;
        }
        let slot = self
            .slots
            .get_mut(number)
            .ok_or(FlattenError::TooMany("slots"))?;
        slot.functions = functions;
        slot.globals = globals;
        Ok(())
    }

    /// All memory and table indices become 0, so there may be only one of each.
    fn check_state(&self, component: &Component<'_>) -> Result<(), FlattenError> {
        let (mut memories, mut tables) = (Vec::<wasmparser::MemoryType>::new(), 0);
        for slot in &self.slots {
            let module = component.module(slot.module)?;
            memories.extend(&module.memories);
            tables += module.tables.len();
        }
        if tables > 1 {
            return Err(FlattenError::Tables { count: tables });
        }
        match memories.as_slice() {
            [memory] if memory.memory64 || memory.shared || memory.page_size_log2.is_some() => {
                Err(FlattenError::MemoryKind)
            }
            [_] => Ok(()),
            other => Err(FlattenError::Memories { count: other.len() }),
        }
    }

    /// What an instance gets for one of its imports.
    fn import(
        &self,
        component: &Component<'_>,
        instance: u32,
        import: &Import<'_>,
        kind: ExternalKind,
        depth: u32,
    ) -> Result<Resolved, FlattenError> {
        let missing = || FlattenError::MissingImport {
            module: import.module.into(),
            name: import.name.into(),
        };
        let CoreInstance::Module { arguments, .. } = component.instance(instance)? else {
            return Err(missing());
        };
        let (_, provider) = arguments
            .iter()
            .find(|(name, _)| *name == import.module)
            .ok_or_else(missing)?;
        self.export(
            component,
            Export {
                instance: *provider,
                name: import.name,
            },
            kind,
            depth,
        )
    }

    /// What an export of a core instance is, followed to where it is defined.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of instance")]
    fn export(
        &self,
        component: &Component<'_>,
        export: Export<'_>,
        kind: ExternalKind,
        depth: u32,
    ) -> Result<Resolved, FlattenError> {
        let Export { instance, name } = export;
        if depth > DEEPEST_ALIAS {
            return Err(FlattenError::Circular { instance });
        }
        let missing = || FlattenError::MissingExport {
            instance,
            kind: word(kind),
            name: name.into(),
        };
        match component.instance(instance)? {
            CoreInstance::Bundle(entries) => {
                let entry = entries
                    .iter()
                    .find(|e| e.name == name && e.kind == kind)
                    .ok_or_else(missing)?;
                let aliases = match kind {
                    ExternalKind::Table => &component.tables,
                    ExternalKind::Memory => &component.memories,
                    ExternalKind::Global => &component.globals,
                    _ => match component.function(entry.index)? {
                        CoreFunction::Canonical(number) => return Ok(Resolved::Canonical(*number)),
                        CoreFunction::Export(export) => {
                            return self.export(component, *export, kind, depth + 1);
                        }
                    },
                };
                self.export(
                    component,
                    *at(aliases, entry.index, word(kind))?,
                    kind,
                    depth + 1,
                )
            }
            CoreInstance::Module { module, .. } => {
                let Some(&slot) = self.by_instance.get(&instance) else {
                    return Ok(Resolved::Kept {
                        instance,
                        name: name.into(),
                    });
                };
                let module = component.module(*module)?;
                let found = module
                    .exports
                    .get(name)
                    .filter(|e| e.kind == kind)
                    .ok_or_else(missing)?;
                let imports = match kind {
                    ExternalKind::Table => &module.table_imports,
                    ExternalKind::Memory => &module.memory_imports,
                    ExternalKind::Global => &module.global_imports,
                    _ => &module.function_imports,
                };
                match found.index.checked_sub(count(imports.len(), "imports")?) {
                    Some(index) => Ok(Resolved::Here(Definition { slot, index })),
                    None => {
                        let import = at(imports, found.index, word(kind))?;
                        self.import(component, instance, import, kind, depth + 1)
                    }
                }
            }
        }
    }
}

impl Resolved {
    fn into_function(self) -> Function {
        match self {
            Self::Here(Definition { slot, index }) => Function::Defined { slot, index },
            Self::Canonical(number) => Function::Canonical(number),
            Self::Kept { instance, name } => Function::Kept { instance, name },
        }
    }

    fn into_definition(self, kind: ExternalKind) -> Result<Definition, FlattenError> {
        match self {
            Self::Here(definition) => Ok(definition),
            Self::Canonical(_) => Err(FlattenError::OutsideState {
                kind: word(kind),
                name: String::new(),
            }),
            Self::Kept { name, .. } => Err(FlattenError::OutsideState {
                kind: word(kind),
                name,
            }),
        }
    }
}

/// The shim exports its table under this name, the fixup imports from a module
/// without a name; both are conventions of `wit-component`.
fn is_kept(module: &Module<'_>) -> bool {
    let imports = [
        &module.function_imports,
        &module.table_imports,
        &module.memory_imports,
        &module.global_imports,
    ];
    module.exports.contains_key("$imports")
        || imports
            .into_iter()
            .flatten()
            .any(|import| import.module.is_empty())
}

fn word(kind: ExternalKind) -> &'static str {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => "function",
        ExternalKind::Table => "table",
        ExternalKind::Memory => "memory",
        ExternalKind::Global => "global",
        ExternalKind::Tag => "tag",
    }
}
