//! What a tool file says of itself, made a definition.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wxmcp_catalogue::{Definition, Validator};

use crate::component::ExportName;
use wxmcp_catalogue::wording::bounded;
use wxmcp_policy::CapabilityList;
use wxmcp_run::without_position;

/// What the interpreter answers to `describe`; see `wit/guest.wit`.
#[derive(Debug, Deserialize)]
struct Told {
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
    /// What of it is no tool, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) left_out: Vec<String>,
}

/// Why a file is no tool.
#[derive(Debug)]
pub(crate) enum Undescribed {
    /// It is the file, and will be as long as it does not change.
    Lasting(String),
    /// It is the machine, now.
    Now(String),
}

impl From<String> for Undescribed {
    fn from(why: String) -> Self {
        Self::Lasting(why)
    }
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
    /// Reads what a file said. Nothing in it is trusted.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(crate) fn read(told: &str, namespace: &str, tool: &str) -> Result<Self, String> {
        let told: Told = wxmcp_catalogue::json::read(told.as_bytes()).map_err(|error| {
            // The line and column are of a message between guest and host.
            let why = without_position(&error);
            format!("what it says of itself is not usable: {why}")
        })?;
        if let Some((space, _)) = told.name.as_deref().and_then(|name| name.rsplit_once('.'))
            && space != namespace
        {
            return Err(format!(
                "it says that its namespace is `{}`, but its folder is `{namespace}`",
                bounded(space)
            ));
        }
        for (which, schema) in [
            ("parameters", Some(&told.input)),
            ("output", told.output.as_ref()),
        ] {
            // Else nothing would be held against it, which is no check at all.
            if let Some(Err(why)) = schema.map(Validator::new) {
                return Err(format!("its `{which}` is no usable JSON Schema: {why}"));
            }
        }
        if !told.grants.is_bounded() {
            return Err("it asks for too many grants".to_owned());
        }
        Ok(Self {
            name: tool.to_owned(),
            export: None,
            description: told.description,
            input: told.input,
            output: told.output,
            grants: told.grants,
            reusable: told.reusable,
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
