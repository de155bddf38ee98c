//! Values against JSON Schema, 2020-12 unless the schema says otherwise.
//!
//! Schemas come from strangers. What a value costs is bounded: a validation spends steps ([`Effort`]), and
//! ends without a result when it has none left; patterns are bounded when they are compiled; and no more errors are
//! collected than are told.

mod effort;
mod metered;
mod patterns;
mod tell;

use std::sync::OnceLock;

use jsonschema::{ValidationError, Validator as Compiled};
use serde_json::Value;
use wxmcp_run::{Charge, Ledger, OverBudget, size_of};

use crate::numbers::{
    Doubt, Inexact, has_inexact_integer, inexact_integers, is_rounded_when_read, made_fractional,
    may_have_been_rounded,
};
use metered::{Metered, STEP, Step, metered, weight_up_to};
use patterns::Patterns;
use tell::{shown, tell};

pub use effort::{Effort, Stop, Unfinished};

/// Most mismatches of one value that an error names.
const MAX_MISMATCHES: usize = 5;

/// Errors of one value that are looked at.
const MAX_ERRORS: usize = 100;

/// How deep alternatives inside alternatives are looked into.
const MAX_DEPTH: u8 = 8;

/// Bytes that errors of one value may take while the first few of them are found.
const MAX_TELLING: u64 = 16 << 20;

/// The same of a light value: so much, and more for each byte that it weighs.
const MIN_TELLING: u64 = 256 << 10;
const TELLING_PER_BYTE: u64 = 16;

/// Bytes that a doubtful number takes with its place.
const INEXACT: u64 = 256;

/// Words of schemas that cost no more than to read schema and value once.
const CHEAP: [&str; 28] = [
    "$schema",
    "$comment",
    "title",
    "description",
    "default",
    "example",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
];

/// Longest list of constants that is cheap.
const FEW: usize = 32;

/// Most properties of one object that are cheap.
const MANY: usize = 256;

/// A schema, compiled. Patterns are matched in linear time where that is possible, and
/// references lead nowhere outside the schema.
#[derive(Debug)]
pub struct Validator {
    /// Of a schema that is cheap: without our keyword, and so the fastest.
    plain: Option<Compiled>,
    metered: OnceLock<Option<Compiled>>,
    schema: Value,
    patterns: Patterns,
    held: Charge,
}

/// Why a schema was not compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCompiled {
    /// Values cannot be validated against it.
    #[error("{0}")]
    Unusable(String),
    /// There is no room for it.
    #[error(transparent)]
    OverBudget(#[from] OverBudget),
    /// Nobody waits for it any more.
    #[error("it was stopped")]
    Stopped,
}

impl From<String> for NotCompiled {
    fn from(why: String) -> Self {
        Self::Unusable(why)
    }
}

/// One way in which a value does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where in the value, a JSON pointer; empty for the whole.
    pub path: String,
    /// What was expected and what came.
    pub message: String,
}

/// Which integers that are written as floating-point numbers are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Those so large that they may stand for another one (JavaScript reads `9007199254740993` as
    /// `9007199254740992`).
    MayHaveBeen,
    /// Those like `9007199254740993.0` that their reader would round.
    WillBe,
}

impl Validator {
    /// Compiles a schema. Patterns that look around or back are tried for so many steps;
    /// what did not match by then does not match.
    ///
    /// # Errors
    ///
    /// Why values cannot be validated against it: it is not a valid schema, refers to something
    /// outside itself or that is not there, or to itself without end; or it, or its patterns, are too large when they
    /// are compiled.
    pub fn new(schema: &Value) -> Result<Self, String> {
        let compiled = Self::charged(schema, &Ledger::unbounded(), &Stop::default());
        compiled.map_err(|error| error.to_string())
    }

