//! What ARCHITECTURE.md promises of the crates: their arrows, that files import each other in no large circle, how long
//! files and functions are, every bound with its constant.

mod circles;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use support::{TestResult, repository};

/// The crates, lowest first. One may import those in front of it and none behind it.
const CRATES: [&str; 18] = [
    "wxmcp-run",
    "wxmcp-recording",
    "wxmcp-cache",
    "wxmcp-bundle",
    "wxmcp-catalogue",
    "wxmcp-policy",
    "wxmcp-worker",
    "wxmcp-javascript",
    "wxmcp-packages",
    "wxmcp-broker",
    "wxmcp-sandbox",
    "wxmcp-capabilities",
    "wxmcp-upstream",
    "wxmcp-toolfiles",
    "wxmcp-host",
    "wxmcp-server",
    "wxmcp-guests",
    "wxmcp",
];

/// What the ground and the pipeline must never need.
const FORBIDDEN: [(&str, &[&str]); 5] = [
    ("wxmcp-run", &["wasmtime", "tokio"]),
    ("wxmcp-catalogue", &["wasmtime", "tokio"]),
    ("wxmcp-policy", &["wasmtime", "tokio"]),
    (
        "wxmcp-worker",
        &["wasmtime", "wxmcp-sandbox", "wxmcp-broker"],
    ),
    (
        "wxmcp-broker",
        &["wasmtime", "rmcp", "rusqlite", "hyper", "wxmcp-sandbox"],
    ),
];

/// Most lines of a module, tests apart.
const MODULE: usize = 500;

/// The crates of the workspace that ship, and what each imports when it is built.
fn dependencies() -> Result<BTreeMap<String, Vec<String>>, Box<dyn Error>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(repository())
        .output()?;
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata.get("packages").and_then(Value::as_array);
    let packages = packages.ok_or("no packages")?;
    let text = |value: &Value, key: &str| {
        let text = value.get(key).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let imports = |package: &Value| {
        let all = package.get("dependencies").and_then(Value::as_array);
        let normal = all
            .into_iter()
            .flatten()
            .filter(|it| it.get("kind").is_none_or(Value::is_null));
        normal.map(|it| text(it, "name")).collect()
    };
    let all = packages.iter().map(|it| (text(it, "name"), imports(it)));
    Ok(all.collect())
}

fn rank(name: &str) -> Option<usize> {
    CRATES.iter().position(|it| *it == name)
}

#[test]
fn no_crate_imports_one_above_it() -> TestResult {
    let dependencies = dependencies()?;
    for (name, imports) in &dependencies {
        let Some(own) = rank(name) else {
            let is_tool = ["guest-build", "wxmcp-benches", "wxmcp-fuzz"].contains(&name.as_str());
            assert!(is_tool, "`{name}` has no place in the list of crates");
            continue;
        };
        for import in imports {
            assert!(
                rank(import).is_none_or(|it| it < own),
                "`{name}` imports `{import}`, which stands above it"
            );
            assert!(import != "guest-build", "`{name}` ships");
        }
    }
    for name in CRATES {
        assert!(
            dependencies.contains_key(name),
            "there is no crate `{name}`"
        );
    }
    Ok(())
}

#[test]
fn the_ground_and_the_pipeline_know_no_engine_and_no_driver() -> TestResult {
    let dependencies = dependencies()?;
    for (name, forbidden) in FORBIDDEN {
        let imports = dependencies.get(name).ok_or(name)?;
        for it in forbidden {
            assert!(!imports.iter().any(|import| import == it), "`{name}`: {it}");
        }
    }
    Ok(())
}

/// A crate that `ship.toml` does not name would ship without optimisation.
#[test]
fn every_crate_that_ships_is_compiled_as_such() -> TestResult {
    let ship = fs::read_to_string(repository().join("ship.toml"))?;
    let manifest = fs::read_to_string(repository().join("Cargo.toml"))?;
    for name in CRATES {
        let table = format!("[profile.dev.package.{name}]");
        assert!(ship.contains(&table), "ship.toml lacks {table}");
        assert!(manifest.contains(&table), "Cargo.toml lacks {table}");
    }
    Ok(())
}

