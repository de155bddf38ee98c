//! What the README shows first is what happens.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;

use support::{TestResult, copy_all, copy_file, repository, wx};

/// The blocks of a language in a page.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    page.split(&format!("```{language}\n"))
        .skip(1)
        .filter_map(|rest| rest.split("\n```").next())
        .collect()
}

#[test]
fn the_first_screen_is_true() -> TestResult {
    let root = repository();
    let page = fs::read_to_string(root.join("README.md"))?;
    let shown = blocks(&page, "console")
        .into_iter()
        .next()
        .and_then(|block| block.split_once('\n'))
        .ok_or("no console block")?;
    assert_eq!(shown.0, "$ target/release/wxmcp run examples/first.py");
    for (language, file) in [("python", "first.py"), ("typescript", "first.ts")] {
        let example = fs::read_to_string(root.join("examples").join(file))?;
        let block = blocks(&page, language).into_iter().next();
        assert_eq!(block, Some(example.trim_end()), "{file}");
        let printed = wx(root, &["run", &format!("examples/{file}")])?;
        assert_eq!(
            (printed.stdout.trim_end(), printed.stderr.as_str()),
            (shown.1, ""),
            "{file} (the sample database is made by examples/sample.sh)"
        );
    }
    Ok(())
}

/// The second screen, in a copy of what a clone has, once built: Claude Code is given a command that serves, and Cursor the
/// lines that are shown. The sample database is what the page says it is: made by `make run`, and missing before.
#[test]
#[expect(clippy::too_many_lines, reason = "one command after the other")]
fn the_second_screen_is_true() -> TestResult {
    let root = repository();
    let page = fs::read_to_string(root.join("README.md"))?;
    let (_, section) = page
        .split_once("\n## Add it to your agent\n")
        .ok_or("no section")?;
    let before = section.split("```").next().ok_or("no text")?;
    assert!(before.contains("after `make run`, which makes the sample database"));
    let run = fs::read_to_string(root.join("examples/records/run.sh"))?;
    assert!(run.contains("target/demo/sample.db"), "{run}");
    let shown = blocks(section, "console")
        .into_iter()
        .next()
        .ok_or("none")?;
    let mut lines = shown.lines();
    let [claude, cursor] = [lines.next(), lines.next()].map(|line| {
        let line = line
            .and_then(|line| line.strip_prefix("$ "))
            .unwrap_or_default();
        line.split("  #").next().unwrap_or_default().trim_end()
    });
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let place = folder.path();
    for needed in ["tools", "target/release", "target/demo", "bin"] {
        fs::create_dir_all(place.join(needed))?;
    }
    copy_all(&root.join("tools"), &place.join("tools"), copy_file)?;
    fs::copy(root.join("wxmcp.toml"), place.join("wxmcp.toml"))?;
    let program = place.join("target/release/wxmcp");
    if fs::hard_link(env!("CARGO_BIN_EXE_wxmcp"), &program).is_err() {
        fs::copy(env!("CARGO_BIN_EXE_wxmcp"), &program)?;
    }
    // Claude Code keeps the words behind `--`.
    let claude_code = "#!/bin/sh\nfor word in \"$@\"; do printf '%s\\n' \"$word\"; done\n";
    fs::write(place.join("bin/claude"), claude_code)?;
    let shell = |command: &str| -> Result<String, Box<dyn std::error::Error>> {
        let path = std::env::var("PATH")?;
        let bins = ["bin", "target/release"].map(|it| place.join(it).display().to_string());
        let mut shell = Command::new("sh");
        shell
            .args(["-c", command])
            .current_dir(place)
            .env("PATH", format!("{}:{path}", bins.join(":")))
            .env("WXMCP_CACHE_DIR", support::cache());
        let output = shell.output()?;
        assert!(
            output.status.success(),
            "{command}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?)
    };
    let made = Command::new("chmod")
        .arg("+x")
        .arg(place.join("bin/claude"))
        .status()?;
    assert!(made.success());
    let kept = shell(claude)?;
    let words: Vec<&str> = kept.lines().collect();
    assert_eq!(words.get(..4), Some(&["mcp", "add", "wxmcp", "--"][..]));
    let served = words.get(4..).ok_or("no command")?;
    assert_eq!(served.first().map(PathBuf::from), Some(program));
    let missing = asked(place, served)?;
    assert!(
        missing.contains("the database file cannot be opened"),
        "{missing}"
    );
    fs::copy(
        root.join("target/demo/sample.db"),
        place.join("target/demo/sample.db"),
    )?;
    let answered = asked(place, served)?;
    assert!(answered.contains("3376"), "{answered}");
    let printed = shell(cursor)?;
    let rest: Vec<&str> = lines.collect();
    let here = fs::canonicalize(place)?.display().to_string();
    assert_eq!(
        printed.trim_end().replace(&here, "/home/you/wxmcp"),
        rest.join("\n")
    );
    Ok(())
}

/// The text of what a server that is started by these words answers to a program that counts airports.
fn asked(folder: &Path, words: &[&str]) -> Result<String, Box<dyn std::error::Error>> {
    let code =
        "from tools import database\ndatabase.query(sql='SELECT count(*) AS n FROM airports')";
    let lines = [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
            "name": "run_code", "arguments": {"code": code}}}),
    ];
    let input: Vec<String> = lines.iter().map(|line| format!("{line}\n")).collect();
    let file = folder.join("input");
    fs::write(&file, input.concat())?;
    let (program, args) = words.split_first().ok_or("no program")?;
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .env("WXMCP_CACHE_DIR", support::cache())
        .stdin(fs::File::open(&file)?)
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let answer = text.lines().find(|line| line.contains("\"id\":2"));
    Ok(answer.ok_or("no answer")?.to_owned())
}

