//! Writes a core module again, with a counter that its code charges.

use super::charge::{Charged, Locals};
use super::core::Core;
use super::keep::{keeps, shares, silent};
use super::leaves::leaves;
use super::order::Order;
use super::paths::{Costs, costs, is_charged};
use super::roles::Roles;
use super::{Counter, GRANT, IMPORTS, MeterError, NOTE, TAKE, count};
use std::collections::{HashMap, HashSet};
use wasm_encoder::reencode::{self, Reencode};
use wasm_encoder::{
    BlockType, BranchHint, BranchHints, CodeSection, ConstExpr, DataCountSection, ElementSection,
    EntityType, ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType,
    ImportSection, Instruction as I, MemorySection, Module, RawSection, SectionId, StartSection,
    TableSection, TypeSection, ValType,
};
use wasmparser::{FuncType, FunctionBody, Operator};

/// Units that an allocation for the host may take. It cannot ask for more: the component may not
/// call the host meanwhile, so an allocator that goes round in circles ends in a trap.
const ALLOCATION: i64 = 1 << 29;

/// Our imports, in the order of their numbers behind the module's own.
const OURS: u32 = 3;

/// Writes a module that counts; its exports do what `roles` says of them.
pub(super) fn metered(
    bytes: &[u8],
    roles: &Roles,
    counter: Counter,
    first: &[u32],
) -> Result<Vec<u8>, MeterError> {
    let core = Core::read(bytes)?;
    Writer::new(&core, counter, first)?.write(roles)
}

struct Writer<'x, 'a> {
    core: &'x Core<'a>,
    /// How many functions are imported, ours not counted.
    imported: u32,
    /// The first function of ours behind those of the module.
    base: u32,
    /// The counter.
    fuel: u32,
    counter: Counter,
    /// What functions that do not charge themselves cost, by their old index.
    leaves: HashMap<u32, u64>,
    /// Functions in which nothing is charged, by their old index.
    silent: HashSet<u32>,
    order: Order,
}

/// Where functions of ours are, from `Writer::base` on: this one, then those around imports.
const REFILL: u32 = 0;

impl<'x, 'a> Writer<'x, 'a> {
    fn new(core: &'x Core<'a>, counter: Counter, first: &[u32]) -> Result<Self, MeterError> {
        let imported = count(core.imported.len())?;
        let base = count(core.defined.len())?
            .saturating_add(imported)
            .saturating_add(OURS);
        let leaves = leaves(&core.code, imported)?;
        Ok(Self {
            core,
            imported,
            base,
            fuel: core.globals,
            counter,
            silent: silent(&core.code, imported, &leaves),
            leaves,
            order: Order::new(count(core.defined.len())?, first),
        })
    }

