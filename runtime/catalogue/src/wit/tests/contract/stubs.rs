//! The stubs of a tool against its WIT: the same functions, parameters, members, constants.
//!
//! The one way from a name in WIT to one of a script goes over JSON: a label, its name by the
//! text of the WIT, and that name in the stub. Where either says nothing of a type (`json`,
//! `Any`) nothing is compared. Stubs do not mention names that nobody can see, nor more than
//! 256 members of an object, nor parameters that only a reference tells; Python names only
//! parameters that are identifiers.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::super::super::kinds::Kinds;
use super::super::super::{
    Arguments, Body, Constant, Interface, Literal, Member, Record, Type, Wit,
};
use super::super::choices::holds;
use super::super::tools::{Space, generated, identified, real, written};
use super::super::{parse_back, resolve};
use super::stub_text::{self, Members, One, Stub, names};
use crate::describe::is_identifier;
use crate::stubs::{Calls, ToolSet, camel_name, python, typescript};
use crate::text::is_unseen;
use crate::tool::Tool;

/// Members that stubs mention of one object.
const MAX_MENTIONED: usize = 256;

/// Literals that stubs spell out of one type, and their longest.
const MAX_SPELLED: usize = 200;

#[test]
fn stubs_say_what_wit_says() {
    let mut compared = 0;
    holds(500, |choices| {
        compared += compare(&generated(choices), "generated")
    });
    assert!(compared > 20_000, "{compared}");
    assert!(compare(&written(), "written") > 150);
}

#[test]
#[ignore = "needs real servers, as listed by the bench of the search"]
fn stubs_of_real_tools_say_what_wit_says() {
    let compared: usize = real().iter().map(|space| compare(space, &space.0)).sum();
    assert!(compared > 5_000, "{compared}");
}

/// Compares all stubs of a namespace. Answers how many types were compared.
fn compare(space: &Space, told: &str) -> usize {
    let (namespace, tools) = space;
    let wit = Wit::generate([(namespace.as_str(), tools)]);
    let (resolved, _) = resolve(&wit);
    let label = &wit.interfaces().first().unwrap().label;
    let interface = parse_back::interface(&resolved, label);
    assert_eq!(interface.namespace, *namespace);
    let set = [ToolSet {
        namespace: namespace.clone(),
        tools: identified(tools),
    }];
    let python = python(&set, Calls::Either).pop().unwrap().text;
    let typescript = typescript(&set).pop().unwrap().text;
    let mut compared = 0;
    for (text, is_python) in [(python, true), (typescript, false)] {
        let stub = if is_python {
            stub_text::python(&text)
        } else {
            stub_text::typescript(&text)
        };
        let mut sides = Sides {
            interface: &interface,
            stub: &stub,
            is_python,
            compared: 0,
        };
        for (identifier, tool) in &set[0].tools {
            let agreed = sides.function(identifier, tool);
            agreed.unwrap_or_else(|wrong| {
                panic!(
                    "{told}: {}: {wrong}\n{}\n{text}",
                    tool.name(),
                    tool.input_schema()
                )
            });
        }
        assert_eq!(
            stub.functions.len(),
            interface.functions.len(),
            "{told}\n{text}"
        );
        compared += sides.compared;
    }
    compared
}

/// The two descriptions of a namespace.
struct Sides<'a> {
    interface: &'a Interface,
    stub: &'a Stub,
    is_python: bool,
    compared: usize,
}

type Agreed = Result<(), String>;

fn ensure(is_so: bool, otherwise: impl FnOnce() -> String) -> Agreed {
    if is_so { Ok(()) } else { Err(otherwise()) }
}

impl<'a> Sides<'a> {
    fn function(&mut self, identifier: &str, of: &Tool) -> Agreed {
        let (interface, tool) = (self.interface, of.name());
        let function = interface.function(tool).ok_or("no function in WIT")?;
        let stub = self.stub;
        // All spellings that scripts may use are those of this function.
        let mut spellings = vec![identifier.to_owned(), tool.to_owned()];
        if self.is_python {
            spellings.retain(|name| is_identifier(name));
        }
        let known: BTreeSet<&String> = spellings
            .iter()
            .filter_map(|name| stub.names.get(name))
            .collect();
        let camel = stub.names.get(&camel_name(identifier));
        let local = known
            .iter()
            .next()
            .copied()
            .or(camel)
            .ok_or("not in the stub")?;
        ensure(known.len() <= 1, || format!("{spellings:?} are {known:?}"))?;
        let (parameters, answer) = stub.functions.get(local).ok_or("not declared")?;
        match &function.arguments {
            Arguments::Members(record) if of.input_schema().get("properties").is_some() => {
                self.parameters(record, parameters)?;
            }
            Arguments::Members(record) => {
                let is_unsaid = parameters.each.is_empty() && parameters.is_open;
                ensure(is_unsaid || record.members.is_empty(), || {
                    "parameters".to_owned()
                })?;
            }
            Arguments::Whole => {}
        }
        self.agree(&function.answer, answer)
            .map_err(|it| format!("answer: {it}"))
    }

