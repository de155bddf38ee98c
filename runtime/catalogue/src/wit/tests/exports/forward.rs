//! From schemas to WIT, and from its types back to schemas: the same WIT comes of them.
//!
//! Of WIT, the structure and all labels in it are compared: of parameters, fields, cases,
//! constants and flags. Three things are not, since no component says them: how definitions
//! are called, and which of them are used twice; prose and remarks; and the order of
//! parameters, of which those that may be absent come last. Where the text of a schema makes
//! a difference that no type makes, JSON is the same but not the WIT: an open object of
//! nothing but booleans that must be there is a record, and as what it is, a closed object,
//! flags. Constants are texts in the inverse, whatever they stood for: alternatives that only
//! their constants tell apart, or that are called by them, are left out here.

use serde_json::Value as Json;

use super::super::super::exports::{
    Answer, Case as ExportCase, Export, Integer, Record as ExportRecord, Type as ExportType,
    Variant,
};
use super::super::super::{
    Arguments, Body, Function, Interface, Literal, Record, Type, Value, Wit, plain_label,
    plain_name,
};
use super::super::choices::holds;
use super::super::generator::instance;
use super::super::round_trip::{document, is_same};
use super::super::tools::real;
use super::super::{generate, only, text, tool, validate};
use super::{field, labels, list, option, record};
use crate::validate::Validator;

/// The type as a component has it.
fn exported(interface: &Interface, of: &Type) -> ExportType {
    match of {
        Type::Json => ExportType::Json,
        Type::Bool => ExportType::Bool,
        Type::S64 => ExportType::Integer(Integer::S64),
        Type::U64 => ExportType::Integer(Integer::U64),
        Type::F64 => ExportType::F64,
        Type::String => ExportType::String,
        Type::Option(of) => option(exported(interface, of)),
        Type::List(of) => list(exported(interface, of)),
        Type::Map(of) => pairs(interface, of),
        Type::Tuple(items) => {
            ExportType::Tuple(items.iter().map(|of| exported(interface, of)).collect())
        }
        Type::Named(place) => match &interface.definition(*place).unwrap().body {
            Body::Record(record) => ExportType::Record(ExportRecord {
                fields: fields(interface, record),
                ..ExportRecord::default()
            }),
            Body::Variant { cases, .. } => ExportType::Variant(Variant {
                cases: cases
                    .iter()
                    .map(|case| ExportCase {
                        label: case.label.clone(),
                        of: Some(exported(interface, &case.of)),
                    })
                    .collect(),
                ..Variant::default()
            }),
            Body::Enum(all) => ExportType::Enum(labels(all.iter().map(|it| it.label.as_str()))),
            Body::Flags(all) => ExportType::Flags(labels(all.iter().map(|it| it.label.as_str()))),
        },
    }
}

fn pairs(interface: &Interface, of: &Type) -> ExportType {
    let pair = vec![ExportType::String, exported(interface, of)];
    list(ExportType::Tuple(pair))
}

fn fields(interface: &Interface, record: &Record) -> Vec<super::Field> {
    let mut fields: Vec<super::Field> = record
        .members
        .iter()
        .map(|member| {
            let of = exported(interface, &member.of);
            field(
                &member.label,
                if member.is_required { of } else { option(of) },
            )
        })
        .collect();
    let others = record.others.iter();
    fields.extend(others.map(|others| field(&others.label, pairs(interface, &others.of))));
    fields
}

fn parameters(interface: &Interface, function: &Function) -> Vec<super::Field> {
    match &function.arguments {
        Arguments::Whole => vec![field("arguments", ExportType::Json)],
        Arguments::Members(record) => fields(interface, record),
    }
}

/// The function of a tool as a component exports it.
fn export(interface: &Interface, function: &Function) -> Export {
    let tool_error = record([
        ("kind", ExportType::String),
        ("message", ExportType::String),
        ("data", option(ExportType::Json)),
    ]);
    let result = ExportType::Result {
        ok: Some(Box::new(exported(interface, &function.answer))),
        error: Some(Box::new(tool_error)),
    };
    Export::new(&parameters(interface, function), Some(&result)).unwrap()
}

