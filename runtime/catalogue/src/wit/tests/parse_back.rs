//! From the text of an interface back to its model, by what the text alone says.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use wit_parser::{Docs, Resolve, Type as Wit, TypeDefKind, TypeId};

use super::super::docs::MARK;
use super::super::labels::plain_name;
use super::super::model::*;
use super::super::print::{NULLABLE, OPEN, OTHERS, WHOLE};

/// The interface without prose, its definitions ordered by label.
pub(super) fn bare(interface: &Interface) -> Interface {
    let mut bare = interface.clone();
    let mut places: Vec<usize> = (0..bare.definitions.len()).collect();
    places.sort_by_key(|place| bare.definitions[*place].label.clone());
    let now: BTreeMap<usize, usize> = places
        .iter()
        .enumerate()
        .map(|(now, was)| (*was, now))
        .collect();
    bare.definitions.sort_by(|a, b| a.label.cmp(&b.label));
    for definition in &mut bare.definitions {
        definition.docs.clear();
        definition.body.rename(&now);
        match &mut definition.body {
            Body::Record(record) => record.members.iter_mut().for_each(|it| it.docs.clear()),
            Body::Flags(flags) => flags.iter_mut().for_each(|it| it.docs.clear()),
            Body::Variant { .. } | Body::Enum(_) => {}
        }
    }
    for function in &mut bare.functions {
        function.docs.clear();
        function.rename(&now);
        if let Arguments::Members(record) = &mut function.arguments {
            record.members.iter_mut().for_each(|it| it.docs.clear());
        }
    }
    bare
}

/// Reads an interface of a package of tools.
pub(super) fn interface(resolve: &Resolve, label: &str) -> Interface {
    let (_, package) = resolve
        .packages
        .iter()
        .find(|(_, it)| it.name.namespace == "tools" && it.name.name == label)
        .unwrap();
    let read = &resolve.interfaces[package.interfaces[label]];
    let mut labels: Vec<(&String, TypeId)> = read
        .types
        .iter()
        .filter(|(name, _)| !["json", "tool-error"].contains(&name.as_str()))
        .map(|(name, id)| (name, *id))
        .collect();
    labels.sort();
    let reader = Reader {
        resolve,
        places: labels
            .iter()
            .enumerate()
            .map(|(place, (_, id))| (*id, place))
            .collect(),
    };
    let definitions = labels
        .iter()
        .map(|(label, id)| Definition {
            label: (*label).clone(),
            body: reader.body(*id),
            docs: String::new(),
        })
        .collect();
    let mut functions: Vec<Function> = read
        .functions
        .values()
        .map(|function| reader.function(function))
        .collect();
    functions.sort_by(|a, b| a.name.cmp(&b.name));
    Interface {
        label: label.to_owned(),
        namespace: name(label, &marks(&read.docs)),
        definitions,
        functions,
    }
}

/// What a mark says.
#[derive(Debug)]
enum Mark {
    Literal(Json),
    Remark(String),
}

struct Reader<'a> {
    resolve: &'a Resolve,
    places: BTreeMap<TypeId, usize>,
}

