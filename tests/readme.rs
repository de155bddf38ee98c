//! What the README shows first is what happens.

mod support;

use std::fs;

use support::{TestResult, repository, wx};

/// The blocks of a language in a page.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    page.split(&format!("```{language}\n"))
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next())
        .collect()
}

#[test]
fn the_first_screen_is_true() -> TestResult {
    let root = repository();
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
        let printed = wx(root, &["run", &format!("examples/{file}")])?;
        assert_eq!(
            (printed.stdout.trim_end(), printed.stderr.as_str()),
            (shown.1, ""),
            "{file} (the sample database is made by examples/sample.sh)"
        );
    }
    Ok(())
}

/// What is shown of a tool in four languages is in the files that it is said to be from.
#[test]
fn a_tool_in_four_languages_is_shown_as_it_is() -> TestResult {
    let root = repository();
    let page = fs::read_to_string(root.join("README.md"))?;
    let (_, section) = page.split_once("\n## Components\n").ok_or("no section")?;
    let folder = tempfile::tempdir()?;
    for format in ["python", "typescript"] {
        let out = folder.path().join(format).to_string_lossy().into_owned();
        let exported = wx(
            root,
            &[
                "tools", "export", "--format", format, "-o", &out, "database",
            ],
        )?;
        assert_eq!(exported.code, Some(0), "{}", exported.stderr);
    }
    for (language, file) in [
        ("wit", root.join("wit/tools/deps/tools-database.wit")),
        ("python", folder.path().join("python/tools/database.pyi")),
        (
            "typescript",
            folder.path().join("typescript/tools/database.d.ts"),
        ),
        ("rust", root.join("guest-adapters/rust/src/main.rs")),
    ] {
        let text = fs::read_to_string(&file)?;
        let block = blocks(section, language)
            .into_iter()
            .next()
            .ok_or(language)?;
        for part in block.split("\n\n") {
            assert!(text.contains(part), "{} has no\n{part}", file.display());
        }
    }
    Ok(())
}
