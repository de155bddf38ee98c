//! Builds that are refused.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::folders::{refused, tree, wx};
use crate::support::{TestResult, componentizers};

#[test]
fn sources_that_are_no_programs_are_refused_with_their_place() -> TestResult {
    let folder = tree()?;
    let nowhere = folder.path().join("nowhere");
    let refuse =
        |script, code, words: &[&str]| refused(folder.path(), &nowhere, script, (code, words));
    refuse(
        ("a.py", "x = 1\nx = = 2\n"),
        1,
        &["a.py:2:5: invalid syntax"],
    )?;
    refuse(
        ("a.ts", "let a = 1;\nlet b = ;\n"),
        1,
        &["a.ts:2: SyntaxError: "],
    )?;
    refuse(
        ("a.js", "const a: number = 1;\n"),
        1,
        &["a.js:1: SyntaxError: "],
    )?;
    let zod = ("b.ts", "import { z } from 'zod';\nconsole.log(z);\n");
    refuse(zod, 2, &["b.ts:1: `zod` is not in components"])?;
    let node = (
        "b.ts",
        "const a = 1;\nimport fs from 'fs';\nconsole.log(fs, a);\n",
    );
    refuse(node, 2, &["b.ts:2: `node:fs` is not in components"])?;
    let file = ("b.js", "import { a } from './a.js';\nconsole.log(a);\n");
    let words = [
        "b.js:1: `./a.js` is not in components",
        "bundle it into the script",
    ];
    refuse(file, 2, &words)?;
    refuse(("a.wasm", ""), 2, &["`a.wasm` is a component already"])
}

#[test]
fn namespaces_that_are_not_there_are_refused_with_the_nearest() -> TestResult {
    let folder = tree()?;
    let tools = componentizers()?;
    let words = ["there is no namespace `databse`; did you mean `database`?"];
    for script in [
        ("a.py", "from tools import databse\n"),
        ("b.py", "def f():\n    from tools.databse import query\n"),
        (
            "a.ts",
            "import { query } from './tools/databse';\nawait query('x');\n",
        ),
    ] {
        refused(folder.path(), &tools, script, (2, &words))?;
    }
    fs::write(folder.path().join("c.py"), "1\n")?;
    let args = ["build", "c.py", "-o", "out.wasm", "--with", "databse"];
    let printed = wx(folder.path(), &args, "")?;
    assert!(printed.stderr.contains(words[0]), "{}", printed.stderr);
    assert_eq!(printed.code, Some(2));
    let args = ["build", "c.py", "-o", "out.wasm", "--with", "database.qury"];
    let printed = wx(folder.path(), &args, "")?;
    let words = "there is no tool `database.qury`; did you mean `database.query`?";
    assert!(printed.stderr.contains(words), "{}", printed.stderr);
    assert_eq!(printed.code, Some(2));
    Ok(())
}

#[test]
fn missing_componentizers_are_named_with_how_to_get_them() -> TestResult {
    let folder = tree()?;
    let nowhere = folder.path().join("nowhere");
    let python = [
        "there is no `componentize-py` in `",
        "nowhere/bin`: components of Python are made by it",
        "pip install componentize-py==0.25.1",
        "WXMCP_COMPONENTIZERS",
    ];
    refused(folder.path(), &nowhere, ("a.py", "1\n"), (2, &python))?;
    let javascript = [
        "there is no `@bytecodealliance/componentize-js` in `",
        "nowhere/node_modules`: components of JavaScript are made by it",
        "npm install @bytecodealliance/componentize-js@0.23.0",
    ];
    refused(folder.path(), &nowhere, ("a.js", "1\n"), (2, &javascript))?;
    let config = folder.path().join("wxmcp.toml");
    let text = fs::read_to_string(&config)?;
    fs::write(&config, format!("{text}[build]\nfolder = \"elsewhere\"\n"))?;
    refused(
        folder.path(),
        Path::new(""),
        ("a.py", "1\n"),
        (2, &["in `elsewhere/bin`"]),
    )
}

#[test]
fn componentizers_of_another_version_are_refused() -> TestResult {
    let folder = tree()?;
    let tools = folder.path().join("componentizers");
    fs::create_dir_all(tools.join("bin"))?;
    let program = tools.join("bin/componentize-py");
    fs::write(&program, "#!/bin/sh\necho componentize-py 0.24.0\n")?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let words = ["is of version 0.24.0: only 0.25.1 is known to work"];
    refused(folder.path(), &tools, ("a.py", "1\n"), (2, &words))?;
    let package = tools.join("node_modules/@bytecodealliance/componentize-js");
    fs::create_dir_all(&package)?;
    fs::write(package.join("package.json"), r#"{"version": "0.24.1"}"#)?;
    let words = ["is of version 0.24.1: only 0.23.0 is known to work"];
    refused(folder.path(), &tools, ("a.ts", "1\n"), (2, &words))
}

#[test]
fn what_a_componentizer_says_is_told() -> TestResult {
    let folder = tree()?;
    let tools = folder.path().join("componentizers");
    fs::create_dir_all(tools.join("bin"))?;
    let program = tools.join("bin/componentize-py");
    let fails = "#!/bin/sh\n[ \"$1\" = --version ] && echo componentize-py 0.25.1 && exit\n\
                 echo no room >&2\nexit 7\n";
    fs::write(&program, fails)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    let words = ["`componentize-py` failed with exit code 7: no room"];
    refused(folder.path(), &tools, ("a.py", "1\n"), (1, &words))
}
