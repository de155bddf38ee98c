//! Which script runs: its name, its language, its arguments, where it comes from.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use crate::support::{Printed, TestResult, wx, wxmcp};

#[test]
fn a_flag_behind_the_script_is_not_lost() -> TestResult {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("a.py"), "import sys\nsys.argv[1:]")?;
    for word in ["--timeout", "--allow-tool=x", "-v", "--json"] {
        let printed = wx(folder.path(), &["run", "a.py", word, "1s"])?;
        assert_eq!(printed.code, Some(2), "{word}: {}", printed.stdout);
        assert!(
            printed.stderr.contains("behind the script"),
            "{}",
            printed.stderr
        );
    }
    let printed = wx(folder.path(), &["run", "a.py", "--", "--json", "-x"])?;
    assert_eq!(printed.stdout, "[\"--json\",\"-x\"]\n");
    let printed = wx(folder.path(), &["run", "a.py", "--since", "2026"])?;
    assert_eq!(printed.stdout, "[\"--since\",\"2026\"]\n");
    Ok(())
}

#[test]
fn a_script_may_come_from_standard_input() -> TestResult {
    let folder = tempfile::tempdir()?;
    let mut child = wxmcp(folder.path())
        .args(["run", "-", "a", "--b"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .ok_or("no stdin")?
        .write_all(b"import sys\nsys.argv")?;
    let printed = Printed::from(child.wait_with_output()?);
    assert_eq!(printed.stdout, "[\"<stdin>\",\"a\",\"--b\"]\n");
    Ok(())
}

#[test]
fn the_language_is_what_the_name_or_the_flag_says() -> TestResult {
    let folder = tempfile::tempdir()?;
    let source = "1 if 0 else 'python'";
    fs::write(folder.path().join("a.py"), source)?;
    for name in ["a.js", "a.mjs"] {
        fs::write(folder.path().join(name), "export default typeof Symbol")?;
    }
    for name in ["a.ts", "a.mts", "noname"] {
        fs::write(
            folder.path().join(name),
            "enum A { b = 'typescript' } return A.b",
        )?;
    }
    for (args, expected) in [
        (&["run", "a.py"][..], "python"),
        (&["run", "a.js"], "function"),
        (&["run", "a.mjs"], "function"),
        (&["run", "a.ts"], "typescript"),
        (&["run", "a.mts"], "typescript"),
        (&["run", "--lang", "ts", "noname"], "typescript"),
        (
            &["run", "--lang", "ts", "-c", "let a: number = 1; return a"],
            "1",
        ),
        (
            &["run", "--lang", "js", "-c", "return typeof process"],
            "object",
        ),
    ] {
        let printed = wx(folder.path(), args)?;
        assert_eq!(
            printed.stdout.trim_end(),
            expected,
            "{args:?}: {}",
            printed.stderr
        );
    }
    for name in ["a.jsx", "a.tsx"] {
        fs::write(folder.path().join(name), "return <b>x</b>")?;
        let printed = wx(folder.path(), &["run", name])?;
        assert_eq!(printed.code, Some(1));
        assert!(
            printed.stderr.contains("JSX is not supported"),
            "{}",
            printed.stderr
        );
    }
    Ok(())
}
