//! The finished guest behaves as the component that componentize-py made.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use wxmcp_run::Run;
use wxmcp_run::{
    BoxFuture, Language, Limits, Outcome, Policy, Script, Silent, Sources, ToolAnswer, ToolCall,
    ToolError, ToolHost,
};
use wxmcp_sandbox::engine::{self, Allocation};
use wxmcp_sandbox::{NativeCache, NativeGuest, Sandbox};

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

#[test]
fn flattened_and_optimised_behaves_as_componentized() -> Result {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guests =
        std::env::var_os("WXMCP_GUESTS").map_or_else(|| root.join("target/guests"), PathBuf::from);
    let manifest: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(guests.join("manifest.json"))?)?;
    let kept = manifest["python"]["kept"]
        .as_str()
        .ok_or("the manifest does not say where the componentized guest is")?;
    let before = Path::new(kept).join("componentized.wasm");
    let before = open(engine::compile(&fs::read(before)?)?)?;
    let after = open(zstd::bulk::decompress(
        &fs::read(guests.join("python.cwasm.zst"))?,
        1 << 30,
    )?)?;

    let mut compared = 0;
    let mut folders: Vec<_> =
        fs::read_dir(root.join("fixtures/scripts"))?.collect::<Result<_, _>>()?;
    folders.sort_by_key(std::fs::DirEntry::path);
    for folder in folders {
        let folder = folder.path();
        // Cases with tools, input or flags say nothing more about the build.
        let plain = !["args", "flags", "stdin"]
            .iter()
            .any(|file| folder.join(file).exists());
        let Ok(source) = fs::read_to_string(folder.join("script.py")) else {
            continue;
        };
        // The finished guest has another SQLite, and permission bits.
        let differs = [
            "tool", "time", "sqlite3", "oct(", "st_mode", "chmod", "umask",
        ];
        if !plain || differs.iter().any(|word| source.contains(word)) {
            continue;
        }
        assert_eq!(run(&before, &source)?, run(&after, &source)?, "{folder:?}");
        compared += 1;
    }
    assert!(compared >= 20, "only {compared} scripts were compared");
    Ok(())
}

fn open(native: Vec<u8>) -> Result<Sandbox> {
    let sha256: String = Sha256::digest(&native)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let guest = NativeGuest {
        component: "",
        name: "python",
        sha256: sha256.leak(),
        size: u64::try_from(native.len())?,
        compressed: zstd::bulk::compress(&native, 1)?.leak(),
    };
    let engine = engine::engine(Allocation::OnDemand)?;
    let component = NativeCache::new(None).load(&engine, &guest)?;
    Ok(Sandbox::open(&engine, &component)?)
}

/// What a script printed and how it ended.
fn run(sandbox: &Sandbox, source: &str) -> Result<String> {
    let run = Run {
        id: wxmcp_run::RunId::random(),
        script: Script {
            name: "script.py".to_owned(),
            language: Language::Python,
            source: source.to_owned(),
            args: Vec::new(),
            path: None,
            in_session: false,
            task: None,
        },
        // The finished guest begins in its home, which the other one does not know.
        policy: Policy {
            workdir: Some("/tmp".to_owned()),
            ..Policy::default()
        },
        limits: Limits {
            memory: 1 << 30,
            ..Limits::default()
        },
        ledger: wxmcp_run::Ledger::unbounded(),
        tools: Arc::new(NoTools),
        sources: Sources::default(),
        observer: Arc::new(Silent),
        cancel: Box::pin(std::future::pending()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(sandbox.run(run))?;
    let end = match &report.outcome {
        Outcome::Returned(value) => value.get().to_owned(),
        Outcome::Raised(raised) => raised.traceback.clone(),
        other => format!("{other:?}"),
    };
    Ok(format!(
        "{}\n{}\n{end}",
        String::from_utf8_lossy(&report.stdout),
        String::from_utf8_lossy(&report.stderr)
    ))
}

struct NoTools;

impl ToolHost for NoTools {
    fn call(&self, _call: ToolCall) -> BoxFuture<'_, Result<ToolAnswer, ToolError>> {
        Box::pin(std::future::pending())
    }
}
