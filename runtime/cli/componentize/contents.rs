//! What a component is told of its tools: their types, listings and descriptions.

use std::collections::BTreeMap;

use anyhow::anyhow;
use serde_json::{Value, json};
use wxmcp_broker::Broker;
use wxmcp_sandbox::{NamespaceListing, ToolDescription, ToolHost};
use wxmcp_tooltree::nearest;
use wxmcp_tooltree::stubs::{StubFile, ToolSet};
use wxmcp_tooltree::wit::{self, Wit};

use super::Uses;
use crate::check::namespace_of;
use crate::commands::tools::{context, failed};
use crate::exit::Failure;

/// Tools that are described at once: no more than a broker answers.
const DESCRIBED: usize = 100;

/// The namespaces that a component imports.
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
    /// Reads the namespaces that a script uses; their servers start.
    pub(super) async fn gather(
        broker: &Broker,
        uses: Uses,
        with: &[String],
    ) -> Result<Self, Failure> {
        let all = broker.namespaces();
        let mut sets: Vec<ToolSet> = Vec::new();
        let mut spaces = BTreeMap::new();
        for name in names(&all, &uses, with)? {
            let set = broker.tool_set(&name, &context()).await.map_err(failed)?;
            let listing = ToolHost::namespace(broker, name.clone(), context());
            let listing = listing.await.map_err(failed)?;
            let described = described(broker, &set).await?;
            spaces.insert(set.namespace.clone(), Space { listing, described });
            sets.push(set);
        }
        let wit = Wit::generate(sets.iter().map(|set| {
            let tools = set.tools.iter().map(|(_, tool)| tool);
            (set.namespace.as_str(), tools)
        }));
        if let Some(namespace) = wit.left_out().first() {
            return Err(Failure::usage(anyhow!(
                "one component cannot import so many types: there is no room for `{namespace}`"
            )));
        }
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

    /// What the component is told, with the script.
    pub(super) fn told(&self, script: Value) -> Value {
        let namespaces: Vec<Value> = self
            .wit
            .interfaces()
            .iter()
            .map(|interface| {
                let space = self.spaces.get(&interface.namespace);
                let described: Vec<Value> = space
                    .iter()
                    .flat_map(|space| &space.described)
                    .map(|(own, told)| json!({"own": own, "told": told}))
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

/// The namespaces that a script uses. One that is imported must be there.
fn names(all: &[String], uses: &Uses, with: &[String]) -> Result<Vec<String>, Failure> {
    let mut found: Vec<String> = Vec::new();
    if uses.everything {
        found.extend(all.iter().cloned());
    }
    for spelled in uses.imported.iter().chain(with) {
        let Some(name) = namespace_of(all, spelled) else {
            return Err(unknown(all, spelled));
        };
        found.push(name.to_owned());
    }
    let perhaps = uses.perhaps.iter();
    found.extend(perhaps.filter_map(|spelled| namespace_of(all, spelled).map(str::to_owned)));
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn unknown(all: &[String], spelled: &str) -> Failure {
    let shown = wxmcp_tooltree::clean(spelled, 100);
    let close = nearest(spelled, all.iter().map(String::as_str));
    Failure::usage(anyhow!(match close.as_slice() {
        [] => format!("there is no namespace `{shown}`"),
        close => format!(
            "there is no namespace `{shown}`; did you mean `{}`?",
            close.join("` or `")
        ),
    }))
}

async fn described(
    broker: &Broker,
    set: &ToolSet,
) -> Result<Vec<(String, ToolDescription)>, Failure> {
    let mut all = Vec::new();
    for tools in set.tools.chunks(DESCRIBED) {
        let names = tools
            .iter()
            .map(|(attribute, _)| format!("{}.{attribute}", set.namespace))
            .collect();
        let told = ToolHost::describe(broker, names, context());
        let told = told.await.map_err(failed)?;
        let own = tools.iter().map(|(_, tool)| tool.name().to_owned());
        all.extend(own.zip(told));
    }
    Ok(all)
}
