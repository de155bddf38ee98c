//! From a script in JavaScript or TypeScript to what its guest evaluates.
//!
//! The source is parsed once, as a module in which `return` is allowed; so nothing
//! in it can leave the function that its text is put into. Then it is edited by
//! span: types, imports and exports go, and every line and column that stays is
//! where it was. TypeScript that is more than types (enums, namespaces, parameter
//! properties) is generated anew, with a map back.

mod ambient;
mod checkable;
mod depth;
mod edits;
mod error;
mod fences;
mod generate;
mod imports;
mod linked;
mod modules;
mod names;
mod nesting;
mod node;
mod outline;
mod property_escapes;
mod session;
mod shared;
mod specifier;
mod state;
mod types;
mod uses;
mod value;
mod waits;

use oxc_allocator::Allocator;
use oxc_ast::ast::Program as Tree;
use oxc_parser::{ParseOptions, Parser, ParserReturn};
use oxc_span::SourceType;
use serde::Serialize;
use wxmcp_run::Raised;

pub use checkable::{Checkable, UNTYPED, UNTYPED_NAMES, Unreadable};
pub(crate) use error::SourceError;
use fences::without_fences;
pub use linked::Format;
use linked::{Linking, Links};
use modules::modules;
use names::Names;
pub use node::is_of_node;
pub use outline::Outline;
pub use shared::ImportingFile;
pub use state::shows_no_state;
use types::Eraser;
pub use uses::{ImportedTools, ToolUses};
use waits::waits;

/// Which of the two a source is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// JavaScript.
    JavaScript,
    /// TypeScript; its types are erased.
    TypeScript,
}

/// What a program answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// What it returns, or its default export.
    Script,
    /// An object of its exports.
    Module,
    /// The same, for other files: what it exports must not change later.
    Shared,
    /// Nothing: a module of a file, which is linked with others.
    File(Format),
    /// The same, of a package: no name in it stands for a tool.
    Package(Format),
    /// As a script; what it declares belongs to a session. With what the source is written in.
    Session(Dialect),
}

/// What the guest evaluates.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Program {
    /// A function of one parameter, in parentheses, that returns a promise if the source waits.
    /// Its first line is ours; the second is the script's first.
    pub(crate) source: String,
    /// The parameter's `modules`, in order.
    pub(crate) imports: Vec<Import>,
    /// Where generated code comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) map: Option<LineMap>,
    /// Shared files of a tool file, each after those that it imports.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) shared: Vec<shared::SharedProgram>,
    /// Names that a module exports.
    #[serde(skip)]
    pub(crate) exports: Vec<String>,
    /// What was put into lines of the script, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) shifts: Vec<Shift>,
    /// What a script of a session declares.
    #[serde(rename = "declares", skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<session::SessionScope>,
    /// How it is linked with modules of files, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) links: Option<Links>,
    /// Whether it is CommonJS: `this` is what it exports.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) common: bool,
    /// What is said when the script has ended without a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
    /// Names that may be those of namespaces and tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ambient: Option<ambient::Ambient>,
}

/// Text that moves what follows in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Shift {
    /// The line, from 1.
    pub(crate) line: u32,
    /// Where the text stands, from 1, in UTF-16 units.
    pub(crate) column: u32,
    /// Its length.
    pub(crate) width: u32,
}

/// What a module is imported from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Origin {
    /// A namespace of tools, as the script spells it.
    Namespace(String),
    /// A module that the guest has; those of Node's begin with `node:`.
    Module(String),
    /// A file or a package that the guest finds, as it is written.
    File(String),
    /// A shared file, by its path below the folder of tools, until its place is known.
    #[serde(skip)]
    Shared(String),
    /// The same, as its place among the program's `shared`.
    #[serde(rename = "shared")]
    Index(usize),
}

/// One import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Import {
    #[serde(flatten)]
    pub(crate) from: Origin,
    /// What it must have, as the script spells it.
    pub(crate) names: Vec<String>,
    /// Whether the namespace itself is bound to a name.
    pub(crate) star: bool,
    /// Whether it is imported as a default.
    pub(crate) default: bool,
    /// Whether all that it binds may be types, so that the module may be missing.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) perhaps: bool,
    /// What it binds: the script's name, and that of the member; the module itself has none.
    #[serde(skip)]
    pub(crate) bound: Vec<(String, Option<String>)>,
    /// Line of the import, from 1.
    pub(crate) line: u32,
    /// Its column, from 1, in UTF-16 units.
    pub(crate) column: u32,
}

/// For each generated line, from the script's first on: \[column, source line, source
/// column\], all from 0, columns in UTF-16 units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct LineMap {
    pub(crate) lines: Vec<Vec<[u32; 3]>>,
}

/// What a source is written in, and what is made of it.
#[derive(Clone, Copy)]
struct Kind {
    dialect: Dialect,
    form: Form,
}

