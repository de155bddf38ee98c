//! The guests that are inside this executable.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime::Engine;
use wxmcp_run::{BoxFuture, Language, RunError};
use wxmcp_sandbox::engine::{self, Allocation};
use wxmcp_sandbox::supplied::{CompileError, CompileLimits, Compiler, Supplied};
use wxmcp_sandbox::{NativeCache, NativeGuest, Sandbox};
use wxmcp_toolfiles::Interpreters;

/// CPython, whole standard library included.
static PYTHON: NativeGuest = NativeGuest {
    name: "python",
    sha256: env!("WXMCP_PYTHON_SHA256"),
    size: size(env!("WXMCP_PYTHON_SIZE")),
    compressed: include_bytes!(env!("WXMCP_PYTHON_NATIVE")),
};

/// StarlingMonkey.
static JAVASCRIPT: NativeGuest = NativeGuest {
    name: "javascript",
    sha256: env!("WXMCP_JAVASCRIPT_SHA256"),
    size: size(env!("WXMCP_JAVASCRIPT_SIZE")),
    compressed: include_bytes!(env!("WXMCP_JAVASCRIPT_NATIVE")),
};

/// Every guest.
pub(crate) const ALL: [&NativeGuest; 2] = [&PYTHON, &JAVASCRIPT];

/// The guest that runs a language.
pub(crate) fn of(language: Language) -> Option<&'static NativeGuest> {
    match language {
        Language::Python => Some(&PYTHON),
        Language::JavaScript | Language::TypeScript => Some(&JAVASCRIPT),
        Language::Component => None,
    }
}

/// The hidden first argument that turns this program into the compiler of components.
pub(crate) const COMPILER: &str = "__compile-component";

/// What runs scripts and tool files: an engine, each guest once it is needed, and a compiler of
/// components.
pub(crate) struct Guests {
    loaded: Mutex<Loaded>,
    compiler: Compiler,
}

impl Guests {
    /// Loads nothing yet.
    pub(crate) fn new() -> Self {
        // Without a path of its own the program cannot be started again, which is said then.
        let program = std::env::current_exe().unwrap_or_default();
        Self {
            loaded: Mutex::default(),
            compiler: Compiler::new(program, COMPILER, cache(), CompileLimits::default()),
        }
    }

    /// A component that somebody supplied, compiled.
    pub(crate) async fn supplied(&self, wasm: &[u8]) -> Result<Supplied, CompileError> {
        self.compiler.component(wasm).await
    }
}

#[derive(Default)]
struct Loaded {
    engine: Option<Engine>,
    sandboxes: Vec<(&'static str, Arc<Sandbox>)>,
}

impl Interpreters for Guests {
    fn sandbox(&self, language: Language) -> Result<Arc<Sandbox>, RunError> {
        let guest = of(language).ok_or(RunError::NoInterpreter)?;
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let known = loaded
            .sandboxes
            .iter()
            .find(|(name, _)| *name == guest.name);
        if let Some((_, sandbox)) = known {
            return Ok(Arc::clone(sandbox));
        }
        let engine = match &loaded.engine {
            Some(engine) => engine.clone(),
            None => loaded
                .engine
                .insert(engine::engine(Allocation::OnDemand)?)
                .clone(),
        };
        let component = cache().load(&engine, guest)?;
        let sandbox = Arc::new(Sandbox::open(&engine, &component)?);
        loaded.sandboxes.push((guest.name, Arc::clone(&sandbox)));
        Ok(sandbox)
    }

    fn component<'a>(&'a self, wasm: &'a [u8]) -> BoxFuture<'a, Result<Supplied, CompileError>> {
        Box::pin(self.supplied(wasm))
    }
}

/// What descriptions of tool files depend on besides the files.
pub(crate) fn version() -> String {
    let guests: Vec<&str> = ALL.iter().map(|guest| guest.sha256).collect();
    format!("{} {}", env!("CARGO_PKG_VERSION"), guests.join(" "))
}

/// Where guests are unpacked.
pub(crate) fn cache() -> NativeCache {
    NativeCache::new(cache_directory())
}

/// `WXMCP_CACHE_DIR`, else the user's cache directory; none where there is no home.
pub(crate) fn cache_directory() -> Option<PathBuf> {
    absolute("WXMCP_CACHE_DIR").or_else(|| {
        absolute("XDG_CACHE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
            .map(|caches| caches.join("wxmcp"))
    })
}

fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

const fn size(digits: &str) -> u64 {
    match u64::from_str_radix(digits, 10) {
        Ok(size) => size,
        Err(_) => panic!("the build script wrote a size that is no number"),
    }
}
