//! What the WIT of a tool says, and what a call of it does.
#![expect(clippy::indexing_slicing, reason = "a test may fail where it stands")]

use serde_json::json;
use wxmcp_broker::CallerHost;
use wxmcp_catalogue::stubs::ToolSet;
use wxmcp_catalogue::wit::{Arguments, Body, Function, Interface, Record, Type, Value, Wit};

use crate::support::{TestResult, broker, call, context, repository};

/// A broker over a server whose tools answer their arguments.
fn mirror() -> Result<std::sync::Arc<CallerHost>, Box<dyn std::error::Error>> {
    let folder = repository().join("fixtures/mcp");
    let args = [folder.join("mirror.py"), folder.join("mirror.json")];
    broker(
        json!({"mirror": {"command": "python3", "args": args}}),
        |_| {},
    )
}

fn interface(set: &ToolSet) -> Result<Interface, &'static str> {
    let tools = set.tools.iter().map(|(_, tool)| tool);
    let wit = Wit::generate([(set.namespace.as_str(), tools)]);
    wit.interface(&set.namespace).cloned().ok_or("no interface")
}

/// Every value of a function's types is a call that the tool takes, and comes back as it went:
/// dispatch and WIT know the same arguments and answers.
#[tokio::test]
async fn calls_take_and_answer_what_the_wit_declares() -> TestResult {
    let broker = mirror()?;
    let set = broker.tool_set("mirror", &context()).await?;
    let interface = interface(&set)?;
    assert_eq!(set.tools.len(), 9);
    for (attribute, tool) in &set.tools {
        let function = interface.function(tool.name()).ok_or("no function")?;
        for seed in 0..24 {
            let parameters = parameters(&interface, function, seed);
            let arguments = interface.arguments_of(function, &parameters)?;
            let name = format!("mirror.{attribute}");
            let answer = call(&broker, &name, arguments.clone())
                .await
                .map_err(|error| format!("{name} {arguments}: {error}"))?;
            assert_eq!(answer, json!({"arguments": arguments}), "{name}");
            let answered = interface.value_of(&function.answer, &answer)?;
            assert_eq!(
                interface.json_of(&function.answer, &answered)?,
                answer,
                "{name}"
            );
            let back = answer.get("arguments").cloned().unwrap_or_default();
            assert_eq!(
                interface.parameters_of(function, &back)?,
                parameters,
                "{name} {arguments}"
            );
        }
    }
    broker.shutdown().await;
    Ok(())
}

/// What no value of the types stands for is refused by the call, too.
#[tokio::test]
async fn calls_refuse_what_the_wit_cannot_say() -> TestResult {
    let broker = mirror()?;
    let set = broker.tool_set("mirror", &context()).await?;
    let interface = interface(&set)?;
    for (tool, arguments) in [
        ("nothing", json!({"more": 1})),
        (
            "scalars",
            json!({"flag": 1, "count": 1, "large": 1, "ratio": 1, "text": "", "anything": 1}),
        ),
        (
            "scalars",
            json!({"flag": true, "count": 1.5, "large": 1, "ratio": 1, "text": "", "anything": 1}),
        ),
        (
            "scalars",
            json!({"flag": true, "count": 1, "large": -1, "ratio": 1, "text": "", "anything": 1}),
        ),
        ("optional_and_nullable", json!({})),
        ("optional_and_nullable", json!({"nullable": "1"})),
        ("constants", json!({"order": "ASC"})),
        ("constants", json!({"order": "asc", "level": 3})),
        (
            "nested",
            json!({"where": {"list": [], "pair": [1], "labels": {}, "can": {"read": true, "write": true}}}),
        ),
        (
            "nested",
            json!({"where": {"list": [], "pair": [1, "a"], "labels": {"a": 1}, "can": {"read": true, "write": true}}}),
        ),
        (
            "nested",
            json!({"where": {"list": [], "pair": [1, "a"], "labels": {}, "can": {"read": true}}}),
        ),
        (
            "alternatives",
            json!({"id": 1.5, "shape": {"kind": "circle", "radius": 1}}),
        ),
        (
            "alternatives",
            json!({"id": 1, "shape": {"kind": "square", "radius": 1}}),
        ),
        ("others", json!({"known": 1, "other": 1})),
        ("Odd-Names.v2", json!({"user-id": 1})),
    ] {
        let function = interface.function(tool).ok_or("no function")?;
        assert!(
            interface.parameters_of(function, &arguments).is_err(),
            "{tool} {arguments}"
        );
        let refused = call(&broker, &format!("mirror.{tool}"), arguments.clone()).await;
        let kind = refused.err().map(|error| error.kind.to_string());
        assert_eq!(
            kind.as_deref(),
            Some("invalid-arguments"),
            "{tool} {arguments}"
        );
    }
    broker.shutdown().await;
    Ok(())
}

