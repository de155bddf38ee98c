//! A component as the flattener sees it: core parts by index, the rest as bytes.

use super::{FlattenError, at, count};
use std::collections::HashMap;
use wasmparser::{
    CanonicalFunction, ComponentAlias, ComponentExternalKind, ComponentOuterAliasKind,
    ComponentTypeRef, Data, DataKind, Element, ElementItems, ElementKind, Encoding, ExternalKind,
    FuncType, FunctionBody, Global, Import, Instance, KnownCustom, MemoryType, Name,
    NameSectionReader, Parser, Payload, TableInit, TableType, TypeRef,
};

/// A component; items keep their order, core parts are numbered.
pub(super) struct Component<'a> {
    pub(super) items: Vec<Item<'a>>,
    pub(super) modules: Vec<Module<'a>>,
    pub(super) instances: Vec<CoreInstance<'a>>,
    pub(super) functions: Vec<CoreFunction<'a>>,
    pub(super) tables: Vec<Export<'a>>,
    pub(super) memories: Vec<Export<'a>>,
    pub(super) globals: Vec<Export<'a>>,
    pub(super) canonicals: Vec<CanonicalFunction>,
}

/// What the component consists of, apart from core modules.
pub(super) enum Item<'a> {
    /// A section that names nothing that is renumbered.
    Section { id: u8, bytes: &'a [u8] },
    /// A core instance, by index.
    Instance(u32),
    /// An alias of something that is not in a core instance.
    Alias(ComponentAlias<'a>),
    /// A canonical function, by index among all of them.
    Canonical(u32),
}

/// A core instance.
pub(super) enum CoreInstance<'a> {
    /// Instantiated from a module, with named instances as imports.
    Module {
        module: u32,
        arguments: Vec<(&'a str, u32)>,
    },
    /// A bundle of things that exist already.
    Bundle(Vec<wasmparser::Export<'a>>),
}

/// An export of a core instance.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Export<'a> {
    pub(super) instance: u32,
    pub(super) name: &'a str,
}

/// Where a core function comes from.
pub(super) enum CoreFunction<'a> {
    Export(Export<'a>),
    Canonical(u32),
}

/// A core module.
#[derive(Default)]
pub(super) struct Module<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) types: Vec<FuncType>,
    pub(super) function_imports: Vec<Import<'a>>,
    pub(super) table_imports: Vec<Import<'a>>,
    pub(super) memory_imports: Vec<Import<'a>>,
    pub(super) global_imports: Vec<Import<'a>>,
    /// Type index of each function that is defined here.
    pub(super) functions: Vec<u32>,
    pub(super) tables: Vec<TableType>,
    pub(super) memories: Vec<MemoryType>,
    pub(super) globals: Vec<Global<'a>>,
    pub(super) exports: HashMap<&'a str, wasmparser::Export<'a>>,
    pub(super) elements: Vec<Element<'a>>,
    pub(super) data: Vec<Data<'a>>,
    pub(super) bodies: Vec<FunctionBody<'a>>,
    /// Names of functions that the module has kept, by index.
    pub(super) names: Vec<(u32, &'a str)>,
    /// The first thing in it that cannot be merged.
    pub(super) obstacle: Option<FlattenError>,
}

