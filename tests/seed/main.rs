//! Every sample of the seed: a folder of `fixtures/seed`, a row of its table, a test here.
//!
//! `sample.*` is the sample as it stands in the article. Where it takes something as
//! given, `given.*` stands in front of it, and `after.*` behind it; the parts go to
//! `wxmcp run -` as one script. `main.sql` makes the database `main.db`.
#![expect(
    clippy::indexing_slicing,
    reason = "a test may fail where it stands: serde_json answers null for what is absent"
)]

mod case;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{Value, json};

use case::{Case, Outcome, holds, same};
use support::{Printed, fixtures, wxmcp};

/// What the table may say of a sample.
const UNCHANGED: &str = "runs unchanged";
const EQUIVALENT: &str = "its `wxmcp.toml` equivalent, tested";
const IMPOSSIBLE: &str = "impossible, and why";

type Row = (&'static str, &'static str, fn(&Case) -> Outcome);

const ROWS: [Row; 17] = [
    ("01_local_control_flow", UNCHANGED, local_control_flow),
    ("02_tool_folder", UNCHANGED, tool_folder),
    (
        "03_function_with_metadata",
        UNCHANGED,
        function_with_metadata,
    ),
    ("04_wrapper", UNCHANGED, wrapper),
    ("05_sandbox_for_node", EQUIVALENT, sandbox_for_node),
    ("06_progressive_loading", UNCHANGED, progressive_loading),
    ("07_loop_over_users", UNCHANGED, loop_over_users),
    ("08_privacy", UNCHANGED, privacy),
    ("09_state", IMPOSSIBLE, state),
    ("10_cross_system", UNCHANGED, cross_system),
    ("11_command_injection", UNCHANGED, command_injection),
    ("12_sandbox_for_deno", EQUIVALENT, sandbox_for_deno),
    ("13_validation", UNCHANGED, validation),
    ("14_rate_limits", IMPOSSIBLE, rate_limits),
    ("15_server", EQUIVALENT, server),
    ("16_create_tool", IMPOSSIBLE, create_tool),
    ("17_client", EQUIVALENT, client),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(2);
    let mut trials: Vec<Trial> = ROWS
        .iter()
        .map(|(folder, _, test)| Trial::test(*folder, move || test(&Case::of(folder)?)))
        .collect();
    trials.push(Trial::test(
        "every_folder_has_a_row_and_a_test",
        every_folder_has_a_row_and_a_test,
    ));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn every_folder_has_a_row_and_a_test() -> Outcome {
    let seed = fixtures().join("seed");
    let mut folders = BTreeSet::new();
    for entry in fs::read_dir(&seed)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    let tests: BTreeSet<String> = ROWS.iter().map(|row| row.0.to_owned()).collect();
    same("folders", &folders, &tests)?;
    let table = fs::read_to_string(seed.join("README.md"))?;
    let rows: Vec<(String, String)> = table.lines().filter_map(row).collect();
    let expected: Vec<(String, String)> = ROWS
        .iter()
        .map(|(folder, verdict, _)| ((*folder).to_owned(), (*verdict).to_owned()))
        .collect();
    same("the table", &rows, &expected)
}

/// Folder and verdict of a line of the table: `| [folder](folder) | lines | verdict | how |`.
fn row(line: &str) -> Option<(String, String)> {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let folder = cells.get(1)?.strip_prefix('[')?.split_once(']')?.0;
    Some((folder.to_owned(), (*cells.get(3)?).to_owned()))
}

/// A Python loop over `database.query` that updates through `api` and returns a summary.
fn local_control_flow(case: &Case) -> Outcome {
    let report = case.report(&["given.py", "sample.py"], &[], &[])?;
    report.returned(json!("Updated 24 active users"))?;
    let told = "not updated: the connection `main`: the user is locked\n";
    same("stdout", &report.stdout(), &told)?;
    same("calls", &report.calls(), &26)?;
    let checked = "SELECT count(*) FROM users WHERE last_checked LIKE '20__-__-__T%'";
    same("users", &case.number(checked)?, &24)
}

/// A folder for each namespace and a file for each tool.
fn tool_folder(case: &Case) -> Outcome {
    let server = case.inside("mcp-server")?;
    let listed = server.wxmcp(&["tools", "list"])?;
    let names: Vec<&str> = listed
        .stdout
        .lines()
        .filter_map(|line| line.split('(').next())
        .collect();
    let expected = [
        "api.fetch",
        "database.query",
        "database.update",
        "file.read",
        "file.write",
    ];
    same("tools", &names.as_slice(), &expected.as_slice())?;
    let script = "from tools import database, file\n\
        database.update('INSERT INTO notes (text) VALUES (?)', [file.read('hello.txt')])\n\
        file.write('copy.txt', database.query('SELECT text FROM notes')[-1]['text'])";
    server
        .run(script, "py", &[], &[])?
        .returned(json!({"bytes": 6}))?;
    same(
        "copy",
        &server.file("workspace/copy.txt")?.as_str(),
        &"hello\n",
    )
}

/// An exported function with `description` and `parameters`.
fn function_with_metadata(case: &Case) -> Outcome {
    let shown = case.wxmcp(&["tools", "show", "database.query"])?.stdout;
    holds(&shown, "Execute SQL query and return records")?;
    holds(&shown, "SQL query to execute")?;
    // Its body is a comment.
    let answer = case.call(&[], "database.query", json!({"sql": "SELECT 1"}))?;
    same("answer", &answer, &Value::Null)?;
    let refused = case.call(&[], "database.query", json!({}))?.to_string();
    holds(&refused, r#"\"sql\" is a required property"#)
}

/// A wrapper around `mcp.callTool`.
fn wrapper(case: &Case) -> Outcome {
    let rows = json!([{"name": "Bob"}]);
    case.report(&["sample.ts", "after.ts"], &[], &[])?
        .returned(json!([rows, rows, rows]))?;
    Ok(())
}

const NOT_FOR_THE_SANDBOX: &str = "SyntaxError: `createSandbox` is not for code inside the \
    sandbox: use `[limits]` and `[policy]` of `wxmcp.toml`";

/// `createSandbox` with limits, folders, hosts and tools.
fn sandbox_for_node(case: &Case) -> Outcome {
    case.report(&["sample.ts"], &[], &[])?
        .raised(NOT_FOR_THE_SANDBOX)?;
    let report = case.report(&["probe.ts"], &[], &[])?;
    report.returned(Value::Null)?;
    same(
        "stdout",
        &report.stdout(),
        &"database: a row\n\
          api: pong\n\
          file: there is no tool `file.read`\n\
          read /tools: true\n\
          write /tools: EPERM\n\
          write /tmp: after\n\
          read /etc: ENOENT\n\
          example.org: fetch: `https://example.org` is not granted: run the script with `--allow-host example.org`, or write `allow-hosts = [\"example.org\"]` under `[policy]` in wxmcp.toml\n",
    )?;
    same("written", &case.file("tmp/after.txt")?.as_str(), &"after")?;
    memory_holds(case, 400_000_000, 600_000_000)?;
    time_holds(case)
}

/// So many bytes are there, and so many are not.
fn memory_holds(case: &Case, below: u64, above: u64) -> Outcome {
    let script = |bytes| format!("return new Uint8Array({bytes}).fill(1).length");
    let fits = case.run(&script(below), "ts", &[], &[])?;
    fits.returned(json!(below))?;
    let too_much = case.run(&script(above), "ts", &[], &[])?;
    too_much.stopped("memory", "memory limit")
}

/// The time of `wxmcp.toml` is the one that ends a script.
fn time_holds(case: &Case) -> Outcome {
    let settings = case.file("wxmcp.toml")?;
    let shorter = settings.replacen("timeout = \"30s\"", "timeout = \"300ms\"", 1);
    if shorter == settings {
        return Err("no timeout in wxmcp.toml".into());
    }
    fs::write(case.place.join("wxmcp.toml"), shorter)?;
    let endless = case.run("for (;;) {}", "ts", &[], &[])?;
    endless.stopped("wall-time", "0.3 s")
}

/// Importing one namespace reads that one alone.
fn progressive_loading(case: &Case) -> Outcome {
    let report = case.report(&["sample.ts", "after.ts"], &[], &[])?;
    report.returned(json!([{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bob"}]))?;
    // What was read is kept, a file for each namespace.
    let cache = tempfile::tempdir()?;
    let read = |arguments: &[&str]| -> Result<(usize, Printed), Failed> {
        let mut command = wxmcp(&case.place);
        command.env("WXMCP_CACHE_DIR", cache.path());
        let printed = Printed::from(command.args(arguments).output()?);
        Ok((fs::read_dir(cache.path().join("tools"))?.count(), printed))
    };
    let script =
        "import { query } from './tools/database'; return (await query('SELECT 1')).length";
    let (namespaces, printed) = read(&["run", "--lang", "ts", "-c", script])?;
    same(
        "printed",
        &(printed.stdout + &printed.stderr),
        &"1\n".to_owned(),
    )?;
    same("namespaces that were read", &namespaces, &1)?;
    let (namespaces, printed) = read(&["tools", "list"])?;
    holds(
        &printed.stderr,
        "tools/api/broken.ts: Error: nobody imports me",
    )?;
    same("namespaces that were read", &namespaces, &3)
}

/// A loop with conditions, calls and `catch`.
fn loop_over_users(case: &Case) -> Outcome {
    let report = case.report(&["given.ts", "sample.ts"], &[], &[])?;
    report.returned(json!("Deactivated 34 inactive users"))?;
    let told = "Failed to update user 50: the connection `main`: the user is locked\n";
    same("stderr", &report.whole["stderr"], &Value::from(told))?;
    let inactive = "SELECT count(*) FROM users WHERE status = 'inactive'";
    same("users", &case.number(inactive)?, &84)
}

/// Records are read and sealed; only counts leave the sandbox.
fn privacy(case: &Case) -> Outcome {
    let report = case.report(&["sample.ts"], &[], &[])?;
    let summary = json!({"totalPatients": 10, "avgAge": 36.5, "encryptedRecordsStored": 10});
    report.returned(summary)?;
    if report.printed.stdout.contains("confidential") {
        return Err("a record came out".into());
    }
    for entry in fs::read_dir(case.place.join("vault"))? {
        let sealed = fs::read(entry?.path())?;
        if String::from_utf8_lossy(&sealed).contains("confidential") {
            return Err("a record is not sealed".into());
        }
    }
    let records: Vec<String> = (1..=10)
        .map(|third| format!("confidential record {}", third * 3))
        .collect();
    let owner = ["-v", "keys:/keys", "-v", "vault:/vault"];
    case.report(&["open.py"], &owner, &[])?
        .returned(json!(records))?;
    Ok(())
}

/// Variables that outlive an execution: there are no sessions yet.
fn state(case: &Case) -> Outcome {
    case.report(&["given.ts", "first.ts"], &[], &[])?
        .returned(json!("Loaded 10,000 products"))?;
    case.report(&["second.ts"], &[], &[])?
        .raised("ReferenceError: productCatalog is not defined")?;
    let session = case.wxmcp(&["run", "--session", "shop", "first.ts"])?;
    same("exit code", &session.code, &Some(2))?;
    holds(&session.stderr, "unexpected argument '--session'")?;
    // What does it today: a folder.
    fs::create_dir(case.place.join("state"))?;
    let folder = ["-v", "state:/state:rw"];
    case.report(&["today.ts"], &folder, &[])?
        .returned(json!("Loaded 10,000 products"))?;
    let again = case.report(&["today.ts"], &folder, &[])?;
    again.returned(json!("Found 2000 products under $100"))?;
    same("calls", &again.calls(), &0)
}

/// Files of one system become records of another.
fn cross_system(case: &Case) -> Outcome {
    case.report(&["given.ts", "sample.ts"], &[], &[])?
        .returned(json!("Processed 4 invoices, created 2 opportunities"))?;
    let expected = "SELECT count(*) FROM opportunities WHERE stage = 'Proposal' AND \
        (name, amount) IN (VALUES ('Large Invoice INV-2', 12500.5), ('Large Invoice INV-4', 10000.01))";
    same("opportunities", &case.number(expected)?, &2)?;
    let all = case.number("SELECT count(*) FROM opportunities")?;
    same("opportunities", &all, &2)
}

/// There is no `exec`; a list of what is allowed does the rest.
fn command_injection(case: &Case) -> Outcome {
    let parts = ["given.ts", "vulnerable.ts", "secure.ts"];
    for name in ["data.csv", "data.csv; rm -rf /"] {
        let report = case.report(&parts, &[], &[name])?;
        report.raised("ReferenceError: exec is not defined")?;
        same("calls", &report.calls(), &0)?;
    }
    let given = case.file("given.ts")?;
    let vulnerable = case.file("vulnerable.ts")?;
    let caught = format!("{given}try {{\n{vulnerable}}} catch (error) {{ return `${{error}}` }}");
    case.run(&caught, "ts", &[], &["data.csv; rm -rf /"])?
        .returned(json!("ReferenceError: exec is not defined"))?;
    let secure = format!(
        "{given}const userInput = request.params.filename;\n{}",
        case.file("secure.ts")?
    );
    for name in ["data.csv; rm -rf /", "private.txt", "../wxmcp.toml"] {
        let report = case.run(&secure, "ts", &[], &[name])?;
        report.raised("Error: Invalid file")?;
        same("calls", &report.calls(), &0)?;
    }
    let report = case.run(&secure, "ts", &[], &["data.csv"])?;
    same("calls", &report.returned(json!("a,b\n1,2\n"))?.calls(), &1)
}

/// `createSandbox` with permissions.
fn sandbox_for_deno(case: &Case) -> Outcome {
    case.report(&["sample.ts"], &[], &[])?
        .raised("ReferenceError: createSandbox is not defined")?;
    case.report(&["given.ts", "sample.ts"], &[], &[])?
        .raised(NOT_FOR_THE_SANDBOX)?;
    let report = case.report(&["probe.ts"], &[], &[])?;
    report.returned(Value::Null)?;
    same(
        "stdout",
        &report.stdout(),
        &"read /app/data: \"42\\n\"\n\
          write /app/data: EPERM\n\
          write /tmp: undefined\n\
          read /etc: ENOENT\n\
          net: \"fetch: `https://example.org` is not granted: run the script with `--allow-host example.org`, or write `allow-hosts = [\\\"example.org\\\"]` under `[policy]` in wxmcp.toml\"\n\
          env: {\"HOME\":\"/home/agent\",\"TMPDIR\":\"/tmp\",\"USER\":\"agent\"}\n\
          run: ReferenceError: Deno is not defined\n\
          exec: ReferenceError: exec is not defined\n",
    )?;
    let report = case.report(&["probe.py"], &[], &[])?;
    report.returned(Value::Null)?;
    same(
        "stdout",
        &report.stdout(),
        &"read /app/data: '42\\n'\n\
          write /app/data: PermissionError\n\
          write /tmp: 5\n\
          read /etc: FileNotFoundError\n\
          net: URLError\n\
          env: None\n\
          run: FileNotFoundError\n\
          system: 0\n",
    )?;
    same("data", &case.file("data/report.txt")?.as_str(), &"42\n")?;
    same("written", &case.file("tmp/after.txt")?.as_str(), &"after")
}

/// A tool that checks its statement by a pattern.
fn validation(case: &Case) -> Outcome {
    let call = |sql: &str| case.call(&[], "database.query", json!({"sql": sql}));
    let users = json!([{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bob"}]);
    same("rows", &call("SELECT * FROM users")?, &users)?;
    for sql in [
        "DROP TABLE users",
        "SELECT * FROM secrets",
        "SELECT * FROM users; DROP TABLE users",
        "SELECT * FROM users WHERE id = 1",
    ] {
        holds(&call(sql)?.to_string(), "Invalid SQL query")?;
    }
    // The pattern lets this through; that it only reads is the connection's doing.
    let secrets = call("SELECT text FROM secrets UNION SELECT name FROM users")?;
    holds(&secrets.to_string(), "the secret")?;
    let both = call("SELECT 1; DROP TABLE users; SELECT 1 FROM users")?;
    holds(&both.to_string(), "one statement at a time")
}

/// Limits by window of time: so far there is one by run.
fn rate_limits(case: &Case) -> Outcome {
    case.report(&["sample.ts"], &[], &[])?
        .raised("ReferenceError: createRateLimiter is not defined")?;
    case.report(&["given.ts", "sample.ts"], &[], &[])?.raised(
        "SyntaxError: `createRateLimiter` is not for code inside the sandbox: use `[limits]` of `wxmcp.toml`",
    )?;
    let script = |calls: u32| {
        format!("from tools import api\nfor _ in range({calls}):\n    last = api.ping()\nlast\n")
    };
    case.run(&script(100), "py", &[], &[])?
        .returned(json!("pong"))?;
    let stopped = case.run(&script(101), "py", &[], &[])?;
    stopped.stopped("tool-calls", "100")?;
    // No window: the next run has a hundred of its own.
    case.run(&script(100), "py", &[], &[])?
        .returned(json!("pong"))?;
    Ok(())
}

/// A server of the folder's tools: wxmcp reads them itself, and serves programs that call them.
fn server(case: &Case) -> Outcome {
    case.report(&["sample.ts"], &[], &[])?.raised(
        "Error: Cannot find package '@anthropic/mcp-sdk' imported from /home/agent/<stdin>",
    )?;
    let load = "import { loadTools } from '@anthropic/mcp-tools'; await loadTools('./tools');";
    case.run(load, "ts", &[], &[])?.raised(
        "SyntaxError: `loadTools` is not for code inside the sandbox: use the folder `tools/`, \
         which wxmcp reads itself",
    )?;
    let listed = case.wxmcp(&["tools", "list"])?.stdout;
    same(
        "tools",
        &listed.as_str(),
        &"greeting.hello(name)  Greets somebody.\nsums.add(a, b)  Adds two numbers\n",
    )?;
    let sum = case.call(&[], "sums.add", json!({"a": 1, "b": 2}))?;
    same("sum", &sum, &json!(3))?;
    let code = "from tools import sums\nsums.add(a=1, b=2)";
    let served = case.serve(&[
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": {"name": "seed", "version": "1.0.0"}}}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
            "name": "run_code", "arguments": {"code": code}}}),
    ])?;
    same("exit code", &served.code, &Some(0))?;
    holds(&served.stdout, r#""content":[{"type":"text","text":"3"}]"#)
}

/// `createTool` with zod, around a `db` that is defined nowhere.
fn create_tool(case: &Case) -> Outcome {
    let shown = case.wxmcp(&["tools", "show", "database.query"])?.stdout;
    for words in [
        "Execute SQL query against production database",
        "SQL SELECT query",
        "1000",
        "100",
    ] {
        holds(&shown, words)?;
    }
    let limit = json!({"sql": "SELECT id FROM users", "limit": 1001});
    for (arguments, words) in [
        (limit, "/limit: 1001 is greater than the maximum of 1000"),
        (json!({"limit": 1}), r#"\"sql\" is a required property"#),
        (json!({"sql": 1}), r#"/sql: 1 is not of type \"string\""#),
        (
            json!({"sql": "DELETE FROM users"}),
            "Only SELECT queries allowed",
        ),
        (json!({"sql": "SELECT id FROM users"}), "db is not defined"),
    ] {
        let refused = case.call(&[], "database.query", arguments)?;
        holds(&refused.to_string(), words)?;
    }
    // With `db`, and a grant to use it, the rest is the sample's.
    let sample = case.file("tools/database/query.ts")?;
    let with_db: String = case
        .file("with_db/database/query.ts")?
        .lines()
        .filter(|line| !line.contains("beside the sample") && !line.contains("const db"))
        .flat_map(|line| [line, "\n"])
        .collect();
    same("the rest", &with_db, &sample)?;
    for (arguments, rows) in [
        (json!({"sql": "SELECT id FROM users"}), 100),
        (json!({"sql": "SELECT id FROM users", "limit": 1000}), 1000),
    ] {
        let answer = case.call(&["--tools", "with_db"], "database.query", arguments)?;
        same("rows", &answer.as_array().map_or(0, Vec::len), &rows)?;
    }
    Ok(())
}

/// A program that has a model write code, and runs it.
fn client(case: &Case) -> Outcome {
    case.report(&["sample.ts"], &[], &[])?.raised(
        "SyntaxError: `createSandbox` is not for code inside the sandbox: use `[limits]` and `[policy]` \
         of `wxmcp.toml`",
    )?;
    let report = case.report(&["code.ts"], &[], &[])?;
    report.returned(Value::Null)?;
    same(
        "output",
        &report.stdout(),
        &"/tools/database/query.ts: EPERM\n\
          /node_modules/library/index.js: EPERM\n\
          /tmp/scratch.txt was written\n\
          production http://mcp.company.com 5\n",
    )?;
    let written = case.file("workspace/report.txt")?;
    same("written", &written.as_str(), &"3 users checked\n")?;
    let checked = "SELECT count(*) FROM users WHERE last_checked LIKE '20%'";
    same("users", &case.number(checked)?, &3)?;
    memory_holds(case, 700_000_000, 1_100_000_000)?;
    time_holds(case)
}
