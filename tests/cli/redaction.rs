//! `[recording] redact` of `wxmcp.toml`: values that recordings leave out.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use crate::secrets::{decompressed, holds};
use crate::support::{Printed, TestResult, fixture_config, http as server, tree, wx, wxmcp};

const RULES: &str = r#"
[recording]
redact = [
  { fields = ["password", "*.token", "/user/id"] },
  { pattern = 'sk-[a-z0-9]+', with = "key" },
]
"#;

/// Records with what is typed as standard input.
fn record(
    folder: &Path,
    flags: &[&str],
    script: &[&str],
    input: &str,
) -> Result<Printed, Box<dyn std::error::Error>> {
    let mut command = wxmcp(folder);
    command.args(["record", "--mcp-config", &fixture_config()]);
    command.args(flags).args(script).stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    // A command that refuses to begin reads nothing.
    let _refused = child
        .stdin
        .take()
        .ok_or("no input")?
        .write_all(input.as_bytes());
    Ok(child.wait_with_output()?.into())
}

const SCRIPT: &str = "\
import base64, json, os, sys, urllib.parse, urllib.request
from tools import fixture

given = json.load(sys.stdin)
print(given['password'], sys.argv[1:], os.environ['SERVICE'])
answer = fixture.echo(user={'id': given['id'], 'password': given['password']}, items=[{'token': 'tok \"en\" é'}])
print(json.dumps(answer), answer['items'][0]['token'], file=sys.stderr)
token = answer['items'][0]['token']
print(urllib.parse.quote(token), base64.b64encode(b'user:' + token.encode()).decode())
print(open('/data/settings.json').read())
open('/data/out.txt', 'w').write(f'wrote {token}')
with urllib.request.urlopen(sys.argv[2], data=json.dumps({'password': 'by-http-1'}).encode()) as response:
    print(json.load(response)['body'])
try:
    fixture.fail(message=f'sk-fails1 for {token}')
except Exception as error:
    print(error)
for part in [given['cut'][:6], given['cut'][6:] + '\\n']:
    sys.stdout.write(part)
    sys.stdout.flush()
{'id': answer['user']['id'], 'more': 'sk-value1'}
";

