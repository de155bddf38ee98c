//! Which tools fit a query.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;
use parking_lot::Mutex;
use wxmcp_catalogue::{Document, Namespace, SearchIndex};
use wxmcp_policy::{Caller, ToolPatterns};
use wxmcp_run::{Search, ToolError, ToolErrorKind, ToolHit};

use super::hit::hit;

/// Hits of one search, at most.
const MAX_HITS: usize = 200;

/// Indexes that are kept: callers with the same grants share one.
const MAX_INDEXES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(7);

/// The tools of one namespace, to be searched.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) configured_name: String,
    /// The name in scripts.
    pub(crate) name: String,
    pub(crate) tools: Arc<Namespace>,
}

/// Searches tools, and keeps indexes until a list of tools changes: ten thousand
/// tools take a second to read. An index holds only what its callers may call, so that nothing else
/// shows, not even in the order of hits.
#[derive(Debug)]
pub(crate) struct Indexes {
    kept: Mutex<LruCache<Vec<ToolPatterns>, Arc<Index>>>,
}

impl Default for Indexes {
    fn default() -> Self {
        Self {
            kept: Mutex::new(LruCache::new(MAX_INDEXES)),
        }
    }
}

#[derive(Debug)]
struct Index {
    of: Vec<Listed>,
    /// By position in the index.
    tools: Vec<IndexedTool>,
    index: SearchIndex,
}

/// Where a tool is: which of the lists, and its own name there.
#[derive(Debug)]
struct IndexedTool {
    list: usize,
    tool: String,
}

impl Indexes {
    /// The tools among `listed` that the caller may call and that fit, best first. The run goes on (and
    /// its deadline holds) while a large index is made.
    pub(crate) async fn search(
        &self,
        listed: Vec<Listed>,
        caller: &Caller,
        search: Search,
    ) -> Result<Vec<ToolHit>, ToolError> {
        let patterns: Vec<ToolPatterns> = caller.tools().iter().map(|it| (**it).clone()).collect();
        let kept = self.kept.lock().get(&patterns).cloned();
        let kept = kept.filter(|kept| kept.is_of(&listed));
        let caller = caller.clone();
        let searching = tokio::task::spawn_blocking(move || {
            let index = kept.unwrap_or_else(|| Arc::new(Index::new(listed, &caller)));
            let hits = index.search(&search);
            (index, hits)
        });
        let (index, hits) = searching.await.map_err(|_| {
            ToolError::new(
                ToolErrorKind::ToolFailed,
                "the search ended before its time",
            )
        })?;
        self.kept.lock().put(patterns, index);
        Ok(hits)
    }
}

impl Index {
    fn new(of: Vec<Listed>, caller: &Caller) -> Self {
        let mut documents = Vec::new();
        let mut tools = Vec::new();
        for (list, listed) in of.iter().enumerate() {
            for named in listed.tools.tools() {
                if caller.may_call(&listed.configured_name, &listed.name, named) {
                    let document = Document::new(
                        format!("{}.{}", listed.name, named.attribute),
                        named.tool.description(),
                        named.tool.input_schema(),
                    );
                    documents.push(document.with_own_name(named.tool.name()));
                    tools.push(IndexedTool {
                        list,
                        tool: named.tool.name().to_owned(),
                    });
                }
            }
        }
        let index = SearchIndex::new(&documents);
        Self { of, tools, index }
    }

    /// Whether it was made from these very lists.
    fn is_of(&self, listed: &[Listed]) -> bool {
        self.of.len() == listed.len()
            && self.of.iter().zip(listed).all(|(ours, theirs)| {
                ours.name == theirs.name && Arc::ptr_eq(&ours.tools, &theirs.tools)
            })
    }

    fn search(&self, search: &Search) -> Vec<ToolHit> {
        let hits = self.index.search(&search.query, search.limit.min(MAX_HITS));
        hits.into_iter()
            .filter_map(|position| self.tools.get(position))
            .filter_map(|indexed| {
                let listed = self.of.get(indexed.list)?;
                let named = listed.tools.resolve(&indexed.tool)?;
                Some(hit(&listed.name, named, search.detail))
            })
            .collect()
    }
}
