//! The tools as WIT: a package a namespace, and a world that imports them all.
//!
//! JSON Schema becomes a model ([`Interface`]), the model becomes text ([`Wit::files`]), and
//! the same model turns JSON into values of components and back, exactly: what a type could
//! not give back as it was is `json`, text. The same tools give the same bytes, in whatever
//! order they come. Definitions are hostile: labels are made, never copied, prose stays behind
//! `///`, and what is larger than a component type may be takes and answers JSON.
//!
//! [`exports`] is the inverse: a function that a component exports, as a tool.

mod convert;
mod docs;
pub mod exports;
mod kinds;
mod labels;
mod layout;
mod lower;
mod model;
mod numbers;
mod print;
mod value;

use std::collections::{BTreeMap, BTreeSet};

pub use labels::{plain_label, plain_name};
pub use model::{
    Arguments, Body, Case, Constant, Definition, Flag, Function, Interface, Literal, Member,
    Others, Record, Type,
};
pub use value::{ConvertError, Reason, Value};

use self::labels::Labels;
use crate::stubs::StubFile;
use crate::tool::Tool;

/// Nodes of all interfaces of a world. Component types have at most a million.
const MAX_WORLD_SIZE: usize = 450_000;

/// The labels of namespaces that are there together, by the namespaces' own names.
pub fn labels<'a>(namespaces: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, String> {
    let namespaces: BTreeSet<&str> = namespaces.into_iter().collect();
    let labels = Labels::of_names(namespaces.iter().copied(), &BTreeSet::new());
    namespaces
        .into_iter()
        .map(|namespace| (namespace.to_owned(), labels.get(namespace)))
        .collect()
}

/// The WIT of some namespaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wit {
    interfaces: Vec<Interface>,
    left_out: Vec<String>,
}

impl Wit {
    /// Reads the tools of some namespaces. Tools and namespaces may come in any order; of
    /// several tools of one name in a namespace, and of several namespaces of one name, the
    /// first counts.
    pub fn generate<'a, T>(namespaces: impl IntoIterator<Item = (&'a str, T)>) -> Self
    where
        T: IntoIterator<Item = &'a Tool>,
    {
        let mut sorted: BTreeMap<&str, BTreeMap<&str, &Tool>> = BTreeMap::new();
        for (namespace, tools) in namespaces {
            if sorted.contains_key(namespace) {
                continue;
            }
            let mut named = BTreeMap::new();
            for tool in tools {
                named.entry(tool.name()).or_insert(tool);
            }
            sorted.insert(namespace, named);
        }
        let labels = Labels::of_names(sorted.keys().copied(), &BTreeSet::new());
        let mut interfaces = Vec::new();
        let mut left_out = Vec::new();
        let mut left = MAX_WORLD_SIZE;
        for (namespace, tools) in sorted {
            let tools: Vec<&Tool> = tools.into_values().collect();
            let (interface, size) = lower::interface(namespace, labels.get(namespace), &tools);
            match left.checked_sub(size) {
                Some(rest) => {
                    left = rest;
                    interfaces.push(interface);
                }
                None => left_out.push(namespace.to_owned()),
            }
        }
        Self {
            interfaces,
            left_out,
        }
    }

    /// The interfaces, ordered by their namespaces' own names.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// The interface of a namespace, by its own name.
    pub fn interface(&self, namespace: &str) -> Option<&Interface> {
        self.interfaces.iter().find(|it| it.namespace == namespace)
    }

    /// Namespaces that are left out because one component could not import them beside the
    /// others.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// All of the text, in the places where tools look for it: the world in `world.wit`, the
    /// types that all share and a package a namespace in `deps/`.
    pub fn files(&self) -> Vec<StubFile> {
        self.files_with(print::world(&self.interfaces, &self.left_out))
    }

    /// The same for one component: its world `script` imports these interfaces, and others by
    /// their names.
    pub fn built_files(&self, others: &[&str]) -> Vec<StubFile> {
        self.files_with(print::built(&self.interfaces, others))
    }

    /// Gives interfaces the labels that they have beside other namespaces: [`labels`].
    pub fn labelled(mut self, labels: &BTreeMap<String, String>) -> Self {
        for interface in &mut self.interfaces {
            if let Some(label) = labels.get(&interface.namespace) {
                interface.label.clone_from(label);
            }
        }
        self
    }

    /// Leaves out tools: `keep` is asked with a namespace and a tool, by their own names. The
    /// labels of the others stay what they are beside all of them.
    pub fn narrowed(mut self, keep: impl Fn(&str, &str) -> bool) -> Self {
        for interface in &mut self.interfaces {
            let namespace = interface.namespace.clone();
            interface.narrow(|tool| keep(&namespace, tool));
        }
        self
    }

    fn files_with(&self, world: String) -> Vec<StubFile> {
        let mut files = vec![
            StubFile {
                path: "world.wit".to_owned(),
                text: world,
            },
            StubFile {
                path: "deps/wxmcp-tool-types.wit".to_owned(),
                text: print::TYPES.to_owned(),
            },
        ];
        files.extend(self.interfaces.iter().map(|interface| StubFile {
            path: format!("deps/tools-{}.wit", interface.label),
            text: print::interface(interface),
        }));
        files
    }
}

#[cfg(test)]
mod tests;