#[test]
fn a_rule_leaves_values_out_of_all_of_a_recording() -> TestResult {
    let port = server::start()?;
    let folder = tree(&[
        ("wxmcp.toml", RULES),
        ("data/settings.json", r#"{"password": "of-a-file"}"#),
    ])?;
    let path = folder.path();
    let host = format!("127.0.0.1:{port}");
    let url = format!("http://{host}/echo");
    let flags = [
        "-o",
        "a.wxr",
        "-e",
        "SERVICE=sk-of-env1",
        "-v",
        "data:/data:rw",
        "--allow-host",
        &host,
    ];
    let live = record(
        path,
        &flags,
        &["-c", SCRIPT, "sk-argument1", &url],
        r#"{"password": "hunter2-typed", "id": 4711123, "cut": "sk-cutintwo"}"#,
    )?;
    assert_eq!(live.code, Some(0), "{}", live.stderr);
    let given = [
        "hunter2-typed",
        "4711123",
        "tok \"en\" é",
        "sk-of-env1",
        "sk-argument1",
        "of-a-file",
        "by-http-1",
        "sk-fails1",
        "sk-cutintwo",
        "sk-value1",
    ];
    let printed = [live.stdout.as_bytes(), live.stderr.as_bytes()].concat();
    for value in given {
        assert!(holds(&printed, value), "{value}: {}", live.stdout);
    }
    let whole = decompressed(&path.join("a.wxr"))?;
    let shown = wx(path, &["recording", "show", "a.wxr"])?.stdout;
    for value in given {
        assert!(!holds(&whole, value), "{value}: {shown}");
        assert!(!holds(shown.as_bytes(), value), "{value}: {shown}");
    }
    let replayed = wx(path, &["replay", "a.wxr"])?;
    assert_eq!(replayed.code, Some(0), "{}", replayed.stderr);
    for words in ["redacted-1 ['key-", "wrote redacted-", "\"id\":9000000001"] {
        let found = replayed.stdout.contains(words) || shown.contains(words);
        assert!(found, "{words}: {}\n{shown}", replayed.stdout);
    }
    assert_eq!(wx(path, &["verify", "a.wxr"])?.code, Some(0));
    Ok(())
}

#[test]
fn a_rule_after_which_the_script_does_something_else_is_named() -> TestResult {
    let script = "import sys\nfrom tools import fixture\npassword = fixture.echo(password=sys.argv[1])['password']\nprint(len(password), 'sk-unseen')\n";
    let folder = tree(&[("wxmcp.toml", RULES), ("a.py", script)])?;
    let path = folder.path();
    let record = |flags: &[&str], password: &str| record(path, flags, &["a.py", password], "");
    let refused = record(&[], "hunter2-typed")?;
    assert_eq!(
        (refused.code, refused.stdout.as_str()),
        (Some(65), "13 sk-unseen\n"),
        "{}",
        refused.stderr
    );
    for words in [
        "the recording `a.wxr` is not kept: `recording.redact[0]` of wxmcp.toml changes what its script does",
        "a.py: the replay differs from `a.wxr` at event",
        "--record-divergent",
    ] {
        assert!(
            refused.stderr.contains(words),
            "{words}: {}",
            refused.stderr
        );
    }
    // What the script makes of the value is not told either.
    assert!(!refused.stderr.contains("13 key-1"), "{}", refused.stderr);
    let names = |path: &Path| -> std::io::Result<Vec<_>> {
        let names = fs::read_dir(path)?.map(|it| Ok(it?.file_name()));
        names.collect()
    };
    assert_eq!(names(path)?.len(), 2, "{:?}", names(path)?);
    // A value of the same length is no difference.
    let same = record(&["-o", "same.wxr"], "hunter2abc")?;
    assert_eq!(same.code, Some(0), "{}", same.stderr);
    // Elsewhere: here stands the script, whose text a rule hits, too.
    let elsewhere = tempfile::tempdir()?;
    fs::copy(path.join("same.wxr"), elsewhere.path().join("same.wxr"))?;
    let replayed = wx(elsewhere.path(), &["replay", "same.wxr"])?;
    assert_eq!(
        (replayed.code, replayed.stdout.as_str()),
        (Some(0), "10 key-1\n"),
        "{}",
        replayed.stderr
    );
    let kept = record(&["--record-divergent"], "hunter2-typed")?;
    assert_eq!(kept.code, Some(0), "{}", kept.stderr);
    assert!(
        kept.stderr
            .contains("the recording `a.wxr` does not replay"),
        "{}",
        kept.stderr
    );
    assert!(!holds(&decompressed(&path.join("a.wxr"))?, "hunter2-typed"));
    Ok(())
}

#[test]
fn a_recording_that_no_rule_hits_is_what_it_would_be() -> TestResult {
    let script = "print('nothing to hide', 1.0)\n";
    let folder = tree(&[("wxmcp.toml", RULES), ("a.py", script)])?;
    let path = folder.path();
    let recorded = record(path, &[], &["a.py"], "")?;
    assert_eq!((recorded.code, recorded.stderr.as_str()), (Some(0), ""));
    assert!(holds(
        &decompressed(&path.join("a.wxr"))?,
        "nothing to hide 1.0"
    ));
    assert_eq!(wx(path, &["verify", "a.wxr"])?.code, Some(0));
    // The text of the script itself is hit, too: the one beside the recording is then another.
    fs::write(path.join("a.py"), "print('sk-inside')\n")?;
    let recorded = record(path, &[], &["a.py"], "")?;
    assert_eq!(recorded.code, Some(0), "{}", recorded.stderr);
    assert!(
        recorded.stderr.contains("hits the text of the script"),
        "{}",
        recorded.stderr
    );
    assert!(!holds(&decompressed(&path.join("a.wxr"))?, "sk-inside"));
    Ok(())
}

#[test]
fn rules_that_mean_nothing_are_refused() -> TestResult {
    for (rules, words) in [
        (
            "[{ pattern = '(' }]",
            "the pattern of rule 0 cannot be read: unclosed group",
        ),
        (
            "[{ pattern = 'a*' }]",
            "the pattern of rule 0 also fits no text at all",
        ),
        (
            "[{ fields = ['a'] }, { with = 'x' }]",
            "rule 1 has neither `pattern` nor `fields`",
        ),
        ("[{ fields = ['*'] }]", "a field of rule 0 is none"),
        ("[{ fields = ['a'], with = 'a b' }]", "`with` of rule 0"),
        ("[{ field = 'canary' }]", "field"),
        ("{ fields = ['canary'] }", "redact"),
    ] {
        let settings = format!("[recording]\nredact = {rules}\n");
        let folder = tree(&[("wxmcp.toml", settings)])?;
        let printed = wx(folder.path(), &["record", "-o", "a.wxr", "-c", "1"])?;
        assert_eq!(printed.code, Some(2), "{rules}: {}", printed.stderr);
        assert!(
            printed.stderr.contains(words),
            "{words}: {}",
            printed.stderr
        );
        assert!(!printed.stderr.contains("canary"), "{}", printed.stderr);
        assert!(!folder.path().join("a.wxr").exists());
    }
    Ok(())
}
