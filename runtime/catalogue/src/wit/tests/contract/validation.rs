//! The validation of arguments against WIT: what the one takes, the other takes, but for what
//! no type says.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Value as Json, json};

use super::super::super::{Arguments, Body, Function, Interface, Reason, Record, Type, Value, Wit};
use super::super::choices::{Choices, holds};
use super::super::generator::{any, fields, instance};
use super::super::round_trip::is_same;
use super::super::tools::{generated, real, written};
use super::super::{parse_back, resolve, tool};
use crate::tool::Tool;
use crate::validate::Validator;

/// Words of schemas that no type of WIT says: ranges, lengths, patterns, how many, and what
/// depends on other parts of a value. All else that validation refuses, types refuse.
const UNSAID: [&str; 18] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minItems",
    "maxItems",
    "uniqueItems",
    "contains",
    "minProperties",
    "maxProperties",
    "propertyNames",
    "dependentRequired",
    "not",
];

/// A member that no schema mentions.
const UNKNOWN: &str = "zz-unknown";

/// Tools, as their WIT says by its text alone.
fn each_tool(space: &str, tools: &[Tool], mut see: impl FnMut(&Tool, &Interface, &Function)) {
    let wit = Wit::generate([(space, tools)]);
    let (resolved, _) = resolve(&wit);
    let interface = parse_back::interface(&resolved, &wit.interfaces().first().unwrap().label);
    for tool in tools {
        see(tool, &interface, interface.function(tool.name()).unwrap());
    }
}

#[test]
fn arguments_that_validation_takes_are_parameters_and_come_back() {
    let (mut taken, mut refused) = (0_usize, 0_usize);
    holds(600, |choices| {
        let (space, tools) = generated(choices);
        each_tool(&space, &tools, |tool, interface, function| {
            let (a, b) = both_ways(choices, tool, interface, function);
            (taken, refused) = (taken + a, refused + b);
        });
    });
    assert!(taken > 5_000 && refused > 2_500, "{taken} {refused}");
    let (space, tools) = written();
    holds(100, |choices| {
        each_tool(&space, &tools, |tool, interface, function| {
            both_ways(choices, tool, interface, function);
        });
    });
}

/// Makes arguments, bends some of them, and holds validation against conversion. Answers how
/// many validation took and how many types refused.
fn both_ways(
    choices: &mut Choices,
    tool: &Tool,
    interface: &Interface,
    function: &Function,
) -> (usize, usize) {
    let schema = tool.input_schema();
    // Where a definition is nothing but a way to itself, there are no arguments.
    let Ok(validator) = Validator::new(schema) else {
        return (0, 0);
    };
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..8 {
        let mut arguments = instance(choices, schema, schema, 4);
        if choices.chance(60) {
            bend(choices, &mut arguments);
        }
        match held_against(&validator, interface, function, &arguments) {
            Some(true) => taken += 1,
            Some(false) => refused += 1,
            None => {}
        }
    }
    (taken, refused)
}

/// Holds validation of arguments against their conversion: whether both take them, or both
/// refuse them, if they agree. They may only differ in what no type says, and in numbers that
/// types would round.
fn held_against(
    validator: &Validator,
    interface: &Interface,
    function: &Function,
    arguments: &Json,
) -> Option<bool> {
    let told = || format!("{}\n{arguments}", function.name);
    if !arguments.is_object() {
        return None;
    }
    let is_taken = validator.mismatches(arguments).is_empty();
    match interface.parameters_of(function, arguments) {
        Ok(parameters) if is_taken => {
            let back = interface.arguments_of(function, &parameters).unwrap();
            let known = known_arguments(interface, function, &parameters, arguments);
            assert!(is_same(&back, &known), "{back}\n{}", told());
            assert_eq!(validator.mismatches(&back), [], "{back}\n{}", told());
            Some(true)
        }
        Ok(_) => None,
        Err(error) => {
            let is_exactness = matches!(error.reason, Reason::Number { .. });
            assert!(!is_taken || is_exactness, "{error}\n{}", told());
            (!is_taken).then_some(false)
        }
    }
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
        Json::Object(members) if choices.chance(60) => {
            members.insert(UNKNOWN.to_owned(), any(choices, 1));
        }
        other => *other = any(choices, 2),
    }
}

