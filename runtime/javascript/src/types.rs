//! Takes the types out of TypeScript, and puts our names for `import` into both languages.

use std::collections::HashSet;

use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan, Span};

use super::SourceError;
use super::edits::{Edits, is_line_end, length, slice};
use super::property_escapes;
use super::value::is_entry;

/// Words before a class member that only TypeScript knows.
const MODIFIERS: [&str; 7] = [
    "public",
    "private",
    "protected",
    "readonly",
    "override",
    "abstract",
    "declare",
];

/// Begins a comment in a script and not in a module: what is parsed as a module is
/// evaluated as a script.
pub(super) const HTML_COMMENT: &str = "<!--";

/// Walks over a program once and collects what must change in it.
pub(super) struct Eraser<'s> {
    pub(super) source: &'s str,
    pub(super) edits: Edits,
    /// What `import` of `import(..)` and of `import.meta` become: at most six characters.
    pub(super) import: &'s str,
    pub(super) meta: &'s str,
    pub(super) uses_import: bool,
    pub(super) uses_meta: bool,
    /// `import x = require(..)` is there.
    pub(super) requires: bool,
    /// Names whose values the guest is told of: what a program exports that is linked.
    pub(super) told: HashSet<String>,
    /// Something is not only types: code has to be generated.
    pub(super) generates: bool,
    /// Names that are used as values.
    pub(super) values: HashSet<String>,
    /// Names that are exported in a list.
    pub(super) exported: HashSet<String>,
    /// Where a function that a host would call is used.
    pub(super) entries: Vec<(String, u32)>,
    pub(super) refused: Option<SourceError>,
    /// Text in which `<!--` means nothing: strings, templates, regular expressions.
    /// Kept only where the source holds that at all.
    pub(super) texts: Option<Vec<Span>>,
}

impl<'s> Eraser<'s> {
    pub(super) fn new(source: &'s str, import: &'s str, meta: &'s str) -> Self {
        Self {
            source,
            edits: Edits::default(),
            import,
            meta,
            uses_import: false,
            uses_meta: false,
            requires: false,
            told: HashSet::new(),
            generates: false,
            values: HashSet::new(),
            exported: HashSet::new(),
            entries: Vec::new(),
            refused: None,
            texts: source.contains(HTML_COMMENT).then(Vec::new),
        }
    }

    pub(super) fn refuse(&mut self, span: Span, message: &str) {
        if self.refused.is_none() {
            self.refused = Some(SourceError::at(self.source, span.start, message));
        }
    }

    fn text(&mut self, span: Span) {
        if let Some(texts) = &mut self.texts {
            texts.push(span);
        }
    }

    fn blank(&mut self, span: Span) {
        self.edits.blank(span.start, span.end);
    }

    fn has_line_end(&self, start: u32, end: u32) -> bool {
        slice(self.source, start, end).contains(is_line_end)
    }

    /// Where the next token begins.
    fn skip(&self, mut at: u32) -> u32 {
        loop {
            let rest = slice(self.source, at, length(self.source));
            let Some(character) = rest.chars().next() else {
                return at;
            };
            let step = if character.is_whitespace() || character == '\u{feff}' {
                character.len_utf8()
            } else if rest.starts_with("//") {
                rest.find(is_line_end).unwrap_or(rest.len())
            } else if rest.starts_with("/*") {
                rest.find("*/")
                    .map_or(rest.len(), |end| end.saturating_add(2))
            } else {
                return at;
            };
            at = at.saturating_add(u32::try_from(step).unwrap_or(u32::MAX));
        }
    }

    /// Blanks one of these characters if it is the next token.
    fn blank_next(&mut self, at: u32, characters: &[char]) {
        let at = self.skip(at);
        let end = at.saturating_add(1);
        if slice(self.source, at, end).starts_with(characters) {
            self.edits.blank(at, end);
        }
    }

    /// Blanks TypeScript's words between two places, where only words stand.
    fn blank_words(&mut self, start: u32, end: u32, words: &[&str], is_member: bool) {
        let mut at = self.skip(start);
        while at < end {
            let rest = slice(self.source, at, end);
            let word: String = rest
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            if word.is_empty() {
                return;
            }
            let after = at.saturating_add(length(&word));
            if words.contains(&word.as_str()) {
                // A member must not continue the line before it.
                let text = if is_member && at == start { ";" } else { "" };
                self.edits.replace(at, after, text);
            }
            at = self.skip(after);
        }
    }

