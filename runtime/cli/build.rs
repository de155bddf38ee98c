//! Embeds the guests that `make guests` built.

use std::path::PathBuf;
use std::{env, fs};

use anyhow::Context;

fn main() -> anyhow::Result<()> {
    println!("cargo::rerun-if-env-changed=WXMCP_GUESTS");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let guests =
        env::var_os("WXMCP_GUESTS").map_or_else(|| root.join("target/guests"), PathBuf::from);
    let manifest_path = guests.join("manifest.json");
    println!("cargo::rerun-if-changed={}", manifest_path.display());
    let text = fs::read_to_string(&manifest_path).with_context(|| {
        format!(
            "the guests are not built: run `make guests` first ({} is missing)",
            manifest_path.display()
        )
    })?;
    let manifest: serde_json::Value = serde_json::from_str(&text)?;
    let native = guests.join("python.cwasm.zst");
    println!("cargo::rerun-if-changed={}", native.display());
    println!("cargo::rustc-env=WXMCP_PYTHON_NATIVE={}", native.display());
    for (variable, key) in [
        ("WXMCP_PYTHON_SHA256", "/python/native_sha256"),
        ("WXMCP_PYTHON_SIZE", "/python/native_bytes"),
    ] {
        let value = match manifest.pointer(key) {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => anyhow::bail!("{} lacks {key}", manifest_path.display()),
        };
        println!("cargo::rustc-env={variable}={value}");
    }
    Ok(())
}
