//! Reads the parts of a core module.

use super::{IMPORTS, MeterError};
use wasmparser::{FuncType, FunctionBody, Operator, Parser, Payload, TypeRef};

/// The parts of a module that matter here.
#[derive(Default)]
pub(super) struct Core<'a> {
    pub(super) types: Vec<FuncType>,
    pub(super) type_count: u32,
    /// Types of the functions that it imports.
    pub(super) imported: Vec<u32>,
    /// Types of those that it defines.
    pub(super) defined: Vec<u32>,
    pub(super) globals: u32,
    pub(super) sections: Sections<'a>,
    pub(super) bodies: Vec<FunctionBody<'a>>,
    /// Their instructions.
    pub(super) code: Vec<Vec<Operator<'a>>>,
}

#[derive(Default)]
pub(super) struct Sections<'a> {
    pub(super) types: Option<wasmparser::TypeSectionReader<'a>>,
    pub(super) imports: Option<wasmparser::ImportSectionReader<'a>>,
    pub(super) functions: Option<wasmparser::FunctionSectionReader<'a>>,
    pub(super) tables: Option<wasmparser::TableSectionReader<'a>>,
    pub(super) memories: Option<wasmparser::MemorySectionReader<'a>>,
    pub(super) globals: Option<wasmparser::GlobalSectionReader<'a>>,
    pub(super) exports: Option<wasmparser::ExportSectionReader<'a>>,
    pub(super) start: Option<u32>,
    pub(super) elements: Option<wasmparser::ElementSectionReader<'a>>,
    pub(super) data_count: Option<u32>,
    pub(super) data: Option<&'a [u8]>,
}

impl<'a> Core<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, MeterError> {
        let mut core = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            match payload? {
                Payload::TypeSection(section) => {
                    core.sections.types = Some(section.clone());
                    for ty in section.into_iter_err_on_gc_types() {
                        core.types.push(ty?);
                    }
                    core.type_count = super::count(core.types.len())?;
                }
                Payload::ImportSection(section) => {
                    core.sections.imports = Some(section.clone());
                    core.read_imports(section)?;
                }
                Payload::FunctionSection(section) => {
                    core.sections.functions = Some(section.clone());
                    for ty in section {
                        core.defined.push(ty?);
                    }
                }
                Payload::GlobalSection(section) => {
                    core.globals = core.globals.saturating_add(section.count());
                    core.sections.globals = Some(section);
                }
                Payload::TableSection(section) => core.sections.tables = Some(section),
                Payload::MemorySection(section) => core.sections.memories = Some(section),
                Payload::ExportSection(section) => core.sections.exports = Some(section),
                Payload::StartSection { func, .. } => core.sections.start = Some(func),
                Payload::ElementSection(section) => core.sections.elements = Some(section),
                Payload::DataCountSection { count, .. } => core.sections.data_count = Some(count),
                Payload::DataSection(section) => {
                    core.sections.data = bytes.get(section.range());
                }
                Payload::CodeSectionEntry(body) => {
                    let operators = body.get_operators_reader()?;
                    core.code
                        .push(operators.into_iter().collect::<Result<_, _>>()?);
                    core.bodies.push(body);
                }
                _ => {}
            }
        }
        Ok(core)
    }

    fn read_imports(
        &mut self,
        section: wasmparser::ImportSectionReader<'a>,
    ) -> Result<(), MeterError> {
        for import in section.into_imports() {
            let import = import?;
            if import.module == IMPORTS {
                return Err(MeterError::Metered(IMPORTS));
            }
            match import.ty {
                TypeRef::Func(ty) => self.imported.push(ty),
                TypeRef::Global(_) => self.globals = self.globals.saturating_add(1),
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) fn function_type(&self, ty: u32) -> Result<&FuncType, MeterError> {
        let ty = usize::try_from(ty).ok().and_then(|ty| self.types.get(ty));
        ty.ok_or(MeterError::Index("a type"))
    }

    /// The type of a function, by its old index.
    pub(super) fn type_of(&self, function: u32) -> Result<u32, MeterError> {
        let none = || MeterError::Index("a function");
        let index = usize::try_from(function).map_err(|_| none())?;
        let imported = &self.imported;
        let defined = index.checked_sub(imported.len());
        let ty = match defined {
            Some(index) => self.defined.get(index),
            None => imported.get(index),
        };
        ty.copied().ok_or_else(none)
    }
}
