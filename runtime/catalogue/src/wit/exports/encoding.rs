//! How each value of a type is spelled in JSON: decided once, for schemas and conversions.

use std::collections::{BTreeMap, BTreeSet};

use super::super::kinds::Kinds;
use super::super::labels::plain_name;
use super::types::{Field, Integer, Labels, Said, Type, Variant};

/// A type with its JSON.
#[derive(Clone, Debug)]
pub(super) struct Encoding {
    pub(super) form: Form,
    /// What its JSON may be.
    pub(super) kinds: Kinds,
    pub(super) said: Said,
}

/// The ways in which types are spelled.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Json,
    Bool,
    Integer(Integer),
    F32,
    F64,
    Char,
    String,
    /// An option of what is never `null`: that, or `null`.
    Nullable(Box<Encoding>),
    /// An option of what may be `null`: `null`, or that in an object as `some`.
    Wrapped(Box<Encoding>),
    /// An array of any length, or of one.
    Array(Box<Encoding>, Option<usize>),
    /// Pairs of a string and a value, as an object.
    Map(Box<Encoding>),
    Tuple(Vec<Encoding>),
    Record(Members),
    Enum(Names),
    Flags(Names),
    Variant(Alternatives),
    Result {
        ok: Option<Box<Encoding>>,
        error: Option<Box<Encoding>>,
    },
}

/// Labels with the names that they stand for.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) labels: Vec<String>,
    /// The place of each name.
    by_name: BTreeMap<String, usize>,
}

impl Names {
    fn of<'a>(labels: impl IntoIterator<Item = &'a str>) -> Self {
        let labels: Vec<String> = labels.into_iter().map(str::to_owned).collect();
        let by_name = labels.iter().enumerate();
        Self {
            by_name: by_name
                .map(|(place, label)| (plain_name(label), place))
                .collect(),
            labels,
        }
    }

    /// The place of a name.
    pub(super) fn place(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The place of a label.
    pub(super) fn place_of_label(&self, label: &str) -> Option<usize> {
        self.place(&plain_name(label))
            .filter(|place| self.labels.get(*place).is_some_and(|it| it == label))
    }

    /// The names in their order.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.labels.iter().map(|label| plain_name(label))
    }
}

/// The members of an object that is a record, or the arguments of a function.
#[derive(Clone, Debug)]
pub(super) struct Members {
    pub(super) names: Names,
    /// One for each name.
    pub(super) each: Vec<Member>,
}

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) label: String,
    pub(super) name: String,
    /// What it is where it is there.
    pub(super) of: Encoding,
    /// Whether the field is an option, none where the member is absent.
    pub(super) is_optional: bool,
    pub(super) docs: Option<String>,
}

impl Members {
    pub(super) fn of(fields: &[Field]) -> Self {
        let each = fields.iter().map(|field| {
            let (of, is_optional) = match &field.of {
                Type::Option(inner) => (inner.as_ref(), true),
                of => (of, false),
            };
            Member {
                label: field.label.clone(),
                name: plain_name(&field.label),
                of: Encoding::of(of),
                is_optional,
                docs: field.docs.clone(),
            }
        });
        Self {
            each: each.collect(),
            names: Names::of(fields.iter().map(|field| field.label.as_str())),
        }
    }

    /// The names of a member that is always there and an enum.
    fn tags(&self, name: &str) -> Option<&Names> {
        let member = self.each.get(self.names.place(name)?)?;
        match &member.of.form {
            Form::Enum(names) if !member.is_optional => Some(names),
            _ => None,
        }
    }
}

/// The cases of a variant.
#[derive(Clone, Debug)]
pub(super) struct Alternatives {
    pub(super) names: Names,
    /// One for each name.
    pub(super) each: Vec<Option<Encoding>>,
    pub(super) told_by: ToldBy,
}

/// What tells the cases of a variant apart.
#[derive(Clone, Debug)]
pub(super) enum ToldBy {
    /// A member `tag` beside the value, which has the case's name.
    Tag,
    /// Whether the value is a text, a number, an array and so on; and of objects, the
    /// constants of one of their members, each of which is of one case.
    Value {
        member: Option<(String, BTreeMap<String, usize>)>,
    },
}

