//! Writes the component around the merged module.
//!
//! The merged module is instantiated where its last part was: by then all
//! that it imports exists. What needs its memory and came earlier (lowered
//! functions for the fixup, instances that take its exports) moves behind it;
//! only core indices change by that, and those are mapped.

use super::merge::{IMPORTS, MEMORY, Merged};
use super::parse::{Component, CoreInstance, Item};
use super::resolve::{Function, Plan};
use super::{FlattenError, at};
use std::collections::HashMap;
use wasm_encoder::reencode::{self, Reencode, ReencodeComponent};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, ComponentAliasSection, ComponentSectionId, ExportKind,
    InstanceSection, ModuleArg, RawSection,
};
use wasmparser::{CanonicalFunction, CanonicalOption, ExternalKind};

/// The component with `core` as its merged module.
pub(super) fn component(
    component: &Component<'_>,
    plan: &Plan,
    merged: &Merged,
    core: &[u8],
) -> Result<Vec<u8>, FlattenError> {
    let mut emitter = Emitter {
        component,
        plan,
        merged,
        core,
        output: wasm_encoder::Component::new(),
        functions: HashMap::new(),
        kept: HashMap::new(),
        tables: HashMap::new(),
        memory: None,
        main: None,
        next: Next::default(),
        deferred: Vec::new(),
    };
    let last = plan
        .slots
        .iter()
        .map(|slot| slot.instance)
        .max()
        .ok_or(FlattenError::NothingToMerge)?;
    for item in &component.items {
        emitter.item(item, last)?;
    }
    Ok(emitter.output.finish())
}

struct Emitter<'x, 'a> {
    component: &'x Component<'a>,
    plan: &'x Plan,
    merged: &'x Merged,
    core: &'x [u8],
    output: wasm_encoder::Component,
    /// Core functions that exist already, by what they are.
    functions: HashMap<Function, u32>,
    /// Instances that stay outside and exist already: old index to new.
    kept: HashMap<u32, u32>,
    tables: HashMap<(u32, String), u32>,
    memory: Option<u32>,
    /// The merged instance, once it exists.
    main: Option<u32>,
    next: Next,
    deferred: Vec<&'x Item<'a>>,
}

/// The next free index of each space.
#[derive(Default)]
struct Next {
    module: u32,
    instance: u32,
    function: u32,
    table: u32,
}

/// Takes an index.
fn take(next: &mut u32) -> u32 {
    let taken = *next;
    *next = next.saturating_add(1);
    taken
}

impl<'x, 'a> Emitter<'x, 'a> {
    fn item(&mut self, item: &'x Item<'a>, last: u32) -> Result<(), FlattenError> {
        match item {
            Item::Section { id, bytes } => {
                self.output.section(&RawSection {
                    id: *id,
                    data: bytes,
                });
            }
            Item::Alias(alias) => {
                let mut section = ComponentAliasSection::new();
                section.alias(Unchanged.component_alias(alias.clone())?);
                self.output.section(&section);
            }
            Item::Instance(number) if *number == last => {
                self.instantiate_merged()?;
                for item in std::mem::take(&mut self.deferred) {
                    self.core_item(item)?;
                }
            }
            Item::Instance(number) => {
                if !self.plan.is_merged(*number) {
                    self.now_or_later(item)?;
                }
            }
            Item::Canonical(_) => self.now_or_later(item)?,
        }
        Ok(())
    }

    /// Writes a core item, or keeps it until the merged instance exists if it
    /// could need that.
    fn now_or_later(&mut self, item: &'x Item<'a>) -> Result<(), FlattenError> {
        let wait = self.main.is_none()
            && match item {
                Item::Canonical(number) => match self.canonical(*number)? {
                    // It makes a component function: its place among those counts.
                    CanonicalFunction::Lift { .. } => return Err(FlattenError::LiftTooEarly),
                    CanonicalFunction::Lower { options, .. } => options.iter().any(|o| {
                        matches!(
                            o,
                            CanonicalOption::Memory(_)
                                | CanonicalOption::Realloc(_)
                                | CanonicalOption::PostReturn(_)
                        )
                    }),
                    _ => false,
                },
                Item::Instance(number) => match self.component.instance(*number)? {
                    CoreInstance::Module { arguments, .. } => !arguments.is_empty(),
                    CoreInstance::Bundle(_) => return Ok(()),
                },
                Item::Section { .. } | Item::Alias(_) => false,
            };
        if wait {
            self.deferred.push(item);
            return Ok(());
        }
        self.core_item(item)
    }

