//! A script of TypeScript as a type checker of others takes it: no `return` at the top
//! level, imports of tools spelled one way, every line where it was and every column
//! found again.
//!
//! The checker runs outside the sandbox and would read whatever file a script names, and
//! tell of it. So nothing that names a file stays: only the modules that scripts have may be
//! imported, in whatever way, and `///` directives become plain comments.

use std::collections::BTreeSet;

use oxc_allocator::Allocator;
use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::ScopeFlags;
use oxc_span::Span;

use super::ambient::Ambient;
use super::edits::slice;
use super::error::Places;
use super::specifier::{Target, of_script};
use super::{Dialect, SourceError, depth, parse, without_fences};

/// The module that stands for every file and module of Node's: it and its members have any type.
pub const UNTYPED: &str = "wxmcp:untyped";

/// The same where members are imported by name, which may be types: those of [`Checkable::untyped`], and a default.
pub const UNTYPED_NAMES: &str = "wxmcp:untyped/names";

/// What a type checker is to read in place of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkable {
    /// The source. Tools are imported from `./tools/index`, `./tools/NAMESPACE` and
    /// `./tools/NAMESPACE/TOOL`.
    pub source: String,
    /// Namespaces that it imports, as the script spells them: ASCII letters, digits, `_`,
    /// `-` and `$`.
    pub namespaces: Vec<String>,
    /// Names that it uses and declares nowhere; they may be those of namespaces and tools.
    pub ambient: Vec<String>,
    /// Members of `tools`, and of what other hosts call them, that may be namespaces.
    pub through: Vec<String>,
    /// Tools that it imports alone: namespace and tool, both spelled so.
    pub tools: Vec<(String, String)>,
    /// What it imports by name of modules that nothing is known of: letters, digits, `_` and `$`.
    pub untyped: Vec<String>,
    changes: Vec<Change>,
}

/// A stretch of a line that another took the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Change {
    line: u32,
    /// From 1, in UTF-16 units, as both lengths.
    column: u32,
    was: u32,
    is: u32,
}

/// Where a source stops being a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unreadable {
    /// What is wrong.
    pub message: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in UTF-16 units.
    pub column: u32,
}

impl Checkable {
    /// Reads a script of TypeScript.
    ///
    /// # Errors
    ///
    /// What the parser does not take, and imports of what scripts cannot have; and where.
    pub fn new(source: &str) -> Result<Self, Unreadable> {
        let read = || {
            let dialect = Dialect::TypeScript;
            let source = without_fences(source, dialect)?;
            depth::with_stack(&source, dialect, || read(&source))
        };
        read().map_err(|error: SourceError| Unreadable {
            line: error.line,
            column: error.column,
            message: error.into_message(),
        })
    }

    /// The script's column of a place in [`Checkable::source`], both from 1 and in UTF-16
    /// units. Lines are the same.
    pub fn column(&self, line: u32, column: u32) -> u32 {
        let mut longer = 0_i64;
        for change in self.changes.iter().filter(|change| change.line == line) {
            let start = i64::from(change.column).saturating_add(longer);
            if i64::from(column) < start {
                break;
            }
            if i64::from(column) < start.saturating_add(i64::from(change.is)) {
                return change.column;
            }
            longer = longer
                .saturating_add(i64::from(change.is))
                .saturating_sub(i64::from(change.was));
        }
        let column = i64::from(column).saturating_sub(longer);
        u32::try_from(column).unwrap_or(1).max(1)
    }
}

fn read(source: &str) -> Result<Checkable, SourceError> {
    let allocator = Allocator::default();
    let tree = parse(&allocator, source, Dialect::TypeScript)?;
    let mut reader = Reader::default();
    reader.visit_program(&tree);
    let ambient = Ambient::of(&tree, &[]).unwrap_or_default();
    for comment in &tree.comments {
        let slashes = Span::new(comment.span.start, comment.span.start.saturating_add(3));
        if slice(source, slashes.start, slashes.end) == "///" {
            reader.edits.push((slashes, "// ".to_owned()));
        }
    }
    if let Some((place, message)) = reader.refused {
        return Err(SourceError::at(source, place, &message));
    }
    let Reader {
        mut edits,
        namespaces,
        tools,
        untyped,
        ..
    } = reader;
    edits.sort_by_key(|(span, _)| span.start);
    let mut text = String::with_capacity(source.len());
    let mut changes = Vec::new();
    let mut at = 0;
    let mut places = Places::new(source);
    for (span, new) in &edits {
        let (line, column) = places.find(span.start);
        text.push_str(slice(source, at, span.start));
        text.push_str(new);
        changes.push(Change {
            line,
            column,
            was: width(slice(source, span.start, span.end)),
            is: width(new),
        });
        at = span.end;
    }
    text.push_str(slice(source, at, super::edits::length(source)));
    Ok(Checkable {
        source: text,
        ambient: plain(ambient.names),
        through: plain(ambient.through),
        namespaces,
        tools,
        untyped,
        changes,
    })
}