impl Encoding {
    /// The encoding of a type, as deep as the type is.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of type")]
    pub(super) fn of(of: &Type) -> Self {
        let mut said = Said::default();
        let (form, kinds) = match of {
            Type::Json => (Form::Json, Kinds::ALL),
            Type::Bool => (Form::Bool, Kinds::BOOLEAN),
            Type::Integer(integer) => (Form::Integer(*integer), Kinds::NUMBER),
            Type::F32 => (Form::F32, Kinds::NUMBER),
            Type::F64 => (Form::F64, Kinds::NUMBER),
            Type::Char => (Form::Char, Kinds::TEXT),
            Type::String => (Form::String, Kinds::TEXT),
            Type::Option(inner) => {
                let inner = Self::of(inner);
                if inner.kinds.meets(Kinds::NULL) {
                    let kinds = Kinds::OBJECT.and(Kinds::NULL);
                    (Form::Wrapped(Box::new(inner)), kinds)
                } else {
                    let kinds = inner.kinds.and(Kinds::NULL);
                    (Form::Nullable(Box::new(inner)), kinds)
                }
            }
            Type::List(item) => match item.as_ref() {
                Type::Tuple(pair) if matches!(pair.as_slice(), [Type::String, _]) => {
                    let value = pair.last().unwrap_or(&Type::Json);
                    (Form::Map(Box::new(Self::of(value))), Kinds::OBJECT)
                }
                item => {
                    let item = Box::new(Self::of(item));
                    (Form::Array(item, None), Kinds::ARRAY)
                }
            },
            Type::FixedList(item, length) => {
                let item = Box::new(Self::of(item));
                (Form::Array(item, Some(*length)), Kinds::ARRAY)
            }
            Type::Tuple(items) => {
                let items = items.iter().map(Self::of).collect();
                (Form::Tuple(items), Kinds::ARRAY)
            }
            Type::Record(record) => {
                said = record.said.clone();
                let members = Members::of(&record.fields);
                (Form::Record(members), Kinds::OBJECT)
            }
            Type::Variant(variant) => {
                said = variant.said.clone();
                let alternatives = Alternatives::of(variant);
                let kinds = alternatives.kinds();
                (Form::Variant(alternatives), kinds)
            }
            Type::Enum(Labels { said: own, labels }) => {
                said = own.clone();
                let names = Names::of(labels.iter().map(String::as_str));
                (Form::Enum(names), Kinds::TEXT)
            }
            Type::Flags(Labels { said: own, labels }) => {
                said = own.clone();
                let names = Names::of(labels.iter().map(String::as_str));
                (Form::Flags(names), Kinds::OBJECT)
            }
            Type::Result { ok, error } => {
                let side = |of: &Option<Box<Type>>| of.as_deref().map(|of| Box::new(Self::of(of)));
                let (ok, error) = (side(ok), side(error));
                (Form::Result { ok, error }, Kinds::OBJECT)
            }
        };
        Self { form, kinds, said }
    }
}

impl Alternatives {
    fn of(variant: &Variant) -> Self {
        let each: Vec<Option<Encoding>> = variant
            .cases
            .iter()
            .map(|case| case.of.as_ref().map(Encoding::of))
            .collect();
        Self {
            told_by: told_by(&each).unwrap_or(ToldBy::Tag),
            names: Names::of(variant.cases.iter().map(|case| case.label.as_str())),
            each,
        }
    }

    fn kinds(&self) -> Kinds {
        let mut held = self.each.iter().flatten().map(|of| of.kinds);
        match &self.told_by {
            ToldBy::Tag => Kinds::OBJECT,
            ToldBy::Value { .. } => held
                .next()
                .map_or(Kinds::OBJECT, |first| held.fold(first, Kinds::and)),
        }
    }
}

/// What tells values apart, if that needs nothing but themselves. The same rule by which
/// alternatives of a schema are the cases of a variant.
fn told_by(each: &[Option<Encoding>]) -> Option<ToldBy> {
    let each: Vec<&Encoding> = each.iter().map(Option::as_ref).collect::<Option<_>>()?;
    let mut seen: Option<Kinds> = None;
    let mut objects: Vec<(usize, &Encoding)> = Vec::new();
    for (place, of) in each.iter().copied().enumerate() {
        if of.kinds == Kinds::OBJECT {
            objects.push((place, of));
        }
        let is_another_object = of.kinds == Kinds::OBJECT && objects.len() > 1;
        let meets = seen.is_some_and(|seen| seen.meets(of.kinds));
        // Among what was seen, objects may be one half of something nullable.
        let is_only_objects = each
            .iter()
            .take(place)
            .all(|it| it.kinds == Kinds::OBJECT || !it.kinds.meets(Kinds::OBJECT));
        if meets && !(is_another_object && is_only_objects) {
            return None;
        }
        seen = Some(seen.map_or(of.kinds, |seen| seen.and(of.kinds)));
    }
    let member = match objects.len() {
        0 | 1 => None,
        _ => Some(tag_of(&objects)?),
    };
    Some(ToldBy::Value { member })
}

/// The first member of the first object whose constants tell all of them apart, and of which
/// case each constant is.
fn tag_of(objects: &[(usize, &Encoding)]) -> Option<(String, BTreeMap<String, usize>)> {
    let records: Vec<(usize, &Members)> = objects
        .iter()
        .map(|(place, of)| match &of.form {
            Form::Record(members) => Some((*place, members)),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let (_, first) = records.first()?;
    let candidates: BTreeSet<&str> = first
        .each
        .iter()
        .map(|member| member.name.as_str())
        .filter(|name| records.iter().all(|(_, it)| it.tags(name).is_some()))
        .collect();
    let in_order = first.each.iter().map(|member| member.name.as_str());
    in_order
        .filter(|name| candidates.contains(name))
        .find_map(|name| {
            let mut cases = BTreeMap::new();
            for (place, members) in &records {
                for constant in members.tags(name)?.names() {
                    if cases.insert(constant, *place).is_some() {
                        return None;
                    }
                }
            }
            Some((name.to_owned(), cases))
        })
}
