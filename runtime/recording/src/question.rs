//! What is asked of hosts of tools, as it is kept.

use serde_json::{Map, Value};
use wxmcp_run::{Capability, Detail, Search, ToolCall};

use crate::event::Question;

pub(crate) fn of_call(call: &ToolCall) -> Question {
    Question::Call {
        name: call.name.clone(),
        arguments: json(&call.arguments),
    }
}

pub(crate) fn of_search(search: &Search) -> Question {
    Question::Search {
        query: search.query.clone(),
        limit: u64::try_from(search.limit).unwrap_or(u64::MAX),
        detail: match search.detail {
            Detail::Names => "names",
            Detail::Brief => "brief",
            Detail::Full => "full",
        }
        .to_owned(),
    }
}

pub(crate) fn of_capability(capability: Capability, request: &Map<String, Value>) -> Question {
    Question::Capability {
        capability: capability.to_string(),
        request: json(request),
    }
}

fn json(object: &Map<String, Value>) -> String {
    serde_json::to_string(object).unwrap_or_default()
}

impl Question {
    /// In a few words: `call of github.list_issues`.
    pub fn in_words(&self) -> String {
        match self {
            Self::Call { name, .. } => format!("call of {name}"),
            Self::Namespace(name) => format!("question for the tools of {name}"),
            Self::Search { query, .. } => format!("search for {query:?}"),
            Self::Describe(names) => format!("description of {}", names.join(", ")),
            Self::Known(name) => format!("question for the tools of {name} that are known"),
            Self::Capability { capability, .. } => format!("request to {capability}"),
        }
    }
}
