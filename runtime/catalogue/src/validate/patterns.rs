//! Regular expressions of schemas: how large they may be, and what they cost.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::{PatternOptions, ValidationOptions};
use serde_json::{Value, json};

use super::effort::Stop;
use super::metered::count;
use crate::text::shorten;

/// Sizes of compiled patterns that are told apart, in bytes: more than the last is not compiled.
const SIZES: [usize; 5] = [4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20];

/// Bytes of a pattern for which eight bytes of text are one step.
const SIZE_OF_STEP: u64 = 16 << 10;

/// Most bytes of what is kept while one pattern is matched.
const MATCHING: usize = 64 << 10;

/// Most bytes of all patterns of one schema.
const MAX_PATTERNS: u64 = 16 << 20;

/// Steps that a pattern may take which cannot be matched in linear time.
const MAX_BACKTRACKED: usize = 100_000;

/// Longest pattern that is repeated in a message, in bytes.
const MAX_SHOWN: usize = 60;

/// The patterns of one schema.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns {
    cost: BTreeMap<String, TextCost>,
    /// Bytes that they take.
    pub(super) bytes: u64,
    looks_around: bool,
}

/// What it costs to match a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TextCost {
    /// Steps for eight bytes.
    linear: u64,
    /// For what looks around or back: more the longer the text is.
    backtracks: bool,
}

impl Patterns {
    /// Compiles each pattern once, to learn whether it may be used. None if nobody waits for that any more.
    ///
    /// # Errors
    ///
    /// Which is none, or too large; or that all together are.
    pub(super) fn new(patterns: &BTreeSet<String>, stop: &Stop) -> Result<Option<Self>, String> {
        let mut all = Self::default();
        for pattern in patterns {
            // Each may take milliseconds, and there may be thousands.
            if stop.is_stopped() {
                return Ok(None);
            }
            let (size, backtracks) = size(pattern).ok_or_else(|| {
                let shown = shorten(pattern, MAX_SHOWN);
                let [.., most] = SIZES;
                format!("the pattern `{shown}` cannot be compiled within {most} bytes")
            })?;
            // Forwards, backwards, and what is kept while it matches.
            let matching = count(MATCHING).min(count(size).saturating_mul(4));
            let bytes = count(size).saturating_mul(2).saturating_add(matching);
            all.bytes = all.bytes.saturating_add(bytes);
            if all.bytes > MAX_PATTERNS {
                return Err(format!(
                    "its patterns take more than {MAX_PATTERNS} bytes when they are compiled"
                ));
            }
            all.looks_around |= backtracks;
            let linear = (count(size) / SIZE_OF_STEP).max(1);
            all.cost
                .insert(pattern.clone(), TextCost { linear, backtracks });
        }
        Ok(Some(all))
    }

    pub(super) fn cost(&self, pattern: &str) -> TextCost {
        self.cost.get(pattern).copied().unwrap_or_default()
    }

    /// How a schema with these patterns is compiled.
    pub(super) fn options<'i>(&self) -> ValidationOptions<'i> {
        let [.., most] = SIZES;
        if self.looks_around {
            backtracking(most)
        } else {
            linear(most)
        }
    }
}

/// The size that a pattern fits in, and whether it looks around or back.
fn size(pattern: &str) -> Option<(usize, bool)> {
    let schema = json!({ "pattern": pattern });
    let fits = |options: ValidationOptions<'_>, schema: &Value| options.build(schema).is_ok();
    let is_linear = |size: &usize| fits(linear(*size), &schema);
    if let Some(size) = SIZES.into_iter().find(is_linear) {
        return Some((size, false));
    }
    let backtracks = |size: &usize| fits(backtracking(*size), &schema);
    SIZES.into_iter().find(backtracks).map(|size| (size, true))
}

/// `format` is an annotation in every dialect: the tool itself decides which texts it takes.
fn options<'i>() -> ValidationOptions<'i> {
    jsonschema::options().should_validate_formats(false)
}

fn linear<'i>(size: usize) -> ValidationOptions<'i> {
    let patterns = PatternOptions::regex().size_limit(size);
    options().with_pattern_options(patterns.dfa_size_limit(MATCHING))
}

fn backtracking<'i>(size: usize) -> ValidationOptions<'i> {
    let patterns = PatternOptions::fancy_regex().size_limit(size);
    let patterns = patterns
        .dfa_size_limit(MATCHING)
        .backtrack_limit(MAX_BACKTRACKED);
    options().with_pattern_options(patterns)
}

impl TextCost {
    /// Steps to match a text.
    pub(super) fn of(self, text: &str) -> u64 {
        let bytes = count(text.len());
        let linear = bytes.saturating_mul(self.linear) / 8;
        match self.backtracks {
            // Each step back may look at the rest of the text.
            true => bytes
                .saturating_mul(100)
                .saturating_add(bytes.saturating_mul(bytes) / 64)
                .saturating_add(linear),
            false => linear,
        }
    }

    /// Both.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            linear: self.linear.saturating_add(other.linear),
            backtracks: self.backtracks || other.backtracks,
        }
    }

    pub(super) fn is_free(self) -> bool {
        self == Self::default()
    }
}
