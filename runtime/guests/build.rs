//! Embeds the guests that `make guests` built.

use std::path::PathBuf;
use std::{env, fs};

use anyhow::Context;

const GUESTS: [&str; 2] = ["python", "javascript"];

fn main() -> anyhow::Result<()> {
    println!("cargo::rerun-if-env-changed=WXMCP_GUESTS");
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../..");
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
    for guest in GUESTS {
        let native = guests.join(format!("{guest}.cwasm.zst"));
        println!("cargo::rerun-if-changed={}", native.display());
        let variable = format!("WXMCP_{}", guest.to_uppercase());
        println!("cargo::rustc-env={variable}_NATIVE={}", native.display());
        for (part, key) in [
            ("COMPONENT", "component_sha256"),
            ("SHA256", "native_sha256"),
            ("SIZE", "native_bytes"),
        ] {
            let value = match manifest.get(guest).and_then(|guest| guest.get(key)) {
                Some(serde_json::Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => anyhow::bail!(
                    "{} lacks {key} of {guest}: run `make guests`",
                    manifest_path.display()
                ),
            };
            println!("cargo::rustc-env={variable}_{part}={value}");
        }
    }
    Ok(())
}
