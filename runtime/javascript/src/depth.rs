//! Room on the stack for deeply nested source.
//!
//! The parser and the walks over its tree call themselves at each level of nesting.
//! A stack that overflows ends the process, so source is read on a stack that holds
//! whatever can be nested in it.

use super::nesting::nesting;
use super::{Dialect, SourceError};

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
    dialect: Dialect,
    read: impl FnOnce() -> Result<T, SourceError> + Send,
) -> Result<T, SourceError> {
    let (levels, place) = nesting(source, dialect, DEEPEST);
    if levels > DEEPEST {
        return Err(SourceError::at(
            source,
            place,
            &format!("nested too deeply: more than {DEEPEST} levels"),
        ));
    }
    on_stack(source, levels, read)
}

/// Runs `read` where the nesting of any short source fits, however it is read. Answers false
/// for one that is too long.
pub(super) fn with_any_stack(source: &str, read: impl FnOnce() -> bool + Send) -> bool {
    let levels = source.len();
    levels <= DEEPEST && on_stack(source, levels, || Ok(read())).unwrap_or(false)
}

/// Runs `read` on a stack for so many levels.
fn on_stack<T: Send>(
    source: &str,
    levels: usize,
    read: impl FnOnce() -> Result<T, SourceError> + Send,
) -> Result<T, SourceError> {
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

#[cfg(test)]
mod tests {
    use crate::{Dialect, Form, transform};

    /// Each is nested as deep as is read, or a little deeper: none may overflow the
    /// stack, which would end the test's process.
    #[test]
    #[expect(clippy::too_many_lines, reason = "one table of cases")]
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
                "{a>0;",
                "1+';'+",
                "{a:b:c,{",
                "@d\nclass extends ",
                "namespace A.",
                "namespace A{",
                "<a>'<a>'",
                "<a>//<a>",
                "a => class implements B, C { x = ",
                "}\n/'/; {(",
                "class extends class extends B implements C, D { x = ",
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
                ("namespace A{", "export const x = 1", "}"),
                ("if(1) a; else ", "b", ""),
                ("x = {a:", "1", "}"),
                ("x = class { y = ", "1", "}"),
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
    fn long_scripts_are_no_deep_ones() -> Result<(), crate::SourceError> {
        let line = "const value = compute(1, 2)\nif (value) { console.log(value) }\n";
        transform(
            &line.repeat(10_000).replace("const", "var"),
            Dialect::JavaScript,
            Form::Script,
        )?;
        transform("a.b().c()\n", Dialect::JavaScript, Form::Script).map(|_| ())
    }
}
