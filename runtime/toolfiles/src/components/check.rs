//! Whether a function that a component imports is the one that the tool's WIT declares.

use wxmcp_catalogue::wit::{Arguments, Body, Definition, Function, Interface, Member, Type};
use wxmcp_sandbox::supplied::types::{ComponentFunc, Type as Found};

use wxmcp_catalogue::wording::bounded;

/// What is different, in words; nothing where the types are the same.
pub(super) fn difference(
    found: &ComponentFunc,
    function: &Function,
    interface: &Interface,
) -> Option<String> {
    let checker = Checker { interface };
    let wanted = checker.parameters(&function.arguments);
    let found_parameters: Vec<(String, Found)> = found
        .params()
        .map(|(name, of)| (name.to_owned(), of))
        .collect();
    let names = |names: Vec<&str>| bounded(&names.join(", "));
    let same_names = wanted.len() == found_parameters.len()
        && wanted
            .iter()
            .zip(&found_parameters)
            .all(|((wanted, _), (found, _))| wanted == found);
    if !same_names {
        return Some(format!(
            "it takes ({}), the tool ({})",
            names(
                found_parameters
                    .iter()
                    .map(|(name, _)| name.as_str())
                    .collect()
            ),
            names(wanted.iter().map(|(name, _)| *name).collect()),
        ));
    }
    for ((name, wanted), (_, found)) in wanted.iter().zip(&found_parameters) {
        if let Some(what) = checker.wanted(wanted, found) {
            return Some(format!("parameter `{name}`{what}"));
        }
    }
    let mut results = found.results();
    let (result, none) = (results.next(), results.next());
    match (result, none) {
        (Some(Found::Result(result)), None) => {
            let answer = result.ok();
            let what = match &answer {
                Some(found) => checker.of(&function.answer, found),
                None => Some(" is missing".to_owned()),
            };
            match (what, result.err()) {
                (Some(what), _) => Some(format!("the answer{what}")),
                (None, Some(error)) if is_tool_error(&error) => None,
                (None, _) => Some("the error is not `tool-error`".to_owned()),
            }
        }
        _ => Some("it does not answer `result<.., tool-error>`".to_owned()),
    }
}

/// `record tool-error { kind: string, message: string, data: option<json> }`
fn is_tool_error(found: &Found) -> bool {
    let Found::Record(record) = found else {
        return false;
    };
    let fields: Vec<(&str, Found)> = record
        .fields()
        .map(|field| (field.name, field.ty))
        .collect();
    match fields.as_slice() {
        [
            ("kind", Found::String),
            ("message", Found::String),
            ("data", Found::Option(data)),
        ] => data.ty() == Found::String,
        _ => false,
    }
}

struct Checker<'a> {
    interface: &'a Interface,
}

