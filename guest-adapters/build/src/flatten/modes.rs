//! Gives functions of C the permission bits that WASI does not know.
//!
//! `stat` of wasi-libc leaves the bits of a mode empty, and `open` and `mkdir` ignore the mode
//! that they are called with. The interface `modes` of `wit/guest.wit` has both, so the merged
//! module calls these functions through ones that ask it, or tell it.

use super::parse::Module;
use super::resolve::{Function, Plan};
use super::{FlattenError, at, count};
use wasm_encoder::{BlockType, Instruction as I, MemArg, ValType};
use wasmparser::FuncType;
use wasmparser::ValType::I32;

/// The place of `st_mode` in wasi-libc's `struct stat`.
const ST_MODE: u64 = 24;
/// wasi-libc's `O_CREAT`.
const O_CREAT: i32 = 1 << 12;

/// A function of C that knows modes. All its parameters are `i32`.
#[derive(Clone, Copy, Debug)]
pub struct WithMode {
    /// The module of the import in the core module that calls it.
    pub module: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// Where the mode is.
    pub mode: Mode,
}

/// Where a function of C has a mode, by the number of a parameter.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// In the `struct stat` at this address, afterwards.
    Found(u32),
    /// In this parameter.
    Given(u32),
    /// In the first variable argument, whose address this is, if the flags before it
    /// have `O_CREAT`.
    Opened(u32),
}

/// The two functions of the interface.
#[derive(Clone, Copy, Debug)]
pub struct ModesInterface {
    /// Its name.
    pub module: &'static str,
    /// `func() -> u32`: the bits of what was looked at last.
    pub seen: &'static str,
    /// `func(mode: u32)`: the bits of what is made next.
    pub next: &'static str,
}

/// A function that calls another, and moves a mode.
pub(super) struct Moded {
    pub(super) function: Function,
    ty: FuncType,
    mode: Mode,
    /// The function of the interface that it needs.
    other: Function,
}

impl Moded {
    /// The functions that `functions` asks for.
    pub(super) fn all(
        plan: &Plan,
        modules: &[&Module<'_>],
        interface: &ModesInterface,
        functions: &[WithMode],
    ) -> Result<Vec<Self>, FlattenError> {
        functions
            .iter()
            .map(|function| Self::new(plan, modules, interface, function))
            .collect()
    }

    fn new(
        plan: &Plan,
        modules: &[&Module<'_>],
        interface: &ModesInterface,
        wanted: &WithMode,
    ) -> Result<Self, FlattenError> {
        let unknown = || FlattenError::Mode {
            import: format!("{} {}", wanted.module, wanted.name),
        };
        let function = imported(plan, modules, wanted.module, wanted.name).ok_or_else(unknown)?;
        let Function::Defined { slot, index } = function else {
            return Err(unknown());
        };
        let module = modules.get(*slot).ok_or_else(unknown)?;
        let ty = at(&module.functions, *index, "function")?;
        let ty = at(&module.types, *ty, "type")?;
        let (parameter, name) = match wanted.mode {
            Mode::Found(parameter) => (parameter, interface.seen),
            Mode::Given(parameter) | Mode::Opened(parameter) => (parameter, interface.next),
        };
        let is_known = usize::try_from(parameter).is_ok_and(|it| it < ty.params().len());
        let is_plain = ty.params().iter().all(|ty| *ty == I32) && ty.results() == [I32];
        if !is_known || !is_plain {
            return Err(unknown());
        }
        let other = imported(plan, modules, interface.module, name).ok_or_else(unknown)?;
        Ok(Self {
            function: function.clone(),
            ty: ty.clone(),
            mode: wanted.mode,
            other: other.clone(),
        })
    }

    /// The type of the function, and so of this one.
    pub(super) fn ty(&self) -> &FuncType {
        &self.ty
    }

    /// The body, with functions as `index` numbers them.
    pub(super) fn body(
        &self,
        index: impl Fn(&Function) -> Result<u32, FlattenError>,
    ) -> Result<wasm_encoder::Function, FlattenError> {
        let place = |offset| MemArg {
            offset,
            align: 2,
            memory_index: 0,
        };
        let (function, other) = (index(&self.function)?, index(&self.other)?);
        let parameters = count(self.ty.params().len(), "parameters")?;
        let result = parameters;
        let mut body = wasm_encoder::Function::new([(1, ValType::I32)]);
        let mut add = |instructions: &[I<'_>]| {
            for instruction in instructions {
                body.instruction(instruction);
            }
        };
        match self.mode {
            Mode::Found(_) => {}
            Mode::Given(mode) => add(&[I::LocalGet(mode), I::Call(other)]),
            Mode::Opened(address) => add(&[
                I::LocalGet(address.saturating_sub(1)),
                I::I32Const(O_CREAT),
                I::I32And,
                I::If(BlockType::Empty),
                I::LocalGet(address),
                I::I32Load(place(0)),
                I::Call(other),
                I::End,
            ]),
        }
        for parameter in 0..parameters {
            add(&[I::LocalGet(parameter)]);
        }
        add(&[I::Call(function)]);
        if let Mode::Found(address) = self.mode {
            add(&[
                I::LocalTee(result),
                I::I32Eqz,
                I::If(BlockType::Empty),
                I::LocalGet(address),
                I::LocalGet(address),
                I::I32Load(place(ST_MODE)),
                I::Call(other),
                I::I32Or,
                I::I32Store(place(ST_MODE)),
                I::End,
                I::LocalGet(result),
            ]);
        }
        add(&[I::End]);
        Ok(body)
    }
}

/// What merged modules get for an import, if it is the same for all.
fn imported<'p>(
    plan: &'p Plan,
    modules: &[&Module<'_>],
    module: &str,
    name: &str,
) -> Option<&'p Function> {
    let mut bound = plan.slots.iter().zip(modules).flat_map(|(slot, of)| {
        let imports = slot.functions.iter().zip(&of.function_imports);
        imports.filter(|(_, import)| (import.module, import.name) == (module, name))
    });
    let (found, _) = bound.next()?;
    bound.all(|(other, _)| other == found).then_some(found)
}