    fn parameters(&mut self, record: &Record, stub: &Members) -> Agreed {
        let is_said = |member: &&Member| !self.is_python || is_speakable(&member.name);
        let members: Vec<&Member> = mentioned(record).into_iter().filter(is_said).collect();
        let order: Vec<&str> = members.iter().map(|it| it.name.as_str()).collect();
        let stubbed: Vec<&str> = stub.each.iter().map(|it| it.name.as_str()).collect();
        ensure(order == stubbed, || {
            format!("parameters {order:?} are {stubbed:?}")
        })?;
        let is_whole = members.len() == record.members.len();
        ensure(is_whole || stub.is_open, || {
            "a parameter is lost".to_owned()
        })?;
        self.members(&members, stub)
    }

    fn members(&mut self, members: &[&Member], stub: &Members) -> Agreed {
        let wit: BTreeSet<&str> = members.iter().map(|it| it.name.as_str()).collect();
        let stubbed = names(&stub.each);
        ensure(wit == stubbed, || {
            format!("members {wit:?} are {stubbed:?}")
        })?;
        for member in members {
            let other = stub.each.iter().find(|it| it.name == member.name).unwrap();
            let name = &member.name;
            ensure(member.is_required == other.is_required, || {
                format!(
                    "`{name}`: required {} and {}",
                    member.is_required, other.is_required
                )
            })?;
            self.agree(&member.of, &other.of)
                .map_err(|it| format!("`{name}`: {it}"))?;
        }
        Ok(())
    }

    /// Whether a type of WIT is one of a stub.
    #[expect(clippy::too_many_lines, reason = "one table of cases")]
    fn agree(&mut self, of: &Type, stub: &[One]) -> Agreed {
        let is_unsaid = |one: &One| *one == One::Any || *one == One::Named("never".to_owned());
        if *of == Type::Json || stub.iter().any(is_unsaid) {
            return Ok(());
        }
        self.compared += 1;
        let wrong = || format!("{of:?} is {stub:?}");
        let all = |is: &dyn Fn(&One) -> bool| stub.iter().all(is);
        let literal = |one: &One, is: fn(&Json) -> bool| matches!(one, One::Literal(it) if is(it));
        match of {
            Type::Json => Ok(()),
            Type::Bool => ensure(
                all(&|one| *one == One::Bool || literal(one, Json::is_boolean)),
                wrong,
            ),
            Type::S64 | Type::U64 => ensure(
                all(&|one| matches!(one, One::Int | One::Number)) && self.tells_integers(stub),
                wrong,
            ),
            Type::F64 => ensure(
                all(&|one| matches!(one, One::Int | One::Number) || literal(one, Json::is_number))
                    && stub.contains(&One::Number),
                wrong,
            ),
            Type::String => ensure(
                all(&|one| *one == One::Text || literal(one, Json::is_string))
                    && stub.contains(&One::Text),
                wrong,
            ),
            Type::Option(inner) => {
                let some: Vec<One> = stub
                    .iter()
                    .filter(|it| **it != One::Null)
                    .cloned()
                    .collect();
                ensure(some.len() < stub.len(), wrong)?;
                self.agree(inner, &some)
            }
            Type::List(item) => match stub {
                [One::List(items)] => self.agree(item, items),
                _ => Err(wrong()),
            },
            Type::Tuple(_) => ensure(matches!(stub, [One::List(_)]), wrong),
            Type::Map(values) => match stub {
                [One::Map(stubbed)] => self.agree(values, stubbed),
                _ => Err(wrong()),
            },
            Type::Named(place) => {
                let definition = self.interface.definition(*place).unwrap();
                match &definition.body {
                    Body::Enum(constants) => ensure(are_spelled(constants, stub), wrong),
                    Body::Variant { cases, .. } => {
                        let cases: Vec<&Type> = cases.iter().map(|case| &case.of).collect();
                        self.alternatives(&cases, stub)
                            .map_err(|it| format!("{it}: {}", wrong()))
                    }
                    Body::Record(record) => {
                        let Some(shape) = self.shape(stub) else {
                            // One of too many shapes: any object.
                            let is_object = matches!(stub, [One::Map(of)] if of == &[One::Any]);
                            return ensure(is_object, wrong);
                        };
                        self.members(&mentioned(record), shape)
                    }
                    Body::Flags(flags) => {
                        let shape = self.shape(stub).ok_or_else(wrong)?;
                        let flags = flags.iter().map(|it| it.name.as_str());
                        let flags: BTreeSet<&str> = flags.filter(|it| is_showable(it)).collect();
                        let is_flag =
                            |it: &stub_text::Member| it.is_required && it.of == [One::Bool];
                        ensure(
                            flags == names(&shape.each) && shape.each.iter().all(is_flag),
                            wrong,
                        )
                    }
                }
            }
        }
    }

