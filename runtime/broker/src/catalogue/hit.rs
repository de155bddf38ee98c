//! One tool as searches and descriptions show it.

use wxmcp_catalogue::{Named, Tool, first_paragraph, shorten, signature};
use wxmcp_run::{Charge, Detail, Held, Ledger, ToolDescription, ToolError, ToolErrorKind, ToolHit};

/// Summaries in listings and hits, in bytes.
const MAX_SUMMARY_BYTES: usize = 300;

/// A tool as a search shows it.
pub(super) fn hit(space: &str, named: Named<'_>, detail: Detail) -> ToolHit {
    let name = format!("{space}.{}", named.attribute);
    match detail {
        Detail::Names => ToolHit::Name { name },
        Detail::Brief => ToolHit::Brief {
            name,
            description: summary(named.tool.description()),
        },
        Detail::Full => ToolHit::Full(description(space, named.attribute, named.tool)),
    }
}

/// Most bytes of one answer about tools.
const MAX_TOLD_BYTES: usize = 16 << 20;

/// All that a caller may know of a tool.
pub(super) fn description(space: &str, attribute: &str, tool: &Tool) -> ToolDescription {
    let (input, output) = tool.schemas();
    ToolDescription {
        name: format!("{space}.{attribute}"),
        description: tool.description().to_owned(),
        signature: signature(space, attribute, tool),
        input,
        output,
        held: Held::default(),
    }
}

/// The beginning of a description.
pub(super) fn summary(description: &str) -> String {
    shorten(&first_paragraph(description), MAX_SUMMARY_BYTES)
}

/// Counts and charges the text of tools before it is written.
#[derive(Debug)]
pub(super) struct Telling {
    left: usize,
    held: Charge,
}

impl Telling {
    pub(super) fn new(ledger: &Ledger) -> Result<Self, ToolError> {
        Ok(Self {
            left: MAX_TOLD_BYTES,
            held: ledger.charge(0)?,
        })
    }

    /// Counts all that is said of a tool.
    ///
    /// # Errors
    ///
    /// When it is more than one answer may have, or than the run may hold.
    pub(super) fn count(&mut self, tool: &Tool) -> Result<(), ToolError> {
        let bytes = tool.told_bytes(self.left).saturating_add(MAX_SUMMARY_BYTES);
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            let words = format!(
                "what is said of these tools takes more than {} bytes: ask for fewer of them at once",
                MAX_TOLD_BYTES
            );
            ToolError::new(ToolErrorKind::LimitReached, words)
        })?;
        Ok(self.held.grow(u64::try_from(bytes).unwrap_or(u64::MAX))?)
    }

    /// How many bytes it is.
    pub(super) fn bytes(&self) -> u64 {
        self.held.bytes()
    }

    /// What is charged.
    pub(super) fn into_held(self) -> Held {
        self.held.into()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use wxmcp_catalogue::Definition;

    use super::*;

    fn dense() -> Tool {
        let schema = json!({"type": "object", "properties": {"x": {"enum": vec![0; 80_000]}}});
        let definition = Definition {
            name: "dense".to_owned(),
            description: String::new(),
            input_schema: schema.clone(),
            output_schema: Some(schema),
        };
        Tool::new(definition).unwrap()
    }

    #[test]
    fn descriptions_share_schemas_and_no_more_are_told_than_is_bounded() {
        let ledger = Ledger::of_process(1 << 30).for_run(1 << 30);
        let tool = dense();
        let mut telling = Telling::new(&ledger).unwrap();
        let mut told = Vec::new();
        let refused = loop {
            match telling.count(&tool) {
                Ok(()) => told.push(description("s", "dense", &tool)),
                Err(refused) => break refused,
            }
        };
        assert!(told.len() > 40 && told.len() < 60, "{}", told.len());
        assert_eq!(refused.kind, ToolErrorKind::LimitReached);
        assert!(
            refused.message.contains("ask for fewer of them"),
            "{refused:?}"
        );
        let text = serde_json::to_vec(&told).unwrap();
        assert!(u64::try_from(text.len()).unwrap() <= telling.bytes());
        let first = told
            .first()
            .map(|it| std::ptr::from_ref::<Value>(&it.input));
        assert!(
            told.iter()
                .all(|it| Some(std::ptr::from_ref::<Value>(&it.input)) == first)
        );
        drop(telling);
        assert_eq!(ledger.held(), 0);
    }

    #[test]
    fn descriptions_are_charged_to_the_run() {
        let ledger = Ledger::of_process(1 << 30).for_run(500_000);
        let tool = dense();
        let mut telling = Telling::new(&ledger).unwrap();
        telling.count(&tool).unwrap();
        let refused = telling.count(&tool).unwrap_err();
        assert!(refused.message.contains("host-memory"), "{refused:?}");
    }
}
