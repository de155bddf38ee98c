//! An upstream's tools, all pages of them.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value;
use wxmcp_catalogue::{Definition, DefinitionError, MAX_TOOLS, Namespace, Offer};
use wxmcp_policy::Redactor;
use wxmcp_run::{Held, Ledger};

use crate::aside::aside;
use crate::connection::Connection;
use crate::failure::RequestError;
use crate::prose::without_secrets;
use crate::stdio::Received;

/// Bytes that all pages together may have.
const MAX_LIST_BYTES: u64 = 64 * 1024 * 1024;

/// Values that all pages together may hold: each takes some 104 bytes.
const MAX_LIST_VALUES: u64 = 1_000_000;

/// Pages at most.
const MAX_PAGES: usize = 1_000;

/// Bytes of a list that are read in a few milliseconds; a longer one is read by another thread than the event loop's.
const LONG_LIST_BYTES: u64 = 256 * 1024;

/// Longest cursor, in bytes.
const MAX_CURSOR_BYTES: usize = 64 * 1024;

/// The tools of an upstream, and what is charged for them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tools {
    pub(crate) namespace: Arc<Namespace>,
    _held: Held,
}

/// Asks for all pages, and charges each to this ledger as it arrives. Oddities of a tool are listed with it.
/// Secrets are taken out of descriptions before anything is cut.
pub(crate) async fn list(
    connection: &Connection,
    ledger: &Ledger,
    redactor: &Redactor,
) -> Result<Tools, RequestError> {
    if !connection.has_tools() {
        return Ok(Tools::default());
    }
    let mut list = List::default();
    let mut cursor = None;
    for _ in 0..MAX_PAGES {
        let page = connection.list_tools(cursor, ledger).await?;
        // A long page is looked through beside the event loop.
        let adding = aside(page.bytes, move || {
            let next = list.add(page);
            (list, next)
        });
        let Some((added, next)) = adding.await else {
            return Err(unlistable("its tool list could not be read"));
        };
        list = added;
        cursor = next?;
        if cursor.is_none() {
            return list.tools(redactor.clone()).await;
        }
    }
    Err(unlistable(&format!(
        "its tool list has more than {MAX_PAGES} pages"
    )))
}

/// The pages that were read.
#[derive(Debug, Default)]
struct List {
    offers: Vec<Offer>,
    bytes: u64,
    values: u64,
    cursors: HashSet<String>,
    held: Held,
}

impl List {
    /// What the pages list.
    async fn tools(self, redactor: Redactor) -> Result<Tools, RequestError> {
        let is_long = self.bytes >= LONG_LIST_BYTES;
        let read = move || {
            let offers = self.offers.into_iter();
            let offers = offers.map(|offer| without_secrets(offer, &redactor));
            Tools {
                namespace: Arc::new(Namespace::of_server(offers)),
                _held: self.held,
            }
        };
        if !is_long {
            return Ok(read());
        }
        let reading = tokio::task::spawn_blocking(read).await;
        reading.map_err(|_| unlistable("its tool list could not be read"))
    }

    /// Adds a page; answers the cursor of the next one.
    fn add(&mut self, page: Received) -> Result<Option<String>, RequestError> {
        self.bytes = self.bytes.saturating_add(page.bytes);
        if self.bytes > MAX_LIST_BYTES {
            return Err(unlistable(&format!(
                "its tool list has more than {MAX_LIST_BYTES} bytes"
            )));
        }
        self.values = self.values.saturating_add(values_in(&page.value));
        if self.values > MAX_LIST_VALUES {
            return Err(unlistable(&format!(
                "its tool list holds more than {MAX_LIST_VALUES} values"
            )));
        }
        self.held.join(page.held);
        let next = read_page(page.value, &mut self.offers)?;
        if self.offers.len() > MAX_TOOLS {
            return Err(unlistable(&format!("it lists more than {MAX_TOOLS} tools")));
        }
        let Some(cursor) = &next else {
            return Ok(None);
        };
        if cursor.len() > MAX_CURSOR_BYTES {
            return Err(unlistable(&format!(
                "a cursor of its tool list has more than {MAX_CURSOR_BYTES} bytes"
            )));
        }
        if !self.cursors.insert(cursor.clone()) {
            return Err(unlistable(
                "its tool list leads back to a page already read",
            ));
        }
        Ok(next)
    }
}

