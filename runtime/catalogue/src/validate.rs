//! Values against JSON Schema, 2020-12 unless the schema says otherwise.

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{
    JsonType, PatternOptions, ValidationError, ValidationOptions, Validator as Compiled,
};
use serde_json::Value;

use crate::numbers::{
    Doubt, Inexact, has_inexact_integer, is_rounded_when_read, made_fractional,
    may_have_been_rounded,
};
use crate::text::shorten;

/// Mismatches that are told of one value.
const MAX_MISMATCHES: usize = 5;

/// Errors of one value that are looked at.
const MAX_ERRORS: usize = 100;

/// Longest text of one mismatch, in bytes.
const MAX_MESSAGE_BYTES: usize = 300;

/// Alternatives inside alternatives that are told apart.
const MAX_DEPTH: u8 = 8;

/// Steps that a pattern may take which cannot be matched in linear time.
const MAX_STEPS: usize = 100_000;

/// Words of schemas whose cost may grow faster than schema and value do.
const COSTLY: [&str; 11] = [
    "$ref",
    "$dynamicRef",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "contains",
    "uniqueItems",
    "pattern",
    "patternProperties",
];

/// A schema, compiled. Patterns are matched in linear time where that is possible, and
/// references lead nowhere outside the schema.
#[derive(Clone, Debug)]
pub struct Validator {
    compiled: Compiled,
    is_cheap: bool,
}

/// One way in which a value does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where in the value, a JSON pointer; empty for the whole.
    pub path: String,
    /// What was expected and what came.
    pub message: String,
}

impl Validator {
    /// Compiles a schema. Patterns that look around or back are tried for so many steps;
    /// what did not match by then does not match.
    ///
    /// # Errors
    ///
    /// Why values cannot be validated against it: it is not a valid schema, refers to something
    /// outside itself or that is not there, or to itself without end.
    pub fn new(schema: &Value) -> Result<Self, String> {
        if refers_to_itself(schema) {
            return Err("it refers to itself without end".to_owned());
        }
        let linear = options()
            .with_pattern_options(PatternOptions::regex())
            .build(schema);
        let compiled = match linear {
            Ok(compiled) => compiled,
            Err(_) => options()
                .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(MAX_STEPS))
                .build(schema)
                .map_err(|error| shorten(&error.to_string(), MAX_MESSAGE_BYTES))?,
        };
        Ok(Self {
            compiled,
            is_cheap: is_cheap(schema),
        })
    }

    /// Whether checking takes no longer than reading schema and value once.
    pub fn is_cheap(&self) -> bool {
        self.is_cheap
    }

    /// The first few ways in which a value does not fit; none if it does.
    pub fn mismatches(&self, value: &Value) -> Vec<Mismatch> {
        if self.compiled.is_valid(value) {
            return Vec::new();
        }
        self.told(value)
    }

    /// Where a value that fits has a floating-point number for an integer, so large that it may
    /// stand for another one (JavaScript reads `9007199254740993` as `9007199254740992`); the first few.
    pub fn rounded(&self, value: &Value) -> Vec<Mismatch> {
        self.doubtful(value, may_have_been_rounded, |digits| {
            format!(
                "{digits} comes as a floating-point number, which may stand for another integer: \
                 give an integer (`{digits}n` in JavaScript)"
            )
        })
    }

    /// Where a value that fits has `9007199254740993.0` for an integer, which its reader
    /// would round; the first few.
    pub fn misread(&self, value: &Value) -> Vec<Mismatch> {
        self.doubtful(value, is_rounded_when_read, |digits| {
            format!("{digits} is written as a floating-point number, and none is that integer")
        })
    }

    fn doubtful(&self, value: &Value, doubt: Doubt, say: fn(&str) -> String) -> Vec<Mismatch> {
        if !has_inexact_integer(value, doubt) {
            return Vec::new();
        }
        let mut fractional = value.clone();
        let mut inexact = Vec::new();
        made_fractional(&mut fractional, "", doubt, &mut inexact);
        // What fits no more wants integers.
        let wrong: Vec<String> = self
            .compiled
            .iter_errors(&fractional)
            .take(MAX_ERRORS)
            .map(|error| error.instance_path().to_string())
            .collect();
        inexact
            .into_iter()
            .filter(|one| wrong.iter().any(|path| one.path.starts_with(path)))
            .take(MAX_MISMATCHES)
            .map(|Inexact { path, digits }| Mismatch {
                path: shorten(&path, MAX_MESSAGE_BYTES),
                message: shorten(&say(&digits), MAX_MESSAGE_BYTES),
            })
            .collect()
    }

    fn told(&self, value: &Value) -> Vec<Mismatch> {
        let mut told = Vec::new();
        for error in self.compiled.iter_errors(value) {
            if told.len() >= MAX_MISMATCHES {
                break;
            }
            tell(&error, MAX_DEPTH, &mut told);
        }
        told.truncate(MAX_MISMATCHES);
        told
    }
}

