//! Tools in one shape: what they are called, what they say of themselves, how
//! they are found.
//!
//! Pure: nothing here reads a file, starts a process or knows an engine.
//! Definitions arrive from tool files and from MCP servers and are hostile:
//! [`Namespace::new`] bounds them, cleans their prose, gives every tool an
//! identifier that no other tool of its namespace has, and says what is odd
//! about it and what became of it.

mod arguments;
mod catalogue;
mod describe;
mod digest;
mod envelope;
pub mod json;
mod names;
mod numbers;
mod schema;
mod search;
mod shape;
pub mod stubs;
mod suggest;
mod text;
mod tool;
mod validate;
pub mod wit;
pub mod wording;

pub use arguments::{
    UnknownArgument, is_required, leave_out_nulls, object_parameter, unknown_argument,
};
pub use catalogue::{MAX_TOOLS, Named, Namespace, Oddity, Offer};
pub use describe::signature;
pub use digest::Digest;
pub use names::{Identifiers, MAX_NAME_BYTES, NameError, check_name, plain_identifier};
pub use numbers::{may_have_unreadable_number, spell_unreadable_numbers, unreadable_number};
pub use schema::{MAX_SCHEMA_BYTES, MAX_SCHEMA_DEPTH, parameters};
pub use search::{Document, SearchIndex};
pub use shape::Shape;
pub use suggest::nearest;
pub use text::{MAX_DESCRIPTION_BYTES, clean, first_paragraph, is_unseen, shorten};
pub use tool::{Definition, DefinitionError, Tool};
pub use validate::{
    Effort, Mismatch, NotCompiled, Rounding, Stop, Unfinished, Validator, is_light,
};
