//! Numbers between JSON and types of 64 bits, exactly or not at all.

use serde_json::{Number, Value as Json};

use super::value::{ConvertError, Converted, Reason};

/// 2^53: below it, every integer is a number of its own in 64 bits of floating point.
const MAX_EXACT: u64 = 9_007_199_254_740_992;

/// The integer that a number of JSON is, however it is spelled.
pub(super) fn integer(number: &Number) -> Option<i128> {
    number
        .as_i64()
        .map(i128::from)
        .or_else(|| number.as_u64().map(i128::from))
        .or_else(|| whole(number.as_f64()?))
}

/// The number in floating point, unless it is an integer that would be rounded.
pub(super) fn float(number: &Number) -> Converted<f64> {
    let float = number.as_f64().filter(|float| float.is_finite());
    let is_exact = number.is_f64() || float.and_then(whole) == integer(number);
    float
        .filter(|_| is_exact)
        .ok_or_else(|| ConvertError::new(Reason::Number("f64")))
}

/// The number in JSON: an integer where it is one, since many servers take `3.0` for no
/// integer.
pub(super) fn number(float: f64) -> Converted<Json> {
    let is_negative_zero = float == 0.0 && float.is_sign_negative();
    match whole(float).filter(|it| it.unsigned_abs() <= u128::from(MAX_EXACT)) {
        Some(integer) if !is_negative_zero => i64::try_from(integer)
            .map_err(|_| ConvertError::new(Reason::Number("f64")))
            .map(Json::from),
        _ => Number::from_f64(float)
            .map(Json::Number)
            .ok_or_else(|| ConvertError::new(Reason::NotFinite)),
    }
}

/// The number in floating point of 32 bits: the nearest to what is written, unless it is an
/// integer that would be rounded, or too large.
pub(super) fn single(number: &Number) -> Converted<f32> {
    let wrong = || ConvertError::new(Reason::Number("f32"));
    // Through the shortest decimal, which is what was written: rounding twice may differ.
    let single = number
        .as_f64()
        .and_then(|float| format!("{float:e}").parse::<f32>().ok())
        .filter(|single| single.is_finite())
        .ok_or_else(wrong)?;
    match integer(number) {
        Some(integer) if whole(f64::from(single)) != Some(integer) => Err(wrong()),
        _ => Ok(single),
    }
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
