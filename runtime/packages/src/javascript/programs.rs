//! Modules of packages as the guest evaluates them, made once: so a run neither looks for files nor has them parsed.
//!
//! In the folder `.wxmcp` of a bundle, which `adapter/packages.js` of the guest reads:
//!
//! ```text
//! index   JSON: {"form", "entries": {name: [the module of `import name`, of `require('name')`], ..}}; no module is -1
//! names/P of a package P, its slashes and at signs as in URLs, that says what it exports, a line of each path of it that may be imported: `./x`, a tab, the module
//!         that `import` gets, a tab, the one that `require` gets. In front of the first is an empty line
//! paths/P of the package in the folder P, of each module a line: its path there, a tab, its number. The same
//! code    u32 how many modules, u32 where each begins in the file, u32 where the last ends; little-endian
//!         of each module: JSON without line ends, a line end, the source of its program
//! ```
//!
//! The JSON of a module is that of `Program`, without the source, with "path", and with "found": {"import": {specifier: module |
//! path, ..}, "require": {..}}, what specifiers in its text mean. One that only passes on what others export, all
//! of it without side effects, has "lazy" instead: {name: [module, name there | null], ..}; null is the module itself. One
//! that needs no more than the values of others like it has "simple" instead, of each import the module whose values it is given
//! (or {name: [module, name there], ..}), "names": [name, ..], which it exports of its own, and "from": [[name, import, name there], ..].

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};
use wxmcp_javascript::{Dialect, Format, Outline};

use super::lazy::Lazy;
use super::resolve::{Files, How, package_name};
use super::simple::{self as simple_modules, Simple};

/// The form of programs and of the files that hold them. The guest has the same number in `adapter/packages.js`, and reads
/// packages without these files where it finds another: raise both when programs change.
pub const FORM: u32 = 1;

/// Where the files are.
pub(super) const FOLDER: &str = ".wxmcp";

/// Largest source of a module that is made a program here; the guest refuses larger ones.
const SOURCE: usize = 8 << 20;

/// One module.
pub(super) struct Module {
    pub(super) path: String,
    /// The program as the guest gets it, without its source.
    pub(super) program: Map<String, Value>,
    pub(super) source: String,
    pub(super) outline: Outline,
    /// What its specifiers mean: paths.
    pub(super) imports: BTreeMap<String, String>,
    requires: BTreeMap<String, String>,
}

/// All modules, by number.
pub(super) struct Modules {
    pub(super) modules: Vec<Module>,
    numbers: HashMap<String, usize>,
}

/// Makes programs of all modules among files, and answers the files that hold them.
pub(super) fn files_of(files: &BTreeMap<String, Vec<u8>>) -> Vec<(String, Vec<u8>)> {
    let known = Files::new(files);
    let made = made(files, &known);
    let modules = Modules::new(made, &known);
    let mut made = vec![
        (format!("{FOLDER}/index"), modules.index(&known)),
        (format!("{FOLDER}/code"), modules.code(&known)),
    ];
    for (package, lines) in modules.paths() {
        made.push((
            format!("{FOLDER}/paths/{}", encoded(package)),
            lines.into_bytes(),
        ));
    }
    for name in packages(&known) {
        if let Some(lines) = modules.names(name, &known) {
            made.push((
                format!("{FOLDER}/names/{}", encoded(name)),
                lines.into_bytes(),
            ));
        }
    }
    made
}

