//! Evaluates constant expressions, the extended ones included.
//!
//! A linked library places its data with `global.get $memory_base`, often plus
//! an offset (`i32.add`, of the extended constant expressions). When all
//! libraries are one module those globals are no imports any more, and the
//! expression must become a number.

use wasm_encoder::ConstExpr;
use wasmparser::Operator;

/// A known value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Value {
    I32(i32),
    I64(i64),
}

impl Value {
    pub(super) fn expression(self) -> ConstExpr {
        match self {
            Self::I32(value) => ConstExpr::i32_const(value),
            Self::I64(value) => ConstExpr::i64_const(value),
        }
    }
}

/// The value of an expression, `None` when it is not an integer that can be
/// known. `global` tells the values of globals.
pub(super) fn evaluate(
    expression: &wasmparser::ConstExpr<'_>,
    global: impl Fn(u32) -> Option<Value>,
) -> Option<Value> {
    let mut stack = Vec::new();
    for operator in expression.get_operators_reader() {
        let value = match operator.ok()? {
            Operator::I32Const { value } => Value::I32(value),
            Operator::I64Const { value } => Value::I64(value),
            Operator::GlobalGet { global_index } => global(global_index)?,
            Operator::I32Add => i32s(&mut stack, i32::wrapping_add)?,
            Operator::I32Sub => i32s(&mut stack, i32::wrapping_sub)?,
            Operator::I32Mul => i32s(&mut stack, i32::wrapping_mul)?,
            Operator::I64Add => i64s(&mut stack, i64::wrapping_add)?,
            Operator::I64Sub => i64s(&mut stack, i64::wrapping_sub)?,
            Operator::I64Mul => i64s(&mut stack, i64::wrapping_mul)?,
            Operator::End => continue,
            _ => return None,
        };
        stack.push(value);
    }
    match stack.as_slice() {
        [value] => Some(*value),
        _ => None,
    }
}

fn i32s(stack: &mut Vec<Value>, operation: fn(i32, i32) -> i32) -> Option<Value> {
    match (stack.pop()?, stack.pop()?) {
        (Value::I32(right), Value::I32(left)) => Some(Value::I32(operation(left, right))),
        _ => None,
    }
}

fn i64s(stack: &mut Vec<Value>, operation: fn(i64, i64) -> i64) -> Option<Value> {
    match (stack.pop()?, stack.pop()?) {
        (Value::I64(right), Value::I64(left)) => Some(Value::I64(operation(left, right))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::{BinaryReader, ConstExpr};

    fn evaluated(code: &[u8]) -> Option<Value> {
        evaluate(
            &ConstExpr::new(BinaryReader::new(code, 0)),
            |global| match global {
                0 => Some(Value::I32(1000)),
                1 => Some(Value::I64(7)),
                _ => None,
            },
        )
    }

    #[test]
    fn a_base_plus_an_offset_is_a_number() {
        // global.get 0, i32.const 24, i32.add
        assert_eq!(
            evaluated(&[0x23, 0, 0x41, 24, 0x6a, 0x0b]),
            Some(Value::I32(1024))
        );
    }

    #[test]
    fn operands_keep_their_order() {
        // global.get 0, i32.const 1, i32.sub
        assert_eq!(
            evaluated(&[0x23, 0, 0x41, 1, 0x6b, 0x0b]),
            Some(Value::I32(999))
        );
        // i64.const 2, global.get 1, i64.sub
        assert_eq!(
            evaluated(&[0x42, 2, 0x23, 1, 0x7d, 0x0b]),
            Some(Value::I64(-5))
        );
    }

    #[test]
    fn what_is_not_known_has_no_value() {
        assert_eq!(evaluated(&[0x23, 9, 0x0b]), None); // global.get 9
        assert_eq!(evaluated(&[0x6a, 0x0b]), None); // i32.add of nothing
        assert_eq!(evaluated(&[0x41, 1, 0x41, 2, 0x0b]), None); // two values
        assert_eq!(evaluated(&[0x41, 1, 0x42, 2, 0x6a, 0x0b]), None); // mixed types
        assert_eq!(evaluated(&[0xd2, 0, 0x0b]), None); // ref.func 0
        assert_eq!(evaluated(&[0x41]), None); // truncated
    }
}
