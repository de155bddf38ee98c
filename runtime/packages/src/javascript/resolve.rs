//! What a specifier in a file of packages means, by the rules of the guest's `adapter/resolve.js`, which are Node's.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use serde_json::Value;
use wxmcp_javascript::is_of_node;

/// How a module asks for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Import,
    Require,
}

/// What is tried behind a path that is no file.
const ENDINGS: [&str; 7] = [".js", ".json", ".mjs", ".cjs", ".ts", ".mts", ".cts"];
/// What TypeScript writes, and what may be meant.
const WRITTEN: [(&str, &str); 3] = [(".js", ".ts"), (".mjs", ".mts"), (".cjs", ".cts")];

/// The conditions of targets that hold.
const IMPORT: [&str; 5] = ["node", "import", "module-sync", "module", "default"];
const REQUIRE: [&str; 4] = ["node", "require", "module-sync", "default"];

/// The folder of packages.
const FOLDER: &str = "node_modules";

/// The files of packages, as far as one looks for them.
pub(super) struct Files<'a> {
    files: &'a BTreeMap<String, Vec<u8>>,
    folders: BTreeSet<&'a str>,
    /// By folder, its `package.json`.
    packages: RefCell<HashMap<String, Rc<Value>>>,
}

impl<'a> Files<'a> {
    pub(super) fn new(files: &'a BTreeMap<String, Vec<u8>>) -> Self {
        let mut folders = BTreeSet::new();
        for path in files.keys() {
            for (at, _) in path
                .match_indices('/')
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
            {
                if !folders.insert(path.get(..at).unwrap_or_default()) {
                    break;
                }
            }
        }
        Self {
            files,
            folders,
            packages: RefCell::default(),
        }
    }

    /// The file that a specifier means in the file `from`; none where there is none, and of Node's own modules.
    pub(super) fn locate(&self, specifier: &str, from: &str, how: How) -> Option<String> {
        if specifier.starts_with('/') || specifier.contains(':') || is_of_node(specifier) {
            return None;
        }
        let relative = ["./", "../"].iter().any(|it| specifier.starts_with(it));
        if relative || specifier == "." || specifier == ".." {
            let path = joined(&format!("{}/{specifier}", folder_of(from)))?;
            return self.file_at(&path).or_else(|| self.folder_at(&path));
        }
        if specifier.starts_with('#') {
            return self.imported(specifier, from, how);
        }
        self.in_packages(specifier, from, how)
    }

    /// All folders, sorted.
    pub(super) fn folders(&self) -> impl Iterator<Item = &str> {
        self.folders.iter().copied()
    }

    /// The paths that a package exports, each by its own name: `./x`.
    pub(super) fn exported_paths(&self, name: &str) -> Vec<String> {
        let package = self.package(&format!("{FOLDER}/{name}"));
        let exports = package.get("exports").and_then(Value::as_object);
        let paths = exports.into_iter().flat_map(|it| it.keys());
        paths
            .filter(|path| path.starts_with("./") && !path.contains(['*', '\t', '\n']))
            .cloned()
            .collect()
    }

    /// What the nearest `package.json` above a file says.
    pub(super) fn package_of(&self, path: &str) -> Option<(String, Rc<Value>)> {
        let mut folder = folder_of(path);
        loop {
            let is_package = self.files.contains_key(&format!("{folder}/package.json"));
            if is_package {
                return Some((folder.to_owned(), self.package(folder)));
            }
            if folder.is_empty() || folder.ends_with(&format!("/{FOLDER}")) {
                return None;
            }
            folder = folder_of(folder);
        }
    }

