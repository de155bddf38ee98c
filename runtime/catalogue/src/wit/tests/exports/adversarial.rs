//! Types, labels and values of components that mean no good.

use serde_json::json;

use super::super::super::Value;
use super::super::super::exports::{
    Case, Export, Field, MAX_LABEL_BYTES, MAX_PARTS, MAX_TYPE_DEPTH, Mapping, Refused, Room, Said,
    Type, Variant,
};
use super::{field, labels, list, option, record};
use crate::tool::{Definition, DefinitionError, Tool};

fn refusal(of: &Type) -> String {
    Mapping::new(of).unwrap_err().to_string()
}

/// A component of a kilobyte has a type of 2^60 parts, since each of its types is used twice.
#[test]
fn types_that_double_at_every_step_are_refused_before_they_are_made() {
    fn expand(
        steps: usize,
        depth: usize,
        room: &mut Room,
        made: &mut usize,
    ) -> Result<Type, Refused> {
        room.spend_type(depth)?;
        *made += 1;
        if steps == 0 {
            return Ok(Type::Bool);
        }
        let items = (0..2).map(|_| expand(steps - 1, depth + 1, room, made));
        items.collect::<Result<_, _>>().map(Type::Tuple)
    }
    let mut made = 0;
    let refused = expand(60, 1, &mut Room::default(), &mut made).unwrap_err();
    assert_eq!(refused, Refused::TooLarge);
    assert!(made <= MAX_PARTS);
    let mut made = 0;
    let kept = expand(13, 1, &mut Room::default(), &mut made).unwrap();
    assert!(Mapping::new(&kept).is_ok());
    let refused = refusal(&Type::Tuple(vec![kept.clone(), kept]));
    assert_eq!(
        refused,
        "its types have more than 20000 parts, types used twice counted twice"
    );
}

#[test]
fn types_are_as_deep_as_a_schema_may_be() {
    let nested = |steps: usize, around: &dyn Fn(Type) -> Type| {
        (0..steps).fold(Type::Bool, |of, _| around(of))
    };
    for steps in [MAX_TYPE_DEPTH, 2_000] {
        let refused = Mapping::new(&nested(steps, &list)).unwrap_err();
        assert_eq!(refused, Refused::TooDeep);
    }
    let deep = nested(MAX_TYPE_DEPTH - 1, &option);
    let mapping = Mapping::new(&deep).unwrap();
    let value =
        (1..MAX_TYPE_DEPTH).fold(Value::Bool(true), |it, _| Value::Option(Some(Box::new(it))));
    let json = mapping.json_of(&value).unwrap();
    assert_eq!(mapping.value_of(&json), Ok(value));
    let refused = Export::new(&[field("a", deep)], None).unwrap_err();
    let too_deep = DefinitionError::TooDeep { which: "input" };
    assert_eq!(refused, Refused::Schema(too_deep));
    assert!(Export::new(&[field("a", nested(28, &|of| record([("a", of)])))], None).is_ok());
}

/// What is written once for each step is not written twice for each.
#[test]
fn deep_types_of_every_sort_take_no_longer_than_they_are_large() {
    let around: [&dyn Fn(Type) -> Type; 5] = [
        &|of| option(record([("a", list(of))])),
        &|of| option(Type::Tuple(vec![Type::String, of])),
        &|of| option(list(option(of))),
        &|of| Type::Result {
            ok: Some(Box::new(option(of))),
            error: None,
        },
        &|of| {
            let held = Case {
                label: "a".to_owned(),
                of: Some(option(of)),
            };
            let cases = vec![
                held,
                Case {
                    of: None,
                    label: "b".to_owned(),
                },
            ];
            option(Type::Variant(Variant {
                cases,
                ..Variant::default()
            }))
        },
    ];
    for around in around {
        let steps = (0..20).map(|_| around);
        let of = steps.fold(Type::Bool, |of, around| around(of));
        let mapping = Mapping::new(&of).unwrap();
        assert!(mapping.schema().to_string().len() < 20_000);
    }
}

#[test]
fn labels_are_those_of_wit_and_no_two_are_one_name() {
    let long = "x".repeat(MAX_LABEL_BYTES + 1);
    for (of, told) in [
        (record([("a_b", Type::Bool)]), "`a_b` is no label of WIT"),
        (record([("", Type::Bool)]), "`` is no label of WIT"),
        (
            record([("a\u{202E}", Type::Bool)]),
            "`a` is no label of WIT",
        ),
        (
            record([("a", Type::Bool), ("a", Type::Bool)]),
            "the label `a` is given twice",
        ),
        (
            Type::Enum(labels([long.as_str()])),
            "a label is 257 bytes long; at most 256 are taken",
        ),
        (Type::Enum(labels([])), "a type has no cases of an enum"),
        (Type::Variant(Variant::default()), "a type has no cases"),
        (Type::Flags(labels([])), "a type has no flags"),
    ] {
        assert_eq!(refusal(&of), told);
    }
    let twice = [field("a", Type::Bool), field("a", Type::Bool)];
    assert_eq!(
        Export::new(&twice, None).unwrap_err(),
        Refused::Twice("a".to_owned())
    );
}

