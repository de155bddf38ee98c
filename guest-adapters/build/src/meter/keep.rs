//! Which functions keep the counter in a local while they run, and when they give it back.
//!
//! In memory each charge waits for what the charge before it stored, which takes longer than many
//! an instruction of a bytecode loop. So a function with loops takes the counter when it begins, and
//! gives it back when it ends, when it asks for more units, and around calls of what may charge. The
//! same units are taken at the same places.

use super::paths::is_charged;
use std::collections::{HashMap, HashSet};
use wasmparser::Operator;

/// Whether a function keeps the counter.
pub(super) fn keeps(operators: &[Operator<'_>]) -> bool {
    let mut operators = operators.iter();
    operators.any(|operator| matches!(operator, Operator::Loop { .. }))
}

/// Whether others need the counter where this instruction is, and may have changed it behind it.
pub(super) fn shares(operator: &Operator<'_>, silent: &HashSet<u32>) -> bool {
    match operator {
        Operator::Call { function_index } => !silent.contains(function_index),
        Operator::CallIndirect { .. }
        | Operator::ReturnCall { .. }
        | Operator::ReturnCallIndirect { .. }
        | Operator::Return => true,
        _ => false,
    }
}

/// The functions of `code` in which nothing is charged, nor in what they call: leaves without loops
/// and long copies. The first of `code` is the function `first`.
pub(super) fn silent(
    code: &[Vec<Operator<'_>>],
    first: u32,
    leaves: &HashMap<u32, u64>,
) -> HashSet<u32> {
    let mut open: Vec<_> = code.iter().zip(first..).collect();
    open.retain(|(operators, index)| leaves.contains_key(index) && !charges(operators));
    let mut silent = HashSet::new();
    loop {
        let before = open.len();
        open.retain(|(operators, index)| {
            let mut calls = operators.iter().filter_map(|operator| match operator {
                Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                    Some(function_index)
                }
                _ => None,
            });
            let waits = calls.any(|callee| !silent.contains(callee));
            if !waits {
                silent.insert(*index);
            }
            waits
        });
        if open.len() == before {
            return silent;
        }
    }
}

/// Whether something besides the entry is charged.
fn charges(operators: &[Operator<'_>]) -> bool {
    (0..operators.len()).any(|at| is_charged(operators, at)) || keeps(operators)
}
