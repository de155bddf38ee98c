//! Modules that do nothing but pass on what others export, such as the main modules of `date-fns` and `lodash-es`.
//!
//! Where their package says that loading a module has no side effects, the guest need not load all of these others: only
//! those whose exports somebody asks for. So it is told, by name, which module has what.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::programs::{Module, Modules};
use super::resolve::Files;

/// How many modules may pass on what the next one passes on.
const DEEPEST: usize = 100;

/// Where an export is: the number of a module, and its name there; none means the module itself.
type Place = (usize, Option<String>);

type Exports = Option<Rc<BTreeMap<String, Place>>>;

/// Which modules export what.
pub(super) struct Lazy<'a> {
    all: &'a Modules,
    known: &'a Files<'a>,
    /// Modules that wait when they are loaded, or need one that does: those cannot be loaded when somebody asks for them.
    waiting: HashSet<usize>,
    /// By module, what it exports; nothing while that is being found out.
    found: RefCell<HashMap<usize, Exports>>,
}

impl<'a> Lazy<'a> {
    pub(super) fn new(all: &'a Modules, known: &'a Files<'a>) -> Self {
        Self {
            all,
            known,
            waiting: waiting(all),
            found: RefCell::default(),
        }
    }

    /// The exports of a module that is to be lazy, with their places.
    pub(super) fn names(&self, module: &Module) -> Option<Value> {
        if !module.outline.only_passes_on {
            return None;
        }
        let names = self.exports(module, DEEPEST)?;
        let names = names.iter();
        let names = names.map(|(name, (module, member))| (name.clone(), json!([module, member])));
        Some(Value::Object(names.collect()))
    }

    /// All that a module exports; none where that is not known before it runs, or where loading it has effects.
    fn exports(&self, module: &Module, depth: usize) -> Exports {
        let number = self.all.number(&module.path)?;
        if let Some(found) = self.found.borrow().get(&number) {
            return found.clone();
        }
        self.found.borrow_mut().insert(number, None);
        let found = self.read(module, number, depth).map(Rc::new);
        self.found.borrow_mut().insert(number, found.clone());
        found
    }

    fn read(&self, module: &Module, own: usize, depth: usize) -> Option<BTreeMap<String, Place>> {
        let depth = depth.checked_sub(1)?;
        let links = module.program.get("links")?;
        let is_common = links.get("common").and_then(Value::as_bool) != Some(false);
        let has_effects = || !has_no_effects(self.known, &module.path);
        if is_common || self.waiting.contains(&own) || has_effects() {
            return None;
        }
        let list = |name: &str| links.get(name).and_then(Value::as_array);
        let mut found = BTreeMap::new();
        let mut doubtful = Vec::new();
        for star in list("stars")? {
            let theirs = self.exports(self.imported(module, star)?, depth)?;
            for (name, place) in theirs.iter().filter(|(name, _)| *name != "default") {
                match found.get(name) {
                    Some(other) if other != place => doubtful.push(name.clone()),
                    _ => {
                        found.insert(name.clone(), place.clone());
                    }
                }
            }
        }
        for name in doubtful {
            found.remove(&name);
        }
        for name in list("exports")? {
            let name = name.as_str()?.to_owned();
            found.insert(name.clone(), (own, Some(name)));
        }
        for from in list("from")? {
            let name = from.get(0)?.as_str()?.to_owned();
            let other = self.imported(module, from.get(1)?)?;
            let place = match from.get(2)?.as_str() {
                None => (self.all.number(&other.path)?, None),
                Some(member) => self.exports(other, depth)?.get(member)?.clone(),
            };
            found.insert(name, place);
        }
        Some(found)
    }

    /// The module that is imported at a place among the imports of another.
    fn imported(&self, module: &Module, place: &Value) -> Option<&Module> {
        let place = usize::try_from(place.as_u64()?).ok()?;
        let import = module.program.get("imports")?.as_array()?.get(place)?;
        let path = module.imports.get(import.get("file")?.as_str()?)?;
        self.all.modules.get(self.all.number(path)?)
    }
}

/// Modules that wait at their top level, and those that import one of these.
fn waiting(all: &Modules) -> HashSet<usize> {
    let waits = |program: &Map<String, Value>| {
        let links = program.get("links");
        links.and_then(|it| it.get("waits")?.as_bool()) == Some(true)
    };
    let numbered = || all.modules.iter().enumerate();
    let mut waiting: HashSet<usize> = numbered()
        .filter(|(_, module)| waits(&module.program))
        .map(|(number, _)| number)
        .collect();
    loop {
        let before = waiting.len();
        for (number, module) in numbered() {
            let mut needed = module.imports.values().filter_map(|path| all.number(path));
            if !waiting.contains(&number) && needed.any(|it| waiting.contains(&it)) {
                waiting.insert(number);
            }
        }
        if waiting.len() == before {
            return waiting;
        }
    }
}

/// Whether the package of a module says that loading it does nothing but make its exports.
fn has_no_effects(known: &Files<'_>, path: &str) -> bool {
    let Some((folder, package)) = known.package_of(path) else {
        return false;
    };
    match package.get("sideEffects") {
        Some(Value::Bool(effects)) => !effects,
        Some(Value::Array(with_effects)) => {
            let below = path.strip_prefix(&format!("{folder}/")).unwrap_or(path);
            !with_effects.iter().any(|pattern| may_mean(pattern, below))
        }
        _ => false,
    }
}

/// Whether a pattern of `sideEffects` means a file. Where that is not plain, it does.
fn may_mean(pattern: &Value, path: &str) -> bool {
    let pattern = pattern.as_str().unwrap_or("*");
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    match pattern.split_once('*') {
        Some((before, _)) => path.starts_with(before),
        None => path == pattern || path.ends_with(&format!("/{pattern}")),
    }
}
