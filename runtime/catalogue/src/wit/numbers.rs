//! Numbers between JSON and types of 64 bits, exactly or not at all.

use serde_json::{Number, Value as Json};

use super::value::{ConvertError, Converted, Reason};

/// What a number that does not fit is called where its digits say nothing.
const ANY: &str = "the number";

/// 2^53 - 1: up to it, no other integer is rounded to the same number in 64 bits of floating point.
const MAX_EXACT: u64 = 9_007_199_254_740_991;

/// The integer that a number of JSON is, however it is spelled, within 128 bits.
pub(super) fn integer(number: &Number) -> Option<i128> {
    number.as_i128().or_else(|| whole(number.as_f64()?))
}

/// The same for a type of integers: beyond 2^53 a floating-point number may stand for another one.
pub(super) fn exact_integer(number: &Number) -> Option<i128> {
    integer(number).filter(|it| !number.is_f64() || it.unsigned_abs() <= u128::from(MAX_EXACT))
}

/// The number in floating point, unless it is an integer that would be rounded.
pub(super) fn float(number: &Number) -> Converted<f64> {
    number
        .as_f64()
        .filter(|float| number.is_f64() || is_exactly(*float, number))
        .ok_or_else(|| misfit("f64", number))
}

/// Whether a float is the integer that digits stand for, however many they are.
fn is_exactly(float: f64, digits: &Number) -> bool {
    format!("{float:.0}") == digits.as_str()
}

/// That a number does not fit a type.
pub(super) fn misfit(of: &'static str, number: &Number) -> ConvertError {
    let is_long = || match number.as_i128() {
        Some(integer) => integer.unsigned_abs() > u128::from(MAX_EXACT),
        None => !number.is_f64(),
    };
    ConvertError::new(Reason::Number {
        of,
        number: if is_long() {
            number.to_string()
        } else {
            ANY.to_owned()
        },
    })
}

fn misfit_any(of: &'static str) -> ConvertError {
    ConvertError::new(Reason::Number {
        of,
        number: ANY.to_owned(),
    })
}

/// The number in JSON: an integer where it is one, since many servers take `3.0` for no
/// integer.
pub(super) fn number(float: f64) -> Converted<Json> {
    let is_negative_zero = float == 0.0 && float.is_sign_negative();
    match whole(float).filter(|it| it.unsigned_abs() <= u128::from(MAX_EXACT)) {
        Some(integer) if !is_negative_zero => i64::try_from(integer)
            .map_err(|_| misfit_any("f64"))
            .map(Json::from),
        _ => Number::from_f64(float)
            .map(Json::Number)
            .ok_or_else(|| ConvertError::new(Reason::NotFinite)),
    }
}

/// The number in floating point of 32 bits: the nearest to what is written, unless it is an
/// integer that would be rounded, or too large.
pub(super) fn single(number: &Number) -> Converted<f32> {
    let wrong = || misfit("f32", number);
    // Through the shortest decimal, which is what was written: rounding twice may differ.
    let single = number
        .as_f64()
        .and_then(|float| format!("{float:e}").parse::<f32>().ok())
        .filter(|single| single.is_finite())
        .ok_or_else(wrong)?;
    let is_exact = match integer(number) {
        Some(integer) => whole(f64::from(single)) == Some(integer),
        None => number.is_f64() || is_exactly(f64::from(single), number),
    };
    if is_exact { Ok(single) } else { Err(wrong()) }
}

/// The same in JSON: as exact as [`single`] needs it, and no longer.
pub(super) fn of_single(single: f32) -> Converted<Json> {
    if single.fract() == 0.0 {
        return number(f64::from(single));
    }
    let shortest = format!("{single:e}").parse::<f64>();
    number(shortest.unwrap_or_else(|_| f64::from(single)))
}

/// An integer that a number is, within 64 bits and a little.
pub(super) fn whole(float: f64) -> Option<i128> {
    // 2^64, exact.
    let is_near = float.abs() <= 18_446_744_073_709_551_616.0;
    if float.fract() == 0.0 && is_near {
        format!("{float:.0}").parse().ok()
    } else {
        None
    }
}