/// Makes programs, on all processors.
fn made(files: &BTreeMap<String, Vec<u8>>, known: &Files<'_>) -> HashMap<String, Module> {
    let sources: Vec<(&str, &str, Format)> = files
        .iter()
        .filter_map(|(path, content)| source(path, content, known))
        .collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = sources.len().div_ceil(threads).max(1);
    let parts = std::thread::scope(|scope| {
        let parts: Vec<_> = sources
            .chunks(share)
            .map(|part| scope.spawn(|| part.iter().filter_map(module).collect::<Vec<_>>()))
            .collect();
        let parts = parts.into_iter();
        let parts = parts.map(|part| part.join().unwrap_or_default());
        parts.collect::<Vec<_>>()
    });
    let mut made = HashMap::new();
    for mut module in parts.into_iter().flatten() {
        let found = |names: &std::collections::BTreeSet<String>, how| {
            let found = names.iter().filter_map(|name| {
                let path = known.locate(name, &module.path, how)?;
                Some((name.clone(), path))
            });
            found.collect::<BTreeMap<_, _>>()
        };
        module.imports = found(&module.outline.imports, How::Import);
        module.requires = found(&module.outline.requires, How::Require);
        made.insert(module.path.clone(), module);
    }
    made
}

/// The text of a file that may be a module, and which kind.
fn source<'a>(
    path: &'a str,
    content: &'a [u8],
    known: &Files<'_>,
) -> Option<(&'a str, &'a str, Format)> {
    let (_, suffix) = path.rsplit_once('.')?;
    let is_module = || {
        let package = known.package_of(path);
        let kind = package
            .as_ref()
            .and_then(|(_, it)| it.get("type")?.as_str());
        kind == Some("module")
    };
    let format = match suffix {
        "mjs" => Format::Module,
        "cjs" => Format::ByText,
        "js" if is_module() => Format::Module,
        "js" => Format::ByText,
        _ => return None,
    };
    if content.len() > SOURCE {
        return None;
    }
    let text = std::str::from_utf8(content).ok()?;
    Some((path, text.strip_prefix('\u{feff}').unwrap_or(text), format))
}

/// A module as a program; none of a text that is no program: the guest says so, if anybody imports it.
fn module((path, text, format): &(&str, &str, Format)) -> Option<Module> {
    let name = format!("/{path}");
    let mut outline = Outline::of(text, Dialect::JavaScript, *format);
    let text = std::mem::take(&mut outline.text);
    let program = wxmcp_javascript::file(&text, Dialect::JavaScript, *format, &name).ok()?;
    let Ok(Value::Object(mut program)) = serde_json::to_value(&program) else {
        return None;
    };
    let Some(Value::String(source)) = program.remove("source") else {
        return None;
    };
    Some(Module {
        path: (*path).to_owned(),
        program,
        source,
        outline,
        imports: BTreeMap::new(),
        requires: BTreeMap::new(),
    })
}

impl Modules {
    /// Numbers modules so that those that a module needs are near it.
    fn new(mut made: HashMap<String, Module>, known: &Files<'_>) -> Self {
        let mut paths: Vec<String> = made.keys().cloned().collect();
        paths.sort();
        let mut entries: Vec<String> = packages(known)
            .flat_map(|name| [How::Import, How::Require].map(|how| known.locate(name, "", how)))
            .flatten()
            .collect();
        entries.append(&mut paths);
        let mut modules = Self {
            modules: Vec::new(),
            numbers: HashMap::new(),
        };
        // Those to look at, the next one last.
        let mut open: Vec<String> = entries.into_iter().rev().collect();
        while let Some(path) = open.pop() {
            let Some(module) = made.remove(&path) else {
                continue;
            };
            let needed = module.imports.values().chain(module.requires.values());
            open.extend(needed.rev().cloned());
            modules.numbers.insert(path, modules.modules.len());
            modules.modules.push(module);
        }
        modules
    }

    pub(super) fn number(&self, path: &str) -> Option<usize> {
        self.numbers.get(path).copied()
    }

    fn index(&self, known: &Files<'_>) -> Vec<u8> {
        let number = |name: &str, how| {
            let number = known.locate(name, "", how).and_then(|it| self.number(&it));
            number.map_or(json!(-1), Value::from)
        };
        let entries: Map<String, Value> = packages(known)
            .map(|name| {
                let numbers = json!([number(name, How::Import), number(name, How::Require)]);
                (name.to_owned(), numbers)
            })
            .collect();
        json!({"form": FORM, "entries": entries}).to_string().into()
    }

