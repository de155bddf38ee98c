//! Where programs of the server's clients stand: `--project`, `--workdir`, and their own folders.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::client::{Client, Era, text};
use crate::support::{TestResult, tree, wx, wxmcp};

const FILES: [(&str, &str); 4] = [
    ("helpers.py", "def twice(n):\n    return 2 * n\n"),
    ("helpers.ts", "export const twice = (n: number) => 2 * n;\n"),
    ("data/in/x.txt", "x"),
    (
        "served.toml",
        "[policy]\nproject = \".\"\nworkdir = \"/project/data\"\n",
    ),
];

const PYTHON: &str = "import os\n[os.getcwd(), sorted(os.listdir())]";
const TYPESCRIPT: &str = "return [process.cwd(), (await files.list('.')).sort()];";

/// What programs in both languages see, without a session and in one.
fn seen(client: &mut Client) -> Vec<Value> {
    let runs = [("python", PYTHON), ("typescript", TYPESCRIPT)];
    let mut all = Vec::new();
    for (language, code) in runs {
        for arguments in [
            json!({"code": code, "language": language}),
            json!({"code": code, "language": language, "session": "new"}),
        ] {
            let result = client.call("run_code", arguments);
            all.push(result["structuredContent"]["value"].clone());
        }
    }
    all
}

#[test]
fn programs_begin_in_the_folder_that_is_told() -> TestResult {
    let folder = tree(&FILES)?;
    let everything = json!(["data", "helpers.py", "helpers.ts", "served.toml"]);
    for (flags, place) in [
        (&[][..], json!(["/home/agent", []])),
        (&["--project", "."], json!(["/project", everything])),
        (
            &["--project", ".", "--workdir", "/tmp"],
            json!(["/tmp", []]),
        ),
        (
            &["--project", ".", "--workdir", "/project/data/in/"],
            json!(["/project/data/in", ["x.txt"]]),
        ),
        (&["-v", "data:/d", "--workdir", "/d"], json!(["/d", ["in"]])),
        (
            &["--config", "served.toml"],
            json!(["/project/data", ["in"]]),
        ),
    ] {
        let mut client = Client::start(folder.path(), Era::Legacy, flags);
        assert_eq!(seen(&mut client), vec![place; 4], "{flags:?}");
    }
    Ok(())
}

#[test]
fn programs_import_what_is_in_the_project_and_do_not_change_it() -> TestResult {
    let folder = tree(&FILES)?;
    let python = "import helpers\nhelpers.twice(21)";
    let typescript = "import { twice } from './helpers';\nreturn twice(21);";
    let mut client = Client::start(folder.path(), Era::Modern, &["--project", "."]);
    for result in [client.run(python), client.run_typescript(typescript)] {
        assert_eq!(result["structuredContent"]["value"], 42, "{result}");
    }
    let result = client.run("open('left', 'w')");
    assert!(
        text(&result).contains("`/project` is mounted read-only"),
        "{result}"
    );
    assert!(!folder.path().join("left").exists());
    let mut client = Client::start(folder.path(), Era::Modern, &[]);
    let result = client.run(python);
    assert!(
        text(&result).contains("No module named 'helpers'"),
        "{result}"
    );
    let result = client.run_typescript(typescript);
    assert!(
        text(&result).contains("`--project DIR` shows it, as `/project`"),
        "{result}"
    );
    Ok(())
}

#[test]
fn a_folder_that_is_not_there_is_refused_in_words() -> TestResult {
    let folder = tree(&FILES)?;
    let refused = wx(folder.path(), &["serve", "--workdir", "data"])?;
    assert_eq!(refused.code, Some(2));
    let why = "--workdir\n  caused by: DST must be an absolute path without `..`";
    assert!(refused.stderr.contains(why), "{}", refused.stderr);
    let missing = "there is no folder `/data/x` for the script to begin in";
    for (flags, told, logged) in [
        (
            &["-v", "data:/data", "--workdir", "/data/x"][..],
            missing,
            missing,
        ),
        (
            &["--project", "nowhere"],
            "open the host directory for mount `/project`",
            "note: there is no folder `nowhere` to be seen as `/project`",
        ),
    ] {
        let log = folder.path().join(format!("{}.log", flags.len()));
        let mut command = wxmcp(folder.path());
        command
            .arg("serve")
            .args(flags)
            .arg("--log")
            .arg(&log)
            .stderr(Stdio::null());
        let mut client = Client::of(command, Era::Legacy, json!({}));
        for result in [
            client.run("1"),
            client.run_typescript("1"),
            client.call("run_code", json!({"code": "1", "session": "new"})),
        ] {
            assert_eq!(result["isError"], true, "{result}");
            let words = format!("the run could not begin: {told}");
            assert!(text(&result).starts_with(&words), "{result}");
            // A program is told nothing of the host.
            assert!(!result.to_string().contains("nowhere"), "{result}");
        }
        client.end();
        let log = std::fs::read_to_string(log)?;
        assert!(log.contains(logged), "{log}");
    }
    Ok(())
}