    /// The same, charged before it is compiled and while it is kept.
    ///
    /// # Errors
    ///
    /// The same, or that there is no room for it, or that nobody waits for it any more.
    pub fn charged(schema: &Value, ledger: &Ledger, stop: &Stop) -> Result<Self, NotCompiled> {
        if refers_to_itself(schema) {
            return Err("it refers to itself without end".to_owned().into());
        }
        let Metered {
            schema: metered,
            bytes,
            patterns,
        } = metered(schema)?;
        let mut held = ledger.charge(bytes)?;
        let Some(patterns) = Patterns::new(&patterns, stop)? else {
            return Err(NotCompiled::Stopped);
        };
        held.grow(patterns.bytes)?;
        let plain = match is_cheap(schema) {
            true => Some(compiled(schema, &patterns)?),
            false => None,
        };
        let validator = Self {
            held,
            plain,
            metered: OnceLock::new(),
            schema: metered,
            patterns,
        };
        if validator.plain.is_none() {
            let compiled = compiled(&validator.schema, &validator.patterns)?;
            // Nobody else has it yet.
            let _first = validator.metered.set(Some(compiled));
        }
        Ok(validator)
    }

    /// Whether checking takes no longer than reading schema and value once.
    pub fn is_cheap(&self) -> bool {
        self.plain.is_some()
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> u64 {
        self.held.bytes()
    }

    /// The first few ways in which a value does not fit; none if it does.
    ///
    /// # Errors
    ///
    /// Why it was not found out.
    pub fn check(
        &self,
        value: &Value,
        rounding: Rounding,
        effort: &Effort,
    ) -> Result<Vec<Mismatch>, Unfinished> {
        if !self.fits(value, effort)? {
            return self.told(value, effort);
        }
        match rounding {
            Rounding::MayHaveBeen => self.rounded(value, effort),
            Rounding::WillBe => self.misread(value, effort),
        }
    }

    fn fits(&self, value: &Value, effort: &Effort) -> Result<bool, Unfinished> {
        match (&self.plain, self.metered.get()) {
            (Some(plain), _) => Ok(plain.is_valid(value)),
            (None, Some(Some(metered))) => effort.spend_on(|| metered.is_valid(value)),
            (None, _) => Ok(true),
        }
    }

    fn metered(&self) -> Option<&Compiled> {
        // What was compiled without the keyword is compiled with it.
        let compile = || compiled(&self.schema, &self.patterns).ok();
        self.metered.get_or_init(compile).as_ref()
    }

    /// Where a value that fits has a floating-point number for an integer, so large that it may
    /// stand for another one; the first few.
    fn rounded(&self, value: &Value, effort: &Effort) -> Result<Vec<Mismatch>, Unfinished> {
        self.doubtful(value, may_have_been_rounded, effort, |digits| {
            format!(
                "{digits} comes as a floating-point number, which may stand for another integer: \
                 give an integer (`{digits}n` in JavaScript)"
            )
        })
    }

    /// Where a value that fits has `9007199254740993.0` for an integer, which its reader
    /// would round; the first few.
    fn misread(&self, value: &Value, effort: &Effort) -> Result<Vec<Mismatch>, Unfinished> {
        self.doubtful(value, is_rounded_when_read, effort, |digits| {
            format!("{digits} is written as a floating-point number, and none is that integer")
        })
    }

    fn doubtful(
        &self,
        value: &Value,
        doubt: Doubt,
        effort: &Effort,
        say: fn(&str) -> String,
    ) -> Result<Vec<Mismatch>, Unfinished> {
        if !has_inexact_integer(value, doubt) {
            return Ok(Vec::new());
        }
        let found = inexact_integers(value, doubt).saturating_mul(INEXACT);
        let _held: Charge = effort.ledger.charge(size_of(value).saturating_add(found))?;
        let mut fractional = value.clone();
        let mut inexact = Vec::new();
        made_fractional(&mut fractional, "", doubt, &mut inexact);
        if self.fits(&fractional, effort)? {
            return Ok(Vec::new());
        }
        // What fits no more wants integers.
        let wrong = self.errors(&fractional, effort, |error| {
            error.instance_path().to_string()
        })?;
        let wrong = wrong.unwrap_or_else(|| vec![String::new()]);
        let told = inexact
            .into_iter()
            .filter(|one| wrong.iter().any(|path| one.path.starts_with(path)))
            .take(MAX_MISMATCHES)
            .map(|Inexact { path, digits }| Mismatch {
                path: shown(&path),
                message: shown(say(&digits)),
            });
        Ok(told.collect())
    }

    fn told(&self, value: &Value, effort: &Effort) -> Result<Vec<Mismatch>, Unfinished> {
        let each = self.errors(value, effort, |error| {
            let mut told = Vec::new();
            tell(&error, MAX_DEPTH, &mut told);
            told
        })?;
        let Some(each) = each else {
            return Ok(vec![Mismatch {
                path: String::new(),
                message: "it does not fit, and is too large to tell where".to_owned(),
            }]);
        };
        Ok(each.into_iter().flatten().take(MAX_MISMATCHES).collect())
    }

    /// What some function makes of the first errors of a value: of the first alone where all would take
    /// too much memory, and nothing where even that does.
    fn errors<T>(
        &self,
        value: &Value,
        effort: &Effort,
        of: impl Fn(ValidationError<'_>) -> T,
    ) -> Result<Option<Vec<T>>, Unfinished> {
        let Some(metered) = self.metered() else {
            return Ok(None);
        };
        let most = weight_up_to(value, MAX_TELLING).saturating_mul(TELLING_PER_BYTE);
        let most = most.saturating_add(MIN_TELLING).min(MAX_TELLING);
        let Ok(_held) = effort.ledger.charge(most) else {
            return Ok(None);
        };
        let all = effort.spend_with(most, || {
            let errors = metered.iter_errors(value).take(MAX_ERRORS);
            errors.map(&of).collect()
        });
        let first = match all {
            Err(Unfinished::Bytes | Unfinished::Steps(_)) => effort.spend_with(most, || {
                let error = metered.validate(value).err();
                error.map(&of).into_iter().collect()
            }),
            other => other,
        };
        match first {
            Ok(told) => Ok(Some(told)),
            Err(Unfinished::Bytes | Unfinished::Steps(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }
}

/// Compiles a schema whose patterns are known.
fn compiled(schema: &Value, patterns: &Patterns) -> Result<Compiled, String> {
    let costs = patterns.clone();
    patterns
        .options()
        .with_keyword(STEP, move |words, value, place| {
            Step::keyword(words, value, place, |pattern| costs.cost(pattern))
        })
        .build(schema)
        .map_err(|error| shown(&error))
}

/// Whether a value is so light that it may be looked at where others wait.
pub fn is_light(value: &Value, most: u64) -> bool {
    weight_up_to(value, most) <= most
}

fn is_cheap(schema: &Value) -> bool {
    let Value::Object(words) = schema else {
        return true;
    };
    words.iter().all(|(word, says)| {
        let is_few = |value: &Value| matches!(value, Value::Array(items) if items.len() <= FEW);
        match word.as_str() {
            "properties" => says
                .as_object()
                .is_some_and(|it| it.len() <= MANY && it.values().all(is_cheap)),
            "items" => !says.is_array() && is_cheap(says),
            "additionalProperties" => is_cheap(says),
            "enum" => is_few(says) && is_light(says, 4 << 10),
            "required" => is_few(says),
            "const" => is_light(says, 4 << 10),
            word => CHEAP.contains(&word),
        }
    })
}

/// Whether a schema is nothing but a way back to itself.
fn refers_to_itself(schema: &Value) -> bool {
    let reference = |schema: &Value| {
        schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| reference.strip_prefix('#'))
            .map(str::to_owned)
    };
    let mut all = vec![schema];
    while let Some(next) = all.pop() {
        match next {
            Value::Object(members) => all.extend(members.values()),
            Value::Array(items) => all.extend(items),
            _ => {}
        }
        let (mut at, mut steps) = (next, 0);
        while let Some(target) = reference(at).and_then(|pointer| schema.pointer(&pointer)) {
            steps += 1;
            if steps > 100 {
                return true;
            }
            at = target;
        }
    }
    false
}

#[cfg(test)]
mod tests;
