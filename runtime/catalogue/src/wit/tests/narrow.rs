//! Interfaces with some of their functions.

use serde_json::{Value as Json, json};

use super::{Wit, generate, text, tool, validate};
use crate::tool::Tool;

fn named(name: &str) -> Tool {
    tool(
        name,
        "",
        json!({"properties": {"mode": {"enum": ["a", "b"]}}}),
        Some(row()),
    )
}

fn row() -> Json {
    json!({
        "type": "object",
        "properties": {"inner": {"type": "object", "properties": {"n": {"type": "integer"}}}},
    })
}

fn narrowed(tools: &[Tool], keep: &[&str]) -> Wit {
    generate(tools).narrowed(|namespace, tool| namespace == "space" && keep.contains(&tool))
}

#[test]
fn what_is_kept_reads_as_it_does_among_all() {
    // Both ask for the same labels, so neither has them.
    let tools = [named("getRow"), named("get-row"), named("spare")];
    let all = text(&generate(&tools));
    let wit = narrowed(&tools, &["getRow"]);
    validate(&wit);
    let [interface] = wit.interfaces() else {
        panic!("not one interface");
    };
    assert_eq!(interface.functions.len(), 1);
    assert!(interface.functions[0].label.starts_with("get-row-x"));
    assert!(interface.definitions.len() >= 3);
    for line in text(&wit).lines() {
        assert!(all.contains(line), "{line} is not in {all}");
    }
    assert!(!text(&wit).contains("spare"));
}

#[test]
fn an_interface_of_nothing_and_of_everything_is_sound() {
    let tools = [named("one"), named("two")];
    let none = narrowed(&tools, &[]);
    validate(&none);
    assert!(none.interfaces()[0].definitions.is_empty());
    assert_eq!(narrowed(&tools, &["one", "two"]), generate(&tools));
}
