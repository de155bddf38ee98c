//! Imports and exports: a script becomes the body of a function.

use std::collections::HashSet;

use oxc_ast::ast::*;
use oxc_ast_visit::Visit;
use oxc_semantic::SemanticBuilder;
use oxc_span::{GetSpan, Span};

use super::error::Places;
use super::imports::{Importer, is_of_other_hosts, read_export_all, read_export_from, read_import};
use super::linked::{changes, exported_locals, tell_of_assignments, tell_of_declaration};
use super::session::Declarations;
use super::shared::ImportingFile;
use super::specifier::{Target, target};
use super::types::{Eraser, HTML_COMMENT};
use super::value::{Insertion, common_js_export, last_expression, note};
use super::{Dialect, Form, Kind, Names, SourceError};

/// What a script's top level says of modules.
#[derive(Default)]
pub(super) struct Modules {
    pub(super) imports: Vec<super::Import>,
    /// JavaScript that declares the imported names.
    pub(super) bindings: String,
    /// What the function returns when the script does not: a name.
    pub(super) value: Option<String>,
    /// Makes the last expression what the function returns.
    pub(super) last: Option<Insertion>,
    /// What is said of a script that ends without a value.
    pub(super) note: Option<String>,
    /// What is exported by name: the name, and what it is called in the script.
    pub(super) exports: Vec<(String, String)>,
    /// Names that imports have declared.
    pub(super) declared: HashSet<String>,
    /// Whether the guest links it with modules of files.
    pub(super) linked: bool,
    /// What imports of a linked program declare, and functions that give it its values.
    pub(super) locals: Vec<String>,
    pub(super) setters: Vec<String>,
    /// What is exported of other modules: the name, the place of the import, and the member.
    pub(super) from: Vec<(String, usize, Option<String>)>,
    /// Imports all of whose names are exported.
    pub(super) stars: Vec<usize>,
    /// What a script of a session declares; others keep it to themselves.
    pub(super) declarations: Option<Declarations>,
}

impl Modules {
    /// Importing files hold what a shared file exports when it ends: a variable that changes
    /// later would be stale there.
    pub(super) fn refuse_changes(
        &self,
        source: &str,
        program: &Program<'_>,
    ) -> Result<(), SourceError> {
        let semantic = SemanticBuilder::new().build(program).semantic;
        let scoping = semantic.scoping();
        let locals = self.exports.iter().map(|(_, local)| local);
        for local in locals.chain(&self.value) {
            let symbol = scoping.get_root_binding(local.as_str().into());
            let Some(symbol) = symbol.filter(|symbol| scoping.symbol_is_mutated(*symbol)) else {
                continue;
            };
            return Err(SourceError::at(
                source,
                scoping.symbol_span(symbol).start,
                &format!(
                    "`{local}` is exported and changes: export a function that returns it instead"
                ),
            ));
        }
        Ok(())
    }
}

/// Walks over the program and edits it: types, imports, exports.
pub(super) fn modules<'a>(
    program: &Program<'a>,
    eraser: &mut Eraser<'_>,
    names: &Names,
    kind: Kind,
    place: Option<ImportingFile<'_>>,
) -> Result<Modules, SourceError> {
    if let Some(hashbang) = &program.hashbang {
        eraser.edits.blank(hashbang.span.start, hashbang.span.end);
    }
    let session = match kind.form {
        Form::Session(written_in) => Some(written_in),
        Form::Script | Form::Module | Form::Shared | Form::File(_) | Form::Package(_) => None,
    };
    let mut modules = Modules {
        declarations: session.map(|_| Declarations::default()),
        linked: match kind.form {
            Form::File(_) | Form::Package(_) => true,
            Form::Script => imports_files(program),
            Form::Session(_) | Form::Module | Form::Shared => false,
        },
        ..Modules::default()
    };
    if modules.linked {
        let exported = exported_locals(program);
        let changes = changes(program, &exported);
        eraser.told = exported;
        if changes {
            tell_of_assignments(program, eraser);
        }
    }
    let imports = statements(program, eraser, names, kind.form, &mut modules);
    refuse_html_comments(program, eraser);
    let is_script = matches!(kind.form, Form::Script | Form::Session(_));
    if is_script && modules.value.is_none() {
        modules.last = last_expression(program, eraser.meta);
    }
    // What a script of a session defines is for the next one.
    let is_for_others = modules.linked || eraser.uses_meta;
    if kind.form == Form::Script && modules.value.is_none() && !is_for_others {
        modules.note = note(program, eraser, &modules.exports);
    }
    let mut importer = Importer {
        is_typescript: session.unwrap_or(kind.dialect) == Dialect::TypeScript,
        is_in_session: session.is_some(),
        is_package: matches!(kind.form, Form::Package(_)),
        place,
        places: Places::new(eraser.source),
    };
    for import in imports {
        match import {
            Import::Own(it) => read_import(it, eraser, names, &mut importer, &mut modules)?,
            Import::From(it) => read_export_from(it, eraser, &mut importer, &mut modules)?,
            Import::All(it) => read_export_all(it, eraser, &mut importer, &mut modules)?,
        }
    }
    match eraser.refused.take() {
        Some(error) => Err(error),
        None => Ok(modules),
    }
}

