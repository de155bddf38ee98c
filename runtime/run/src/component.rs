//! A supplied component that was compiled, for a process that did not compile it.

use std::os::fd::OwnedFd;
use std::sync::Arc;

/// What another process needs to run a supplied component. It holds no types of the engine.
#[derive(Clone, Debug)]
pub struct CompiledComponent {
    /// SHA-256 of the component, which its native code is cached by.
    pub digest: [u8; 32],
    /// The file of its native code; none where it could not be opened. Whoever maps it must check it first.
    pub native: Option<Arc<OwnedFd>>,
    /// What of it is called.
    pub entry: ComponentEntry,
    /// The tools that it imports with their types, as whoever linked it wrote them.
    pub imports: Arc<[u8]>,
}

/// What of a supplied component is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComponentEntry {
    /// `main`, or `run` of `wasi:cli/run`: it is a script.
    Script,
    /// A function, as a tool.
    Function {
        /// The exported interface that it is in; none if the component itself exports it.
        interface: Option<String>,
        /// Its label.
        function: String,
    },
}