/// `format` is an annotation in every dialect: the tool itself decides which texts it takes.
fn options<'i>() -> ValidationOptions<'i> {
    jsonschema::options().should_validate_formats(false)
}

/// Tells an error. Of alternatives that all fail, it tells what is wrong with the one
/// that must be meant, or with each.
fn tell(error: &ValidationError<'_>, depth: u8, told: &mut Vec<Mismatch>) {
    let alternatives = match error.kind() {
        ValidationErrorKind::AnyOf { context } => context.as_slice(),
        ValidationErrorKind::OneOfNotValid { context } => context.as_slice(),
        _ => &[],
    };
    let meant = meant(alternatives, error);
    match (meant.as_slice(), depth.checked_sub(1)) {
        ([one], Some(depth)) => one.iter().for_each(|error| tell(error, depth, told)),
        (several, Some(depth)) if several.len() > 1 => {
            let each = several.iter().filter_map(|errors| {
                let constant = errors.iter().find(|error| is_constant(error));
                let mut first = Vec::new();
                tell(constant.or(errors.first())?, depth, &mut first);
                first.into_iter().next()
            });
            let each: Vec<Mismatch> = each.collect();
            let path = shorten(&error.instance_path().to_string(), MAX_MESSAGE_BYTES);
            let words: Vec<String> = each
                .iter()
                .map(|one| match one.path.strip_prefix(path.as_str()) {
                    None | Some("") => one.message.clone(),
                    Some(inner) => format!("{inner}: {}", one.message),
                })
                .collect();
            told.push(Mismatch {
                path,
                message: shorten(&words.join(", and "), MAX_MESSAGE_BYTES),
            });
        }
        _ => told.push(Mismatch {
            path: shorten(&error.instance_path().to_string(), MAX_MESSAGE_BYTES),
            message: shorten(&error.to_string(), MAX_MESSAGE_BYTES),
        }),
    }
}

/// What is wrong with one alternative.
type Errors = [ValidationError<'static>];

/// The alternatives that a value may have been meant for: those whose constants its
/// members have (`kind: "circle"`), and not that it could have been null.
fn meant<'c>(
    alternatives: &'c [Vec<ValidationError<'static>>],
    whole: &ValidationError<'_>,
) -> Vec<&'c Errors> {
    let place = whole.instance_path();
    let is_of_another_kind =
        |error: &ValidationError<'_>| error.instance_path() != place && is_constant(error);
    let not_null: Vec<&Errors> = alternatives
        .iter()
        .map(Vec::as_slice)
        .filter(|errors| !errors.iter().any(is_only_null))
        .collect();
    let closest: Vec<&Errors> = not_null
        .iter()
        .copied()
        .filter(|errors| !errors.iter().any(is_of_another_kind))
        .collect();
    if closest.is_empty() {
        not_null
    } else {
        closest
    }
}

fn is_constant(error: &ValidationError<'_>) -> bool {
    matches!(
        error.kind(),
        ValidationErrorKind::Constant { .. } | ValidationErrorKind::Enum { .. }
    )
}

fn is_only_null(error: &ValidationError<'_>) -> bool {
    matches!(
        error.kind(),
        ValidationErrorKind::Type {
            kind: TypeKind::Single(JsonType::Null)
        }
    )
}

fn is_cheap(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => members
            .iter()
            .all(|(word, inner)| !COSTLY.contains(&word.as_str()) && is_cheap(inner)),
        Value::Array(items) => items.iter().all(is_cheap),
        _ => true,
    }
}

