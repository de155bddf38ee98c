//! Why a component cannot be flattened.

/// A component that the flattener does not understand completely.
///
/// Anything unexpected is refused: a guest that is wrong in one word of its
/// memory fails far from here.
#[derive(Debug, thiserror::Error)]
pub enum FlattenError {
    /// The input does not validate.
    #[error("the input is not a valid component")]
    InvalidInput(#[source] wasmparser::Error),
    /// The input is a core module.
    #[error("the input is a core module, not a component")]
    NotAComponent,
    /// What should be freed after a call is no argument of an import.
    #[error("no merged module imports `{import}` with an address to be freed")]
    Release {
        /// Module and name.
        import: String,
    },
    /// What should be called until it has moved all bytes is no such function.
    #[error("the merged modules do not import one `{import}` that moves bytes of a descriptor")]
    Repeat {
        /// Module and name.
        import: String,
    },
    /// A function is to move a mode, and it is not certain which, or how.
    #[error("`{import}` is no import of the merged modules that has a mode")]
    Mode {
        /// Module and name.
        import: String,
    },
    /// Arguments are to be freed, and it is not certain how.
    #[error("the merged modules do not import one and the same `free`")]
    Free,
    /// No core instance has code to merge.
    #[error("the component has no core instance to merge")]
    NothingToMerge,
    /// A start function would run at another point of instantiation.
    #[error("core module {module} has a start function")]
    StartFunction {
        /// Index of the core module.
        module: u32,
    },
    /// The component itself has a start function.
    #[error("the component has a start function")]
    ComponentStart,
    /// Exception tags are not merged.
    #[error("core module {module} declares or imports exception tags")]
    Tags {
        /// Index of the core module.
        module: u32,
    },
    /// Types of the garbage collection proposal are not merged.
    #[error("core module {module} has types other than plain functions")]
    Types {
        /// Index of the core module.
        module: u32,
        /// What the reader said.
        source: wasmparser::Error,
    },
    /// A passive data segment, or an instruction that uses one.
    #[error("core module {module} has a passive data segment")]
    PassiveData {
        /// Index of the core module.
        module: u32,
    },
    /// A passive element segment.
    #[error("core module {module} has a passive element segment")]
    PassiveElements {
        /// Index of the core module.
        module: u32,
    },
    /// Elements that are not plain function indices.
    #[error("core module {module} has elements that are not function indices")]
    ElementExpressions {
        /// Index of the core module.
        module: u32,
    },
    /// A table with an initial value for its elements.
    #[error("core module {module} has a table with an initial value")]
    TableInitialiser {
        /// Index of the core module.
        module: u32,
    },
    /// Instructions that name a data or element segment.
    #[error("code names a data or element segment, whose number would change")]
    SegmentInstruction,
    /// The merged instances do not share exactly one memory.
    #[error("the merged instances have {count} memories; exactly one can be merged")]
    Memories {
        /// How many they define.
        count: usize,
    },
    /// The merged instances have more than one table.
    #[error("the merged instances have {count} tables; at most one can be merged")]
    Tables {
        /// How many they define.
        count: usize,
    },
    /// A memory that is shared, 64 bit wide or has its own page size.
    #[error("the memory is shared, 64 bit wide or has its own page size")]
    MemoryKind,
    /// State that lives in an instance which stays outside.
    #[error("a merged instance uses the {kind} `{name}` of an instance that is not merged")]
    OutsideState {
        /// `table`, `memory` or `global`.
        kind: &'static str,
        /// The name under which it is exported.
        name: String,
    },
    /// An instance is given no value for an import.
    #[error("nothing provides the import `{module}` `{name}`")]
    MissingImport {
        /// First name of the import.
        module: String,
        /// Second name of the import.
        name: String,
    },
    /// A function cannot be replaced: no library has another one of its type, or none is hidden.
    #[error("`{function}` has nothing of its type that could stand in its place")]
    Replace {
        /// The function.
        function: String,
    },
    /// An instance does not export what another one takes from it.
    #[error("core instance {instance} does not export the {kind} `{name}`")]
    MissingExport {
        /// Index of the core instance.
        instance: u32,
        /// `function`, `table`, `memory`, `global` or `tag`.
        kind: &'static str,
        /// The missing name.
        name: String,
    },
    /// Imports that form a circle.
    #[error("the imports of core instance {instance} lead back to itself")]
    Circular {
        /// Index of the core instance.
        instance: u32,
    },
    /// A constant expression that cannot be evaluated.
    #[error("core module {module} has a segment whose offset is not a known constant")]
    Offset {
        /// Index of the core module.
        module: u32,
    },
    /// A canonical function that is not one of lift, lower and the resource
    /// functions, or has options beyond encoding, memory, realloc, post-return.
    #[error("the canonical function `{what}` is not supported")]
    Canonical {
        /// Its debug form.
        what: String,
    },
    /// A function is lifted before the last of the merged instances exists.
    #[error("a function is lifted before the last merged instance exists")]
    LiftTooEarly,
    /// A merged instance imports a function that needs the merged memory.
    #[error("a merged instance imports a function which needs the memory that is being merged")]
    CallTooEarly,
    /// A kept instance is instantiated with something other than functions and tables.
    #[error("core instance {instance}, which stays outside, takes {what}")]
    KeptInstance {
        /// Index of the core instance.
        instance: u32,
        /// What it takes.
        what: &'static str,
    },
    /// Core modules are imported, exported, aliased or passed on.
    #[error("core modules are {how}; their numbers would change")]
    ModuleReference {
        /// `imported`, `exported`, `aliased` or `passed on`.
        how: &'static str,
    },
    /// An index beyond the end of its space, which validation excludes.
    #[error("{space} {index} does not exist")]
    Index {
        /// Which index space.
        space: &'static str,
        /// The index.
        index: u32,
    },
    /// More things than an index can count.
    #[error("there are more {0} than 32 bits can count")]
    TooMany(&'static str),
    /// A section that this version does not know.
    #[error("the component has a section of an unknown kind")]
    UnknownSection,
    /// An instruction or type that cannot be written again.
    #[error("part of the component cannot be encoded again: {0}")]
    Encode(String),
    /// The result does not validate: a mistake in the flattener, or in the
    /// core module that was given in place of the flat one.
    #[error("the flattened {what} does not validate")]
    InvalidOutput {
        /// `module` or `component`.
        what: &'static str,
        /// What the validator said.
        source: wasmparser::Error,
    },
}

/// Reads past validation cannot fail; if one does, the input was not valid.
impl From<wasmparser::Error> for FlattenError {
    fn from(error: wasmparser::Error) -> Self {
        Self::InvalidInput(error)
    }
}

impl From<wasm_encoder::reencode::Error<FlattenError>> for FlattenError {
    fn from(error: wasm_encoder::reencode::Error<FlattenError>) -> Self {
        match error {
            wasm_encoder::reencode::Error::UserError(error) => error,
            wasm_encoder::reencode::Error::ParseError(error) => Self::InvalidInput(error),
            other => Self::Encode(other.to_string()),
        }
    }
}
