//! The command line as a user meets it: flags, settings, exit codes, reports.

mod support;

use std::error::Error;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use support::{Printed, fixtures, wxmcp};

type TestResult = Result<(), Box<dyn Error>>;

/// Runs `wxmcp` with arguments in an empty folder.
fn wx(args: &[&str]) -> Result<Printed, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    wx_in(folder.path(), args)
}

fn wx_in(folder: &Path, args: &[&str]) -> Result<Printed, Box<dyn Error>> {
    Ok(wxmcp(folder).args(args).output()?.into())
}

fn fixture_config() -> String {
    fixtures()
        .join("mcp/fixture.json")
        .to_string_lossy()
        .into_owned()
}

#[test]
fn a_script_prints_and_its_value_comes_last() -> TestResult {
    let printed = wx(&["run", "-c", "print('out'); {'a': [1, 2]}"])?;
    assert_eq!(
        printed.stdout,
        "out\n{\"a\": [1, 2]}\n"
            .replace(": ", ":")
            .replace(", ", ",")
    );
    assert_eq!(printed.stderr, "");
    assert_eq!(printed.code, Some(0));
    let printed = wx(&["run", "-q", "-c", "print('out'); 42"])?;
    assert_eq!(printed.stdout, "out\n");
    let printed = wx(&["run", "-c", "'text as it is'"])?;
    assert_eq!(printed.stdout, "text as it is\n");
    Ok(())
}

#[test]
fn exit_codes_tell_the_outcome() -> TestResult {
    for (code, args) in [
        (0, &["run", "-c", "1"][..]),
        (1, &["run", "-c", "1/0"]),
        (2, &["run", "absent.py"]),
        (2, &["run", "--no-such-flag"]),
        (2, &["run", "-v", "nowhere:/data", "-c", "1"]),
        (2, &["run", "--memory", "1MiB", "-c", "1"]),
        (2, &["run", "--mcp-config", "absent.json", "-c", "1"]),
        (2, &["run", "--allow-tool", "a b", "-c", "1"]),
        (3, &["run", "--fuel", "1000", "-c", "1"]),
        (7, &["run", "-c", "import sys; sys.exit(7)"]),
    ] {
        let printed = wx(args)?;
        assert_eq!(printed.code, Some(code), "{args:?}: {}", printed.stderr);
    }
    Ok(())
}

#[test]
fn messages_say_what_why_and_what_helps() -> TestResult {
    let printed = wx(&["run", "-v", "nowhere:/data", "-c", "1"])?;
    assert_eq!(
        printed.stderr,
        "error: cannot start `<code>`\n  \
         caused by: open the host directory for mount `/data`\n  \
         caused by: No such file or directory (os error 2)\n\
         hint: create the directory, or drop the volume `/data`\n"
    );
    let printed = wx(&["run", "--memory", "8MiB", "--lang", "js", "-c", "1"])?;
    assert!(
        printed.stderr.contains("JavaScript 10 MiB"),
        "{}",
        printed.stderr
    );
    let enough = ["run", "--memory", "16MiB", "--lang", "js", "-c", "return 1"];
    assert_eq!(wx(&enough)?.stdout, "1\n");
    let printed = wx(&["run", "report.txt"])?;
    assert_eq!(
        printed.stderr,
        "error: cannot tell the language of `report.txt`\n\
         hint: name it `*.py`, `*.js`, `*.ts` or `*.wasm`, or say --lang\n"
    );
    Ok(())
}

