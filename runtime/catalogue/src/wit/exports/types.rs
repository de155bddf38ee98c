//! The types of what a component exports, as data.

/// A type of values that JSON can stand for: every type of WIT but `map`, `stream`, `future`,
/// `error-context` and handles of resources. What a component exports with one of those is no
/// tool, and has no place here: whoever reads the component refuses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Type {
    /// `bool`
    Bool,
    /// An integer of 8 to 64 bits.
    Integer(Integer),
    /// `f32`
    F32,
    /// `f64`
    F64,
    /// `char`
    Char,
    /// `string`
    String,
    /// A `string` that holds JSON, `json` of `wxmcp:tool-types/types`. The structure of a
    /// component does not tell it from other strings; whoever knows better may say so.
    Json,
    /// `option<T>`
    Option(Box<Type>),
    /// `list<T>`
    List(Box<Type>),
    /// `list<T, N>`, always of that many items.
    FixedList(Box<Type>, usize),
    /// `tuple<..>`
    Tuple(Vec<Type>),
    /// `record`
    Record(Record),
    /// `variant`
    Variant(Variant),
    /// `enum`
    Enum(Labels),
    /// `flags`
    Flags(Labels),
    /// `result`, of which either side may hold nothing.
    Result {
        /// What it holds when all went well.
        ok: Option<Box<Type>>,
        /// What it holds otherwise.
        error: Option<Box<Type>>,
    },
}

/// The integers of WIT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integer {
    /// `s8`
    S8,
    /// `s16`
    S16,
    /// `s32`
    S32,
    /// `s64`
    S64,
    /// `u8`
    U8,
    /// `u16`
    U16,
    /// `u32`
    U32,
    /// `u64`
    U64,
}

/// What is known of a type or a field beside its structure.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The type's own label, where it is known: components may have types without names.
    pub label: Option<String>,
    /// Prose, as it came.
    pub docs: Option<String>,
}

/// A type with fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Its label and prose.
    pub said: Said,
    /// In their order.
    pub fields: Vec<Field>,
}

/// A field of a record, or a parameter of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its label, without `%`.
    pub label: String,
    /// What it holds. An option may be absent from JSON.
    pub of: Type,
    /// Prose, as it came.
    pub docs: Option<String>,
}

/// A type with alternatives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// Its label and prose.
    pub said: Said,
    /// In their order.
    pub cases: Vec<Case>,
}

/// One alternative of a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Its label, without `%`.
    pub label: String,
    /// What it holds, if it holds something.
    pub of: Option<Type>,
}

/// The cases of an enum, or the flags of a flags type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// The type's own label and prose.
    pub said: Said,
    /// In their order, without `%`.
    pub labels: Vec<String>,
}
