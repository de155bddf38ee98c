//! Types of WIT and values of them, from a seed.

use super::super::super::Value;
use super::super::super::exports::{Case, Integer, Type, Variant};
use super::super::generator::{Random, TEXTS, any};
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
fn some_labels(random: &mut Random, most: usize) -> Vec<&'static str> {
    let start = random.below(LABELS.len());
    let count = 1 + random.below(most);
    LABELS
        .iter()
        .cycle()
        .skip(start)
        .take(count)
        .copied()
        .collect()
}

/// A type, nested at most so deep.
pub(super) fn type_(random: &mut Random, depth: usize) -> Type {
    let Some(below) = depth.checked_sub(1) else {
        return leaf(random);
    };
    match random.below(13) {
        0..=2 => leaf(random),
        3 => option(type_(random, below)),
        4 => list(type_(random, below)),
        5 => list(Type::Tuple(vec![Type::String, type_(random, below)])),
        6 => Type::FixedList(Box::new(type_(random, below)), 1 + random.below(3)),
        7 => {
            let count = 1 + random.below(3);
            Type::Tuple((0..count).map(|_| type_(random, below)).collect())
        }
        8 | 9 => {
            let labels = some_labels(random, 5);
            record(
                labels
                    .into_iter()
                    .map(|label| (label, type_(random, below))),
            )
        }
        10 => variant(random, below),
        11 => tagged_by_member(random, below),
        _ => {
            let mut side = || random.chance(70).then(|| Box::new(type_(random, below)));
            let (ok, error) = (side(), side());
            Type::Result { ok, error }
        }
    }
}

fn variant(random: &mut Random, below: usize) -> Type {
    let holds_all = random.chance(60);
    let cases = some_labels(random, 4).into_iter().map(|label| Case {
        label: label.to_owned(),
        of: (holds_all || random.chance(60)).then(|| type_(random, below)),
    });
    let cases = cases.collect();
    Type::Variant(Variant {
        cases,
        ..Variant::default()
    })
}

/// A variant of records with an enum in each; constants are of one case each, or not.
fn tagged_by_member(random: &mut Random, below: usize) -> Type {
    let cases = (0..1 + random.below(3)).map(|at| {
        let own = format!("c{}", if random.chance(90) { at } else { 0 });
        let both = [own.as_str(), "both"];
        let constants = &both[..1 + usize::from(random.chance(5))];
        let kind = Type::Enum(labels(constants.iter().copied()));
        let mut fields = vec![("kind", kind), ("held", type_(random, below))];
        if random.chance(50) {
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

fn leaf(random: &mut Random) -> Type {
    match random.below(12) {
        0 => Type::Bool,
        1..=4 => Type::Integer(*random.pick(&INTEGERS)),
        5 => Type::F32,
        6 => Type::F64,
        7 => Type::Char,
        8 => Type::String,
        9 => Type::Json,
        10 => Type::Enum(labels(some_labels(random, 5))),
        _ => Type::Flags(labels(some_labels(random, 5))),
    }
}

/// A value of a type. Floats are finite, keys of objects come once.
#[expect(clippy::too_many_lines, reason = "one table of cases")]
pub(super) fn value(random: &mut Random, of: &Type) -> Value {
    match of {
        Type::Bool => Value::Bool(random.chance(50)),
        Type::Integer(of) => integer(random, *of),
        Type::F32 => Value::F32(single(random)),
        Type::F64 => Value::F64(if random.chance(5) {
            -0.0
        } else {
            random.float()
        }),
        Type::Char => Value::Char(*random.pick(&['a', '"', '\0', '日', '\u{10FFFF}', '\u{301}'])),
        Type::String => Value::String((*random.pick(&TEXTS)).to_owned()),
        Type::Json => Value::String(any(random, 2).to_string()),
        Type::Option(inner) => {
            Value::Option(random.chance(60).then(|| Box::new(value(random, inner))))
        }
        Type::List(item) => {
            let count = random.below(4);
            let mut items: Vec<Value> = (0..count).map(|_| value(random, item)).collect();
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
            Value::List((0..*length).map(|_| value(random, item)).collect())
        }
        Type::Tuple(items) => Value::Tuple(items.iter().map(|of| value(random, of)).collect()),
        Type::Record(record) => Value::Record(
            record
                .fields
                .iter()
                .map(|field| (field.label.clone(), value(random, &field.of)))
                .collect(),
        ),
        Type::Variant(variant) => {
            let case = random.pick(&variant.cases);
            let held = case.of.as_ref().map(|of| Box::new(value(random, of)));
            Value::Variant(case.label.clone(), held)
        }
        Type::Enum(it) => Value::Enum(random.pick(&it.labels).clone()),
        Type::Flags(it) => Value::Flags(
            it.labels
                .iter()
                .filter(|_| random.chance(50))
                .cloned()
                .collect(),
        ),
        Type::Result { ok, error } => {
            let mut side =
                |of: &Option<Box<Type>>| of.as_ref().map(|of| Box::new(value(random, of)));
            let (ok, error) = (side(ok), side(error));
            Value::Result(if random.chance(50) {
                Ok(ok)
            } else {
                Err(error)
            })
        }
    }
}

fn integer(random: &mut Random, of: Integer) -> Value {
    let bytes = match random.below(4) {
        0 => 0_u64,
        1 => u64::MAX,
        2 => 1 << random.below(64),
        _ => random.next(),
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

fn single(random: &mut Random) -> f32 {
    loop {
        let [a, b, c, d, ..] = random.next().to_le_bytes();
        let single = match random.below(4) {
            0 => f32::from_le_bytes([a, b, c, d]),
            1 => f32::from(i16::from_le_bytes([a, b])),
            2 => f32::from(i16::from_le_bytes([a, b])) / 10.0,
            _ => *random.pick(&[
                -0.0,
                f32::MAX,
                f32::MIN,
                f32::MIN_POSITIVE,
                1e-45,
                0.1,
                16_777_216.0,
            ]),
        };
        if single.is_finite() {
            return single;
        }
    }
}
