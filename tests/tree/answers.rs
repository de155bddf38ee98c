//! Shapes of answers, learned where that is asked for.

use std::error::Error;
use std::fs;

use crate::support::{Printed, TestResult, tree, write, wxmcp};

/// What a tool does not declare is learned where that is asked for: the shape, no value.
#[test]
fn shapes_of_answers_are_learned_when_asked_for() -> TestResult {
    let folder = tree(&[
        (
            "tools/t/find.js",
            "export function find() { return { rows: [{ id: 1, name: 'canary' }], 'canary@x.org': 'canary' }; }",
        ),
        (
            "tools/t/says.ts",
            "import { createTool } from 'wxmcp';\nexport const says = createTool({ output: { type: 'string' }, execute: () => 'x' });",
        ),
    ])?;
    let cache = tempfile::tempdir()?;
    let run = |args: &[&str]| -> Result<Printed, Box<dyn Error>> {
        let mut command = wxmcp(folder.path());
        command.env("WXMCP_CACHE_DIR", cache.path());
        Ok(command.args(args).output()?.into())
    };
    let call = ["run", "-c", "from tools import t\nt.find()\nt.says()"];
    let show = ["tools", "show", "t.find", "t.says"];
    assert_eq!(run(&call)?.code, Some(0));
    assert!(!cache.path().join("learned").exists());
    let before = run(&show)?.stdout;
    assert!(before.contains("t.find() -> Any\n"), "{before}");
    write(
        folder.path(),
        "wxmcp.toml",
        "[tools]\nlearn-answers = true\n",
    )?;
    assert_eq!(run(&call)?.code, Some(0));
    let after = run(&show)?.stdout;
    assert!(
        after.contains(
            "t.find() -> dict[str, list[dict] | str]  # learned from answers, not declared"
        ),
        "{after}"
    );
    assert!(after.contains("t.says() -> str\n"), "{after}");
    for (format, file, words) in [
        ("python", "tools/t.pyi", "-> dict[str, list["),
        ("typescript", "tools/t.d.ts", "Promise<Record<string, "),
    ] {
        let export = ["tools", "export", "--format", format, "-o", "stubs"];
        assert_eq!(run(&export)?.code, Some(0));
        let stub = fs::read_to_string(folder.path().join("stubs").join(file))?;
        assert!(stub.contains(words), "{stub}");
        assert_eq!(stub.matches("learned from answers").count(), 1, "{stub}");
    }
    let kept: Vec<_> = fs::read_dir(cache.path().join("learned"))?.collect();
    let [Ok(kept)] = kept.as_slice() else {
        return Err(format!("{kept:?}").into());
    };
    let text = fs::read_to_string(kept.path())?;
    assert!(!text.contains("canary"), "{text}");
    Ok(())
}
