//! The order of a module's functions: native code lies in that order.

use super::MeterError;
use std::collections::HashSet;

/// The numbers in a text with spaces between them.
///
/// # Errors
///
/// When something else is in it.
pub fn numbers(text: &str) -> Result<Vec<u32>, std::num::ParseIntError> {
    text.split_whitespace().map(str::parse).collect()
}

/// Where the functions that a module defines go; all are numbered without its imports.
pub(super) struct Order {
    /// Their old numbers, in the new order.
    pub(super) old: Vec<u32>,
    /// Their new numbers, in the old order.
    new: Vec<u32>,
}

impl Order {
    /// Some functions first, the rest as it was. Numbers that no function has mean nothing.
    pub(super) fn new(functions: u32, first: &[u32]) -> Self {
        let mut seen = HashSet::new();
        let old: Vec<u32> = first
            .iter()
            .copied()
            .chain(0..functions)
            .filter(|function| *function < functions && seen.insert(*function))
            .collect();
        let mut places: Vec<(u32, u32)> = old.iter().copied().zip(0..).collect();
        places.sort_unstable();
        Self {
            old,
            new: places.into_iter().map(|(_, place)| place).collect(),
        }
    }

    pub(super) fn new_of(&self, function: u32) -> Result<u32, MeterError> {
        let place = usize::try_from(function)
            .ok()
            .and_then(|function| self.new.get(function));
        place.copied().ok_or(MeterError::Index("a function"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_come_first_and_none_is_lost() {
        let order = Order::new(5, &[3, 1, 3, 9]);
        assert_eq!(order.old, [3, 1, 0, 2, 4]);
        let new: Vec<u32> = (0..5).map(|old| order.new_of(old).unwrap()).collect();
        assert_eq!(new, [2, 1, 3, 0, 4]);
        assert!(order.new_of(5).is_err());
    }
}