#[test]
fn a_flag_behind_the_script_is_not_lost() -> TestResult {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("a.py"), "import sys\nsys.argv[1:]")?;
    for word in ["--timeout", "--allow-tool=x", "-v", "--json"] {
        let printed = wx_in(folder.path(), &["run", "a.py", word, "1s"])?;
        assert_eq!(printed.code, Some(2), "{word}: {}", printed.stdout);
        assert!(
            printed.stderr.contains("behind the script"),
            "{}",
            printed.stderr
        );
    }
    let printed = wx_in(folder.path(), &["run", "a.py", "--", "--json", "-x"])?;
    assert_eq!(printed.stdout, "[\"--json\",\"-x\"]\n");
    let printed = wx_in(folder.path(), &["run", "a.py", "--since", "2026"])?;
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
fn a_report_fits_its_schema() -> TestResult {
    let schema = fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/report.schema.json"),
    )?;
    let schema = jsonschema::validator_for(&serde_json::from_str(&schema)?)?;
    let config = fixture_config();
    for source in [
        "1",
        "1/0",
        "import sys; sys.exit(3)",
        "while True: pass",
        "x = 'x' * 10**9",
        "text('hello'); progress('half', 1, 2); call_tool('fixture.add', {'a': 1, 'b': 2})",
        "call_tool('fixture.picture'); image(call_tool('fixture.picture'))",
        "image(call_tool('fixture.document', {'form': 'picture'}))",
        "call_tool('fixture.fail', {'message': 'no'})",
        "call_tool('nothing.here')",
        "return 2 ** 100",
    ] {
        let args = [
            "run",
            "--json",
            "--timeout",
            "3s",
            "--mcp-config",
            &config,
            "-c",
            source,
        ];
        let printed = wx(&args)?;
        let report: serde_json::Value = serde_json::from_str(&printed.stdout)
            .map_err(|error| format!("{source}: {error}: {}", printed.stderr))?;
        if let Err(error) = schema.validate(&report) {
            return Err(format!("{source}: {error} in {report}").into());
        }
        assert_eq!(printed.stderr, "", "{source}");
    }
    Ok(())
}

#[test]
fn a_value_keeps_every_digit() -> TestResult {
    let printed = wx(&["run", "--json", "-c", "return [2 ** 63, 0.1, 2 ** 100]"])?;
    assert!(
        printed
            .stdout
            .contains("\"value\":[9223372036854775808,0.1,1267650600228229401496703205376]"),
        "{}",
        printed.stdout
    );
    Ok(())
}

#[test]
fn calls_are_in_the_report_also_when_the_run_fails() -> TestResult {
    let source = "call_tool('fixture.add', {'a': 1, 'b': 2})\n1/0";
    let config = fixture_config();
    let printed = wx(&["run", "--json", "--mcp-config", &config, "-c", source])?;
    let report: serde_json::Value = serde_json::from_str(&printed.stdout)?;
    assert_eq!(report["outcome"], "raised");
    assert_eq!(report["error"]["type"], "ZeroDivisionError");
    assert_eq!(report["error"]["line"], 2);
    assert_eq!(report["calls"][0]["name"], "fixture.add");
    assert_eq!(report["usage"]["tool_calls"], 1);
    assert_eq!(printed.code, Some(1));
    Ok(())
}

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
    let printed = wx_in(folder.path(), &["run", "-c", "1"])?;
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
    let printed = wx_in(folder.path(), &["run", "-c", source])?;
    assert_eq!(printed.stdout, "3\n", "{}", printed.stderr);
    let printed = wx_in(folder.path(), &["run", "-c", "call_tool('broken.x')"])?;
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
    let printed = wx_in(folder.path(), &["run", "-c", "from tools import a"])?;
    assert_eq!(printed.code, Some(0), "{}", printed.stderr);
    assert!(!mark.exists());
    wx_in(folder.path(), &["run", "-c", "call_tool('a.b')"])?;
    assert!(mark.exists());
    Ok(())
}

