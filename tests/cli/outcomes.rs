//! How a run ends: values, exit codes, messages.

use std::error::Error;

use crate::support::{TestResult, wx_alone};

#[test]
fn a_script_prints_and_its_value_comes_last() -> TestResult {
    let printed = wx_alone(&["run", "-c", "print('out'); {'a': [1, 2]}"])?;
    assert_eq!(
        printed.stdout,
        "out\n{\"a\": [1, 2]}\n"
            .replace(": ", ":")
            .replace(", ", ",")
    );
    assert_eq!(printed.stderr, "");
    assert_eq!(printed.code, Some(0));
    let printed = wx_alone(&["run", "-q", "-c", "print('out'); 42"])?;
    assert_eq!(printed.stdout, "out\n");
    let printed = wx_alone(&["run", "-c", "'text as it is'"])?;
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
        let printed = wx_alone(args)?;
        assert_eq!(printed.code, Some(code), "{args:?}: {}", printed.stderr);
    }
    Ok(())
}

#[test]
fn messages_say_what_why_and_what_helps() -> TestResult {
    let printed = wx_alone(&["run", "-v", "nowhere:/data", "-c", "1"])?;
    assert_eq!(
        printed.stderr,
        "error: cannot start `<code>`\n  \
         caused by: open the host directory for mount `/data`\n  \
         caused by: No such file or directory (os error 2)\n\
         hint: create the directory, or drop the volume `/data`\n"
    );
    let printed = wx_alone(&["run", "--memory", "8MiB", "--lang", "js", "-c", "1"])?;
    assert!(
        printed.stderr.contains("JavaScript 18 MiB"),
        "{}",
        printed.stderr
    );
    let enough = ["run", "--memory", "18MiB", "--lang", "js", "-c", "return 1"];
    assert_eq!(wx_alone(&enough)?.stdout, "1\n");
    let printed = wx_alone(&["run", "report.txt"])?;
    assert_eq!(
        printed.stderr,
        "error: cannot tell the language of `report.txt`\n\
         hint: name it `*.py`, `*.js`, `*.ts` or `*.wasm`, or say --lang\n"
    );
    Ok(())
}

#[test]
fn a_value_keeps_every_digit() -> TestResult {
    let printed = wx_alone(&["run", "--json", "-c", "return [2 ** 63, 0.1, 2 ** 100]"])?;
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
fn a_script_that_is_no_program_is_reported_as_one_that_raised() -> TestResult {
    let printed = wx_alone(&["run", "--json", "--lang", "ts", "-c", "let a: = 1"])?;
    assert_eq!(printed.code, Some(1));
    let report: serde_json::Value = serde_json::from_str(&printed.stdout)?;
    assert_eq!(report["outcome"], "raised");
    assert_eq!(report["error"]["type"], "SyntaxError");
    assert_eq!(report["error"]["line"], 1);
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
        let printed = wx_alone(&["run", "--lang", lang, "-c", source])?;
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
