//! Scripts of a session: what their top level declares belongs to the session, so that later scripts
//! see it, and functions of earlier ones see its present value.
//!
//! Declarations become assignments to properties of the global object. The guest makes these
//! properties before the script runs: it is told the names, and how each was declared. Functions
//! are made before anything else runs, from a text of their own in which all the rest is blank. So
//! lines and columns stay, except behind text that has to be put in, which `Shift` tells of.

use std::collections::HashMap;

use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::ScopeFlags;
use oxc_span::Span;
use serde::Serialize;

use super::edits::{Edits, is_line_end, length, slice};
use super::types::Eraser;

/// What a script's top level declares, for the guest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct SessionScope {
    /// The names, each once.
    names: Vec<(String, How)>,
    /// A function in parentheses that makes the script's functions; it has the lines of the program's source.
    #[serde(skip_serializing_if = "Option::is_none")]
    functions: Option<String>,
}

/// How a name was declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum How {
    /// `var`: keeps the value that it has.
    Var,
    /// `function`, or an enum: it has no value before its own.
    New,
    /// `let` or `class`: cannot be used before it has its value.
    Let,
    /// The same, and cannot be assigned to.
    Const,
}

/// Where a declaration stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Directly at the top level.
    Top,
    /// In a block.
    Block,
    /// `for (var i = 0; ..)`
    Loop,
    /// `for (var x of xs)`
    Each,
}

/// Collects the declarations of a script, and edits them.
#[derive(Default)]
pub(super) struct Declarations {
    names: Vec<(String, How)>,
    known: HashMap<String, How>,
    functions: Vec<Span>,
}

impl Declarations {
    /// Reads one statement of the top level.
    pub(super) fn statement(&mut self, it: &Statement<'_>, eraser: &mut Eraser<'_>) {
        match it {
            Statement::ExportDeclaration(it) => self.declaration(&it.declaration, eraser),
            Statement::ExportDefaultDeclaration(it) => match &it.declaration {
                ExportDefaultDeclarationKind::FunctionDeclaration(it) => self.function(it, eraser),
                ExportDefaultDeclarationKind::ClassDeclaration(it) => self.class(it, eraser),
                _ => {}
            },
            other => match other.as_declaration() {
                Some(declaration) => self.declaration(declaration, eraser),
                None => Hoisted {
                    found: self,
                    eraser,
                }
                .visit_statement(other),
            },
        }
    }

    fn declaration(&mut self, it: &Declaration<'_>, eraser: &mut Eraser<'_>) {
        if Eraser::is_erased(it) {
            return;
        }
        match it {
            Declaration::VariableDeclaration(it) => self.variables(it, Place::Top, eraser),
            Declaration::FunctionDeclaration(it) => self.function(it, eraser),
            Declaration::ClassDeclaration(it) => self.class(it, eraser),
            _ => {}
        }
    }

    /// Notes a name. Two declarations of one script may share it only where JavaScript allows that.
    fn declare(&mut self, id: &BindingIdentifier<'_>, how: How, eraser: &mut Eraser<'_>) {
        let is_lexical = |how| matches!(how, How::Let | How::Const);
        let name = id.name.as_str();
        match self.known.get(name) {
            Some(&before) if is_lexical(before) || is_lexical(how) => {
                eraser.refuse(id.span, &format!("`{name}` is declared twice"));
            }
            Some(_) => {}
            None => {
                self.known.insert(name.to_owned(), how);
                self.names.push((name.to_owned(), how));
            }
        }
    }

    /// `const x = 1` becomes `x = 1`.
    fn variables(&mut self, it: &VariableDeclaration<'_>, place: Place, eraser: &mut Eraser<'_>) {
        let how = match it.kind {
            VariableDeclarationKind::Var => How::Var,
            VariableDeclarationKind::Let => How::Let,
            VariableDeclarationKind::Const => How::Const,
            // What it disposes of at the end of the script is of no use to the next one.
            VariableDeclarationKind::Using | VariableDeclarationKind::AwaitUsing => return,
        };
        for one in &it.declarations {
            for id in one.id.get_binding_identifiers() {
                self.declare(id, how, eraser);
            }
        }
        let first = it.declarations.first().map(|first| &first.id);
        let is_pattern = !matches!(first, Some(BindingPattern::BindingIdentifier(_)));
        // A statement that begins with `{` would be a block, one that begins with `[` would continue the line before.
        let text = match (place, is_pattern) {
            (Place::Each, _) | (_, false) => "",
            (_, true) => "0,",
        };
        let start = if place == Place::Top { ";" } else { "" };
        let keyword = it.span.start.saturating_add(length(it.kind.as_str()));
        eraser
            .edits
            .replace(it.span.start, keyword, &format!("{start}{text}"));
        if place != Place::Each {
            for one in &it.declarations {
                if let (None, BindingPattern::BindingIdentifier(id)) = (&one.init, &one.id) {
                    without_value(id, how, &mut eraser.edits);
                }
            }
        }
        let ends_with_value = it.declarations.last().is_some_and(|it| it.init.is_some());
        let ends = slice(eraser.source, it.span.start, it.span.end).ends_with(';');
        if matches!(place, Place::Top | Place::Block) && !ends_with_value && !ends {
            eraser.edits.insert(it.span.end, ";");
        }
    }

