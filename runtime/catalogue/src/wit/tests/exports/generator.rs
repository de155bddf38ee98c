//! Types of WIT and values of them, from choices.

use super::super::super::Value;
use super::super::super::exports::{Case, Integer, Type, Variant};
use super::super::choices::Choices;
use super::super::generator::{TEXTS, any};
use super::{labels, list, option, record};

const INTEGERS: [Integer; 8] = [
    Integer::S8,
    Integer::S16,
    Integer::S32,
    Integer::S64,
    Integer::U8,
    Integer::U16,
    Integer::U32,
    Integer::U64,
];

const LABELS: [&str; 10] = [
    "id", "user-id", "kind", "tag", "value", "URL", "ok", "some", "n2", "list",
];

/// Some labels, each once.
fn some_labels(choices: &mut Choices, most: usize) -> Vec<&'static str> {
    let start = choices.below(LABELS.len());
    let count = 1 + choices.below(most);
    LABELS
        .iter()
        .cycle()
        .skip(start)
        .take(count)
        .copied()
        .collect()
}

/// A type, nested at most so deep.
pub(super) fn type_(choices: &mut Choices, depth: usize) -> Type {
    let Some(below) = depth.checked_sub(1) else {
        return leaf(choices);
    };
    match choices.below(13) {
        0..=2 => leaf(choices),
        3 => option(type_(choices, below)),
        4 => list(type_(choices, below)),
        5 => list(Type::Tuple(vec![Type::String, type_(choices, below)])),
        6 => Type::FixedList(Box::new(type_(choices, below)), 1 + choices.below(3)),
        7 => {
            let count = 1 + choices.below(3);
            Type::Tuple((0..count).map(|_| type_(choices, below)).collect())
        }
        8 | 9 => {
            let labels = some_labels(choices, 5);
            record(
                labels
                    .into_iter()
                    .map(|label| (label, type_(choices, below))),
            )
        }
        10 => variant(choices, below),
        11 => tagged_by_member(choices, below),
        _ => {
            let mut side = || choices.chance(70).then(|| Box::new(type_(choices, below)));
            let (ok, error) = (side(), side());
            Type::Result { ok, error }
        }
    }
}

fn variant(choices: &mut Choices, below: usize) -> Type {
    let holds_all = choices.chance(60);
    let cases = some_labels(choices, 4).into_iter().map(|label| Case {
        label: label.to_owned(),
        of: (holds_all || choices.chance(60)).then(|| type_(choices, below)),
    });
    let cases = cases.collect();
    Type::Variant(Variant {
        cases,
        ..Variant::default()
    })
}

/// A variant of records with an enum in each; constants are of one case each, or not.
fn tagged_by_member(choices: &mut Choices, below: usize) -> Type {
    let cases = (0..1 + choices.below(3)).map(|at| {
        let own = format!("c{}", if choices.chance(90) { at } else { 0 });
        let both = [own.as_str(), "both"];
        let constants = &both[..1 + usize::from(choices.chance(5))];
        let kind = Type::Enum(labels(constants.iter().copied()));
        let mut fields = vec![("kind", kind), ("held", type_(choices, below))];
        if choices.chance(50) {
            fields.reverse();
        }
        Case {
            label: format!("case{at}"),
            of: Some(record(fields)),
        }
    });
    let cases = cases.collect();
    Type::Variant(Variant {
        cases,
        ..Variant::default()
    })
}

fn leaf(choices: &mut Choices) -> Type {
    match choices.below(12) {
        0 => Type::Bool,
        1..=4 => Type::Integer(*choices.pick(&INTEGERS)),
        5 => Type::F32,
        6 => Type::F64,
        7 => Type::Char,
        8 => Type::String,
        9 => Type::Json,
        10 => Type::Enum(labels(some_labels(choices, 5))),
        _ => Type::Flags(labels(some_labels(choices, 5))),
    }
}

