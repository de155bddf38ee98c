//! Moves all bytes where a function of C moves some of them.
//!
//! wasi-libc's `write` and `read` move at most what the host takes at once (64 KiB of
//! wasmtime), and return that number. POSIX permits it, but Linux writes and reads files
//! whole, and programs count on that: `os.write` of Python, and its own `py_compile`. So
//! the merged module calls them through a function that goes on.
//!
//! Its `write` says EIO whatever is wrong. Its `pwrite` says what: ENOSPC where there is no room. So what
//! failed is written once more by that one, at the same place, if the file is not one that is written at its end.

use super::parse::Module;
use super::resolve::{Function, Plan};
use super::{FlattenError, at, count};
use wasm_encoder::{BlockType, Instruction as I, ValType};
use wasmparser::FuncType;
use wasmparser::ValType::{I32, I64};

/// Fewest bytes of a `read` behind which more may come: a smaller piece is the last one.
const PIECE: i32 = 64 << 10;
/// Descriptors from here on are files, whose bytes are there at once.
const FIRST_FILE: i32 = 3;

/// A function of C to be called again: (descriptor, address, length) and perhaps an offset in the
/// file; its result is a number of bytes, or negative.
#[derive(Clone, Copy, Debug)]
pub struct Repeat {
    /// The module of the import in the core module that calls it.
    pub module: &'static str,
    /// Its name there.
    pub name: &'static str,
    /// Whether it reads: then only files are read on, which never makes a caller wait.
    pub reads: bool,
    /// The functions that say why it failed.
    pub told: Option<Told>,
}

/// Functions of C, by their names in the module of the import.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// `fcntl`, which says whether a file is written at its end.
    pub flags: &'static str,
    /// `lseek`.
    pub seek: &'static str,
    /// `pwrite`.
    pub write_at: &'static str,
}

/// wasi-libc's `F_GETFL`, `O_APPEND` and `SEEK_CUR`.
const GET_FLAGS: i32 = 3;
const APPEND: i32 = 1;
const FROM_HERE: i32 = 1;

/// The functions of [`Told`].
struct Telling {
    flags: Function,
    seek: Function,
    write_at: Function,
}

/// A function that calls another until it has moved all bytes.
pub(super) struct Repeating {
    pub(super) function: Function,
    ty: FuncType,
    has_offset: bool,
    reads: bool,
    telling: Option<Telling>,
}