    fn core_item(&mut self, item: &Item<'_>) -> Result<(), FlattenError> {
        match item {
            Item::Canonical(number) => self.write_canonical(*number),
            // Bundles are written again where they are used.
            Item::Instance(number) => match self.component.instance(*number)? {
                CoreInstance::Module { module, arguments } => {
                    self.instantiate_kept(*number, *module, arguments)
                }
                CoreInstance::Bundle(_) => Ok(()),
            },
            Item::Section { .. } | Item::Alias(_) => Ok(()),
        }
    }

    fn instantiate_merged(&mut self) -> Result<(), FlattenError> {
        let mut imports = Vec::new();
        for (number, function) in self.merged.externals.iter().enumerate() {
            imports.push((
                number.to_string(),
                ExportKind::Func,
                self.function(function)?,
            ));
        }
        let bundle = self.bundle(&imports);
        let module = self.module(self.core);
        self.main = Some(self.instantiate(module, &[(IMPORTS, bundle)]));
        Ok(())
    }

    fn instantiate_kept(
        &mut self,
        number: u32,
        module: u32,
        arguments: &[(&str, u32)],
    ) -> Result<(), FlattenError> {
        let component = self.component;
        let mut bundles = Vec::new();
        for (name, argument) in arguments {
            let CoreInstance::Bundle(entries) = component.instance(*argument)? else {
                return Err(FlattenError::KeptInstance {
                    instance: number,
                    what: "a whole instance",
                });
            };
            let mut exports = Vec::new();
            for entry in entries {
                exports.push(match entry.kind {
                    ExternalKind::Func => {
                        let function = self.plan.function(component, entry.index)?;
                        (
                            entry.name.to_owned(),
                            ExportKind::Func,
                            self.function(&function)?,
                        )
                    }
                    ExternalKind::Table => (
                        entry.name.to_owned(),
                        ExportKind::Table,
                        self.table(entry.index)?,
                    ),
                    _ => {
                        return Err(FlattenError::KeptInstance {
                            instance: number,
                            what: "a memory, global or tag",
                        });
                    }
                });
            }
            bundles.push((*name, self.bundle(&exports)));
        }
        let module = self.module(component.module(module)?.bytes);
        let instance = self.instantiate(module, &bundles);
        self.kept.insert(number, instance);
        Ok(())
    }

    fn write_canonical(&mut self, number: u32) -> Result<(), FlattenError> {
        let canonical = self.canonical(number)?.clone();
        let options: &[CanonicalOption] = match &canonical {
            CanonicalFunction::Lift { options, .. } | CanonicalFunction::Lower { options, .. } => {
                options
            }
            CanonicalFunction::ResourceNew { .. }
            | CanonicalFunction::ResourceDrop { .. }
            | CanonicalFunction::ResourceRep { .. } => &[],
            other => {
                return Err(FlattenError::Canonical {
                    what: format!("{other:?}"),
                });
            }
        };
        let mut core = HashMap::new();
        let mut named = Vec::new();
        if let CanonicalFunction::Lift {
            core_func_index, ..
        } = &canonical
        {
            named.push(*core_func_index);
        }
        for option in options {
            match option {
                CanonicalOption::UTF8 | CanonicalOption::UTF16 | CanonicalOption::CompactUTF16 => {}
                CanonicalOption::Memory(memory) => self.need_memory(*memory)?,
                CanonicalOption::Realloc(function) | CanonicalOption::PostReturn(function) => {
                    named.push(*function)
                }
                other => {
                    return Err(FlattenError::Canonical {
                        what: format!("{other:?}"),
                    });
                }
            }
        }
        for function in named {
            let meant = self.plan.function(self.component, function)?;
            core.insert(function, self.function(&meant)?);
        }
        let mut section = CanonicalFunctionSection::new();
        Renumber {
            functions: &core,
            memory: self.memory,
        }
        .parse_component_canonical(&mut section, canonical.clone())?;
        self.output.section(&section);
        if !matches!(canonical, CanonicalFunction::Lift { .. }) {
            let index = take(&mut self.next.function);
            self.functions.insert(Function::Canonical(number), index);
        }
        Ok(())
    }

