//! Embeds the guests that `make guests` built.

use std::path::PathBuf;
use std::{env, fs};

use anyhow::Context;

fn main() -> anyhow::Result<()> {
    println!("cargo::rerun-if-env-changed=WXMCP_GUESTS");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let guests =
        env::var_os("WXMCP_GUESTS").map_or_else(|| root.join("target/guests"), PathBuf::from);
    let manifest = guests.join("manifest.json");
    println!("cargo::rerun-if-changed={}", manifest.display());
    let text = fs::read_to_string(&manifest).with_context(|| {
        format!(
            "the guests are not built: run `make guests` first ({} is missing)",
            manifest.display()
        )
    })?;
    let manifest: serde_json::Value = serde_json::from_str(&text)?;
    let python = &manifest["python"];
    let native = guests.join("python.cwasm.zst");
    println!("cargo::rerun-if-changed={}", native.display());
    println!("cargo::rustc-env=WXMCP_PYTHON_NATIVE={}", native.display());
    for (variable, key) in [
        ("WXMCP_PYTHON_SHA256", "native_sha256"),
        ("WXMCP_PYTHON_SIZE", "native_bytes"),
    ] {
        let value = match &python[key] {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        println!("cargo::rustc-env={variable}={value}");
    }
    Ok(())
}
