//! What the top level of a tool file declares.

use std::collections::{HashMap, HashSet};

use oxc_ast::ast::*;
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::ScopeFlags;

use super::root;

/// What a name of the top level is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A value that cannot change.
    Plain,
    /// An object as every function is, with members of its own.
    Function,
    /// A schema, or the tool.
    Made,
    /// From a module that keeps nothing.
    Imported,
}

/// The names of a file.
#[derive(Default)]
pub(super) struct Top {
    names: HashMap<String, What>,
    /// Imported functions that make schemas and tools.
    makers: HashSet<String>,
    /// Names that functions declare.
    inner: HashSet<String>,
    functions: usize,
}

impl Top {
    /// None if the top level does or declares anything else than what is described here.
    pub(super) fn of(tree: &Program<'_>) -> Option<Self> {
        let mut top = Self::default();
        for statement in &tree.body {
            top.statement(statement)?;
        }
        top.visit_program(tree);
        Some(top)
    }

    pub(super) fn what(&self, name: &str) -> Option<What> {
        self.names.get(name).copied()
    }

    /// Whether a name is only a function's own.
    pub(super) fn is_own(&self, name: &str) -> bool {
        self.inner.contains(name) && !self.names.contains_key(name)
    }

    pub(super) fn makes(&self, name: &str) -> bool {
        self.makers.contains(name)
    }

    /// Whether an assignment gives a member to one of the functions.
    pub(super) fn describes(&self, it: &AssignmentExpression<'_>) -> bool {
        let AssignmentTarget::StaticMemberExpression(member) = &it.left else {
            return false;
        };
        let object = member.object.get_inner_expression();
        it.operator == AssignmentOperator::Assign
            && matches!(object, Expression::Identifier(it) if self.what(&it.name) == Some(What::Function))
    }

    fn statement(&mut self, it: &Statement<'_>) -> Option<()> {
        match it {
            Statement::ImportDeclaration(it) => self.import(it),
            Statement::FunctionDeclaration(it) => self.function(it),
            Statement::VariableDeclaration(it) => self.constants(it),
            Statement::ExportDeclaration(it) => match &it.declaration {
                Declaration::FunctionDeclaration(it) => self.function(it),
                Declaration::VariableDeclaration(it) => self.constants(it),
                Declaration::TSTypeAliasDeclaration(_) | Declaration::TSInterfaceDeclaration(_) => {
                    Some(())
                }
                _ => None,
            },
            Statement::ExportDefaultDeclaration(it) => match &it.declaration {
                ExportDefaultDeclarationKind::FunctionDeclaration(it) => self.function(it),
                other => {
                    let value = other.as_expression()?.get_inner_expression();
                    let is_name = matches!(value, Expression::Identifier(_));
                    (is_name || self.of_value(value).is_some()).then_some(())
                }
            },
            // Assignments, which the reader of the whole looks at.
            Statement::ExpressionStatement(it) => {
                let is_assignment = matches!(&it.expression, Expression::AssignmentExpression(_));
                is_assignment.then_some(())
            }
            Statement::ExportNamedDeclaration(_)
            | Statement::TSTypeAliasDeclaration(_)
            | Statement::TSInterfaceDeclaration(_)
            | Statement::EmptyStatement(_) => Some(()),
            _ => None,
        }
    }

    fn import(&mut self, it: &ImportDeclaration<'_>) -> Option<()> {
        if it.import_kind.is_type() {
            return Some(());
        }
        let from = it.source.value.as_str();
        if !matches!(from, "wxmcp" | "zod") && !is_tools(from) {
            return None;
        }
        for one in it.specifiers.iter().flatten() {
            let local = one.local().name.to_string();
            let is_maker = match one {
                ImportDeclarationSpecifier::ImportSpecifier(it) => {
                    from == "zod" || (from == "wxmcp" && it.imported.name() == "createTool")
                }
                _ => from == "zod",
            };
            if is_maker {
                self.makers.insert(local.clone());
            }
            self.names.insert(local, What::Imported);
        }
        Some(())
    }

    fn function(&mut self, it: &Function<'_>) -> Option<()> {
        if let Some(name) = &it.id {
            self.names.insert(name.name.to_string(), What::Function);
        }
        Some(())
    }

    fn constants(&mut self, it: &VariableDeclaration<'_>) -> Option<()> {
        for one in &it.declarations {
            let what = self.of_value(one.init.as_ref()?.get_inner_expression())?;
            let BindingPattern::BindingIdentifier(name) = &one.id else {
                return None;
            };
            self.names.insert(name.name.to_string(), what);
        }
        (it.kind == VariableDeclarationKind::Const).then_some(())
    }

    fn of_value(&self, value: &Expression<'_>) -> Option<What> {
        match value {
            Expression::StringLiteral(_)
            | Expression::NumericLiteral(_)
            | Expression::BooleanLiteral(_)
            | Expression::BigIntLiteral(_)
            | Expression::NullLiteral(_)
            | Expression::TemplateLiteral(_) => Some(What::Plain),
            Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_) => {
                Some(What::Function)
            }
            Expression::CallExpression(call) => {
                let is_made = root(&call.callee).is_some_and(|name| self.makes(name));
                is_made.then_some(What::Made)
            }
            _ => None,
        }
    }

    fn within(&mut self, walk: impl FnOnce(&mut Self)) {
        self.functions = self.functions.saturating_add(1);
        walk(self);
        self.functions = self.functions.saturating_sub(1);
    }
}

/// Collects what functions declare.
impl<'a> Visit<'a> for Top {
    fn visit_binding_identifier(&mut self, it: &BindingIdentifier<'a>) {
        if self.functions > 0 {
            self.inner.insert(it.name.to_string());
        }
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        self.within(|top| walk::walk_function(top, it, flags));
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.within(|top| walk::walk_arrow_function_expression(top, it));
    }
}

/// Whether a module is the tool tree.
pub(super) fn is_tools(from: &str) -> bool {
    from.split('/').any(|part| part == "tools")
}