    /// The place of a word between two places where no other text holds it.
    fn find_word(&self, mut at: u32, end: u32, wanted: &str) -> Option<u32> {
        while at < end {
            at = self.skip(at);
            if slice(self.source, at, end).starts_with(wanted) {
                return Some(at);
            }
            at = at.saturating_add(1);
        }
        None
    }

    fn member_start(&mut self, span: Span, key: Span) {
        self.blank_words(span.start, key.start, &MODIFIERS, true);
    }

    /// `?` or `!` behind a member's name.
    fn member_marks(&mut self, key: Span, computed: bool) {
        let mut at = self.skip(key.end);
        if computed && slice(self.source, at, at.saturating_add(1)) == "]" {
            at = at.saturating_add(1);
        }
        self.blank_next(at, &['?', '!']);
    }

    /// Whether a statement declares types only.
    pub(super) fn is_erased(declaration: &Declaration<'_>) -> bool {
        match declaration {
            Declaration::VariableDeclaration(it) => it.declare,
            Declaration::FunctionDeclaration(it) => it.declare || it.body.is_none(),
            Declaration::ClassDeclaration(it) => it.declare,
            Declaration::TSEnumDeclaration(it) => it.declare,
            Declaration::TSNamespaceDeclaration(it) => it.declare,
            Declaration::TSTypeAliasDeclaration(_)
            | Declaration::TSInterfaceDeclaration(_)
            | Declaration::TSExternalModuleDeclaration(_)
            | Declaration::TSGlobalDeclaration(_) => true,
            Declaration::TSImportEqualsDeclaration(it) => {
                it.import_kind == ImportOrExportKind::Type
            }
        }
    }
}

