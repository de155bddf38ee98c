//! The inverse: a function that a component exports, as a tool.
//!
//! Its parameters become a JSON Schema of arguments, its result one of answers, and values go
//! both ways. What the tools' own WIT says is read back as the same types, so that a component
//! that exports the function of a tool is that tool.
//!
//! | WIT | JSON |
//! |---|---|
//! | a record, the parameters | an object with exactly these members; a label's words joined by `_` |
//! | `option` as a field or a parameter | a member that may be absent |
//! | any other `option` | the value or `null`; `{"some": ..}` or `null` where the value may be `null` itself |
//! | `list<tuple<string, T>>` | an object whose keys are data, each once |
//! | `list`, `tuple` | an array; `list<u8>` too |
//! | `enum` | a string |
//! | `flags` | an object with a boolean for each |
//! | `variant` | what its case holds, where that tells which case it is: each holds something, and all are of different types of JSON, or objects with a member whose constants are of one case each. Else `{"tag": CASE}` or `{"tag": CASE, "value": ..}` |
//! | `result` as a value | `{"ok": ..}` or `{"error": ..}`, `null` inside where a side has no type |
//! | integers | an integer in the type's range, however it is spelled |
//! | `f32`, `f64` | a number. NaN and infinities, which JSON does not have, are errors; so are integers that would be rounded |
//! | `char` | a string of one character |
//!
//! A result of a function, other than a value, is an answer or an error: see [`Answer`].

mod answer;
mod convert;
mod encoding;
mod limits;
mod schema;
mod types;

pub use answer::{Answer, Failure};
pub use limits::{
    MAX_ENUM_CASES, MAX_FLAGS, MAX_LABEL_BYTES, MAX_MEMBERS, MAX_PARTS, MAX_TYPE_DEPTH, Refused,
    Room,
};
pub use types::{Case, Field, Integer, Labels, Record, Said, Type, Variant};

use serde_json::Value as Json;

use self::answer::Reading;
use self::encoding::{Encoding, Members};
use super::value::{ConvertError, Value};
use crate::tool::check_schema;

/// An exported function as a tool: what it takes and answers in JSON.
///
/// Conversions recurse as deep as the types are nested, which is bounded, and never as deep as
/// a value is.
#[derive(Clone, Debug)]
pub struct Export {
    parameters: Members,
    result: Reading,
    input_schema: Json,
    output_schema: Json,
}

impl Export {
    /// Reads the types of a function. They come from a component and are hostile: whoever
    /// expands them spends [`Room`] while doing so.
    ///
    /// # Errors
    ///
    /// Types that are larger than a tool's may be, with the limit.
    pub fn new(parameters: &[Field], result: Option<&Type>) -> Result<Self, Refused> {
        limits::check(parameters, result)?;
        let parameters = Members::of(parameters);
        let result = Reading::of(result);
        let input_schema = Json::Object(parameters.schema());
        let output_schema = result.schema();
        check_schema("input", &input_schema)?;
        check_schema("output", &output_schema)?;
        Ok(Self {
            parameters,
            result,
            input_schema,
            output_schema,
        })
    }

    /// The JSON Schema, 2020-12, of the arguments: an object with a member for each parameter
    /// and no others.
    pub fn input_schema(&self) -> &Json {
        &self.input_schema
    }

    /// The JSON Schema, 2020-12, of an answer; of `null` where the function answers nothing.
    pub fn output_schema(&self) -> &Json {
        &self.output_schema
    }

    /// The parameters that arguments stand for, in the function's order.
    ///
    /// # Errors
    ///
    /// Arguments that do not fit, with the place of what does not.
    pub fn parameters_of(&self, arguments: &Json) -> Result<Vec<Value>, ConvertError> {
        let fields = self.parameters.fields_of(arguments)?;
        Ok(fields.into_iter().map(|(_, value)| value).collect())
    }

    /// The arguments that parameters stand for.
    ///
    /// # Errors
    ///
    /// Parameters that are not of the function's types, or that JSON cannot hold.
    pub fn arguments_of(&self, parameters: &[Value]) -> Result<Json, ConvertError> {
        self.parameters.json_of(parameters.iter())
    }

    /// What a function's result means.
    ///
    /// # Errors
    ///
    /// Results that are not of the function's type, or that JSON cannot hold: floats that are
    /// not finite, keys given twice, text that should be JSON and is not.
    pub fn answer_of(&self, result: Option<&Value>) -> Result<Answer, ConvertError> {
        self.result.answer_of(result)
    }

    /// The result that a tool's answer stands for.
    ///
    /// # Errors
    ///
    /// An answer that does not fit, with the place of what does not.
    pub fn result_of(&self, answer: &Json) -> Result<Option<Value>, ConvertError> {
        self.result.result_of(answer)
    }
}

/// The JSON of one type, outside any function.
#[derive(Clone, Debug)]
pub struct Mapping(Encoding);

impl Mapping {
    /// Reads a type.
    ///
    /// # Errors
    ///
    /// A type that is larger than a tool's may be, with the limit.
    pub fn new(of: &Type) -> Result<Self, Refused> {
        limits::check(&[], Some(of))?;
        Ok(Self(Encoding::of(of)))
    }

    /// The JSON Schema, 2020-12, of its values.
    pub fn schema(&self) -> Json {
        self.0.schema()
    }

    /// The value that JSON stands for.
    ///
    /// # Errors
    ///
    /// JSON that does not fit, with the place of what does not.
    pub fn value_of(&self, json: &Json) -> Result<Value, ConvertError> {
        self.0.value_of(json)
    }

    /// The JSON that a value stands for.
    ///
    /// # Errors
    ///
    /// Values that are not of the type, or that JSON cannot hold.
    pub fn json_of(&self, value: &Value) -> Result<Json, ConvertError> {
        self.0.json_of(value)
    }
}
