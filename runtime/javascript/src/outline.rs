//! What a module of a package asks for, by its text: for whoever puts packages together before anything runs.

use std::collections::BTreeSet;

use oxc_allocator::Allocator;
use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan, SourceType};

use super::{Dialect, Format, depth, parse, parsed};

/// Other modules that a text names, and what it does with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// What it imports, exports from, and loads by `import('..')`.
    pub imports: BTreeSet<String>,
    /// What it loads by `require('..')`.
    pub requires: BTreeSet<String>,
    /// Whether it does nothing but pass on what others export.
    pub only_passes_on: bool,
    /// The text without comments between statements: what is left has its line and column.
    pub text: String,
}

impl Outline {
    /// Reads the text of a module; a text that is none names nothing.
    pub fn of(source: &str, dialect: Dialect, format: Format) -> Self {
        let outline = depth::with_stack(source, dialect, || {
            let allocator = Allocator::default();
            let tree = match parse(&allocator, source, dialect) {
                Err(error) if format == Format::ByText => {
                    let common = parsed(&allocator, source, SourceType::cjs());
                    let is_common = common.diagnostics.is_empty();
                    is_common.then_some(common.program).ok_or(error)?
                }
                tree => tree?,
            };
            let mut outline = Self {
                only_passes_on: !tree.body.is_empty() && tree.body.iter().all(passes_on),
                ..Self::default()
            };
            outline.visit_program(&tree);
            outline.text = without_comments(source, &tree);
            Ok(outline)
        });
        outline.unwrap_or_else(|_| Self {
            text: source.to_owned(),
            ..Self::default()
        })
    }
}

/// Takes out the comments that are between statements: long ones are usual in front of functions, and whoever reads the
/// text would read them each time.
fn without_comments(source: &str, tree: &Program<'_>) -> String {
    let mut text = String::with_capacity(source.len());
    let mut statements = tree.body.iter().map(GetSpan::span).peekable();
    let mut from = 0;
    for comment in &tree.comments {
        while statements
            .next_if(|it| it.end <= comment.span.start)
            .is_some()
        {}
        let is_inside = statements
            .peek()
            .is_some_and(|it| it.start < comment.span.start);
        let place = usize::try_from(comment.span.start).ok();
        let place = place.zip(usize::try_from(comment.span.end).ok());
        let Some((start, end)) = place.filter(|(start, _)| !is_inside && *start >= from) else {
            continue;
        };
        let (Some(before), Some(words)) = (source.get(from..start), source.get(start..end)) else {
            continue;
        };
        // Other ends of lines than these are rare, and count as lines, too.
        if words.contains(['\r', '\u{2028}', '\u{2029}']) {
            continue;
        }
        text.push_str(before);
        let lines = words.matches('\n').count();
        text.extend(std::iter::repeat_n('\n', lines));
        let rest = source.get(end..).unwrap_or_default();
        if !rest
            .trim_start_matches([' ', '\t'])
            .starts_with(['\n', '\r'])
            && !rest.is_empty()
        {
            let last = words.rsplit('\n').next().unwrap_or_default();
            text.extend(std::iter::repeat_n(' ', last.encode_utf16().count()));
        }
        from = end;
    }
    text.push_str(source.get(from..).unwrap_or_default());
    text
}

/// Whether a statement imports, or exports by name what is declared elsewhere.
fn passes_on(statement: &Statement<'_>) -> bool {
    matches!(
        statement,
        Statement::ImportDeclaration(_)
            | Statement::ExportFromDeclaration(_)
            | Statement::ExportAllDeclaration(_)
            | Statement::ExportNamedDeclaration(_)
    )
}

impl<'a> Visit<'a> for Outline {
    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        self.imports.insert(it.source.value.to_string());
    }

    fn visit_export_from_declaration(&mut self, it: &ExportFromDeclaration<'a>) {
        self.imports.insert(it.source.value.to_string());
    }

    fn visit_export_all_declaration(&mut self, it: &ExportAllDeclaration<'a>) {
        self.imports.insert(it.source.value.to_string());
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        if let Expression::StringLiteral(name) = &it.source {
            self.imports.insert(name.value.to_string());
        }
        walk::walk_import_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        let is_require = it
            .callee
            .get_identifier_reference()
            .is_some_and(|callee| callee.name == "require");
        if let (true, [Argument::StringLiteral(name)]) = (is_require, it.arguments.as_slice()) {
            self.requires.insert(name.value.to_string());
        }
        walk::walk_call_expression(self, it);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: &[&str]) -> BTreeSet<String> {
        all.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn what_a_module_names_is_found() {
        let of = |source| Outline::of(source, Dialect::JavaScript, Format::ByText);
        let module = of(
            "import a from './a.js'; export * from 'b'; const c = await import('#c'); import(a);",
        );
        assert_eq!(module.imports, names(&["./a.js", "b", "#c"]));
        assert!(!module.only_passes_on && module.requires.is_empty());
        let common = of(
            "with (x) { var a = require('./a'); } require(a); exports.b = () => require(\"b/c\")",
        );
        assert_eq!(common.requires, names(&["./a", "b/c"]));
        assert!(common.imports.is_empty() && !common.only_passes_on);
        let barrel = of(
            "import { x as y } from './x.js'; export { y }; export * from './z.js'; export * as w from 'w'",
        );
        assert_eq!(barrel.imports, names(&["./x.js", "./z.js", "w"]));
        assert!(barrel.only_passes_on);
        let none = of("require('a'); let = = 1");
        assert_eq!(none.text, "require('a'); let = = 1");
        assert!(none.requires.is_empty());
        assert!(!of("export const a = 1;").only_passes_on);
        assert!(!of("").only_passes_on);
    }

    #[test]
    fn comments_between_statements_are_taken_out_and_the_rest_stays_where_it_is() {
        let of = |source| Outline::of(source, Dialect::JavaScript, Format::ByText).text;
        let source =
            "/* a\n * b */ let x = 1; // end\n/** \u{e9} */ f(/* in */ 1);\n//# sourceMappingURL=x";
        let text = "\n        let x = 1; \n         f(/* in */ 1);\n";
        assert_eq!(of(source), text);
        assert_eq!(of("/* a\r\n */ f()"), "/* a\r\n */ f()");
        assert_eq!(of("'/* no */'; // yes"), "'/* no */'; ");
        assert_eq!(
            of("class A { /* in */ }\n/* out */"),
            "class A { /* in */ }\n"
        );
        // That is one statement: a call of what `f` answers.
        assert_eq!(of("f()\n/* a\n*/\n(1)"), "f()\n/* a\n*/\n(1)");
    }
}
