//! Cases of `fixtures/` in sessions of the server, whose runs are in worker processes: they print what they print alone.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::client::{Client, Era};
use crate::support::{TestResult, copy_all, copy_file, fixtures, lines, wxmcp};

const LANGUAGES: [(&str, &str); 3] = [("py", "python"), ("ts", "typescript"), ("js", "javascript")];

/// Runs each case of a kind whose name begins so, in a server of its own and each language that it is written in.
fn all(kind: &str, prefix: &str, era: Era) -> TestResult {
    let mut count = 0;
    for entry in fs::read_dir(fixtures().join(kind))? {
        let folder = entry?.path();
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let flags = flags(&folder);
        if name.starts_with(prefix) && !flags.concat().contains("@PORT@") {
            count += case(&folder, &flags, era)?;
        }
    }
    assert!(count >= 30, "{count} cases of {prefix}");
    Ok(())
}

fn flags(folder: &Path) -> Vec<String> {
    let file = folder.join("flags");
    if file.is_file() {
        lines(&file)
    } else {
        Vec::new()
    }
}

fn case(folder: &Path, flags: &[String], era: Era) -> Result<usize, Box<dyn std::error::Error>> {
    let copy = tempfile::tempdir()?;
    copy_all(folder, copy.path(), copy_file)?;
    fs::create_dir_all(copy.path().join("mount"))?;
    let mut command = wxmcp(copy.path());
    command
        .args(["serve", "--yield-after", "600s", "--mcp-config"])
        .arg(fixtures().join("mcp/fixture.json"))
        .args(flags)
        .stderr(std::process::Stdio::null());
    let mut client = Client::of(command, era, json!({}));
    let mut count = 0;
    for (ending, language) in LANGUAGES {
        let script = format!("script.{ending}");
        let Ok(code) = fs::read_to_string(folder.join(&script)) else {
            continue;
        };
        let expected = |stream: &str| {
            let of_language = fs::read_to_string(folder.join(format!("{stream}.{ending}")));
            let of_all = || fs::read_to_string(folder.join(stream));
            of_language.or_else(|_| of_all()).unwrap_or_default()
        };
        let arguments = json!({"code": code, "language": language, "session": "new"});
        let result = client.call("run_code", arguments);
        let seen = &result["structuredContent"];
        let text = |at: &str| {
            seen.pointer(at)
                .and_then(|it| it.as_str())
                .unwrap_or_default()
        };
        assert_eq!(text("/stdout"), expected("stdout"), "{folder:?}: {result}");
        let errors = format!("{}{}", text("/stderr"), text("/error/traceback"));
        // The same script has another name here.
        let errors = errors.replace("<run 1>", &script);
        // And it is no file of the project.
        let wanted = expected("stderr").replace(&format!("/project/{script}"), &script);
        assert_eq!(errors, wanted, "{folder:?}: {result}");
        let has_failed = !text("/error/traceback").is_empty();
        assert_eq!(result["isError"].as_bool(), Some(has_failed), "{result}");
        count += 1;
    }
    assert!(client.end().success());
    Ok(count)
}

#[test]
fn names_without_imports_are_tools_in_a_session() -> TestResult {
    all("tooltrees", "ambient_", Era::Legacy)
}

#[test]
fn threads_run_in_a_session() -> TestResult {
    all("scripts", "threads_", Era::Modern)
}
