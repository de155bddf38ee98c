//! A function that a component exports, as a tool.

use serde_json::{Map, Value as Json, json};
use wxmcp_catalogue::wit::exports::{
    Answer, Case, Export, Field, Integer, Labels, Record, Refused, Room, Said, Type, Variant,
};
use wxmcp_run::{ToolError, ToolErrorKind};
use wxmcp_sandbox::supplied::types::{ComponentFunc, Type as Found};
use wxmcp_sandbox::supplied::{TypedExport, Val};

use super::values::{from_engine, to_engine};

/// Why a function is not a tool.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// Its types are too large.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It has a type that no JSON stands for.
    #[error("no JSON stands for {0}")]
    NoJson(&'static str),
}

/// Reads the type of a function.
///
/// # Errors
///
/// When it cannot be a tool.
pub(crate) fn read(of: &ComponentFunc) -> Result<Export, ExportError> {
    let mut reader = Reader {
        room: Room::default(),
    };
    let mut parameters = Vec::new();
    for (label, of) in of.params() {
        reader.room.spend(1)?;
        parameters.push(field(label, reader.read(&of, 1)?));
    }
    let result = match of.results().next() {
        Some(of) => Some(reader.read(&of, 1)?),
        None => None,
    };
    Ok(Export::new(&parameters, result.as_ref())?)
}

fn field(label: &str, of: Type) -> Field {
    Field {
        label: label.to_owned(),
        of,
        docs: None,
    }
}

struct Reader {
    room: Room,
}

impl Reader {
    fn read(&mut self, of: &Found, depth: usize) -> Result<Type, ExportError> {
        self.room.spend_type(depth)?;
        let below = depth.saturating_add(1);
        Ok(match of {
            Found::Bool => Type::Bool,
            Found::S8 => Type::Integer(Integer::S8),
            Found::S16 => Type::Integer(Integer::S16),
            Found::S32 => Type::Integer(Integer::S32),
            Found::S64 => Type::Integer(Integer::S64),
            Found::U8 => Type::Integer(Integer::U8),
            Found::U16 => Type::Integer(Integer::U16),
            Found::U32 => Type::Integer(Integer::U32),
            Found::U64 => Type::Integer(Integer::U64),
            Found::Float32 => Type::F32,
            Found::Float64 => Type::F64,
            Found::Char => Type::Char,
            Found::String => Type::String,
            Found::Option(it) => Type::Option(self.boxed(&it.ty(), below)?),
            Found::List(it) => Type::List(self.boxed(&it.ty(), below)?),
            Found::FixedLengthList(it) => {
                let length = usize::try_from(it.len()).unwrap_or(usize::MAX);
                Type::FixedList(self.boxed(&it.ty(), below)?, length)
            }
            Found::Tuple(it) => {
                let items = it.types().map(|of| self.read(&of, below));
                Type::Tuple(items.collect::<Result<_, _>>()?)
            }
            Found::Record(it) => {
                let mut fields = Vec::new();
                for found in it.fields() {
                    self.room.spend(1)?;
                    fields.push(field(found.name, self.read(&found.ty, below)?));
                }
                let said = Said::default();
                Type::Record(Record { said, fields })
            }
            Found::Variant(it) => {
                let mut cases = Vec::new();
                for found in it.cases() {
                    self.room.spend(1)?;
                    cases.push(Case {
                        label: found.name.to_owned(),
                        of: self.side(found.ty.as_ref(), below)?,
                    });
                }
                let said = Said::default();
                Type::Variant(Variant { said, cases })
            }
            Found::Enum(it) => Type::Enum(self.labels(it.names())?),
            Found::Flags(it) => Type::Flags(self.labels(it.names())?),
            Found::Result(it) => Type::Result {
                ok: self.side(it.ok().as_ref(), below)?.map(Box::new),
                error: self.side(it.err().as_ref(), below)?.map(Box::new),
            },
            Found::Map(_) => return Err(ExportError::NoJson("a map")),
            Found::Own(_) | Found::Borrow(_) => return Err(ExportError::NoJson("a resource")),
            Found::Future(_) => return Err(ExportError::NoJson("a future")),
            Found::Stream(_) => return Err(ExportError::NoJson("a stream")),
            Found::ErrorContext => return Err(ExportError::NoJson("an error-context")),
        })
    }

    fn boxed(&mut self, of: &Found, depth: usize) -> Result<Box<Type>, ExportError> {
        self.read(of, depth).map(Box::new)
    }

    fn side(&mut self, of: Option<&Found>, depth: usize) -> Result<Option<Type>, ExportError> {
        of.map(|of| self.read(of, depth)).transpose()
    }

    fn labels<'a>(
        &mut self,
        labels: impl ExactSizeIterator<Item = &'a str>,
    ) -> Result<Labels, ExportError> {
        self.room.spend(labels.len())?;
        Ok(Labels {
            said: Said::default(),
            labels: labels.map(str::to_owned).collect(),
        })
    }
}

/// A function as the sandbox calls it.
pub(crate) struct ToolExport(pub(crate) Export);

impl TypedExport for ToolExport {
    fn parameters(&self, arguments: &Map<String, Json>) -> Result<Vec<Val>, String> {
        self.0
            .parameters_of(&Json::Object(arguments.clone()))
            .map(|values| values.into_iter().map(to_engine).collect())
            .map_err(|why| why.to_string())
    }

    fn value(&self, results: &[Val]) -> Result<Json, String> {
        let result = match results.first() {
            Some(result) => {
                let value = from_engine(result);
                Some(
                    value
                        .map_err(|why| format!("what the function answered is not taken: {why}"))?,
                )
            }
            None => None,
        };
        let answer = self.0.answer_of(result.as_ref());
        Ok(match answer.map_err(|why| why.to_string())? {
            Answer::Value(value) => json!({"value": value}),
            Answer::Failed(failure) => json!({"failed": {
                "kind": failure.kind,
                "message": failure.message,
                "data": failure.data,
            }}),
        })
    }
}

/// The answer of a tool, out of what [`ToolExport`] made the run's value.
///
/// # Errors
///
/// How the tool says that it failed.
pub(crate) fn answer(mut value: Json) -> Result<Json, ToolError> {
    if let Some(answer) = value.get_mut("value") {
        return Ok(answer.take());
    }
    let mut failed = value.get_mut("failed").map(Json::take).unwrap_or_default();
    let text = |key: &str| {
        failed
            .get(key)
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let (kind, message) = (text("kind"), text("message"));
    let data = failed.get_mut("data").map(Json::take).unwrap_or_default();
    // Errors of tools that it called keep their kind in words: it is the tool that failed.
    let data = match (kind.as_str(), data) {
        ("", Json::Null) => None,
        ("", data) => Some(data),
        (kind, Json::Null) => Some(json!({"kind": kind})),
        (kind, data) => Some(json!({"kind": kind, "data": data})),
    };
    Err(ToolError {
        kind: ToolErrorKind::ToolFailed,
        message,
        data,
    })
}
