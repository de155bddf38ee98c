//! The component that is flattened, and what it does.

use guest_build::flatten::{FlattenError, flatten};
use wasmparser::{Parser, Payload};
use wasmtime::component::{Component, Linker, Resource, ResourceType, Val};
use wasmtime::{Engine, Store};

pub(crate) const LINKED: &str = include_str!("linked.wat");

pub(crate) type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

pub(crate) fn linked() -> Result<Vec<u8>> {
    Ok(wat::parse_str(LINKED)?)
}

/// The component of the tests with a part of its text replaced.
pub(crate) fn changed(from: &str, to: &str) -> Result<Vec<u8>> {
    assert!(
        LINKED.contains(from),
        "the component does not contain {from:?}"
    );
    Ok(wat::parse_str(LINKED.replacen(from, to, 1))?)
}

pub(crate) fn refusal(from: &str, to: &str) -> Result<FlattenError> {
    match flatten(&changed(from, to)?) {
        Ok(_) => Err("it was flattened".into()),
        Err(error) => Ok(error),
    }
}

/// Names and kinds of what a component imports and exports.
pub(crate) fn surface(bytes: &[u8]) -> Result<Vec<String>> {
    let (mut depth, mut names) = (0, Vec::new());
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import?;
                    names.push(format!("import {:?} {:?}", import.name, import.ty));
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export?;
                    names.push(format!("export {:?} {:?}", export.name, export.kind));
                }
            }
            _ => {}
        }
    }
    Ok(names)
}

pub(crate) fn modules(bytes: &[u8]) -> Result<usize> {
    let mut count = 0;
    for payload in Parser::new(0).parse_all(bytes) {
        count += usize::from(matches!(payload?, Payload::ModuleSection { .. }));
    }
    Ok(count)
}

/// What the host saw.
#[derive(Default, Debug, PartialEq)]
pub(crate) struct Host {
    pub(crate) log: Vec<String>,
    pub(crate) total: u32,
    pub(crate) dropped: Vec<u32>,
}

pub(crate) struct Thing;

/// Everything that a component does when its exports are called in turn.
pub(crate) fn behaviour(bytes: &[u8]) -> Result<(Vec<String>, Host)> {
    let engine = Engine::default();
    let component = Component::new(&engine, bytes)?;
    let mut linker = Linker::<Host>::new(&engine);
    let mut root = linker.root();
    root.func_wrap("log", |mut store, (text,): (String,)| {
        store.data_mut().log.push(text);
        Ok(())
    })?;
    root.func_wrap("now", |_, (): ()| Ok((5u32,)))?;
    root.func_wrap("count-up", |mut store, (by,): (u32,)| {
        let total = store.data().total.wrapping_add(by);
        store.data_mut().total = total;
        Ok((store.data().total,))
    })?;
    root.resource(
        "thing",
        ResourceType::host::<Thing>(),
        |mut store, thing| {
            store.data_mut().dropped.push(thing);
            Ok(())
        },
    )?;
    let mut store = Store::new(&engine, Host::default());
    let instance = linker.instantiate(&mut store, &component)?;
    let mut results = Vec::new();
    for round in 0..3 {
        for x in [0, 1, 7, 40_000, u32::MAX] {
            let run = instance.get_typed_func::<(u32,), (u32,)>(&mut store, "run")?;
            results.push(format!("{:?}", run.call(&mut store, (x,))?));
        }
        let describe = instance
            .get_func(&mut store, "describe")
            .ok_or("no describe")?;
        let mut answer = [Val::Bool(false)];
        describe.call(&mut store, &[], &mut answer)?;
        results.push(format!("{answer:?}"));
        let release = instance.get_typed_func::<(Resource<Thing>,), ()>(&mut store, "release")?;
        release.call(&mut store, (Resource::new_own(100 + round),))?;
    }
    Ok((results, store.into_data()))
}
