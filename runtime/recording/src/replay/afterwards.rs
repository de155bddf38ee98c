//! The tools of what is typed after a replay has stopped: they can be looked up as far as the recording has them, and none is
//! called.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};
use wxmcp_run::{
    BoxFuture, CallContext, Capability, Held, NamespaceListing, Search, ToolAnswer, ToolCall,
    ToolDescription, ToolError, ToolErrorKind, ToolHit, ToolHost, ToolListing, Written,
};

use super::recorded::Recorded;
use crate::answer;
use crate::event::{Answer, Question};
use crate::question;

/// A host of tools that answers look-ups with what was recorded, and calls nothing.
pub struct Afterwards {
    namespaces: Vec<String>,
    /// What was asked and answered, in the order of the recording.
    answers: Vec<(Question, Answer)>,
}

impl Afterwards {
    /// What the runs of a recording were told of tools.
    pub fn of<'r>(runs: impl IntoIterator<Item = &'r Arc<Recorded>>) -> Self {
        let mut this = Self {
            namespaces: Vec::new(),
            answers: Vec::new(),
        };
        for run in runs {
            this.namespaces.clone_from(&run.head.namespaces);
            let mut answers: Vec<_> = run
                .instances
                .iter()
                .flat_map(|it| {
                    let asked = it.asked.iter();
                    asked.filter_map(|(id, asked)| Some((asked, it.answered.get(id)?)))
                })
                .collect();
            answers.sort_by_key(|(asked, _)| asked.event);
            let answers = answers.into_iter();
            this.answers
                .extend(answers.map(|(asked, answer)| (asked.it.clone(), answer.clone())));
        }
        this
    }

    /// What was answered last to a question.
    fn answer(&self, asked: &Question) -> Option<&Answer> {
        let mut answers = self.answers.iter().rev();
        let found = answers.find(|(it, answer)| it == asked && matches!(answer, Answer::Ok(_)));
        found.map(|(_, answer)| answer)
    }

    fn listing(&self, name: &str) -> Result<NamespaceListing, ToolError> {
        if let Some(recorded) = self.answer(&Question::Namespace(name.to_owned())) {
            return answer::read(recorded, answer::to_listing);
        }
        // Tools that were called without a look at their namespace.
        let called = self.answers.iter().filter_map(|(asked, _)| match asked {
            Question::Call { name: tool, .. } => tool.strip_prefix(name)?.strip_prefix('.'),
            _ => None,
        });
        let called: BTreeSet<&str> = called.collect();
        if called.is_empty() {
            return Err(unknown(format!(
                "the recording does not have the tools of `{name}`, and a replay asks nobody"
            )));
        }
        let tool = |name: &str| ToolListing {
            name: name.to_owned(),
            attribute: name.to_owned(),
            parameters: Vec::new(),
            object_first: false,
            description: String::new(),
        };
        Ok(NamespaceListing {
            name: name.to_owned(),
            tools: called.into_iter().map(tool).collect(),
            held: Held::default(),
        })
    }

    fn description(&self, name: &str) -> Result<ToolDescription, ToolError> {
        let answers =
            self.answers.iter().rev().filter_map(|(asked, answer)| {
                matches!(asked, Question::Describe(_)).then_some(answer)
            });
        let mut all = answers
            .filter_map(|it| answer::read(it, answer::to_descriptions).ok())
            .flatten();
        all.find(|it| it.name == name).ok_or_else(|| {
            unknown(format!(
                "the recording does not have a description of `{name}`, and a replay asks nobody"
            ))
        })
    }
}

fn unknown(words: String) -> ToolError {
    ToolError::new(ToolErrorKind::UnknownTool, words)
}

fn not_called(what: &str) -> ToolError {
    let words = format!(
        "{what}: a replay has no tools beyond the answers that were recorded for its script"
    );
    ToolError::new(ToolErrorKind::NotGranted, words)
}

impl ToolHost for Afterwards {
    fn call(&self, call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        let name: String = call.name.chars().take(200).collect();
        Box::pin(async move { Err(not_called(&format!("`{name}` is not called"))) })
    }

    fn namespaces(&self) -> Vec<String> {
        self.namespaces.clone()
    }

    fn namespace(
        &self,
        name: String,
        _context: CallContext,
    ) -> BoxFuture<'_, Result<NamespaceListing, ToolError>> {
        Box::pin(async move { self.listing(&name) })
    }

    fn known(
        &self,
        namespace: String,
        _context: CallContext,
    ) -> BoxFuture<'_, Option<Vec<[String; 2]>>> {
        let listing = self.listing(&namespace).ok();
        let tools = listing.map(|it| it.tools.into_iter());
        let names = tools.map(|it| it.map(|tool| [tool.attribute, tool.name]).collect());
        Box::pin(async move { names })
    }

    fn search(
        &self,
        search: Search,
        _context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolHit>, ToolError>> {
        let recorded = self.answer(&question::of_search(&search));
        let hits = match recorded {
            Some(recorded) => answer::read(recorded, |value| answer::to_hits(value, search.detail)),
            None => Err(not_called("the recording has no such search")),
        };
        Box::pin(async move { hits })
    }

    fn describe(
        &self,
        names: Vec<String>,
        _context: CallContext,
    ) -> BoxFuture<'_, Result<Vec<ToolDescription>, ToolError>> {
        let described = names.iter().map(|name| self.description(name)).collect();
        Box::pin(async move { described })
    }

    fn capability(
        &self,
        capability: Capability,
        _request: Map<String, Value>,
        _context: CallContext,
    ) -> BoxFuture<'_, Result<Written, ToolError>> {
        let what = format!("nothing answers the request to `{capability}`");
        Box::pin(async move { Err(not_called(&what)) })
    }
}
