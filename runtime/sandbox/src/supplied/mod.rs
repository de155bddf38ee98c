//! Supplied components, instead of source text for a guest of ours: scripts
//! (`main`, or a command of WASI) and tool files whose exported functions are tools.
//!
//! Such a component is as hostile as any script. It is compiled by a process of its own,
//! under limits ([`Compiler`]), never loaded as native code from elsewhere. Its
//! imports are WASI and functions that are tools, linked by their types ([`LinkedTool`]), and end
//! where every call ends: in [`ToolHost::call`](wxmcp_run::ToolHost::call).

mod compile;
mod enter;
mod link;
mod surface;

use std::os::fd::OwnedFd;
use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::{Component, ComponentExportIndex};

pub use compile::{CompileError, CompileLimits, Compiler, NotComponent, compile_main};
pub(crate) use enter::{Export, enter};
pub use link::{LinkedTool, TypedTool};
pub use surface::{Function, Interface};
/// Values and types of components, as the engine has them.
pub use wasmtime::component::{Val, types};

use crate::meter::Metering;
use wxmcp_run::{CompiledComponent, ComponentEntry, RunError};

use crate::engine::engine_error;
use crate::sandbox::{Entry, Sandbox};

/// A component that was compiled and can be looked at, linked and run.
#[derive(Clone)]
pub struct Supplied {
    engine: Engine,
    component: Component,
    native: Native,
}

/// The digest of a component, and the file of its native code.
pub(crate) type Native = ([u8; 32], Arc<OwnedFd>);

/// What a function of a tool file in WebAssembly does with JSON.
pub trait TypedExport: Send + Sync {
    /// The parameters that the arguments of a call stand for.
    ///
    /// # Errors
    ///
    /// What is wrong with the arguments.
    fn parameters(
        &self,
        arguments: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<Vec<Val>, String>;

    /// The run's value that the results stand for.
    ///
    /// # Errors
    ///
    /// What no JSON can say of them.
    fn value(&self, results: &[Val]) -> Result<serde_json::Value, String>;
}

impl Supplied {
    pub(crate) fn new(engine: Engine, component: Component, native: Native) -> Self {
        Self {
            engine,
            component,
            native,
        }
    }

    /// The same for another process, with what it calls and the tools that are imported, as [`CompiledComponent`] has them.
    pub fn compiled(&self, entry: ComponentEntry, imports: Vec<u8>) -> CompiledComponent {
        let (digest, file) = &self.native;
        CompiledComponent {
            digest: *digest,
            native: Some(Arc::clone(file)),
            entry,
            imports: imports.into(),
        }
    }

    /// Whether it can be run as a script.
    pub fn is_script(&self) -> bool {
        self.script_export().is_some()
    }

    /// What it imports: instances with their functions, and what else by its name.
    pub fn imports(&self) -> Vec<Interface> {
        let of = self.component.component_type();
        surface::interfaces(&self.engine, of.imports(&self.engine))
    }

    /// What it exports, in the same form.
    pub fn exports(&self) -> Vec<Interface> {
        let of = self.component.component_type();
        surface::interfaces(&self.engine, of.exports(&self.engine))
    }

    /// A sandbox that runs it as a script.
    ///
    /// # Errors
    ///
    /// When it is no script, or imports what neither WASI nor `tools` have.
    pub fn script(&self, tools: &[LinkedTool]) -> Result<Sandbox, RunError> {
        let export = self.script_export().ok_or(RunError::NoScript)?;
        self.sandbox(tools, Entry::Supplied(export))
    }

    /// A sandbox that runs scripts by it: it is an interpreter, by `wit/guest.wit`.
    ///
    /// # Errors
    ///
    /// When it is none, or imports what the host does not have.
    pub fn interpreter(&self) -> Result<Sandbox, RunError> {
        let entry = Entry::of_interpreter(&self.component).ok_or(RunError::NotAnInterpreter)?;
        self.sandbox(&[], entry)
    }

    /// A sandbox that calls one of its functions, of an interface that it exports or of its
    /// own (`None`).
    ///
    /// # Errors
    ///
    /// When there is no such function, or it imports what neither WASI nor `tools` have.
    pub fn function(
        &self,
        interface: Option<&str>,
        function: &str,
        export: Arc<dyn TypedExport>,
        tools: &[LinkedTool],
    ) -> Result<Sandbox, RunError> {
        let index = self
            .export(interface, function)
            .ok_or_else(|| RunError::NoFunction(function.to_owned()))?;
        self.sandbox(tools, Entry::Supplied(Export::Function(index, export)))
    }

    fn sandbox(&self, tools: &[LinkedTool], entry: Entry) -> Result<Sandbox, RunError> {
        let linker = link::linker(&self.engine, tools).map_err(engine_error)?;
        let before = linker
            .instantiate_pre(&self.component)
            .map_err(engine_error)?;
        Ok(Sandbox {
            before,
            entry,
            metering: Metering::Engine,
        })
    }

    fn script_export(&self) -> Option<Export> {
        let exports = self.exports();
        let main = exports.iter().find(|it| it.name == "main");
        if let Some(function) = main.and_then(|it| it.own.as_ref()) {
            let index = self.export(None, "main")?;
            return surface::is_main(&function.of).then_some(Export::Main(index));
        }
        let command = exports
            .iter()
            .find(|it| it.name.starts_with("wasi:cli/run@0.2."))?;
        self.export(Some(&command.name), "run").map(Export::Command)
    }

    fn export(&self, interface: Option<&str>, function: &str) -> Option<ComponentExportIndex> {
        let instance = match interface {
            Some(name) => Some(self.component.get_export_index(None, name)?),
            None => None,
        };
        self.component.get_export_index(instance.as_ref(), function)
    }
}
