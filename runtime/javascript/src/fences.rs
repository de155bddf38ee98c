//! The code inside Markdown: models answer with programs in fences.

use std::borrow::Cow;

use super::{Dialect, SourceError, depth, parse};

const SEVERAL: &str = "the source holds several Markdown code blocks: give one program";

/// The code of a source on its original lines: what a Markdown fence holds if the source begins
/// with one, or is no program and has one.
///
/// # Errors
///
/// Several code blocks are refused: to take one would lose the others.
pub(super) fn without_fences(source: &str, dialect: Dialect) -> Result<Cow<'_, str>, SourceError> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    if !source.contains("```") && !source.contains("~~~") {
        return Ok(Cow::Borrowed(source));
    }
    let lines: Vec<&str> = source.split('\n').collect();
    let is_text = |line: &&str| !line.trim().is_empty();
    let first = lines.iter().position(is_text).unwrap_or(0);
    let last = lines.iter().rposition(is_text).unwrap_or(0);
    let begins = lines.get(first).and_then(|line| Fence::of(line));
    if let Some(fence) = begins
        && closing(&lines, first, fence).is_none_or(|end| end == last)
    {
        let end = closing(&lines, first, fence).unwrap_or(lines.len());
        return Ok(Cow::Owned(taken(&lines, first, end)));
    }
    if begins.is_some() {
        // A text in the code may look like the end of the fence.
        let whole = taken(&lines, first, last);
        let is_closed = lines
            .get(last)
            .is_some_and(|line| begins.is_some_and(|it| it.is_closed_by(line)));
        if is_closed && is_program(&whole, dialect) {
            return Ok(Cow::Owned(whole));
        }
    } else if is_program(source, dialect) {
        return Ok(Cow::Borrowed(source));
    }
    let blocks = blocks(&lines);
    match blocks.as_slice() {
        [] => Ok(Cow::Borrowed(source)),
        &[(start, end)] => {
            // A fence inside a text of the program is none.
            let before = lines.get(..start).unwrap_or_default();
            let quotes: usize = before.iter().map(|line| line.matches('`').count()).sum();
            match quotes % 2 {
                0 => Ok(Cow::Owned(taken(&lines, start, end))),
                _ => Ok(Cow::Borrowed(source)),
            }
        }
        [_, (second, _), ..] => {
            let before = lines.get(..*second).unwrap_or_default();
            let place: usize = before.iter().map(|line| line.len().saturating_add(1)).sum();
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            Err(SourceError::at(source, place, SEVERAL))
        }
    }
}

fn is_program(source: &str, dialect: Dialect) -> bool {
    let read = || {
        let allocator = oxc_allocator::Allocator::default();
        parse(&allocator, source, dialect).map(|_| ())
    };
    depth::with_stack(source, dialect, read).is_ok()
}

/// At least three backticks or tildes; it is closed by at least as many.
#[derive(Clone, Copy)]
struct Fence {
    mark: char,
    count: usize,
}

impl Fence {
    fn of(line: &str) -> Option<Self> {
        let line = line.trim();
        let mark = line
            .chars()
            .next()
            .filter(|mark| matches!(mark, '`' | '~'))?;
        let label = line.trim_start_matches(mark);
        let count = line.len().saturating_sub(label.len());
        (count >= 3 && !label.contains('`')).then_some(Self { mark, count })
    }

    fn is_closed_by(self, line: &str) -> bool {
        let line = line.trim();
        line.len() >= self.count && line.chars().all(|mark| mark == self.mark)
    }
}

/// The line that closes the fence of line `start`.
fn closing(lines: &[&str], start: usize, fence: Fence) -> Option<usize> {
    let start = start.saturating_add(1);
    let inside = lines.get(start..).unwrap_or_default();
    let end = inside.iter().position(|line| fence.is_closed_by(line))?;
    Some(start.saturating_add(end))
}

/// The lines of the fences that open and close each block.
fn blocks(lines: &[&str]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        if let Some(fence) = Fence::of(line) {
            let end = closing(lines, at, fence).unwrap_or(lines.len());
            found.push((at, end));
            at = end;
        }
        at = at.saturating_add(1);
    }
    found
}

/// What stands between two lines, on its own lines.
fn taken(lines: &[&str], start: usize, end: usize) -> String {
    let inside = lines.get(start.saturating_add(1)..end).unwrap_or_default();
    format!(
        "{}{}",
        "\n".repeat(start.saturating_add(1)),
        inside.join("\n")
    )
}