impl Reader<'_> {
    fn function(&self, function: &wit_parser::Function) -> Function {
        let docs = function.docs.contents.as_deref().unwrap_or_default();
        let (lines, own): (Vec<&str>, Vec<&str>) = docs
            .lines()
            .filter(|line| line.contains(MARK))
            .partition(|line| !line.starts_with(MARK));
        let own: Vec<Mark> = own.iter().flat_map(|line| marks_of(line)).collect();
        let of_parameters: BTreeMap<&str, Vec<Mark>> = lines
            .iter()
            .map(|line| {
                let (label, rest) = line.strip_prefix("- `").unwrap().split_once("`: ").unwrap();
                (label, marks_of(rest))
            })
            .collect();
        let nothing = Vec::new();
        let fields = function.params.iter().map(|parameter| {
            let marks = of_parameters
                .get(parameter.name.as_str())
                .unwrap_or(&nothing);
            (parameter.name.as_str(), parameter.ty, marks)
        });
        let arguments = if says(&own, WHOLE) {
            assert_eq!(function.params.len(), 1);
            assert_eq!(self.of(function.params[0].ty), Type::Json);
            Arguments::Whole
        } else {
            Arguments::Members(self.record(fields, &own))
        };
        let Some(Wit::Id(result)) = function.result else {
            panic!("{function:?}")
        };
        let TypeDefKind::Result(result) = &self.resolve.types[result].kind else {
            panic!("{function:?}")
        };
        Function {
            label: function.name.clone(),
            name: name(&function.name, &own),
            arguments,
            answer: self.of(result.ok.unwrap()),
            docs: String::new(),
        }
    }

    fn record<'a, 'b>(
        &self,
        fields: impl Iterator<Item = (&'a str, Wit, &'b Vec<Mark>)>,
        own: &[Mark],
    ) -> Record {
        let mut record = Record {
            is_open: says(own, OPEN),
            ..Record::default()
        };
        for (label, of, marks) in fields {
            let of = self.of(of);
            if says(marks, OTHERS) {
                let Type::Map(of) = of else { panic!("{of:?}") };
                record.others = Some(Others {
                    label: label.to_owned(),
                    of: *of,
                });
                continue;
            }
            let (of, is_required) = match of {
                Type::Option(of) if !says(marks, NULLABLE) => (*of, false),
                of => (of, true),
            };
            record.members.push(Member {
                label: label.to_owned(),
                name: name(label, marks),
                of,
                is_required,
                docs: String::new(),
            });
        }
        record
    }

    fn body(&self, id: TypeId) -> Body {
        let of = &self.resolve.types[id];
        let own = marks(&of.docs);
        match &of.kind {
            TypeDefKind::Record(record) => {
                let all: Vec<Vec<Mark>> = record.fields.iter().map(|it| marks(&it.docs)).collect();
                let fields = record
                    .fields
                    .iter()
                    .zip(&all)
                    .map(|(field, marks)| (field.name.as_str(), field.ty, marks));
                Body::Record(self.record(fields, &own))
            }
            TypeDefKind::Variant(variant) => Body::Variant {
                cases: variant
                    .cases
                    .iter()
                    .map(|case| Case {
                        label: case.name.clone(),
                        of: self.of(case.ty.unwrap()),
                    })
                    .collect(),
                tag: own.iter().find_map(|mark| match mark {
                    Mark::Remark(remark) => remark
                        .strip_prefix("told apart by ")
                        .map(|name| serde_json::from_str(name).unwrap()),
                    Mark::Literal(_) => None,
                }),
            },
            TypeDefKind::Enum(it) => Body::Enum(
                it.cases
                    .iter()
                    .map(|case| Constant {
                        label: case.name.clone(),
                        literal: match marks(&case.docs).as_slice() {
                            [] => Literal::Text(plain_name(&case.name)),
                            [Mark::Literal(literal)] => Literal::of(literal).unwrap(),
                            other => panic!("{other:?}"),
                        },
                    })
                    .collect(),
            ),
            TypeDefKind::Flags(flags) => Body::Flags(
                flags
                    .flags
                    .iter()
                    .map(|flag| Flag {
                        label: flag.name.clone(),
                        name: name(&flag.name, &marks(&flag.docs)),
                        docs: String::new(),
                    })
                    .collect(),
            ),
            other => panic!("{other:?}"),
        }
    }

    fn of(&self, of: Wit) -> Type {
        let id = match of {
            Wit::Bool => return Type::Bool,
            Wit::S64 => return Type::S64,
            Wit::U64 => return Type::U64,
            Wit::F64 => return Type::F64,
            Wit::String => return Type::String,
            Wit::Id(id) => id,
            other => panic!("{other:?}"),
        };
        if let Some(place) = self.places.get(&id) {
            return Type::Named(*place);
        }
        match &self.resolve.types[id].kind {
            TypeDefKind::Option(inner) => Type::Option(Box::new(self.of(*inner))),
            TypeDefKind::List(item) => match self.of(*item) {
                Type::Tuple(pair) if pair.len() == 2 && pair[0] == Type::String => {
                    Type::Map(Box::new(pair[1].clone()))
                }
                item => Type::List(Box::new(item)),
            },
            TypeDefKind::Tuple(tuple) => {
                Type::Tuple(tuple.types.iter().map(|it| self.of(*it)).collect())
            }
            _ => {
                let alias = &self.resolve.types[id];
                assert_eq!(alias.name.as_deref(), Some("json"));
                Type::Json
            }
        }
    }
}

fn says(marks: &[Mark], what: &str) -> bool {
    marks
        .iter()
        .any(|mark| matches!(mark, Mark::Remark(remark) if remark == what))
}

fn name(label: &str, marks: &[Mark]) -> String {
    let mut names = marks.iter().filter_map(|mark| match mark {
        Mark::Literal(literal) => Some(literal.as_str().unwrap().to_owned()),
        Mark::Remark(_) => None,
    });
    let name = names.next().unwrap_or_else(|| plain_name(label));
    assert_eq!(names.next(), None);
    name
}

fn marks(docs: &Docs) -> Vec<Mark> {
    let docs = docs.contents.as_deref().unwrap_or_default();
    docs.lines().flat_map(marks_of).collect()
}

/// The marks of one line.
fn marks_of(line: &str) -> Vec<Mark> {
    let mut marks = Vec::new();
    let mut rest = line;
    while let Some((_, said)) = rest.split_once(MARK) {
        let said = said.strip_prefix(' ').unwrap();
        let mut literal = serde_json::Deserializer::from_str(said).into_iter::<Json>();
        match literal.next() {
            Some(Ok(value)) => {
                marks.push(Mark::Literal(value));
                rest = &said[literal.byte_offset()..];
            }
            _ => {
                marks.push(Mark::Remark(said.to_owned()));
                break;
            }
        }
    }
    marks
}
