//! Components made from the WIT of the tools, in four languages, as `make components` leaves them in
//! `target/components`: they get typed rows and typed errors, and say the same.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};
use support::{Printed, fixtures, repository, wxmcp};

/// What the agents print of the tools' answers; scripts have a value besides.
const AGENT: &str = "\
iata text HI01, name text Princeville, latitude number 22.21, last_checked null
iata text LIH, name text Lihue, latitude number 21.98, last_checked null
iata text PAK, name text Port Allen, latitude number 21.90, last_checked null
a query of no such column: tool-failed: the connection `main`: no such column: elevation in SELECT elevation FROM airports at offset 7
New York: 33.0 degrees, Cloudy, humidity 82.0
an observation of nobody: tool-failed: Entity with name nobody not found
";

/// `meet` answers nothing before three calls wait in it.
const CONCURRENT: &str = r#"['{"met":3}', '{"met":3}', '{"met":3}']
NEW_YORK: 33.0 degrees, Cloudy
CHICAGO: 36.0 degrees, Light rain / drizzle
LOS_ANGELES: 73.0 degrees, Sunny / Clear
[82.0, 82.0, 48.0]
"#;

/// What the commands print where their argument is no JSON: the call of the query fails, by its type.
const NO_JSON: &str = "\
the query: invalid-arguments: the arguments of `database.query` do not fit: at `/parameters/0`: the text is not JSON
";

/// What the script sees of the tool that is a component.
const AIRPORTS: &str = "\
16
{'iata': 'PAK', 'name': 'Port Allen', 'state': 'HI', 'kilometres': 16}
{'iata': 'LIH', 'name': 'Lihue', 'state': 'HI', 'kilometres': 17}
3
tool-failed there is no latitude 122
invalid-arguments
";

fn main() -> std::process::ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(2);
    let expected = [
        ("c", AGENT.to_owned()),
        ("javascript", format!("{AGENT}{{\"airports\":3}}\n")),
        ("python", format!("{AGENT}{{\"airports\": 3}}\n")),
        ("python-concurrent", CONCURRENT.to_owned()),
        ("rust", AGENT.to_owned()),
    ];
    let mut names: BTreeSet<&str> = expected.iter().map(|(name, _)| *name).collect();
    names.insert("python-tool");
    let folders = folders();
    let mut trials = vec![Trial::test("every_folder_is_a_component", move || {
        let missing: Vec<_> = folders
            .iter()
            .filter(|folder| !names.contains(folder.as_str()))
            .collect();
        equal(&missing, &Vec::new())
    })];
    for (name, stdout) in expected {
        let run = move || {
            let printed = run(name, r#""HI""#)?;
            equal(&printed.stderr, &String::new())?;
            equal(&printed.stdout, &stdout)?;
            equal(&printed.code, &Some(0))
        };
        trials.push(
            Trial::test(format!("component::{name}"), run).with_ignored_flag(is_skipped(name)),
        );
    }
    for name in ["c", "rust"] {
        let run = move || {
            let printed = run(name, "HI")?;
            let rest = AGENT.lines().skip(3).map(|line| format!("{line}\n"));
            equal(
                &printed.stdout,
                &format!("{NO_JSON}{}", rest.collect::<String>()),
            )?;
            equal(&printed.code, &Some(0))
        };
        let title = format!("an_argument_that_is_no_json::{name}");
        trials.push(Trial::test(title, run).with_ignored_flag(is_skipped(name)));
    }
    trials.push(Trial::test("a_component_is_a_tool", tool));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A component in a tool tree is called like any tool, and calls another with its own grants.
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn tool() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let tools = folder.path().join("tools");
    fs::create_dir_all(tools.join("airports"))?;
    let component = target("components").join("python-tool.wasm");
    fs::copy(&component, tools.join("airports/find.wasm")).map_err(|_| {
        format!(
            "there is no `{}`: run `make components`",
            component.display()
        )
    })?;
    let root = repository();
    fs::create_dir_all(tools.join("database"))?;
    for tool in ["query.ts", "update.ts"] {
        fs::copy(
            root.join("tools/database").join(tool),
            tools.join("database").join(tool),
        )?;
    }
    let database = target("demo").join("sample.db");
    let settings = format!(
        "[connections.main]\nurl = \"sqlite:{}\"\n\n[grants.\"database.query\"]\nsql = [\"main\"]\n",
        database.display()
    );
    let script = folder.path().join("script.py");
    fs::write(
        &script,
        r#"
from tools import airports
try:
    print(airports.find_count({"tag": "state", "value": "HI"}))
    for airport in airports.find_nearest({"latitude": 22, "longitude": -159.5}, {"tag": "country", "value": "USA"}, 2):
        print(airport)
    print(len(airports.find_nearest({"latitude": 22, "longitude": -159.5}, {"tag": "everywhere"})))
    airports.find_nearest({"latitude": 122, "longitude": 0}, {"tag": "everywhere"})
except ToolError as error:
    print(error.kind, error)
try:
    airports.find_count({"tag": "planet"})
except ToolError as error:
    print(error.kind)
"#,
    )?;
    let run = |grants: &str| -> Result<Printed, Failed> {
        fs::write(
            folder.path().join("wxmcp.toml"),
            format!("{settings}{grants}"),
        )?;
        Ok(wxmcp(folder.path())
            .args(["run", "script.py"])
            .output()?
            .into())
    };
    // Its toolchain imports whole interfaces: what is imported must be granted, used or not.
    for (approved, said) in [
        (
            "",
            "`tools:database/database@0.1.0` is no namespace of tools",
        ),
        (
            "\n[grants.\"airports.*\"]\ntools = [\"database.query\"]\n",
            "`tools:database/database@0.1.0#update` is no tool",
        ),
    ] {
        let refused = run(approved)?;
        let said = format!(
            "{said}; a component may import the tools that `tools` of `[grants.\"airports.find_count\"]` \
             in wxmcp.toml approves"
        );
        if !refused.stdout.contains(&said) {
            return Err(format!("{}{}", refused.stdout, refused.stderr).into());
        }
    }
    let granted = run("\n[grants.\"airports.*\"]\ntools = [\"database.*\"]\n")?;
    equal(&granted.stderr, &String::new())?;
    equal(&granted.stdout.as_str(), &AIRPORTS)?;
    equal(
        &serve(folder.path(), &fs::read_to_string(&script)?)?,
        &AIRPORTS.to_owned(),
    )
}

