//! Definitions of tools: their schemas as WIT and as stubs.

use serde_json::Value;
use wxmcp_catalogue::stubs::{Calls, StubFile, ToolSet, python, typescript};
use wxmcp_catalogue::wit::{Body, Wit};
use wxmcp_catalogue::{Definition, Effort, Namespace, Offer, Rounding, Tool, Validator, signature};
use wxmcp_run::{Ledger, size_of};

use crate::cost::{Bound, Line, within};

const LIST: Bound = Bound {
    steps: Line(20_000, 400),
    allocations: Line(2_000, 60),
    peak: Line(128 << 10, 2_000),
};

const WIT: Bound = Bound {
    steps: Line(100_000, 2_000),
    allocations: Line(30_000, 400),
    peak: Line(4 << 20, 20_000),
};

const STUBS: Bound = WIT;

const COMPILE: Bound = Bound {
    steps: Line(3_000_000, 10_000),
    allocations: Line(200_000, 2_000),
    peak: Line(64 << 20, 60_000),
};

const CHECK: Bound = Bound {
    steps: Line(1_000_000, 10_000),
    allocations: Line(200_000, 2_000),
    peak: Line(64 << 20, 20_000),
};

/// `{"tools": [{"name", "description", "inputSchema", "outputSchema", "example"}, ..]}`: all that a server says of its tools, and
/// an answer.
pub(crate) fn schema(input: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(input) else {
        return;
    };
    let listed = value.get("tools").and_then(Value::as_array);
    let definitions: Vec<(Definition, Option<&Value>)> = listed
        .into_iter()
        .flatten()
        .map(|tool| (definition(tool), tool.get("example")))
        .collect();
    let examples: Vec<_> = definitions
        .iter()
        .filter_map(|(definition, example)| Some((definition.name.clone(), (*example)?)))
        .collect();
    let size = input.len();
    let namespace = within(LIST, "namespace", size, || {
        Namespace::of_server(definitions.into_iter().map(|(definition, _)| Offer {
            definition,
            odd: Vec::new(),
        }))
    });
    let tools: Vec<&Tool> = namespace.tools().map(|it| it.tool).collect();
    let (wit, files) = within(WIT, "wit", size, || {
        let wit = Wit::generate([("fuzz", tools.iter().copied())]);
        let files = wit.files();
        (wit, files)
    });
    valid(files);
    let set = ToolSet {
        namespace: "fuzz".to_owned(),
        tools: namespace
            .tools()
            .map(|it| (it.attribute.to_owned(), it.tool.clone()))
            .collect(),
    };
    let sets = [set];
    let made = within(STUBS, "stubs", size, || {
        for (attribute, tool) in sets.iter().flat_map(|set| &set.tools) {
            let _shown = signature("fuzz", attribute, tool);
        }
        let _python = python(&sets, Calls::Either);
        typescript(&sets)
    });
    let most = size.saturating_mul(100).saturating_add(200 << 10);
    for file in made {
        assert!(
            file.text.len() <= most,
            "{}: {}",
            file.path,
            file.text.len()
        );
    }
    for (name, example) in examples {
        if let Some(tool) = tools.iter().find(|tool| tool.name() == name) {
            round_trip(&wit, tool, example, size);
        }
    }
}

fn definition(tool: &Value) -> Definition {
    let text = |name: &str| {
        let text = tool.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    Definition {
        name: text("name"),
        description: text("description"),
        input_schema: tool.get("inputSchema").cloned().unwrap_or_default(),
        output_schema: tool.get("outputSchema").cloned(),
    }
}

/// Whatever the definitions say, others can read the WIT, and make a component type of it.
fn valid(mut files: Vec<StubFile>) {
    files.sort_by_key(|file| match file.path.as_str() {
        "deps/wxmcp-tool-types.wit" => 0,
        "world.wit" => 2,
        _ => 1,
    });
    let mut resolve = wit_parser::Resolve::default();
    let mut last = None;
    for file in files {
        match resolve.push_source(&file.path, &file.text) {
            Ok(package) => last = Some(package),
            Err(error) => panic!("{error:?}\n{}", file.text),
        }
    }
    let Some(world) = last else {
        return;
    };
    let encoded = match wit_component::encode(&resolve, world) {
        Ok(encoded) => encoded,
        Err(error) => panic!("{error:?}"),
    };
    if let Err(error) = wasmparser::Validator::new().validate_all(&encoded) {
        panic!("{error}");
    }
}

/// An answer that fits comes back from WIT as it went.
fn round_trip(wit: &Wit, tool: &Tool, example: &Value, size: usize) {
    let (Some(schema), Some(interface)) = (tool.output_schema(), wit.interface("fuzz")) else {
        return;
    };
    let Some(function) = interface.function(tool.name()) else {
        return;
    };
    let Ok(validator) = within(COMPILE, "compile", size, || Validator::new(schema)) else {
        return;
    };
    let effort = Effort::for_weight(size_of(example), &Ledger::unbounded());
    let fits = within(CHECK, "check", size, || {
        validator.check(example, Rounding::WillBe, &effort)
    });
    if !fits.is_ok_and(|mismatches| mismatches.is_empty()) {
        return;
    }
    let value = match interface.value_of(&function.answer, example) {
        Ok(value) => value,
        Err(error) => panic!("{example} fits and has no value: {error}"),
    };
    // Members that a schema is silent on are left out.
    let is_open = (0..)
        .map_while(|place| interface.definition(place))
        .any(|it| matches!(&it.body, Body::Record(record) if record.is_open));
    match interface.json_of(&function.answer, &value) {
        Ok(back) => assert!(
            is_same(example, &back, is_open),
            "{example} came back as {back}"
        ),
        Err(error) => panic!("{example} does not come back: {error}"),
    }
}

/// Whether two values are the same but for how numbers are spelled; `is_open`, if members of the first may be missing.
fn is_same(one: &Value, other: &Value, is_open: bool) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one.as_str() == other.as_str() || one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| is_same(one, other, is_open))
        }
        (Value::Object(one), Value::Object(other)) => {
            let has = |(name, other): (&String, &Value)| {
                one.get(name)
                    .is_some_and(|one| is_same(one, other, is_open))
            };
            (is_open || one.len() == other.len()) && other.iter().all(has)
        }
        _ => one == other,
    }
}