/// A value of a type. Floats are finite, keys of objects come once.
#[expect(clippy::too_many_lines, reason = "one table of cases")]
pub(super) fn value(choices: &mut Choices, of: &Type) -> Value {
    match of {
        Type::Bool => Value::Bool(choices.chance(50)),
        Type::Integer(of) => integer(choices, *of),
        Type::F32 => Value::F32(single(choices)),
        Type::F64 => Value::F64(if choices.chance(5) {
            -0.0
        } else {
            choices.float()
        }),
        Type::Char => Value::Char(*choices.pick(&['a', '"', '\0', '日', '\u{10FFFF}', '\u{301}'])),
        Type::String => Value::String((*choices.pick(&TEXTS)).to_owned()),
        Type::Json => Value::String(any(choices, 2).to_string()),
        Type::Option(inner) => {
            Value::Option(choices.chance(60).then(|| Box::new(value(choices, inner))))
        }
        Type::List(item) => {
            let count = choices.below(4);
            let mut items: Vec<Value> = (0..count).map(|_| value(choices, item)).collect();
            if matches!(item.as_ref(), Type::Tuple(pair) if matches!(pair.as_slice(), [Type::String, _]))
            {
                for (at, pair) in items.iter_mut().enumerate() {
                    let Value::Tuple(pair) = pair else { panic!() };
                    let Value::String(name) = &mut pair[0] else {
                        panic!()
                    };
                    name.push_str(&at.to_string());
                }
            }
            Value::List(items)
        }
        Type::FixedList(item, length) => {
            Value::List((0..*length).map(|_| value(choices, item)).collect())
        }
        Type::Tuple(items) => Value::Tuple(items.iter().map(|of| value(choices, of)).collect()),
        Type::Record(record) => Value::Record(
            record
                .fields
                .iter()
                .map(|field| (field.label.clone(), value(choices, &field.of)))
                .collect(),
        ),
        Type::Variant(variant) => {
            let case = choices.pick(&variant.cases);
            let held = case.of.as_ref().map(|of| Box::new(value(choices, of)));
            Value::Variant(case.label.clone(), held)
        }
        Type::Enum(it) => Value::Enum(choices.pick(&it.labels).clone()),
        Type::Flags(it) => Value::Flags(
            it.labels
                .iter()
                .filter(|_| choices.chance(50))
                .cloned()
                .collect(),
        ),
        Type::Result { ok, error } => {
            let mut side =
                |of: &Option<Box<Type>>| of.as_ref().map(|of| Box::new(value(choices, of)));
            let (ok, error) = (side(ok), side(error));
            Value::Result(if choices.chance(50) {
                Ok(ok)
            } else {
                Err(error)
            })
        }
    }
}

fn integer(choices: &mut Choices, of: Integer) -> Value {
    let bytes = match choices.below(4) {
        0 => 0_u64,
        1 => u64::MAX,
        2 => 1 << choices.below(64),
        _ => choices.next(),
    }
    .to_le_bytes();
    let [a, b, c, d, ..] = bytes;
    match of {
        Integer::S8 => Value::S8(i8::from_le_bytes([a])),
        Integer::S16 => Value::S16(i16::from_le_bytes([a, b])),
        Integer::S32 => Value::S32(i32::from_le_bytes([a, b, c, d])),
        Integer::S64 => Value::S64(i64::from_le_bytes(bytes)),
        Integer::U8 => Value::U8(a),
        Integer::U16 => Value::U16(u16::from_le_bytes([a, b])),
        Integer::U32 => Value::U32(u32::from_le_bytes([a, b, c, d])),
        Integer::U64 => Value::U64(u64::from_le_bytes(bytes)),
    }
}

fn single(choices: &mut Choices) -> f32 {
    let [a, b, c, d, ..] = choices.next().to_le_bytes();
    let single = match choices.below(4) {
        0 => f32::from(i16::from_le_bytes([a, b])),
        1 => f32::from(i16::from_le_bytes([a, b])) / 10.0,
        2 => f32::from_le_bytes([a, b, c, d]),
        _ => *choices.pick(&[
            -0.0,
            f32::MAX,
            f32::MIN,
            f32::MIN_POSITIVE,
            1e-45,
            0.1,
            16_777_216.0,
        ]),
    };
    if single.is_finite() { single } else { 0.5 }
}
