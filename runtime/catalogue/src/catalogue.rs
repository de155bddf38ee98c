//! The tools of one owner, named so that scripts can call them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use crate::names::Identifiers;
use crate::text::{clean, shorten};
use crate::tool::{Definition, DefinitionError, Tool};

/// Most tools that one namespace may have.
pub const MAX_TOOLS: usize = 10_000;

/// Longest name repeated in an [`Oddity`], in bytes.
const MAX_SHOWN_NAME_BYTES: usize = 80;

/// A namespace and its tools, ordered by the tools' own names.
#[derive(Clone, Debug, Default)]
pub struct Namespace {
    tools: BTreeMap<String, Tool>,
    identifiers: Identifiers,
    oddities: Vec<Oddity>,
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

/// A definition as a server sent it.
#[derive(Clone, Debug)]
pub struct Offer {
    /// What could be read of it.
    pub definition: Definition,
    /// What was odd about it already.
    pub odd: Vec<DefinitionError>,
}

/// Something odd about a definition, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oddity {
    /// The tool's name, cleaned and cut.
    pub name: String,
    /// What is odd.
    pub reason: DefinitionError,
    /// The identifier of the tool; none if it cannot be called.
    pub attribute: Option<String>,
}

/// What is known of one name while definitions are read.
struct Kept {
    tool: Tool,
    odd: Vec<DefinitionError>,
}

impl Namespace {
    /// Takes the definitions that hold what they must, in whatever order they come; the
    /// others are only told of.
    pub fn new(definitions: impl IntoIterator<Item = Definition>) -> Self {
        let offers = definitions.into_iter().map(|definition| Offer {
            definition,
            odd: Vec::new(),
        });
        let mut namespace = Self::gather(offers, |definition, _| Tool::new(definition));
        let is_ambiguous = |oddity: &Oddity| oddity.reason == DefinitionError::Ambiguous;
        for oddity in namespace.oddities.iter_mut().filter(|it| is_ambiguous(it)) {
            if let Some(attribute) = oddity.attribute.take()
                && let Some(name) = namespace.identifiers.resolve(&attribute)
            {
                namespace.tools.remove(name);
            }
        }
        namespace
    }

    /// Takes all definitions of a server whose names can be called. Whatever else is odd
    /// costs the tool its schema at most. Of definitions that share a name the tool is kept,
    /// once; if they differ, without any schema, since none is known to be the tool's.
    pub fn of_server(offers: impl IntoIterator<Item = Offer>) -> Self {
        Self::gather(offers, Tool::lenient)
    }

