//! Reads which core module does the work, and what its exports are for.

use super::{INTERFACE, MeterError};
use std::collections::BTreeSet;
use std::ops::Range;
use wasmparser::{
    CanonicalFunction, CanonicalOption, ComponentAlias, ExternalKind, Instance, Operator, Parser,
    Payload, TypeRef,
};

/// What the exports of the core module are for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Roles {
    /// They are called when the component is.
    pub(super) entries: BTreeSet<String>,
    /// They allocate for the host, or free what it has read.
    pub(super) allocators: BTreeSet<String>,
}

impl Roles {
    /// Whether an export is an entry, and whether it is an allocator.
    pub(super) fn of(&self, export: &str) -> (bool, bool) {
        (
            self.entries.contains(export),
            self.allocators.contains(export),
        )
    }
}

/// Where in a component its work is done.
#[derive(Debug)]
pub(super) struct Shape {
    /// The bytes of the core module that does it.
    pub(super) main: Range<usize>,
    /// Its number.
    pub(super) main_number: u32,
    pub(super) roles: Roles,
}

impl Shape {
    /// Reads a valid component.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, MeterError> {
        Parts::read(bytes)?.shape(bytes)
    }
}

/// An instance of a core module (its number), or a bundle of exports.
type CoreInstance = Option<u32>;

#[derive(Default)]
struct Parts {
    modules: Vec<Range<usize>>,
    instances: Vec<CoreInstance>,
    /// Core functions: those that are exports of an instance, with their names.
    functions: Vec<Option<(u32, String)>>,
    lifted: Vec<u32>,
    allocators: Vec<u32>,
}

