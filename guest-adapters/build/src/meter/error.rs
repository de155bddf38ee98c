//! Why a component cannot be metered.

/// A component that this pass does not understand completely.
#[derive(Debug, thiserror::Error)]
pub enum MeterError {
    /// Not a component, or a broken one.
    #[error("the component cannot be read")]
    Read(#[from] wasmparser::Error),
    /// Its core module uses features whose control flow this pass does not know.
    #[error("the core module does not validate with the features that can be metered")]
    Features(#[source] wasmparser::Error),
    /// Counting twice would be wrong, and letting it count by itself worse.
    #[error("it imports `{0}` already")]
    Metered(&'static str),
    /// One counter belongs to one instance.
    #[error("{0}")]
    Shape(&'static str),
    /// A module that is not metered could compute without end.
    #[error("core module {module} is not the one that is metered, and {what}")]
    Unbounded {
        /// Its number.
        module: usize,
        /// What it does.
        what: &'static str,
    },
    /// An export has two roles that need different treatment.
    #[error("the core export `{0}` is lifted and also allocates for the host")]
    Roles(String),
    /// An index beyond the end of its space, which validation excludes.
    #[error("{0} does not exist")]
    Index(&'static str),
    /// Something cannot be written again.
    #[error("part of the component cannot be encoded again: {0}")]
    Encode(String),
    /// A mistake in this pass.
    #[error("the metered {what} does not validate")]
    InvalidOutput {
        /// `module` or `component`.
        what: &'static str,
        /// What the validator said.
        source: wasmparser::Error,
    },
}

impl From<wasm_encoder::reencode::Error<MeterError>> for MeterError {
    fn from(error: wasm_encoder::reencode::Error<MeterError>) -> Self {
        match error {
            wasm_encoder::reencode::Error::UserError(error) => error,
            wasm_encoder::reencode::Error::ParseError(error) => Self::Read(error),
            other => Self::Encode(other.to_string()),
        }
    }
}