/// What is shown of a tool in four languages is in the files that it is said to be from.
#[test]
fn a_tool_in_four_languages_is_shown_as_it_is() -> TestResult {
    let root = repository();
    let page = fs::read_to_string(root.join("README.md"))?;
    let (_, section) = page.split_once("\n## Components\n").ok_or("no section")?;
    let folder = tempfile::tempdir()?;
    for format in ["python", "typescript"] {
        let out = folder.path().join(format).to_string_lossy().into_owned();
        let exported = wx(
            root,
            &[
                "tools", "export", "--format", format, "-o", &out, "database",
            ],
        )?;
        assert_eq!(exported.code, Some(0), "{}", exported.stderr);
    }
    for (language, file) in [
        ("wit", root.join("wit/tools/deps/tools-database.wit")),
        ("python", folder.path().join("python/tools/database.pyi")),
        (
            "typescript",
            folder.path().join("typescript/tools/database.d.ts"),
        ),
        ("rust", root.join("guest-adapters/rust/src/main.rs")),
    ] {
        let text = fs::read_to_string(&file)?;
        let block = blocks(section, language)
            .into_iter()
            .next()
            .ok_or(language)?;
        for part in block.split("\n\n") {
            assert!(text.contains(part), "{} has no\n{part}", file.display());
        }
    }
    Ok(())
}

