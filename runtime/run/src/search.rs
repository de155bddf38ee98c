//! Questions for tools, and what is found.

use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::ledger::Held;

/// A question for tools that do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// What the tool should do, in words.
    pub query: String,
    /// At most so many hits.
    pub limit: usize,
    /// How much each hit holds.
    pub detail: Detail,
}

/// How much a hit tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Detail {
    /// The name.
    Names,
    /// The name and the first paragraph of the description.
    #[default]
    Brief,
    /// All that a script may know: what describing the tool answers.
    Full,
}

/// One hit of a search, as detailed as was asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ToolHit {
    /// [`Detail::Names`].
    Name {
        /// `namespace.tool`, in the spelling that scripts use.
        name: String,
    },
    /// [`Detail::Brief`].
    Brief {
        /// `namespace.tool`, in the spelling that scripts use.
        name: String,
        /// First paragraph of the description.
        description: String,
    },
    /// [`Detail::Full`].
    Full(ToolDescription),
}

impl ToolHit {
    /// `namespace.tool`, in the spelling that scripts use.
    pub fn name(&self) -> &str {
        match self {
            Self::Name { name } | Self::Brief { name, .. } => name,
            Self::Full(tool) => &tool.name,
        }
    }

    /// Bytes that are charged for it.
    pub fn held(&self) -> u64 {
        match self {
            Self::Full(tool) => tool.held.bytes(),
            Self::Name { .. } | Self::Brief { .. } => 0,
        }
    }
}

/// All that a script may know of a tool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ToolDescription {
    /// `namespace.tool`, in the spelling that scripts use.
    pub name: String,
    /// The whole description.
    pub description: String,
    /// A call as one line of code, with types.
    pub signature: String,
    /// JSON Schema of the arguments.
    #[serde(serialize_with = "schema")]
    pub input: Arc<Value>,
    /// JSON Schema of the answer, where the tool declares one.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "answer")]
    pub output: Option<Arc<Value>>,
    /// What is charged for its text, which is about to be written.
    #[serde(skip)]
    pub held: Held,
}

fn schema<S: Serializer>(schema: &Arc<Value>, to: S) -> Result<S::Ok, S::Error> {
    schema.as_ref().serialize(to)
}

fn answer<S: Serializer>(schema: &Option<Arc<Value>>, to: S) -> Result<S::Ok, S::Error> {
    schema.as_deref().serialize(to)
}
