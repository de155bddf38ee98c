//! How large the types of one export may be.

use super::types::{Field, Type};
use crate::tool::DefinitionError;

/// Most parts of one exported function: types wherever they are used, fields, cases and flags.
/// A component type may have a million of them in a few kilobytes, since types are shared.
pub const MAX_PARTS: usize = 20_000;

/// How deep types may be nested.
pub const MAX_TYPE_DEPTH: usize = 64;

/// Most parameters of a function, fields of a record, items of a tuple and cases of a variant.
pub const MAX_MEMBERS: usize = 1_000;

/// Most cases of an enum.
pub const MAX_ENUM_CASES: usize = 10_000;

/// Most flags of a flags type: components have no more.
pub const MAX_FLAGS: usize = 32;

/// Longest label, in bytes.
pub const MAX_LABEL_BYTES: usize = 256;

/// Why a function of a component is no tool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its types have too many parts.
    #[error("its types have more than {MAX_PARTS} parts, types used twice counted twice")]
    TooLarge,
    /// Its types are nested too deeply.
    #[error("its types are nested deeper than {MAX_TYPE_DEPTH} levels")]
    TooDeep,
    /// There are too many of something in one type.
    #[error("{found} {what} are more than the {most} that one type may have")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// A type has nothing where WIT wants at least one.
    #[error("a type has no {0}")]
    Empty(&'static str),
    /// A label is too long.
    #[error("a label is {bytes} bytes long; at most {MAX_LABEL_BYTES} are taken")]
    LongLabel {
        /// Its length.
        bytes: usize,
    },
    /// A label is not one of WIT, which has ASCII letters, digits and `-`.
    #[error("`{0}` is no label of WIT")]
    NoLabel(String),
    /// A label comes twice in one scope.
    #[error("the label `{0}` is given twice")]
    Twice(String),
    /// The JSON Schema of its types cannot be kept.
    #[error(transparent)]
    Schema(#[from] DefinitionError),
}

/// What is left for the types of one exported function.
///
/// Whoever expands the types of a component spends it while doing so, a part for each type,
/// field, case and flag, and stops at the first refusal: then nothing larger than
/// [`MAX_PARTS`], nor deeper than [`MAX_TYPE_DEPTH`], is ever made.
#[derive(Clone, Debug)]
pub struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(MAX_PARTS)
    }
}

impl Room {
    /// Takes room for a type, which is nested `depth` types deep.
    ///
    /// # Errors
    ///
    /// There is none left, or the type is too deep.
    pub fn spend_type(&mut self, depth: usize) -> Result<(), Refused> {
        if depth > MAX_TYPE_DEPTH {
            return Err(Refused::TooDeep);
        }
        self.spend(1)
    }

    /// Takes room for some fields, cases or flags.
    ///
    /// # Errors
    ///
    /// There is none left.
    pub fn spend(&mut self, parts: usize) -> Result<(), Refused> {
        self.0 = self.0.checked_sub(parts).ok_or(Refused::TooLarge)?;
        Ok(())
    }
}

/// Refuses parameters and a result that are too large in any way. Does not recurse.
pub(super) fn check(parameters: &[Field], result: Option<&Type>) -> Result<(), Refused> {
    let mut room = Room::default();
    let mut open: Vec<(&Type, usize)> = Vec::new();
    open.extend(result.map(|of| (of, 1)));
    check_members("parameters", parameters.len())?;
    room.spend(parameters.len())?;
    check_labels(parameters.iter().map(|field| field.label.as_str()))?;
    open.extend(parameters.iter().map(|field| (&field.of, 1)));
    while let Some((of, depth)) = open.pop() {
        room.spend_type(depth)?;
        let below = depth.saturating_add(1);
        match of {
            Type::Bool
            | Type::Integer(_)
            | Type::F32
            | Type::F64
            | Type::Char
            | Type::String
            | Type::Json => {}
            Type::Option(inner) | Type::List(inner) | Type::FixedList(inner, _) => {
                open.push((inner, below));
            }
            Type::Tuple(items) => {
                check_members("items of a tuple", items.len())?;
                open.extend(items.iter().map(|of| (of, below)));
            }
            Type::Record(record) => {
                check_members("fields", record.fields.len())?;
                room.spend(record.fields.len())?;
                check_labels(record.fields.iter().map(|it| it.label.as_str()))?;
                open.extend(record.fields.iter().map(|it| (&it.of, below)));
            }
            Type::Variant(variant) => {
                check_count("cases", variant.cases.len(), MAX_MEMBERS)?;
                room.spend(variant.cases.len())?;
                check_labels(variant.cases.iter().map(|it| it.label.as_str()))?;
                let held = variant.cases.iter().filter_map(|it| it.of.as_ref());
                open.extend(held.map(|of| (of, below)));
            }
            Type::Enum(it) => {
                check_count("cases of an enum", it.labels.len(), MAX_ENUM_CASES)?;
                room.spend(it.labels.len())?;
                check_labels(it.labels.iter().map(String::as_str))?;
            }
            Type::Flags(it) => {
                check_count("flags", it.labels.len(), MAX_FLAGS)?;
                room.spend(it.labels.len())?;
                check_labels(it.labels.iter().map(String::as_str))?;
            }
            Type::Result { ok, error } => {
                let sides = ok.iter().chain(error);
                open.extend(sides.map(|of| (of.as_ref(), below)));
            }
        }
    }
    Ok(())
}

fn check_members(what: &'static str, found: usize) -> Result<(), Refused> {
    if found > MAX_MEMBERS {
        let most = MAX_MEMBERS;
        return Err(Refused::TooMany { what, found, most });
    }
    Ok(())
}

fn check_count(what: &'static str, found: usize, most: usize) -> Result<(), Refused> {
    match found {
        0 => Err(Refused::Empty(what)),
        _ if found > most => Err(Refused::TooMany { what, found, most }),
        _ => Ok(()),
    }
}

/// Labels of one scope: no two may be the same name of JSON.
fn check_labels<'a>(labels: impl Iterator<Item = &'a str>) -> Result<(), Refused> {
    let mut seen = std::collections::BTreeSet::new();
    for label in labels {
        if label.len() > MAX_LABEL_BYTES {
            let bytes = label.len();
            return Err(Refused::LongLabel { bytes });
        }
        let is_plain = |byte: u8| byte == b'-' || byte.is_ascii_alphanumeric();
        if label.is_empty() || !label.bytes().all(is_plain) {
            return Err(Refused::NoLabel(super::super::convert::shown(label)));
        }
        if !seen.insert(label) {
            return Err(Refused::Twice(label.to_owned()));
        }
    }
    Ok(())
}
