//! Between the engine's values of components and those of the tool tree.

use wxmcp_sandbox::supplied::Val;
use wxmcp_tooltree::wit::Value;

/// A value of the engine's as the tool tree has it; none of a type that no JSON stands for.
pub(super) fn from_engine(value: &Val) -> Option<Value> {
    Some(match value {
        Val::Bool(it) => Value::Bool(*it),
        Val::S64(it) => Value::S64(*it),
        Val::U64(it) => Value::U64(*it),
        Val::Float64(it) => Value::F64(*it),
        Val::String(it) => Value::String(it.clone()),
        Val::Option(it) => Value::Option(boxed(it.as_deref())?),
        Val::List(items) => Value::List(all(items)?),
        Val::Tuple(items) => Value::Tuple(all(items)?),
        Val::Record(fields) => Value::Record(
            fields
                .iter()
                .map(|(label, value)| Some((label.clone(), from_engine(value)?)))
                .collect::<Option<_>>()?,
        ),
        Val::Variant(label, Some(value)) => {
            Value::Variant(label.clone(), Box::new(from_engine(value)?))
        }
        Val::Enum(label) => Value::Enum(label.clone()),
        Val::Flags(labels) => Value::Flags(labels.clone()),
        _ => return None,
    })
}

/// A value of the tool tree's as the engine has it.
pub(super) fn to_engine(value: Value) -> Val {
    match value {
        Value::Bool(it) => Val::Bool(it),
        Value::S64(it) => Val::S64(it),
        Value::U64(it) => Val::U64(it),
        Value::F64(it) => Val::Float64(it),
        Value::String(it) => Val::String(it),
        Value::Option(it) => Val::Option(it.map(|it| Box::new(to_engine(*it)))),
        Value::List(items) => Val::List(items.into_iter().map(to_engine).collect()),
        Value::Tuple(items) => Val::Tuple(items.into_iter().map(to_engine).collect()),
        Value::Record(fields) => Val::Record(
            fields
                .into_iter()
                .map(|(label, value)| (label, to_engine(value)))
                .collect(),
        ),
        Value::Variant(label, value) => Val::Variant(label, Some(Box::new(to_engine(*value)))),
        Value::Enum(label) => Val::Enum(label),
        Value::Flags(labels) => Val::Flags(labels),
    }
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
