//! The definition of a tool file, from the value that describing it returned.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wxmcp_catalogue::{Definition, Validator};

use wxmcp_catalogue::wording::bounded;
use wxmcp_policy::CapabilityList;
use wxmcp_run::without_position;

/// The value of a run that describes a tool file; see `described` in `wit/guest.wit`.
#[derive(Debug, Deserialize)]
struct RawDefinition {
    name: Option<String>,
    #[serde(default)]
    description: String,
    input: Value,
    output: Option<Value>,
    #[serde(default)]
    grants: CapabilityList,
    #[serde(default)]
    reusable: bool,
}

/// The tools of one file. A script is one; a component is one for each function.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Described {
    pub(crate) tools: Vec<Defined>,
    /// Its functions that are not tools, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) left_out: Vec<String>,
}

/// Why a file is not a tool.
#[derive(Debug)]
pub(crate) enum Undescribed {
    /// The file is the cause: it stays so until the file changes.
    Lasting(String),
    /// The machine is the cause, and may not be the next time.
    Now(String),
}

impl From<String> for Undescribed {
    fn from(why: String) -> Self {
        Self::Lasting(why)
    }
}

/// A function of a component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ExportName {
    /// The exported interface that it is in; none if the component itself exports it.
    pub(crate) interface: Option<String>,
    pub(crate) function: String,
}

/// A tool that was understood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Defined {
    pub(crate) name: String,
    /// The function that it is, of a component.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) export: Option<ExportName>,
    pub(crate) description: String,
    pub(crate) input: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<Value>,
    pub(crate) grants: CapabilityList,
    pub(crate) reusable: bool,
}

impl Defined {
    /// Reads the definition that a file returned. Nothing in it is trusted.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn read(value: &str, namespace: &str, tool: &str) -> Result<Self, String> {
        let raw: RawDefinition =
            wxmcp_catalogue::json::read(value.as_bytes()).map_err(|error| {
                // The line and column are of a message between guest and host.
                let why = without_position(&error);
                format!("what it says of itself is not usable: {why}")
            })?;
        if let Some((space, _)) = raw.name.as_deref().and_then(|name| name.rsplit_once('.'))
            && space != namespace
        {
            return Err(format!(
                "it says that its namespace is `{}`, but its folder is `{namespace}`",
                bounded(space)
            ));
        }
        for (which, schema) in [
            ("parameters", Some(&raw.input)),
            ("output", raw.output.as_ref()),
        ] {
            // A schema that cannot be used would leave arguments unchecked.
            if let Some(Err(why)) = schema.map(Validator::new) {
                return Err(format!("its `{which}` is no usable JSON Schema: {why}"));
            }
        }
        if !raw.grants.is_bounded() {
            return Err("it asks for too many grants".to_owned());
        }
        Ok(Self {
            name: tool.to_owned(),
            export: None,
            description: raw.description,
            input: raw.input,
            output: raw.output,
            grants: raw.grants,
            reusable: raw.reusable,
        })
    }

    pub(crate) fn definition(self) -> Definition {
        Definition {
            name: self.name,
            description: self.description,
            input_schema: self.input,
            output_schema: self.output,
        }
    }
}