    fn canonical(&self, number: u32) -> Result<&'x CanonicalFunction, FlattenError> {
        at(&self.component.canonicals, number, "canonical function")
    }

    /// Index of a core function in the output, aliased when it is first used.
    fn function(&mut self, function: &Function) -> Result<u32, FlattenError> {
        if let Some(index) = self.functions.get(function) {
            return Ok(*index);
        }
        match function {
            Function::Defined { .. } => {
                let main = self.main.ok_or(FlattenError::CallTooEarly)?;
                self.alias(main, ExportKind::Func, &self.merged.export_name(function)?);
            }
            Function::Kept { instance, name } => {
                let instance = *self.kept.get(instance).ok_or(FlattenError::CallTooEarly)?;
                self.alias(instance, ExportKind::Func, name);
            }
            Function::Canonical(_) => return Err(FlattenError::CallTooEarly),
        }
        let index = take(&mut self.next.function);
        self.functions.insert(function.clone(), index);
        Ok(index)
    }

    fn table(&mut self, table: u32) -> Result<u32, FlattenError> {
        let key = self.plan.kept_table(self.component, table)?;
        if let Some(index) = self.tables.get(&key) {
            return Ok(*index);
        }
        let instance = *self.kept.get(&key.0).ok_or(FlattenError::CallTooEarly)?;
        self.alias(instance, ExportKind::Table, &key.1);
        let index = take(&mut self.next.table);
        self.tables.insert(key, index);
        Ok(index)
    }

    fn need_memory(&mut self, memory: u32) -> Result<(), FlattenError> {
        self.plan.check_memory(self.component, memory)?;
        if self.memory.is_none() {
            let main = self.main.ok_or(FlattenError::CallTooEarly)?;
            self.alias(main, ExportKind::Memory, MEMORY);
            self.memory = Some(0);
        }
        Ok(())
    }

    fn alias(&mut self, instance: u32, kind: ExportKind, name: &str) {
        let mut section = ComponentAliasSection::new();
        section.alias(Alias::CoreInstanceExport {
            instance,
            kind,
            name,
        });
        self.output.section(&section);
    }

    fn bundle(&mut self, exports: &[(String, ExportKind, u32)]) -> u32 {
        let mut section = InstanceSection::new();
        section.export_items(
            exports
                .iter()
                .map(|(name, kind, index)| (name.as_str(), *kind, *index)),
        );
        self.output.section(&section);
        take(&mut self.next.instance)
    }

    fn module(&mut self, data: &[u8]) -> u32 {
        self.output.section(&RawSection {
            id: ComponentSectionId::CoreModule.into(),
            data,
        });
        take(&mut self.next.module)
    }

    fn instantiate(&mut self, module: u32, arguments: &[(&str, u32)]) -> u32 {
        let mut section = InstanceSection::new();
        section.instantiate(
            module,
            arguments
                .iter()
                .map(|(name, index)| (*name, ModuleArg::Instance(*index))),
        );
        self.output.section(&section);
        take(&mut self.next.instance)
    }
}

/// Writes component-level parts again as they are.
struct Unchanged;

impl Reencode for Unchanged {
    type Error = FlattenError;
}

impl ReencodeComponent for Unchanged {}

/// Writes a canonical function with the core indices of the output.
struct Renumber<'x> {
    functions: &'x HashMap<u32, u32>,
    memory: Option<u32>,
}

impl Reencode for Renumber<'_> {
    type Error = FlattenError;

    fn function_index(&mut self, index: u32) -> Result<u32, reencode::Error<FlattenError>> {
        let found = self.functions.get(&index).copied();
        found.ok_or(reencode::Error::UserError(FlattenError::Index {
            space: "core function",
            index,
        }))
    }

    fn memory_index(&mut self, index: u32) -> Result<u32, reencode::Error<FlattenError>> {
        self.memory
            .ok_or(reencode::Error::UserError(FlattenError::Index {
                space: "core memory",
                index,
            }))
    }
}

impl ReencodeComponent for Renumber<'_> {}