/// What is compared of a type.
fn compared(of: ExportType) -> ExportType {
    let boxed = |of: Box<ExportType>| Box::new(compared(*of));
    match of {
        ExportType::Option(of) => ExportType::Option(boxed(of)),
        ExportType::List(of) => ExportType::List(boxed(of)),
        ExportType::Tuple(items) => ExportType::Tuple(items.into_iter().map(compared).collect()),
        ExportType::Variant(mut variant) => {
            for case in &mut variant.cases {
                case.of = case.of.take().map(compared);
            }
            ExportType::Variant(variant)
        }
        ExportType::Record(mut record) => {
            let is_flags = record.fields.iter().all(|it| it.of == ExportType::Bool);
            if is_flags && (2..=32).contains(&record.fields.len()) {
                let all = record.fields.iter().map(|it| it.label.as_str());
                return ExportType::Flags(labels(all));
            }
            for field in &mut record.fields {
                field.of = compared(field.of.clone());
            }
            ExportType::Record(record)
        }
        other => other,
    }
}

/// What is compared of a value.
fn compared_value(value: Value) -> Value {
    let all = |values: Vec<Value>| values.into_iter().map(compared_value).collect::<Vec<_>>();
    let boxed = |value: Box<Value>| Box::new(compared_value(*value));
    match value {
        Value::Option(it) => Value::Option(it.map(boxed)),
        Value::List(it) => Value::List(all(it)),
        Value::Tuple(it) => Value::Tuple(all(it)),
        Value::Variant(label, it) => Value::Variant(label, it.map(boxed)),
        Value::Record(fields) => {
            let is_flags = fields.iter().all(|(_, it)| matches!(it, Value::Bool(_)));
            if is_flags && (2..=32).contains(&fields.len()) {
                let set = fields
                    .into_iter()
                    .filter(|(_, it)| *it == Value::Bool(true));
                return Value::Flags(set.map(|(label, _)| label).collect());
            }
            let fields = fields.into_iter();
            Value::Record(
                fields
                    .map(|(label, it)| (label, compared_value(it)))
                    .collect(),
            )
        }
        other => other,
    }
}

