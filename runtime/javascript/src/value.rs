//! The value of a script that neither returns nor exports one: that of its last expression.

use oxc_ast::ast::*;
use oxc_span::{GetSpan, Span};

use super::types::Eraser;

/// Calls whose answer is not the value of a script: a handle of a timer, nothing.
const TIMERS: [&str; 4] = [
    "setTimeout",
    "setInterval",
    "setImmediate",
    "queueMicrotask",
];

/// Functions that scripts of other systems define for their host to call.
const ENTRIES: [&str; 2] = ["main", "run"];

/// Text that makes an expression the script's value, and the place in front of it.
pub(super) struct Insertion {
    pub(super) at: u32,
    pub(super) text: String,
}

/// Where the last expression is returned; nothing for a script that ends with another
/// statement. Declarations of functions behind it run nothing.
pub(super) fn last_expression(program: &Program<'_>, module: &str) -> Option<Insertion> {
    for statement in program.body.iter().rev() {
        match statement {
            Statement::ExpressionStatement(it) => return returned(&it.expression, module),
            Statement::EmptyStatement(_)
            | Statement::FunctionDeclaration(_)
            | Statement::ImportDeclaration(_)
            | Statement::ExportNamedDeclaration(_) => {}
            Statement::ExportDeclaration(it)
                if matches!(it.declaration, Declaration::FunctionDeclaration(_))
                    || Eraser::is_erased(&it.declaration) => {}
            other => match other.as_declaration() {
                Some(declaration) if Eraser::is_erased(declaration) => {}
                _ => return None,
            },
        }
    }
    // A lone text; `"use strict"` and the like are for the engine.
    let directive = program.directives.last()?;
    let is_text = !directive.directive.starts_with("use ");
    is_text.then(|| Insertion {
        at: directive.span.start,
        text: "return ".to_owned(),
    })
}

fn returned(expression: &Expression<'_>, module: &str) -> Option<Insertion> {
    if !has_value(expression) {
        return None;
    }
    // A function that stands there is called. One that a name stands for is only shown:
    // the run compares what it got with `last`.
    let is_called = matches!(
        expression.get_inner_expression(),
        Expression::ArrowFunctionExpression(_) | Expression::FunctionExpression(_)
    );
    let text = match expression {
        _ if is_called => "return ".to_owned(),
        Expression::SequenceExpression(_) => "return ".to_owned(),
        _ => format!("return {module}.last="),
    };
    Some(Insertion {
        at: expression.span().start,
        text,
    })
}

fn has_value(expression: &Expression<'_>) -> bool {
    match expression.get_inner_expression() {
        Expression::AssignmentExpression(_) | Expression::UpdateExpression(_) => false,
        Expression::AwaitExpression(it) => has_value(&it.argument),
        Expression::SequenceExpression(it) => it.expressions.last().is_none_or(has_value),
        Expression::LogicalExpression(it) => has_value(&it.right),
        Expression::ConditionalExpression(it) => {
            has_value(&it.consequent) || has_value(&it.alternate)
        }
        Expression::CallExpression(it) => !is_for_its_effect(&it.callee),
        Expression::ChainExpression(it) => match &it.expression {
            ChainElement::CallExpression(it) => !is_for_its_effect(&it.callee),
            _ => true,
        },
        _ => true,
    }
}

/// Timers, `console.log(..)`, `process.stdout.write(..)`.
fn is_for_its_effect(callee: &Expression<'_>) -> bool {
    let Expression::StaticMemberExpression(member) = callee.get_inner_expression() else {
        return name(callee).is_some_and(|name| TIMERS.contains(&name));
    };
    let called = member.property.name.as_str();
    match name(&member.object) {
        Some("console") => true,
        Some("globalThis") => TIMERS.contains(&called),
        Some("stdout" | "stderr") => matches!(called, "write" | "end"),
        _ => false,
    }
}

