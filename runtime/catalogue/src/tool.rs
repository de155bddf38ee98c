//! One tool of any provider.

use std::io;
use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};

use crate::digest::Digest;
use crate::envelope;
use crate::names::{MAX_CALLED_NAME_BYTES, NameError, check_name};
use crate::schema::{MAX_SCHEMA_BYTES, MAX_SCHEMA_DEPTH, is_within_depth};
use crate::text::{MAX_DESCRIPTION_BYTES, clean};

/// A tool as its owner defines it, before anything is checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    /// The tool's own name.
    pub name: String,
    /// What the owner says of it; may be empty.
    pub description: String,
    /// JSON Schema of the arguments. `null` stands for none given.
    pub input_schema: Value,
    /// JSON Schema of the answer, where one is declared.
    pub output_schema: Option<Value>,
}

/// What is odd about a definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// Its name is odd.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A schema is not a JSON Schema: neither an object nor a boolean.
    #[error("the {which} schema is not an object")]
    NotASchema {
        /// `input` or `output`.
        which: &'static str,
    },
    /// A schema is nested deeper than [`MAX_SCHEMA_DEPTH`].
    #[error("the {which} schema is nested deeper than {MAX_SCHEMA_DEPTH} levels")]
    TooDeep {
        /// `input` or `output`.
        which: &'static str,
    },
    /// A schema is larger than [`MAX_SCHEMA_BYTES`].
    #[error("the {which} schema is larger than {MAX_SCHEMA_BYTES} bytes")]
    TooLarge {
        /// `input` or `output`.
        which: &'static str,
    },
    /// The definition is no JSON object.
    #[error("the definition is {found}, not an object")]
    NotAnObject {
        /// What it is.
        found: &'static str,
    },
    /// There is no name in it.
    #[error("it has no name")]
    NoName,
    /// What must be text is something else.
    #[error("the {which} is {found}, not text")]
    NotText {
        /// `name` or `description`.
        which: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// The same namespace defines the name twice, differently.
    #[error("the name is defined more than once, differently: no schema is known to be the tool's")]
    Ambiguous,
    /// The same namespace defines the name twice, in the same words.
    #[error("the name is defined more than once, in the same words")]
    Repeated,
}

/// A tool whose parts are bounded and whose prose is safe to show.
#[derive(Clone, Debug)]
pub struct Tool {
    name: String,
    description: String,
    /// Shared: a copy of a large schema takes 32 times its text.
    input_schema: Arc<Value>,
    output_schema: Option<Arc<Value>>,
    wraps_result: bool,
    learned_output: Option<Arc<Value>>,
    /// Of a tool that is kept as it was defined, made when it is first asked for.
    digest: OnceLock<Digest>,
}

impl Tool {
    /// Checks and cleans a definition. The digest is of the definition as it
    /// came, before cleaning.
    ///
    /// # Errors
    ///
    /// Definitions whose name or schemas cannot be kept.
    pub fn new(definition: Definition) -> Result<Self, DefinitionError> {
        check_name(&definition.name)?;
        if !definition.input_schema.is_null() {
            check_schema("input", &definition.input_schema)?;
        }
        if let Some(schema) = &definition.output_schema {
            check_schema("output", schema)?;
        }
        Ok(Self::made_of(definition))
    }

    /// The same for a stranger's definition: only one whose name cannot be called is
    /// refused. What else is odd is added to `odd`. A schema that cannot be kept is left
    /// out: then it is the owner who checks.
    pub(crate) fn lenient(
        mut definition: Definition,
        odd: &mut Vec<DefinitionError>,
    ) -> Result<Self, DefinitionError> {
        let bytes = definition.name.len();
        if bytes == 0 || bytes > MAX_CALLED_NAME_BYTES {
            check_name(&definition.name)?;
        }
        if !definition.input_schema.is_null()
            && let Err(reason) = check_schema("input", &definition.input_schema)
        {
            odd.push(reason);
            definition.input_schema = Value::Null;
        }
        if let Some(schema) = &definition.output_schema
            && let Err(reason) = check_schema("output", schema)
        {
            odd.push(reason);
            definition.output_schema = None;
        }
        if let Err(reason) = check_name(&definition.name) {
            odd.push(reason.into());
        }
        Ok(Self::made_of(definition))
    }