/// Whether the inverse needed a tag that the schema did not have.
fn has_tag(schema: &Json) -> bool {
    let text = schema.to_string();
    text.contains(r#""tag":{"const""#) || text.contains(r#""tag":{"enum""#)
}

/// Whether cases of a variant are told apart, or called, by constants that are no texts, or by
/// names and constants that their labels do not stand for.
fn depends_on_constants(interface: &Interface) -> bool {
    let body = |of: &Type| match of {
        Type::Named(place) => Some(&interface.definition(*place).unwrap().body),
        _ => None,
    };
    let is_odd = |of: &Type| match body(of) {
        Some(Body::Enum(all)) => all.iter().any(|it| match &it.literal {
            Literal::Text(text) => plain_label(text) != it.label,
            _ => true,
        }),
        _ => false,
    };
    interface.definitions.iter().any(|it| match &it.body {
        Body::Variant { cases, tag } => cases.iter().any(|case| match body(&case.of) {
            Some(Body::Record(record)) if tag.is_some() => record.members.iter().any(|member| {
                let is_tag = Some(&member.name) == tag.as_ref();
                // By its label, another member may look like the one that tells apart.
                let is_like_a_tag = matches!(body(&member.of), Some(Body::Enum(_)));
                is_tag && is_odd(&member.of)
                    || is_like_a_tag && member.name != plain_name(&member.label)
            }),
            _ => is_odd(&case.of),
        }),
        _ => false,
    })
}

/// Both exports with parameters that may be absent last.
fn signature(
    interface: &Interface,
    function: &Function,
) -> (Vec<(String, ExportType)>, ExportType) {
    let mut parameters: Vec<(String, ExportType)> = parameters(interface, function)
        .into_iter()
        .map(|field| (field.label, compared(field.of)))
        .collect();
    parameters.sort_by_key(|(_, of)| matches!(of, ExportType::Option(_)));
    (parameters, compared(exported(interface, &function.answer)))
}

#[test]
#[ignore = "needs real servers, as listed by the bench of the search"]
fn the_wit_of_real_tools_is_the_wit_of_their_inverses() {
    let (mut same, mut left_out) = (0_usize, 0_usize);
    for (space, tools) in real() {
        let wit = Wit::generate([(space.as_str(), &tools)]);
        let interface = wit.interfaces().first().unwrap();
        for function in &interface.functions {
            let inverse = export(interface, function);
            let again = generate(&[tool(
                "get",
                "",
                inverse.input_schema().clone(),
                Some(inverse.output_schema().clone()),
            )]);
            let (interface2, function2) = only(&again);
            let (one, other) = (
                signature(interface, function),
                signature(interface2, function2),
            );
            if one == other {
                same += 1;
            } else {
                let schemas = [inverse.input_schema(), inverse.output_schema()];
                assert!(
                    schemas.into_iter().any(has_tag) || depends_on_constants(interface),
                    "{space}.{}: {one:?}\n{other:?}",
                    function.name
                );
                left_out += 1;
            }
        }
    }
    assert!(same > 500 && left_out < 20, "{same} {left_out}");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn the_wit_of_a_schema_is_the_wit_of_its_inverse() {
    let (mut same, mut tagged, mut instances) = (0_usize, 0_usize, 0_usize);
    holds(2_000, |choices| {
        let schema = document(choices);
        let wit = generate(&[tool("get", "", schema.clone(), Some(schema.clone()))]);
        let (interface, function) = only(&wit);
        let inverse = export(interface, function);
        if [inverse.input_schema(), inverse.output_schema()]
            .into_iter()
            .any(has_tag)
            || depends_on_constants(interface)
        {
            tagged += 1;
            return;
        }
        let again = generate(&[tool(
            "get",
            "",
            inverse.input_schema().clone(),
            Some(inverse.output_schema().clone()),
        )]);
        if choices.chance(5) {
            validate(&again);
        }
        let (interface2, function2) = only(&again);
        let told = || format!("{schema}\n{}\n{}", text(&wit), text(&again));
        assert_eq!(
            signature(interface, function),
            signature(interface2, function2),
            "{}",
            told()
        );
        same += 1;
        let Ok(validator) = Validator::new(&schema) else {
            return;
        };
        let output = Validator::new(inverse.output_schema()).unwrap();
        for _ in 0..4 {
            let json = instance(choices, &schema, &schema, 4);
            if !validator.mismatches(&json).is_empty() {
                continue;
            }
            let value = interface.value_of(&function.answer, &json).unwrap();
            let result = Value::Result(Ok(Some(Box::new(value.clone()))));
            let Answer::Value(inverted) = inverse.answer_of(Some(&result)).unwrap() else {
                panic!("{}", told())
            };
            assert_eq!(output.mismatches(&inverted), [], "{}", told());
            assert_eq!(inverse.result_of(&inverted), Ok(Some(result)), "{}", told());
            let value2 = interface2.value_of(&function2.answer, &inverted);
            let value2 = value2.unwrap_or_else(|error| panic!("{error}\n{inverted}\n{}", told()));
            assert_eq!(
                compared_value(value),
                compared_value(value2.clone()),
                "{}",
                told()
            );
            let back = interface2.json_of(&function2.answer, &value2).unwrap();
            assert!(is_same(&back, &inverted), "{back}\n{inverted}\n{}", told());
            instances += 1;
        }
    });
    assert!(
        same > 1_500 && tagged < 300 && instances > 4_000,
        "{same} {tagged} {instances}"
    );
}
