//! TypeScript that is more than types: code is generated, with a map back.

use std::path::{Path, PathBuf};

use oxc_allocator::Allocator;
use oxc_ast::ast::{Declaration, Program as Tree, Statement};
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_semantic::SemanticBuilder;
use oxc_transformer::{TransformOptions, Transformer};

use super::shared::ImportingFile;
use super::{Dialect, Form, LineMap, Program, SourceError, edited, parse};

/// The program of a script with enums, namespaces or parameter properties.
pub(super) fn generated(
    source: &str,
    form: Form,
    place: Option<ImportingFile<'_>>,
) -> Result<Program, SourceError> {
    let allocator = Allocator::default();
    let mut tree = parse(&allocator, source, Dialect::TypeScript)?;
    let semantic = SemanticBuilder::new().with_enum_eval(true).build(&tree);
    let scoping = semantic.semantic.into_scoping();
    let mut options = TransformOptions::default();
    // What nothing uses yet, a later script of the session may.
    options.typescript.only_remove_type_imports = matches!(form, Form::Session(_));
    let enums = enums(&tree);
    let transformed = Transformer::new(&allocator, Path::new("script.ts"), &options)
        .build_with_scoping(scoping, &mut tree);
    if let Some(error) = transformed.diagnostics.first() {
        let place = error.labels.first().map_or(0, |label| label.offset());
        return Err(SourceError::at(source, place, &error.message));
    }
    let generated = Codegen::new()
        .with_options(CodegenOptions {
            source_map_path: Some(PathBuf::from("script.ts")),
            // Indented, code that is nested deep would be many times as long as its source.
            indent_width: 0,
            ..CodegenOptions::default()
        })
        .build(&tree);
    let mut map = LineMap::default();
    for token in generated.map.iter().flat_map(|map| map.get_tokens()) {
        let line = usize::try_from(token.get_dst_line()).unwrap_or(0);
        if map.lines.len() <= line {
            map.lines.resize(line.saturating_add(1), Vec::new());
        }
        if let Some(line) = map.lines.get_mut(line) {
            line.push([
                token.get_dst_col(),
                token.get_src_line(),
                token.get_src_col(),
            ]);
        }
    }
    let allocator = Allocator::default();
    let tree = parse(&allocator, &generated.code, Dialect::JavaScript)?;
    let Some(mut program) = edited(&generated.code, &tree, Dialect::JavaScript, form, place)?
    else {
        return Err(SourceError::at(
            source,
            0,
            "the generated code is no JavaScript",
        ));
    };
    if let Some(session) = &mut program.session {
        session.begin_anew(&enums);
    }
    for import in &mut program.imports {
        let line = usize::try_from(import.line.saturating_sub(1)).unwrap_or(0);
        if let Some([_, line, column]) = map.lines.get(line).and_then(|line| line.first()) {
            import.line = line.saturating_add(1);
            import.column = column.saturating_add(1);
        }
    }
    program.map = Some(map);
    Ok(program)
}

/// The enums of the top level.
fn enums(tree: &Tree<'_>) -> Vec<String> {
    let declarations = tree.body.iter().filter_map(|it| match it {
        Statement::ExportDeclaration(it) => Some(&it.declaration),
        other => other.as_declaration(),
    });
    let enums = declarations.filter_map(|it| match it {
        Declaration::TSEnumDeclaration(it) => Some(it.id.name.to_string()),
        _ => None,
    });
    enums.collect()
}