/// Whether a schema is nothing but a way back to itself.
fn refers_to_itself(schema: &Value) -> bool {
    let reference = |schema: &Value| {
        schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| reference.strip_prefix('#'))
            .map(str::to_owned)
    };
    let mut all = vec![schema];
    while let Some(next) = all.pop() {
        match next {
            Value::Object(members) => all.extend(members.values()),
            Value::Array(items) => all.extend(items),
            _ => {}
        }
        let (mut at, mut steps) = (next, 0);
        while let Some(target) = reference(at).and_then(|pointer| schema.pointer(&pointer)) {
            steps += 1;
            if steps > 100 {
                return true;
            }
            at = target;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(schema: &Value, value: &Value) -> Vec<String> {
        Validator::new(schema)
            .unwrap()
            .mismatches(value)
            .into_iter()
            .map(|mismatch| format!("{}: {}", mismatch.path, mismatch.message))
            .collect()
    }

    #[test]
    fn a_mismatch_tells_where_and_what() {
        let schema = json!({
            "type": "object",
            "properties": {"rows": {"type": "array", "items": {"type": "integer", "minimum": 1}}},
            "required": ["rows"],
            "additionalProperties": false,
        });
        assert!(told(&schema, &json!({"rows": [1, 2]})).is_empty());
        assert_eq!(
            told(&schema, &json!({"rows": [1, "x", 0]})),
            [
                "/rows/1: \"x\" is not of type \"integer\"",
                "/rows/2: 0 is less than the minimum of 1"
            ]
        );
        assert_eq!(
            told(&schema, &json!({})),
            [": \"rows\" is a required property"]
        );
        assert!(told(&schema, &json!({"rows": [], "b": 1}))[0].contains("'b' was unexpected"));
    }

    /// None of these numbers is one of floating point.
    #[test]
    fn integers_of_any_size_are_compared_exactly() {
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let far = "1000000000000000000000000000001";
        for (schema, fits, other) in [
            (
                "{\"const\": 9007199254740993}",
                "9007199254740993",
                "9007199254740992",
            ),
            (
                "{\"enum\": [1, 1000000000000000000000000000001]}",
                far,
                "1000000000000000000000000000000",
            ),
            (
                "{\"maximum\": 1000000000000000000000000000001}",
                far,
                "1000000000000000000000000000002",
            ),
            (
                "{\"exclusiveMinimum\": 1000000000000000000000000000000}",
                far,
                "1000000000000000000000000000000",
            ),
            (
                "{\"minimum\": -9007199254740993}",
                "-9007199254740993",
                "-9007199254740994",
            ),
            (
                "{\"multipleOf\": 10000000000000000000000}",
                "30000000000000000000000",
                "30000000000000000000001",
            ),
            (
                "{\"uniqueItems\": true}",
                "[9007199254740993, 9007199254740992]",
                "[1, 1.0]",
            ),
            (
                "{\"type\": \"integer\"}",
                far,
                "1000000000000000000000000000001.5",
            ),
        ] {
            let schema = value(schema);
            assert!(told(&schema, &value(fits)).is_empty(), "{schema} {fits}");
            assert_eq!(told(&schema, &value(other)).len(), 1, "{schema} {other}");
        }
        let named = told(&json!({"maximum": 5}), &value(far));
        assert!(named[0].contains(far), "{named:?}");
    }

    #[test]
    fn a_float_that_may_be_another_integer_is_none() {
        let schema = json!({
            "properties": {
                "id": {"type": "integer"},
                "ids": {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]}},
                "ratio": {"type": "number", "minimum": 0},
                "any": {},
            },
        });
        let compiled = Validator::new(&schema).unwrap();
        let rounded = |value: Value| -> Vec<String> {
            assert!(compiled.mismatches(&value).is_empty(), "{value}");
            let rounded = compiled.rounded(&value).into_iter();
            rounded.map(|mismatch| mismatch.path).collect()
        };
        assert!(
            rounded(json!({"id": 9_007_199_254_740_993_i64, "ratio": 1e20, "any": 1e20}))
                .is_empty()
        );
        assert!(rounded(json!({"id": 5.0, "ids": [2.0]})).is_empty());
        assert_eq!(rounded(json!({"id": 1e16, "ratio": 1e20})), ["/id"]);
        assert_eq!(rounded(json!({"ids": [1, "a", -1e300]})), ["/ids/2"]);
        let misread = |text: &str| -> Vec<String> {
            let value = serde_json::from_str(text).unwrap();
            let misread = compiled.misread(&value).into_iter();
            misread.map(|mismatch| mismatch.message).collect()
        };
        for text in [
            r#"{"id": 9007199254740993, "any": 9007199254740993.0, "ratio": 9007199254740993.0}"#,
            r#"{"id": 9007199254740992.0, "ids": [-9007199254740994.00, 1e20, 12345678901234568000000.0]}"#,
            r#"{"id": 100000000000000000000.0, "ids": [1e300]}"#,
        ] {
            assert!(misread(text).is_empty(), "{text}");
        }
        assert_eq!(
            misread(r#"{"id": -9007199254740993.0, "ids": [9007199254740995.00]}"#),
            [
                "-9007199254740993 is written as a floating-point number, and none is that integer",
                "9007199254740995 is written as a floating-point number, and none is that integer",
            ]
        );
    }

    #[test]
    fn of_alternatives_the_one_that_is_meant_is_told() {
        let nullable = json!({"properties": {"n": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}}});
        assert_eq!(
            told(&nullable, &json!({"n": "x"})),
            ["/n: \"x\" is not of type \"integer\""]
        );
        assert_eq!(
            told(&nullable, &json!({"n": 0})),
            ["/n: 0 is less than the minimum of 1"]
        );
        let shapes = json!({"oneOf": [
            {"properties": {"kind": {"const": "circle"}, "r": {"type": "number"}}, "required": ["kind", "r"]},
            {"properties": {"kind": {"const": "square"}, "a": {"type": "number"}}, "required": ["kind", "a"]},
        ]});
        assert_eq!(
            told(&shapes, &json!({"kind": "circle", "a": 1})),
            [": \"r\" is a required property"]
        );
        assert_eq!(
            told(&shapes, &json!({"kind": "line"})),
            [": /kind: \"circle\" was expected, and /kind: \"square\" was expected"]
        );
        let either = json!({"properties": {"x": {"anyOf": [{"type": "integer"}, {"items": {"type": "string"}, "type": "array"}]}}});
        assert_eq!(
            told(&either, &json!({"x": [1]})),
            ["/x: [1] is not of type \"integer\", and /0: 1 is not of type \"string\""]
        );
        assert_eq!(
            told(&json!({"anyOf": [{"type": "null"}]}), &json!(1)).len(),
            1
        );
        let mut deep = json!({"type": "integer"});
        for _ in 0..20 {
            deep = json!({"anyOf": [deep, {"type": "boolean"}, {"type": "null"}]});
        }
        assert_eq!(told(&deep, &json!("x")).len(), 1);
    }

    #[test]
    fn a_format_is_an_annotation_in_every_dialect() {
        for dialect in [
            None,
            Some("http://json-schema.org/draft-04/schema#"),
            Some("http://json-schema.org/draft-06/schema#"),
            Some("http://json-schema.org/draft-07/schema#"),
            Some("https://json-schema.org/draft/2019-09/schema"),
            Some("https://json-schema.org/draft/2020-12/schema"),
        ] {
            for format in ["date-time", "email", "uri", "ipv4", "regex", "uuid"] {
                let mut schema = json!({"type": "string", "format": format});
                if let Some(dialect) = dialect {
                    schema["$schema"] = json!(dialect);
                }
                assert!(told(&schema, &json!("(")).is_empty(), "{schema}");
                assert_eq!(told(&schema, &json!(1)).len(), 1, "{schema}");
            }
        }
    }

    #[test]
    fn schemas_without_end_or_outside_are_not_used() {
        for schema in [
            json!({"$ref": "#"}),
            json!({"properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}),
            json!({"$ref": "https://example.com/schema.json"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"type": 5}),
        ] {
            assert!(Validator::new(&schema).is_err(), "{schema}");
        }
        let tree = json!({"type": "object", "properties": {"child": {"$ref": "#"}}});
        let mut value = json!({});
        for _ in 0..120 {
            value = json!({"child": value});
        }
        assert!(told(&tree, &value).is_empty());
    }

    #[test]
    fn much_of_a_value_is_not_repeated_in_a_message() {
        let long = Value::from("x".repeat(1_000_000));
        let told = told(&json!({"type": "integer"}), &long);
        assert!(told[0].len() < 400, "{}", told[0].len());
        let many = Value::from(vec!["x"; 100]);
        let schema = json!({"items": {"type": "integer"}});
        assert_eq!(self::told(&schema, &many).len(), MAX_MISMATCHES);
    }

    /// ECMA-262 has patterns that look around and back; none takes for ever.
    #[test]
    fn patterns_that_look_around_are_bounded() {
        let ahead =
            json!({"properties": {"k": {"pattern": "^(?=.*[0-9])x"}, "n": {"type": "integer"}}});
        assert!(told(&ahead, &json!({"k": "x1", "n": 1})).is_empty());
        assert_eq!(told(&ahead, &json!({"k": "x", "n": "1"})).len(), 2);
        let back = json!({"pattern": "^(a*)*\\1b$"});
        let value = Value::from("a".repeat(5_000));
        assert_eq!(told(&back, &value).len(), 1);
    }

    #[test]
    fn patterns_take_linear_time() {
        let schema = json!({"pattern": "^(a+)+$"});
        let value = Value::from(format!("{}!", "a".repeat(10_000)));
        assert_eq!(told(&schema, &value).len(), 1);
        assert!(!Validator::new(&schema).unwrap().is_cheap());
        assert!(
            Validator::new(&json!({"type": "string"}))
                .unwrap()
                .is_cheap()
        );
    }
}
