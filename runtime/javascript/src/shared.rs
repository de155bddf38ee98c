//! Shared code of tool files: what a relative specifier means, and all files that one imports.

use std::collections::BTreeMap;

use super::{Dialect, Form, Origin, Program, SourceError, depth};
use wxmcp_run::{Library, Raised, Shared, without_position};

/// Suffixes of files that may be imported, in the order in which they are tried.
const SUFFIXES: [&str; 5] = [".ts", ".mts", ".js", ".mjs", ".json"];

/// Where an importing file is, and what is around it.
#[derive(Clone, Copy)]
pub struct ImportingFile<'l> {
    /// Its path below the folder of tools: `orders/find.ts`.
    pub path: &'l str,
    /// The files that it may import.
    pub library: &'l Library,
}

impl ImportingFile<'_> {
    /// The shared file that a specifier names; none for what names no shared code.
    ///
    /// # Errors
    ///
    /// What to say where there is no such file, or where it is outside of the tree.
    pub(super) fn find(&self, specifier: &str) -> Result<Option<String>, String> {
        let is_relative = specifier.starts_with("./") || specifier.starts_with("../");
        if !is_relative && !specifier.starts_with('/') {
            return Ok(None);
        }
        let shown: String = specifier.chars().take(100).collect();
        let is_marked = specifier.split('/').any(|part| part.starts_with('_'));
        let Some(path) = self.joined(specifier).filter(|_| is_relative) else {
            return match is_marked || !specifier.contains("tools") {
                true => Err(format!("`{shown}` is outside of the tool tree: {HOW}")),
                false => Ok(None),
            };
        };
        if !path.split('/').any(|part| part.starts_with('_')) {
            return Ok(None);
        }
        let found = self.candidates(&path);
        match found.as_slice() {
            [one] => Ok(Some(one.clone())),
            [] => Err(format!(
                "there is no shared file `{shown}`{}",
                self.what_there_is()
            )),
            [one, other, ..] => Err(format!(
                "`{shown}` may be `tools/{one}` or `tools/{other}`: write the suffix"
            )),
        }
    }

    /// The path below the folder of tools; none outside of it.
    fn joined(&self, specifier: &str) -> Option<String> {
        let mut parts: Vec<&str> = self.path.split('/').collect();
        parts.pop();
        for part in specifier.split('/') {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()?),
                part => parts.push(part),
            }
        }
        Some(parts.join("/"))
    }

    /// The files that a path without, or with another, suffix may mean.
    fn candidates(&self, path: &str) -> Vec<String> {
        let is_there = |path: &String| self.library.files.contains_key(path);
        if is_there(&path.to_owned()) && !path.ends_with(".py") {
            return vec![path.to_owned()];
        }
        // Editors write `./_money.js` for `_money.ts`.
        for (written, meant) in [(".js", ".ts"), (".mjs", ".mts")] {
            if let Some(stem) = path.strip_suffix(written) {
                return Vec::from_iter(Some(format!("{stem}{meant}")).filter(is_there));
            }
        }
        let with = |stem: &str| -> Vec<String> {
            let paths = SUFFIXES.iter().map(|suffix| format!("{stem}{suffix}"));
            paths.filter(is_there).collect()
        };
        let files = with(path);
        if files.is_empty() {
            with(&format!("{path}/index"))
        } else {
            files
        }
    }

    fn what_there_is(&self) -> String {
        let importable = |path: &&String| SUFFIXES.iter().any(|suffix| path.ends_with(suffix));
        let some: Vec<String> = self
            .library
            .files
            .keys()
            .filter(importable)
            .take(6)
            .map(|path| format!("`tools/{path}`"))
            .collect();
        if some.is_empty() {
            format!("; {HOW}")
        } else {
            format!("; there are: {}", some.join(", "))
        }
    }
}

/// How tool files share code.
pub(super) const HOW: &str = "code that tool files share is in files beside them whose names begin with `_`, in `_lib/` beside them, or in `tools/_lib/`";

/// A file that is not the tool's own and that is wrong.
pub(crate) enum BundleError {
    /// The tool's own source.
    Own(SourceError),
    /// That of a shared file, by its name in messages.
    Shared(String, SourceError),
}

