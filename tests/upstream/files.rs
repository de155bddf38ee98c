//! Files of servers, and patterns over their tools.

use std::error::Error;
use std::fs;

use serde_json::json;

use crate::place::Place;
use crate::support::{Printed, TestResult, fixtures, scripted, wxmcp};

/// What is wrong with one server costs that server; others work, and a disabled one is not
/// started and says so.
#[test]
fn one_bad_entry_of_a_file_costs_itself() -> TestResult {
    let started = "touch STARTED";
    let good = scripted(&json!({"tools": ["t"]}));
    let place = Place::with(&format!(
        "// servers\n{{\"servers\": {{\n\"good\": {good},\n\"bad\": {{\"command\": 3}},\n\
         \"far\": {{\"url\": \"https://mcp.example.invalid/\"}},\n\
         \"off\": {{\"command\": \"sh\", \"args\": [\"-c\", \"{started}\"], \"disabled\": true}},\n}},}}"
    ))?;
    assert_eq!(
        place.run("python", "return call_tool('good.t')['tool']")?,
        "t\n"
    );
    for (name, told) in [
        (
            "bad",
            ".mcp.json:4:20: servers.bad.command: expected a string, found a number",
        ),
        ("far", "servers over HTTP (`url`) are not there yet"),
        ("off", "servers.off: it is disabled there"),
    ] {
        for source in [
            format!("from tools import {name}\n{name}.t()"),
            format!("call_tool('{name}.t')"),
        ] {
            let printed = place.wx(&["run", "-c", &source])?;
            assert!(
                printed.stderr.contains(told),
                "{source}: {}",
                printed.stderr
            );
        }
        let source = format!("import * as it from './tools/{name}';");
        let printed = place.wx(&["run", "--lang", "js", "-c", &source])?;
        assert!(
            printed.stderr.contains(told),
            "{source}: {}",
            printed.stderr
        );
    }
    let listed = place.wx(&["tools", "list"])?;
    assert_eq!(
        (listed.code, listed.stdout.as_str()),
        (Some(1), "good.t()\n")
    );
    for told in [
        "servers.bad.command",
        "servers over HTTP",
        "`off` is disabled",
    ] {
        assert!(listed.stderr.contains(told), "{}", listed.stderr);
    }
    assert!(!place.path().join("STARTED").exists());
    Ok(())
}

/// Relative paths are those of the file, from whatever folder wxmcp is started.
#[test]
fn paths_of_a_file_are_relative_to_it() -> TestResult {
    let plan = json!({"tools": ["where"]}).to_string();
    let script = fixtures().join("mcp/scripted.py");
    let place = Place::new(&json!({
        "rel": {"command": "bin/serve"},
        "cwd": {"command": "./bin/serve", "cwd": "sub"},
        "plain": {"command": "sh", "args": ["bin/serve"]},
    }))?;
    fs::create_dir_all(place.path().join("bin"))?;
    fs::create_dir_all(place.path().join("sub"))?;
    let serve = place.path().join("bin/serve");
    fs::write(
        &serve,
        format!("#!/bin/sh\nexec python3 {} '{plan}'\n", script.display()),
    )?;
    fs::set_permissions(&serve, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let folder = fs::canonicalize(place.path())?;
    let source = "return [call_tool(n + '.where')['where'] for n in ('rel', 'cwd', 'plain')]";
    let expected = json!([folder, folder.join("sub"), folder]).to_string() + "\n";
    for (from, config) in [("", ".mcp.json"), ("sub", "../.mcp.json")] {
        let mut command = wxmcp(&place.path().join(from));
        command.args(["run", "--mcp-config", config, "-c", source]);
        let printed = Printed::from(command.output()?);
        assert_eq!(printed.stdout, expected, "{from}: {}", printed.stderr);
    }
    Ok(())
}

/// A pattern that fits nothing gets a note: of a namespace at once, of a tool once the tools
/// are known, and no server is started for it.
#[test]
fn patterns_that_fit_nothing_are_noted() -> TestResult {
    let place = Place::with("{}")?;
    let asked = place.path().join("asked");
    let plan = json!({"tools": ["read_file", "write_file"], "asked": asked});
    let config = json!({"mcpServers": {"files": scripted(&plan)}});
    fs::write(place.path().join(".mcp.json"), config.to_string())?;
    let note = |args: &[&str], source: &str| -> Result<String, Box<dyn Error>> {
        let printed = place.wx(&[&["run"], args, &["-c", source]].concat())?;
        assert_eq!(printed.code, Some(0), "{}", printed.stderr);
        Ok(printed.stderr)
    };
    for (args, source, told) in [
        (
            &["--allow-tool", "fils.*"][..],
            "1",
            "note: `fils.*` allows nothing: there is no such namespace; did you mean `files.*`?\n",
        ),
        (
            &["--deny-tool", "database.drop"],
            "1",
            "note: `database.drop` denies nothing: there is no such namespace\n",
        ),
        (&["--deny-tool", "files.write_fle"], "1", ""),
    ] {
        assert_eq!(note(args, source)?, told, "{args:?}");
    }
    assert!(!asked.exists(), "no server is started for that");
    for (args, told) in [
        (
            &["--deny-tool", "files.write_fle"],
            "note: `files.write_fle` denies nothing: there is no such tool; did you mean `files.write_file`?\n",
        ),
        (&["--deny-tool", "files.write_file"], ""),
        (&["--deny-tool", "*.write*"], ""),
        (&["--allow-tool", "files.*"], ""),
    ] {
        assert_eq!(
            note(args, "call_tool('files.read_file')")?,
            told,
            "{args:?}"
        );
    }
    fs::create_dir_all(place.path().join("tools/orders"))?;
    fs::write(
        place.path().join("tools/orders/find-all.py"),
        "from wxmcp import tool\n@tool\ndef find() -> int:\n    return 1\n",
    )?;
    fs::write(
        place.path().join("wxmcp.toml"),
        "[grants.'orders.find_all']\nsql = []\n[grants.'orders.fnd_all']\nsql = []\n[grants.'files.read_file']\nsql = []\n",
    )?;
    let told = note(&[], "1")?;
    assert_eq!(
        told,
        "note: `[grants.\"files.read_file\"]` approves nothing: there is no such namespace\n\
         note: `[grants.\"orders.fnd_all\"]` approves nothing: there is no such tool; did you mean `orders.find_all`?\n"
    );
    Ok(())
}