impl Parts {
    fn read(bytes: &[u8]) -> Result<Self, MeterError> {
        let mut parts = Self::default();
        let mut depth = 0_u32;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            match &payload {
                Payload::ModuleSection {
                    unchecked_range, ..
                } => {
                    if depth > 0 {
                        return Err(MeterError::Shape("a component within it has core modules"));
                    }
                    parts.modules.push(unchecked_range.clone());
                    depth = depth.saturating_add(1);
                }
                Payload::ComponentSection { .. } => depth = depth.saturating_add(1),
                Payload::End(_) => depth = depth.saturating_sub(1),
                _ if depth > 0 => {}
                payload => parts.section(payload)?,
            }
        }
        Ok(parts)
    }

    fn section(&mut self, payload: &Payload<'_>) -> Result<(), MeterError> {
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    if import?.name.name == INTERFACE {
                        return Err(MeterError::Metered(INTERFACE));
                    }
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    self.instances.push(match instance? {
                        Instance::Instantiate { module_index, .. } => Some(module_index),
                        Instance::FromExports(_) => None,
                    });
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    if let ComponentAlias::CoreInstanceExport {
                        kind: ExternalKind::Func | ExternalKind::FuncExact,
                        instance_index,
                        name,
                    } = alias?
                    {
                        self.functions.push(Some((instance_index, name.to_owned())));
                    }
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for canonical in section.clone() {
                    self.canonical(&canonical?)?;
                }
            }
            Payload::ComponentStartSection { .. } => {
                return Err(MeterError::Shape("it has a start function"));
            }
            _ => {}
        }
        Ok(())
    }

    fn canonical(&mut self, canonical: &CanonicalFunction) -> Result<(), MeterError> {
        let options = match canonical {
            CanonicalFunction::Lift {
                core_func_index,
                options,
                ..
            } => {
                self.lifted.push(*core_func_index);
                options
            }
            CanonicalFunction::Lower { options, .. } => {
                self.functions.push(None);
                options
            }
            CanonicalFunction::ResourceNew { .. }
            | CanonicalFunction::ResourceDrop { .. }
            | CanonicalFunction::ResourceRep { .. } => {
                self.functions.push(None);
                return Ok(());
            }
            _ => {
                return Err(MeterError::Shape(
                    "it has functions that go on while others do",
                ));
            }
        };
        for option in options {
            match option {
                CanonicalOption::Realloc(function) | CanonicalOption::PostReturn(function) => {
                    self.allocators.push(*function);
                }
                CanonicalOption::Async | CanonicalOption::Callback(_) => {
                    return Err(MeterError::Shape(
                        "it has functions that go on while others do",
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn shape(self, bytes: &[u8]) -> Result<Shape, MeterError> {
        let mut roles = Roles::default();
        let mut main = None;
        for function in &self.lifted {
            let (instance, name) = self.export(*function)?;
            if *main.get_or_insert(instance) != instance {
                return Err(MeterError::Shape(
                    "more than one core instance is called from outside",
                ));
            }
            roles.entries.insert(name.to_owned());
        }
        for function in &self.allocators {
            let (instance, name) = self.export(*function)?;
            // Another instance's are not metered, and so bounded, as is checked below.
            if main == Some(instance) {
                roles.allocators.insert(name.to_owned());
            }
        }
        if let Some(both) = roles.entries.intersection(&roles.allocators).next() {
            return Err(MeterError::Roles(both.clone()));
        }
        let main = main.ok_or(MeterError::Shape("it exports no function"))?;
        let module = self.module_of(main)?;
        if self
            .instances
            .iter()
            .filter(|it| **it == Some(module))
            .count()
            != 1
        {
            return Err(MeterError::Shape(
                "its core module has more than one instance",
            ));
        }
        let number = usize::try_from(module).map_err(|_| MeterError::Index("a module"))?;
        for (other, range) in self.modules.iter().enumerate() {
            if other != number {
                let bytes = bytes.get(range.clone()).unwrap_or_default();
                bounded(bytes).map_err(|what| match what {
                    Ok(what) => MeterError::Unbounded {
                        module: other,
                        what,
                    },
                    Err(error) => MeterError::Read(error),
                })?;
            }
        }
        let range = self.modules.get(number).cloned();
        Ok(Shape {
            main: range.ok_or(MeterError::Index("a module"))?,
            main_number: module,
            roles,
        })
    }

    fn export(&self, function: u32) -> Result<(u32, &str), MeterError> {
        let found = usize::try_from(function)
            .ok()
            .and_then(|function| self.functions.get(function))
            .ok_or(MeterError::Index("a core function"))?;
        match found {
            Some((instance, name)) => Ok((*instance, name)),
            None => Err(MeterError::Shape(
                "it passes functions of the host back to it",
            )),
        }
    }

    fn module_of(&self, instance: u32) -> Result<u32, MeterError> {
        let found = usize::try_from(instance)
            .ok()
            .and_then(|instance| self.instances.get(instance));
        found.copied().flatten().ok_or(MeterError::Shape(
            "what it exports is no export of a core module",
        ))
    }
}

/// Holds a module that is not metered against what makes its functions end: they have no loops, and
/// call imports, or functions that stand before them.
fn bounded(module: &[u8]) -> Result<(), Result<&'static str, wasmparser::Error>> {
    let mut index = 0_u32;
    for payload in Parser::new(0).parse_all(module) {
        match payload.map_err(Err)? {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    if let TypeRef::Func(_) = import.map_err(Err)?.ty {
                        index = index.saturating_add(1);
                    }
                }
            }
            Payload::CodeSectionEntry(body) => {
                for operator in body.get_operators_reader().map_err(Err)? {
                    match operator.map_err(Err)? {
                        Operator::Loop { .. } => return Err(Ok("has a loop")),
                        Operator::Call { function_index }
                        | Operator::ReturnCall { function_index }
                            if function_index >= index =>
                        {
                            return Err(Ok("may call itself"));
                        }
                        _ => {}
                    }
                }
                index = index.saturating_add(1);
            }
            _ => {}
        }
    }
    Ok(())
}
