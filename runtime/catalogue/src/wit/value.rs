//! Values as components hold them, whichever engine runs them.

/// A value of a type of WIT that JSON can stand for. Labels are as WIT has them, without `%`.
///
/// The model of a tool's interface uses some of them; what components export may use all.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `bool`
    Bool(bool),
    /// `s8`
    S8(i8),
    /// `s16`
    S16(i16),
    /// `s32`
    S32(i32),
    /// `s64`
    S64(i64),
    /// `u8`
    U8(u8),
    /// `u16`
    U16(u16),
    /// `u32`
    U32(u32),
    /// `u64`
    U64(u64),
    /// `f32`
    F32(f32),
    /// `f64`
    F64(f64),
    /// `char`
    Char(char),
    /// `string`, and `json`
    String(String),
    /// `option`
    Option(Option<Box<Value>>),
    /// `result`; a side without a type holds nothing.
    Result(Result<Option<Box<Value>>, Option<Box<Value>>>),
    /// `list`, of whatever length or of a fixed one
    List(Vec<Value>),
    /// `tuple`
    Tuple(Vec<Value>),
    /// The fields of a record, all of them, in their order.
    Record(Vec<(String, Value)>),
    /// The label of a case and what it holds, if it holds something.
    Variant(String, Option<Box<Value>>),
    /// The label of a case.
    Enum(String),
    /// The labels of the flags that are set.
    Flags(Vec<String>),
}

impl Value {
    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a bool",
            Self::S8(_) => "an s8",
            Self::S16(_) => "an s16",
            Self::S32(_) => "an s32",
            Self::S64(_) => "an s64",
            Self::U8(_) => "a u8",
            Self::U16(_) => "a u16",
            Self::U32(_) => "a u32",
            Self::U64(_) => "a u64",
            Self::F32(_) => "an f32",
            Self::F64(_) => "an f64",
            Self::Char(_) => "a char",
            Self::String(_) => "a string",
            Self::Option(_) => "an option",
            Self::Result(_) => "a result",
            Self::List(_) => "a list",
            Self::Tuple(_) => "a tuple",
            Self::Record(_) => "a record",
            Self::Variant(..) => "a variant",
            Self::Enum(_) => "an enum",
            Self::Flags(_) => "flags",
        }
    }
}

/// Why a value does not fit its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", at(path))]
pub struct ConvertError {
    /// Where in the value, a JSON pointer; empty for the whole.
    pub path: String,
    /// What is wrong there.
    pub reason: Reason,
}

/// What converting answers.
pub(super) type Converted<T> = Result<T, ConvertError>;

fn at(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!("at `{path}`: ")
    }
}

/// What is wrong in one place of a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It is something else.
    #[error("expected {expected}, found {found}")]
    Expected {
        /// What the type says.
        expected: &'static str,
        /// What came.
        found: &'static str,
    },
    /// An object lacks a member.
    #[error("member `{0}` is missing")]
    Missing(String),
    /// An object, or a record, has a member that its type does not have.
    #[error("there is no member `{0}`")]
    Unknown(String),
    /// A member comes twice, which an object cannot hold.
    #[error("member `{0}` is given twice")]
    Twice(String),
    /// A number is outside what the type holds, or would be rounded.
    #[error("{number} does not fit `{of}` exactly")]
    Number {
        /// The type.
        of: &'static str,
        /// An integer beyond 2^53 by its digits, any other as `the number`.
        number: String,
    },
    /// No number of JSON is infinite or not a number.
    #[error("JSON has no number that is infinite or not a number")]
    NotFinite,
    /// A text is not one character.
    #[error("expected a string of one character")]
    NoChar,
    /// It is none of the constants.
    #[error("it is none of the constants of `{0}`")]
    NoConstant(String),
    /// It is none of the alternatives.
    #[error("it fits no case of `{0}`")]
    NoCase(String),
    /// A tuple has another length.
    #[error("expected {expected} items, found {found}")]
    Length {
        /// What the type says.
        expected: usize,
        /// What came.
        found: usize,
    },
    /// The text of a `json` is no JSON.
    #[error("the text is not JSON")]
    NotJson,
    /// The type is of another interface.
    #[error("the type is not of this interface")]
    Foreign,
}

impl ConvertError {
    pub(super) fn new(reason: Reason) -> Self {
        Self {
            path: String::new(),
            reason,
        }
    }

    /// The error as seen from one level further up.
    pub(super) fn inside(mut self, step: &str) -> Self {
        let step = crate::text::shorten(step, 100);
        let step = step.replace('~', "~0").replace('/', "~1");
        self.path = format!("/{step}{}", self.path);
        self
    }
}