impl<'a> Component<'a> {
    /// Reads a component that has been validated.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, FlattenError> {
        let mut component = Self {
            items: Vec::new(),
            modules: Vec::new(),
            instances: Vec::new(),
            functions: Vec::new(),
            tables: Vec::new(),
            memories: Vec::new(),
            globals: Vec::new(),
            canonicals: Vec::new(),
        };
        let mut depth = 0u32;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            refuse_module_references(&payload)?;
            match payload {
                Payload::ModuleSection {
                    unchecked_range, ..
                } => {
                    if depth == 0 {
                        let number = count(component.modules.len(), "core modules")?;
                        component
                            .modules
                            .push(Module::parse(slice(bytes, unchecked_range)?, number)?);
                    }
                    depth += 1;
                }
                Payload::ComponentSection {
                    unchecked_range, ..
                } => {
                    if depth == 0 {
                        let id = wasm_encoder::ComponentSectionId::Component.into();
                        component.items.push(Item::Section {
                            id,
                            bytes: slice(bytes, unchecked_range)?,
                        });
                    }
                    depth += 1;
                }
                Payload::End(_) => depth = depth.saturating_sub(1),
                payload if depth == 0 => component.read(bytes, payload)?,
                _ => {}
            }
        }
        Ok(component)
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each section")]
    fn read(&mut self, bytes: &'a [u8], payload: Payload<'a>) -> Result<(), FlattenError> {
        match payload {
            Payload::Version {
                encoding: Encoding::Component,
                ..
            } => {}
            Payload::Version { .. } => return Err(FlattenError::NotAComponent),
            Payload::InstanceSection(section) => {
                for instance in section {
                    self.items.push(Item::Instance(count(
                        self.instances.len(),
                        "core instances",
                    )?));
                    self.instances.push(match instance? {
                        Instance::Instantiate { module_index, args } => CoreInstance::Module {
                            module: module_index,
                            arguments: args.iter().map(|a| (a.name, a.index)).collect(),
                        },
                        Instance::FromExports(exports) => CoreInstance::Bundle(exports.into_vec()),
                    });
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section {
                    match alias? {
                        ComponentAlias::CoreInstanceExport {
                            kind,
                            instance_index,
                            name,
                        } => {
                            self.alias(
                                kind,
                                Export {
                                    instance: instance_index,
                                    name,
                                },
                            )?;
                        }
                        other => self.items.push(Item::Alias(other)),
                    }
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for canonical in section {
                    let canonical = canonical?;
                    let number = count(self.canonicals.len(), "canonical functions")?;
                    self.items.push(Item::Canonical(number));
                    if !matches!(canonical, CanonicalFunction::Lift { .. }) {
                        self.functions.push(CoreFunction::Canonical(number));
                    }
                    self.canonicals.push(canonical);
                }
            }
            Payload::ComponentStartSection { .. } => return Err(FlattenError::ComponentStart),
            // Names and producers: nothing that runs.
            Payload::CustomSection(_) => {}
            other => {
                let (id, range) = other.as_section().ok_or(FlattenError::UnknownSection)?;
                self.items.push(Item::Section {
                    id,
                    bytes: slice(bytes, range)?,
                });
            }
        }
        Ok(())
    }

    fn alias(&mut self, kind: ExternalKind, export: Export<'a>) -> Result<(), FlattenError> {
        match kind {
            ExternalKind::Func | ExternalKind::FuncExact => {
                self.functions.push(CoreFunction::Export(export))
            }
            ExternalKind::Table => self.tables.push(export),
            ExternalKind::Memory => self.memories.push(export),
            ExternalKind::Global => self.globals.push(export),
            ExternalKind::Tag => {
                return Err(FlattenError::Tags {
                    module: export.instance,
                });
            }
        }
        Ok(())
    }

    /// The core function at an index of the component.
    pub(super) fn function(&self, index: u32) -> Result<&CoreFunction<'a>, FlattenError> {
        at(&self.functions, index, "core function")
    }

    /// The core instance at an index.
    pub(super) fn instance(&self, index: u32) -> Result<&CoreInstance<'a>, FlattenError> {
        at(&self.instances, index, "core instance")
    }

    /// Fails with what forbids to merge a module, if anything does.
    pub(super) fn take_obstacle(&mut self, module: u32) -> Result<(), FlattenError> {
        let found = usize::try_from(module)
            .ok()
            .and_then(|i| self.modules.get_mut(i));
        match found.and_then(|module| module.obstacle.take()) {
            Some(obstacle) => Err(obstacle),
            None => Ok(()),
        }
    }

    /// The core module at an index.
    pub(super) fn module(&self, index: u32) -> Result<&Module<'a>, FlattenError> {
        at(&self.modules, index, "core module")
    }
}