/// A statement that names another module.
enum Import<'p, 'a> {
    Own(&'p ImportDeclaration<'a>),
    From(&'p ExportFromDeclaration<'a>),
    All(&'p ExportAllDeclaration<'a>),
}

/// Whether a script imports, or exports from, what the guest has to find.
fn imports_files(program: &Program<'_>) -> bool {
    program.body.iter().any(|statement| {
        let source = match statement {
            Statement::ImportDeclaration(it) if is_of_other_hosts(it) => return false,
            Statement::ImportDeclaration(it) => &it.source,
            Statement::ExportFromDeclaration(it) => &it.source,
            Statement::ExportAllDeclaration(it) => &it.source,
            _ => return false,
        };
        matches!(target(&source.value, None), Ok(Target::File(_)))
    })
}

/// Edits each statement of the top level; returns the imports.
fn statements<'p, 'a>(
    program: &'p Program<'a>,
    eraser: &mut Eraser<'_>,
    names: &Names,
    form: Form,
    modules: &mut Modules,
) -> Vec<Import<'p, 'a>> {
    let is_of_tools = matches!(form, Form::Module | Form::Shared);
    let mut imports = Vec::new();
    let mut exported = HashSet::new();
    for statement in &program.body {
        if let Some(declarations) = &mut modules.declarations {
            declarations.statement(statement, eraser);
        }
        match statement {
            Statement::ImportDeclaration(it) => imports.push(Import::Own(it)),
            Statement::ExportDeclaration(it) => {
                for name in export(it, eraser) {
                    if exported.insert(name.clone()) {
                        modules.exports.push((name.clone(), name));
                    }
                }
            }
            Statement::ExportNamedDeclaration(it) => export_names(it, eraser, modules),
            Statement::ExportDefaultDeclaration(it) => {
                let value = export_default(it, eraser, names);
                modules.value = value.or(modules.value.take());
            }
            Statement::ExportFromDeclaration(_) | Statement::ExportAllDeclaration(_) => {
                imports.extend(passed_on(statement, is_of_tools, eraser));
            }
            other if !is_of_tools => {
                // What a script hands to whoever requires it is its value, too.
                if !matches!(form, Form::File(_) | Form::Package(_))
                    && common_js_export(other, program).is_some()
                {
                    modules.value = Some(format!("{}.exported()", names.module));
                }
                eraser.visit_statement(other);
            }
            other => match common_js_export(other, program) {
                Some(assignment) => {
                    let end = other.span().end;
                    modules.value = Some(export_value(
                        other.span().start,
                        &assignment.right,
                        end,
                        eraser,
                        names,
                    ));
                }
                None => eraser.visit_statement(other),
            },
        }
        if modules.linked {
            tell_of_declaration(statement, eraser);
        }
    }
    imports
}

fn is_type(kind: ImportOrExportKind) -> bool {
    kind == ImportOrExportKind::Type
}

/// `export .. from`, which only tool files may not have; nothing where it is of types.
fn passed_on<'p, 'a>(
    statement: &'p Statement<'a>,
    is_of_tools: bool,
    eraser: &mut Eraser<'_>,
) -> Option<Import<'p, 'a>> {
    let (import, span, are_types) = match statement {
        Statement::ExportFromDeclaration(it) => {
            let mut each = it.specifiers.iter();
            let all = !it.specifiers.is_empty() && each.all(|one| is_type(one.export_kind));
            (Import::From(it), it.span, all || is_type(it.export_kind))
        }
        Statement::ExportAllDeclaration(it) => (Import::All(it), it.span, is_type(it.export_kind)),
        _ => return None,
    };
    if is_of_tools && !are_types {
        eraser.refuse(span, "a tool file cannot export from another module");
        return None;
    }
    eraser.edits.blank_statement(span.start, span.end);
    (!are_types).then_some(import)
}

