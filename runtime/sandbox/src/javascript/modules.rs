//! Imports and exports: a script becomes the body of a function.

use std::collections::HashSet;

use oxc_ast::ast::*;
use oxc_ast_visit::Visit;
use oxc_semantic::SemanticBuilder;
use oxc_span::{GetSpan, Span};

use super::SourceError;
use super::edits::slice;
use super::shared::Place;
use super::specifier::{Target, target};
use super::types::{Eraser, HTML_COMMENT};
use super::{Import, Names, Origin};

/// What a script's top level says of modules.
#[derive(Default)]
pub(super) struct Modules {
    pub(super) imports: Vec<Import>,
    /// JavaScript that declares the imported names.
    pub(super) bindings: String,
    /// What the function returns when the script does not: a name.
    pub(super) value: Option<String>,
    /// The script is one function, and its value is what is run.
    pub(super) is_function: bool,
    /// What is exported by name: the name, and what it is called in the script.
    pub(super) exports: Vec<(String, String)>,
    /// Names that imports have declared.
    declared: HashSet<String>,
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
    is_typescript: bool,
    place: Option<Place<'_>>,
) -> Result<Modules, SourceError> {
    if let Some(hashbang) = &program.hashbang {
        eraser.edits.blank(hashbang.span.start, hashbang.span.end);
    }
    let mut modules = Modules::default();
    let importer = place;
    let mut imports = Vec::new();
    for statement in &program.body {
        match statement {
            Statement::ImportDeclaration(it) => imports.push(it),
            Statement::ExportDeclaration(it) => export(it, eraser, &mut modules.exports),
            Statement::ExportNamedDeclaration(it) => {
                for specifier in &it.specifiers {
                    let is_type = it.export_kind == ImportOrExportKind::Type
                        || specifier.export_kind == ImportOrExportKind::Type;
                    if is_type {
                        continue;
                    }
                    let local = specifier.local.name();
                    eraser.values.insert(local.to_string());
                    if specifier.exported.name() == "default" {
                        modules.value = Some(local.to_string());
                    } else {
                        let name = specifier.exported.name().to_string();
                        modules.exports.push((name, local.to_string()));
                    }
                }
                eraser.edits.blank_statement(it.span.start, it.span.end);
            }
            Statement::ExportDefaultDeclaration(it) => {
                modules.value = export_default(it, eraser, names);
            }
            Statement::ExportFromDeclaration(it) => {
                eraser.refuse(it.span, "a script cannot export from another module");
            }
            Statement::ExportAllDeclaration(it) => {
                eraser.refuse(it.span, "a script cannot export from another module");
            }
            other => eraser.visit_statement(other),
        }
    }
    refuse_html_comments(program, eraser);
    modules.is_function = one_function(program, eraser);
    for import in imports {
        read_import(import, eraser, names, is_typescript, importer, &mut modules)?;
    }
    match eraser.refused.take() {
        Some(error) => Err(error),
        None => Ok(modules),
    }
}

fn refuse_html_comments(program: &Program<'_>, eraser: &mut Eraser<'_>) {
    let Some(texts) = eraser.texts.take() else {
        return;
    };
    let comments = program.comments.iter().map(|comment| comment.span);
    let texts: Vec<Span> = texts.into_iter().chain(comments).collect();
    for (at, _) in eraser.source.match_indices(HTML_COMMENT) {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        if !texts.iter().any(|text| text.start < at && at < text.end) {
            let span = Span::new(at, at.saturating_add(4));
            eraser.refuse(span, "`<!--` is not supported: write `< !--`");
        }
    }
}

