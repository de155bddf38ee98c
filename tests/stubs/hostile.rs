//! Prose, names and literals that try to be code.

use std::error::Error;
use std::fs;
use std::process::Command;

use serde_json::{Map, json};
use wxmcp_catalogue::{Definition, stubs};

use crate::checkers::{lines, mypy, put, sets, tsc};
use crate::support::TestResult;

/// A namespace whose prose, names and literals try to be code; and its twin, which has
/// harmless prose in their place.
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn hostile(prose: &dyn Fn(&str) -> String) -> Vec<Definition> {
    let texts = [
        "ends \"\"\"\nimport os\n\"\"\"",
        "\"\"\"\"\"",
        "quote\"",
        "back\\",
        "back\\\"",
        "*/ export const x = 1; /*",
        "**/",
        "${process.exit()} `",
        "@ts-nocheck\n@ts-ignore",
        "@deprecated {@link x}",
        "/// <reference path=\"x\" />",
        "# type: ignore\n# mypy: ignore-errors\n# ty: ignore",
        "\u{1b}[31m \u{202e}evil\u{2066} \u{200b}zero\u{e0041}tag \u{0}nul \r return \u{2028} line",
        "\\N{DIGIT ONE} \\x41 \\u0041 \\",
    ];
    let names = [
        "class",
        "self",
        "this",
        "arguments",
        "a-b",
        "__x",
        "\"quoted\"",
        "x: int) -> None: ...\n#",
        "*/",
        "\u{202e}abc",
        "é",
        "list",
        "Any",
        "constructor",
        "__proto__",
        "${x}",
        "1",
        "'",
    ];
    let members = |of: &str| {
        let mut all = Map::new();
        for name in names {
            let schema = json!({"type": "string", "description": prose(of), "default": prose(of)});
            all.insert(name.to_owned(), schema);
        }
        all
    };
    let mut definitions: Vec<Definition> = texts
        .iter()
        .enumerate()
        .map(|(at, text)| Definition {
            name: format!("tool{at}"),
            description: prose(text),
            input_schema: json!({"properties": members(text), "required": ["class", "a-b"]}),
            output_schema: Some(json!({"type": "object", "properties": {
                "inner": {"type": "object", "properties": members(text), "description": prose(text)},
                "kind": {"enum": texts},
            }})),
        })
        .collect();
    for name in [
        "list",
        "str",
        "tool",
        "delete",
        "default",
        "*/",
        "\"",
        "$x",
        "then",
        "TypedDict",
        "all",
    ] {
        definitions.push(Definition {
            name: name.to_owned(),
            description: prose(&"x\"\"\"*/".repeat(200_000)),
            input_schema: json!({"properties": {"list": {"type": "array", "items": {"type": "string"}}}}),
            output_schema: None,
        });
    }
    definitions
}

/// Prints a Python file's tree without what it says of itself.
const TREE: &str = r#"
import ast, sys
tree = ast.parse(open(sys.argv[1], encoding="utf-8").read())
for node in ast.walk(tree):
    body = getattr(node, "body", None)
    if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        if isinstance(body[0].value.value, str) or body[0].value.value is ...:
            del body[0]
print(ast.dump(tree))
"#;

#[test]
fn hostile_prose_changes_nothing() -> TestResult {
    let evil = stubs_in_folder(&|text| text.to_owned())?;
    let twin = stubs_in_folder(&|_| "harmless".to_owned())?;
    let mut trees = Vec::new();
    for folder in [&evil, &twin] {
        let folder = folder.path();
        for file in ["python/tools/things.pyi", "typescript/tools/things.d.ts"] {
            let text = fs::read_to_string(folder.join(file))?;
            let unseen = |c: char| {
                c.is_control() && c != '\n'
                    || "\u{202e}\u{200b}\u{2066}\u{2028}\u{e0041}".contains(c)
            };
            assert!(!text.contains(unseen), "{file}");
        }
        let output = Command::new("python3")
            .args(["-c", TREE, "python/tools/things.pyi"])
            .current_dir(folder)
            .output()?;
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        // The compiler prints declarations from its tree, without comments.
        fs::create_dir(folder.join("printed"))?;
        fs::copy(
            folder.join("typescript/tools/things.d.ts"),
            folder.join("printed/things.ts"),
        )?;
        let (_, said) = lines(
            "tsc",
            &[
                "--declaration",
                "--emitDeclarationOnly",
                "--removeComments",
                "--target",
                "esnext",
                "--module",
                "esnext",
                "--moduleResolution",
                "bundler",
                "--outDir",
                "printed/out",
                "printed/things.ts",
            ],
            folder,
            "",
        )?;
        let printed = fs::read_to_string(folder.join("printed/out/things.d.ts"))
            .map_err(|error| format!("{error}: {said}"))?;
        assert!(!printed.contains("/**"), "{printed}");
        trees.push((String::from_utf8(output.stdout)?, printed));
        let (_, all) = mypy(&folder.join("python"), "")?;
        assert!(all.starts_with("Success"), "{all}");
        let (_, all) = tsc(&folder.join("typescript"), "")?;
        assert_eq!(all, "");
    }
    assert!(trees[0].0.len() > 10_000 && trees[0].1.len() > 10_000);
    assert_eq!(trees[0], trees[1]);
    Ok(())
}

fn stubs_in_folder(prose: &dyn Fn(&str) -> String) -> Result<tempfile::TempDir, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let sets = sets(hostile(prose));
    assert!(sets.iter().all(|set| set.tools.len() > 20));
    put(
        &folder.path().join("python"),
        &stubs::python(&sets, stubs::Calls::Either),
    )?;
    put(&folder.path().join("typescript"), &stubs::typescript(&sets))?;
    Ok(folder)
}