/// Makes a program of a script's source; `name` is what tracebacks call it.
///
/// # Errors
///
/// The exception that the source raises because it is no program.
pub fn script(source: &str, dialect: Dialect, name: &str) -> Result<Program, Raised> {
    transform(source, dialect, Form::Script).map_err(|error| error.raised(name))
}

/// The same of a script that continues those that ran before it in its session.
///
/// # Errors
///
/// The exception that the source raises because it is no program.
pub fn session_script(source: &str, dialect: Dialect, name: &str) -> Result<Program, Raised> {
    let form = Form::Session(dialect);
    transform(source, dialect, form).map_err(|error| error.raised(name))
}

/// Makes a program of the source of a tool file at `place`, with the shared files that it imports;
/// `name` is what tracebacks call it.
///
/// # Errors
///
/// The exception that one of the sources raises because it is no program.
pub fn tool_file(
    source: &str,
    dialect: Dialect,
    place: ImportingFile<'_>,
    name: &str,
) -> Result<Program, Raised> {
    shared::bundle(source, dialect, place).map_err(|error| error.raised(name))
}

/// Makes a program of a module that a script reads while it runs; `name` is what tracebacks call it.
///
/// # Errors
///
/// The exception that the source raises because it is no program.
pub fn file(source: &str, dialect: Dialect, format: Format, name: &str) -> Result<Program, Raised> {
    let form = match name.contains("/node_modules/") {
        true => Form::Package(format),
        false => Form::File(format),
    };
    transform(source, dialect, form).map_err(|error| Raised {
        file: Some(name.to_owned()),
        ..error.raised(name)
    })
}

/// Makes a program of a source, in any of the forms that a program has.
///
/// # Errors
///
/// What is wrong with the source, and where.
pub(crate) fn transform(
    source: &str,
    dialect: Dialect,
    form: Form,
) -> Result<Program, SourceError> {
    let source = match form {
        Form::File(_) | Form::Package(_) => source.into(),
        _ => without_fences(source, dialect)?,
    };
    depth::with_stack(&source, dialect, || read(&source, dialect, form, None))
}

/// As `transform`; `place` is that of a tool file, or of code that tool files share.
fn read(
    source: &str,
    dialect: Dialect,
    form: Form,
    place: Option<shared::ImportingFile<'_>>,
) -> Result<Program, SourceError> {
    let allocator = Allocator::default();
    let tree = match parse(&allocator, source, dialect) {
        Ok(tree) => tree,
        Err(error) => sloppy(&allocator, source, dialect, form).ok_or(error)?,
    };
    match edited(source, &tree, dialect, form, place)? {
        Some(program) => Ok(program),
        None => generate::generated(source, form, place),
    }
}

/// A source that is none of a module, and one of CommonJS: `with`, `0755`, variables called `await`.
fn sloppy<'a>(
    allocator: &'a Allocator,
    source: &'a str,
    dialect: Dialect,
    form: Form,
) -> Option<Tree<'a>> {
    let may_be = match form {
        Form::Script => source.contains("require") || source.contains("exports"),
        Form::File(format) | Form::Package(format) => format != Format::Module,
        Form::Module | Form::Shared | Form::Session(_) => false,
    };
    if !may_be || dialect != Dialect::JavaScript {
        return None;
    }
    let parsed = parsed(allocator, source, SourceType::cjs());
    parsed.diagnostics.is_empty().then_some(parsed.program)
}

fn parse<'a>(
    allocator: &'a Allocator,
    source: &'a str,
    dialect: Dialect,
) -> Result<Tree<'a>, SourceError> {
    let kind = match dialect {
        Dialect::JavaScript => SourceType::mjs(),
        Dialect::TypeScript => SourceType::ts().with_module(true),
    };
    let parsed = parsed(allocator, source, kind);
    let Some(error) = parsed.diagnostics.first() else {
        return Ok(parsed.program);
    };
    let place = error.labels.first().map_or(0, |label| label.offset());
    let has_tags = source.contains("</") || source.contains("/>");
    if has_tags && depth::with_any_stack(source, || is_jsx(source, kind)) {
        return Err(SourceError::at(source, place, "JSX is not supported"));
    }
    Err(SourceError::at(source, place, &error.message))
}

/// Whether a source is the beginning of a program that goes on in the next line: something in it is still open.
pub fn is_unfinished(source: &str, dialect: Dialect) -> bool {
    let kind = match dialect {
        Dialect::JavaScript => SourceType::mjs(),
        Dialect::TypeScript => SourceType::ts().with_module(true),
    };
    depth::with_any_stack(source, || {
        let Some(place) = first_error(source, kind) else {
            return false;
        };
        let goes_on = |text: &str, place: u32| place >= edits::length(text.trim_end());
        // Text and comments that are open are wrong where they begin.
        let closed = |closer: &str| {
            let text = format!("{source}{closer}");
            first_error(&text, kind).is_none_or(|place| goes_on(&text, place))
        };
        goes_on(source, place) || closed("`") || closed("*/")
    })
}

