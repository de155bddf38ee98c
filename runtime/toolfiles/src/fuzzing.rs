//! For the fuzzer alone: the functions that a component exports, as tools.

use serde_json::Value;
use wxmcp_sandbox::supplied::types::ComponentFunc;

use crate::components::read;

/// The schemas of what a function takes and answers, or why it is no tool.
///
/// # Errors
///
/// When it cannot be a tool.
pub fn schemas(of: &ComponentFunc) -> Result<(Value, Value), String> {
    let export = read(of).map_err(|error| error.to_string())?;
    Ok((
        export.input_schema().clone(),
        export.output_schema().clone(),
    ))
}
