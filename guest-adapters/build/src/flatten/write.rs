//! Writes the sections of the merged core module.

use super::constant::{Value, evaluate};
use super::merge::{IMPORTS, MEMORY, Merged};
use super::parse::Module;
use super::resolve::{Definition, Function, Plan, Slot};
use super::{FlattenError, at, count};
use std::collections::{BTreeSet, HashMap};
use wasm_encoder::reencode::{self, Reencode, RoundtripReencoder};
use wasm_encoder::{
    CodeSection, DataSection, ElementSection, Elements, EntityType, ExportKind, ExportSection,
    FunctionSection, GlobalSection, ImportSection, MemorySection, TableSection, TypeSection,
};
use wasmparser::{DataKind, ElementItems, ElementKind, ExternalKind, FuncType};

/// Everything that the sections are written from.
pub(super) struct Writer<'x, 'a> {
    slots: &'x [Slot],
    modules: Vec<&'x Module<'a>>,
    merged: &'x Merged,
    types: TypeSection,
    type_index: HashMap<FuncType, u32>,
    global_base: Vec<u32>,
    /// The initial value of each merged global, where it is a known integer.
    global_values: Vec<Option<Value>>,
}

impl<'x, 'a> Writer<'x, 'a> {
    pub(super) fn new(
        plan: &'x Plan,
        modules: Vec<&'x Module<'a>>,
        merged: &'x Merged,
    ) -> Result<Self, FlattenError> {
        let mut global_base = Vec::new();
        let mut next = 0;
        for module in &modules {
            global_base.push(next);
            next = count(module.globals.len(), "globals")?
                .checked_add(next)
                .ok_or(FlattenError::TooMany("globals"))?;
        }
        let mut writer = Self {
            slots: &plan.slots,
            modules,
            merged,
            types: TypeSection::new(),
            type_index: HashMap::new(),
            global_base,
            global_values: Vec::new(),
        };
        for number in 0..writer.modules.len() {
            // Imports are bound to earlier instances, so one pass is enough.
            for global in writer.modules.get(number).map_or(&[][..], |m| &m.globals) {
                let value = evaluate(&global.init_expr, |index| {
                    writer.global_value(number, index)
                });
                writer.global_values.push(value);
            }
        }
        Ok(writer)
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one section after the other, in the order of the format"
    )]
    pub(super) fn write(
        mut self,
        external_types: &[(Function, FuncType)],
        exports: &BTreeSet<u32>,
    ) -> Result<Vec<u8>, FlattenError> {
        let mut imports = ImportSection::new();
        for (number, (_, ty)) in external_types.iter().enumerate() {
            let ty = self.type_index(ty)?;
            imports.import(IMPORTS, &number.to_string(), EntityType::Function(ty));
        }
        let mut slot_types = Vec::new();
        for module in self.modules.clone() {
            slot_types.push(
                module
                    .types
                    .iter()
                    .map(|ty| self.type_index(ty))
                    .collect::<Result<Vec<_>, _>>()?,
            );
        }
        let (mut functions, mut tables, mut memories) = (
            FunctionSection::new(),
            TableSection::new(),
            MemorySection::new(),
        );
        let (mut globals, mut elements) = (GlobalSection::new(), ElementSection::new());
        let (mut code, mut data) = (CodeSection::new(), DataSection::new());
        let mut values = self.global_values.iter();
        for (number, (module, types)) in self.modules.iter().zip(&slot_types).enumerate() {
            let mut renumber = Renumber {
                writer: &self,
                slot: number,
                types,
            };
            for ty in &module.functions {
                functions.function(*at(types, *ty, "type")?);
            }
            for table in &module.tables {
                tables.table(renumber.table_type(*table)?);
            }
            for memory in &module.memories {
                memories.memory(renumber.memory_type(*memory)?);
            }
            for global in &module.globals {
                let initial = match values.next().copied().flatten() {
                    Some(value) => value.expression(),
                    None => renumber.const_expr(global.init_expr.clone())?,
                };
                globals.global(renumber.global_type(global.ty)?, &initial);
            }
            for element in &module.elements {
                self.element(&mut elements, number, element)?;
            }
            for segment in &module.data {
                let module_number = self.module_number(number);
                let DataKind::Active { offset_expr, .. } = &segment.kind else {
                    return Err(FlattenError::PassiveData {
                        module: module_number,
                    });
                };
                data.active(
                    0,
                    &self.offset(number, offset_expr)?,
                    segment.data.iter().copied(),
                );
            }
            for body in &module.bodies {
                renumber.parse_function_body(&mut code, body.clone())?;
            }
        }
        for releasing in &self.merged.releasing {
            functions.function(self.type_index(releasing.ty())?);
            code.function(&releasing.body(|function| self.merged.index(function))?);
        }
        for repeating in &self.merged.repeating {
            functions.function(self.type_index(repeating.ty())?);
            code.function(&repeating.body(|function| self.merged.index(function))?);
        }
        for moded in &self.merged.moded {
            functions.function(self.type_index(moded.ty())?);
            code.function(&moded.body(|function| self.merged.index(function))?);
        }
        let mut exported = ExportSection::new();
        exported.export(MEMORY, ExportKind::Memory, 0);
        for index in exports {
            exported.export(&format!("f{index}"), ExportKind::Func, *index);
        }
        let mut module = wasm_encoder::Module::new();
        module
            .section(&self.types)
            .section(&imports)
            .section(&functions)
            .section(&tables)
            .section(&memories);
        module
            .section(&globals)
            .section(&exported)
            .section(&elements)
            .section(&code)
            .section(&data);
        Ok(module.finish())
    }

    fn element(
        &self,
        section: &mut ElementSection,
        slot: usize,
        element: &wasmparser::Element<'_>,
    ) -> Result<(), FlattenError> {
        let ElementItems::Functions(items) = &element.items else {
            return Err(FlattenError::ElementExpressions {
                module: self.module_number(slot),
            });
        };
        let mut functions = Vec::new();
        for function in items.clone() {
            functions.push(self.function(slot, function?)?);
        }
        let functions = Elements::Functions(functions.into());
        match &element.kind {
            ElementKind::Active { offset_expr, .. } => {
                section.active(None, &self.offset(slot, offset_expr)?, functions);
            }
            ElementKind::Declared => {
                section.declared(functions);
            }
            ElementKind::Passive => {
                return Err(FlattenError::PassiveElements {
                    module: self.module_number(slot),
                });
            }
        }
        Ok(())
    }

    fn offset(
        &self,
        slot: usize,
        expression: &wasmparser::ConstExpr<'_>,
    ) -> Result<wasm_encoder::ConstExpr, FlattenError> {
        match evaluate(expression, |index| self.global_value(slot, index)) {
            Some(value @ Value::I32(_)) => Ok(value.expression()),
            _ => Err(FlattenError::Offset {
                module: self.module_number(slot),
            }),
        }
    }

    fn module_number(&self, slot: usize) -> u32 {
        self.slots.get(slot).map_or(u32::MAX, |slot| slot.module)
    }

    fn global_value(&self, slot: usize, index: u32) -> Option<Value> {
        let merged = usize::try_from(self.global(slot, index).ok()?).ok()?;
        self.global_values.get(merged).copied().flatten()
    }

    pub(super) fn exported_globals(&self) -> HashMap<String, Option<i32>> {
        let mut globals = HashMap::new();
        for (slot, module) in self.modules.iter().enumerate() {
            for export in module
                .exports
                .values()
                .filter(|e| e.kind == ExternalKind::Global)
            {
                let own = usize::try_from(export.index)
                    .is_ok_and(|index| index >= module.global_imports.len());
                let value = match self.global_value(slot, export.index) {
                    Some(Value::I32(value)) => Some(value),
                    _ => None,
                };
                if own && *globals.entry(export.name.to_owned()).or_insert(value) != value {
                    globals.insert(export.name.to_owned(), None);
                }
            }
        }
        globals
    }

    /// Merged index of a type.
    fn type_index(&mut self, ty: &FuncType) -> Result<u32, FlattenError> {
        if let Some(index) = self.type_index.get(ty) {
            return Ok(*index);
        }
        let index = self.types.len();
        let encoded = RoundtripReencoder.func_type(ty.clone());
        self.types
            .ty()
            .func_type(&encoded.map_err(|error| FlattenError::Encode(error.to_string()))?);
        self.type_index.insert(ty.clone(), index);
        Ok(index)
    }

    /// Merged index of a function of a slot.
    fn function(&self, slot: usize, index: u32) -> Result<u32, FlattenError> {
        let imports = &self
            .slots
            .get(slot)
            .ok_or(FlattenError::TooMany("slots"))?
            .functions;
        match index.checked_sub(count(imports.len(), "functions")?) {
            Some(index) => self.merged.own(slot, index),
            None => self.merged.called(at(imports, index, "function")?),
        }
    }

    /// Merged index of a global of a slot.
    fn global(&self, slot: usize, index: u32) -> Result<u32, FlattenError> {
        let imports = &self
            .slots
            .get(slot)
            .ok_or(FlattenError::TooMany("slots"))?
            .globals;
        let Definition { slot, index } = match index.checked_sub(count(imports.len(), "globals")?) {
            Some(index) => Definition { slot, index },
            None => *at(imports, index, "global")?,
        };
        let base = self
            .global_base
            .get(slot)
            .ok_or(FlattenError::TooMany("slots"))?;
        base.checked_add(index)
            .ok_or(FlattenError::TooMany("globals"))
    }
}

