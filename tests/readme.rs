//! What the README shows first is what happens.

mod support;

use std::error::Error;
use std::fs;
use std::path::Path;

use support::{Printed, wxmcp};

/// The blocks of a language in a page.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    page.split(&format!("```{language}\n"))
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next())
        .collect()
}

#[test]
fn the_first_screen_is_true() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("README.md"))?;
    let shown = blocks(&page, "console")
        .into_iter()
        .next()
        .and_then(|block| block.split_once('\n'))
        .ok_or("no console block")?;
    assert_eq!(shown.0, "$ target/release/wxmcp run examples/first.py");
    for (language, file) in [("python", "first.py"), ("typescript", "first.ts")] {
        let example = fs::read_to_string(root.join("examples").join(file))?;
        let block = blocks(&page, language).into_iter().next();
        assert_eq!(block, Some(example.trim_end()), "{file}");
        let printed: Printed = wxmcp(root)
            .args(["run", &format!("examples/{file}")])
            .output()?
            .into();
        assert_eq!(
            (printed.stdout.trim_end(), printed.stderr.as_str()),
            (shown.1, ""),
            "{file} (the sample database is made by examples/sample.sh)"
        );
    }
    Ok(())
}