fn plain(names: BTreeSet<String>) -> Vec<String> {
    names.into_iter().filter(|name| is_plain(name)).collect()
}

fn width(text: &str) -> u32 {
    u32::try_from(text.encode_utf16().count()).unwrap_or(u32::MAX)
}

#[derive(Default)]
struct Reader {
    edits: Vec<(Span, String)>,
    namespaces: Vec<String>,
    tools: Vec<(String, String)>,
    untyped: Vec<String>,
    /// The first import of something that scripts cannot have.
    refused: Option<(u32, String)>,
    /// Functions around the place that is visited.
    functions: usize,
}

impl Reader {
    fn import(&mut self, specifier: &str, span: Span, names: &[String]) {
        let to = match of_script(specifier) {
            Ok(Target::Builtin(_) | Target::Shared(_)) => return,
            Ok(Target::Root) => {
                for name in names.iter().filter(|name| is_plain(name)) {
                    self.namespaces.push(name.clone());
                }
                "index".to_owned()
            }
            Ok(Target::Namespace(name)) if is_plain(&name) => {
                self.namespaces.push(name.clone());
                name
            }
            Ok(Target::Tool(name, tool)) if is_plain(&name) && is_plain(&tool) => {
                let to = format!("{name}/{tool}");
                self.namespaces.push(name.clone());
                self.tools.push((name, tool));
                to
            }
            Ok(Target::Namespace(_) | Target::Tool(..)) => {
                return self.refuse(span, "there is no such module");
            }
            // What a checker knows nothing of: `modules.d.ts` has it as `any`.
            Ok(Target::Node(_) | Target::File(_)) | Err(_) => {
                let module = match names {
                    [] => UNTYPED,
                    _ => UNTYPED_NAMES,
                };
                let is_name = |name: &&String| {
                    is_plain(name)
                        && !name.contains('-')
                        && !name.starts_with(|c: char| c.is_ascii_digit())
                };
                self.untyped.extend(names.iter().filter(is_name).cloned());
                self.edits.push((span, format!("\"{module}\"")));
                return;
            }
        };
        self.edits.push((span, format!("\"./tools/{to}\"")));
    }

    fn refuse(&mut self, span: Span, message: &str) {
        if self.refused.is_none() {
            self.refused = Some((span.start, message.to_owned()));
        }
    }
}

/// Letters that are a file's name as they are, and end no literal.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'$'))
}

