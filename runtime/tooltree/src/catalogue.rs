//! The tools of one owner, named so that scripts can call them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use crate::names::Identifiers;
use crate::text::{clean, shorten};
use crate::tool::{Definition, DefinitionError, Tool};

/// Most tools that one namespace may have.
pub const MAX_TOOLS: usize = 10_000;

/// Longest name repeated in a [`Dropped`], in bytes.
const MAX_DROPPED_NAME_BYTES: usize = 80;

/// A namespace and its tools, ordered by the tools' own names.
#[derive(Clone, Debug, Default)]
pub struct Namespace {
    tools: BTreeMap<String, Tool>,
    identifiers: Identifiers,
    dropped: Vec<Dropped>,
}

/// A tool with the identifier that scripts call it by.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The tool.
    pub tool: &'a Tool,
    /// Its identifier, unique in the namespace.
    pub attribute: &'a str,
    /// Whether another tool of the namespace asks for the same identifier, so
    /// that it says little about which tool is meant.
    pub contested: bool,
}

/// A definition that is not listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Its name, cleaned and cut.
    pub name: String,
    /// Why.
    pub reason: DefinitionError,
}

impl Namespace {
    /// Takes what can be kept of the definitions, in whatever order they come.
    pub fn new(definitions: impl IntoIterator<Item = Definition>) -> Self {
        let mut tools: BTreeMap<String, Tool> = BTreeMap::new();
        let mut dropped = Vec::new();
        let mut ambiguous = BTreeMap::new();
        for definition in definitions {
            let name = shorten(&definition.name, MAX_DROPPED_NAME_BYTES);
            match Tool::new(definition) {
                Ok(tool) => match tools.entry(tool.name().to_owned()) {
                    Slot::Vacant(slot) => {
                        slot.insert(tool);
                    }
                    Slot::Occupied(known) => {
                        if known.get().digest() != tool.digest() {
                            ambiguous.insert(tool.name().to_owned(), name);
                        }
                    }
                },
                Err(reason) => dropped.push((name, reason)),
            }
        }
        // Which of two different definitions is meant cannot be known, and
        // must not depend on which came first.
        for (name, shown) in ambiguous {
            tools.remove(&name);
            dropped.push((shown, DefinitionError::Ambiguous));
        }
        Self {
            identifiers: Identifiers::assign(tools.keys().map(String::as_str)),
            tools,
            dropped: dropped
                .into_iter()
                .map(|(name, reason)| Dropped {
                    name: clean(&name, MAX_DROPPED_NAME_BYTES),
                    reason,
                })
                .collect(),
        }
    }

    /// The tools, ordered by their own names.
    pub fn tools(&self) -> impl Iterator<Item = Named<'_>> {
        self.tools.values().filter_map(|tool| self.named(tool))
    }

    /// The tool behind its own name or its identifier.
    pub fn resolve(&self, spelled: &str) -> Option<Named<'_>> {
        let name = self.identifiers.resolve(spelled)?;
        self.named(self.tools.get(name)?)
    }

    /// What was left out, and why.
    pub fn dropped(&self) -> &[Dropped] {
        &self.dropped
    }

    fn named<'a>(&'a self, tool: &'a Tool) -> Option<Named<'a>> {
        Some(Named {
            tool,
            attribute: self.identifiers.identifier(tool.name())?,
            contested: self.identifiers.is_contested(tool.name()),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn definition(name: &str, description: &str) -> Definition {
        Definition {
            name: name.to_owned(),
            description: description.to_owned(),
            input_schema: Value::Null,
            output_schema: None,
        }
    }

    #[test]
    fn both_spellings_lead_to_the_tool() {
        let namespace = Namespace::new([definition("get-sum", ""), definition("echo", "")]);
        for spelled in ["get-sum", "get_sum"] {
            let found = namespace.resolve(spelled).unwrap();
            assert_eq!((found.tool.name(), found.attribute), ("get-sum", "get_sum"));
        }
        assert!(namespace.resolve("getSum").is_none());
        let order: Vec<_> = namespace.tools().map(|named| named.attribute).collect();
        assert_eq!(order, ["echo", "get_sum"]);
    }

    #[test]
    fn what_cannot_be_kept_is_dropped_with_its_reason() {
        let mut schema = definition("bad", "");
        schema.input_schema = json!("nonsense");
        let namespace = Namespace::new([
            definition("good", "one"),
            definition("good", "one"),
            definition("twice", "one"),
            definition("twice", "two"),
            definition("twice", "one"),
            definition("", ""),
            definition(&"\u{1b}x".repeat(1 << 19), ""),
            schema,
        ]);
        let kept: Vec<_> = namespace.tools().map(|named| named.tool.name()).collect();
        assert_eq!(kept, ["good"]);
        let reasons: Vec<String> = namespace
            .dropped()
            .iter()
            .map(|dropped| dropped.reason.to_string())
            .collect();
        assert_eq!(
            reasons,
            [
                "the name is empty",
                "the name is 1048576 bytes long; at most 256 are listed",
                "the input schema is not an object",
                "the name is defined more than once, differently",
            ]
        );
        assert!(namespace.dropped().iter().all(|d| d.name.len() <= 80));
        assert!(
            namespace
                .dropped()
                .iter()
                .all(|d| !d.name.contains('\u{1b}'))
        );
    }

    #[test]
    fn ten_thousand_tools_are_named_quickly_enough_to_test() {
        let namespace = Namespace::new(
            (0..MAX_TOOLS).map(|n| definition(&format!("tool{}{n}", ["-", "_"][n % 2]), "")),
        );
        assert_eq!(namespace.tools().count(), MAX_TOOLS);
    }
}
