//! What a tool tree is made of, and what its folders share.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use wxmcp_policy::{Approvals, Principal};
use wxmcp_run::{BoxFuture, Language, Ledger, Observer, Policy, RunError, Runner};
use wxmcp_sandbox::Sandbox;
use wxmcp_sandbox::supplied::{CompileError, Supplied};

use crate::slots::Slots;
use crate::worker::Worker;

/// Bytes that the host may hold while one file is read, its instance included.
const FILE_MEMORY: u64 = 128 << 20;

/// Starts interpreters for tool files.
pub trait Interpreters: Send + Sync {
    /// The sandbox that runs a language. Asked for often; kept by whoever answers. The first time it is loaded, which
    /// may block for a second.
    ///
    /// # Errors
    ///
    /// When the interpreter cannot be loaded.
    fn sandbox(&self, language: Language) -> Result<Arc<Sandbox>, RunError>;

    /// The same where it is loaded already.
    fn loaded(&self, language: Language) -> Option<Arc<Sandbox>>;

    /// What runs tool files in other processes, where something does: those of a principal, or, of none, what all
    /// principals depend on.
    fn elsewhere(&self, principal: Option<&Principal>) -> Option<Arc<dyn Runner>> {
        let _for_whom = principal;
        None
    }

    /// A component that somebody supplied, compiled now or before.
    fn component<'a>(&'a self, wasm: &'a [u8]) -> BoxFuture<'a, Result<Supplied, CompileError>>;
}

/// What a tool tree is made of.
#[derive(Clone)]
pub struct TreeConfig {
    /// The folder whose folders are namespaces.
    pub folder: PathBuf,
    /// Where descriptions are kept between processes; nowhere if there is none.
    pub cache: Option<PathBuf>,
    /// What the cache depends on besides the files: the interpreters.
    pub version: String,
    /// Who runs tool files.
    pub interpreters: Arc<dyn Interpreters>,
    /// What all of them see besides what they are granted: packages.
    pub sees: Policy,
    /// What tool files may have of what they ask for.
    pub approvals: Approvals,
    /// Linear memory of one tool's instance, in bytes.
    pub memory: u64,
    /// How long one call may take.
    pub call_timeout: Duration,
    /// Who hears what tool files print while they are called.
    pub observer: Arc<dyn Observer>,
}

impl TreeConfig {
    /// What runs tool files of a language for a principal, or what all principals depend on.
    pub(crate) async fn runner(
        &self,
        language: Language,
        principal: Option<&Principal>,
    ) -> Result<Arc<dyn Runner>, RunError> {
        match self.interpreters.elsewhere(principal) {
            Some(runner) => Ok(runner),
            None => Ok(self.sandbox(language).await?),
        }
    }

    /// The sandbox that runs a language, loaded by a thread that may block.
    async fn sandbox(&self, language: Language) -> Result<Arc<Sandbox>, RunError> {
        if let Some(sandbox) = self.interpreters.loaded(language) {
            return Ok(sandbox);
        }
        let interpreters = Arc::clone(&self.interpreters);
        let loading = tokio::task::spawn_blocking(move || interpreters.sandbox(language));
        loading
            .await
            .unwrap_or_else(|error| Err(RunError::Engine(error.into())))
    }
}

impl std::fmt::Debug for TreeConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TreeConfig")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// What all folders of a tree share.
pub(crate) struct Shared {
    pub(crate) config: TreeConfig,
    /// What the process may hold for others: kept instances are part of it.
    pub(crate) ledger: Ledger,
    pub(crate) slots: Slots,
    /// Made when several tool files first run at once.
    pub(crate) worker: OnceLock<Arc<Worker>>,
}

impl Shared {
    pub(crate) fn new(config: TreeConfig, ledger: Ledger) -> Self {
        Self {
            config,
            ledger,
            slots: Slots::default(),
            worker: OnceLock::new(),
        }
    }

    /// A ledger for reading one file.
    pub(crate) fn for_one_file(&self) -> Ledger {
        self.ledger.for_run(FILE_MEMORY)
    }

    pub(crate) fn worker(&self) -> &Arc<Worker> {
        self.worker.get_or_init(Arc::default)
    }
}