impl<'a> Visit<'a> for Reader {
    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        let names: Vec<String> = it
            .specifiers
            .iter()
            .flatten()
            .filter_map(|specifier| match specifier {
                ImportDeclarationSpecifier::ImportSpecifier(named) => {
                    Some(named.imported.name().to_string())
                }
                _ => None,
            })
            .collect();
        self.import(&it.source.value, it.source.span, &names);
    }

    fn visit_export_from_declaration(&mut self, it: &ExportFromDeclaration<'a>) {
        self.import(&it.source.value, it.source.span, &[]);
    }

    fn visit_export_all_declaration(&mut self, it: &ExportAllDeclaration<'a>) {
        self.import(&it.source.value, it.source.span, &[]);
    }

    fn visit_ts_import_type(&mut self, it: &TSImportType<'a>) {
        self.import(&it.source.value, it.source.span, &[]);
        walk::walk_ts_import_type(self, it);
    }

    fn visit_ts_import_equals_declaration(&mut self, it: &TSImportEqualsDeclaration<'a>) {
        if matches!(
            it.module_reference,
            TSModuleReference::ExternalModuleReference(_)
        ) {
            let word = Span::new(it.span.start, it.span.start.saturating_add(6));
            self.edits.push((word, "const".to_owned()));
        }
        walk::walk_ts_import_equals_declaration(self, it);
    }

    fn visit_ts_external_module_reference(&mut self, it: &TSExternalModuleReference<'a>) {
        self.import(&it.expression.value, it.expression.span, &[]);
    }

    fn visit_ts_external_module_declaration(&mut self, it: &TSExternalModuleDeclaration<'a>) {
        self.refuse(it.span, "a script declares no modules");
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        match &it.source {
            Expression::StringLiteral(literal) => {
                self.import(&literal.value, literal.span, &[]);
            }
            // A template without parts names a file just as well.
            Expression::TemplateLiteral(template) => {
                if let ([text], []) = (template.quasis.as_slice(), template.expressions.as_slice())
                {
                    let text = text.value.cooked.as_deref().unwrap_or_default();
                    self.import(text, template.span, &[]);
                }
            }
            _ => {}
        }
        walk::walk_import_expression(self, it);
    }

    /// `throw` ends a stretch of code as `return` does, and takes any value.
    fn visit_return_statement(&mut self, it: &ReturnStatement<'a>) {
        if self.functions == 0 {
            let word = Span::new(it.span.start, it.span.start.saturating_add(6));
            let has_value = it.argument.is_some();
            let new = if has_value { "throw " } else { "throw 0" };
            self.edits.push((word, new.to_owned()));
        }
        walk::walk_return_statement(self, it);
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        self.functions = self.functions.saturating_add(1);
        walk::walk_function(self, it, flags);
        self.functions = self.functions.saturating_sub(1);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.functions = self.functions.saturating_add(1);
        walk::walk_arrow_function_expression(self, it);
        self.functions = self.functions.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_at_the_top_level_ends_it_as_a_throw_does() {
        let source = "if (!x) { return }\nconst f = () => { return 1; };\nreturn f(é, 2);";
        let read = Checkable::new(source).unwrap();
        assert_eq!(
            read.source,
            "if (!x) { throw 0 }\nconst f = () => { return 1; };\nthrow  f(é, 2);"
        );
        // Behind the longer word, in front of it, in it.
        assert_eq!(read.column(1, 19), 18);
        assert_eq!(read.column(1, 5), 5);
        assert_eq!(read.column(1, 13), 11);
        assert_eq!(read.column(3, 12), 12);
    }

    #[test]
    fn imports_of_tools_are_spelled_one_way() {
        let source = "import * as a from '@tools/a-b.ts'; a.x();\n\
                      import one from '/tools/c/d.js';\n\
                      import { e, type F as G } from '../tools';\n\
                      const h = await import('tools/h'), z = import(`./tools/z`);\n\
                      import 'zod'; let x: import('tools/x').Y; import(h + '/etc/x');";
        let read = Checkable::new(source).unwrap();
        assert_eq!(
            read.source,
            "import * as a from \"./tools/a-b\"; a.x();\n\
             import one from \"./tools/c/d\";\n\
             import { e, type F as G } from \"./tools/index\";\n\
             const h = await import(\"./tools/h\"), z = import(\"./tools/z\");\n\
             import 'zod'; let x: import(\"./tools/x\").Y; import(h + '/etc/x');"
        );
        assert_eq!(read.namespaces, ["a-b", "c", "e", "F", "h", "z", "x"]);
        assert_eq!(read.tools, [("c".to_owned(), "d".to_owned())]);
        let at = |text: &str, part: &str| u32::try_from(text.find(part).unwrap() + 1).unwrap();
        let first = |text: &str| text.lines().next().unwrap().to_owned();
        assert_eq!(
            read.column(1, at(&first(&read.source), "a.x")),
            at(&first(source), "a.x")
        );
    }

    #[test]
    fn what_is_imported_by_name_may_be_a_type() {
        let source = "import d, { A, b as c } from './x'; import * as fs from 'fs';\nimport y = require('y');";
        let read = Checkable::new(source).unwrap();
        assert_eq!(
            read.source,
            "import d, { A, b as c } from \"wxmcp:untyped/names\"; import * as fs from \"wxmcp:untyped\";\n\
             const y = require(\"wxmcp:untyped\");"
        );
        assert_eq!(read.untyped, ["A", "b"]);
    }

    /// A checker must have no reason to look for a file of the host.
    #[test]
    fn nothing_that_names_a_file_stays() {
        for source in [
            "import x from '/etc/x';",
            "import type { X } from '../x';",
            "import '../../x.json';",
            "import './tools/../x';",
            "import fs from 'node:fs';",
            "import x = require('/etc/x');",
            "export * from '/etc/x';",
            "export { x } from '/etc/x';",
            "export type { x } from '/etc/x';",
            "await import('/etc/x');",
            "await import(`/etc/x`);",
            "function f(a: import('/etc/x').X) {}",
            "type X = typeof import('/etc/x');",
            "const f = () => { import('/etc/x'); };",
        ] {
            let read = Checkable::new(source).unwrap().source;
            assert!(read.contains(UNTYPED), "{source}");
            assert!(!read.contains("/x") && !read.contains("fs'"), "{source}");
        }
        for source in ["declare module '/etc/x' { }", "declare module '/etc/x';"] {
            assert!(Checkable::new(source).is_err(), "{source}");
        }
        let source = "/// <reference path=\"/etc/x\" />\nlet a = 1; /// <reference lib=\"dom\" />";
        assert_eq!(
            Checkable::new(source).unwrap().source,
            source.replace("///", "// ")
        );
    }

    #[test]
    fn what_is_no_program_is_told_with_its_place() {
        let told = Checkable::new("const a = 1;\n  const b = ;").unwrap_err();
        assert_eq!((told.line, told.column), (2, 13));
    }
}