/// A type as WIT writes it in a certain place.
#[derive(Clone)]
enum Wanted<'a> {
    Is(&'a Type),
    /// A member that may be absent.
    OptionOf(&'a Type),
    /// All other members.
    MapOf(&'a Type),
    Json,
}

impl<'a> Wanted<'a> {
    fn of_member(member: &'a Member) -> Self {
        if member.is_required {
            Self::Is(&member.of)
        } else {
            Self::OptionOf(&member.of)
        }
    }
}

impl Checker<'_> {
    fn parameters<'a>(&self, arguments: &'a Arguments) -> Vec<(&'a str, Wanted<'a>)> {
        match arguments {
            Arguments::Whole => vec![("arguments", Wanted::Json)],
            Arguments::Members(record) => {
                let members = record
                    .members
                    .iter()
                    .map(|member| (member.label.as_str(), Wanted::of_member(member)));
                let others = record
                    .others
                    .iter()
                    .map(|others| (others.label.as_str(), Wanted::MapOf(&others.of)));
                members.chain(others).collect()
            }
        }
    }

    fn wanted(&self, wanted: &Wanted<'_>, found: &Found) -> Option<String> {
        match (wanted, found) {
            (Wanted::Is(of), found) => self.of(of, found),
            (Wanted::OptionOf(of), Found::Option(found)) => self.of(of, &found.ty()),
            (Wanted::MapOf(of), found) => self.map(of, found),
            (Wanted::Json, Found::String) => None,
            (Wanted::OptionOf(_), found) => Some(other("an option", found)),
            (Wanted::Json, found) => Some(other("string", found)),
        }
    }

    /// What is different of a type; it begins with where.
    fn of(&self, wanted: &Type, found: &Found) -> Option<String> {
        match (wanted, found) {
            (Type::Json | Type::String, Found::String)
            | (Type::Bool, Found::Bool)
            | (Type::S64, Found::S64)
            | (Type::U64, Found::U64)
            | (Type::F64, Found::Float64) => None,
            (Type::Option(inner), Found::Option(found)) => self.of(inner, &found.ty()),
            (Type::List(inner), Found::List(found)) => self
                .of(inner, &found.ty())
                .map(|what| format!(", its items{what}")),
            (Type::Map(inner), found) => self.map(inner, found),
            (Type::Tuple(wanted), Found::Tuple(found)) => {
                let found: Vec<Found> = found.types().collect();
                if wanted.len() != found.len() {
                    return Some(format!(
                        " has {} items, the tool's {}",
                        found.len(),
                        wanted.len()
                    ));
                }
                wanted
                    .iter()
                    .zip(&found)
                    .find_map(|(wanted, found)| self.of(wanted, found))
            }
            (Type::Named(place), found) => match self.interface.definition(*place) {
                Some(definition) => self.named(definition, found),
                None => Some(" is not known".to_owned()),
            },
            (wanted, found) => Some(other(word(wanted), found)),
        }
    }

    fn map(&self, of: &Type, found: &Found) -> Option<String> {
        let pair = match found {
            Found::List(list) => list.ty(),
            found => return Some(other("list<tuple<string, ..>>", found)),
        };
        let Found::Tuple(pair) = pair else {
            return Some(other("list<tuple<string, ..>>", found));
        };
        let mut types = pair.types();
        match (types.next(), types.next(), types.next()) {
            (Some(Found::String), Some(value), None) => self
                .of(of, &value)
                .map(|what| format!(", its values{what}")),
            _ => Some(other("list<tuple<string, ..>>", found)),
        }
    }

    fn named(&self, definition: &Definition, found: &Found) -> Option<String> {
        match (&definition.body, found) {
            (Body::Record(record), Found::Record(found)) => {
                let members = record
                    .members
                    .iter()
                    .map(|member| (member.label.as_str(), Some(Wanted::of_member(member))));
                let others = record
                    .others
                    .iter()
                    .map(|others| (others.label.as_str(), Some(Wanted::MapOf(&others.of))));
                let found = found.fields().map(|field| (field.name, Some(field.ty)));
                self.parts("field", members.chain(others), found)
            }
            (Body::Variant { cases, .. }, Found::Variant(found)) => {
                let cases = cases
                    .iter()
                    .map(|case| (case.label.as_str(), Some(Wanted::Is(&case.of))));
                let found = found.cases().map(|case| (case.name, case.ty));
                self.parts("case", cases, found)
            }
            (Body::Enum(constants), Found::Enum(found)) => {
                let constants = constants.iter().map(|it| (it.label.as_str(), None));
                self.parts("case", constants, found.names().map(|name| (name, None)))
            }
            (Body::Flags(flags), Found::Flags(found)) => {
                let flags = flags.iter().map(|it| (it.label.as_str(), None));
                self.parts("flag", flags, found.names().map(|name| (name, None)))
            }
            (body, found) => {
                let word = match body {
                    Body::Record(_) => "a record",
                    Body::Variant { .. } => "a variant",
                    Body::Enum(_) => "an enum",
                    Body::Flags(_) => "flags",
                };
                Some(other(word, found))
            }
        }
    }

    /// Whether labels and what they hold are the same, in their order.
    fn parts<'a>(
        &self,
        what: &str,
        wanted: impl Iterator<Item = (&'a str, Option<Wanted<'a>>)>,
        found: impl Iterator<Item = (&'a str, Option<Found>)>,
    ) -> Option<String> {
        let (wanted, found): (Vec<_>, Vec<_>) = (wanted.collect(), found.collect());
        for at in 0..wanted.len().max(found.len()) {
            match (wanted.get(at), found.get(at)) {
                (Some((label, _)), None) => return Some(format!(" lacks the {what} `{label}`")),
                (None, Some((label, _))) => {
                    let label = bounded(label);
                    return Some(format!(" has a {what} `{label}`, the tool's has none"));
                }
                (Some((wanted, _)), Some((found, _))) if wanted != found => {
                    let found = bounded(found);
                    return Some(format!(
                        " has the {what} `{found}` where the tool's has `{wanted}`"
                    ));
                }
                (Some((label, Some(wanted))), Some((_, Some(found)))) => {
                    if let Some(different) = self.wanted(wanted, found) {
                        return Some(format!(", its {what} `{label}`{different}"));
                    }
                }
                (Some((label, Some(_))), Some((_, None))) => {
                    return Some(format!(", its {what} `{label}` holds nothing"));
                }
                _ => {}
            }
        }
        None
    }
}

fn other(wanted: &str, found: &Found) -> String {
    format!(" is {}, the tool's is {wanted}", name(found))
}

fn word(of: &Type) -> &'static str {
    match of {
        Type::Json | Type::String => "string",
        Type::Bool => "bool",
        Type::S64 => "s64",
        Type::U64 => "u64",
        Type::F64 => "f64",
        Type::Option(_) => "an option",
        Type::List(_) => "a list",
        Type::Tuple(_) => "a tuple",
        Type::Map(_) => "list<tuple<string, ..>>",
        Type::Named(_) => "another type",
    }
}

fn name(found: &Found) -> &'static str {
    match found {
        Found::Bool => "bool",
        Found::S8 => "s8",
        Found::U8 => "u8",
        Found::S16 => "s16",
        Found::U16 => "u16",
        Found::S32 => "s32",
        Found::U32 => "u32",
        Found::S64 => "s64",
        Found::U64 => "u64",
        Found::Float32 => "f32",
        Found::Float64 => "f64",
        Found::Char => "char",
        Found::String => "string",
        Found::List(_) | Found::FixedLengthList(_) => "a list",
        Found::Map(_) => "a map",
        Found::Record(_) => "a record",
        Found::Tuple(_) => "a tuple",
        Found::Variant(_) => "a variant",
        Found::Enum(_) => "an enum",
        Found::Option(_) => "an option",
        Found::Result(_) => "a result",
        Found::Flags(_) => "flags",
        Found::Own(_) | Found::Borrow(_) => "a resource",
        Found::Future(_) => "a future",
        Found::Stream(_) => "a stream",
        Found::ErrorContext => "an error-context",
    }
}