/// Arguments without the members that no type mentions.
fn known_arguments(
    interface: &Interface,
    function: &Function,
    parameters: &[Value],
    json: &Json,
) -> Json {
    match &function.arguments {
        Arguments::Whole => json.clone(),
        Arguments::Members(record) => known_members(interface, record, parameters.iter(), json),
    }
}

/// What the types say of a value, by the cases that it is of.
fn known(interface: &Interface, of: &Type, value: &Value, json: &Json) -> Json {
    match (of, value) {
        (of, Value::Option(Some(value))) => match of {
            Type::Option(of) => known(interface, of, value, json),
            of => known(interface, of, value, json),
        },
        (Type::List(of), Value::List(values)) => {
            let items = values.iter().zip(json.as_array().unwrap());
            items
                .map(|(value, json)| known(interface, of, value, json))
                .collect()
        }
        (Type::Tuple(types), Value::Tuple(values)) => {
            let items = types.iter().zip(values).zip(json.as_array().unwrap());
            items
                .map(|((of, value), json)| known(interface, of, value, json))
                .collect()
        }
        (Type::Map(of), Value::List(pairs)) => pairs
            .iter()
            .map(|pair| known_pair(interface, of, pair, json))
            .collect::<Map<_, _>>()
            .into(),
        (Type::Named(place), value) => match (&interface.definition(*place).unwrap().body, value) {
            (Body::Record(record), Value::Record(fields)) => known_members(
                interface,
                record,
                fields.iter().map(|(_, value)| value),
                json,
            ),
            (Body::Variant { cases, .. }, Value::Variant(label, Some(value))) => {
                let case = cases.iter().find(|case| case.label == *label).unwrap();
                known(interface, &case.of, value, json)
            }
            _ => json.clone(),
        },
        _ => json.clone(),
    }
}

fn known_pair(interface: &Interface, of: &Type, pair: &Value, json: &Json) -> (String, Json) {
    let Value::Tuple(pair) = pair else {
        panic!("{pair:?}")
    };
    let [Value::String(name), value] = pair.as_slice() else {
        panic!("{pair:?}")
    };
    (name.clone(), known(interface, of, value, &json[name]))
}

fn known_members<'a>(
    interface: &Interface,
    record: &Record,
    mut fields: impl Iterator<Item = &'a Value>,
    json: &Json,
) -> Json {
    let mut members = Map::new();
    for (member, value) in record.members.iter().zip(fields.by_ref()) {
        if let Some(json) = json.get(&member.name) {
            members.insert(
                member.name.clone(),
                known(interface, &member.of, value, json),
            );
        }
    }
    if let (Some(others), Some(Value::List(pairs))) = (&record.others, fields.next()) {
        members.extend(
            pairs
                .iter()
                .map(|pair| known_pair(interface, &others.of, pair, json)),
        );
    }
    // Nothing is left out where the schema is not silent on it.
    assert!(record.is_open || members.len() == json.as_object().unwrap().len());
    Json::Object(members)
}

#[test]
fn parameters_of_the_types_are_arguments_that_validation_takes() {
    let (mut taken, mut excused) = (0_usize, 0_usize);
    holds(600, |choices| {
        let (space, tools) = generated(choices);
        let tools: Vec<Tool> = tools.iter().map(|it| narrowed(choices, it)).collect();
        each_tool(&space, &tools, |tool, interface, function| {
            let (a, b) = from_types(choices, tool, interface, function);
            (taken, excused) = (taken + a, excused + b);
        });
    });
    assert!(taken > 3_000 && excused > 500, "{taken} {excused}");
    let (space, tools) = written();
    holds(100, |choices| {
        each_tool(&space, &tools, |tool, interface, function| {
            from_types(choices, tool, interface, function);
        });
    });
}