#[test]
fn randomness_differs_between_two_runs() -> TestResult {
    let source = "\
import random, secrets, tempfile, uuid
now = [random.random(), secrets.token_hex(8), str(uuid.uuid4()), random.Random().random(),
       next(tempfile._get_candidate_names())]
import statistics
now.append(statistics.NormalDist().samples(1)[0])
return now";
    let script = "return [Math.random(), crypto.randomUUID(), [...crypto.getRandomValues(new Uint8Array(8))], \
        Math.random(), crypto.getRandomValues(new Uint32Array(1))[0], crypto.randomUUID()]";
    let once = |lang: &str, source: &str| -> Result<Vec<serde_json::Value>, Box<dyn Error>> {
        let printed = wx(&["run", "--lang", lang, "-c", source])?;
        Ok(serde_json::from_str(&printed.stdout).map_err(|_| printed.stderr)?)
    };
    for (lang, source) in [("py", source), ("js", script)] {
        let (first, second) = (once(lang, source)?, once(lang, source)?);
        assert_eq!(first.len(), 6);
        for (a, b) in first.iter().zip(&second) {
            assert_ne!(a, b);
        }
    }
    let seeded = "import random; random.seed(1); return [random.random()]";
    assert_eq!(once("py", seeded)?, once("py", seeded)?);
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
        let printed = wx_in(folder.path(), args)?;
        assert_eq!(
            printed.stdout.trim_end(),
            expected,
            "{args:?}: {}",
            printed.stderr
        );
    }
    for name in ["a.jsx", "a.tsx"] {
        fs::write(folder.path().join(name), "return <b>x</b>")?;
        let printed = wx_in(folder.path(), &["run", name])?;
        assert_eq!(printed.code, Some(1));
        assert!(
            printed.stderr.contains("JSX is not supported"),
            "{}",
            printed.stderr
        );
    }
    Ok(())
}

#[test]
fn a_script_that_is_no_program_is_reported_as_one_that_raised() -> TestResult {
    let printed = wx(&["run", "--json", "--lang", "ts", "-c", "let a: = 1"])?;
    assert_eq!(printed.code, Some(1));
    let report: serde_json::Value = serde_json::from_str(&printed.stdout)?;
    assert_eq!(report["outcome"], "raised");
    assert_eq!(report["error"]["type"], "SyntaxError");
    assert_eq!(report["error"]["line"], 1);
    Ok(())
}

#[test]
fn it_runs_without_a_home_and_with_a_read_only_one() -> TestResult {
    let folder = tempfile::tempdir()?;
    let printed = Printed::from(
        wxmcp(folder.path())
            .env_remove("WXMCP_CACHE_DIR")
            .args(["run", "-c", "1"])
            .output()?,
    );
    assert_eq!(printed.stdout, "1\n", "{}", printed.stderr);
    // Root may write where nobody may; a file in the way stops root, too.
    let home = folder.path().join("home");
    fs::write(&home, "")?;
    fs::set_permissions(&home, fs::Permissions::from_mode(0o400))?;
    let printed = Printed::from(
        wxmcp(folder.path())
            .env_remove("WXMCP_CACHE_DIR")
            .env("HOME", &home)
            .args(["run", "-c", "1"])
            .output()?,
    );
    assert_eq!(printed.stdout, "1\n", "{}", printed.stderr);
    Ok(())
}

#[test]
fn doctor_finds_what_is_wrong() -> TestResult {
    let folder = tempfile::tempdir()?;
    wx_in(folder.path(), &["run", "-c", "1"])?;
    let printed = wx_in(
        folder.path(),
        &["doctor", "--mcp-config", &fixture_config()],
    )?;
    assert_eq!(printed.code, Some(0), "{}", printed.stdout);
    assert!(
        printed.stdout.contains("server `fixture`"),
        "{}",
        printed.stdout
    );
    assert!(printed.stdout.contains("12 tools"), "{}", printed.stdout);
    let config = r#"{"mcpServers": {"gone": {"command": "/no/such/program"}}}"#;
    fs::write(folder.path().join(".mcp.json"), config)?;
    let printed = wx_in(folder.path(), &["doctor"])?;
    assert_eq!(printed.code, Some(1), "{}", printed.stdout);
    assert!(
        printed.stdout.contains("FAIL  server `gone`"),
        "{}",
        printed.stdout
    );
    Ok(())
}

