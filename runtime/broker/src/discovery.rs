//! Which tools fit a query.

use std::sync::{Arc, Mutex, PoisonError};

use wxmcp_catalogue::{Document, Named, Namespace, SearchIndex, Tool, signature};
use wxmcp_run::{Detail, Search, ToolDescription, ToolError, ToolErrorKind, ToolHit};

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
    /// By position in the index.
    places: Vec<Place>,
    index: SearchIndex,
}

/// Where a tool is: which of the lists, and its own name there.
#[derive(Debug)]
struct Place {
    list: usize,
    tool: String,
}

impl Discovery {
    /// The granted tools among `listed` that fit, best first. The run goes on (and
    /// its deadline holds) while a large index is read.
    pub(crate) async fn search(
        &self,
        listed: Vec<Listed>,
        caller: &Caller,
        search: Search,
    ) -> Result<Vec<ToolHit>, ToolError> {
        let kept = self.lock().clone().filter(|kept| kept.is_of(&listed));
        let caller = caller.clone();
        let searching = tokio::task::spawn_blocking(move || {
            let indexed = kept.unwrap_or_else(|| Arc::new(Indexed::new(listed, &caller)));
            let hits = indexed.search(&search);
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
        let mut places = Vec::new();
        for (list, listed) in of.iter().enumerate() {
            for named in listed.tools.tools() {
                if caller.may_call(&listed.owner, &listed.space, named) {
                    let document = Document::new(
                        format!("{}.{}", listed.space, named.attribute),
                        named.tool.description(),
                        named.tool.input_schema(),
                    );
                    documents.push(document.with_own_name(named.tool.name()));
                    places.push(Place {
                        list,
                        tool: named.tool.name().to_owned(),
                    });
                }
            }
        }
        let index = SearchIndex::new(&documents);
        Self { of, places, index }
    }

    /// Whether it was made from these very lists.
    fn is_of(&self, listed: &[Listed]) -> bool {
        self.of.len() == listed.len()
            && self.of.iter().zip(listed).all(|(ours, theirs)| {
                ours.space == theirs.space && Arc::ptr_eq(&ours.tools, &theirs.tools)
            })
    }

    fn search(&self, search: &Search) -> Vec<ToolHit> {
        let hits = self.index.search(&search.query, search.limit.min(MAX_HITS));
        hits.into_iter()
            .filter_map(|position| self.places.get(position))
            .filter_map(|place| {
                let listed = self.of.get(place.list)?;
                let named = listed.tools.resolve(&place.tool)?;
                Some(hit(&listed.space, named, search.detail))
            })
            .collect()
    }
}

fn hit(space: &str, named: Named<'_>, detail: Detail) -> ToolHit {
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

/// All that a script may know of a tool.
pub(crate) fn description(space: &str, attribute: &str, tool: &Tool) -> ToolDescription {
    ToolDescription {
        name: format!("{space}.{attribute}"),
        description: tool.description().to_owned(),
        signature: signature(space, attribute, tool),
        input: tool.input_schema().clone(),
        output: tool.output_schema().cloned(),
    }
}
