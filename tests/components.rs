//! Components made from the WIT of the tools, in four languages, as `make components` leaves them in
//! `target/components`: they get typed rows and typed errors, and say the same.
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use support::{Printed, fixtures, wxmcp};

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
    let names: BTreeSet<&str> = expected.iter().map(|(name, _)| *name).collect();
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
    libtest_mimic::run(&arguments, trials).exit_code()
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
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target")
        .join(name)
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