/// Rewrites the code of one slot.
struct Renumber<'w, 'x, 'a> {
    writer: &'w Writer<'x, 'a>,
    slot: usize,
    types: &'w [u32],
}

type Renumbered = Result<u32, reencode::Error<FlattenError>>;

impl Reencode for Renumber<'_, '_, '_> {
    type Error = FlattenError;

    fn function_index(&mut self, index: u32) -> Renumbered {
        self.writer
            .function(self.slot, index)
            .map_err(reencode::Error::UserError)
    }

    fn global_index(&mut self, index: u32) -> Renumbered {
        self.writer
            .global(self.slot, index)
            .map_err(reencode::Error::UserError)
    }

    fn type_index(&mut self, index: u32) -> Renumbered {
        at(self.types, index, "type")
            .copied()
            .map_err(reencode::Error::UserError)
    }

    fn memory_index(&mut self, _: u32) -> Renumbered {
        Ok(0)
    }

    fn table_index(&mut self, _: u32) -> Renumbered {
        Ok(0)
    }

    fn data_index(&mut self, _: u32) -> Renumbered {
        Err(reencode::Error::UserError(FlattenError::SegmentInstruction))
    }

    fn element_index(&mut self, _: u32) -> Renumbered {
        Err(reencode::Error::UserError(FlattenError::SegmentInstruction))
    }
}