/// What a script prints that a server runs, whose tool files are in worker processes.
fn serve(folder: &Path, code: &str) -> Result<String, Failed> {
    let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
    let call = json!({"name": "run_code", "arguments": {"code": code}});
    let lines = [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": call}),
    ];
    let input = folder.join("requests");
    fs::write(&input, lines.map(|line| format!("{line}\n")).concat())?;
    let output = wxmcp(folder)
        .args(["serve", "--yield-after", "600s", "--drain", "300s"])
        .stdin(fs::File::open(input)?)
        .output()?;
    let stdout = String::from_utf8_lossy(&output.stdout);
    let answers = stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let answer = answers
        .into_iter()
        .find(|answer| answer.get("id") == Some(&json!(2)));
    let printed = answer
        .as_ref()
        .and_then(|it| it.pointer("/result/structuredContent/stdout"));
    match printed.and_then(Value::as_str) {
        Some(printed) => Ok(printed.to_owned()),
        None => Err(format!("{answer:?} {}", String::from_utf8_lossy(&output.stderr)).into()),
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(found: &T, wanted: &T) -> Result<(), Failed> {
    if found == wanted {
        return Ok(());
    }
    Err(format!("found {found:#?}, wanted {wanted:#?}").into())
}

fn folders() -> Vec<String> {
    fs::read_dir(fixtures().join("components"))
        .expect("the fixtures are there")
        .map(|entry| entry.expect("an entry of a folder"))
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Whether this machine could not make the component: `NAME.skipped` says why.
fn is_skipped(name: &str) -> bool {
    target("components")
        .join(format!("{name}.skipped"))
        .is_file()
}

fn target(name: &str) -> PathBuf {
    repository().join("target").join(name)
}

fn run(name: &str, argument: &str) -> Result<Printed, Failed> {
    let component = target("components").join(format!("{name}.wasm"));
    if !component.is_file() {
        return Err(format!(
            "there is no `{}`: run `make components`",
            component.display()
        )
        .into());
    }
    let folder = fixtures().join("components");
    let servers =
        std::env::var_os("WXMCP_TEST_SERVERS").map_or_else(|| target("servers"), PathBuf::from);
    let output = wxmcp(&folder)
        .env("SERVERS", servers)
        .args(["run", "--config", "wxmcp.toml", "--mcp-config", "mcp.json"])
        .arg(component)
        .arg(argument)
        .output()?;
    Ok(output.into())
}