/// How many values a value is.
fn values_in(value: &Value) -> u64 {
    let inside: u64 = match value {
        Value::Array(items) => items.iter().map(values_in).sum(),
        Value::Object(members) => members.values().map(values_in).sum(),
        _ => 0,
    };
    inside.saturating_add(1)
}

/// Adds a page's definitions; answers the cursor of the next page.
fn read_page(page: Value, offers: &mut Vec<Offer>) -> Result<Option<String>, RequestError> {
    let Value::Object(mut page) = page else {
        return Err(unlistable("its tool list is not an object"));
    };
    let Some(Value::Array(tools)) = page.remove("tools") else {
        return Err(unlistable("its tool list has no `tools`"));
    };
    offers.extend(tools.into_iter().map(offer));
    match page.remove("nextCursor") {
        None | Some(Value::Null) => Ok(None),
        // Some servers end their list so.
        Some(Value::String(cursor)) if cursor.is_empty() => Ok(None),
        Some(Value::String(cursor)) => Ok(Some(cursor)),
        Some(_) => Err(unlistable("its `nextCursor` is not a string")),
    }
}

/// A tool as it is listed. What has no name gets an empty one, and cannot be called.
fn offer(mut tool: Value) -> Offer {
    let mut odd = Vec::new();
    if !tool.is_object() {
        let found = kind_of(&tool);
        odd.push(DefinitionError::NotAnObject { found });
    }
    let mut take = |key: &str| tool.get_mut(key).map(Value::take);
    let mut text = |which: &'static str| match take(which) {
        Some(Value::String(text)) => text,
        None => {
            if which == "name" && odd.is_empty() {
                odd.push(DefinitionError::NoName);
            }
            String::new()
        }
        // Servers write so that they say nothing.
        Some(Value::Null) if which == "description" => String::new(),
        Some(other) => {
            let found = kind_of(&other);
            odd.push(DefinitionError::NotText { which, found });
            String::new()
        }
    };
    let (name, description) = (text("name"), text("description"));
    Offer {
        definition: Definition {
            name,
            description,
            input_schema: take("inputSchema").unwrap_or_default(),
            output_schema: take("outputSchema").filter(|schema| !schema.is_null()),
        },
        odd,
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn unlistable(problem: &str) -> RequestError {
    RequestError::Malformed(problem.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_gives_its_definitions_and_the_next_cursor() {
        let mut offers = Vec::new();
        let page = json!({
            "tools": [{"name": "a", "description": "A.", "inputSchema": {"type": "object"}}],
            "nextCursor": "2",
        });
        assert_eq!(read_page(page, &mut offers).unwrap().as_deref(), Some("2"));
        let [offer] = offers.as_slice() else {
            panic!("{offers:?}");
        };
        assert_eq!(offer.definition.description, "A.");
        assert!(offer.definition.name == "a" && offer.odd.is_empty());
        for last in [json!(null), json!("")] {
            let page = json!({"tools": [], "nextCursor": last});
            assert_eq!(read_page(page, &mut offers).unwrap(), None);
        }
    }

    #[test]
    fn members_of_the_wrong_type_are_named() {
        for (tool, name, odd) in [
            (json!({"name": 3}), "", "the name is a number, not text"),
            (json!({"name": null}), "", "the name is null, not text"),
            (json!({"description": "x"}), "", "it has no name"),
            (json!(4), "", "the definition is a number, not an object"),
            (
                json!({"name": "a", "description": ["x"]}),
                "a",
                "the description is an array, not text",
            ),
        ] {
            let offer = offer(tool);
            let oddities: Vec<String> = offer.odd.iter().map(ToString::to_string).collect();
            assert_eq!(
                (offer.definition.name.as_str(), oddities),
                (name, vec![odd.to_owned()])
            );
        }
        let plain = offer(json!({"name": "a", "description": null, "inputSchema": null}));
        assert!(plain.odd.is_empty());
    }

    #[test]
    fn what_is_no_list_is_named() {
        for page in [
            json!([]),
            json!({}),
            json!({"tools": {}}),
            json!({"tools": [], "nextCursor": 1}),
        ] {
            assert!(matches!(
                read_page(page, &mut Vec::new()),
                Err(RequestError::Malformed(_))
            ));
        }
    }
}
