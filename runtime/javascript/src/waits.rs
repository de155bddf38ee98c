//! Whether a source waits at its top level.
//!
//! The engine resumes async functions in its plain interpreter, which has no inline caches:
//! a source that never waits becomes an ordinary function, and its loops run a quarter faster.

use oxc_ast::ast::{
    ArrowFunctionExpression, AwaitExpression, ForOfStatement, Function, Program,
    VariableDeclaration, VariableDeclarationKind,
};
use oxc_ast_visit::{Visit, walk};
use oxc_semantic::ScopeFlags;

/// Whether something outside of every function of the source waits.
pub(super) fn waits(tree: &Program<'_>) -> bool {
    let mut finder = Finder { found: false };
    finder.visit_program(tree);
    finder.found
}

struct Finder {
    found: bool,
}

impl<'a> Visit<'a> for Finder {
    fn visit_function(&mut self, _own: &Function<'a>, _flags: ScopeFlags) {}

    fn visit_arrow_function_expression(&mut self, own: &ArrowFunctionExpression<'a>) {
        // The engine refuses `await` there, and says so if it may stand around the function.
        self.visit_formal_parameters(&own.params);
    }

    fn visit_await_expression(&mut self, _found: &AwaitExpression<'a>) {
        self.found = true;
    }

    fn visit_for_of_statement(&mut self, found: &ForOfStatement<'a>) {
        self.found |= found.r#await;
        walk::walk_for_of_statement(self, found);
    }

    fn visit_variable_declaration(&mut self, found: &VariableDeclaration<'a>) {
        self.found |= found.kind == VariableDeclarationKind::AwaitUsing;
        walk::walk_variable_declaration(self, found);
    }
}
