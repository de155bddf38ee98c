//! Settings: flags, the environment, `wxmcp.toml`, files of servers.

use std::error::Error;
use std::fs;

use crate::support::{Printed, TestResult, wx, wxmcp};

#[test]
fn settings_merge_flag_over_environment_over_file() -> TestResult {
    let folder = tempfile::tempdir()?;
    fs::write(
        folder.path().join("wxmcp.toml"),
        "[limits]\nmax-output = '3B'\n",
    )?;
    let run = |variable: Option<&str>, args: &[&str]| -> Result<Printed, Box<dyn Error>> {
        let mut command = wxmcp(folder.path());
        command
            .args(["run", "-c", "print('abcdefghi', end='')"])
            .args(args);
        if let Some(value) = variable {
            command.env("WXMCP_MAX_OUTPUT", value);
        }
        Ok(command.output()?.into())
    };
    assert_eq!(run(None, &[])?.stdout, "abc");
    assert_eq!(run(Some("5B"), &[])?.stdout, "abcde");
    let mut command = wxmcp(folder.path());
    command
        .args([
            "run",
            "--max-output",
            "7B",
            "-c",
            "print('abcdefghi', end='')",
        ])
        .env("WXMCP_MAX_OUTPUT", "5B");
    assert_eq!(Printed::from(command.output()?).stdout, "abcdefg");
    Ok(())
}

#[test]
fn a_misspelt_setting_is_an_error() -> TestResult {
    let folder = tempfile::tempdir()?;
    fs::write(
        folder.path().join("wxmcp.toml"),
        "[limits]\ntimeuot = '1s'\n",
    )?;
    let printed = wx(folder.path(), &["run", "-c", "1"])?;
    assert_eq!(printed.code, Some(2));
    assert!(printed.stderr.contains("timeuot"), "{}", printed.stderr);
    Ok(())
}

#[test]
fn servers_are_found_in_the_folder_and_unset_variables_are_named() -> TestResult {
    let folder = tempfile::tempdir()?;
    fs::write(
        folder.path().join(".mcp.json"),
        r#"{"mcpServers": {
            "fixture": {"command": "python3", "args": ["${FIXTURES}/mcp/fixture_server.py"]},
            "broken": {"command": "true", "env": {"TOKEN": "${NOT_SET_ANYWHERE}"}}
        }}"#,
    )?;
    let source = "from tools import fixture; fixture.add(a=1, b=2)";
    let printed = wx(folder.path(), &["run", "-c", source])?;
    assert_eq!(printed.stdout, "3\n", "{}", printed.stderr);
    let printed = wx(folder.path(), &["run", "-c", "call_tool('broken.x')"])?;
    assert!(
        printed.stderr.contains("NOT_SET_ANYWHERE"),
        "{}",
        printed.stderr
    );
    assert!(
        printed.stderr.contains("mcpServers.broken.env.TOKEN"),
        "{}",
        printed.stderr
    );
    Ok(())
}

#[test]
fn nothing_is_started_before_its_namespace_is_used() -> TestResult {
    let folder = tempfile::tempdir()?;
    let mark = folder.path().join("started");
    let config = format!(
        r#"{{"mcpServers": {{"a": {{"command": "touch", "args": ["{}"]}}}}}}"#,
        mark.display()
    );
    fs::write(folder.path().join(".mcp.json"), config)?;
    let printed = wx(folder.path(), &["run", "-c", "from tools import a"])?;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    assert!(!mark.exists());
    wx(folder.path(), &["run", "-c", "call_tool('a.b')"])?;
    assert!(mark.exists());
    Ok(())
}
