//! What is put into a component about its tools: their types, listings and descriptions.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::anyhow;
use serde_json::{Value, json};
use wxmcp_broker::CallerHost;
use wxmcp_catalogue::stubs::{StubFile, ToolSet};
use wxmcp_catalogue::wit::{self, Wit};
use wxmcp_run::{NamespaceListing, ToolDescription, ToolHost};

use super::adapter::Adapter;
use super::wanted::Wanted;
use crate::commands::tools::{context, failed};
use crate::exit::Failure;

/// Tools that are described at once: no more than a broker answers.
const DESCRIBED: usize = 100;

/// The namespaces and tools that a component imports.
pub(super) struct Contents {
    wit: Wit,
    spaces: BTreeMap<String, Space>,
}

/// One of them.
struct Space {
    listing: NamespaceListing,
    /// By the tools' own names.
    described: Vec<(String, ToolDescription)>,
}

impl Contents {
    /// Reads the tools that are wanted of the namespaces that are there; their servers start.
    pub(super) async fn gather(
        broker: &CallerHost,
        all: &[String],
        wanted: &Wanted,
        adapter: Adapter,
    ) -> Result<Self, Failure> {
        let mut sets: Vec<ToolSet> = Vec::new();
        let mut selections: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut spaces = BTreeMap::new();
        for (name, selection) in wanted.namespaces() {
            let set = broker
                .tool_set(name, &context(broker))
                .await
                .map_err(failed)?;
            let Some(selected) = selection.select(&set, adapter)? else {
                continue;
            };
            let listing = ToolHost::namespace(broker, name.to_owned(), context(broker));
            let mut listing = listing.await.map_err(failed)?;
            listing.tools.retain(|tool| selected.contains(&tool.name));
            let described = described(broker, &set, &selected).await?;
            spaces.insert(set.namespace.clone(), Space { listing, described });
            selections.insert(set.namespace.clone(), selected);
            sets.push(set);
        }
        // Of all tools, since labels are told apart among all.
        let wit = Wit::generate(sets.iter().map(|set| {
            let tools = set.tools.iter().map(|(_, tool)| tool);
            (set.namespace.as_str(), tools)
        }));
        if let Some(namespace) = wit.left_out().first() {
            return Err(Failure::usage(anyhow!(
                "one component cannot import so many types: there is no room for `{namespace}`"
            )));
        }
        let wit = wit.narrowed(|namespace, tool| {
            let selected = selections.get(namespace);
            selected.is_some_and(|selected| selected.contains(tool))
        });
        let labels = wit::labels(all.iter().map(String::as_str));
        Ok(Self {
            wit: wit.labelled(&labels),
            spaces,
        })
    }

    /// The world of the component and what it imports, below the folder `wit`.
    pub(super) fn wit(&self, others: &[&str]) -> Vec<StubFile> {
        let files = self.wit.built_files(others).into_iter();
        files
            .map(|file| StubFile {
                path: format!("wit/{}", file.path),
                text: file.text,
            })
            .collect()
    }

    /// What the interfaces are imported by; `None` for one without functions.
    pub(super) fn modules(&self) -> impl Iterator<Item = Option<String>> {
        let interfaces = self.wit.interfaces().iter();
        interfaces.map(|it| (!it.functions.is_empty()).then(|| it.import_name()))
    }

    /// The data that goes into the component, with the script.
    pub(super) fn data(&self, script: Value) -> Value {
        let namespaces: Vec<Value> = self
            .wit
            .interfaces()
            .iter()
            .map(|interface| {
                let space = self.spaces.get(&interface.namespace);
                let described: Vec<Value> = space
                    .iter()
                    .flat_map(|space| &space.described)
                    .map(|(own, description)| json!({"own": own, "told": description}))
                    .collect();
                json!({
                    "label": interface.label,
                    "listing": space.map(|space| &space.listing),
                    "layout": interface.layout(),
                    "described": described,
                })
            })
            .collect();
        json!({"script": script, "namespaces": namespaces})
    }

    /// The namespaces, and how many tools of each are imported.
    pub(super) fn imports(&self) -> Vec<(String, usize)> {
        let interfaces = self.wit.interfaces().iter();
        interfaces
            .map(|it| (it.namespace.clone(), it.functions.len()))
            .collect()
    }
}

async fn described(
    broker: &CallerHost,
    set: &ToolSet,
    selected: &BTreeSet<String>,
) -> Result<Vec<(String, ToolDescription)>, Failure> {
    let mut all = Vec::new();
    let tools = set.tools.iter();
    let tools: Vec<_> = tools
        .filter(|(_, tool)| selected.contains(tool.name()))
        .collect();
    for tools in tools.chunks(DESCRIBED) {
        let names = tools
            .iter()
            .map(|(attribute, _)| format!("{}.{attribute}", set.namespace))
            .collect();
        let described = ToolHost::describe(broker, names, context(broker));
        let described = described.await.map_err(failed)?;
        let own = tools.iter().map(|(_, tool)| tool.name().to_owned());
        all.extend(own.zip(described));
    }
    Ok(all)
}
