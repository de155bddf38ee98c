//! Between the engine's values of components and those of the tool tree.

use wxmcp_catalogue::wit::Value;
use wxmcp_sandbox::supplied::Val;

/// Most values in one, and flags that are set: each becomes several of the host's.
const MAX_NODES: usize = 2_000_000;

/// Why a value is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// There is too much in it.
    #[error("it holds more than {MAX_NODES} values")]
    TooLarge,
    /// It is of a type that no JSON stands for.
    #[error("no JSON stands for a value in it")]
    NoJson,
}

/// A value of the engine's as the tool tree has it.
///
/// # Errors
///
/// It holds more than is taken, or something that no JSON stands for.
pub(super) fn from_engine(value: &Val) -> Result<Value, Unusable> {
    Reader { left: MAX_NODES }.read(value)
}

/// The same of several, which share what may be held.
///
/// # Errors
///
/// As [`from_engine`].
pub(super) fn all_from_engine(values: &[Val]) -> Result<Vec<Value>, Unusable> {
    Reader { left: MAX_NODES }.all(values)
}

struct Reader {
    left: usize,
}

impl Reader {
    fn read(&mut self, value: &Val) -> Result<Value, Unusable> {
        self.spend(1)?;
        Ok(match value {
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
            Val::Option(it) => Value::Option(self.boxed(it.as_deref())?),
            Val::Result(it) => Value::Result(match it {
                Ok(it) => Ok(self.boxed(it.as_deref())?),
                Err(it) => Err(self.boxed(it.as_deref())?),
            }),
            Val::List(items) | Val::FixedLengthList(items) => Value::List(self.all(items)?),
            Val::Tuple(items) => Value::Tuple(self.all(items)?),
            Val::Record(fields) => Value::Record(
                fields
                    .iter()
                    .map(|(label, value)| Ok((label.clone(), self.read(value)?)))
                    .collect::<Result<_, _>>()?,
            ),
            Val::Variant(label, value) => {
                Value::Variant(label.clone(), self.boxed(value.as_deref())?)
            }
            Val::Enum(label) => Value::Enum(label.clone()),
            Val::Flags(labels) => {
                self.spend(labels.len())?;
                Value::Flags(labels.clone())
            }
            Val::Map(_)
            | Val::Resource(_)
            | Val::Future(_)
            | Val::Stream(_)
            | Val::ErrorContext(_) => {
                return Err(Unusable::NoJson);
            }
        })
    }

    fn spend(&mut self, nodes: usize) -> Result<(), Unusable> {
        self.left = self.left.checked_sub(nodes).ok_or(Unusable::TooLarge)?;
        Ok(())
    }

    fn all(&mut self, items: &[Val]) -> Result<Vec<Value>, Unusable> {
        items.iter().map(|item| self.read(item)).collect()
    }

    fn boxed(&mut self, value: Option<&Val>) -> Result<Option<Box<Value>>, Unusable> {
        value
            .map(|value| self.read(value).map(Box::new))
            .transpose()
    }
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