impl BundleError {
    /// The exception that the tool file raises.
    pub(crate) fn raised(&self, name: &str) -> Raised {
        match self {
            Self::Own(error) => error.raised(name),
            Self::Shared(file, error) => Raised {
                file: Some(file.clone()),
                ..error.raised(file)
            },
        }
    }
}

/// Makes a program of a tool file, and of all shared files that it imports.
///
/// # Errors
///
/// What is wrong with one of the sources, and where.
pub(crate) fn bundle(
    source: &str,
    dialect: Dialect,
    place: ImportingFile<'_>,
) -> Result<Program, BundleError> {
    let mut bundle = Bundle {
        library: place.library,
        open: Vec::new(),
        known: BTreeMap::new(),
        done: Vec::new(),
    };
    let source = &*super::without_fences(source, dialect).map_err(BundleError::Own)?;
    let mut program = depth::with_stack(source, dialect, || {
        super::read(source, dialect, Form::Module, Some(place))
    })
    .map_err(BundleError::Own)?;
    bundle.resolve(&mut program, source, None)?;
    program.shared = bundle.done;
    Ok(program)
}

/// A shared file as the guest evaluates it.
#[derive(Clone, Debug, serde::Serialize)]
pub(crate) struct SharedProgram {
    /// What stacks call it.
    name: String,
    #[serde(flatten)]
    program: Program,
    #[serde(skip)]
    exports: Vec<String>,
}

struct Bundle<'l> {
    library: &'l Library,
    /// Files that are being read, from the tool file on.
    open: Vec<String>,
    known: BTreeMap<String, usize>,
    done: Vec<SharedProgram>,
}

fn exports_no(path: &str, name: &str, exports: &[String]) -> String {
    let exports: Vec<String> = exports
        .iter()
        .take(20)
        .map(|it| format!("`{it}`"))
        .collect();
    let exports = match exports.as_slice() {
        [] => "nothing".to_owned(),
        _ => exports.join(", "),
    };
    format!(
        "`{}` exports no `{name}`; it exports {exports}",
        shown(path)
    )
}

impl Bundle<'_> {
    /// Reads what a program imports, and lets its imports say where that is.
    fn resolve(
        &mut self,
        program: &mut Program,
        source: &str,
        file: Option<&str>,
    ) -> Result<(), BundleError> {
        let wrong = |error: SourceError| match file {
            Some(file) => BundleError::Shared(shown(file), error),
            None => BundleError::Own(error),
        };
        for import in &mut program.imports {
            let Origin::Shared(path) = &import.from else {
                continue;
            };
            let at = |message: &str| {
                wrong(SourceError::at_line(
                    source,
                    import.line,
                    import.column,
                    message,
                ))
            };
            if let Some(begin) = self.open.iter().position(|open| open == path) {
                let ring = self.open.iter().skip(begin).chain([path]);
                let ring: Vec<String> = ring.map(|path| format!("`{}`", shown(path))).collect();
                let ring = ring.join(", which imports ");
                return Err(at(&format!("shared files import each other: {ring}")));
            }
            let index = match self.known.get(path) {
                Some(index) => *index,
                None => {
                    let path = path.clone();
                    let text = self.library.files.get(&path);
                    let text = match text {
                        Some(Shared::Text(text)) => std::sync::Arc::clone(text),
                        Some(Shared::Refused(why)) => {
                            return Err(at(&format!("`{}` is not read: {why}", shown(&path))));
                        }
                        None => return Err(at(&format!("there is no `{}`", shown(&path)))),
                    };
                    self.add(&path, &text)?
                }
            };
            let exports = self.done.get(index).map(|one| one.exports.as_slice());
            let missing = import
                .names
                .iter()
                .find(|name| !exports.is_some_and(|exports| exports.contains(*name)));
            if let Some(name) = missing {
                return Err(at(&exports_no(path, name, exports.unwrap_or_default())));
            }
            import.from = Origin::Index(index);
        }
        Ok(())
    }

    fn add(&mut self, path: &str, text: &str) -> Result<usize, BundleError> {
        let wrong = |error| BundleError::Shared(shown(path), error);
        let (mut program, exports) = match path.rsplit_once('.').map(|(_, suffix)| suffix) {
            Some("json") => data(text).map_err(wrong)?,
            suffix => {
                let dialect = match suffix {
                    Some("ts" | "mts") => Dialect::TypeScript,
                    _ => Dialect::JavaScript,
                };
                let place = ImportingFile {
                    path,
                    library: self.library,
                };
                let program = depth::with_stack(text, dialect, || {
                    super::read(text, dialect, Form::Shared, Some(place))
                });
                let program = program.map_err(wrong)?;
                let exports = program.exports.clone();
                (program, exports)
            }
        };
        self.open.push(path.to_owned());
        self.resolve(&mut program, text, Some(path))?;
        self.open.pop();
        let index = self.done.len();
        self.done.push(SharedProgram {
            name: shown(path),
            program,
            exports,
        });
        self.known.insert(path.to_owned(), index);
        Ok(index)
    }
}