    fn write(mut self, roles: &Roles) -> Result<Vec<u8>, MeterError> {
        let sections = &self.core.sections;
        let mut types = TypeSection::new();
        if let Some(section) = sections.types.clone() {
            self.parse_type_section(&mut types, section)?;
        }
        let (exchange, report, nothing) = our_types(&mut types, self.core.type_count);
        let mut imports = ImportSection::new();
        if let Some(section) = sections.imports.clone() {
            self.parse_import_section(&mut imports, section)?;
        }
        for (name, ty) in [(GRANT, exchange), (TAKE, exchange), (NOTE, report)] {
            imports.import(IMPORTS, name, EntityType::Function(ty));
        }
        let mut functions = FunctionSection::new();
        for old in self.order.old.clone() {
            functions.function(self.core.type_of(self.imported.saturating_add(old))?);
        }
        functions.function(nothing);
        for ty in &self.core.imported {
            functions.function(*ty);
        }
        let mut globals = GlobalSection::new();
        if let Some(section) = sections.globals.clone() {
            self.parse_global_section(&mut globals, section)?;
        }
        globals.global(
            GlobalType {
                val_type: ValType::I64,
                mutable: true,
                shared: false,
            },
            &ConstExpr::i64_const(0),
        );
        let (mut bodies, hints) = self.code()?;
        bodies.function(&self.refill());
        for number in 0..self.imported {
            bodies.function(&self.around_import(number)?);
        }
        let exports = self.exports(roles, &mut functions, &mut bodies)?;
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions);
        self.tables_and_memories(&mut module)?;
        module.section(&globals).section(&exports);
        self.start_and_elements(&mut module)?;
        module.section(&hints).section(&bodies);
        if let Some(data) = self.core.sections.data {
            let id = SectionId::Data.into();
            module.section(&RawSection { id, data });
        }
        Ok(module.finish())
    }

    fn tables_and_memories(&mut self, module: &mut Module) -> Result<(), MeterError> {
        if let Some(section) = self.core.sections.tables.clone() {
            let mut tables = TableSection::new();
            self.parse_table_section(&mut tables, section)?;
            module.section(&tables);
        }
        if let Some(section) = self.core.sections.memories.clone() {
            let mut memories = MemorySection::new();
            self.parse_memory_section(&mut memories, section)?;
            module.section(&memories);
        }
        Ok(())
    }

    fn start_and_elements(&mut self, module: &mut Module) -> Result<(), MeterError> {
        if let Some(start) = self.core.sections.start {
            let function_index = self.function(start)?;
            module.section(&StartSection { function_index });
        }
        if let Some(section) = self.core.sections.elements.clone() {
            let mut elements = ElementSection::new();
            self.parse_element_section(&mut elements, section)?;
            module.section(&elements);
        }
        if let Some(count) = self.core.sections.data_count {
            module.section(&DataCountSection { count });
        }
        Ok(())
    }

    /// The module's exports. One with a role becomes a function of ours around it.
    fn exports(
        &mut self,
        roles: &Roles,
        functions: &mut FunctionSection,
        bodies: &mut CodeSection,
    ) -> Result<ExportSection, MeterError> {
        let mut section = ExportSection::new();
        let mut next = self.base.saturating_add(1).saturating_add(self.imported);
        let exports = self.core.sections.exports.clone();
        for export in exports.into_iter().flatten() {
            let export = export?;
            let kind = self.export_kind(export.kind)?;
            let (entry, allocates) = roles.of(export.name);
            if kind != ExportKind::Func || !(entry || allocates) {
                let index = self.external_index(export.kind, export.index)?;
                section.export(export.name, kind, index);
                continue;
            }
            let ty = self.core.type_of(export.index)?;
            let function = self.function(export.index)?;
            functions.function(ty);
            let ty = self.core.function_type(ty)?;
            bodies.function(&if entry {
                self.around_entry(function, ty)?
            } else {
                self.around_allocation(function, ty)?
            });
            section.export(export.name, kind, next);
            next = next.saturating_add(1);
        }
        Ok(section)
    }

    /// The new index of a function. Imports are called through functions of ours.
    fn function(&self, index: u32) -> Result<u32, MeterError> {
        let (base, by) = match index.checked_sub(self.imported) {
            None => (self.base.saturating_add(1), index),
            Some(defined) => {
                let base = self.imported.saturating_add(OURS);
                (base, self.order.new_of(defined)?)
            }
        };
        base.checked_add(by).ok_or(MeterError::Index("a function"))
    }

    fn code(&mut self) -> Result<(CodeSection, BranchHints), MeterError> {
        let (mut section, mut hints) = (CodeSection::new(), BranchHints::new());
        let core = self.core;
        for old in self.order.old.clone() {
            let at = usize::try_from(old).ok();
            let found = at.and_then(|at| core.bodies.get(at).zip(core.code.get(at)));
            let (body, operators) = found.ok_or(MeterError::Index("a function"))?;
            let index = self.imported.saturating_add(old);
            let unlikely = self.body(&mut section, index, body, operators)?;
            if !unlikely.is_empty() {
                hints.function_hints(self.function(index)?, unlikely);
            }
        }
        Ok((section, hints))
    }

    /// Writes a function that charges; where its unlikely branches are.
    fn body(
        &mut self,
        section: &mut CodeSection,
        index: u32,
        body: &FunctionBody<'_>,
        operators: &[Operator<'_>],
    ) -> Result<Vec<BranchHint>, MeterError> {
        let Costs { entry, loops } = costs(operators, |callee| {
            self.leaves.get(&callee).copied().unwrap_or(0)
        })?;
        let ty = self.core.function_type(self.core.type_of(index)?)?;
        let mut locals = self.locals(ty, body)?;
        // How much a bulk instruction is to do.
        let length = if (0..operators.len()).any(|at| is_charged(operators, at)) {
            Some(locals.add(ValType::I32))
        } else {
            None
        };
        // What is around the code of a function that keeps the counter: jumps to its end end there.
        let around = if self.counter == Counter::InLocals && keeps(operators) {
            self.block_type(ty)?
        } else {
            None
        };
        let kept = around.map(|_| locals.add(ValType::I64));
        let refill = self.base.saturating_add(REFILL);
        let mut charged = Charged::new(locals, self.fuel, kept, refill);
        charged.take();
        if !self.leaves.contains_key(&index) {
            charged.charge(entry)?;
        }
        if let Some(ty) = around {
            charged.body.instruction(&I::Block(ty));
        }
        for (at, (operator, cost)) in operators.iter().zip(loops).enumerate() {
            if let Some(length) = length
                && is_charged(operators, at)
            {
                charged.charge_for(length)?;
            }
            let shared = shares(operator, &self.silent);
            if shared {
                charged.give_back();
            }
            charged
                .body
                .instruction(&self.instruction(operator.clone())?);
            if shared {
                charged.take();
            }
            if cost > 0 {
                charged.charge(cost)?;
            }
        }
        if around.is_some() {
            charged.give_back();
            charged.body.instruction(&I::End);
        }
        section.function(&charged.body);
        Ok(charged.unlikely)
    }

    /// The locals of a function of this type.
    fn locals(&mut self, ty: &FuncType, body: &FunctionBody<'_>) -> Result<Locals, MeterError> {
        let mut locals = Locals {
            declared: Vec::new(),
            next: count(ty.params().len())?,
        };
        for local in body.get_locals_reader()? {
            let (number, ty) = local?;
            locals.next = locals.next.saturating_add(number);
            locals.declared.push((number, self.val_type(ty)?));
        }
        Ok(locals)
    }

    /// The type of a block with the results of a function, if it has one at most.
    fn block_type(&mut self, ty: &FuncType) -> Result<Option<BlockType>, MeterError> {
        Ok(match *ty.results() {
            [] => Some(BlockType::Empty),
            [result] => Some(BlockType::Result(self.val_type(result)?)),
            _ => None,
        })
    }

    /// Gets more units.
    fn refill(&self) -> Function {
        written(&[
            I::GlobalGet(self.fuel),
            I::Call(self.imported),
            I::GlobalSet(self.fuel),
            I::End,
        ])
    }

    /// Says what is left before an import is called: the run may end or wait in it.
    fn around_import(&self, number: u32) -> Result<Function, MeterError> {
        let ty = self.core.function_type(self.core.type_of(number)?)?;
        let mut body = written(&[
            I::GlobalGet(self.fuel),
            I::Call(self.imported.saturating_add(2)),
        ]);
        forward(&mut body, number, ty)?;
        body.instruction(&I::End);
        Ok(body)
    }

    /// Takes units when the component is entered, and says what is left when it is left.
    fn around_entry(&self, function: u32, ty: &FuncType) -> Result<Function, MeterError> {
        let mut body = written(&[
            I::GlobalGet(self.fuel),
            I::Call(self.imported.saturating_add(1)),
            I::GlobalSet(self.fuel),
        ]);
        forward(&mut body, function, ty)?;
        body.instruction(&I::GlobalGet(self.fuel))
            .instruction(&I::Call(self.imported.saturating_add(2)))
            .instruction(&I::End);
        Ok(body)
    }

    /// Counts what allocates, or frees, for the host: no import may be called meanwhile.
    fn around_allocation(&self, function: u32, ty: &FuncType) -> Result<Function, MeterError> {
        let before = count(ty.params().len())?;
        let mut body = Function::new([(1, ValType::I64)]);
        for instruction in [
            I::GlobalGet(self.fuel),
            I::LocalSet(before),
            I::I64Const(ALLOCATION),
            I::GlobalSet(self.fuel),
        ] {
            body.instruction(&instruction);
        }
        forward(&mut body, function, ty)?;
        for instruction in [
            I::GlobalGet(self.fuel),
            I::I64Const(ALLOCATION),
            I::I64Sub,
            I::LocalGet(before),
            I::I64Add,
            I::GlobalSet(self.fuel),
            I::End,
        ] {
            body.instruction(&instruction);
        }
        Ok(body)
    }
}

impl Reencode for Writer<'_, '_> {
    type Error = MeterError;

    fn function_index(&mut self, index: u32) -> Result<u32, reencode::Error<MeterError>> {
        self.function(index).map_err(reencode::Error::UserError)
    }
}

/// Calls a function with one's own parameters.
fn forward(body: &mut Function, function: u32, ty: &FuncType) -> Result<(), MeterError> {
    for parameter in 0..count(ty.params().len())? {
        body.instruction(&I::LocalGet(parameter));
    }
    body.instruction(&I::Call(function));
    Ok(())
}

fn written(instructions: &[I<'_>]) -> Function {
    let mut body = Function::new([]);
    for instruction in instructions {
        body.instruction(instruction);
    }
    body
}

/// Adds the types of our functions behind `next` others.
fn our_types(types: &mut TypeSection, next: u32) -> (u32, u32, u32) {
    types.ty().function([ValType::I64], [ValType::I64]);
    types.ty().function([ValType::I64], []);
    types.ty().function([], []);
    (next, next.saturating_add(1), next.saturating_add(2))
}