    /// The tool without schemas of its own: nothing is known of its arguments.
    pub(crate) fn unchecked(self) -> Self {
        Self::made_of(Definition {
            name: self.name,
            description: self.description,
            input_schema: Value::Null,
            output_schema: None,
        })
    }

    fn made_of(definition: Definition) -> Self {
        let input_schema = match definition.input_schema {
            Value::Null => json!({"type": "object"}),
            schema => schema,
        };
        let description = clean(&definition.description, MAX_DESCRIPTION_BYTES);
        let digest = OnceLock::new();
        if description != definition.description || definition.output_schema.is_some() {
            let _first = digest.set(Digest::of(
                &definition.name,
                &definition.description,
                &input_schema,
                definition.output_schema.as_ref(),
            ));
        }
        let (output_schema, wraps_result) = match definition.output_schema.map(envelope::opened) {
            Some((schema, wraps_result)) => (Some(Arc::new(schema)), wraps_result),
            None => (None, false),
        };
        Self {
            description,
            name: definition.name,
            input_schema: Arc::new(input_schema),
            output_schema,
            wraps_result,
            learned_output: None,
            digest,
        }
    }

    /// The tool's own name, as its owner spells it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its owner says of it, cleaned and bounded.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// JSON Schema of the arguments.
    pub fn input_schema(&self) -> &Value {
        &self.input_schema
    }

    /// JSON Schema of the answer as scripts get it, where one is declared.
    pub fn output_schema(&self) -> Option<&Value> {
        self.output_schema.as_deref()
    }

    /// Both schemas, not copied.
    pub fn schemas(&self) -> (Arc<Value>, Option<Arc<Value>>) {
        (Arc::clone(&self.input_schema), self.output_schema.clone())
    }

    /// About how many bytes its whole description takes; more than `most` if it is more.
    pub fn told_bytes(&self, most: usize) -> usize {
        let schemas = std::iter::once(&self.input_schema).chain(&self.output_schema);
        schemas.fold(self.description.len(), |sum, schema| {
            let left = most.saturating_sub(sum);
            sum.saturating_add(at_most_of(schema, left))
        })
    }

    /// Whether the owner answers `{"result": ..}` with what [`Self::output_schema`] describes
    /// inside.
    pub fn wraps_result(&self) -> bool {
        self.wraps_result
    }

    /// JSON Schema of what answers have looked like, where that was learned. The tool does
    /// not promise it, so answers are not validated against it.
    pub fn learned_output(&self) -> Option<&Value> {
        self.learned_output.as_deref()
    }

    /// The tool with what its answers have looked like. Without effect on a tool that
    /// declares its answers.
    #[must_use]
    pub fn with_learned_output(mut self, schema: Option<Value>) -> Self {
        let learned = schema.filter(|_| self.output_schema.is_none());
        self.learned_output = learned.map(Arc::new);
        self
    }

    /// Fingerprint of the definition as its owner sent it.
    pub fn digest(&self) -> Digest {
        let kept = || Digest::of(&self.name, &self.description, &self.input_schema, None);
        *self.digest.get_or_init(kept)
    }
}

/// Refuses a schema that cannot be kept.
pub(crate) fn check_schema(which: &'static str, schema: &Value) -> Result<(), DefinitionError> {
    if !schema.is_object() && !schema.is_boolean() {
        return Err(DefinitionError::NotASchema { which });
    }
    // Depth first: measuring the size recurses.
    if !is_within_depth(schema, MAX_SCHEMA_DEPTH) {
        return Err(DefinitionError::TooDeep { which });
    }
    if at_most(schema) <= MAX_SCHEMA_BYTES {
        return Ok(());
    }
    let mut written = Written(0);
    if serde_json::to_writer(&mut written, schema).is_err() || written.0 > MAX_SCHEMA_BYTES {
        return Err(DefinitionError::TooLarge { which });
    }
    Ok(())
}

