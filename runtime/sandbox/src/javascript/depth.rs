//! Room on the stack for deeply nested source.
//!
//! The parser and the walks over its tree call themselves at each level of nesting.
//! A stack that overflows ends the process, so source is read on a stack that holds
//! whatever can be nested in it.

use super::SourceError;
use super::edits::{is_line_end, length};

/// Bytes of stack for one level. Measured: the worst, in a debug build, takes less
/// than half of it; see the test of this module.
const LEVEL: usize = 16 << 10;

/// Bytes of stack for everything else.
const BASE: usize = 1 << 20;

/// Nesting up to which the caller's stack will do: a thread costs 40 us.
const SHALLOW: usize = 40;

/// Deepest nesting that is read.
const DEEPEST: usize = 50_000;

/// Runs `read` where the nesting of `source` fits.
///
/// # Errors
///
/// Those of `read`; and source that is nested too deeply, or for which there is no
/// memory, is refused by name.
pub(super) fn with_stack<T: Send>(
    source: &str,
    read: impl FnOnce() -> Result<T, SourceError> + Send,
) -> Result<T, SourceError> {
    let (levels, place) = nesting(source);
    if levels > DEEPEST {
        return Err(SourceError::at(
            source,
            place,
            &format!("nested too deeply: more than {DEEPEST} levels"),
        ));
    }
    if levels <= SHALLOW {
        return read();
    }
    let size = BASE.saturating_add(levels.saturating_mul(LEVEL));
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(size)
            .spawn_scoped(scope, read)
            .ok()
            .and_then(|thread| thread.join().ok())
            .unwrap_or_else(|| Err(SourceError::at(source, 0, "the source cannot be read")))
    })
}

/// Statements that hold a statement without a bracket around it.
const HOLDERS: [&str; 6] = ["if", "else", "for", "while", "do", "with"];

/// Words that the expression goes on after, in whatever line.
const OPERATORS: [&str; 15] = [
    "typeof",
    "void",
    "delete",
    "await",
    "new",
    "async",
    "yield",
    "extends",
    "keyof",
    "infer",
    "as",
    "in",
    "of",
    "instanceof",
    "satisfies",
];

/// An upper bound of how deep anything can be nested, and the place where it is: what
/// is open, what may be the operators of one expression, and the statements that may
/// hold one another. Text in strings and comments counts too; it is only a bound.
fn nesting(source: &str) -> (usize, u32) {
    let (mut open, mut chain, mut holders) = (0_usize, 0_usize, 0_usize);
    let (mut deepest, mut place) = (0, 0_u32);
    // Whether a statement may have ended, and whether a line has since.
    let (mut may_end, mut line_ended) = (false, false);
    let mut rest = source;
    while let Some(character) = rest.chars().next() {
        let word = rest
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '$')))
            .unwrap_or(rest.len());
        let token = rest.get(..word.max(character.len_utf8())).unwrap_or(rest);
        let is_word = word > 0;
        if character.is_whitespace() {
            line_ended |= is_line_end(character);
        } else {
            let goes_on = !is_word || OPERATORS.contains(&token);
            if character == ';' || (may_end && line_ended && !goes_on) {
                chain = 0;
            }
            chain = chain.saturating_add(1);
            match character {
                '(' | '[' | '{' | '<' | '`' => open = open.saturating_add(1),
                ')' | ']' | '}' | '>' => open = open.saturating_sub(1),
                _ => {}
            }
            if HOLDERS.contains(&token) {
                holders = holders.saturating_add(1);
            }
            may_end = match is_word {
                true => !OPERATORS.contains(&token),
                false => matches!(character, ')' | ']' | '}' | '\'' | '"' | '`'),
            };
            line_ended = false;
            let levels = open.saturating_add(chain).saturating_add(holders);
            if levels > deepest {
                deepest = levels;
                place = length(source).saturating_sub(length(rest));
            }
        }
        rest = rest.get(token.len()..).unwrap_or_default();
    }
    (deepest, place)
}

#[cfg(test)]
mod tests {
    use crate::javascript::{Dialect, Form, transform};

    /// Each is nested as deep as is read, or a little deeper: none may overflow the
    /// stack, which would end the test's process.
    #[test]
    fn whatever_is_nested_is_read_or_refused() {
        for levels in [10_000, 49_000, 60_000] {
            for part in [
                "(",
                "[",
                "{",
                "!",
                "-",
                "a=>",
                "async()=>",
                "a?b:",
                "if(1)",
                "`${",
                "1+",
                "a=",
                "a.b.",
                "new ",
                "typeof ",
                "await ",
                "f(",
                "{a:",
                "class A extends ",
                "()=>{",
                "for(;;)",
                "a:",
                "x?.",
                "a,",
                "if(1){}else ",
                "function f(){",
                "x = y as ",
                "<T>",
                "let a:A<",
                "1**",
                "label:",
                "while(1)\n",
                "if(1)\n",
                "type A=B|",
                "a??",
                "x!",
                "case ",
                "A[",
                "do ",
            ] {
                for dialect in [Dialect::JavaScript, Dialect::TypeScript] {
                    let _outcome = transform(&part.repeat(levels), dialect, Form::Script);
                }
            }
            for (left, middle, right) in [
                ("(", "1", ")"),
                ("[", "", "]"),
                ("{", "", "}"),
                ("a=>", "1", ""),
                ("1+", "1", ""),
                ("!", "1", ""),
                ("`${", "1", "}`"),
                ("f(", "", ")"),
                ("if(1)", ";", ""),
                ("a?b:", "c", ""),
                ("if(1){}else ", "{}", ""),
                ("type A=[", "", "];"),
                ("let x:A<", "B", ">"),
            ] {
                let source = format!("{}{middle}{}", left.repeat(levels), right.repeat(levels));
                let _outcome = transform(&source, Dialect::TypeScript, Form::Script);
            }
            let left_nested = ["a", &".b".repeat(levels)].concat();
            let _outcome = transform(&left_nested, Dialect::JavaScript, Form::Script);
            let casts = ["a", &" as any".repeat(levels)].concat();
            let _outcome = transform(&casts, Dialect::TypeScript, Form::Script);
        }
    }

    #[test]
    fn long_scripts_are_no_deep_ones() -> Result<(), crate::javascript::SourceError> {
        let line = "const value = compute(1, 2)\nif (value) { console.log(value) }\n";
        transform(
            &line.repeat(10_000).replace("const", "var"),
            Dialect::JavaScript,
            Form::Script,
        )?;
        transform("a.b().c()\n", Dialect::JavaScript, Form::Script).map(|_| ())
    }
}
