//! JavaScript and TypeScript, made a program for the guest.

use wxmcp_javascript::{Checkable, Dialect, Format, ToolUses, file, script, shows_no_state};
use wxmcp_run::{Language, Script};

use crate::cost::{Bound, Line, within};

const BOUND: Bound = Bound {
    steps: Line(200_000, 2_500),
    allocations: Line(4_000, 40),
    peak: Line(3 << 20, 4_000),
};

/// The first byte picks the dialect, the rest is the source.
pub(crate) fn transform(input: &[u8]) {
    let Some((first, source)) = input.split_first() else {
        return;
    };
    let source = String::from_utf8_lossy(source);
    let (dialect, language) = match first % 2 {
        0 => (Dialect::JavaScript, Language::JavaScript),
        _ => (Dialect::TypeScript, Language::TypeScript),
    };
    let size = source.len();
    let made = within(BOUND, "transform", size, || script(&source, dialect, "x"));
    let format = match size % 3 {
        0 => Format::Module,
        _ => Format::ByText,
    };
    let as_file = within(BOUND, "file", size, || file(&source, dialect, format, "x"));
    for program in made.iter().chain(&as_file) {
        let program = serde_json::to_value(program).unwrap_or_default();
        let text = program.get("source").and_then(|it| it.as_str());
        let text = text.unwrap_or_default();
        // Two levels more than the source, which may have as many as there may be.
        if let Err(error) = script(text, Dialect::JavaScript, "x")
            && !error.message.contains("nested")
            && !error.message.contains("deep")
        {
            panic!("the program is none: {}\n{text}", error.message);
        }
        // Lines around a fence are none of the script's.
        let is_fenced = source.contains("```") || source.contains("~~~");
        if program.get("map").is_none() && !is_fenced {
            let lines = |text: &str| text.matches('\n').count();
            assert!(lines(text) > lines(&source), "lines are lost: {text}");
        }
    }
    let read = Script {
        path: None,
        in_session: size % 2 == 1,
        name: "x".to_owned(),
        source: source.clone().into_owned(),
        language,
        args: Vec::new(),
        task: None,
    };
    let _uses = within(BOUND, "uses", size, || ToolUses::new(&read));
    let _state = within(BOUND, "state", size, || shows_no_state(&source, language));
    let _checkable = within(BOUND, "checkable", size, || Checkable::new(&source));
}
