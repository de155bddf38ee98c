//! The interpreters of a process: an engine, each guest once it is needed, and a compiler of components.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use parking_lot::Mutex;
use wasmtime::Engine;
use wxmcp_policy::Principal;
use wxmcp_run::{BoxFuture, CompiledComponent, Language, RunError, Runner};
use wxmcp_sandbox::engine::{self, Allocation};
use wxmcp_sandbox::supplied::{CompileError, CompileLimits, Compiler, Supplied};
use wxmcp_sandbox::{NativeCache, NativeGuest, Sandbox};
use wxmcp_toolfiles::Interpreters;
use wxmcp_worker::{Instance, LogLine, Pool, PoolConfig, Wanted, WorkerCommand};

use crate::slots::Slots;

/// The hidden first argument that turns a program into the compiler of components: it then returns
/// [`compile_main`](wxmcp_sandbox::supplied::compile_main).
pub const COMPILER: &str = "__compile-component";

/// The hidden first argument that turns a program into a worker: it then returns [`worker_main`].
pub const WORKER: &str = "__worker";

/// Makes this process a worker, which carries out the runs that another process assigns. `args` are those behind
/// [`WORKER`]. Must be called on the main thread, before anything else is started.
pub fn worker_main(natives: Natives, mut args: impl Iterator<Item = OsString>) -> ExitCode {
    let cache = args.next().map(PathBuf::from);
    let cache = cache.filter(|it| it.is_absolute());
    let kept = Guests::new(natives, cache.clone());
    let once = Slots::new(natives, cache);
    wxmcp_worker::worker_main(move |wanted| match wanted {
        Wanted::Interpreter(language, Instance::Once) => {
            once.runner(language, || kept.sandbox(language))
        }
        Wanted::Interpreter(language, Instance::Kept) => Ok(kept.sandbox(language)?),
        Wanted::Component(component) => Ok(Arc::new(kept.compiled(&component)?)),
    })
}

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
    pool: Option<Pool>,
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
            loaded: Mutex::new(Loaded {
                allocation: Allocation::OnDemand,
                engine: None,
                sandboxes: Vec::new(),
            }),
            compiler: Compiler::new(program, COMPILER, compiled, CompileLimits::default()),
            pool: None,
        }
    }

    /// The same, with runs in worker processes: `program`, started with [`WORKER`]. What they print is logged.
    pub fn in_workers(mut self, program: PathBuf, log: Option<LogLine>) -> Self {
        let cache = self
            .cache
            .as_ref()
            .map(|cache| cache.as_os_str().to_owned());
        let args = [Some(WORKER.into()), cache].into_iter().flatten().collect();
        self.pool = Some(Pool::new(PoolConfig {
            log,
            ..PoolConfig::new(WorkerCommand { program, args })
        }));
        self
    }

    /// The same, with memory for instances that is taken once and used again.
    pub(crate) fn pooled(self, instances: u32, memory: usize) -> Self {
        self.loaded.lock().allocation = Allocation::Pooled { instances, memory };
        self
    }

    /// The worker processes, if runs are in such.
    pub fn pool(&self) -> Option<&Pool> {
        self.pool.as_ref()
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

impl Guests {
    /// A sandbox for a component that another process has compiled and linked.
    fn compiled(&self, component: &CompiledComponent) -> Result<Sandbox, RunError> {
        let supplied = self.compiler.compiled(component).map_err(|error| {
            RunError::Guest("cannot load the component".to_owned(), Some(error.into()))
        })?;
        wxmcp_toolfiles::open(&supplied, component).map_err(|error| match error {
            RunError::Engine(source) => {
                RunError::Guest("cannot link the component".to_owned(), Some(source))
            }
            other => other,
        })
    }
}

struct Loaded {
    allocation: Allocation,
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
        let allocation = loaded.allocation;
        let engine = match &loaded.engine {
            Some(engine) => engine.clone(),
            None => loaded.engine.insert(engine::engine(allocation)?).clone(),
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

    fn elsewhere(&self, principal: Option<&Principal>) -> Option<Arc<dyn Runner>> {
        let pool = self.pool.as_ref()?;
        Some(match principal {
            Some(principal) => pool.runner(principal),
            None => pool.runner_of_nobody(),
        })
    }

    fn component<'a>(&'a self, wasm: &'a [u8]) -> BoxFuture<'a, Result<Supplied, CompileError>> {
        Box::pin(self.supplied(wasm))
    }
}
