//! A stub, as a test describes it.

use serde::Deserialize;

/// Answers the calls of one tool.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Stub {
    /// The tool, as the test spells it.
    pub(super) name: String,
    /// The names of the arguments that it takes, if it is a function that says so.
    #[serde(default)]
    pub(super) parameters: Option<Vec<String>>,
    /// Those that must be there.
    #[serde(default)]
    pub(super) required: Vec<String>,
    /// Whether the tool's own file is run.
    #[serde(default)]
    pub(super) real: bool,
}
