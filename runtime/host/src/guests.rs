//! The interpreters of a process: an engine, each guest once it is needed, and a compiler of components.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use wasmtime::Engine;
use wxmcp_run::{BoxFuture, Language, RunError};
use wxmcp_sandbox::engine::{self, Allocation};
use wxmcp_sandbox::supplied::{CompileError, CompileLimits, Compiler, Supplied};
use wxmcp_sandbox::{NativeCache, NativeGuest, Sandbox};
use wxmcp_toolfiles::Interpreters;

/// The hidden first argument that turns a program into the compiler of components: it then returns
/// [`compile_main`](wxmcp_sandbox::supplied::compile_main).
pub const COMPILER: &str = "__compile-component";

/// The interpreters that are inside an executable.
#[derive(Clone, Copy, Debug)]
pub struct Natives {
    /// CPython.
    pub python: &'static NativeGuest,
    /// StarlingMonkey.
    pub javascript: &'static NativeGuest,
}

impl Natives {
    /// Each of them.
    pub fn all(&self) -> [&'static NativeGuest; 2] {
        [self.python, self.javascript]
    }

    /// The one that runs a language.
    pub fn of(&self, language: Language) -> Option<&'static NativeGuest> {
        match language {
            Language::Python => Some(self.python),
            Language::JavaScript | Language::TypeScript => Some(self.javascript),
            Language::Component => None,
        }
    }

    /// What descriptions of tool files depend on besides the files.
    pub fn version(&self) -> String {
        let guests = self.all().map(|guest| guest.sha256);
        format!("{} {}", env!("CARGO_PKG_VERSION"), guests.join(" "))
    }
}

/// What runs scripts and tool files.
pub struct Guests {
    natives: Natives,
    cache: Option<PathBuf>,
    loaded: Mutex<Loaded>,
    compiler: Compiler,
}

impl Guests {
    /// Loads nothing yet. Native code is unpacked into `cache`; into memory at each start if there is none.
    /// Components are compiled by this program itself, started with [`COMPILER`].
    pub fn new(natives: Natives, cache: Option<PathBuf>) -> Self {
        // Without a path of its own the program cannot be started again, which is said then.
        let program = std::env::current_exe().unwrap_or_default();
        Self::with_compiler(natives, cache, program)
    }

    /// The same, with another program that compiles components.
    pub fn with_compiler(natives: Natives, cache: Option<PathBuf>, program: PathBuf) -> Self {
        let compiled = NativeCache::new(cache.clone());
        Self {
            natives,
            cache,
            loaded: Mutex::default(),
            compiler: Compiler::new(program, COMPILER, compiled, CompileLimits::default()),
        }
    }

    /// The interpreters that it has.
    pub fn natives(&self) -> &Natives {
        &self.natives
    }

    /// Where native code is unpacked and descriptions are kept, if anywhere.
    pub fn cache(&self) -> Option<&Path> {
        self.cache.as_deref()
    }

    /// A supplied component, compiled.
    ///
    /// # Errors
    ///
    /// When it is none, or too large, or takes too long.
    pub async fn supplied(&self, wasm: &[u8]) -> Result<Supplied, CompileError> {
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
        let guest = self.natives.of(language).ok_or(RunError::NoInterpreter)?;
        let mut loaded = self.loaded.lock();
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
        let component = NativeCache::new(self.cache.clone()).load(&engine, guest)?;
        let sandbox = Arc::new(Sandbox::open(&engine, &component)?);
        loaded.sandboxes.push((guest.name, Arc::clone(&sandbox)));
        Ok(sandbox)
    }

    fn loaded(&self, language: Language) -> Option<Arc<Sandbox>> {
        let guest = self.natives.of(language)?;
        // While another thread loads one, nobody waits here for it.
        let loaded = self.loaded.try_lock()?;
        let known = loaded
            .sandboxes
            .iter()
            .find(|(name, _)| *name == guest.name);
        known.map(|(_, sandbox)| Arc::clone(sandbox))
    }

    fn component<'a>(&'a self, wasm: &'a [u8]) -> BoxFuture<'a, Result<Supplied, CompileError>> {
        Box::pin(self.supplied(wasm))
    }
}

/// `WXMCP_CACHE_DIR`, else the user's cache directory; none where there is no home.
pub fn cache_directory() -> Option<PathBuf> {
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