    /// `class A {}` becomes `A=class A {};`: its own members go on to mean this class by its name.
    fn class(&mut self, it: &Class<'_>, eraser: &mut Eraser<'_>) {
        let Some(id) = &it.id else { return };
        self.declare(id, How::Let, eraser);
        eraser
            .edits
            .insert(it.span.start, &format!(";{}=", id.name));
        eraser.edits.insert(it.span.end, ";");
    }

    /// `function f() {}` becomes `f=function() {}` in a text of its own.
    fn function(&mut self, it: &Function<'_>, eraser: &mut Eraser<'_>) {
        let Some(id) = it.id.as_ref().filter(|_| it.body.is_some()) else {
            return;
        };
        self.declare(id, How::New, eraser);
        let (start, end) = (it.span.start, id.span.end);
        let is_async = if it.r#async { "async " } else { "" };
        let star = if it.generator { "*" } else { "" };
        let text = format!("{}={is_async}function{star}", id.name);
        let before = slice(eraser.source, start, end);
        let follows = self.functions.last().is_some_and(|last| last.end == start);
        if follows || length(&text) > length(before) || before.contains(is_line_end) {
            eraser.edits.insert(start, &format!(";{text}"));
            eraser.edits.blank(start, end);
        } else {
            eraser.edits.replace(start, end, &text);
        }
        self.functions.push(it.span);
    }

    /// The spans that the script's own text has no more.
    pub(super) fn functions(&self) -> &[Span] {
        &self.functions
    }

    /// What the guest is told; `head` begins the text of functions.
    pub(super) fn scope(self, source: &str, edits: &Edits, head: &str) -> SessionScope {
        let mut around = Vec::new();
        let mut at = 0;
        for span in &self.functions {
            around.push(Span::new(at, span.start));
            at = span.end;
        }
        around.push(Span::new(at, length(source)));
        let functions = (!self.functions.is_empty())
            .then(|| format!("{head}\n{}\n}})", edits.apply_without(source, &around)));
        SessionScope {
            names: self.names,
            functions,
        }
    }
}

impl SessionScope {
    /// Enums begin anew where they are declared again.
    pub(super) fn begin_anew(&mut self, enums: &[String]) {
        for (name, how) in &mut self.names {
            if *how == How::Var && enums.contains(name) {
                *how = How::New;
            }
        }
    }
}

/// `let x` gives `x` the value `undefined`, `var x` does nothing.
fn without_value(id: &BindingIdentifier<'_>, how: How, edits: &mut Edits) {
    let start = id.span.start;
    let end = start.saturating_add(length(&id.name));
    if how == How::Var {
        edits.replace(start, end, "0");
    } else {
        edits.insert(end, "=void 0");
    }
}

/// Finds each `var` of a statement that is in no function.
struct Hoisted<'d, 'e, 's> {
    found: &'d mut Declarations,
    eraser: &'e mut Eraser<'s>,
}

impl Hoisted<'_, '_, '_> {
    fn var(&mut self, it: &VariableDeclaration<'_>, place: Place) {
        if it.kind == VariableDeclarationKind::Var && !it.declare {
            self.found.variables(it, place, self.eraser);
        }
    }

    fn left(&mut self, it: &ForStatementLeft<'_>) {
        if let ForStatementLeft::VariableDeclaration(it) = it {
            self.var(it, Place::Each);
        }
    }
}

impl<'a> Visit<'a> for Hoisted<'_, '_, '_> {
    fn visit_expression(&mut self, _: &Expression<'a>) {}

    fn visit_function(&mut self, _: &Function<'a>, _: ScopeFlags) {}

    fn visit_class(&mut self, _: &Class<'a>) {}

    fn visit_ts_namespace_declaration(&mut self, _: &TSNamespaceDeclaration<'a>) {}

    fn visit_variable_declaration(&mut self, it: &VariableDeclaration<'a>) {
        self.var(it, Place::Block);
    }

    fn visit_for_statement(&mut self, it: &ForStatement<'a>) {
        if let Some(ForStatementInit::VariableDeclaration(it)) = &it.init {
            self.var(it, Place::Loop);
        }
        self.visit_statement(&it.body);
    }

    fn visit_for_in_statement(&mut self, it: &ForInStatement<'a>) {
        self.left(&it.left);
        self.visit_statement(&it.body);
    }

    fn visit_for_of_statement(&mut self, it: &ForOfStatement<'a>) {
        self.left(&it.left);
        self.visit_statement(&it.body);
    }

    fn visit_labeled_statement(&mut self, it: &LabeledStatement<'a>) {
        walk::walk_labeled_statement(self, it);
    }
}
