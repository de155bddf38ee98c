//! Values to JSON and back: nothing is lost, and schemas say what comes.

use serde_json::{Number, Value as Json};

use super::super::super::Value;
use super::super::super::exports::{Answer, Export, Field, Mapping, Type};
use super::super::choices::{Choices, holds};
use super::super::generator::any;
use super::super::round_trip::is_same;
use super::field;
use super::generator::{type_, value};
use crate::validate::Validator;

/// The same JSON with every small integer spelled as a float, or the other way.
fn respelled(json: &Json) -> Json {
    match json {
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), Some(float)) if whole.unsigned_abs() < 1 << 53 => {
                Number::from_f64(float).map_or(Json::Null, Json::Number)
            }
            _ => json.clone(),
        },
        Json::Array(items) => items.iter().map(respelled).collect(),
        Json::Object(members) => members
            .iter()
            .map(|(name, json)| (name.clone(), respelled(json)))
            .collect(),
        other => other.clone(),
    }
}

/// Whether texts of JSON are in it, which hold numbers of their own.
fn holds_json(of: &Type) -> bool {
    format!("{of:?}").contains("Json")
}

#[test]
fn values_of_every_type_come_back_as_they_went() {
    let mut seen = 0_usize;
    holds(4_000, |choices| {
        let of = type_(choices, 4);
        let mapping = Mapping::new(&of).unwrap();
        let schema = mapping.schema();
        let validator = Validator::new(&schema).unwrap();
        for _ in 0..6 {
            let went = value(choices, &of);
            let told = |json: &Json| format!("{of:?}\n{went:?}\n{json}\n{schema}");
            let json = mapping.json_of(&went).unwrap();
            assert_eq!(validator.mismatches(&json), [], "{}", told(&json));
            // What is sent is text, and numbers of other languages are spelled otherwise.
            let text = json.to_string();
            let mut read: Vec<Json> = vec![serde_json::from_str(&text).unwrap()];
            if !holds_json(&of) {
                read.push(respelled(&json));
            }
            for json in read {
                assert_eq!(validator.mismatches(&json), [], "{}", told(&json));
                let back = mapping.value_of(&json);
                let back = back.unwrap_or_else(|error| panic!("{error}\n{}", told(&json)));
                // Other than `==`, this sees the sign of zero.
                assert_eq!(format!("{back:?}"), format!("{went:?}"), "{}", told(&json));
                seen += 1;
            }
        }
    });
    assert!(seen > 40_000, "{seen}");
}

#[test]
fn parameters_and_results_come_back_as_they_went() {
    holds(2_000, |choices| {
        let parameters: Vec<Field> = ["a", "b-c", "d", "e"]
            .iter()
            .take(choices.below(5))
            .map(|label| field(label, type_(choices, 3)))
            .collect();
        let result = choices.chance(90).then(|| type_(choices, 3));
        let export = Export::new(&parameters, result.as_ref()).unwrap();
        let input = Validator::new(export.input_schema()).unwrap();
        let output = Validator::new(export.output_schema()).unwrap();
        for _ in 0..4 {
            let went: Vec<Value> = parameters.iter().map(|it| value(choices, &it.of)).collect();
            let json = export.arguments_of(&went).unwrap();
            let told = format!("{parameters:?}\n{json}");
            assert_eq!(input.mismatches(&json), [], "{told}");
            assert_eq!(export.parameters_of(&json), Ok(went), "{told}");
            let went = result.as_ref().map(|of| value(choices, of));
            let told = format!("{result:?}\n{went:?}");
            match export.answer_of(went.as_ref()).unwrap() {
                Answer::Value(json) => {
                    assert_eq!(output.mismatches(&json), [], "{told}");
                    assert_eq!(export.result_of(&json), Ok(went), "{told}");
                }
                Answer::Failed(_) => {
                    assert!(matches!(went, Some(Value::Result(Err(_)))), "{told}");
                }
            }
        }
    });
}

/// What validation takes is converted, and what it refuses is not, however JSON is bent.
#[test]
fn json_that_a_schema_takes_is_a_value_and_no_other() {
    let (mut taken, mut refused) = (0_usize, 0_usize);
    holds(3_000, |choices| {
        let of = type_(choices, 3);
        let mapping = Mapping::new(&of).unwrap();
        let schema = mapping.schema();
        let validator = Validator::new(&schema).unwrap();
        for _ in 0..6 {
            let mut json = mapping.json_of(&value(choices, &of)).unwrap();
            bend(choices, &mut json);
            let told = format!("{of:?}\n{json}\n{schema}");
            let is_taken = validator.mismatches(&json).is_empty();
            match mapping.value_of(&json) {
                Ok(value) => {
                    let back = mapping.json_of(&value).unwrap();
                    assert!(is_taken, "{told}");
                    assert!(
                        is_same(&back, &json) || told.contains("F32"),
                        "{back}\n{told}"
                    );
                    taken += 1;
                }
                Err(error) => {
                    let is_rounding = error.to_string().contains("does not fit `f");
                    assert!(!is_taken || is_rounding, "{error}\n{told}");
                    refused += 1;
                }
            }
        }
    });
    assert!(taken > 1_000 && refused > 3_000, "{taken} {refused}");
}

/// Replaces, removes or adds something somewhere.
fn bend(choices: &mut Choices, json: &mut Json) {
    let inside = choices.chance(70);
    match json {
        Json::Array(items) if inside && !items.is_empty() => {
            let at = choices.below(items.len());
            bend(choices, &mut items[at]);
        }
        Json::Object(members) if inside && !members.is_empty() => {
            let at = choices.below(members.len());
            let (name, held) = members.iter_mut().nth(at).unwrap();
            if choices.chance(20) {
                let name = name.clone();
                members.remove(&name);
            } else {
                bend(choices, held);
            }
        }
        Json::Object(members) if choices.chance(30) => {
            let name = *choices.pick(&["tag", "value", "some", "ok", "error", "id", "x"]);
            members.insert(name.to_owned(), any(choices, 1));
        }
        Json::Array(items) if choices.chance(30) => {
            items.push(any(choices, 1));
        }
        other => *other = any(choices, 2),
    }
}
