//! Which tools fit a query.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use lru::LruCache;
use parking_lot::Mutex;
use wxmcp_catalogue::{Document, Namespace, SearchIndex};
use wxmcp_policy::{Caller, ToolPatterns};
use wxmcp_run::{
    CallContext, Charge, Detail, Ledger, OverBudget, Search, ToolError, ToolErrorKind, ToolHit,
};

use super::hit::{Telling, hit};
use crate::pipeline::turns::Turns;

/// Hits of one search, at most.
const MAX_HITS: usize = 200;

/// Indexes that are kept, and how many bytes they may take together, the one used last excepted: callers with the same
/// grants share one.
const MAX_INDEXES: NonZeroUsize = NonZeroUsize::MIN.saturating_add(7);
const MAX_INDEX_BYTES: u64 = 128 << 20;

/// Bytes of all texts that one index is made of, and of each kind of prose of one tool at least.
const MAX_TEXT: usize = 64 << 20;
const MIN_TEXT: usize = 300;

/// The tools of one namespace, to be searched.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) configured_name: String,
    /// The name in scripts.
    pub(crate) name: String,
    pub(crate) tools: Arc<Namespace>,
}

/// Who searches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) context: &'a CallContext,
    /// How long it may take.
    pub(crate) limit: Duration,
}

/// Searches tools, and keeps indexes until a list of tools changes: ten thousand
/// tools take a second to read. An index holds only what its callers may call, so that nothing else
/// shows, not even in the order of hits.
#[derive(Debug)]
pub(crate) struct Indexes {
    kept: Mutex<LruCache<Vec<ToolPatterns>, Arc<Index>>>,
    turns: Arc<Turns>,
}

#[derive(Debug)]
struct Index {
    of: Vec<Listed>,
    /// By position in the index.
    tools: Vec<IndexedTool>,
    index: SearchIndex,
    /// What is charged to the process for it.
    held: Charge,
}

/// Where a tool is: which of the lists, and its own name there.
#[derive(Debug)]
struct IndexedTool {
    list: usize,
    tool: String,
}

impl Indexes {
    pub(crate) fn new(turns: &Arc<Turns>) -> Self {
        Self {
            kept: Mutex::new(LruCache::new(MAX_INDEXES)),
            turns: Arc::clone(turns),
        }
    }

    /// The tools among `listed` that the caller may call and that fit, best first. The run goes on (and
    /// its deadline holds) while a large index is made.
    pub(crate) async fn search(
        &self,
        listed: Vec<Listed>,
        search: Search,
        asker: Asker<'_>,
    ) -> Result<Vec<ToolHit>, ToolError> {
        let (caller, context) = (asker.caller.clone(), asker.context);
        let patterns: Vec<ToolPatterns> = caller.tools().iter().map(|it| (**it).clone()).collect();
        let kept = self.kept.lock().get(&patterns).cloned();
        let kept = kept.filter(|kept| kept.is_of(&listed));
        let ledger = context.ledger.clone();
        let work = move |_| {
            let index = match kept {
                Some(kept) => kept,
                None => Arc::new(Index::new(listed, &caller, ledger.process())?),
            };
            let hits = index.search(&search, &ledger)?;
            Ok((index, hits))
        };
        let searched = self
            .turns
            .aside(context.held.clone(), asker.limit, work)
            .await;
        let (index, hits) = searched.unwrap_or_else(|_| {
            Err(ToolError::new(
                ToolErrorKind::ToolFailed,
                "the search ended before its time",
            ))
        })?;
        self.keep(patterns, index);
        Ok(hits)
    }

    fn keep(&self, patterns: Vec<ToolPatterns>, index: Arc<Index>) {
        let mut kept = self.kept.lock();
        kept.put(patterns, index);
        let bytes = |kept: &LruCache<_, Arc<Index>>| {
            let each = kept.iter().map(|(_, index)| index.held.bytes());
            each.fold(0, u64::saturating_add)
        };
        while kept.len() > 1 && bytes(&kept) > MAX_INDEX_BYTES {
            kept.pop_lru();
        }
    }
}

