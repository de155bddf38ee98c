//! What the WIT of a namespace says, as data.

use serde::{Deserialize, Serialize};

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Type {
    /// Any JSON, as text.
    Json,
    /// `bool`
    Bool,
    /// An integer, `s64`.
    S64,
    /// An integer that may be above the largest `s64`, and is never negative.
    U64,
    /// A number, `f64`.
    F64,
    /// `string`
    String,
    /// The inner type, or JSON's `null`. Never an option of an option, nor of [`Type::Json`],
    /// which has `null` itself.
    Option(Box<Type>),
    /// An array. Its items are never a [`Type::Map`]'s pairs: those would be a map.
    List(Box<Type>),
    /// An array of a fixed length, at least one.
    Tuple(Vec<Type>),
    /// An object whose keys are data: `list<tuple<string, T>>`.
    Map(Box<Type>),
    /// One of the interface's definitions, by its place.
    Named(usize),
}

/// A type with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Its label, unique among the definitions and functions of its interface.
    pub label: String,
    /// What it is.
    pub body: Body,
    /// Prose, cleaned; may be empty.
    pub docs: String,
}

/// What a named type is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// An object with members that are known.
    Record(Record),
    /// One of several types.
    Variant {
        /// At least two.
        cases: Vec<Case>,
        /// The member whose constant tells objects apart, where there are several.
        tag: Option<String>,
    },
    /// One of some constants: at least one, each once.
    Enum(Vec<Constant>),
    /// An object of these members and no others, all of them booleans: 2 to 32.
    Flags(Vec<Flag>),
}

/// The members of an object, or the parameters of a function.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// In declared order; those that must be there first, in parameters.
    pub members: Vec<Member>,
    /// What else the object holds, where the schema says that it may.
    pub others: Option<Others>,
    /// Whether the schema is silent on further members. They are left out.
    pub is_open: bool,
}

/// One member of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its label, unique in its record.
    pub label: String,
    /// Its name in JSON.
    pub name: String,
    /// The type of its value where it is there.
    pub of: Type,
    /// Whether the object always has it. One that may be absent is written as an option of
    /// its type, and its type is never an option itself.
    pub is_required: bool,
    /// Prose, cleaned; may be empty.
    pub docs: String,
}

/// The members of an object that have no field: written as `list<tuple<string, T>>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Others {
    /// The label of the field that holds them.
    pub label: String,
    /// The type of each of their values.
    pub of: Type,
}

/// One alternative of a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Its label, unique in its variant.
    pub label: String,
    /// What it holds. No two of a variant share a JSON type, unless both are records that
    /// the variant's tag tells apart.
    pub of: Type,
}

/// One constant of an enum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constant {
    /// Its label, unique in its enum.
    pub label: String,
    /// The scalar that it stands for.
    pub literal: Literal,
}

/// A constant scalar.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Literal {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number, spelled as in JSON.
    Number(String),
    /// A string.
    Text(String),
}

/// One boolean of a flags type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flag {
    /// Its label, unique in its type.
    pub label: String,
    /// Its name in JSON.
    pub name: String,
    /// Prose, cleaned; may be empty.
    pub docs: String,
}

/// A tool as a function that answers `result<answer, tool-error>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Its label, unique among the functions and definitions of its interface.
    pub label: String,
    /// The tool's own name.
    pub name: String,
    /// What it takes.
    pub arguments: Arguments,
    /// What it answers.
    pub answer: Type,
    /// Prose, cleaned; may be empty.
    pub docs: String,
}

/// How a function takes the arguments of its tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arguments {
    /// A parameter for each member of the object.
    Members(Record),
    /// The whole object as JSON text, in one parameter.
    Whole,
}

/// The tools of one namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// The label of the interface, and of its package.
    pub label: String,
    /// The namespace's own name.
    pub namespace: String,
    /// The types that the functions name, each before those that hold it.
    pub definitions: Vec<Definition>,
    /// Ordered by the tools' own names.
    pub functions: Vec<Function>,
}

impl Interface {
    /// The definition behind a [`Type::Named`].
    pub fn definition(&self, place: usize) -> Option<&Definition> {
        self.definitions.get(place)
    }

    /// The function of a tool, by the tool's own name.
    pub fn function(&self, tool: &str) -> Option<&Function> {
        let at = self
            .functions
            .binary_search_by(|function| function.name.as_str().cmp(tool))
            .ok()?;
        self.functions.get(at)
    }
}

impl Literal {
    /// The literal in JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Boolean(it) => serde_json::Value::Bool(*it),
            Self::Number(it) => serde_json::from_str(it).unwrap_or_default(),
            Self::Text(it) => serde_json::Value::String(it.clone()),
        }
    }
}