#[test]
#[ignore = "needs real servers, as listed by the bench of the search"]
fn arguments_of_real_tools_are_what_their_types_say() {
    let (mut taken, mut tools, mut both) = (0_usize, 0_usize, 0_usize);
    let spaces = real();
    holds(10, |choices| {
        for (space, all) in &spaces {
            each_tool(space, all, |tool, interface, function| {
                tools += 1;
                let validator = Validator::new(tool.input_schema()).unwrap();
                taken += from_types(choices, tool, interface, function).0;
                let Arguments::Members(record) = &function.arguments else {
                    return;
                };
                let parameters = fields(choices, interface, record);
                let parameters: Vec<Value> = parameters.into_iter().map(|(_, it)| it).collect();
                let mut arguments = interface.arguments_of(function, &parameters).unwrap();
                if choices.chance(60) {
                    bend(choices, &mut arguments);
                }
                let agreed = held_against(&validator, interface, function, &arguments);
                both += usize::from(agreed.is_some());
            });
        }
    });
    assert!(
        tools > 5_000 && taken > 10_000 && both > 3_000,
        "{tools} {taken} {both}"
    );
}

/// Makes values of a function's types. Answers how many of them validation took, and how many
/// it refused for what no type says.
fn from_types(
    choices: &mut Choices,
    tool: &Tool,
    interface: &Interface,
    function: &Function,
) -> (usize, usize) {
    let schema = tool.input_schema();
    let Arguments::Members(record) = &function.arguments else {
        return (0, 0);
    };
    let Ok(compiled) = jsonschema::validator_for(schema) else {
        return (0, 0);
    };
    let (mut taken, mut excused) = (0, 0);
    for _ in 0..6 {
        let parameters: Vec<Value> = fields(choices, interface, record)
            .into_iter()
            .map(|(_, value)| value)
            .collect();
        let arguments = interface.arguments_of(function, &parameters).unwrap();
        let unsaid = Unsaid { interface, record };
        let mut is_taken = true;
        for error in compiled.iter_errors(&arguments) {
            assert!(unsaid.excuses(&error), "{error:?}\n{schema}\n{arguments}");
            is_taken = false;
        }
        taken += usize::from(is_taken);
        excused += usize::from(!is_taken);
    }
    (taken, excused)
}

/// What the types of a function do not say.
struct Unsaid<'a> {
    interface: &'a Interface,
    record: &'a Record,
}

