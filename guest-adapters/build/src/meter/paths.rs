//! What a piece of code costs: the expected length of a path through it.
//!
//! A unit of fuel is about one instruction. The code of a function falls into regions: what runs
//! from its entry, and one iteration of each of its loops. Each region is charged once, where it
//! begins, with the expected number of instructions from there to its end, every target of a
//! branch being as likely as the others. A jump back to the header of a loop ends an iteration,
//! and so does a jump out of it; what lies behind the loop belongs to the region around it.
//!
//! The numbers are computed backwards over the instructions, in fractions of a unit, so that they
//! are the same on every machine.

use super::MeterError;
use wasmparser::{BrTable, Operator};

/// Fractions of a unit: costs are means.
const UNIT: u64 = 1 << 8;

/// Most bytes whose copying is charged with the instructions around it, where their number is
/// a constant.
const SHORT: u32 = 4 << 10;

/// What the regions of one function cost, in units.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Costs {
    /// From the entry to the end.
    pub(super) entry: u64,
    /// Of each instruction that begins a loop: one iteration. The others have 0.
    pub(super) loops: Vec<u64>,
}

/// A construct whose end was passed on the way back to its beginning.
struct Frame {
    /// What is left to do for a jump to its label.
    label: u64,
    /// What it is.
    kind: Kind,
}

enum Kind {
    /// The function, or a block.
    Plain,
    /// A condition; the cost of its `else`, once that was passed.
    If { otherwise: Option<u64> },
    /// A loop; what is left to do at each way out of it, in the region around it.
    Loop { exits: Mean },
}

#[derive(Default)]
struct Mean {
    sum: u64,
    count: u64,
}

impl Mean {
    fn add(&mut self, cost: u64) {
        self.sum = self.sum.saturating_add(cost);
        self.count = self.count.saturating_add(1);
    }

    fn value(&self) -> u64 {
        self.sum.checked_div(self.count).unwrap_or(0)
    }
}