#[test]
fn modules_are_short() -> TestResult {
    let mut long = Vec::new();
    for path in sources()? {
        let text = fs::read_to_string(&path)?;
        let code = text
            .split("\n#[cfg(test)]\nmod tests {")
            .next()
            .unwrap_or_default();
        let lines = code.lines().count();
        if lines > MODULE {
            long.push(format!("{}: {lines} lines", path.display()));
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
    Ok(())
}

/// The table in ARCHITECTURE.md holds each constant that bounds something, as the code has it. `make bounds` writes it.
#[test]
fn every_bound_is_in_the_table() -> TestResult {
    let path = repository().join("ARCHITECTURE.md");
    let text = fs::read_to_string(&path)?;
    let (before, rest) = text
        .split_once(BEGIN)
        .ok_or("ARCHITECTURE.md has no table of bounds")?;
    let (_, after) = rest
        .split_once(END)
        .ok_or("the table of bounds has no end")?;
    let wanted = format!("{before}{BEGIN}\n{}{END}{after}", bounds()?);
    if std::env::var_os("WXMCP_WRITE_BOUNDS").is_some() {
        fs::write(path, wanted)?;
        return Ok(());
    }
    assert!(text == wanted, "run `make bounds`");
    Ok(())
}

/// The table in SECURITY.md has some of these constants, as the code has them.
#[test]
fn the_bounds_of_security_are_those_of_the_code() -> TestResult {
    let text = fs::read_to_string(repository().join("SECURITY.md"))?;
    let (_, rest) = text
        .split_once("<!-- bounds: a test compares them -->\n")
        .ok_or("SECURITY.md has no table of bounds")?;
    let (table, _) = rest
        .split_once(END)
        .ok_or("the table of bounds has no end")?;
    // Value and constant of each row.
    fn rows(table: &str) -> Vec<&str> {
        let rows = table.lines().skip(2);
        rows.filter_map(|row| row.split_once(" | `").map(|(_, constant)| constant))
            .collect()
    }
    let code = bounds()?;
    let code = rows(&code);
    let rows = rows(table);
    assert!(rows.len() > 20, "{rows:?}");
    for row in rows {
        assert!(code.contains(&row), "no constant is `{row}");
    }
    Ok(())
}

const BEGIN: &str = "<!-- bounds: written by `make bounds` -->";
const END: &str = "<!-- end of bounds -->";

/// The rows of the table: what is bounded, by how much, and where.
fn bounds() -> Result<String, Box<dyn Error>> {
    let mut table = "| bound | value | constant |\n|---|---|---|\n".to_owned();
    for path in sources()? {
        let shown = path
            .strip_prefix(repository().join("runtime"))?
            .display()
            .to_string();
        let text = fs::read_to_string(&path)?;
        let mut comment: Vec<&str> = Vec::new();
        for line in text.lines() {
            if let Some(words) = line.strip_prefix("/// ") {
                comment.push(words);
            } else if let Some((name, value)) = constant(line) {
                let about = first_sentence(&comment.join(" "));
                table.push_str(&format!("| {about} | `{value}` | `{shown}` `{name}` |\n"));
            } else if !line.contains("const ") {
                // One comment may be about several constants.
                comment.clear();
            }
        }
    }
    Ok(table)
}

/// A constant with a number, by name and value.
fn constant(line: &str) -> Option<(&str, &str)> {
    let line = line
        .trim_start_matches("pub(crate) ")
        .trim_start_matches("pub(super) ");
    let rest = line.trim_start_matches("pub ").strip_prefix("const ")?;
    let (name, rest) = rest.split_once(": ")?;
    let (kind, value) = rest.split_once(" = ")?;
    let is_number = [
        "usize",
        "u64",
        "u32",
        "Duration",
        "NonZeroUsize",
        "(usize, usize)",
    ];
    let value = value.strip_suffix(';')?;
    is_number.contains(&kind).then_some((name, value))
}

fn first_sentence(text: &str) -> String {
    let end = text
        .find(". ")
        .or_else(|| text.strip_suffix('.').map(str::len));
    text.get(..end.unwrap_or(text.len()))
        .unwrap_or_default()
        .replace('|', "\\|")
}

/// The files of code that ships, in order.
fn sources() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    add(&repository().join("runtime"), &mut files)?;
    files.sort();
    Ok(files)
}

fn add(folder: &Path, files: &mut Vec<PathBuf>) -> TestResult {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if path.is_dir() && name != "tests" {
            add(&path, files)?;
        } else if name.ends_with(".rs") && name != "tests.rs" && name != "build.rs" {
            files.push(path);
        }
    }
    Ok(())
}