impl Unsaid<'_> {
    /// Whether no type could have said it.
    fn excuses(&self, error: &ValidationError<'_>) -> bool {
        let path: Vec<String> = error
            .instance_path()
            .as_str()
            .split('/')
            .skip(1)
            .map(|step| step.replace("~1", "/").replace("~0", "~"))
            .collect();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        // What `json` holds, nobody says; nor which constants a type has that has too many.
        let is_json = |of: &Type| *of == Type::Json;
        if self.meets(&path, &is_json) {
            return true;
        }
        let is_text = |of: &Type| *of == Type::String;
        match error.kind() {
            ValidationErrorKind::AnyOf { context }
            | ValidationErrorKind::OneOfNotValid { context } => context
                .iter()
                .any(|errors| errors.iter().all(|error| self.excuses(error))),
            // Objects that several alternatives take, since they are open.
            ValidationErrorKind::OneOfMultipleValid { .. } => true,
            ValidationErrorKind::Enum { options } => {
                let is_long = options.as_array().is_some_and(|all| all.len() > 10_000);
                is_long && self.meets(&path, &is_text)
            }
            // Only required where another member is, by alternatives that do nothing else.
            ValidationErrorKind::Required { .. } => {
                let schema = error.schema_path().as_str();
                ["anyOf", "oneOf"].iter().any(|word| schema.contains(word)) && path.is_empty()
            }
            kind => UNSAID.contains(&kind.keyword()),
        }
    }

    /// Whether a type of a sort may be at a place, or around it.
    fn meets(&self, path: &[&str], is: &dyn Fn(&Type) -> bool) -> bool {
        match path.split_first() {
            Some((name, rest)) => self.member(self.record, name, rest, is),
            None => false,
        }
    }

    fn member(
        &self,
        record: &Record,
        name: &str,
        rest: &[&str],
        is: &dyn Fn(&Type) -> bool,
    ) -> bool {
        match record.members.iter().find(|member| member.name == name) {
            Some(member) => self.at(&member.of, rest, is),
            None => record
                .others
                .iter()
                .any(|others| self.at(&others.of, rest, is)),
        }
    }

    fn at(&self, of: &Type, path: &[&str], is: &dyn Fn(&Type) -> bool) -> bool {
        if is(of) && (path.is_empty() || *of == Type::Json) {
            return true;
        }
        match (of, path.split_first()) {
            (Type::Option(of), _) => self.at(of, path, is),
            (Type::List(of) | Type::Map(of), Some((_, rest))) => self.at(of, rest, is),
            (Type::Tuple(items), Some((step, rest))) => items
                .get(step.parse::<usize>().unwrap_or(usize::MAX))
                .is_some_and(|of| self.at(of, rest, is)),
            (Type::Named(place), step) => {
                let definition = self.interface.definition(*place).unwrap();
                match (&definition.body, step) {
                    (Body::Record(record), Some((name, rest))) => {
                        self.member(record, name, rest, is)
                    }
                    (Body::Variant { cases, .. }, _) => {
                        cases.iter().any(|case| self.at(&case.of, path, is))
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }
}

/// The tool with words in its schema that no type says.
fn narrowed(choices: &mut Choices, of: &Tool) -> Tool {
    let mut schema = of.input_schema().clone();
    narrow(choices, &mut schema);
    tool(of.name(), "", schema, None)
}

fn narrow(choices: &mut Choices, schema: &mut Json) {
    let words = match schema.get("type").and_then(Json::as_str) {
        Some("string") => vec![
            ("minLength", json!(1)),
            ("maxLength", json!(2)),
            ("pattern", json!("^a")),
        ],
        Some("integer") if schema.get("minimum").is_none() => vec![
            ("minimum", json!(-5)),
            ("maximum", json!(1_000)),
            ("exclusiveMaximum", json!(1e6)),
            ("multipleOf", json!(2)),
        ],
        Some("number") => vec![("exclusiveMinimum", json!(0)), ("maximum", json!(1e3))],
        Some("array") if schema.get("prefixItems").is_none() => vec![
            ("minItems", json!(1)),
            ("maxItems", json!(1)),
            ("uniqueItems", json!(true)),
            ("contains", json!({"type": "string"})),
        ],
        Some("object") if schema.get("properties").is_some() => {
            vec![
                ("minProperties", json!(1)),
                ("propertyNames", json!({"maxLength": 20})),
            ]
        }
        _ => Vec::new(),
    };
    if let Some(members) = schema.as_object_mut() {
        if !words.is_empty() && choices.chance(40) {
            let (word, value) = choices.pick(&words);
            members.insert((*word).to_owned(), value.clone());
        }
        for (word, inner) in members.iter_mut() {
            match (word.as_str(), inner) {
                ("properties" | "$defs", Json::Object(all)) => narrow_all(choices, all),
                ("anyOf" | "oneOf" | "allOf" | "prefixItems", Json::Array(all)) => {
                    all.iter_mut().for_each(|it| narrow(choices, it));
                }
                ("items" | "additionalProperties", inner) => narrow(choices, inner),
                _ => {}
            }
        }
    }
}

fn narrow_all(choices: &mut Choices, schemas: &mut Map<String, Json>) {
    schemas.values_mut().for_each(|it| narrow(choices, it));
}