    /// Python tells integers apart, TypeScript does not.
    fn tells_integers(&self, stub: &[One]) -> bool {
        stub.contains(&if self.is_python {
            One::Int
        } else {
            One::Number
        })
    }

    /// The one object type that a type of a stub is. Python takes any mapping for an object
    /// that may have more members.
    fn shape(&self, stub: &[One]) -> Option<&'a Members> {
        let mut named = stub.iter().filter(|one| !is_any_mapping(one));
        match (named.next(), named.next()) {
            (Some(One::Named(name)), None) => self.stub.shapes.get(name),
            _ => None,
        }
    }

    /// Whether each case is one of some alternatives, and the other way round.
    fn alternatives(&mut self, cases: &[&Type], stub: &[One]) -> Agreed {
        let interface = self.interface;
        let body = |place: usize| interface.definition(place).map(|it| &it.body);
        let mut left: Vec<&One> = stub.iter().filter(|one| !is_any_mapping(one)).collect();
        for case in cases {
            let kinds = Kinds::of(case, &body);
            let is_record = matches!(case, Type::Named(place)
                if matches!(body(*place), Some(Body::Record(_))));
            let mut found = Vec::new();
            for one in &left {
                let is_meant = if is_record {
                    matches!(one, One::Named(_)) && self.agree(case, &[(*one).clone()]).is_ok()
                } else {
                    kinds.meets(kind(one))
                };
                if is_meant {
                    found.push((*one).clone());
                }
            }
            ensure(!found.is_empty(), || format!("nothing is {case:?}"))?;
            self.agree(case, &found)?;
            left.retain(|one| !found.contains(one));
        }
        ensure(left.is_empty(), || format!("nothing is {left:?}"))
    }
}

fn is_any_mapping(one: &One) -> bool {
    matches!(one, One::Map(of) if of == &[One::Any])
}

fn kind(one: &One) -> Kinds {
    match one {
        One::Any => Kinds::ALL,
        One::Null => Kinds::NULL,
        One::Bool => Kinds::BOOLEAN,
        One::Int | One::Number => Kinds::NUMBER,
        One::Text => Kinds::TEXT,
        One::Literal(literal) => Kinds::of_value(literal),
        One::List(_) => Kinds::ARRAY,
        One::Map(_) | One::Named(_) => Kinds::OBJECT,
    }
}

/// Whether a stub has exactly these constants. It has no literals of fractions, nor of long
/// or very many ones: their types then.
fn are_spelled(constants: &[Constant], stub: &[One]) -> bool {
    let is_wide = constants.len() > MAX_SPELLED;
    let is_spelled = |constant: &Constant| {
        let json = constant.literal.to_json();
        let is_long = match &constant.literal {
            Literal::Text(text) => text.len() > MAX_SPELLED,
            // `1.0` is `1` in WIT, and a number in stubs.
            Literal::Number(_) => true,
            _ => false,
        };
        let is_null = constant.literal == Literal::Null && stub.contains(&One::Null);
        let is_widened =
            |one: &&One| !matches!(one, One::Literal(_)) && kind(one).meets(Kinds::of_value(&json));
        is_null
            || stub.contains(&One::Literal(json.clone()))
            || stub.iter().filter(is_widened).count() > 0
                && (is_long || is_wide || has_fraction(constants))
    };
    let is_constant = |one: &One| match one {
        One::Literal(literal) => constants.iter().any(|it| it.literal.to_json() == *literal),
        _ => true,
    };
    constants.iter().all(is_spelled) && stub.iter().all(is_constant)
}

/// Whether a constant may be spelled as no integer.
fn has_fraction(constants: &[Constant]) -> bool {
    constants
        .iter()
        .any(|it| matches!(it.literal, Literal::Number(_)))
}

/// The members that a stub mentions.
fn mentioned(record: &Record) -> Vec<&Member> {
    record
        .members
        .iter()
        .filter(|member| is_showable(&member.name))
        .take(MAX_MENTIONED)
        .collect()
}

fn is_showable(name: &str) -> bool {
    !name.is_empty() && name.len() <= 128 && !name.chars().any(is_unseen)
}

fn is_speakable(name: &str) -> bool {
    is_identifier(name) && !name.starts_with("__")
}