/// Scripts of others print under wxmcp what they print under their own interpreters, and what the page shows.
#[test]
fn scripts_run_as_they_are_found() -> TestResult {
    let root = repository();
    let page = fs::read_to_string(root.join("README.md"))?;
    let (_, section) = page
        .split_once("\n### Scripts as they are found\n")
        .ok_or("no section")?;
    let shown = blocks(section, "console")
        .into_iter()
        .next()
        .ok_or("none")?;
    for (interpreter, file, data) in [
        ("python3", "weather.py", ""),
        ("node", "airports.js", "/airports.csv"),
    ] {
        let script = format!("examples/skills/{file}");
        let home = tempfile::tempdir()?;
        let native = Command::new(interpreter)
            .args([&script, &format!("target/demo/data{data}")])
            .env("HOME", home.path())
            .env("TMPDIR", home.path())
            .current_dir(root)
            .output()?;
        let flags = [
            "--project",
            "examples/skills",
            "-v",
            "target/demo/data:/data",
        ];
        let given = format!("/data{data}");
        let printed = wx(root, &[&["run"], &flags[..], &[&script, &given]].concat())?;
        let native = (
            String::from_utf8(native.stdout)?,
            String::from_utf8(native.stderr)?,
        );
        // Threads of either may end in another order, and say so.
        let lines = |text: &str| text.lines().count();
        assert_eq!(printed.stdout, native.0, "{file}: {}", printed.stderr);
        assert_eq!(lines(&printed.stderr), lines(&native.1), "{file}");
        let shown_there = shown
            .replace('\n', " ")
            .contains(&printed.stdout.trim_end().replace('\n', " "));
        assert!(shown_there, "{file}: {}", printed.stdout);
        let text = fs::read_to_string(root.join(&script))?;
        let language = if file.ends_with(".py") {
            "python"
        } else {
            "javascript"
        };
        let quoted = section.split("\n### ").next().ok_or("no end")?;
        for block in blocks(quoted, language) {
            assert!(text.contains(block), "{file} has no\n{block}");
        }
    }
    Ok(())
}

/// The failing build that the section on recordings shows, in a folder that has what it needs.
#[test]
fn a_build_fails_as_it_is_shown() -> TestResult {
    let root = repository();
    let page = fs::read_to_string(root.join("README.md"))?;
    let (_, section) = page
        .split_once("\n## Runs that reproduce\n")
        .ok_or("no section")?;
    let shown = blocks(section, "console")
        .into_iter()
        .next()
        .ok_or("no console block")?;
    let folder = tempfile::tempdir()?;
    for needed in ["tools", "examples/recordings", "target/demo"] {
        fs::create_dir_all(folder.path().join(needed))?;
    }
    copy_all(&root.join("tools"), &folder.path().join("tools"), copy_file)?;
    for file in [
        "wxmcp.toml",
        "examples/recordings/hours.py",
        "target/demo/sample.db",
    ] {
        fs::copy(root.join(file), folder.path().join(file))?;
    }
    runs_as_shown(folder.path(), shown)
}

/// The test that the section on tests shows is that of the examples, and fails as it is shown.
#[test]
fn a_test_fails_as_it_is_shown() -> TestResult {
    let root = repository();
    let page = fs::read_to_string(root.join("README.md"))?;
    let (_, section) = page
        .split_once("\n## Tests of scripts\n")
        .ok_or("no section")?;
    let first = |language| blocks(section, language).into_iter().next();
    let shown = first("console").ok_or("no console block")?;
    let test = fs::read_to_string(root.join("examples/testing/triage_test.py"))?;
    let quoted = first("python").ok_or("no test")?;
    assert!(test.starts_with(quoted), "{test}");
    let folder = tempfile::tempdir()?;
    let examples = folder.path().join("examples/testing");
    fs::create_dir_all(&examples)?;
    copy_all(&root.join("examples/testing"), &examples, copy_file)?;
    runs_as_shown(folder.path(), shown)
}

/// The tests that the page on tests begins with pass.
#[test]
fn the_page_on_tests_is_true() -> TestResult {
    let root = repository();
    let page = fs::read_to_string(root.join("docs/testing.md"))?;
    let folder = tempfile::tempdir()?;
    for (language, test, script) in [
        ("python", "triage_test.py", "triage.py"),
        ("typescript", "triage.test.ts", "triage.ts"),
    ] {
        let shown = blocks(&page, language).into_iter().next().ok_or(test)?;
        fs::write(folder.path().join(test), shown)?;
        let example = root.join("examples/testing").join(script);
        fs::copy(example, folder.path().join(script))?;
    }
    let ran = wx(folder.path(), &["test", "."])?;
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    Ok(())
}

