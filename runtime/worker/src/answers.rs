//! What tool hosts answer, as messages and back.

use std::sync::Arc;

use serde_json::Value;
use wxmcp_run::{
    Capability, Detail, Held, NamespaceListing, Note, ToolAnswer, ToolDescription, ToolError,
    ToolErrorKind, ToolHit, ToolListing, parsed_size,
};

use crate::message::{self, Answer, Described, Failure, Hit, Json, Listed};

/// Bytes of JSON that are read or written in about 2 ms; more leaves the event loop.
pub(crate) const LARGE: u64 = 256 << 10;

/// JSON as text.
///
/// # Errors
///
/// What cannot be written.
pub(crate) fn text(value: &Value) -> Result<Json, ToolError> {
    serde_json::to_string(value).map_err(|error| unusable(&error))
}

fn read(text: &str) -> Result<Value, ToolError> {
    serde_json::from_str(text).map_err(|error| unusable(&error))
}

fn unusable(error: &serde_json::Error) -> ToolError {
    let message = format!("the answer cannot be handed to a worker process: {error}");
    ToolError::new(ToolErrorKind::InvalidAnswer, message)
}

/// Does `work` here, or on another thread if it is work on many bytes.
///
/// # Errors
///
/// Those of the work.
pub(crate) async fn aside<T: Send + 'static>(
    bytes: u64,
    work: impl FnOnce() -> Result<T, ToolError> + Send + 'static,
) -> Result<T, ToolError> {
    if bytes < LARGE {
        return work();
    }
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        let message = "the message could not be read: its thread ended";
        Err(ToolError::new(ToolErrorKind::InvalidAnswer, message))
    })
}

impl Answer {
    /// The message for a tool's answer.
    pub(crate) fn of_call(answer: &ToolAnswer) -> Result<Self, ToolError> {
        let notes = answer.notes.iter();
        Ok(Self::Call {
            value: text(&answer.value)?,
            content: answer.content.as_ref().map(text).transpose()?,
            notes: notes
                .map(|note| (note.about.clone(), note.text.clone()))
                .collect(),
            bytes: answer.bytes,
        })
    }

    pub(crate) fn of_hits(hits: Vec<ToolHit>) -> Result<Self, ToolError> {
        let hits = hits.into_iter().map(|hit| {
            Ok(match hit {
                ToolHit::Name { name } => Hit::Name(name),
                ToolHit::Brief { name, description } => Hit::Brief { name, description },
                ToolHit::Full(tool) => Hit::Full(described(tool)?),
            })
        });
        Ok(Self::Hits(hits.collect::<Result<_, ToolError>>()?))
    }

    pub(crate) fn of_descriptions(tools: Vec<ToolDescription>) -> Result<Self, ToolError> {
        let tools = tools.into_iter().map(described);
        Ok(Self::Described(tools.collect::<Result<_, _>>()?))
    }

    pub(crate) fn of_listing(listing: NamespaceListing) -> Self {
        let tools = listing.tools.into_iter().map(|tool| Listed {
            name: tool.name,
            attribute: tool.attribute,
            parameters: tool.parameters,
            object_first: tool.object_first,
            description: tool.description,
        });
        Self::Namespace {
            name: listing.name,
            tools: tools.collect(),
        }
    }

    /// Bytes that it takes, about.
    pub(crate) fn size(&self) -> u64 {
        let bytes = match self {
            Self::Call { value, content, .. } => {
                let content = content.as_ref().map_or(0, String::len);
                value.len().saturating_add(content)
            }
            Self::Capability(bytes) => bytes.0.len(),
            Self::Namespace { tools, .. } => sum(tools.iter().map(|tool| {
                let parameters = sum(tool.parameters.iter().map(String::len));
                tool.description.len().saturating_add(parameters)
            })),
            Self::Known(tools) => {
                let names = tools.iter().flatten().flatten();
                sum(names.map(String::len))
            }
            Self::Hits(hits) => sum(hits.iter().map(|hit| match hit {
                Hit::Name(name) => name.len(),
                Hit::Brief { description, .. } => description.len(),
                Hit::Full(tool) => tool.size(),
            })),
            Self::Described(tools) => sum(tools.iter().map(Described::size)),
        };
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// Bytes that it takes once its JSON is read.
    pub(crate) fn parsed_size(&self) -> u64 {
        match self {
            Self::Call { value, content, .. } => {
                let content = content.as_ref();
                let content = content.map_or(0, |it| parsed_size(it.as_bytes()));
                parsed_size(value.as_bytes()).saturating_add(content)
            }
            other => other.size().saturating_mul(2),
        }
    }
}

fn sum(sizes: impl Iterator<Item = usize>) -> usize {
    sizes.fold(0, usize::saturating_add)
}

fn described(tool: ToolDescription) -> Result<Described, ToolError> {
    Ok(Described {
        name: tool.name,
        description: tool.description,
        signature: tool.signature,
        input: text(&tool.input)?,
        output: tool.output.as_deref().map(text).transpose()?,
    })
}

impl Described {
    fn size(&self) -> usize {
        let output = self.output.as_ref().map_or(0, String::len);
        let schemas = self.input.len().saturating_add(output);
        self.description.len().saturating_add(schemas)
    }

