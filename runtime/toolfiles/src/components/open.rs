//! What runs a component: a sandbox of this process, or another process.

use std::sync::Arc;

use wxmcp_run::{CompiledComponent, ComponentEntry, RunError, Runner};
use wxmcp_sandbox::Sandbox;
use wxmcp_sandbox::supplied::{Function, LinkedTool, Supplied};

use super::export::{ToolExport, read};
use super::link::Imports;

/// What runs a component that was linked: `elsewhere` where that can, else a sandbox of this process.
///
/// # Errors
///
/// When it has no such entry, or imports what the sandbox does not have.
pub fn runner(
    component: &Supplied,
    entry: ComponentEntry,
    imports: &Imports,
    elsewhere: Option<Arc<dyn Runner>>,
) -> Result<Arc<dyn Runner>, RunError> {
    if entry == ComponentEntry::Script && !component.is_script() {
        return Err(RunError::NoScript);
    }
    if let Some(elsewhere) = elsewhere {
        let compiled = component.compiled(entry.clone(), imports.to_bytes()?);
        if let Some(runner) = elsewhere.for_component(compiled) {
            return Ok(runner);
        }
    }
    Ok(Arc::new(sandbox(component, &entry, &imports.tools)?))
}

/// A sandbox for a component that another process has linked by [`runner`].
///
/// # Errors
///
/// When its imports cannot be read, or it is not the component that they were written for.
pub fn open(component: &Supplied, compiled: &CompiledComponent) -> Result<Sandbox, RunError> {
    let imports = Imports::read(&compiled.imports, component)?;
    sandbox(component, &compiled.entry, &imports.tools)
}

fn sandbox(
    component: &Supplied,
    entry: &ComponentEntry,
    tools: &[LinkedTool],
) -> Result<Sandbox, RunError> {
    let ComponentEntry::Function {
        interface,
        function,
    } = entry
    else {
        return component.script(tools);
    };
    let found = exported(component, interface.as_deref(), function);
    let found = found.ok_or_else(|| RunError::NoFunction(function.clone()))?;
    let export = read(&found.of).map_err(|why| RunError::Guest(why.to_string(), None))?;
    let export = Arc::new(ToolExport(export));
    component.function(interface.as_deref(), function, export, tools)
}

/// A function that a component exports, of an interface or of its own.
fn exported(component: &Supplied, interface: Option<&str>, function: &str) -> Option<Function> {
    let mut exports = component.exports().into_iter();
    match interface {
        Some(name) => {
            let functions = exports.find(|it| it.name == name)?.functions;
            functions.into_iter().find(|it| it.name == function)
        }
        None => exports.find_map(|it| it.own.filter(|own| own.name == function)),
    }
}