    /// The `package.json` of a folder.
    fn package(&self, folder: &str) -> Rc<Value> {
        if let Some(known) = self.packages.borrow().get(folder) {
            return Rc::clone(known);
        }
        let text = self.files.get(&format!("{folder}/package.json"));
        let text = text.map(|text| text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text));
        let value = text.and_then(|text| serde_json::from_slice(text).ok());
        let value = Rc::new(value.unwrap_or(Value::Null));
        let mut packages = self.packages.borrow_mut();
        packages.insert(folder.to_owned(), Rc::clone(&value));
        value
    }

    fn file_at(&self, path: &str) -> Option<String> {
        let is_there = |path: &String| self.files.contains_key(path);
        let with_ending = ENDINGS.iter().map(|ending| format!("{path}{ending}"));
        let meant = WRITTEN
            .iter()
            .filter_map(|(written, meant)| Some(format!("{}{meant}", path.strip_suffix(written)?)));
        std::iter::once(path.to_owned())
            .chain(with_ending)
            .chain(meant)
            .find(is_there)
    }

    fn folder_at(&self, path: &str) -> Option<String> {
        if !self.folders.contains(path) {
            return None;
        }
        let package = self.package(path);
        let main = package.get("main").and_then(Value::as_str);
        let main = main.and_then(|main| {
            let file = joined(&format!("{path}/{main}"))?;
            let index = || self.file_at(&format!("{file}/index"));
            self.file_at(&file)
                .or_else(|| match self.folders.contains(file.as_str()) {
                    true => index(),
                    false => None,
                })
        });
        main.or_else(|| self.file_at(&format!("{path}/index")))
    }

    fn in_packages(&self, specifier: &str, from: &str, how: How) -> Option<String> {
        let (name, rest) = package_name(specifier);
        // A package may import itself.
        if let Some((folder, package)) = self.package_of(from)
            && package.get("name").and_then(Value::as_str) == Some(name)
            && package.get("exports").is_some_and(|it| !it.is_null())
        {
            return self.of_exports(&folder, &package, rest, how);
        }
        let mut folder = folder_of(from);
        loop {
            let place = match folder.is_empty() {
                true => format!("{FOLDER}/{name}"),
                false => format!("{folder}/{FOLDER}/{name}"),
            };
            if self.folders.contains(place.as_str()) {
                let package = self.package(&place);
                if package.get("exports").is_some_and(|it| !it.is_null()) {
                    return self.of_exports(&place, &package, rest, how);
                }
                let found = match rest {
                    "" => self.folder_at(&place),
                    rest => {
                        let path = joined(&format!("{place}{rest}"))?;
                        self.file_at(&path).or_else(|| self.folder_at(&path))
                    }
                };
                if found.is_some() {
                    return found;
                }
            }
            if folder.is_empty() {
                return None;
            }
            folder = folder_of(folder);
        }
    }

    /// What `exports` of a package says.
    fn of_exports(&self, place: &str, package: &Value, rest: &str, how: How) -> Option<String> {
        let exports = package.get("exports")?;
        let target = exported(exports, &format!(".{rest}"), how)?;
        self.file_at(&joined(&format!("{place}/{target}"))?)
    }

    /// What `imports` of a package says.
    fn imported(&self, specifier: &str, from: &str, how: How) -> Option<String> {
        let (folder, package) = self.package_of(from)?;
        let target = matched(package.get("imports")?, specifier, how)?;
        match target.strip_prefix("./") {
            Some(target) => self.file_at(&joined(&format!("{folder}/{target}"))?),
            None => self.in_packages(&target, from, how),
        }
    }
}

/// The folder that a path is in; that of the outermost has no name.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A path without `.` and `..`; none where it leads out.
fn joined(path: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The name of a package, and what of it is meant: nothing, or a path that begins with a slash.
pub(super) fn package_name(specifier: &str) -> (&str, &str) {
    let scope = match specifier.starts_with('@') {
        true => specifier.find('/').map_or(0, |at| at.saturating_add(1)),
        false => 0,
    };
    let rest = specifier.get(scope..).unwrap_or_default();
    match rest.find('/') {
        Some(at) => specifier.split_at(scope.saturating_add(at)),
        None => (specifier, ""),
    }
}

fn exported(exports: &Value, path: &str, how: How) -> Option<String> {
    let is_map = exports
        .as_object()
        .is_some_and(|it| it.keys().any(|key| key.starts_with('.')));
    match is_map {
        true => matched(exports, path, how),
        false if path == "." => chosen(exports, how, ""),
        false => None,
    }
}

/// The target of a name among `exports` or `imports`: its own, or that of the longest pattern that fits.
fn matched(targets: &Value, name: &str, how: How) -> Option<String> {
    let targets = targets.as_object()?;
    if let Some(target) = targets.get(name) {
        return chosen(target, how, "");
    }
    let fitting = targets.iter().filter_map(|(pattern, target)| {
        let (before, after) = pattern.split_once('*')?;
        let fits = name.len() >= pattern.len();
        let star = name.strip_prefix(before)?.strip_suffix(after)?;
        fits.then_some((pattern.len(), star, target))
    });
    let (_, star, target) = fitting.max_by_key(|(length, ..)| *length)?;
    chosen(target, how, star)
}

/// The first target whose conditions hold.
fn chosen(target: &Value, how: How, star: &str) -> Option<String> {
    match target {
        Value::String(target) => Some(target.replace('*', star)),
        Value::Array(targets) => targets.iter().find_map(|it| chosen(it, how, star)),
        Value::Object(targets) => {
            let holds = |name: &str| match how {
                How::Import => IMPORT.contains(&name),
                How::Require => REQUIRE.contains(&name),
            };
            let holding = targets.iter().filter(|(name, _)| holds(name));
            holding
                .map(|(_, target)| target)
                .find_map(|it| chosen(it, how, star))
        }
        _ => None,
    }
}
