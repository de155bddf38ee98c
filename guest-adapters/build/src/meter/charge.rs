//! The instructions that charge.

use super::{MeterError, count};
use wasm_encoder::{BlockType, BranchHint, Function, Instruction as I};

/// A function that is written with its charges.
pub(super) struct Charged {
    pub(super) body: Function,
    /// The counter.
    pub(super) fuel: u32,
    /// The function that gets more units.
    pub(super) refill: u32,
    /// Where branches are that are hardly ever taken.
    pub(super) unlikely: Vec<BranchHint>,
}

impl Charged {
    /// Charges a number of units.
    pub(super) fn charge(&mut self, units: u64) -> Result<(), MeterError> {
        let units = i64::try_from(units).unwrap_or(i64::MAX);
        self.body
            .instruction(&I::GlobalGet(self.fuel))
            .instruction(&I::I64Const(units));
        self.spend()
    }

    /// Charges as many units as the number on top of the stack, which stays.
    pub(super) fn charge_for(&mut self, local: u32) -> Result<(), MeterError> {
        self.body
            .instruction(&I::LocalTee(local))
            .instruction(&I::GlobalGet(self.fuel))
            .instruction(&I::LocalGet(local))
            .instruction(&I::I64ExtendI32U);
        self.spend()
    }

    fn spend(&mut self) -> Result<(), MeterError> {
        for instruction in [
            I::I64Sub,
            I::GlobalSet(self.fuel),
            I::GlobalGet(self.fuel),
            I::I64Const(0),
            I::I64LtS,
        ] {
            self.body.instruction(&instruction);
        }
        self.unlikely.push(BranchHint {
            branch_func_offset: count(self.body.byte_len())?,
            branch_hint_value: 0,
        });
        self.body
            .instruction(&I::If(BlockType::Empty))
            .instruction(&I::Call(self.refill))
            .instruction(&I::End);
        Ok(())
    }
}
