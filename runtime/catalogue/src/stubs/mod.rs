//! Typed stubs: what type checkers and editors need to know of the tools.
//!
//! [`python`] and [`typescript`] answer files, one a namespace, and those that say what
//! scripts always have. The same tools give the same bytes. Everything in a definition is
//! hostile: descriptions become inert text, names that a language cannot say are quoted or
//! left open, literals are escaped, and what is too much for a type is `Any`. So nothing
//! that a server sends changes what the rest of a stub means, and no stub refuses a call
//! that the host would take because a limit of ours cut its type.
//!
//! **Which answer a plain call has in Python.** `sqlite.read_query(..)` blocks and answers
//! a value where no event loop runs, and answers an awaitable where one does. No type is
//! both, and an overload cannot see which holds, so there are three flavours of the one
//! line that says it, [`Calls`]: `wxmcp check` chooses by the script, which an export cannot.
//! Arguments, `.sync(..)` and `.aio(..)` are typed alike in all three.

mod literal;
mod providers;
mod python;
mod reader;
mod shapes;
mod types;
mod typescript;

pub use providers::{anthropic, json_schema, openai};
pub use python::python;
pub use typescript::{camel_name, member_name, typescript};

use std::borrow::Cow;

use crate::tool::Tool;

/// The tools of one namespace, as scripts may call them.
#[derive(Clone, Debug)]
pub struct ToolSet {
    /// The namespace as scripts spell it.
    pub namespace: String,
    /// Each tool with its identifier, unique in the namespace.
    pub tools: Vec<(String, Tool)>,
}

/// One file of stubs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StubFile {
    /// Where it belongs below the folder of the stubs: names of ASCII letters, digits, `_`,
    /// `-` and `.` between slashes, never `..`.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// What a plain call answers in Python.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Calls {
    /// Its value: no event loop ever runs in the script.
    Blocking,
    /// An awaitable of its value: all of the script runs in an event loop.
    Awaited,
    /// Now the one, now the other: `Any`, which both uses fit.
    #[default]
    Either,
}

/// What is said of a tool; also that its answer's type was learned.
fn description(tool: &Tool) -> Cow<'_, str> {
    if tool.learned_output().is_none() {
        return Cow::Borrowed(tool.description());
    }
    let learned = "The answer's type was learned from answers; the tool does not declare it.";
    Cow::Owned(
        format!("{}\n\n{learned}", tool.description())
            .trim()
            .to_owned(),
    )
}

/// A namespace's name as one part of a path.
fn file_stem(namespace: &str) -> String {
    let plain = namespace
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if plain && !namespace.is_empty() && namespace.len() <= 200 {
        return namespace.to_owned();
    }
    let digits: String = crate::digest::name_hex(namespace)
        .chars()
        .take(16)
        .collect();
    let mut stem = crate::names::plain_identifier(namespace);
    stem.truncate(100);
    format!("{stem}_{digits}")
}

#[cfg(test)]
mod tests;
