//! The object types of a namespace: their names, fields and who uses them.

use std::collections::{BTreeMap, BTreeSet};

use super::reader::Reader;
use super::types::Type;
use crate::tool::Tool;

/// Longest name of a type before it is told apart, in bytes.
const MAX_TYPE_NAME: usize = 100;

/// An object type with a name.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// ASCII, begins with a capital, unique in its namespace.
    pub(super) name: String,
    pub(super) fields: Vec<Field>,
    /// The type of what else it may hold.
    pub(super) others: Option<Type>,
    /// Whether values of it are given to tools, or come from them.
    pub(super) is_input: bool,
    /// Whether some type refers to it; arguments may only be spelled out in calls.
    pub(super) is_used: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) of: Type,
    pub(super) required: bool,
    /// Cleaned, may be empty.
    pub(super) prose: String,
}

/// The types of one tool.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    /// The shape of its arguments, required fields first.
    pub(super) arguments: usize,
    pub(super) answer: Type,
}

/// The object types of one namespace.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    pub(super) all: Vec<Shape>,
    names: BTreeSet<String>,
    times: BTreeMap<String, usize>,
    /// Schema nodes that were read.
    pub(super) nodes: usize,
}

impl Shapes {
    /// None yet, and none will have one of these names.
    pub(super) fn avoiding(names: impl IntoIterator<Item = String>) -> Self {
        Self {
            all: Vec::new(),
            names: names.into_iter().collect(),
            times: BTreeMap::new(),
            nodes: 0,
        }
    }

    /// Reads the schemas of a tool.
    pub(super) fn read(&mut self, attribute: &str, tool: &Tool) -> Typed {
        let stem = pascal(attribute);
        let input = tool.input_schema();
        let mut reader = Reader::new(self, input, stem.clone(), true);
        let arguments = reader.arguments(input);
        let declared = tool.output_schema().or(tool.learned_output());
        let answer = declared.map_or(Type::Any, |schema| {
            Reader::new(self, schema, stem, false).document(schema)
        });
        Typed { arguments, answer }
    }

    pub(super) fn get(&self, index: usize) -> Option<&Shape> {
        self.all.get(index)
    }

    /// A new shape without fields.
    pub(super) fn add(&mut self, wanted: &str, is_input: bool) -> usize {
        let mut wanted = wanted.to_owned();
        wanted.truncate(MAX_TYPE_NAME);
        // Where the last search for this name ended: many may want the same.
        let last = self.times.entry(wanted.clone()).or_default();
        let name = loop {
            *last = last.saturating_add(1);
            let name = match *last {
                1 => wanted.clone(),
                number => format!("{wanted}_{number}"),
            };
            if !RESERVED.contains(&name.as_str()) && !self.names.contains(&name) {
                break name;
            }
        };
        self.names.insert(name.clone());
        self.all.push(Shape {
            name,
            fields: Vec::new(),
            others: None,
            is_input,
            is_used: false,
        });
        self.all.len().saturating_sub(1)
    }
}

/// Types that TypeScript's stubs mean by these names.
const RESERVED: [&str; 3] = ["Array", "Promise", "Record"];

/// `read-file` as `ReadFile`: ASCII letters and digits, a capital first.
pub(super) fn pascal(name: &str) -> String {
    let mut text = String::new();
    let mut begins = true;
    for character in name.chars().take(MAX_TYPE_NAME) {
        if !character.is_ascii_alphanumeric() {
            begins = true;
        } else if begins {
            text.push(character.to_ascii_uppercase());
            begins = false;
        } else {
            text.push(character);
        }
    }
    if text.starts_with(|c: char| c.is_ascii_uppercase()) {
        text
    } else {
        format!("T{text}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::stubs::{Calls, ToolSet, python, typescript};
    use crate::tool::Definition;

    fn longest_stub(tools: usize, input: &Value) -> usize {
        let tools = (0..tools).map(|n| {
            let name = format!("tool{n}");
            let tool = Tool::new(Definition {
                name: name.clone(),
                description: String::new(),
                input_schema: input.clone(),
                output_schema: None,
            });
            (name, tool.unwrap())
        });
        let sets = [ToolSet {
            namespace: "things".to_owned(),
            tools: tools.collect(),
        }];
        let files = python(&sets, Calls::Either)
            .into_iter()
            .chain(typescript(&sets));
        files.map(|file| file.text.len()).max().unwrap()
    }

    /// Each of 40 types has the next twice. The last is read first, so that none is deep.
    #[test]
    fn references_that_double_make_no_long_stub() {
        let doubling = |many: usize| {
            let mut types = Map::new();
            let mut properties = Map::new();
            types.insert(format!("a{many}"), json!({"type": "string"}));
            for n in (0..many).rev() {
                let next = json!({"$ref": format!("#/$defs/a{}", n + 1)});
                let list = json!({"type": "array", "items": next});
                types.insert(
                    format!("a{n}"),
                    json!({"type": "array", "items": {"anyOf": [next, list]}}),
                );
                properties.insert(format!("p{n}"), json!({"$ref": format!("#/$defs/a{n}")}));
            }
            json!({"type": "object", "$defs": types, "properties": properties})
        };
        let few = longest_stub(1, &doubling(5));
        assert!(few > 2_000, "{few}");
        let many = longest_stub(1, &doubling(40));
        assert!(many < 1_000_000, "{many}");
    }
}