fn shown(path: &str) -> String {
    format!("tools/{path}")
}

/// A program that answers the value of a JSON file, as its default and by the names of its members.
fn data(text: &str) -> Result<(Program, Vec<String>), SourceError> {
    let at = |line: usize, column: usize, message: &str| {
        let number = |place: usize| u32::try_from(place.max(1)).unwrap_or(u32::MAX);
        SourceError::at_line(text, number(line), number(column), message)
    };
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| {
        let why = without_position(&error);
        at(
            error.line(),
            error.column(),
            &format!("it is no JSON: {why}"),
        )
    })?;
    if let Some(number) = inexact(text) {
        let message = format!("JavaScript has no exact {number}: write it as a string");
        return Err(at(1, 1, &message));
    }
    let names: Vec<String> = value
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::keys)
        .filter(|name| name.as_str() != "default")
        .cloned()
        .collect();
    let literal = serde_json::Value::from(value.to_string());
    let source = format!(
        "(async function(){{\"use strict\";\nconst $v=JSON.parse({literal});return {{__proto__:null,...($v!==null&&typeof $v==='object'&&!Array.isArray($v)?$v:{{}}),default:$v}}\n}})"
    );
    let mut exports = names;
    exports.push("default".to_owned());
    Ok((
        Program {
            source,
            ..Program::default()
        },
        exports,
    ))
}

