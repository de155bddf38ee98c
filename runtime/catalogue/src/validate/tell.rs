//! How a value does not fit, in a few words.

use std::fmt::{self, Display, Write};

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::{JsonType, ValidationError};

use super::Mismatch;
use crate::text::shorten;

/// Longest text of one mismatch, in bytes.
const MAX_MESSAGE_BYTES: usize = 300;

/// Most alternatives that an error names.
const MAX_ALTERNATIVES: usize = 10;

/// Tells an error. Of alternatives that all fail, it tells what is wrong with the one
/// that must be meant, or with each.
pub(super) fn tell(error: &ValidationError<'_>, depth: u8, told: &mut Vec<Mismatch>) {
    let alternatives = match error.kind() {
        ValidationErrorKind::AnyOf { context } => context.as_slice(),
        ValidationErrorKind::OneOfNotValid { context } => context.as_slice(),
        _ => &[],
    };
    let meant = meant(alternatives, error);
    match (meant.as_slice(), depth.checked_sub(1)) {
        ([one], Some(depth)) => one.iter().for_each(|error| tell(error, depth, told)),
        (several, Some(depth)) if several.len() > 1 => {
            let each = several.iter().take(MAX_ALTERNATIVES).filter_map(|errors| {
                let constant = errors.iter().find(|error| is_constant(error));
                let mut first = Vec::new();
                tell(constant.or(errors.first())?, depth, &mut first);
                first.into_iter().next()
            });
            let each: Vec<Mismatch> = each.collect();
            let path = shown(error.instance_path());
            let words: Vec<String> = each
                .iter()
                .map(|one| match one.path.strip_prefix(path.as_str()) {
                    None | Some("") => one.message.clone(),
                    Some(inner) => format!("{inner}: {}", one.message),
                })
                .collect();
            told.push(Mismatch {
                path,
                message: shorten(&words.join(", and "), MAX_MESSAGE_BYTES),
            });
        }
        _ => told.push(Mismatch {
            path: shown(error.instance_path()),
            message: shown(error),
        }),
    }
}

/// What is wrong with one alternative.
type Errors = [ValidationError<'static>];

/// The alternatives that a value may have been meant for: those whose constants its
/// members have (`kind: "circle"`), and not that it could have been null.
fn meant<'c>(
    alternatives: &'c [Vec<ValidationError<'static>>],
    whole: &ValidationError<'_>,
) -> Vec<&'c Errors> {
    let place = whole.instance_path();
    let is_of_another_kind =
        |error: &ValidationError<'_>| error.instance_path() != place && is_constant(error);
    let not_null: Vec<&Errors> = alternatives
        .iter()
        .map(Vec::as_slice)
        .filter(|errors| !errors.iter().any(is_only_null))
        .collect();
    let closest: Vec<&Errors> = not_null
        .iter()
        .copied()
        .filter(|errors| !errors.iter().any(is_of_another_kind))
        .collect();
    if closest.is_empty() {
        not_null
    } else {
        closest
    }
}

fn is_constant(error: &ValidationError<'_>) -> bool {
    matches!(
        error.kind(),
        ValidationErrorKind::Constant { .. } | ValidationErrorKind::Enum { .. }
    )
}

fn is_only_null(error: &ValidationError<'_>) -> bool {
    matches!(
        error.kind(),
        ValidationErrorKind::Type {
            kind: TypeKind::Single(JsonType::Null)
        }
    )
}

/// What something says, of which no more is written than is shown.
pub(super) fn shown(what: impl Display) -> String {
    /// Takes no more than so much.
    struct Short(String);

    impl Write for Short {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.push_str(&shorten(text, 2 * MAX_MESSAGE_BYTES));
            match self.0.len() > MAX_MESSAGE_BYTES {
                true => Err(fmt::Error),
                false => Ok(()),
            }
        }
    }

    let mut short = Short(String::new());
    // What ends early is cut.
    let _ = write!(short, "{what}");
    shorten(&short.0, MAX_MESSAGE_BYTES)
}