    fn read(self, held: Held) -> Result<ToolDescription, ToolError> {
        let output = self.output.as_deref().map(read).transpose()?;
        Ok(ToolDescription {
            name: self.name,
            description: self.description,
            signature: self.signature,
            input: Arc::new(read(&self.input)?),
            output: output.map(Arc::new),
            held,
        })
    }
}

/// An answer to another question than was asked.
fn other() -> ToolError {
    let message = "the answer is one to another question";
    ToolError::new(ToolErrorKind::InvalidAnswer, message)
}

impl Answer {
    /// A tool's answer, for which `held` is charged.
    ///
    /// # Errors
    ///
    /// What is none.
    pub(crate) fn into_call(self, held: Held) -> Result<ToolAnswer, ToolError> {
        let Self::Call {
            value,
            content,
            notes,
            bytes,
        } = self
        else {
            return Err(other());
        };
        let notes = notes.into_iter().map(|(about, text)| Note { about, text });
        Ok(ToolAnswer {
            value: read(&value)?,
            content: content.as_deref().map(read).transpose()?,
            notes: notes.collect(),
            bytes,
            held,
        })
    }

    /// A listing, for which `held` is charged.
    pub(crate) fn into_listing(self, held: Held) -> Result<NamespaceListing, ToolError> {
        let Self::Namespace { name, tools } = self else {
            return Err(other());
        };
        let tools = tools.into_iter().map(|tool| ToolListing {
            name: tool.name,
            attribute: tool.attribute,
            parameters: tool.parameters,
            object_first: tool.object_first,
            description: tool.description,
        });
        Ok(NamespaceListing {
            name,
            tools: tools.collect(),
            held,
        })
    }

    /// The tools that are known.
    pub(crate) fn into_known(self) -> Option<Vec<[String; 2]>> {
        match self {
            Self::Known(tools) => tools,
            _ => None,
        }
    }

    /// Hits, for which `held` is charged.
    pub(crate) fn into_hits(self, held: &Held) -> Result<Vec<ToolHit>, ToolError> {
        let Self::Hits(hits) = self else {
            return Err(other());
        };
        let hits = hits.into_iter().map(|hit| {
            Ok(match hit {
                Hit::Name(name) => ToolHit::Name { name },
                Hit::Brief { name, description } => ToolHit::Brief { name, description },
                Hit::Full(tool) => ToolHit::Full(tool.read(held.clone())?),
            })
        });
        hits.collect()
    }

    /// Descriptions, for which `held` is charged.
    pub(crate) fn into_descriptions(self, held: &Held) -> Result<Vec<ToolDescription>, ToolError> {
        let Self::Described(tools) = self else {
            return Err(other());
        };
        let tools = tools.into_iter().map(|tool| tool.read(held.clone()));
        tools.collect()
    }

    /// What a capability answered.
    pub(crate) fn into_capability(self) -> Result<Vec<u8>, ToolError> {
        match self {
            Self::Capability(bytes) => Ok(bytes.0),
            _ => Err(other()),
        }
    }
}

impl From<ToolError> for Failure {
    fn from(error: ToolError) -> Self {
        Self {
            kind: error.kind,
            message: error.message,
            data: error.data.as_ref().and_then(|data| text(data).ok()),
        }
    }
}

impl From<Failure> for ToolError {
    fn from(failure: Failure) -> Self {
        Self {
            kind: failure.kind,
            message: failure.message,
            data: failure.data.as_deref().and_then(|data| read(data).ok()),
        }
    }
}

impl From<Detail> for message::Detail {
    fn from(detail: Detail) -> Self {
        match detail {
            Detail::Names => Self::Names,
            Detail::Brief => Self::Brief,
            Detail::Full => Self::Full,
        }
    }
}

impl From<message::Detail> for Detail {
    fn from(detail: message::Detail) -> Self {
        match detail {
            message::Detail::Names => Self::Names,
            message::Detail::Brief => Self::Brief,
            message::Detail::Full => Self::Full,
        }
    }
}

impl From<Capability> for message::Capability {
    fn from(capability: Capability) -> Self {
        match capability {
            Capability::Sql => Self::Sql,
            Capability::Http => Self::Http,
            Capability::Files => Self::Files,
        }
    }
}

impl From<message::Capability> for Capability {
    fn from(capability: message::Capability) -> Self {
        match capability {
            message::Capability::Sql => Self::Sql,
            message::Capability::Http => Self::Http,
            message::Capability::Files => Self::Files,
        }
    }
}