impl<'a> Visit<'a> for Eraser<'_> {
    fn visit_statement(&mut self, it: &Statement<'a>) {
        if let Some(declaration) = it.as_declaration()
            && Self::is_erased(declaration)
        {
            let span = it.span();
            self.edits.blank_statement(span.start, span.end);
            return;
        }
        walk::walk_statement(self, it);
        if matches!(
            it,
            Statement::ExpressionStatement(_)
                | Statement::VariableDeclaration(_)
                | Statement::ReturnStatement(_)
                | Statement::ThrowStatement(_)
        ) {
            self.edits.end_statement(it.span().end);
        }
    }

    fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
        if is_entry(&it.name) {
            self.entries.push((it.name.to_string(), it.span.start));
        }
        self.values.insert(it.name.to_string());
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        if it.phase.is_some() {
            self.refuse(
                it.span,
                "`import.source` and `import.defer` are not supported",
            );
        }
        self.uses_import = true;
        let start = it.span.start;
        self.edits
            .replace(start, start.saturating_add(6), self.import);
        walk::walk_import_expression(self, it);
    }

    fn visit_import_meta(&mut self, it: &ImportMeta) {
        self.uses_meta = true;
        let start = it.span.start;
        self.edits
            .replace(start, start.saturating_add(6), self.meta);
    }

    fn visit_string_literal(&mut self, it: &StringLiteral<'a>) {
        self.text(it.span);
    }

    fn visit_template_element(&mut self, it: &TemplateElement<'a>) {
        self.text(it.span);
    }

    fn visit_reg_exp_literal(&mut self, it: &RegExpLiteral<'a>) {
        self.text(it.span);
        if let Some(call) = property_escapes::call(it) {
            self.edits.exchange(it.span, self.source, &call);
        }
    }

    fn visit_decorator(&mut self, it: &Decorator<'a>) {
        self.refuse(it.span, "decorators are not supported");
    }

    fn visit_accessor_property(&mut self, it: &AccessorProperty<'a>) {
        self.refuse(it.span, "`accessor` members are not supported");
    }

    fn visit_class(&mut self, it: &Class<'a>) {
        self.visit_decorators(&it.decorators);
        let mut head = it.span.start;
        if it.r#abstract {
            self.blank_words(head, it.body.span.start, &["abstract"], false);
        }
        if let Some(id) = &it.id {
            head = id.span.end;
        }
        if let Some(parameters) = &it.type_parameters {
            self.visit_ts_type_parameter_declaration(parameters);
            head = parameters.span.end;
        }
        if let Some(heritage) = &it.heritage {
            head = heritage.expression.span().end;
            if let Some(arguments) = &heritage.type_arguments {
                head = arguments.span.end;
            }
            self.visit_class_heritage(heritage);
        }
        if let (Some(first), Some(last)) = (it.implements.first(), it.implements.last())
            && let Some(start) = self.find_word(head, first.span.start, "implements")
        {
            self.edits.blank(start, last.span.end);
        }
        self.visit_class_body(&it.body);
    }

    fn visit_class_element(&mut self, it: &ClassElement<'a>) {
        let erased = match it {
            ClassElement::TSIndexSignature(_) => true,
            ClassElement::MethodDefinition(method) => method.value.body.is_none(),
            ClassElement::PropertyDefinition(property) => {
                property.declare
                    || property.r#type == PropertyDefinitionType::TSAbstractPropertyDefinition
            }
            ClassElement::AccessorProperty(_) | ClassElement::StaticBlock(_) => false,
        };
        if erased {
            let span = it.span();
            self.edits.blank_statement(span.start, span.end);
            return;
        }
        walk::walk_class_element(self, it);
    }

    fn visit_method_definition(&mut self, it: &MethodDefinition<'a>) {
        self.member_start(it.span, it.key.span());
        if it.optional {
            self.member_marks(it.key.span(), it.computed);
        }
        walk::walk_method_definition(self, it);
    }

    fn visit_property_definition(&mut self, it: &PropertyDefinition<'a>) {
        self.member_start(it.span, it.key.span());
        if it.optional || it.definite {
            self.member_marks(it.key.span(), it.computed);
        }
        walk::walk_property_definition(self, it);
        self.edits.end_statement(it.span.end);
    }

    fn visit_formal_parameter(&mut self, it: &FormalParameter<'a>) {
        if it.accessibility.is_some() || it.readonly || it.r#override {
            self.generates = true;
        }
        if it.optional {
            self.blank_next(it.pattern.span().end, &['?']);
        }
        walk::walk_formal_parameter(self, it);
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if it.definite {
            self.blank_next(it.id.span().end, &['!']);
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        // No line may end between `async`, the parameters and `=>`.
        let parameters = it.type_parameters.as_ref().map(|it| it.span);
        let answer = it.return_type.as_ref().map(|it| it.span);
        for span in [parameters, answer].into_iter().flatten() {
            if self.has_line_end(span.start, span.end) {
                self.generates = true;
            }
        }
        walk::walk_arrow_function_expression(self, it);
    }

    fn visit_ts_this_parameter(&mut self, it: &TSThisParameter<'a>) {
        self.blank(it.span);
        self.blank_next(it.span.end, &[',']);
    }

    fn visit_ts_type_annotation(&mut self, it: &TSTypeAnnotation<'a>) {
        self.blank(it.span);
    }

    fn visit_ts_type_parameter_declaration(&mut self, it: &TSTypeParameterDeclaration<'a>) {
        self.blank(it.span);
    }

    fn visit_ts_type_parameter_instantiation(&mut self, it: &TSTypeParameterInstantiation<'a>) {
        self.blank(it.span);
    }

    fn visit_ts_as_expression(&mut self, it: &TSAsExpression<'a>) {
        self.edits.blank(it.expression.span().end, it.span.end);
        self.visit_expression(&it.expression);
    }

    fn visit_ts_satisfies_expression(&mut self, it: &TSSatisfiesExpression<'a>) {
        self.edits.blank(it.expression.span().end, it.span.end);
        self.visit_expression(&it.expression);
    }

    fn visit_ts_non_null_expression(&mut self, it: &TSNonNullExpression<'a>) {
        self.edits.blank(it.expression.span().end, it.span.end);
        self.visit_expression(&it.expression);
    }

    fn visit_ts_type_assertion(&mut self, it: &TSTypeAssertion<'a>) {
        let (start, end) = (it.span.start, it.expression.span().start);
        // `return <T>` and the expression in the next line: the line would end it.
        if self.has_line_end(start, end) {
            self.generates = true;
        }
        self.edits.blank(start, end);
        self.visit_expression(&it.expression);
    }

    fn visit_ts_enum_declaration(&mut self, _: &TSEnumDeclaration<'a>) {
        self.generates = true;
    }

    fn visit_ts_namespace_declaration(&mut self, it: &TSNamespaceDeclaration<'a>) {
        self.generates = true;
        // What its code uses keeps its imports.
        walk::walk_ts_namespace_declaration(self, it);
    }

    fn visit_ts_import_equals_declaration(&mut self, it: &TSImportEqualsDeclaration<'a>) {
        if let TSModuleReference::ExternalModuleReference(_) = it.module_reference {
            let start = it.span.start;
            self.edits.replace(start, start.saturating_add(6), "const");
            self.requires = true;
            return;
        }
        self.generates = true;
    }

    fn visit_ts_export_assignment(&mut self, it: &TSExportAssignment<'a>) {
        self.refuse(
            it.span,
            "`export =` is not supported: write `export default ..`",
        );
    }
}
