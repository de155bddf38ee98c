//! The converters of built components, in Python and in JavaScript, against ours: the same
//! values of the same JSON, the same JSON of the same values, the same refusals.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value as Json, json};

use super::super::{ConvertError, Value};
use super::generator::{Random, instance};
use super::round_trip::{document, is_same};
use super::*;
use crate::text::clean;

/// What one converter is to answer.
struct Expected {
    told: String,
    answer: Result<(Json, Json), String>,
}

#[test]
fn python_converts_as_we_do() {
    compare(Command::new("python3").arg(program("convert.py")));
}

#[test]
fn javascript_converts_as_we_do() {
    compare(Command::new("node").arg(program("convert.mjs")));
}

fn program(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../guest-adapters/built/test")
        .join(name)
}

fn compare(converter: &mut Command) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cases");
    let expected = write_cases(&mut File::create(&path).unwrap());
    let output = converter
        .stdin(File::open(&path).unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<&str> = printed.lines().collect();
    assert_eq!(answers.len(), expected.len(), "{said}");
    let refused = expected.iter().filter(|it| it.answer.is_err()).count();
    assert!(refused > 500 && refused < expected.len() / 2, "{refused}");
    for (expected, answer) in expected.iter().zip(answers) {
        let answer: Json = serde_json::from_str(answer).unwrap();
        let told = || format!("{answer}\n{}", expected.told);
        match &expected.answer {
            Ok((value, back)) => {
                let found = answer.get("value").unwrap_or(&Json::Null);
                assert!(agrees(found, value), "{value}\n{}", told());
                let text = answer.get("back").and_then(Json::as_str).unwrap();
                let found: Json = serde_json::from_str(text).unwrap();
                assert!(is_same(&found, back), "{back}\n{}", told());
            }
            Err(error) => {
                // We leave out of names what would mislead a reader.
                let found = answer.get("error").and_then(Json::as_str).unwrap_or("");
                assert_eq!(clean(found, 1_000), clean(error, 1_000), "{}", told());
            }
        }
    }
}

/// Whether a converter made the value that we made; JSON as text may be spelled in another way.
fn agrees(found: &Json, expected: &Json) -> bool {
    match (found.as_array(), expected.as_array()) {
        (Some(found), Some(expected)) => match (found.as_slice(), expected.as_slice()) {
            ([kind, Json::String(one)], [_, Json::String(other)]) if kind == "json" => {
                let read = |text: &str| serde_json::from_str::<Json>(text).unwrap();
                is_same(&read(one), &read(other))
            }
            _ => {
                found.len() == expected.len()
                    && found.iter().zip(expected).all(|(a, b)| agrees(a, b))
            }
        },
        _ => found == expected,
    }
}

/// Schemas, with instances of them and of others.
fn write_cases(file: &mut File) -> Vec<Expected> {
    let mut expected = Vec::new();
    let mut other = document(&mut Random(1_000_000));
    for seed in 0..1_000 {
        let mut random = Random(seed);
        let schema = document(&mut random);
        let wit = generate(&[tool("get", "", schema.clone(), Some(schema.clone()))]);
        let (interface, function) = only(&wit);
        let mut cases = Vec::new();
        for round in 0..8 {
            let source = if round < 6 { &schema } else { &other };
            let json = instance(&mut random, source, source, 4);
            // Objects of JavaScript have such a member first: another one is found wrong.
            if round >= 6 && json.to_string().contains("\"2\":") {
                continue;
            }
            let told = format!("seed {seed}\n{schema}\n{json}\n{}", text(&wit));
            let value = interface.value_of(&function.answer, &json);
            cases.push(json!(["answer", json.to_string()]));
            expected.push(Expected {
                told: told.clone(),
                answer: answer(value, neutral, |value| {
                    interface.json_of(&function.answer, value)
                }),
            });
            let values = interface.parameters_of(function, &json);
            cases.push(json!(["arguments", json.to_string()]));
            let neutral = |values: &Vec<Value>| values.iter().map(neutral).collect();
            expected.push(Expected {
                told,
                answer: answer(values, neutral, |values| {
                    interface.arguments_of(function, values)
                }),
            });
        }
        writeln!(
            file,
            "{}",
            json!({"layout": interface.layout(), "cases": cases})
        )
        .unwrap();
        other = schema;
    }
    expected
}

fn answer<T>(
    value: Result<T, ConvertError>,
    neutral: impl Fn(&T) -> Json,
    back: impl Fn(&T) -> Result<Json, ConvertError>,
) -> Result<(Json, Json), String> {
    let value = value.map_err(|error| error.to_string())?;
    let back = back(&value).map_err(|error| error.to_string())?;
    Ok((neutral(&value), back))
}

/// A value in words that tell it from every other, whichever language says them.
fn neutral(value: &Value) -> Json {
    let all = |items: &[Value]| items.iter().map(neutral).collect::<Json>();
    match value {
        Value::Bool(it) => json!(["bool", it]),
        Value::S64(it) => json!(["s64", it.to_string()]),
        Value::U64(it) => json!(["u64", it.to_string()]),
        Value::F64(it) => json!(["f64", format!("{:016x}", it.to_bits())]),
        Value::String(it) => json!(["string", it]),
        Value::Option(None) => json!(["none"]),
        Value::Option(Some(it)) => json!(["some", neutral(it)]),
        Value::List(items) => json!(["list", all(items)]),
        Value::Tuple(items) => json!(["tuple", all(items)]),
        Value::Record(fields) => {
            let fields: Json = fields
                .iter()
                .map(|(label, value)| json!([label, neutral(value)]))
                .collect();
            json!(["record", fields])
        }
        Value::Variant(label, it) => json!(["variant", label, it.as_deref().map(neutral)]),
        Value::Enum(label) => json!(["enum", label]),
        Value::Flags(labels) => json!(["flags", labels]),
        other => panic!("no schema becomes {other:?}"),
    }
}
