//! Between the engine's values of components and those of the tool tree.

use wxmcp_sandbox::supplied::Val;
use wxmcp_tooltree::wit::Value;

/// A value of the engine's as the tool tree has it; none of a type that no JSON stands for.
pub(super) fn from_engine(value: &Val) -> Option<Value> {
    Some(match value {
        Val::Bool(it) => Value::Bool(*it),
        Val::S8(it) => Value::S8(*it),
        Val::S16(it) => Value::S16(*it),
        Val::S32(it) => Value::S32(*it),
        Val::S64(it) => Value::S64(*it),
        Val::U8(it) => Value::U8(*it),
        Val::U16(it) => Value::U16(*it),
        Val::U32(it) => Value::U32(*it),
        Val::U64(it) => Value::U64(*it),
        Val::Float32(it) => Value::F32(*it),
        Val::Float64(it) => Value::F64(*it),
        Val::Char(it) => Value::Char(*it),
        Val::String(it) => Value::String(it.clone()),
        Val::Option(it) => Value::Option(boxed(it.as_deref())?),
        Val::Result(it) => Value::Result(match it {
            Ok(it) => Ok(boxed(it.as_deref())?),
            Err(it) => Err(boxed(it.as_deref())?),
        }),
        Val::List(items) | Val::FixedLengthList(items) => Value::List(all(items)?),
        Val::Tuple(items) => Value::Tuple(all(items)?),
        Val::Record(fields) => Value::Record(
            fields
                .iter()
                .map(|(label, value)| Some((label.clone(), from_engine(value)?)))
                .collect::<Option<_>>()?,
        ),
        Val::Variant(label, value) => Value::Variant(label.clone(), boxed(value.as_deref())?),
        Val::Enum(label) => Value::Enum(label.clone()),
        Val::Flags(labels) => Value::Flags(labels.clone()),
        Val::Map(_) | Val::Resource(_) | Val::Future(_) | Val::Stream(_) | Val::ErrorContext(_) => {
            return None;
        }
    })
}

/// A value of the tool tree's as the engine has it.
pub(super) fn to_engine(value: Value) -> Val {
    match value {
        Value::Bool(it) => Val::Bool(it),
        Value::S8(it) => Val::S8(it),
        Value::S16(it) => Val::S16(it),
        Value::S32(it) => Val::S32(it),
        Value::S64(it) => Val::S64(it),
        Value::U8(it) => Val::U8(it),
        Value::U16(it) => Val::U16(it),
        Value::U32(it) => Val::U32(it),
        Value::U64(it) => Val::U64(it),
        Value::F32(it) => Val::Float32(it),
        Value::F64(it) => Val::Float64(it),
        Value::Char(it) => Val::Char(it),
        Value::String(it) => Val::String(it),
        Value::Option(it) => Val::Option(in_engine(it)),
        Value::Result(it) => Val::Result(match it {
            Ok(it) => Ok(in_engine(it)),
            Err(it) => Err(in_engine(it)),
        }),
        Value::List(items) => Val::List(items.into_iter().map(to_engine).collect()),
        Value::Tuple(items) => Val::Tuple(items.into_iter().map(to_engine).collect()),
        Value::Record(fields) => Val::Record(
            fields
                .into_iter()
                .map(|(label, value)| (label, to_engine(value)))
                .collect(),
        ),
        Value::Variant(label, value) => Val::Variant(label, in_engine(value)),
        Value::Enum(label) => Val::Enum(label),
        Value::Flags(labels) => Val::Flags(labels),
    }
}

fn in_engine(value: Option<Box<Value>>) -> Option<Box<Val>> {
    value.map(|value| Box::new(to_engine(*value)))
}

fn all(items: &[Val]) -> Option<Vec<Value>> {
    items.iter().map(from_engine).collect()
}

#[expect(
    clippy::option_option,
    reason = "the outer one is the conversion's, the inner one the value's"
)]
fn boxed(value: Option<&Val>) -> Option<Option<Box<Value>>> {
    match value {
        None => Some(None),
        Some(value) => Some(Some(Box::new(from_engine(value)?))),
    }
}