/// An integer of a JSON text that JavaScript's numbers would round; one that is written with a
/// fraction or an exponent is a float anyway.
fn inexact(text: &str) -> Option<&str> {
    const EXACT: u64 = 1 << 53;
    let mut outside = Vec::new();
    let mut rest = text;
    while let Some((before, quoted)) = rest.split_once('"') {
        outside.push(before);
        let mut escaped = false;
        let end = quoted.find(|character| {
            let ends = character == '"' && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        });
        rest = end
            .and_then(|end| quoted.get(end.saturating_add(1)..))
            .unwrap_or_default();
    }
    outside.push(rest);
    let is_digit = |character: char| character.is_ascii_digit();
    outside
        .into_iter()
        .flat_map(|part| part.split(|c: char| !is_digit(c) && !"+-.eE".contains(c)))
        .find(|token| {
            let digits = token.strip_prefix('-').unwrap_or(token);
            let is_integer = !digits.is_empty() && digits.chars().all(is_digit);
            is_integer && !digits.parse().is_ok_and(|number: u64| number <= EXACT)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(files: &[(&str, &str)]) -> Library {
        let shared =
            |(path, text): &(&str, &str)| ((*path).to_owned(), Shared::Text((*text).into()));
        Library {
            files: files.iter().map(shared).collect(),
        }
    }

    #[test]
    fn specifiers_lead_to_shared_files_and_nowhere_else() {
        let library = library(&[
            ("t/_a.ts", ""),
            ("t/_b.js", ""),
            ("t/_b.ts", ""),
            ("t/_dir/index.ts", ""),
            ("t/_data.json", ""),
            ("_lib/c.ts", ""),
        ]);
        let place = ImportingFile {
            path: "t/tool.ts",
            library: &library,
        };
        let found = |specifier: &str| place.find(specifier);
        for (specifier, path) in [
            ("./_a", "t/_a.ts"),
            ("./_a.ts", "t/_a.ts"),
            ("./_a.js", "t/_a.ts"),
            ("./_b.js", "t/_b.js"),
            ("./_dir", "t/_dir/index.ts"),
            ("./_data.json", "t/_data.json"),
            ("../_lib/c", "_lib/c.ts"),
            ("./../_lib/./c.ts", "_lib/c.ts"),
            ("../t/_a", "t/_a.ts"),
        ] {
            assert_eq!(found(specifier), Ok(Some(path.to_owned())), "{specifier}");
        }
        for specifier in ["./tools/db", "tools/db", "zod", "../t/other", "./tool"] {
            assert_eq!(found(specifier), Ok(None), "{specifier}");
        }
        for (specifier, why) in [
            ("./_b", "write the suffix"),
            ("./_x", "there is no shared file"),
            ("../../x", "outside of the tool tree"),
            ("../../../etc/_passwd", "outside of the tool tree"),
            ("/etc/_passwd", "outside of the tool tree"),
        ] {
            assert!(found(specifier).unwrap_err().contains(why), "{specifier}");
        }
    }

    fn bundled(source: &str, files: &[(&str, &str)]) -> Result<Program, Raised> {
        let library = library(files);
        let place = ImportingFile {
            path: "t/tool.ts",
            library: &library,
        };
        bundle(source, Dialect::TypeScript, place).map_err(|error| error.raised("tools/t/tool.ts"))
    }

    #[test]
    fn each_file_comes_once_and_after_those_that_it_imports() {
        let program = bundled(
            "import { a } from './_a';\nimport { c } from './_c';\nexport const tool = () => a + c;",
            &[
                ("t/_a.ts", "import { c } from './_c';\nexport const a = c;"),
                ("t/_c.ts", "export const c = 1;"),
                ("t/_unused.ts", "export const = "),
            ],
        )
        .unwrap();
        let names: Vec<&str> = program.shared.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["tools/t/_c.ts", "tools/t/_a.ts"]);
        let places: Vec<&Origin> = program.imports.iter().map(|one| &one.from).collect();
        assert_eq!(places, [&Origin::Index(1), &Origin::Index(0)]);
    }

    #[test]
    fn errors_are_those_of_the_file_that_is_wrong() {
        let raised = bundled(
            "import { a } from './_a';\nexport const tool = () => a;",
            &[("t/_a.ts", "\nexport const a = (;")],
        )
        .unwrap_err();
        assert_eq!(raised.file.as_deref(), Some("tools/t/_a.ts"));
        assert_eq!(raised.line, Some(2));
        for (text, why) in [
            ("export let a = 1; a = 2;", "`a` is exported and changes"),
            (
                "let a = 1; a = 2; export { a };",
                "`a` is exported and changes",
            ),
            ("export const b = 1;", "exports no `a`; it exports `b`"),
            (
                "import { x } from './tool'; export const a = x;",
                "there is no module",
            ),
            (
                "import { a as b } from './_a'; export const a = b;",
                "import each other",
            ),
        ] {
            let raised = bundled(
                "import { a } from './_a';\nexport const tool = () => a;",
                &[("t/_a.ts", text)],
            );
            let message = raised.unwrap_err().message;
            assert!(message.contains(why), "{text}: {message}");
        }
    }

    #[test]
    fn data_is_exact_or_refused() {
        let of = |text: &str| data(text).map(|(_, exports)| exports);
        assert_eq!(
            of(r#"{"a": 1, "b": [1.5, -9007199254740992]}"#).unwrap(),
            ["a", "b", "default"]
        );
        assert_eq!(of("[1]").unwrap(), ["default"]);
        for text in [
            "{",
            "[9007199254740993]",
            r#"{"a": [123456789012345678901234567890]}"#,
            "[-9007199254740993]",
        ] {
            assert!(of(text).is_err(), "{text}");
        }
        assert!(of(r#"[1e300, 1e22, "9007199254740993", "\\\" 9007199254740993"]"#).is_ok());
    }
}