impl<'a> Module<'a> {
    fn parse(bytes: &'a [u8], number: u32) -> Result<Self, FlattenError> {
        let mut module = Self {
            bytes,
            ..Self::default()
        };
        for payload in Parser::new(0).parse_all(bytes) {
            if let Err(error) = module.read(payload?, number) {
                module.obstacle.get_or_insert(error);
            }
        }
        Ok(module)
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each section")]
    fn read(&mut self, payload: Payload<'a>, module: u32) -> Result<(), FlattenError> {
        match payload {
            Payload::TypeSection(section) => {
                for ty in section.into_iter_err_on_gc_types() {
                    self.types
                        .push(ty.map_err(|source| FlattenError::Types { module, source })?);
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    match import.ty {
                        TypeRef::Func(_) | TypeRef::FuncExact(_) => {
                            self.function_imports.push(import)
                        }
                        TypeRef::Table(_) => self.table_imports.push(import),
                        TypeRef::Memory(_) => self.memory_imports.push(import),
                        TypeRef::Global(_) => self.global_imports.push(import),
                        TypeRef::Tag(_) => return Err(FlattenError::Tags { module }),
                    }
                }
            }
            Payload::FunctionSection(section) => {
                for ty in section {
                    self.functions.push(ty?);
                }
            }
            Payload::TableSection(section) => {
                for table in section {
                    let table = table?;
                    if !matches!(table.init, TableInit::RefNull) {
                        return Err(FlattenError::TableInitialiser { module });
                    }
                    self.tables.push(table.ty);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    self.memories.push(memory?);
                }
            }
            Payload::GlobalSection(section) => {
                for global in section {
                    self.globals.push(global?);
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    self.exports.insert(export.name, export);
                }
            }
            Payload::ElementSection(section) => {
                for element in section {
                    let element = element?;
                    if matches!(element.kind, ElementKind::Passive) {
                        return Err(FlattenError::PassiveElements { module });
                    }
                    if matches!(element.items, ElementItems::Expressions(..)) {
                        return Err(FlattenError::ElementExpressions { module });
                    }
                    self.elements.push(element);
                }
            }
            Payload::DataSection(section) => {
                for data in section {
                    let data = data?;
                    if matches!(data.kind, DataKind::Passive) {
                        return Err(FlattenError::PassiveData { module });
                    }
                    self.data.push(data);
                }
            }
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::StartSection { .. } => return Err(FlattenError::StartFunction { module }),
            Payload::TagSection(_) => return Err(FlattenError::Tags { module }),
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(names) = section.as_known() {
                    self.read_names(names);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Names decide nothing, so ones that cannot be read are none.
    fn read_names(&mut self, names: NameSectionReader<'a>) {
        for part in names {
            let Ok(Name::Function(functions)) = part else {
                continue;
            };
            for naming in functions.into_iter().flatten() {
                self.names.push((naming.index, naming.name));
            }
        }
    }
}

/// Core modules are numbered anew, so nothing that stays as bytes may name one.
fn refuse_module_references(payload: &Payload<'_>) -> Result<(), FlattenError> {
    let refuse = |how| Err(FlattenError::ModuleReference { how });
    match payload {
        Payload::ComponentAliasSection(section) => {
            for alias in section.clone() {
                if let ComponentAlias::InstanceExport {
                    kind: ComponentExternalKind::Module,
                    ..
                }
                | ComponentAlias::Outer {
                    kind: ComponentOuterAliasKind::CoreModule,
                    ..
                } = alias?
                {
                    return refuse("aliased");
                }
            }
        }
        Payload::ComponentImportSection(section) => {
            for import in section.clone() {
                if matches!(import?.ty, ComponentTypeRef::Module(_)) {
                    return refuse("imported");
                }
            }
        }
        Payload::ComponentExportSection(section) => {
            for export in section.clone() {
                if export?.kind == ComponentExternalKind::Module {
                    return refuse("exported");
                }
            }
        }
        Payload::ComponentInstanceSection(section) => {
            for instance in section.clone() {
                let passed = match instance? {
                    wasmparser::ComponentInstance::Instantiate { args, .. } => {
                        args.iter().any(|a| a.kind == ComponentExternalKind::Module)
                    }
                    wasmparser::ComponentInstance::FromExports(exports) => exports
                        .iter()
                        .any(|e| e.kind == ComponentExternalKind::Module),
                };
                if passed {
                    return refuse("passed on");
                }
            }
        }
        _ => {}
    }
    Ok(())
}

fn slice(bytes: &[u8], range: std::ops::Range<usize>) -> Result<&[u8], FlattenError> {
    bytes.get(range).ok_or(FlattenError::UnknownSection)
}