#[test]
fn what_is_too_much_for_one_type_is_named() {
    let names: Vec<String> = (0..10_001).map(|n| format!("a{n}")).collect();
    let first = |count: usize| names.iter().take(count).map(String::as_str);
    for (of, told) in [
        (
            record(first(1_001).map(|label| (label, Type::Bool))),
            "1001 fields are more than the 1000 that one type may have",
        ),
        (
            Type::Tuple(vec![Type::Bool; 1_001]),
            "1001 items of a tuple are more than the 1000 that one type may have",
        ),
        (
            Type::Enum(labels(first(10_001))),
            "10001 cases of an enum are more than the 10000 that one type may have",
        ),
        (
            Type::Flags(labels(first(33))),
            "33 flags are more than the 32 that one type may have",
        ),
    ] {
        assert_eq!(refusal(&of), told);
    }
    assert!(Mapping::new(&Type::Enum(labels(first(10_000)))).is_ok());
    let long: Vec<String> = names
        .iter()
        .map(|name| format!("{name}-{}", "x".repeat(40)))
        .collect();
    let of = Type::Enum(labels(long.iter().take(10_000).map(String::as_str)));
    let too_large = DefinitionError::TooLarge { which: "output" };
    assert_eq!(
        Export::new(&[], Some(&of)).unwrap_err(),
        Refused::Schema(too_large)
    );
}

#[test]
fn lists_of_a_fixed_length_cost_what_they_hold() {
    let of = Type::FixedList(Box::new(Type::Bool), usize::MAX);
    let export = Export::new(&[field("a", of)], None).unwrap();
    let error = export.parameters_of(&json!({"a": [true]})).unwrap_err();
    assert!(error.to_string().ends_with("items, found 1"), "{error}");
}

#[test]
fn values_that_are_not_of_their_type_are_refused() {
    let variant = Type::Result {
        ok: Some(Box::new(Type::Bool)),
        error: None,
    };
    for (of, value, told) in [
        (Type::Bool, Value::U8(1), "expected a bool, found a u8"),
        (
            record([("a", Type::Bool)]),
            Value::Record(Vec::new()),
            "expected 1 items, found 0",
        ),
        (
            record([("a", Type::Bool)]),
            Value::Record(vec![("b".to_owned(), Value::Bool(true))]),
            "there is no member `b`",
        ),
        (
            Type::Enum(labels(["a-b"])),
            Value::Enum("a_b".to_owned()),
            "it is none of the constants of `enum`",
        ),
        (
            Type::Flags(labels(["a"])),
            Value::Flags(vec!["b".to_owned()]),
            "there is no member `b`",
        ),
        (variant, Value::Result(Ok(None)), "it fits no case of `ok`"),
        (
            list(Type::Bool),
            Value::List(vec![Value::Char('x')]),
            "at `/0`: expected a bool, found a char",
        ),
        (
            list(Type::Tuple(vec![Type::String, Type::Bool])),
            Value::List(vec![Value::Tuple(vec![Value::Bool(true)])]),
            "expected a pair of a string and a value, found a tuple",
        ),
        (
            Type::Json,
            Value::String("[".to_owned()),
            "the text is not JSON",
        ),
    ] {
        let error = Mapping::new(&of).unwrap().json_of(&value).unwrap_err();
        assert_eq!(error.to_string(), told);
    }
}

#[test]
fn prose_is_cleaned_and_cut() {
    let hostile = format!("\u{202E}\u{0}Do{}", "\u{200B}x".repeat(10_000));
    let parameter = Field {
        docs: Some(hostile.clone()),
        ..field("a", Type::Bool)
    };
    let mut of = labels(["a"]);
    of.said = Said {
        label: Some("\u{202E}kind".to_owned()),
        docs: Some(hostile),
    };
    let export = Export::new(&[parameter], Some(&Type::Enum(of))).unwrap();
    let text = format!("{}{}", export.input_schema(), export.output_schema());
    assert!(
        text.contains(r#""description":"Doxxx"#) && text.contains(r#""title":"kind""#),
        "{text}"
    );
    assert!(text.len() < 2_500 && !text.contains('\u{200B}'));
    let tool = Tool::new(Definition {
        name: "a".to_owned(),
        description: String::new(),
        input_schema: export.input_schema().clone(),
        output_schema: Some(export.output_schema().clone()),
    });
    assert!(tool.is_ok());
}
