//! Which tools fit a query.

use std::sync::{Arc, Mutex, PoisonError};

use wxmcp_sandbox::{ToolError, ToolErrorKind, ToolSummary};
use wxmcp_tooltree::{Document, Namespace, SearchIndex, parameters};

use crate::broker::summary;
use crate::caller::Caller;

/// Hits of one search, at most.
const MAX_HITS: usize = 200;

/// The tools of one namespace, to be searched.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// Its owner's own name.
    pub(crate) owner: String,
    /// Its name in scripts.
    pub(crate) space: String,
    pub(crate) tools: Arc<Namespace>,
}

/// Searches tools, and keeps the index until a list of tools changes: ten thousand
/// of them take a second to read.
#[derive(Debug, Default)]
pub(crate) struct Discovery {
    last: Mutex<Option<Arc<Indexed>>>,
}

#[derive(Debug)]
struct Indexed {
    of: Vec<Listed>,
    documents: Vec<Document>,
    index: SearchIndex,
}

impl Discovery {
    /// The granted tools among `listed` that fit, best first. The run goes on (and
    /// its deadline holds) while a large index is read.
    pub(crate) async fn search(
        &self,
        listed: Vec<Listed>,
        caller: &Caller,
        query: String,
        limit: usize,
    ) -> Result<Vec<ToolSummary>, ToolError> {
        let kept = self.lock().clone().filter(|kept| kept.is_of(&listed));
        let caller = caller.clone();
        let searching = tokio::task::spawn_blocking(move || {
            let indexed = kept.unwrap_or_else(|| Arc::new(Indexed::new(listed, &caller)));
            let hits = indexed.search(&query, limit);
            (indexed, hits)
        });
        let (indexed, hits) = searching.await.map_err(|_| {
            ToolError::new(
                ToolErrorKind::ToolFailed,
                "the search ended before its time",
            )
        })?;
        *self.lock() = Some(indexed);
        Ok(hits)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Indexed>>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Indexed {
    fn new(of: Vec<Listed>, caller: &Caller) -> Self {
        let mut documents = Vec::new();
        for Listed {
            owner,
            space,
            tools,
        } in &of
        {
            for named in tools.tools() {
                if caller.may_call(owner, space, named) {
                    documents.push(Document {
                        name: format!("{space}.{}", named.attribute),
                        parameters: parameters(named.tool.input_schema()),
                        description: named.tool.description().to_owned(),
                    });
                }
            }
        }
        let index = SearchIndex::new(&documents);
        Self {
            of,
            documents,
            index,
        }
    }

    /// Whether it was made from these very lists.
    fn is_of(&self, listed: &[Listed]) -> bool {
        self.of.len() == listed.len()
            && self.of.iter().zip(listed).all(|(ours, theirs)| {
                ours.space == theirs.space && Arc::ptr_eq(&ours.tools, &theirs.tools)
            })
    }

    fn search(&self, query: &str, limit: usize) -> Vec<ToolSummary> {
        let hits = self.index.search(query, limit.min(MAX_HITS));
        hits.into_iter()
            .filter_map(|position| self.documents.get(position))
            .map(|document| ToolSummary {
                name: document.name.clone(),
                description: summary(&document.description),
            })
            .collect()
    }
}
