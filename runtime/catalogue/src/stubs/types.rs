//! Types that both languages can say, and how they are joined.

use serde_json::Value;

/// Literals of one `enum`; a longer one is of the type of its values.
const MAX_LITERALS: usize = 200;

/// Longest literal, in bytes.
pub(super) const MAX_LITERAL_BYTES: usize = 200;

/// A type of values.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    Any,
    Null,
    Boolean,
    Integer,
    Number,
    Text,
    /// One of these scalars: at least one, each once.
    Literals(Vec<Literal>),
    List(Box<Type>),
    /// Texts to values.
    Map(Box<Type>),
    /// At least two, each once, none of them `Any` or a union.
    Union(Vec<Type>),
    /// An object type of this index.
    Shape(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Null,
    Boolean(bool),
    Integer(String),
    Text(String),
}

impl Type {
    /// How large it is: types inside it, and literals of a few bytes.
    pub(super) fn nodes(&self) -> usize {
        const FEW: usize = 16;
        match self {
            Self::List(of) | Self::Map(of) => of.nodes().saturating_add(1),
            Self::Union(each) => each
                .iter()
                .fold(1, |sum: usize, one| sum.saturating_add(one.nodes())),
            Self::Literals(each) => each.iter().fold(1, |sum: usize, one| match one {
                Literal::Text(text) | Literal::Integer(text) => {
                    sum.saturating_add(1 + text.len() / FEW)
                }
                Literal::Null | Literal::Boolean(_) => sum.saturating_add(1),
            }),
            Self::Any
            | Self::Null
            | Self::Boolean
            | Self::Integer
            | Self::Number
            | Self::Text
            | Self::Shape(_) => 1,
        }
    }
}

/// The type of some constant values.
pub(super) fn literals(values: &[Value]) -> Type {
    let all: Option<Vec<Literal>> = values.iter().map(literal).collect();
    match all {
        Some(all) if !all.is_empty() && all.len() <= MAX_LITERALS => {
            let mut each: Vec<Literal> = Vec::new();
            for one in all {
                if !each.contains(&one) {
                    each.push(one);
                }
            }
            Type::Literals(each)
        }
        _ => union(values.iter().map(widened).collect()),
    }
}

fn literal(value: &Value) -> Option<Literal> {
    match value {
        Value::Null => Some(Literal::Null),
        Value::Bool(it) => Some(Literal::Boolean(*it)),
        Value::Number(it) if it.is_i64() || it.is_u64() => Some(Literal::Integer(it.to_string())),
        Value::String(it) if it.len() <= MAX_LITERAL_BYTES => Some(Literal::Text(it.clone())),
        Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn widened(value: &Value) -> Type {
    match value {
        Value::Null => Type::Null,
        Value::Bool(_) => Type::Boolean,
        Value::Number(_) => Type::Number,
        Value::String(_) => Type::Text,
        Value::Array(_) | Value::Object(_) => Type::Any,
    }
}

/// Any of some types: each once, literals together, `null` last; `Any` takes all.
pub(super) fn union(types: Vec<Type>) -> Type {
    let mut constants: Vec<Literal> = Vec::new();
    let mut each: Vec<Type> = Vec::new();
    let mut is_nullable = false;
    let mut open: Vec<Type> = types.into_iter().rev().collect();
    while let Some(next) = open.pop() {
        match next {
            Type::Any => return Type::Any,
            Type::Null => is_nullable = true,
            Type::Union(inner) => open.extend(inner.into_iter().rev()),
            Type::Literals(inner) => {
                for one in inner {
                    if one == Literal::Null {
                        is_nullable = true;
                    } else if !constants.contains(&one) {
                        constants.push(one);
                    }
                }
            }
            other if !each.contains(&other) => each.push(other),
            _ => {}
        }
    }
    if !constants.is_empty() {
        each.insert(0, Type::Literals(constants));
    }
    if is_nullable {
        each.push(Type::Null);
    }
    match each.len() {
        0 => Type::Any,
        1 => each.pop().unwrap_or(Type::Any),
        _ => Type::Union(each),
    }
}
