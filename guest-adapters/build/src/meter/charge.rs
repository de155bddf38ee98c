//! The instructions that charge.

use super::{MeterError, count};
use wasm_encoder::{BlockType, BranchHint, Function, Instruction as I, ValType};

/// The locals of a function: its parameters, and those that it declares.
pub(super) struct Locals {
    pub(super) declared: Vec<(u32, ValType)>,
    /// The next one.
    pub(super) next: u32,
}

impl Locals {
    /// Declares one more.
    pub(super) fn add(&mut self, ty: ValType) -> u32 {
        let local = self.next;
        self.declared.push((1, ty));
        self.next = local.saturating_add(1);
        local
    }
}

/// A function that is written with its charges.
pub(super) struct Charged {
    pub(super) body: Function,
    /// The counter.
    fuel: u32,
    /// The local that has it meanwhile.
    kept: Option<u32>,
    /// The function that gets more units.
    refill: u32,
    /// Where branches are that are hardly ever taken.
    pub(super) unlikely: Vec<BranchHint>,
}

impl Charged {
    pub(super) fn new(locals: Locals, fuel: u32, kept: Option<u32>, refill: u32) -> Self {
        Self {
            body: Function::new(locals.declared),
            fuel,
            kept,
            refill,
            unlikely: Vec::new(),
        }
    }

    /// Charges a number of units.
    pub(super) fn charge(&mut self, units: u64) -> Result<(), MeterError> {
        let units = i64::try_from(units).unwrap_or(i64::MAX);
        self.read();
        self.body.instruction(&I::I64Const(units));
        self.spend()
    }

    /// Charges as many units as the number on top of the stack, which stays.
    pub(super) fn charge_for(&mut self, local: u32) -> Result<(), MeterError> {
        self.body.instruction(&I::LocalTee(local));
        self.read();
        self.body
            .instruction(&I::LocalGet(local))
            .instruction(&I::I64ExtendI32U);
        self.spend()
    }

    /// Takes the counter, if this function keeps it.
    pub(super) fn take(&mut self) {
        if let Some(kept) = self.kept {
            self.body
                .instruction(&I::GlobalGet(self.fuel))
                .instruction(&I::LocalSet(kept));
        }
    }

    /// Gives it back to others.
    pub(super) fn give_back(&mut self) {
        if let Some(kept) = self.kept {
            self.body
                .instruction(&I::LocalGet(kept))
                .instruction(&I::GlobalSet(self.fuel));
        }
    }

    /// Reads it.
    fn read(&mut self) {
        self.body.instruction(&match self.kept {
            Some(kept) => I::LocalGet(kept),
            None => I::GlobalGet(self.fuel),
        });
    }

    /// Subtracts what is on top of the stack from what is below it, the counter.
    fn spend(&mut self) -> Result<(), MeterError> {
        self.body.instruction(&I::I64Sub);
        if let Some(kept) = self.kept {
            self.body.instruction(&I::LocalTee(kept));
        } else {
            self.body
                .instruction(&I::GlobalSet(self.fuel))
                .instruction(&I::GlobalGet(self.fuel));
        }
        self.body
            .instruction(&I::I64Const(0))
            .instruction(&I::I64LtS);
        self.unlikely.push(BranchHint {
            branch_func_offset: count(self.body.byte_len())?,
            branch_hint_value: 0,
        });
        self.body.instruction(&I::If(BlockType::Empty));
        self.give_back();
        self.body.instruction(&I::Call(self.refill));
        self.take();
        self.body.instruction(&I::End);
        Ok(())
    }
}
