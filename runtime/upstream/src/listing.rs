//! An upstream's tools, all pages of them.

use std::collections::HashSet;

use serde_json::Value;
use wxmcp_catalogue::{Definition, DefinitionError, MAX_TOOLS, Namespace, Offer};

use crate::connection::Connection;
use crate::failure::RequestError;

/// Bytes that all pages together may have.
const MAX_LIST_BYTES: u64 = 64 * 1024 * 1024;

/// Pages at most.
const MAX_PAGES: usize = 1_000;

/// Longest cursor, in bytes.
const MAX_CURSOR_BYTES: usize = 64 * 1024;

/// Asks for all pages. Oddities of a tool are listed with it.
pub(crate) async fn list(connection: &Connection) -> Result<Namespace, RequestError> {
    if !connection.has_tools() {
        return Ok(Namespace::default());
    }
    let mut offers = Vec::new();
    let mut bytes: u64 = 0;
    let mut cursor = None;
    let mut seen = HashSet::new();
    for _ in 0..MAX_PAGES {
        let (page, size) = connection.list_tools(cursor).await?;
        bytes = bytes.saturating_add(size);
        if bytes > MAX_LIST_BYTES {
            return Err(unlistable("its tool list is too long"));
        }
        let next = read_page(page, &mut offers)?;
        if offers.len() > MAX_TOOLS {
            return Err(unlistable(&format!("it lists more than {MAX_TOOLS} tools")));
        }
        match next {
            None => return Ok(Namespace::of_server(offers)),
            Some(next) if next.len() > MAX_CURSOR_BYTES || !seen.insert(next.clone()) => {
                return Err(unlistable(
                    "its tool list leads back to a page already read",
                ));
            }
            next => cursor = next,
        }
    }
    Err(unlistable(&format!(
        "its tool list has more than {MAX_PAGES} pages"
    )))
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