/// Where the first error of a source is; 0 if nothing says where.
fn first_error(source: &str, kind: SourceType) -> Option<u32> {
    let allocator = Allocator::default();
    let parsed = parsed(&allocator, source, kind);
    let error = parsed.diagnostics.first()?;
    Some(error.labels.first().map_or(0, |it| it.offset()))
}

fn is_jsx(source: &str, kind: SourceType) -> bool {
    let allocator = Allocator::default();
    let parsed = parsed(&allocator, source, kind.with_jsx(true));
    parsed.diagnostics.is_empty()
}

fn parsed<'a>(allocator: &'a Allocator, source: &'a str, kind: SourceType) -> ParserReturn<'a> {
    let options = ParseOptions {
        allow_return_outside_function: true,
        ..ParseOptions::default()
    };
    Parser::new(allocator, source, kind)
        .with_options(options)
        .parse()
}

/// The program by edits alone; `None` when code has to be generated.
fn edited(
    source: &str,
    tree: &Tree<'_>,
    dialect: Dialect,
    form: Form,
    place: Option<shared::ImportingFile<'_>>,
) -> Result<Option<Program>, SourceError> {
    let names = Names::of(source);
    let mut eraser = Eraser::new(source, &names.import, &names.module);
    let mut modules = modules(tree, &mut eraser, &names, Kind { dialect, form }, place)?;
    if eraser.generates {
        return Ok(None);
    }
    if form == Form::Shared {
        modules.refuse_changes(source, tree)?;
    }
    let linking = Linking::new(tree, &eraser, form, dialect, waits(tree));
    if tree.source_type.is_commonjs() && !linking.is_common {
        return Err(SourceError::at(source, 0, "this is no program of CommonJS"));
    }
    let head = |function: &str| linking.head(function, &names, eraser.uses_import);
    let mut program = head(match linking.waits {
        true => "async function",
        false => "function",
    });
    let functions_head = head("function");
    program.push_str(&modules.bindings);
    if modules.linked && !linking.is_common {
        program.push_str(&Linking::link(&modules, &names));
    }
    program.push('\n');
    if let Some(last) = &modules.last {
        eraser.edits.insert(last.at, &last.text);
    }
    let shifts = shifts(source, &eraser.edits);
    let session = modules.declarations.take().map(|it| {
        program.push_str(&eraser.edits.apply_without(source, it.functions()));
        it.scope(source, &eraser.edits, &functions_head)
    });
    if session.is_none() {
        program.push_str(&eraser.edits.apply(source));
    }
    program.push_str(&end(&modules, form));
    let default = modules.value.as_ref().map(|_| "default".to_owned());
    let exports = modules.exports.iter().map(|(name, _)| name.clone());
    let ambient = match form {
        Form::Script | Form::Session(_) | Form::File(_) => {
            ambient::Ambient::of(tree, &modules.imports)
        }
        Form::Module | Form::Shared | Form::Package(_) => None,
    };
    let links = modules.linked.then(|| linking.links(&modules));
    Ok(Some(Program {
        source: program,
        ambient,
        links,
        common: linking.is_common,
        exports: exports.chain(default).collect(),
        imports: modules.imports,
        shifts,
        session,
        note: modules.note,
        ..Program::default()
    }))
}

/// How a program ends: with what it returns.
fn end(modules: &modules::Modules, form: Form) -> String {
    let returned = match (&modules.value, form) {
        (_, Form::Module | Form::Shared) => exported(modules),
        (Some(value), Form::Script | Form::Session(_)) => format!("return {value}\n"),
        (None, Form::Script | Form::Session(_)) => String::new(),
        (_, Form::File(_) | Form::Package(_)) => String::new(),
    };
    format!("\n{returned}}})")
}

/// What was put into the lines of a source.
fn shifts(source: &str, edits: &edits::Edits) -> Vec<Shift> {
    let mut places = error::Places::new(source);
    let inserted = edits.inserted().into_iter();
    let shifts = inserted.map(|(at, width)| {
        let (line, column) = places.find(at);
        Shift {
            line,
            column,
            width,
        }
    });
    shifts.collect()
}

/// The statement that answers an object of all exports.
fn exported(modules: &modules::Modules) -> String {
    let default = modules
        .value
        .iter()
        .map(|local| ("default".to_owned(), local.clone()));
    let members: Vec<String> = modules
        .exports
        .iter()
        .cloned()
        .chain(default)
        .map(|(name, local)| format!("{}:{local}", serde_json::Value::from(name)))
        .collect();
    format!("return {{__proto__:null,{}}}\n", members.join(","))
}

#[cfg(test)]
mod tests;