/// `export { a as b }`
fn export_names(it: &ExportNamedDeclaration<'_>, eraser: &mut Eraser<'_>, modules: &mut Modules) {
    for specifier in &it.specifiers {
        if is_type(it.export_kind) || is_type(specifier.export_kind) {
            continue;
        }
        let local = specifier.local.name().to_string();
        let name = specifier.exported.name().to_string();
        eraser.exported.insert(local.clone());
        if name == "default" {
            modules.value = Some(local);
        } else {
            modules.exports.push((name, local));
        }
    }
    eraser.edits.blank_statement(it.span.start, it.span.end);
}

fn refuse_html_comments(program: &Program<'_>, eraser: &mut Eraser<'_>) {
    let Some(texts) = eraser.texts.take() else {
        return;
    };
    let comments = program.comments.iter().map(|comment| comment.span);
    let directives = program.directives.iter().map(|directive| directive.span);
    let mut texts: Vec<Span> = texts
        .into_iter()
        .chain(comments)
        .chain(directives)
        .chain(eraser.edits.spans())
        .collect();
    texts.sort_by_key(|text| text.start);
    let (mut texts, mut text_end) = (texts.into_iter().peekable(), 0);
    for (at, _) in eraser.source.match_indices(HTML_COMMENT) {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        while let Some(text) = texts.next_if(|text| text.start <= at) {
            text_end = text.end.max(text_end);
        }
        if at >= text_end {
            let span = Span::new(at, at.saturating_add(4));
            eraser.refuse(span, "`<!--` is not supported: write `< !--`");
        }
    }
}

/// `export const a = 1`: the word goes. Answers the names that it exports.
fn export(it: &ExportDeclaration<'_>, eraser: &mut Eraser<'_>) -> Vec<String> {
    if Eraser::is_erased(&it.declaration) {
        eraser.edits.blank_statement(it.span.start, it.span.end);
        return Vec::new();
    }
    let bound = match &it.declaration {
        Declaration::VariableDeclaration(variables) => variables
            .declarations
            .iter()
            .flat_map(|one| one.id.get_binding_identifiers())
            .collect(),
        other => Vec::from_iter(other.id()),
    };
    let start = it.span.start;
    eraser.edits.replace(start, start.saturating_add(6), ";");
    eraser.visit_declaration(&it.declaration);
    if matches!(it.declaration, Declaration::VariableDeclaration(_)) {
        eraser.edits.end_statement(it.span.end);
    }
    bound.into_iter().map(|id| id.name.to_string()).collect()
}

/// `module.exports = a` is `export default a`.
fn export_value<'a>(
    start: u32,
    value: &Expression<'a>,
    end: u32,
    eraser: &mut Eraser<'_>,
    names: &Names,
) -> String {
    let assignment = format!(";{}=", names.value);
    eraser.edits.replace(start, value.span().start, &assignment);
    eraser.visit_expression(value);
    eraser.edits.end_statement(end);
    names.value.clone()
}

/// The name of what is exported by default. What has none is assigned to ours.
fn export_default<'a>(
    it: &ExportDefaultDeclaration<'a>,
    eraser: &mut Eraser<'_>,
    names: &Names,
) -> Option<String> {
    let (start, inner) = (it.span.start, it.declaration.span());
    let id = match &it.declaration {
        ExportDefaultDeclarationKind::TSInterfaceDeclaration(_) => {
            eraser.edits.blank_statement(start, it.span.end);
            return None;
        }
        ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
            if function.body.is_none() {
                eraser.edits.blank_statement(start, it.span.end);
                return None;
            }
            function.id.as_ref()
        }
        ExportDefaultDeclarationKind::ClassDeclaration(class) => class.id.as_ref(),
        _ => None,
    };
    let is_declaration = matches!(
        it.declaration,
        ExportDefaultDeclarationKind::FunctionDeclaration(_)
            | ExportDefaultDeclarationKind::ClassDeclaration(_)
    );
    if let Some(id) = id {
        eraser.edits.replace(start, inner.start, ";");
        eraser.visit_export_default_declaration_kind(&it.declaration);
        return Some(id.name.to_string());
    }
    let assignment = format!(";{}=", names.value);
    eraser.edits.replace(start, inner.start, &assignment);
    eraser.visit_export_default_declaration_kind(&it.declaration);
    if is_declaration {
        // An expression now: it must not run into the next line.
        eraser.edits.replace(it.span.end, it.span.end, ";");
    } else {
        eraser.edits.end_statement(it.span.end);
    }
    Some(names.value.clone())
}