    /// By folder of a package, the lines of its modules.
    fn paths(&self) -> BTreeMap<&str, String> {
        let mut all: BTreeMap<&str, String> = BTreeMap::new();
        for (number, module) in self.modules.iter().enumerate() {
            if let Some((package, rest)) = package_and_rest(&module.path) {
                let line = format!("\n{rest}\t{number}");
                all.entry(package).or_default().push_str(&line);
            }
        }
        all
    }

    /// The lines of what a package exports by paths.
    fn names(&self, name: &str, known: &Files<'_>) -> Option<String> {
        let exported = known.exported_paths(name);
        let lines = exported.iter().map(|path| {
            let specifier = format!("{name}{}", path.strip_prefix('.').unwrap_or(path));
            let number = |how| {
                let number = known.locate(&specifier, "", how);
                number.and_then(|it| self.number(&it))
            };
            let text = |how| number(how).map_or("-1".to_owned(), |it| it.to_string());
            format!("\n{path}\t{}\t{}", text(How::Import), text(How::Require))
        });
        (!exported.is_empty()).then(|| lines.collect())
    }

    fn code(&self, known: &Files<'_>) -> Vec<u8> {
        let lazy = Lazy::new(self, known);
        let simple = Simple::new(self, &lazy);
        let mut contents = Vec::new();
        let mut starts = Vec::new();
        for module in &self.modules {
            starts.push(contents.len());
            contents.extend(
                self.described(module, &lazy, &simple)
                    .to_string()
                    .as_bytes(),
            );
            contents.push(b'\n');
            let source = match simple.members(module) {
                Some(_) => simple_modules::program(&module.source),
                None => None,
            };
            contents.extend(source.as_ref().unwrap_or(&module.source).as_bytes());
        }
        starts.push(contents.len());
        let head = starts.len().saturating_add(1).saturating_mul(4);
        let mut code = Vec::with_capacity(head.saturating_add(contents.len()));
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        code.extend(number(self.modules.len()));
        for start in starts {
            code.extend(number(head.saturating_add(start)));
        }
        code.append(&mut contents);
        code
    }

    /// The JSON of a module.
    fn described(&self, module: &Module, lazy: &Lazy<'_>, simple: &Simple<'_>) -> Value {
        let mut described = Map::new();
        described.insert("path".to_owned(), json!(module.path));
        if let Some(names) = lazy.names(module) {
            described.insert("lazy".to_owned(), names);
            return Value::Object(described);
        }
        if let Some(members) = simple.members(module) {
            described.extend(members);
            return Value::Object(described);
        }
        described.extend(module.program.clone());
        let place = |path: &String| match self.number(path) {
            Some(number) => json!(number),
            None => json!(path),
        };
        let found = |paths: &BTreeMap<String, String>| {
            let found = paths.iter().map(|(name, path)| (name.clone(), place(path)));
            Value::Object(found.collect())
        };
        let found = json!({"import": found(&module.imports), "require": found(&module.requires)});
        described.insert("found".to_owned(), found);
        Value::Object(described)
    }
}

/// As one part of a path, by `encodeURIComponent`.
fn encoded(name: &str) -> String {
    name.replace('/', "%2F").replace('@', "%40")
}

/// The folder of the package that a path is in, and the path there.
fn package_and_rest(path: &str) -> Option<(&str, &str)> {
    const IN: &str = "node_modules/";
    let start = path.rfind(IN)?.checked_add(IN.len())?;
    let (name, _) = package_name(path.get(start..)?);
    let (package, rest) = path.split_at_checked(start.checked_add(name.len())?)?;
    Some((package, rest.strip_prefix('/')?))
}

/// The packages that a script may import by name.
fn packages<'a>(known: &'a Files<'_>) -> impl Iterator<Item = &'a str> {
    known.folders().filter_map(|folder| {
        let name = folder.strip_prefix("node_modules/")?;
        let is_package = match name.starts_with('@') {
            true => name.matches('/').count() == 1,
            false => !name.contains('/'),
        };
        is_package.then_some(name)
    })
}

#[cfg(test)]
#[path = "programs_tests.rs"]
mod tests;
