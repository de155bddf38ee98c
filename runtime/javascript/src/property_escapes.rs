//! Regular expressions with `\p{..}`, which the engine cannot read.
//!
//! It has no tables of Unicode's properties, and a literal that it cannot read is an error of the whole
//! script. The guest's `RegExp` knows the properties: such a literal becomes a call of it.

use oxc_ast::ast::{RegExpFlags, RegExpLiteral};

/// The call that stands in for a literal; `None` where the engine reads the literal itself.
pub(super) fn call(literal: &RegExpLiteral<'_>) -> Option<String> {
    let flags = literal.regex.flags;
    let pattern = literal.regex.pattern.text.as_str();
    let has_properties = flags.intersects(RegExpFlags::U | RegExpFlags::V);
    if !has_properties || !(pattern.contains("\\p{") || pattern.contains("\\P{")) {
        return None;
    }
    // JSON may hold U+2028 and U+2029, and a literal of a regular expression may not.
    let text = serde_json::Value::from(pattern);
    Some(format!("(RegExp({text},\"{flags}\"))"))
}

#[cfg(test)]
mod tests {
    use crate::{Dialect, Form, Shift, transform};

    fn line(source: &str) -> (String, Vec<Shift>) {
        let program = transform(source, Dialect::JavaScript, Form::Script).unwrap();
        let line = program.source.lines().nth(1).unwrap_or_default().to_owned();
        (line, program.shifts)
    }

    #[test]
    fn a_literal_with_properties_becomes_a_call() {
        let (text, shifts) = line(r#"const a = /^\p{Lu}"\/\w/gu.test(x), b = 1;"#);
        assert_eq!(
            text,
            r#"const a = (RegExp("^\\p{Lu}\"\\/\\w","gu")).test(x), b = 1;"#
        );
        let [
            Shift {
                line: 1,
                column: 27,
                width: 17,
            },
        ] = shifts.as_slice()
        else {
            panic!("{shifts:?}")
        };
    }

    #[test]
    fn other_literals_stay() {
        for source in [
            r"const a = /\p{Lu}/g;",
            r"const a = /\w\u{1F600}/u;",
            r"const a = '/\p{Lu}/u';",
        ] {
            assert_eq!(line(source), (source.to_owned(), Vec::new()));
        }
    }

    #[test]
    fn words_in_front_of_it_stay_words() {
        assert_eq!(
            line(r"const f = () => { return/\P{L}/v }").0,
            r#"const f = () => { return(RegExp("\\P{L}","v")) }"#
        );
    }
}
