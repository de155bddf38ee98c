//! The converters of built components, in Python and in JavaScript, against ours: the same
//! values of the same JSON, the same JSON of the same values, the same refusals.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value as Json, json};

use super::super::{ConvertError, Value};
use super::choices::{Choices, holds};
use super::generator::instance;
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
    compare(Command::new("python3").arg("-u").arg(program("convert.py")));
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

/// A converter, which answers a line for each case of a line that it is asked.
struct Converter {
    process: Child,
    asked: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Converter {
    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        Self {
            asked: process.stdin.take(),
            answers: BufReader::new(process.stdout.take().unwrap()),
            process,
        }
    }

    fn ask(&mut self, line: &Json) {
        let asked = self.asked.as_mut().unwrap();
        writeln!(asked, "{line}").unwrap();
    }

    fn answer(&mut self) -> Json {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the converter ended");
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Converter {
    fn drop(&mut self) {
        drop(self.asked.take());
        let ended = self.process.wait();
        if !std::thread::panicking() {
            assert!(ended.is_ok_and(|status| status.success()));
        }
    }
}

fn compare(converter: &mut Command) {
    let mut converter = Converter::start(converter);
    let (mut all, mut refused) = (0_usize, 0_usize);
    holds(1_000, |choices| {
        let (line, expected) = cases(choices);
        converter.ask(&line);
        let answers: Vec<Json> = expected.iter().map(|_| converter.answer()).collect();
        for (expected, answer) in expected.iter().zip(&answers) {
            all += 1;
            refused += usize::from(expected.answer.is_err());
            is_as_expected(expected, answer);
        }
    });
    assert!(refused > 500 && refused < all / 2, "{refused} of {all}");
}

fn is_as_expected(expected: &Expected, answer: &Json) {
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

/// A schema, with instances of it and of another.
fn cases(choices: &mut Choices) -> (Json, Vec<Expected>) {
    let schema = document(choices);
    let other = document(choices);
    let wit = generate(&[tool("get", "", schema.clone(), Some(schema.clone()))]);
    let (interface, function) = only(&wit);
    let (mut cases, mut expected) = (Vec::new(), Vec::new());
    for round in 0..8 {
        let source = if round < 6 { &schema } else { &other };
        let json = instance(choices, source, source, 4);
        // Objects of JavaScript have such a member first: another one is found wrong.
        if round >= 6 && json.to_string().contains("\"2\":") {
            continue;
        }
        let told = format!("{schema}\n{json}\n{}", text(&wit));
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
    let line = json!({"layout": interface.layout(), "cases": cases});
    (line, expected)
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