#[test]
fn help_and_completions_are_there() -> TestResult {
    let printed = wx(&["run", "--help"])?;
    for part in ["--timeout", "--volume", "Examples:", "Exit codes:"] {
        assert!(printed.stdout.contains(part), "{part}");
    }
    assert!(wx(&["completions", "bash"])?.stdout.contains("_wxmcp"));
    assert!(wx(&["--version"])?.stdout.starts_with("wxmcp "));
    Ok(())
}

#[test]
fn a_reader_that_goes_away_ends_the_run_quietly() -> TestResult {
    let folder = tempfile::tempdir()?;
    let mut child = wxmcp(folder.path())
        .args([
            "run",
            "--max-output",
            "100MiB",
            "-c",
            "while True: print('y')",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    drop(child.stdout.take());
    let printed = Printed::from(child.wait_with_output()?);
    assert_eq!(printed.code, Some(130));
    assert!(!printed.stderr.contains("panicked"), "{}", printed.stderr);
    Ok(())
}

#[test]
fn doctor_finds_a_damaged_cache() -> TestResult {
    let folder = tempfile::tempdir()?;
    let cache = folder.path().join("cache");
    let doctor = || -> Result<Printed, Box<dyn Error>> {
        Ok(wxmcp(folder.path())
            .arg("doctor")
            .env("WXMCP_CACHE_DIR", &cache)
            .output()?
            .into())
    };
    let run = || {
        wxmcp(folder.path())
            .args(["run", "-c", "1"])
            .env("WXMCP_CACHE_DIR", &cache)
            .output()
    };
    run()?;
    assert_eq!(doctor()?.code, Some(0));
    let unpacked = fs::read_dir(&cache)?
        .filter_map(Result::ok)
        .find(|entry| entry.file_name().to_string_lossy().starts_with("python"))
        .ok_or("nothing was unpacked")?;
    fs::set_permissions(unpacked.path(), fs::Permissions::from_mode(0o600))?;
    let file = fs::OpenOptions::new().write(true).open(unpacked.path())?;
    std::os::unix::fs::FileExt::write_all_at(&file, b"damage", 4_096)?;
    let found = doctor()?;
    assert_ne!(found.code, Some(0), "{}", found.stdout);
    assert!(
        found.stdout.contains("not what was unpacked"),
        "{}",
        found.stdout
    );
    assert_eq!(run()?.status.code(), Some(0));
    Ok(())
}

#[test]
fn an_interrupt_ends_the_run_and_says_so() -> TestResult {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir()?;
    let mut child = wxmcp(folder.path())
        .args([
            "run",
            "-c",
            "print('started', flush=True)\nwhile True: pass",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no stdout")?).read_line(&mut line)?;
    assert_eq!(line, "started\n");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT)?;
    let printed = Printed::from(child.wait_with_output()?);
    assert_eq!(printed.code, Some(130));
    assert_eq!(printed.stderr, "error: interrupted\n");
    Ok(())
}

/// What a terminal shows while a script runs: `progress()` of either language, calls,
/// and no control characters of the script's.
#[test]
fn a_terminal_shows_progress() -> TestResult {
    let terminal = "import pty, sys; pty.spawn(sys.argv[1:])";
    for (name, source) in [
        ("a.py", "progress('half\\x1b[31m way', 1, 2)\nprint('out')"),
        (
            "a.ts",
            "progress('half\\x1b[31m way', 1, 2);\nconsole.log('out');",
        ),
    ] {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join(name), source)?;
        let ours = wxmcp(folder.path());
        let mut command = std::process::Command::new("python3");
        command
            .current_dir(folder.path())
            .args(["-c", terminal])
            .arg(ours.get_program())
            .args(["run", name])
            .env("WXMCP_CACHE_DIR", support::cache());
        let printed = Printed::from(command.stdin(Stdio::null()).output()?);
        let shown = "0 calls done, 0 in flight";
        assert!(printed.stdout.contains(shown), "{name}: {}", printed.stdout);
        assert!(
            printed.stdout.contains("1/2 half\u{241b}[31m way"),
            "{name}: {}",
            printed.stdout
        );
        assert!(printed.stdout.contains("out"), "{name}: {}", printed.stdout);
    }
    Ok(())
}

#[test]
fn tools_are_listed_searched_shown_and_called() -> TestResult {
    let config = fixture_config();
    let tools = |words: &[&str]| wx(&[&["tools", "--mcp-config", &config], words].concat());
    let listed = tools(&["list"])?;
    assert_eq!(listed.code, Some(0), "{}", listed.stderr);
    assert!(
        listed
            .stdout
            .contains("fixture.add(a, b)  Adds two numbers.\n")
    );
    let found = tools(&["search", "add", "two", "numbers"])?;
    assert!(
        found.stdout.starts_with("fixture.add  Adds two numbers.\n"),
        "{}",
        found.stdout
    );
    let nothing = tools(&["search", "zebra quagga"])?;
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(1), ""));
    assert!(
        nothing.stderr.contains("no tool fits"),
        "{}",
        nothing.stderr
    );
    let nothing = tools(&["search", "send sms", "--json"])?;
    assert_eq!((nothing.code, nothing.stdout.trim()), (Some(1), "[]"));
    let names = tools(&["search", "add", "--limit", "1", "--detail", "names"])?;
    assert_eq!(names.stdout, "fixture.add\n");
    let full = tools(&["search", "add", "--limit", "1", "--detail", "full"])?;
    assert_eq!(full.stdout, tools(&["show", "fixture.add"])?.stdout);
    let shown = tools(&["show", "fixture.add"])?;
    assert!(
        shown
            .stdout
            .starts_with("fixture.add(a: float, b: float) -> float\n")
    );
    let answer = tools(&["call", "fixture.add", "--args", "{\"a\": 40, \"b\": 2}"])?;
    assert_eq!((answer.code, answer.stdout.trim_end()), (Some(0), "42"));
    for (words, code, message) in [
        (
            &["call", "fixture.add", "--args", "{\"a\": 1}"][..],
            1,
            "\"b\" is a required property",
        ),
        (
            &["call", "fixture.add", "--args", "[]"],
            2,
            "the arguments are no JSON object",
        ),
        (
            &["call", "fixture.nope"],
            1,
            "there is no tool `fixture.nope`",
        ),
        (&["list", "nowhere"], 1, "there is no namespace `nowhere`"),
    ] {
        let printed = tools(words)?;
        assert_eq!(printed.code, Some(code), "{words:?}: {}", printed.stderr);
        assert!(
            printed.stderr.contains(message),
            "{words:?}: {}",
            printed.stderr
        );
        assert_eq!(printed.stdout, "");
    }
    let json = tools(&["search", "add", "--json", "--limit", "1"])?;
    let json: serde_json::Value = serde_json::from_str(&json.stdout)?;
    assert_eq!(json[0]["name"], "fixture.add");
    assert_eq!(json.as_array().map(Vec::len), Some(1));
    Ok(())
}

#[test]
fn a_call_prints_the_value_and_the_content_that_it_does_not_hold() -> TestResult {
    let config = fixture_config();
    let call = |form: &str| {
        let args = format!(r#"{{"form": "{form}"}}"#);
        wx(&[
            "tools",
            "--mcp-config",
            &config,
            "call",
            "fixture.document",
            "--args",
            &args,
        ])
    };
    let page = call("page")?;
    let printed: serde_json::Value = serde_json::from_str(&page.stdout)?;
    assert_eq!(printed, serde_json::json!({"name": "a.md"}));
    let text = serde_json::json!([{"type": "text", "text": "# Title\nthe body"}]);
    assert_eq!(
        page.stderr,
        format!(
            "note: `fixture.document` also answered content that its value does not hold (1 text): \
             `content(value)` returns it\nnote: content: {text:#}\n"
        )
    );
    let same = call("same")?;
    assert_eq!(
        (same.stdout.as_str(), same.stderr.as_str()),
        ("{\n  \"a\": 1\n}\n", "")
    );
    Ok(())
}