/// Computes the costs of a function from its instructions, the last `end` included; `leaf` is what a
/// call costs besides itself, as the function that is called is not charged.
#[expect(
    clippy::too_many_lines,
    reason = "one arm for each kind of instruction"
)]
pub(super) fn costs(
    operators: &[Operator<'_>],
    leaf: impl Fn(u32) -> u64,
) -> Result<Costs, MeterError> {
    let mut ends = constructs(operators)?;
    let mut loops = vec![0; operators.len()];
    let mut frames: Vec<Frame> = Vec::new();
    let mut after = 0_u64;
    for (index, operator) in operators.iter().enumerate().rev() {
        match operator {
            Operator::End => {
                let kind = ends.pop().ok_or(MeterError::Index("a construct"))?;
                let label = after;
                if let Kind::Loop { .. } = kind {
                    // Behind its last instruction the loop is left.
                    let mut exits = Mean::default();
                    exits.add(after);
                    frames.push(Frame {
                        label: 0,
                        kind: Kind::Loop { exits },
                    });
                    after = 0;
                } else {
                    frames.push(Frame { label, kind });
                }
            }
            Operator::Else => {
                let frame = frames.last_mut().ok_or(MeterError::Index("an `if`"))?;
                frame.kind = Kind::If {
                    otherwise: Some(after),
                };
                after = frame.label;
            }
            Operator::Block { .. } => {
                frames.pop();
            }
            Operator::If { .. } => {
                let frame = frames.pop().ok_or(MeterError::Index("an `if`"))?;
                let otherwise = match frame.kind {
                    Kind::If { otherwise } => otherwise.unwrap_or(frame.label),
                    _ => return Err(MeterError::Index("an `if`")),
                };
                after = after.midpoint(otherwise).saturating_add(UNIT);
            }
            Operator::Loop { .. } => {
                let frame = frames.pop().ok_or(MeterError::Index("a loop"))?;
                let Kind::Loop { exits } = frame.kind else {
                    return Err(MeterError::Index("a loop"));
                };
                if let Some(cost) = loops.get_mut(index) {
                    *cost = units(after).max(1);
                }
                after = exits.value();
            }
            Operator::Br { relative_depth } => {
                after = jump(&mut frames, *relative_depth)?.saturating_add(UNIT);
            }
            Operator::BrIf { relative_depth } => {
                let taken = jump(&mut frames, *relative_depth)?;
                after = after.midpoint(taken).saturating_add(UNIT);
            }
            Operator::BrTable { targets } => {
                after = table(&mut frames, targets)?.saturating_add(UNIT);
            }
            Operator::Return | Operator::ReturnCallIndirect { .. } => {
                after = leave(&mut frames)?.saturating_add(own(operator));
            }
            Operator::ReturnCall { function_index } => {
                after = leave(&mut frames)?.saturating_add(call(leaf(*function_index)));
            }
            Operator::Unreachable => after = 0,
            Operator::Call { function_index } => {
                after = after.saturating_add(call(leaf(*function_index)));
            }
            other => {
                let moved = short(operators, index).map_or(0, u64::from);
                after = after
                    .saturating_add(own(other))
                    .saturating_add(moved.saturating_mul(UNIT));
            }
        }
    }
    Ok(Costs {
        entry: units(after).max(1),
        loops,
    })
}

/// What an instruction costs by itself; as much as the engine takes for those of others.
fn own(operator: &Operator<'_>) -> u64 {
    match operator {
        Operator::Nop | Operator::Drop | Operator::Return => 0,
        _ => UNIT,
    }
}

/// What a call costs, where the function that is called takes so many units.
fn call(callee: u64) -> u64 {
    callee.saturating_mul(UNIT).saturating_add(UNIT)
}

fn units(cost: u64) -> u64 {
    cost.div_ceil(UNIT)
}

/// Whether an instruction does as much as the number on top of the stack says.
fn is_bulk(operator: &Operator<'_>) -> bool {
    matches!(
        operator,
        Operator::MemoryCopy { .. }
            | Operator::MemoryFill { .. }
            | Operator::MemoryInit { .. }
            | Operator::TableCopy { .. }
            | Operator::TableFill { .. }
            | Operator::TableInit { .. }
            | Operator::TableGrow { .. }
    )
}

/// Whether an instruction is charged by itself, for as much as it is to do.
pub(super) fn is_charged(operators: &[Operator<'_>], index: usize) -> bool {
    operators.get(index).is_some_and(is_bulk) && short(operators, index).is_none()
}

/// How much an instruction does that says a small constant number right before.
fn short(operators: &[Operator<'_>], index: usize) -> Option<u32> {
    let operator = operators.get(index)?;
    let before = operators.get(index.checked_sub(1)?)?;
    match before {
        Operator::I32Const { value } if is_bulk(operator) => {
            let length = value.cast_unsigned();
            (length <= SHORT).then_some(length)
        }
        _ => None,
    }
}

/// The kind of what each `end` ends, that of the last one last.
fn constructs(operators: &[Operator<'_>]) -> Result<Vec<Kind>, MeterError> {
    enum Open {
        Plain,
        If,
        Loop,
    }
    let mut open = vec![Open::Plain];
    let mut ends = Vec::new();
    for operator in operators {
        match operator {
            Operator::Block { .. } => open.push(Open::Plain),
            Operator::If { .. } => open.push(Open::If),
            Operator::Loop { .. } => open.push(Open::Loop),
            Operator::End => {
                ends.push(match open.pop().ok_or(MeterError::Index("a construct"))? {
                    Open::Plain => Kind::Plain,
                    Open::If => Kind::If { otherwise: None },
                    Open::Loop => Kind::Loop {
                        exits: Mean::default(),
                    },
                });
            }
            _ => {}
        }
    }
    Ok(ends)
}

/// What is left to do in this region behind a jump. If it leaves loops, it is a way out of each.
fn jump(frames: &mut [Frame], depth: u32) -> Result<u64, MeterError> {
    let none = || MeterError::Index("a label");
    let depth = usize::try_from(depth).map_err(|_| none())?;
    let target = frames
        .len()
        .checked_sub(1)
        .and_then(|last| last.checked_sub(depth))
        .ok_or_else(none)?;
    let mut left = frames.get(target).ok_or_else(none)?.label;
    for frame in frames.iter_mut().skip(target.saturating_add(1)) {
        if let Kind::Loop { exits } = &mut frame.kind {
            exits.add(left);
            left = 0;
        }
    }
    Ok(left)
}

/// The same of a return.
fn leave(frames: &mut [Frame]) -> Result<u64, MeterError> {
    let outermost = u32::try_from(frames.len().saturating_sub(1));
    jump(frames, outermost.map_err(|_| MeterError::Index("a label"))?)
}

fn table(frames: &mut [Frame], targets: &BrTable<'_>) -> Result<u64, MeterError> {
    let mut mean = Mean::default();
    for target in targets.targets() {
        mean.add(jump(frames, target?)?);
    }
    mean.add(jump(frames, targets.default())?);
    Ok(mean.value())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::{Parser, Payload};

    fn of(body: &str) -> (u64, Vec<u64>) {
        let text = format!("(module (memory 1) (func $f (param i32) {body}) (func $leaf))");
        let module = wat::parse_str(text).unwrap();
        let mut bodies =
            Parser::new(0)
                .parse_all(&module)
                .filter_map(|payload| match payload.unwrap() {
                    Payload::CodeSectionEntry(body) => Some(body),
                    _ => None,
                });
        let operators = bodies.next().unwrap().get_operators_reader().unwrap();
        let operators: Vec<_> = operators.into_iter().map(Result::unwrap).collect();
        let Costs { entry, loops } = costs(&operators, |callee| u64::from(callee) * 10).unwrap();
        (entry, loops.into_iter().filter(|cost| *cost > 0).collect())
    }

    #[test]
    fn straight_code_costs_its_instructions_as_the_engine_counts_them() {
        assert_eq!(
            of("nop (drop (i32.add (i32.const 1) (local.get 0)))"),
            (3, vec![])
        );
        assert_eq!(of(""), (1, vec![]));
        assert_eq!(of("return"), (1, vec![]));
    }

    #[test]
    fn a_condition_costs_the_mean_of_its_branches() {
        // `local.get`, `if`; then 4 or 2.
        let long = "(i32.store (i32.const 0) (i32.const 0)) (drop (i32.const 0))";
        let both = format!(
            "(if (local.get 0) (then {long}) (else (drop (i32.const 0)) (drop (i32.const 0))))"
        );
        assert_eq!(of(&both), (5, vec![]));
        assert_eq!(
            of(&format!("(if (local.get 0) (then {long}))")),
            (4, vec![])
        );
    }

    #[test]
    fn a_table_costs_the_mean_of_its_targets() {
        // `local.get` and `br_table`; then 0, 2 or 4, the default counted as one.
        let table = "(block $a (block $b (block $c (br_table $a $b $c (local.get 0)))
            (drop (i32.const 0)) (drop (i32.const 0)))
            (drop (i32.const 0)) (drop (i32.const 0)))";
        assert_eq!(of(table), (4, vec![]));
    }

    #[test]
    fn a_loop_is_charged_for_one_iteration_and_the_code_behind_it_where_it_began() {
        // An iteration: `local.get`, `br_if`.
        let text = "(loop $l (br_if $l (local.get 0))) (drop (i32.const 0)) (drop (i32.const 0))";
        assert_eq!(of(text), (2, vec![2]));
        // Ways out: by the branch (2 units behind the block), or by its end (3).
        let two = "(block $out (loop $l (br_if $out (local.get 0)) (br_if $l (local.get 0)))
            (drop (i32.const 0))) (drop (i32.const 0)) (drop (i32.const 0))";
        assert_eq!(of(two), (3, vec![3]));
    }

    #[test]
    fn a_loop_within_a_loop_is_not_part_of_it() {
        let text = "(loop $a (loop $b (drop (i32.const 0)) (br_if $b (local.get 0))) (br_if $a (local.get 0)))";
        assert_eq!(of(text), (1, vec![2, 3]));
        assert_eq!(of("(loop $a (loop $b (br $a)))"), (1, vec![1, 1]));
    }

    #[test]
    fn an_interpreter_is_not_charged_for_all_its_instructions_at_once() {
        let long = "(drop (i32.const 0))".repeat(100);
        let text = format!(
            "(loop $l (block $a (block $b (br_table $a $b (local.get 0))) {long} (br $l)) {long} (br $l))"
        );
        assert_eq!(of(&text), (1, vec![103]));
    }

    #[test]
    fn calls_of_functions_that_are_not_charged_cost_what_these_do() {
        assert_eq!(of("(call $leaf)"), (11, vec![]));
    }

    #[test]
    fn short_copies_are_charged_with_the_code_around_them() {
        let text = "(memory.fill (local.get 0) (i32.const 0) (i32.const 100))";
        assert_eq!(of(text), (104, vec![]));
        let text = "(memory.fill (local.get 0) (i32.const 0) (local.get 0))";
        assert_eq!(of(text), (4, vec![]));
    }
}