/// `export const a = 1`: the word goes.
fn export(
    it: &ExportDeclaration<'_>,
    eraser: &mut Eraser<'_>,
    exports: &mut Vec<(String, String)>,
) {
    if Eraser::is_erased(&it.declaration) {
        eraser.edits.blank_statement(it.span.start, it.span.end);
        return;
    }
    let bound = match &it.declaration {
        Declaration::VariableDeclaration(variables) => variables
            .declarations
            .iter()
            .flat_map(|one| one.id.get_binding_identifiers())
            .collect(),
        other => Vec::from_iter(other.id()),
    };
    for name in bound.iter().map(|id| id.name.to_string()) {
        if !exports.iter().any(|(known, _)| *known == name) {
            exports.push((name.clone(), name));
        }
    }
    let start = it.span.start;
    eraser.edits.replace(start, start.saturating_add(6), ";");
    eraser.visit_declaration(&it.declaration);
    if matches!(it.declaration, Declaration::VariableDeclaration(_)) {
        eraser.edits.end_statement(it.span.end);
    }
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

/// `async () => {..}` and nothing else.
fn one_function(program: &Program<'_>, eraser: &mut Eraser<'_>) -> bool {
    let [Statement::ExpressionStatement(statement)] = program.body.as_slice() else {
        return false;
    };
    if !program.directives.is_empty() {
        return false;
    }
    let expression = statement.expression.without_parentheses();
    let is_function = matches!(
        expression,
        Expression::ArrowFunctionExpression(_) | Expression::FunctionExpression(_)
    );
    if is_function {
        // It stands in parentheses now, where its semicolon would be wrong.
        let end = statement.expression.span().end;
        if slice(eraser.source, end, statement.span.end).contains(';') {
            eraser.edits.blank(end, statement.span.end);
        }
    }
    is_function
}

fn read_import(
    it: &ImportDeclaration<'_>,
    eraser: &mut Eraser<'_>,
    names: &Names,
    is_typescript: bool,
    importer: Option<Place<'_>>,
    modules: &mut Modules,
) -> Result<(), SourceError> {
    eraser.edits.blank_statement(it.span.start, it.span.end);
    if it.import_kind == ImportOrExportKind::Type {
        return Ok(());
    }
    let place = |span: Span, message: &str| SourceError::at(eraser.source, span.start, message);
    if it.phase.is_some() {
        return Err(place(
            it.span,
            "`import source` and `import defer` are not supported",
        ));
    }
    let source = it.source.value.as_str();
    let found = target(source, importer).map_err(|message| place(it.source.span, &message))?;
    let mut wanted = Vec::new();
    for specifier in it.specifiers.iter().flatten() {
        let (local, what) = match specifier {
            ImportDeclarationSpecifier::ImportSpecifier(named) => {
                if named.import_kind == ImportOrExportKind::Type {
                    continue;
                }
                (&named.local, What::Named(named.imported.name().to_string()))
            }
            ImportDeclarationSpecifier::ImportDefaultSpecifier(it) => (&it.local, What::Default),
            ImportDeclarationSpecifier::ImportNamespaceSpecifier(it) => (&it.local, What::Star),
        };
        // TypeScript drops imports of what is only a type.
        if is_typescript && !eraser.values.contains(local.name.as_str()) {
            continue;
        }
        if !modules.declared.insert(local.name.to_string()) {
            let message = format!("`{}` is imported twice", local.name);
            return Err(place(local.span, &message));
        }
        wanted.push((local.name.to_string(), what));
    }
    let has_names = it
        .specifiers
        .as_ref()
        .is_some_and(|names| !names.is_empty());
    if has_names && wanted.is_empty() {
        return Ok(());
    }
    let (line, column) = super::error::line_and_column(eraser.source, it.span.start);
    let is_shared = matches!(found, Target::Shared(_));
    let mut bind = |namespace: &str, tool: Option<&str>, bound: &[(String, What)]| {
        let module = format!("{}.modules[{}]", names.module, modules.imports.len());
        let from = match found {
            Target::Builtin(module) => Origin::Module(module),
            Target::Shared(ref path) => Origin::Shared(path.clone()),
            _ => Origin::Namespace(namespace.to_owned()),
        };
        let mut import = Import {
            from,
            names: Vec::new(),
            star: false,
            default: false,
            bound: Vec::new(),
            line,
            column,
        };
        for (local, what) in bound {
            let member = match (what, tool) {
                (What::Named(name), _) => Some(name.as_str()),
                (What::Default, None) if is_shared => Some("default"),
                (What::Default, tool) => tool,
                (What::Star, _) => None,
            };
            match what {
                What::Star => import.star = true,
                What::Default => import.default = true,
                What::Named(_) => {}
            }
            let own = member.map(str::to_owned);
            import.bound.push((local.clone(), own));
            match member {
                Some(name) => {
                    import.names.push(name.to_owned());
                    let key = serde_json::Value::from(name).to_string();
                    modules
                        .bindings
                        .push_str(&format!("const {local}={module}[{key}];"));
                }
                None => modules
                    .bindings
                    .push_str(&format!("const {local}={module};")),
            }
        }
        modules.imports.push(import);
    };
    match &found {
        Target::Builtin(module) => bind(module, None, &wanted),
        Target::Shared(path) => bind(path, None, &wanted),
        Target::Namespace(namespace) => bind(namespace, None, &wanted),
        Target::Tool(namespace, tool) => bind(namespace, Some(tool), &wanted),
        Target::Root => {
            for (local, what) in wanted {
                let What::Named(namespace) = what else {
                    return Err(place(
                        it.span,
                        "the tool tree is imported by name: `import { database } from './tools'`",
                    ));
                };
                bind(&namespace, None, &[(local, What::Star)]);
            }
        }
    }
    Ok(())
}

enum What {
    Named(String),
    Default,
    Star,
}