impl Index {
    fn new(of: Vec<Listed>, caller: &Caller, ledger: &Ledger) -> Result<Self, OverBudget> {
        let mut documents = Vec::new();
        let mut tools = Vec::new();
        let all: usize = of.iter().map(|listed| listed.tools.tools().count()).sum();
        let prose = (MAX_TEXT / 2 / all.max(1)).max(MIN_TEXT);
        let mut held = ledger.charge(0)?;
        for (list, listed) in of.iter().enumerate() {
            for named in listed.tools.tools() {
                if caller.may_call(&listed.configured_name, &listed.name, named) {
                    let document = Document::new(
                        format!("{}.{}", listed.name, named.attribute),
                        named.tool.description(),
                        named.tool.input_schema(),
                    );
                    let document = document.with_own_name(named.tool.name()).within(prose);
                    held.grow(document.text_bytes())?;
                    documents.push(document);
                    tools.push(IndexedTool {
                        list,
                        tool: named.tool.name().to_owned(),
                    });
                }
            }
        }
        held.grow(SearchIndex::most_bytes(documents.len(), held.bytes()))?;
        let index = SearchIndex::new(&documents);
        drop(documents);
        // It is charged less than before.
        held.resize(index.bytes().min(held.bytes()))?;
        Ok(Self {
            of,
            tools,
            index,
            held,
        })
    }

    /// Whether it was made from these very lists.
    fn is_of(&self, listed: &[Listed]) -> bool {
        self.of.len() == listed.len()
            && self.of.iter().zip(listed).all(|(ours, theirs)| {
                ours.name == theirs.name && Arc::ptr_eq(&ours.tools, &theirs.tools)
            })
    }

    fn search(&self, search: &Search, ledger: &Ledger) -> Result<Vec<ToolHit>, ToolError> {
        let positions = self.index.search(&search.query, search.limit.min(MAX_HITS));
        let mut telling = Telling::new(ledger)?;
        let mut hits = Vec::with_capacity(positions.len());
        for position in positions {
            let found = self.tools.get(position).and_then(|indexed| {
                let listed = self.of.get(indexed.list)?;
                Some((listed, listed.tools.resolve(&indexed.tool)?))
            });
            let Some((listed, named)) = found else {
                continue;
            };
            if search.detail == Detail::Full {
                telling.count(named.tool)?;
            }
            hits.push(hit(&listed.name, named, search.detail));
        }
        if let Some(ToolHit::Full(first)) = hits.first_mut() {
            first.held = telling.into_held();
        }
        Ok(hits)
    }
}

#[cfg(test)]
mod tests {
    use wxmcp_catalogue::Definition;
    use wxmcp_policy::{Hosts, Principal};

    use super::*;

    fn listed(tools: usize, description: &str) -> Vec<Listed> {
        let offers = (0..tools).map(|n| Definition {
            name: format!("tool_{n}"),
            description: description.replace('#', &n.to_string()),
            input_schema: serde_json::Value::Null,
            output_schema: None,
        });
        vec![Listed {
            configured_name: "s".to_owned(),
            name: "s".to_owned(),
            tools: Arc::new(Namespace::new(offers)),
        }]
    }

    fn made(listed: Vec<Listed>, ledger: &Ledger) -> Result<Index, OverBudget> {
        let everything = ToolPatterns::everything();
        let caller = Caller::script(Principal::local(), everything, Hosts::default());
        Index::new(listed, &caller, ledger)
    }

    #[test]
    fn an_index_is_charged_before_it_is_made_and_while_it_is_kept() {
        let endless: String = (0..1_000).map(|n| format!("word{n}x# ")).collect();
        let ledger = Ledger::of_process(20 << 20);
        let refused = made(listed(1_000, &endless), &ledger).unwrap_err();
        assert!(matches!(refused, OverBudget::Process { .. }), "{refused:?}");
        let index = made(listed(1_000, "Reads file number # of the archive"), &ledger).unwrap();
        assert_eq!(ledger.held(), index.held.bytes());
        assert!(index.held.bytes() > 400_000, "{ledger:?}");
        drop(index);
        assert_eq!(ledger.held(), 0);
    }

    #[test]
    fn tools_with_endless_prose_are_found_in_an_index_that_is_bounded() {
        let endless: String = (0..1_000).map(|n| format!("word{n}x# ")).collect();
        let ledger = Ledger::unbounded();
        let index = made(listed(300, &endless), &ledger).unwrap();
        assert!(index.held.bytes() < 64 << 20, "{ledger:?}");
        let search = Search {
            query: "tool 299".to_owned(),
            limit: 5,
            detail: Detail::Names,
        };
        let hits = index.search(&search, &ledger).unwrap();
        assert_eq!(hits.first().map(ToolHit::name), Some("s.tool_299"));
    }
}