    fn gather(
        offers: impl IntoIterator<Item = Offer>,
        made: impl Fn(Definition, &mut Vec<DefinitionError>) -> Result<Tool, DefinitionError>,
    ) -> Self {
        let mut kept: BTreeMap<String, Kept> = BTreeMap::new();
        let mut oddities = Vec::new();
        for Offer {
            definition,
            mut odd,
        } in offers
        {
            let shown = shown(&definition.name);
            match made(definition, &mut odd) {
                Ok(tool) => match kept.entry(tool.name().to_owned()) {
                    Slot::Vacant(slot) => {
                        slot.insert(Kept { tool, odd });
                    }
                    Slot::Occupied(mut slot) => slot.get_mut().meets(&tool),
                },
                Err(reason) => {
                    // Why the name is empty says more than that it is.
                    let reason = odd.into_iter().next().unwrap_or(reason);
                    oddities.push(Oddity {
                        name: shown,
                        reason,
                        attribute: None,
                    });
                }
            }
        }
        let identifiers = Identifiers::assign(kept.keys().map(String::as_str));
        for (name, kept) in &kept {
            oddities.extend(kept.odd.iter().map(|reason| Oddity {
                name: shown(name),
                reason: reason.clone(),
                attribute: identifiers.identifier(name).map(str::to_owned),
            }));
        }
        let tools = kept.into_iter().map(|(name, kept)| {
            let is_ambiguous = kept.odd.contains(&DefinitionError::Ambiguous);
            let tool = if is_ambiguous {
                kept.tool.unchecked()
            } else {
                kept.tool
            };
            (name, tool)
        });
        Self {
            tools: tools.collect(),
            identifiers,
            oddities,
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

    /// What is odd about the definitions, in the order of what could not be kept, then by
    /// the names of the tools.
    pub fn oddities(&self) -> &[Oddity] {
        &self.oddities
    }

    /// Why no tool of that name can be called, though one is defined.
    pub fn why_not(&self, name: &str) -> Option<&DefinitionError> {
        let shown = shown(name);
        let mut dropped = self.oddities.iter().filter(|it| it.attribute.is_none());
        dropped
            .find(|oddity| oddity.name == shown)
            .map(|oddity| &oddity.reason)
    }

    fn named<'a>(&'a self, tool: &'a Tool) -> Option<Named<'a>> {
        Some(Named {
            tool,
            attribute: self.identifiers.identifier(tool.name())?,
            contested: self.identifiers.is_contested(tool.name()),
        })
    }
}

impl Kept {
    /// Takes note of another definition of the same name.
    fn meets(&mut self, other: &Tool) {
        let reason = if self.tool.digest() == other.digest() {
            DefinitionError::Repeated
        } else {
            DefinitionError::Ambiguous
        };
        if !self.odd.contains(&reason) {
            self.odd.push(reason);
        }
    }
}

/// A name as it may be shown.
fn shown(name: &str) -> String {
    let start = shorten(name, MAX_SHOWN_NAME_BYTES);
    clean(&start.replace(['\n', '\t'], " "), MAX_SHOWN_NAME_BYTES)
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
        let told = namespace.oddities().iter();
        let reasons: Vec<String> = told.map(|oddity| oddity.reason.to_string()).collect();
        assert_eq!(
            reasons,
            [
                "the name is empty",
                "the name is 1048576 bytes long, more than 256",
                "the input schema is not an object",
                "the name is defined more than once, in the same words",
                "the name is defined more than once, differently: no schema is known to be the tool's",
                "the name is defined more than once, in the same words",
            ]
        );
        for oddity in namespace.oddities() {
            assert!(oddity.name.len() <= 80 && !oddity.name.contains('\u{1b}'));
        }
    }

    fn offer(name: &str, description: &str) -> Offer {
        Offer {
            definition: definition(name, description),
            odd: Vec::new(),
        }
    }

    /// One odd definition never loses another tool, and costs its own as little as can be.
    #[test]
    #[expect(clippy::too_many_lines, reason = "one table of cases")]
    fn tools_of_servers_can_be_called_unless_their_names_cannot() {
        let mut schema = offer("schema", "");
        schema.definition.input_schema = json!("nonsense");
        schema.definition.output_schema = Some(json!(3));
        let mut prose = offer("prose", "");
        let not_text = DefinitionError::NotText {
            which: "description",
            found: "a number",
        };
        prose.odd.push(not_text.clone());
        let mut nameless = offer("", "");
        nameless.odd.push(DefinitionError::NoName);
        let long = "x".repeat(300);
        let mut second = offer("twice", "two");
        second.definition.input_schema = json!({"type": "object", "required": ["x"]});
        let namespace = Namespace::of_server([
            offer("good", "one"),
            offer("good", "one"),
            offer("twice", "one"),
            second,
            offer(&long, ""),
            offer(" a\nb", ""),
            offer("", ""),
            offer(&"y".repeat(1 << 20), ""),
            schema,
            prose,
            nameless,
        ]);
        for name in ["good", "twice", "schema", "prose", " a\nb", long.as_str()] {
            let named = namespace.resolve(name).unwrap();
            assert_eq!(named.tool.name(), name);
            let again = namespace.resolve(named.attribute).unwrap();
            assert_eq!(again.tool.name(), name);
            assert_eq!(named.tool.input_schema(), &json!({"type": "object"}));
            assert_eq!(named.tool.output_schema(), None);
        }
        assert_eq!(namespace.tools().count(), 6);
        let reasons: Vec<(bool, String)> = namespace
            .oddities()
            .iter()
            .map(|oddity| (oddity.attribute.is_some(), oddity.reason.to_string()))
            .collect();
        for (is_called, reason) in [
            (false, "the name is empty"),
            (false, "the name is 1048576 bytes long, more than 256"),
            (false, "it has no name"),
            (true, "the name is 300 bytes long, more than 256"),
            (
                true,
                "the name is defined more than once, in the same words",
            ),
            (true, "the input schema is not an object"),
            (true, "the output schema is not an object"),
            (true, &not_text.to_string()),
            (true, &DefinitionError::Ambiguous.to_string()),
            (
                true,
                &DefinitionError::Name(crate::names::NameError::Unseen).to_string(),
            ),
        ] {
            let expected = (is_called, reason.to_owned());
            assert!(reasons.contains(&expected), "{expected:?} of {reasons:?}");
        }
        assert_eq!(reasons.len(), 10);
        assert!(namespace.why_not("").is_some() && namespace.why_not("good").is_none());
    }

    #[test]
    fn ten_thousand_tools_are_named_quickly_enough_to_test() {
        let namespace = Namespace::new(
            (0..MAX_TOOLS).map(|n| definition(&format!("tool{}{n}", ["-", "_"][n % 2]), "")),
        );
        assert_eq!(namespace.tools().count(), MAX_TOOLS);
    }
}
