//! Imports: of tools, of the modules that the guest has, and of files.

use oxc_ast::ast::*;
use oxc_span::Span;

use super::error::Places;
use super::modules::Modules;
use super::shared::ImportingFile;
use super::specifier::{Target, is_client, of_package, target};
use super::types::Eraser;
use super::{Import, Names, Origin, SourceError};

/// Who imports, and where its lines are.
pub(super) struct Importer<'s> {
    pub(super) is_typescript: bool,
    /// What is imported belongs to a session.
    pub(super) is_in_session: bool,
    /// The file belongs to a package, which imports no tools.
    pub(super) is_package: bool,
    /// The place of a tool file, or of code that tool files share; scripts have none.
    pub(super) place: Option<ImportingFile<'s>>,
    pub(super) places: Places<'s>,
}

impl Importer<'_> {
    /// What a specifier names.
    fn target(&self, specifier: &str) -> Result<Target, String> {
        match self.is_package {
            true => Ok(of_package(specifier)),
            false => target(specifier, self.place),
        }
    }
}

/// Reads one import: what it binds is declared in a line of ours.
pub(super) fn read_import(
    it: &ImportDeclaration<'_>,
    eraser: &mut Eraser<'_>,
    names: &Names,
    importer: &mut Importer<'_>,
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
    let wanted = wanted(it, eraser, importer, modules)?;
    let has_names = it.specifiers.iter().flatten().next().is_some();
    if has_names && wanted.is_empty() {
        return Ok(());
    }
    let are_perhaps_types = has_names && wanted.iter().all(|(_, what)| what.is_perhaps());
    let found = match importer.target(it.source.value.as_str()) {
        _ if is_of_other_hosts(it) && !importer.is_package => Target::Builtin("wxmcp"),
        Ok(found) => found,
        Err(_) if are_perhaps_types => return Ok(()),
        Err(message) => return Err(place(it.source.span, &message)),
    };
    let (line, column) = importer.places.find(it.span.start);
    let mut bind = |namespace: &str, tool: Option<&str>, bound: &[(String, What)]| {
        let from = origin(&found, namespace);
        let mut import = Import {
            from,
            names: Vec::new(),
            star: false,
            default: false,
            perhaps: are_perhaps_types,
            bound: Vec::new(),
            line,
            column,
        };
        bind(&mut import, tool, bound, names, modules);
        modules.imports.push(import);
    };
    match &found {
        Target::Builtin(module) => bind(module, None, &wanted),
        Target::Node(name) => bind(name, None, &wanted),
        Target::File(specifier) => bind(specifier, None, &wanted),
        Target::Shared(path) => bind(path, None, &wanted),
        Target::Namespace(namespace) => bind(namespace, None, &wanted),
        Target::Tool(namespace, tool) => bind(namespace, Some(tool), &wanted),
        Target::Root => {
            for (local, what) in wanted {
                let (What::Named(namespace) | What::Perhaps(namespace)) = what else {
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

/// `import { callMCPTool } from './client.js'`, which no file needs to answer.
pub(super) fn is_of_other_hosts(it: &ImportDeclaration<'_>) -> bool {
    let names = it.specifiers.as_deref().map_or(&[][..], |names| names);
    let is_call = |one: &ImportDeclarationSpecifier<'_>| match one {
        ImportDeclarationSpecifier::ImportSpecifier(one) => one.imported.name() == "callMCPTool",
        _ => false,
    };
    is_client(&it.source.value) && !names.is_empty() && names.iter().all(is_call)
}

/// Reads `export { a as b } from '..'`.
pub(super) fn read_export_from(
    it: &ExportFromDeclaration<'_>,
    eraser: &Eraser<'_>,
    importer: &mut Importer<'_>,
    modules: &mut Modules,
) -> Result<(), SourceError> {
    let place = modules.imports.len();
    let import = unbound(&it.source, it.span, eraser, importer)?;
    modules.imports.push(import);
    for one in &it.specifiers {
        if one.export_kind == ImportOrExportKind::Type {
            continue;
        }
        let name = one.exported.name().to_string();
        let member = one.local.name().to_string();
        modules.from.push((name, place, Some(member)));
    }
    Ok(())
}

/// Reads `export * from '..'`, and `export * as a from '..'`.
pub(super) fn read_export_all(
    it: &ExportAllDeclaration<'_>,
    eraser: &Eraser<'_>,
    importer: &mut Importer<'_>,
    modules: &mut Modules,
) -> Result<(), SourceError> {
    let place = modules.imports.len();
    let import = unbound(&it.source, it.span, eraser, importer)?;
    modules.imports.push(import);
    match &it.exported {
        Some(name) => modules.from.push((name.name().to_string(), place, None)),
        None => modules.stars.push(place),
    }
    Ok(())
}

/// An import that binds nothing.
fn unbound(
    source: &StringLiteral<'_>,
    span: Span,
    eraser: &Eraser<'_>,
    importer: &mut Importer<'_>,
) -> Result<Import, SourceError> {
    let refused = |message: &str| SourceError::at(eraser.source, source.span.start, message);
    let found = importer
        .target(&source.value)
        .map_err(|message| refused(&message))?;
    let namespace = match &found {
        Target::Namespace(name) => name.clone(),
        Target::Root | Target::Tool(..) => {
            return Err(refused("tools are exported from `./tools/<namespace>`"));
        }
        Target::Builtin(_) | Target::Node(_) | Target::File(_) | Target::Shared(_) => String::new(),
    };
    let (line, column) = importer.places.find(span.start);
    Ok(Import {
        from: origin(&found, &namespace),
        names: Vec::new(),
        star: false,
        default: false,
        perhaps: false,
        bound: Vec::new(),
        line,
        column,
    })
}

/// What a target is imported from; `namespace` if it is one of tools.
fn origin(found: &Target, namespace: &str) -> Origin {
    match found {
        Target::Builtin(module) => Origin::Module((*module).to_owned()),
        Target::Node(name) => Origin::Module(format!("node:{name}")),
        Target::File(specifier) => Origin::File(specifier.clone()),
        Target::Shared(path) => Origin::Shared(path.clone()),
        Target::Namespace(_) | Target::Tool(..) | Target::Root => {
            Origin::Namespace(namespace.to_owned())
        }
    }
}

/// The names that an import binds and that the program uses.
fn wanted(
    it: &ImportDeclaration<'_>,
    eraser: &Eraser<'_>,
    importer: &Importer<'_>,
    modules: &mut Modules,
) -> Result<Vec<(String, What)>, SourceError> {
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
        let name = local.name.as_str();
        let is_used = eraser.values.contains(name) || eraser.exported.contains(name);
        let what = match what {
            What::Named(name) if importer.is_typescript && !is_used && importer.is_in_session => {
                What::Perhaps(name)
            }
            _ if importer.is_typescript && !is_used && !importer.is_in_session => continue,
            what => what,
        };
        if !modules.declared.insert(local.name.to_string()) {
            let message = format!("`{}` is imported twice", local.name);
            let at = local.span.start;
            return Err(SourceError::at(eraser.source, at, message.as_str()));
        }
        wanted.push((local.name.to_string(), what));
    }
    Ok(wanted)
}

/// Declares the bound names of one import, in the line of ours.
fn bind(
    import: &mut Import,
    tool: Option<&str>,
    bound: &[(String, What)],
    names: &Names,
    modules: &mut Modules,
) {
    let module = format!("{}.modules[{}]", names.module, modules.imports.len());
    let has_default = match &import.from {
        Origin::Shared(_) | Origin::File(_) => true,
        Origin::Module(name) => name.starts_with("node:"),
        Origin::Namespace(_) | Origin::Index(_) => false,
    };
    for (local, what) in bound {
        let member = match (what, tool) {
            (What::Named(name) | What::Perhaps(name), _) => Some(name.as_str()),
            (What::Default, None) if has_default => Some("default"),
            (What::Default, tool) => tool,
            (What::Star, _) => None,
        };
        match what {
            What::Star => import.star = true,
            What::Default => import.default = true,
            What::Named(_) | What::Perhaps(_) => {}
        }
        import
            .bound
            .push((local.clone(), member.map(str::to_owned)));
        let member = match member {
            Some(name) => {
                if !what.is_perhaps() {
                    import.names.push(name.to_owned());
                }
                format!("[{}]", serde_json::Value::from(name))
            }
            None => String::new(),
        };
        let declaration = match modules.declarations {
            Some(_) => {
                let name = serde_json::Value::from(local.as_str());
                format!("{}.bind({name},{module}{member});", names.module)
            }
            None if modules.linked => {
                modules.locals.push(local.clone());
                let setter = format!("()=>{{{local}={module}{member};}}");
                modules.setters.push(setter);
                continue;
            }
            None => format!("const {local}={module}{member};"),
        };
        modules.bindings.push_str(&declaration);
    }
}

enum What {
    Named(String),
    /// What nothing uses yet: a later script of the session may, unless it is only a type.
    Perhaps(String),
    Default,
    Star,
}

impl What {
    fn is_perhaps(&self) -> bool {
        matches!(self, Self::Perhaps(_))
    }
}
