//! The guests, the program, and the native interpreters that they are measured against.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use wxmcp_run::Language;
use wxmcp_sandbox::engine::{self, Allocation};
use wxmcp_sandbox::{NativeCache, NativeGuest, Sandbox};

use crate::timing::text;

/// The guests that `make guests` built: the ones inside the program.
pub(crate) struct Guests {
    python: NativeGuest,
    javascript: NativeGuest,
    cache: PathBuf,
}

impl Guests {
    pub(crate) fn read() -> anyhow::Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guests");
        let manifest = std::fs::read(folder.join("manifest.json"))?;
        let manifest: serde_json::Value = serde_json::from_slice(&manifest)?;
        let guest = |name: &'static str| -> anyhow::Result<NativeGuest> {
            let facts = &manifest[name];
            let digest = facts["native_sha256"].as_str().context("no digest")?;
            Ok(NativeGuest {
                component: "",
                name,
                sha256: digest.to_owned().leak(),
                size: facts["native_bytes"].as_u64().context("no size")?,
                compressed: std::fs::read(folder.join(format!("{name}.cwasm.zst")))?.leak(),
            })
        };
        Ok(Self {
            python: guest("python")?,
            javascript: guest("javascript")?,
            cache: folder.join("../tmp/bench-cache"),
        })
    }

    /// Where their native code is.
    pub(crate) fn cache(&self) -> &Path {
        &self.cache
    }

    pub(crate) fn open(
        &self,
        language: Language,
        allocation: Allocation,
    ) -> anyhow::Result<Sandbox> {
        let engine = engine::engine(allocation)?;
        let guest = match language {
            Language::Python => &self.python,
            Language::JavaScript | Language::TypeScript => &self.javascript,
            Language::Component => anyhow::bail!("there is no guest of components"),
        };
        let guest = NativeCache::new(Some(self.cache.clone())).load(&engine, guest)?;
        Ok(Sandbox::open(&engine, &guest)?)
    }
}

/// A program in the folder of this one.
pub(crate) fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    ensure!(path.is_file(), "{} is missing", path.display());
    Ok(path)
}

/// The interpreter itself: `python3` may be a script that finds one.
pub(crate) fn python() -> anyhow::Result<PathBuf> {
    let named = std::env::var("NATIVE_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(named)
        .args(["-c", "import sys; print(sys.executable)"])
        .output()?;
    Ok(text(found)?.trim().into())
}

pub(crate) fn node() -> anyhow::Result<PathBuf> {
    let named = std::env::var("NATIVE_NODE").unwrap_or_else(|_| "node".to_owned());
    let found = Command::new(named)
        .args(["-p", "process.execPath"])
        .output()?;
    Ok(text(found)?.trim().into())
}