/// Numbers that look random, the same in each run (xorshift, Marsaglia 2003).
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % below.max(1)
    }
}

fn parameters(interface: &Interface, function: &Function, seed: u64) -> Vec<Value> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    match &function.arguments {
        Arguments::Whole => vec![Value::String(
            [r#"{}"#, r#"{"a":[1,null]}"#][random.next(2)].to_owned(),
        )],
        Arguments::Members(record) => fields(interface, record, &mut random)
            .into_iter()
            .map(|(_, value)| value)
            .collect(),
    }
}

fn fields(interface: &Interface, record: &Record, random: &mut Random) -> Vec<(String, Value)> {
    let members = record.members.iter().map(|member| {
        let value = if member.is_required {
            value(interface, &member.of, random)
        } else {
            let is_there = random.next(2) == 1;
            Value::Option(is_there.then(|| Box::new(value(interface, &member.of, random))))
        };
        (member.label.clone(), value)
    });
    let mut fields: Vec<_> = members.collect();
    if let Some(others) = &record.others {
        fields.push((others.label.clone(), map(interface, &others.of, random)));
    }
    fields
}

fn map(interface: &Interface, of: &Type, random: &mut Random) -> Value {
    let keys = ["", "a b", "ü", "other"];
    let count = random.next(keys.len());
    Value::List(
        keys.iter()
            .take(count)
            .map(|key| {
                let key = Value::String((*key).to_owned());
                Value::Tuple(vec![key, value(interface, of, random)])
            })
            .collect(),
    )
}

fn value(interface: &Interface, of: &Type, random: &mut Random) -> Value {
    match of {
        Type::Json => {
            // Both fit where the schema says more than `json` does: null or a text.
            let texts = ["null", "\"text\""];
            Value::String(texts[random.next(texts.len())].to_owned())
        }
        Type::Bool => Value::Bool(random.next(2) == 1),
        Type::S64 => Value::S64([0, -1, i64::MAX, i64::MIN][random.next(4)]),
        Type::U64 => Value::U64([0, 1, u64::MAX][random.next(3)]),
        Type::F64 => Value::F64([0.0, -1.5, 1e300, 0.1][random.next(4)]),
        Type::String => Value::String(["", "text", "日本 \"\n"][random.next(3)].to_owned()),
        Type::Option(inner) => {
            let is_there = random.next(2) == 1;
            Value::Option(is_there.then(|| Box::new(value(interface, inner, random))))
        }
        Type::List(inner) => {
            let count = random.next(4);
            Value::List(
                (0..count)
                    .map(|_| value(interface, inner, random))
                    .collect(),
            )
        }
        Type::Tuple(items) => Value::Tuple(
            items
                .iter()
                .map(|of| value(interface, of, random))
                .collect(),
        ),
        Type::Map(inner) => map(interface, inner, random),
        Type::Named(place) => match interface.definition(*place).map(|it| &it.body) {
            Some(Body::Record(record)) => Value::Record(fields(interface, record, random)),
            Some(Body::Variant { cases, .. }) => {
                let case = &cases[random.next(cases.len())];
                let held = value(interface, &case.of, random);
                Value::Variant(case.label.clone(), Some(Box::new(held)))
            }
            Some(Body::Enum(constants)) => {
                Value::Enum(constants[random.next(constants.len())].label.clone())
            }
            Some(Body::Flags(flags)) => Value::Flags(
                flags
                    .iter()
                    .filter(|_| random.next(2) == 1)
                    .map(|flag| flag.label.clone())
                    .collect(),
            ),
            None => Value::Record(Vec::new()),
        },
    }
}
