//! An interface with some of its functions.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;

use super::super::model::Interface;
use super::measure;

impl Interface {
    /// Drops the functions of other tools, by the tools' own names, and the definitions that
    /// nothing else uses. What stays keeps the labels that it has beside all of them.
    pub fn narrow(&mut self, keep: impl Fn(&str) -> bool) {
        self.functions.retain(|function| keep(&function.name));
        let body = |place: usize| self.definition(place).map(|it| &it.body);
        let used: BTreeSet<usize> = self
            .functions
            .iter()
            .flat_map(|function| measure::used(function, &body))
            .collect();
        let mut places = BTreeMap::new();
        let mut kept = Vec::new();
        for (place, mut definition) in mem::take(&mut self.definitions).into_iter().enumerate() {
            if used.contains(&place) {
                places.insert(place, kept.len());
                definition.body.rename(&places);
                kept.push(definition);
            }
        }
        self.definitions = kept;
        for function in &mut self.functions {
            function.rename(&places);
        }
    }
}
