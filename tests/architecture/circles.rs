//! Files that import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use crate::sources;
use crate::support::{TestResult, repository};

/// Most files of a crate that may import each other in a circle.
const CIRCLE: usize = 3;

/// A module by the names that lead to it from its crate.
type Module = Vec<String>;

#[test]
fn no_circle_of_files_is_larger_than_three() -> TestResult {
    let mut large = Vec::new();
    for (name, files) in crates()? {
        let imports = imports(&files)?;
        for module in files.keys() {
            let from = reached(module, &imports);
            let circle = from
                .iter()
                .filter(|it| reached(it, &imports).contains(module));
            let circle: Vec<String> = circle.map(|it| it.join("::")).collect();
            if circle.len() > CIRCLE && circle.first() == Some(&module.join("::")) {
                large.push(format!("{name}: {}", circle.join(", ")));
            }
        }
    }
    assert!(large.is_empty(), "{large:#?}");
    Ok(())
}

#[test]
fn imports_are_read_in_all_their_forms() -> TestResult {
    let text = "use crate::a::{b, c::{self, D}};\nfn f() { super::e::g(); self::h::I }\n//! crate::not\nuse other::crate_a;";
    let found = paths(text);
    let found: BTreeSet<String> = found.iter().map(|path| path.join("::")).collect();
    let wanted = [
        "crate::a::b",
        "crate::a::c::D",
        "crate::a::c::self",
        "self::h::I",
        "super::e::g",
    ];
    assert_eq!(found, wanted.map(str::to_owned).into());
    Ok(())
}

/// The modules of each crate, by its folder, with the file of each.
fn crates() -> Result<BTreeMap<String, BTreeMap<Module, PathBuf>>, Box<dyn Error>> {
    let mut crates: BTreeMap<String, BTreeMap<Module, PathBuf>> = BTreeMap::new();
    for file in sources()? {
        let below = file.strip_prefix(repository())?.with_extension("");
        let mut parts: Vec<String> = below
            .iter()
            .map(|it| it.to_string_lossy().into_owned())
            .collect();
        // `runtime/broker/src/..`; the crate of the program has no `src`.
        let inside = parts
            .iter()
            .position(|it| it == "src")
            .map_or(2, |at| at + 1);
        let mut module = parts.split_off(inside.min(parts.len()));
        let last = module.last().map(String::as_str);
        if matches!(last, Some("mod" | "lib" | "main")) {
            module.pop();
        }
        crates
            .entry(parts.join("/"))
            .or_default()
            .insert(module, file);
    }
    Ok(crates)
}

fn imports(
    files: &BTreeMap<Module, PathBuf>,
) -> Result<BTreeMap<Module, BTreeSet<Module>>, Box<dyn Error>> {
    let mut all = BTreeMap::new();
    for (module, file) in files {
        let text = without_tests(file)?;
        let found = paths(&text)
            .into_iter()
            .filter_map(|path| resolve(module, &path, files));
        all.insert(module.clone(), found.filter(|it| it != module).collect());
    }
    Ok(all)
}

fn without_tests(file: &Path) -> Result<String, Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    Ok(text
        .split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default()
        .to_owned())
}

/// The module that a path in `module` leads into: the longest beginning of it that is a file.
fn resolve(module: &Module, path: &[String], files: &BTreeMap<Module, PathBuf>) -> Option<Module> {
    let mut found = module.clone();
    for part in path {
        match part.as_str() {
            "crate" => found.clear(),
            "self" => {}
            "super" => {
                found.pop();
            }
            name => {
                found.push(name.to_owned());
                if !files.contains_key(&found) {
                    found.pop();
                    break;
                }
            }
        }
    }
    files.contains_key(&found).then_some(found)
}

/// All modules that are imported by a module, by those that it imports, and so on.
fn reached(from: &Module, imports: &BTreeMap<Module, BTreeSet<Module>>) -> BTreeSet<Module> {
    let mut found = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        for imported in imports.get(module).into_iter().flatten() {
            if found.insert(imported.clone()) {
                open.push(imported);
            }
        }
    }
    found
}

/// The paths in Rust source that begin at the crate or near the module.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let text = lines.collect::<Vec<_>>().join("\n");
    for start in ["crate::", "super::", "self::"] {
        for (at, _) in text.match_indices(start) {
            let before = text.get(..at).and_then(|it| it.chars().next_back());
            if before.is_none_or(|it| !it.is_alphanumeric() && it != '_' && it != ':') {
                let rest = text.get(at..).unwrap_or_default();
                tree(&mut rest.trim_start(), &mut Vec::new(), &mut found);
            }
        }
    }
    found
}

/// Reads a path whose parts may be a list in braces, as `use` has it.
fn tree(rest: &mut &str, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let depth = path.len();
    loop {
        if let Some(inside) = rest.strip_prefix('{') {
            *rest = inside.trim_start();
            while !rest.is_empty() && !rest.starts_with('}') {
                let before = rest.len();
                tree(rest, path, found);
                *rest = rest.trim_start_matches([',', ' ', '\n']);
                if rest.len() == before {
                    break;
                }
            }
            *rest = rest.strip_prefix('}').unwrap_or(rest);
            break;
        }
        let end = rest
            .find(|it: char| !it.is_alphanumeric() && it != '_')
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        path.push(name.to_owned());
        *rest = after;
        match after.strip_prefix("::") {
            Some(next) => *rest = next,
            None => {
                found.push(path.clone());
                break;
            }
        }
    }
    path.truncate(depth);
}
