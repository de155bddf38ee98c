//! Modules that need nothing but the values of modules like them: most of those that packages are divided into.
//!
//! They form no circle, and what they export does not change once they have run. So the guest runs each after those that it
//! needs, hands it their values, and is done: none of what modules need elsewhere has to be made.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value, json};

use super::lazy::Lazy;
use super::programs::{Module, Modules};

/// What a simple module may use of what it is called with.
const MEMBERS: [&str; 4] = ["default", "link(", "modules", "up()"];

/// What is known of a module.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Simple,
    Other,
}

/// Which modules are simple.
pub(super) struct Simple<'a> {
    all: &'a Modules,
    lazy: &'a Lazy<'a>,
    simple: BTreeSet<usize>,
}

/// What a module imports.
struct Needed {
    /// Of each import the module, or, where that is lazy, by name the module and the name there.
    imports: Vec<Value>,
    /// All these modules.
    modules: Vec<usize>,
}

impl<'a> Simple<'a> {
    pub(super) fn new(all: &'a Modules, lazy: &'a Lazy<'a>) -> Self {
        let mut found = Self {
            all,
            lazy,
            simple: BTreeSet::new(),
        };
        let alone: Vec<Option<Vec<usize>>> = all
            .modules
            .iter()
            .map(|module| match lazy.names(module) {
                Some(_) => None,
                None => found.needed(module).map(|it| it.modules),
            })
            .collect();
        let mut states = HashMap::new();
        for number in 0..alone.len() {
            visit(number, &alone, &mut states);
        }
        let simple = states.iter().filter(|(_, state)| **state == State::Simple);
        found.simple = simple.map(|(number, _)| *number).collect();
        found
    }

    /// What the guest is told of a module that is simple.
    pub(super) fn members(&self, module: &Module) -> Option<Map<String, Value>> {
        let number = self.all.number(&module.path)?;
        if !self.simple.contains(&number) {
            return None;
        }
        let links = module.program.get("links")?;
        let mut members = Map::new();
        members.insert(
            "simple".to_owned(),
            Value::Array(self.needed(module)?.imports),
        );
        members.insert("names".to_owned(), links.get("exports")?.clone());
        members.insert("from".to_owned(), links.get("from")?.clone());
        for name in ["shifts", "map"] {
            if let Some(value) = module.program.get(name) {
                members.insert(name.to_owned(), value.clone());
            }
        }
        Some(members)
    }

    /// What a module imports, if it may be simple as far as it tells by itself.
    fn needed(&self, module: &Module) -> Option<Needed> {
        let links = module.program.get("links")?;
        let is = |name: &str| links.get(name).and_then(Value::as_bool) == Some(true);
        let is_empty = |name: &str| links.get(name)?.as_array().map(Vec::is_empty);
        if is("common") || is("waits") || is_empty("stars") != Some(true) {
            return None;
        }
        if !uses_only_values(&module.source) || program(&module.source).is_none() {
            return None;
        }
        let from = links.get("from")?.as_array()?;
        let mut needed = Needed {
            imports: Vec::new(),
            modules: Vec::new(),
        };
        for (place, import) in module
            .program
            .get("imports")?
            .as_array()?
            .iter()
            .enumerate()
        {
            if import.get("star").and_then(Value::as_bool) != Some(false) {
                return None;
            }
            let other = module.imports.get(import.get("file")?.as_str()?)?;
            let other = self.all.modules.get(self.all.number(other)?)?;
            let mut names: Vec<&str> = Vec::new();
            for name in import.get("names")?.as_array()? {
                names.push(name.as_str()?);
            }
            for one in from {
                if one.get(1)?.as_u64() == u64::try_from(place).ok() {
                    names.push(one.get(2)?.as_str()?);
                }
            }
            self.add(&mut needed, other, &names)?;
        }
        Some(needed)
    }

    /// Adds an import of names of another module.
    fn add(&self, needed: &mut Needed, other: &Module, names: &[&str]) -> Option<()> {
        let Some(Value::Object(lazy)) = self.lazy.names(other) else {
            if !names.iter().all(|name| exports(other, name)) {
                return None;
            }
            let number = self.all.number(&other.path)?;
            needed.modules.push(number);
            needed.imports.push(json!(number));
            return Some(());
        };
        let mut places = Map::new();
        for name in names {
            let place = lazy.get(*name)?;
            // The module itself has no value of that name.
            place.get(1)?.as_str()?;
            needed
                .modules
                .push(usize::try_from(place.get(0)?.as_u64()?).ok()?);
            places.insert((*name).to_owned(), place.clone());
        }
        needed.imports.push(Value::Object(places));
        Some(())
    }
}

/// Whether a module exports a name, of its own or of another.
fn exports(module: &Module, name: &str) -> bool {
    let list = |key: &str| module.program.get("links")?.get(key)?.as_array();
    let own = list("exports").into_iter().flatten();
    let from = list("from").into_iter().flatten();
    own.chain(from.filter_map(|it| it.get(0)))
        .any(|it| it.as_str() == Some(name))
}

/// The program of a simple module: it takes its values, and returns those that it exports.
pub(super) fn program(source: &str) -> Option<String> {
    let (head, body) = source.split_once(");/*cycle*/\n")?;
    let (start, linked) = head.split_once(".link({__proto__:null,")?;
    let (exports, imports) = linked.rsplit_once("},[")?;
    let start = start.get(..start.rfind(['{', ';'])?.checked_add(1)?)?;
    let imports = match imports.strip_suffix(']')? {
        "" => String::new(),
        imports => {
            let imports = imports.strip_prefix("()=>{")?.strip_suffix('}')?;
            imports.replace("},()=>{", "")
        }
    };
    let exports = exports.replace("]:()=>", "]:");
    let body = body.strip_suffix("})")?;
    Some(format!(
        "{start}{imports}\n{body}return{{__proto__:null,{exports}}}}})"
    ))
}

/// Whether a program uses the object that it is called with for nothing but values, and tells of no change of them.
fn uses_only_values(source: &str) -> bool {
    let head = source.strip_prefix("(function(");
    let Some((name, _)) = head.and_then(|head| head.split_once(')')) else {
        return false;
    };
    let uses = source.match_indices(name).skip(1);
    let mut uses = uses.map(|(at, _)| source.get(at.saturating_add(name.len())..));
    uses.all(|rest| {
        let member = rest.and_then(|rest| rest.strip_prefix('.'));
        member.is_some_and(|it| MEMBERS.iter().any(|name| it.starts_with(name)))
    })
}

/// Decides of a module when those that it needs are decided; one that needs itself is not simple.
fn visit(
    number: usize,
    needed: &[Option<Vec<usize>>],
    states: &mut HashMap<usize, State>,
) -> State {
    match states.get(&number) {
        Some(State::Open) => return State::Other,
        Some(known) => return *known,
        None => {}
    }
    states.insert(number, State::Open);
    let needs = needed.get(number).and_then(Option::as_ref);
    // All of them: each is to be decided.
    let is_simple = needs.is_some_and(|needs| {
        let others: Vec<State> = needs.iter().map(|it| visit(*it, needed, states)).collect();
        others.iter().all(|state| *state == State::Simple)
    });
    let state = match is_simple {
        true => State::Simple,
        false => State::Other,
    };
    states.insert(number, state);
    state
}