/// Runs the commands of a block in a folder: they print what it shows, but for times.
fn runs_as_shown(folder: &Path, shown: &str) -> TestResult {
    let mut printed = String::new();
    for command in shown.lines().filter_map(|line| line.strip_prefix("$ ")) {
        printed.push_str(&format!("$ {command}\n"));
        match command.strip_prefix("wxmcp ") {
            Some(words) => {
                let words: Vec<_> = words.split(' ').collect();
                let ran = wx(folder, &words)?;
                printed.push_str(&ran.stdout);
                printed.push_str(&ran.stderr);
            }
            None => {
                let mut shell = Command::new("sh");
                let status = shell.args(["-c", command]).current_dir(folder).status()?;
                assert!(status.success(), "{command}");
            }
        }
    }
    assert_eq!(
        without_times(&printed),
        without_times(&format!("{shown}\n"))
    );
    Ok(())
}

/// A text without dates and measured times.
fn without_times(text: &str) -> String {
    let words = text.lines().map(|line| {
        let words = line.split(' ').scan("", |before, word| {
            let is_time = word == "ms" || before.ends_with('(') || *before == "on";
            let is_number = word
                .trim_start_matches('(')
                .chars()
                .next()
                .is_some_and(|c| c.is_ascii_digit());
            *before = word;
            Some(if is_number && (is_time || word.starts_with('(')) {
                "N"
            } else {
                word
            })
        });
        let mut words: Vec<_> = words.collect();
        // Milliseconds stand before their unit.
        for at in 1..words.len() {
            if words.get(at) == Some(&"ms")
                && let Some(number) = words.get_mut(at - 1)
            {
                *number = "N";
            }
        }
        words.join(" ")
    });
    words.collect::<Vec<_>>().join("\n")
}

/// The script with packages prints what the page shows. Its packages come from a folder of wheels, its table from a server.
#[test]
fn a_script_has_the_packages_that_it_names() -> TestResult {
    let root = repository();
    let page = fs::read_to_string(root.join("README.md"))?;
    let (_, section) = page
        .split_once("\n### Packages of Python\n")
        .ok_or("no section")?;
    let section = section.split("\n### ").next().ok_or("no end")?;
    let script = fs::read_to_string(root.join("examples/packages/airports.py"))?;
    for block in blocks(section, "python") {
        assert!(script.contains(block), "the script has no\n{block}");
    }
    let shown = *blocks(section, "console").first().ok_or("none")?;
    let mut server = Command::new("python3")
        .args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1"])
        .args(["--directory", "target/demo/data"])
        .current_dir(root)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(server.stdout.take().ok_or("no output")?).read_line(&mut line)?;
    let port = line
        .split_whitespace()
        .skip_while(|word| *word != "port")
        .nth(1);
    let place = format!("127.0.0.1:{}", port.ok_or(line.clone())?);
    let wheels = support::http_python()?.join("wheels");
    let cache = tempfile::tempdir()?;
    let output = Command::new(env!("CARGO_BIN_EXE_wxmcp"))
        .args([
            "run",
            "--allow-host",
            &place,
            "examples/packages/airports.py",
        ])
        .arg(format!("http://{place}"))
        .current_dir(root)
        .env("WXMCP_CACHE_DIR", cache.path())
        .env("PIP_NO_INDEX", "1")
        .env("PIP_FIND_LINKS", wheels)
        .output();
    server.kill()?;
    server.wait()?;
    let output = output?;
    let (printed, errors) = (
        String::from_utf8(output.stdout)?,
        String::from_utf8(output.stderr)?,
    );
    assert!(
        !printed.is_empty() && shown.ends_with(printed.trim_end()),
        "{printed}{errors}"
    );
    Ok(())
}
