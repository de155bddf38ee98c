//! Generated WIT, read back by a parser of WIT and made a component type.

mod adversarial;
mod choices;
mod contract;
mod converters;
mod exports;
mod generator;
mod mapping;
mod narrow;
mod parse_back;
mod round_trip;
mod tools;

use serde_json::{Value as Json, json};
use wasmparser::Validator;
use wit_parser::{PackageId, Resolve};

use super::{Arguments, Function, Interface, Wit};
use crate::tool::{Definition, Tool};

fn tool(name: &str, description: &str, input: Json, output: Option<Json>) -> Tool {
    Tool::new(Definition {
        name: name.to_owned(),
        description: description.to_owned(),
        input_schema: input,
        output_schema: output,
    })
    .unwrap()
}

/// A tool that answers what a schema describes.
fn answering(output: Json) -> Tool {
    tool("get", "Gets.", json!({"properties": {}}), Some(output))
}

fn generate(tools: &[Tool]) -> Wit {
    Wit::generate([("space", tools)])
}

fn text(wit: &Wit) -> String {
    wit.files()
        .into_iter()
        .filter(|file| file.path.starts_with("deps/tools-"))
        .map(|file| file.text)
        .collect()
}

/// The one line of the text that declares a function.
fn line(wit: &Wit, label: &str) -> String {
    let text = text(wit);
    let start = format!("  {label}: func(");
    text.lines()
        .find(|line| line.starts_with(&start))
        .map(|line| line.trim().to_owned())
        .unwrap_or_else(|| panic!("no {label} in {text}"))
}

fn only(wit: &Wit) -> (&Interface, &Function) {
    let interface = wit.interfaces().first().unwrap();
    (interface, interface.functions.first().unwrap())
}

fn is_whole(function: &Function) -> bool {
    function.arguments == Arguments::Whole
}

/// The files as a parser of WIT reads them, and the package of the world.
fn resolve(wit: &Wit) -> (Resolve, PackageId) {
    let mut resolve = Resolve::default();
    let mut files = wit.files();
    files.sort_by_key(|file| match file.path.as_str() {
        "deps/wxmcp-tool-types.wit" => 0,
        "world.wit" => 2,
        _ => 1,
    });
    let mut last = None;
    for file in files {
        let pushed = resolve.push_source(&file.path, &file.text);
        last = Some(pushed.unwrap_or_else(|error| panic!("{error:?}\n{}", file.text)));
    }
    (resolve, last.unwrap())
}

/// Holds the text against a parser of WIT, the model against what it read, and the world
/// against the rules of component types.
fn validate(wit: &Wit) {
    let (resolve, world) = resolve(wit);
    for interface in wit.interfaces() {
        let read = parse_back::interface(&resolve, &interface.label);
        assert_eq!(read, parse_back::bare(interface), "{}", interface.label);
    }
    let encoded = wit_component::encode(&resolve, world).unwrap();
    Validator::new().validate_all(&encoded).unwrap();
}