/// Most bytes that a value takes when it is written: found faster than by writing it.
fn at_most(value: &Value) -> usize {
    /// Most bytes of one byte of text: `\u0000`.
    const ESCAPED: usize = 6;
    let text = |text: &str| text.len().saturating_mul(ESCAPED).saturating_add(2);
    match value {
        Value::Null | Value::Bool(_) => 5,
        Value::Number(number) => number.as_str().len(),
        Value::String(it) => text(it),
        Value::Array(items) => items.iter().fold(2, |sum: usize, item| {
            sum.saturating_add(1).saturating_add(at_most(item))
        }),
        Value::Object(members) => members.iter().fold(2, |sum: usize, (name, member)| {
            let name = text(name).saturating_add(2);
            sum.saturating_add(name).saturating_add(at_most(member))
        }),
    }
}

/// The same, of no more of it than is needed to find that it is more than `most`.
fn at_most_of(value: &Value, most: usize) -> usize {
    let mut open = vec![value];
    let mut bytes: usize = 0;
    while let Some(next) = open.pop().filter(|_| bytes <= most) {
        let own = match next {
            Value::Array(items) => {
                open.extend(items);
                items.len().saturating_add(2)
            }
            Value::Object(members) => {
                open.extend(members.values());
                let names = members.keys().map(|name| name.len().saturating_add(4));
                names.fold(2, usize::saturating_add)
            }
            Value::String(text) => text.len().saturating_add(2),
            scalar => at_most(scalar),
        };
        bytes = bytes.saturating_add(own);
    }
    bytes
}

/// Counts bytes, and keeps none.
struct Written(usize);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(input_schema: Value) -> Definition {
        Definition {
            name: "read".to_owned(),
            description: "Reads.".to_owned(),
            input_schema,
            output_schema: None,
        }
    }

    #[test]
    fn descriptions_are_bounded_and_cleaned_but_digested_as_sent() {
        let mut hostile = definition(Value::Null);
        hostile.description = "Reads.\u{200B}".to_owned() + &"x".repeat(1 << 20);
        let hostile = Tool::new(hostile).unwrap();
        assert!(hostile.description().len() <= MAX_DESCRIPTION_BYTES);
        assert!(hostile.description().starts_with("Reads.x"));
        let plain = Tool::new(definition(Value::Null)).unwrap();
        assert_eq!(plain.description(), "Reads.");
        assert_ne!(plain.digest(), hostile.digest());
    }

    #[test]
    fn no_schema_is_longer_than_it_is_told() {
        for value in [
            json!(null),
            json!([false, true, -1.5e300, 12345678901234567890_u64, [], {}]),
            json!({"\u{0}\"": "\u{1}\u{7f}\\é😀\n", "": [{"a": "\u{1f}".repeat(9)}]}),
        ] {
            assert!(at_most(&value) >= value.to_string().len(), "{value}");
        }
        // Neither is one refused that is told longer than it is.
        let long = "x".repeat(MAX_SCHEMA_BYTES / 2);
        assert!(Tool::new(definition(json!({ "title": long }))).is_ok());
    }

    #[test]
    fn schemas_that_cannot_be_kept_are_named() {
        let mut deep = json!({});
        for _ in 0..100 {
            deep = json!({ "items": deep });
        }
        for (schema, error) in [
            (json!(3), DefinitionError::NotASchema { which: "input" }),
            (deep, DefinitionError::TooDeep { which: "input" }),
            (
                json!({"title": "x".repeat(MAX_SCHEMA_BYTES)}),
                DefinitionError::TooLarge { which: "input" },
            ),
        ] {
            assert_eq!(Tool::new(definition(schema)).err(), Some(error));
        }
        assert!(Tool::new(definition(json!(true))).is_ok());
    }
}
