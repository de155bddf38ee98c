//! Questions for tools, and what is found.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A question for tools that do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// What the tool should do, in words.
    pub query: String,
    /// At most so many hits.
    pub limit: usize,
    /// How much is told of each.
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
    pub input: Value,
    /// JSON Schema of the answer, where the tool declares one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
}
