//! An upstream's tools, all pages of them.

use std::collections::HashSet;

use serde_json::Value;
use wxmcp_tooltree::{Definition, MAX_TOOLS, Namespace};

use super::connection::{Connection, RequestError};

/// Bytes that all pages together may have.
const MAX_LIST_BYTES: u64 = 64 * 1024 * 1024;

/// Pages at most.
const MAX_PAGES: usize = 1_000;

/// Longest cursor, in bytes.
const MAX_CURSOR_BYTES: usize = 64 * 1024;

/// Asks for all pages. Tools that cannot be listed are dropped, with the reason.
pub(crate) async fn list(connection: &Connection) -> Result<Namespace, RequestError> {
    if !connection.has_tools() {
        return Ok(Namespace::default());
    }
    let mut definitions = Vec::new();
    let mut bytes: u64 = 0;
    let mut cursor = None;
    let mut seen = HashSet::new();
    for _ in 0..MAX_PAGES {
        let (page, size) = connection.list_tools(cursor).await?;
        bytes = bytes.saturating_add(size);
        if bytes > MAX_LIST_BYTES {
            return Err(unlistable("its tool list is too long"));
        }
        let next = read_page(page, &mut definitions)?;
        if definitions.len() > MAX_TOOLS {
            return Err(unlistable(&format!("it lists more than {MAX_TOOLS} tools")));
        }
        match next {
            None => return Ok(Namespace::new(definitions)),
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
fn read_page(
    page: Value,
    definitions: &mut Vec<Definition>,
) -> Result<Option<String>, RequestError> {
    let Value::Object(mut page) = page else {
        return Err(unlistable("its tool list is not an object"));
    };
    let Some(Value::Array(tools)) = page.remove("tools") else {
        return Err(unlistable("its tool list has no `tools`"));
    };
    definitions.extend(tools.into_iter().map(definition));
    match page.remove("nextCursor") {
        None | Some(Value::Null) => Ok(None),
        // Some servers end their list so.
        Some(Value::String(cursor)) if cursor.is_empty() => Ok(None),
        Some(Value::String(cursor)) => Ok(Some(cursor)),
        Some(_) => Err(unlistable("its `nextCursor` is not a string")),
    }
}

/// A tool as it is listed. What has no name gets an empty one, and is dropped
/// for that.
fn definition(mut tool: Value) -> Definition {
    let mut take = |key: &str| {
        tool.get_mut(key)
            .map(Value::take)
            .filter(|value| !value.is_null())
    };
    let mut text = |key: &str| match take(key) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    Definition {
        name: text("name"),
        description: text("description"),
        input_schema: take("inputSchema").unwrap_or_default(),
        output_schema: take("outputSchema"),
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
        let mut definitions = Vec::new();
        let page = json!({
            "tools": [
                {"name": "a", "description": "A.", "inputSchema": {"type": "object"}},
                {"name": 3}, 4, null,
            ],
            "nextCursor": "2",
        });
        assert_eq!(
            read_page(page, &mut definitions).unwrap().as_deref(),
            Some("2")
        );
        let names: Vec<_> = definitions.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(names, ["a", "", "", ""]);
        for last in [json!(null), json!("")] {
            let page = json!({"tools": [], "nextCursor": last});
            assert_eq!(read_page(page, &mut definitions).unwrap(), None);
        }
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
