//! How large types are, as validators of components count.

use std::collections::BTreeSet;

use super::super::model::{Arguments, Body, Function, Type};
use super::{Draft, MAX_TYPE_DEPTH, MAX_TYPE_SIZE};

/// Nodes of a type with all that it names, and how deep it is nested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Measure {
    size: usize,
    depth: usize,
}

const LEAF: Measure = Measure { size: 1, depth: 1 };

impl Measure {
    pub(super) fn is_within_limits(self) -> bool {
        self.size <= MAX_TYPE_SIZE && self.depth <= MAX_TYPE_DEPTH
    }

    fn around(self, levels: usize) -> Self {
        Self {
            size: self.size.saturating_add(levels),
            depth: self.depth.saturating_add(levels),
        }
    }

    fn of_all(parts: impl IntoIterator<Item = Self>) -> Self {
        parts.into_iter().fold(LEAF, |all, part| Self {
            size: all.size.saturating_add(part.size),
            depth: all.depth.max(part.depth.saturating_add(1)),
        })
    }
}

/// The measure of a type. Those of definitions are known.
pub(super) fn of(of: &Type, drafts: &[Draft]) -> Measure {
    match of {
        Type::Json | Type::Bool | Type::S64 | Type::U64 | Type::F64 | Type::String => LEAF,
        Type::Option(inner) | Type::List(inner) => self::of(inner, drafts).around(1),
        Type::Map(inner) => self::of(inner, drafts).around(3),
        Type::Tuple(items) => Measure::of_all(items.iter().map(|item| self::of(item, drafts))),
        Type::Named(place) => drafts.get(*place).map_or(LEAF, |draft| draft.measure),
    }
}

/// The measure of a definition.
pub(super) fn body(body: &Body, drafts: &[Draft]) -> Measure {
    match body {
        // Around each, an option or the pairs of a map.
        Body::Record(record) => Measure::of_all(record.types().map(|it| of(it, drafts).around(3))),
        Body::Variant { cases, .. } => {
            Measure::of_all(cases.iter().map(|case| of(&case.of, drafts)))
        }
        Body::Enum(_) | Body::Flags(_) => LEAF,
    }
}

/// The definitions that a function uses, by their places.
pub(super) fn used<'a>(
    function: &'a Function,
    body: &impl Fn(usize) -> Option<&'a Body>,
) -> BTreeSet<usize> {
    let mut used = BTreeSet::new();
    let mut open: Vec<&Type> = vec![&function.answer];
    if let Arguments::Members(record) = &function.arguments {
        open.extend(record.types());
    }
    while let Some(next) = open.pop() {
        match next {
            Type::Named(place) if used.insert(*place) => match body(*place) {
                Some(Body::Record(record)) => open.extend(record.types()),
                Some(Body::Variant { cases, .. }) => {
                    open.extend(cases.iter().map(|case| &case.of));
                }
                _ => {}
            },
            Type::Option(inner) | Type::List(inner) | Type::Map(inner) => open.push(inner),
            Type::Tuple(items) => open.extend(items),
            _ => {}
        }
    }
    used
}

/// Nodes of a function and of the definitions that it uses, each of which its interface
/// also exports.
pub(super) fn function(function: &Function, drafts: &[Draft], used: &BTreeSet<usize>) -> usize {
    let arguments = match &function.arguments {
        Arguments::Members(record) => {
            Measure::of_all(record.types().map(|it| of(it, drafts).around(3)))
        }
        Arguments::Whole => LEAF,
    };
    used.iter()
        .filter_map(|place| drafts.get(*place))
        .map(|draft| draft.measure.size)
        .chain([arguments.size, of(&function.answer, drafts).size])
        .fold(0, usize::saturating_add)
}

/// Nodes of a type as it is written, a name being one.
pub(super) fn nodes(of: &Type) -> usize {
    match of {
        Type::Option(inner) | Type::List(inner) | Type::Map(inner) => {
            nodes(inner).saturating_add(1)
        }
        Type::Tuple(items) => items.iter().map(nodes).fold(1, usize::saturating_add),
        _ => 1,
    }
}