/// The last name of `a.b.c`.
fn name<'e>(expression: &'e Expression<'_>) -> Option<&'e str> {
    match expression.get_inner_expression() {
        Expression::Identifier(it) => Some(it.name.as_str()),
        Expression::StaticMemberExpression(it) => Some(it.property.name.as_str()),
        Expression::ChainExpression(it) => match &it.expression {
            ChainElement::StaticMemberExpression(it) => Some(it.property.name.as_str()),
            _ => None,
        },
        _ => None,
    }
}

/// `module.exports = value`, where the script has no `module` of its own: where the value begins.
pub(super) fn common_js_export<'p, 'a>(
    statement: &'p Statement<'a>,
    program: &Program<'a>,
) -> Option<&'p AssignmentExpression<'a>> {
    let Statement::ExpressionStatement(statement) = statement else {
        return None;
    };
    let Expression::AssignmentExpression(assignment) = &statement.expression else {
        return None;
    };
    let AssignmentTarget::StaticMemberExpression(target) = &assignment.left else {
        return None;
    };
    let is_export = assignment.operator == AssignmentOperator::Assign
        && target.property.name == "exports"
        && target.object.is_specific_id("module");
    let declares = |name: &str| bound(program).any(|(own, _)| own == name);
    (is_export && !declares("module")).then_some(assignment)
}

/// The names that a script's statements declare, and the functions among them.
fn bound<'p>(program: &'p Program<'_>) -> impl Iterator<Item = (&'p str, Option<Span>)> {
    program.body.iter().flat_map(|statement| {
        let declaration = match statement {
            Statement::ExportDeclaration(it) => Some(&it.declaration),
            other => other.as_declaration(),
        };
        match (declaration, statement) {
            (Some(Declaration::VariableDeclaration(it)), _) => it
                .declarations
                .iter()
                .flat_map(|one| {
                    let function = one.init.as_ref().filter(|init| {
                        matches!(
                            init.get_inner_expression(),
                            Expression::ArrowFunctionExpression(_)
                                | Expression::FunctionExpression(_)
                        )
                    });
                    let span = function.map(GetSpan::span);
                    let names = one.id.get_binding_identifiers();
                    names.into_iter().map(move |id| (id.name.as_str(), span))
                })
                .collect::<Vec<_>>(),
            (Some(Declaration::FunctionDeclaration(it)), _) => {
                let span = it.body.is_some().then_some(it.span);
                Vec::from_iter(it.id.iter().map(|id| (id.name.as_str(), span)))
            }
            (Some(other), _) => Vec::from_iter(other.id().map(|id| (id.name.as_str(), None))),
            (None, Statement::ImportDeclaration(it)) => it
                .specifiers
                .iter()
                .flatten()
                .map(|one| (one.local().name.as_str(), None))
                .collect(),
            (None, _) => Vec::new(),
        }
    })
}

/// What a user should hear of a script that has ended without a value: what it defines for
/// a host that would call it, or exports to one that would import it.
pub(super) fn note(
    program: &Program<'_>,
    eraser: &Eraser<'_>,
    exports: &[(String, String)],
) -> Option<String> {
    let entry = bound(program).find(|(name, function)| {
        let is_used = eraser.entries.iter().any(|(used, place)| {
            used == name && !function.is_some_and(|it| it.start <= *place && *place < it.end)
        });
        function.is_some() && ENTRIES.contains(name) && !is_used
    });
    if let Some((name, _)) = entry {
        return Some(format!(
            "the script defines `{name}` and does not call it: end it with `{name}()`"
        ));
    }
    let (name, _) = exports
        .iter()
        .find(|(_, local)| !eraser.values.contains(local))?;
    Some(format!(
        "the script exports `{name}`, which has no effect: write `return {name}`, or `export default`"
    ))
}

/// Whether a name is one that `note` wants to know the uses of.
pub(super) fn is_entry(name: &str) -> bool {
    ENTRIES.contains(&name)
}