impl Repeating {
    /// The functions that `repeats` asks for.
    pub(super) fn all(
        plan: &Plan,
        modules: &[&Module<'_>],
        repeats: &[Repeat],
    ) -> Result<Vec<Self>, FlattenError> {
        repeats
            .iter()
            .map(|repeat| Self::new(plan, modules, repeat))
            .collect()
    }

    fn new(plan: &Plan, modules: &[&Module<'_>], repeat: &Repeat) -> Result<Self, FlattenError> {
        let unknown = || FlattenError::Repeat {
            import: format!("{} {}", repeat.module, repeat.name),
        };
        let mut found = None;
        for (slot, module) in plan.slots.iter().zip(modules) {
            for (function, import) in slot.functions.iter().zip(&module.function_imports) {
                if (import.module, import.name) != (repeat.module, repeat.name) {
                    continue;
                }
                if found.is_some_and(|found| found != function) {
                    return Err(unknown());
                }
                found = Some(function);
            }
        }
        let Some(function @ Function::Defined { slot, index }) = found else {
            return Err(unknown());
        };
        let module = modules.get(*slot).ok_or_else(unknown)?;
        let ty = at(&module.functions, *index, "function")?;
        let ty = at(&module.types, *ty, "type")?;
        let has_offset = match ty.params() {
            [I32, I32, I32] => false,
            [I32, I32, I32, I64] => true,
            _ => return Err(unknown()),
        };
        if ty.results() != [I32] {
            return Err(unknown());
        }
        let telling = match repeat.told {
            None => None,
            Some(told) => Some(Telling {
                flags: beside(plan, modules, repeat, told.flags, (&[I32; 3], I32))
                    .ok_or_else(unknown)?,
                seek: beside(plan, modules, repeat, told.seek, (&[I32, I64, I32], I64))
                    .ok_or_else(unknown)?,
                write_at: beside(
                    plan,
                    modules,
                    repeat,
                    told.write_at,
                    (&[I32, I32, I32, I64], I32),
                )
                .ok_or_else(unknown)?,
            }),
        };
        Ok(Self {
            function: function.clone(),
            ty: ty.clone(),
            has_offset,
            reads: repeat.reads,
            telling,
        })
    }

    /// The type of the function, and so of this one.
    pub(super) fn ty(&self) -> &FuncType {
        &self.ty
    }

    /// The body, with functions as `index` numbers them.
    #[expect(clippy::too_many_lines, reason = "one list of instructions")]
    pub(super) fn body(
        &self,
        index: impl Fn(&Function) -> Result<u32, FlattenError>,
    ) -> Result<wasm_encoder::Function, FlattenError> {
        const DESCRIPTOR: u32 = 0;
        const ADDRESS: u32 = 1;
        const LENGTH: u32 = 2;
        const OFFSET: u32 = 3;
        let moved = count(self.ty.params().len(), "parameters")?;
        let now = moved.saturating_add(1);
        let mut body = wasm_encoder::Function::new([(2, ValType::I32), (1, ValType::I64)]);
        let mut add = |instructions: &[I<'_>]| {
            for instruction in instructions {
                body.instruction(instruction);
            }
        };
        add(&[I::Loop(BlockType::Empty)]);
        for parameter in 0..moved {
            add(&[I::LocalGet(parameter)]);
        }
        // What failed after something was moved is told by the next call.
        add(&[
            I::Call(index(&self.function)?),
            I::LocalTee(now),
            I::I32Const(0),
            I::I32LeS,
            I::If(BlockType::Empty),
        ]);
        if let Some(telling) = &self.telling {
            let place = now.saturating_add(1);
            add(&[
                I::LocalGet(moved),
                I::I32Eqz,
                I::LocalGet(DESCRIPTOR),
                I::I32Const(FIRST_FILE),
                I::I32GeS,
                I::I32And,
                I::LocalGet(now),
                I::I32Const(0),
                I::I32LtS,
                I::I32And,
                I::If(BlockType::Empty),
                // Those of what is no file are -1, and so have the bit.
                I::LocalGet(DESCRIPTOR),
                I::I32Const(GET_FLAGS),
                I::I32Const(0),
                I::Call(index(&telling.flags)?),
                I::I32Const(APPEND),
                I::I32And,
                I::I32Eqz,
                I::If(BlockType::Empty),
                I::LocalGet(DESCRIPTOR),
                I::I64Const(0),
                I::I32Const(FROM_HERE),
                I::Call(index(&telling.seek)?),
                I::LocalTee(place),
                I::I64Const(0),
                I::I64GeS,
                I::If(BlockType::Empty),
                I::LocalGet(DESCRIPTOR),
                I::LocalGet(ADDRESS),
                I::LocalGet(LENGTH),
                I::LocalGet(place),
                I::Call(index(&telling.write_at)?),
                I::LocalTee(now),
                I::I32Const(0),
                I::I32GtS,
                I::If(BlockType::Empty),
                I::LocalGet(DESCRIPTOR),
                I::LocalGet(now),
                I::I64ExtendI32U,
                I::I32Const(FROM_HERE),
                I::Call(index(&telling.seek)?),
                I::Drop,
                I::End,
                I::End,
                I::End,
                I::End,
                I::LocalGet(now),
                I::I32Const(0),
                I::I32LeS,
                I::If(BlockType::Empty),
            ]);
        }
        add(&[
            I::LocalGet(moved),
            I::LocalGet(now),
            I::LocalGet(moved),
            I::Select,
            I::Return,
            I::End,
        ]);
        if self.telling.is_some() {
            add(&[I::End]);
        }
        for (local, operator) in [
            (moved, I::I32Add),
            (ADDRESS, I::I32Add),
            (LENGTH, I::I32Sub),
        ] {
            add(&[
                I::LocalGet(local),
                I::LocalGet(now),
                operator,
                I::LocalSet(local),
            ]);
        }
        if self.has_offset {
            add(&[
                I::LocalGet(OFFSET),
                I::LocalGet(now),
                I::I64ExtendI32U,
                I::I64Add,
                I::LocalSet(OFFSET),
            ]);
        }
        add(&[I::LocalGet(LENGTH), I::I32Const(0), I::I32Ne]);
        if self.reads {
            add(&[
                I::LocalGet(now),
                I::I32Const(PIECE),
                I::I32GeS,
                I::I32And,
                I::LocalGet(DESCRIPTOR),
                I::I32Const(FIRST_FILE),
                I::I32GeS,
                I::I32And,
            ]);
        }
        add(&[I::BrIf(0), I::End, I::LocalGet(moved), I::End]);
        Ok(body)
    }
}

/// A function of this type that a core module imports which imports the repeated one, too.
fn beside(
    plan: &Plan,
    modules: &[&Module<'_>],
    repeat: &Repeat,
    name: &str,
    (parameters, result): (&[wasmparser::ValType], wasmparser::ValType),
) -> Option<Function> {
    plan.slots.iter().zip(modules).find_map(|(slot, module)| {
        let find = |name| {
            let mut imports = slot.functions.iter().zip(&module.function_imports);
            imports.find(|(_, import)| (import.module, import.name) == (repeat.module, name))
        };
        find(repeat.name)?;
        let (found @ Function::Defined { slot, index }, _) = find(name)? else {
            return None;
        };
        let module = modules.get(*slot)?;
        let ty = at(&module.functions, *index, "function").ok()?;
        let ty = at(&module.types, *ty, "type").ok()?;
        let fits = ty.params() == parameters && ty.results() == [result];
        fits.then(|| found.clone())
    })
}
