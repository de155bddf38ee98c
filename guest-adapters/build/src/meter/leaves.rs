//! Which functions do not charge what runs from their entry: it is charged where they are called.
//!
//! They call nothing through tables, and directly only functions like themselves, never in
//! circles; so what a call of one does outside of loops, which charge themselves, is bounded by the
//! number of their instructions.

use super::MeterError;
use super::paths::costs;
use std::collections::HashMap;
use wasmparser::Operator;

/// Most units of such a function.
const UNITS: u64 = 100;

/// Most instructions of such a function and of those that it calls.
const SIZE: usize = 2_000;

/// What each of them costs, by its index; the first of `code` is the function `first`, those before
/// it are imported.
pub(super) fn leaves(
    code: &[Vec<Operator<'_>>],
    first: u32,
) -> Result<HashMap<u32, u64>, MeterError> {
    let mut leaves: HashMap<u32, u64> = HashMap::new();
    let mut sizes: HashMap<u32, usize> = HashMap::new();
    let mut open: Vec<_> = code.iter().zip(first..).collect();
    open.retain(|(operators, _)| !operators.iter().any(is_indirect));
    loop {
        let before = open.len();
        let mut left = Vec::new();
        for (operators, index) in open {
            let mut callees = callees(operators).filter(|callee| *callee >= first);
            let size = callees.try_fold(operators.len(), |size, callee| {
                Some(size.saturating_add(*sizes.get(&callee)?))
            });
            let Some(size) = size else {
                left.push((operators, index));
                continue;
            };
            let callee = |callee| leaves.get(&callee).copied().unwrap_or(0);
            let cost = costs(operators, callee)?.entry;
            if cost <= UNITS && size <= SIZE {
                leaves.insert(index, cost);
                sizes.insert(index, size);
            }
        }
        if left.len() == before {
            return Ok(leaves);
        }
        open = left;
    }
}

/// The functions that are called directly.
fn callees<'o>(operators: &'o [Operator<'_>]) -> impl Iterator<Item = u32> + 'o {
    operators.iter().filter_map(|operator| match operator {
        Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
            Some(*function_index)
        }
        _ => None,
    })
}

fn is_indirect(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::CallIndirect { .. } | Operator::ReturnCallIndirect { .. }
    )
}
