//! `wxmcp replay --live`: recorded answers where there are any, real tools where there are none.

use std::fs;
use std::path::Path;

use crate::support::{Printed, TestResult, fixture_config, http as server, tree, wx};

/// What a command prints that may use the server of the fixtures.
fn with_tools(folder: &Path, args: &[&str]) -> Result<Printed, Box<dyn std::error::Error>> {
    let config = fixture_config();
    let (command, rest) = args.split_first().ok_or("no command")?;
    wx(
        folder,
        &[&[*command, "--mcp-config", &config], rest].concat(),
    )
}

fn answered(recorded: usize, live: usize) -> String {
    match recorded {
        1 => format!("note: 1 call was answered from the recording, {live} by tools\n"),
        _ => format!("note: {recorded} calls were answered from the recording, {live} by tools\n"),
    }
}

#[test]
fn another_script_gets_recorded_answers_and_those_of_tools_and_its_recording_replays_alone()
-> TestResult {
    let recorded = "import random, time\nfrom tools import fixture\nprint(fixture.add(a=1, b=2), random.random(), time.strftime('%F'))\n";
    let more = recorded.to_owned()
        + "import asyncio\nprint(await asyncio.gather(*[fixture.add.aio(a=n, b=n) for n in range(3)]))\nawait asyncio.sleep(3600)\n";
    let more = more.replace("fixture.add(a=1", "fixture.add.sync(a=1");
    let folder = tree(&[("a.py", recorded), ("b.py", more.as_str())])?;
    let path = folder.path();
    let first = with_tools(path, &["record", "a.py"])?;
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let alone = wx(path, &["replay", "a.wxr", "--script", "b.py"])?;
    assert_eq!(alone.code, Some(65), "{}", alone.stderr);
    let live = with_tools(
        path,
        &[
            "replay", "a.wxr", "--script", "b.py", "--live", "-o", "b.wxr",
        ],
    )?;
    assert_eq!(live.code, Some(0), "{}", live.stderr);
    assert_eq!(live.stdout, format!("{}[0, 2, 4]\n", first.stdout));
    assert_eq!(live.stderr, answered(1, 3));
    let replayed = wx(path, &["replay", "b.wxr"])?;
    assert_eq!(
        (replayed.code, &replayed.stdout),
        (Some(0), &live.stdout),
        "{}",
        replayed.stderr
    );
    // Nothing is left to ask.
    let again = wx(path, &["replay", "b.wxr", "--live"])?;
    assert_eq!((again.stdout, again.stderr), (live.stdout, answered(4, 0)));
    Ok(())
}

#[test]
fn a_recording_that_was_cut_short_goes_on() -> TestResult {
    let script = "import * as fixture from 'tools/fixture';\nconst sums = [];\nfor (let n = 0; n < 40; n++) sums.push((await fixture.add({a: n, b: Math.floor(Math.random() * 1000)})));\nreturn sums;\n";
    let folder = tree(&[("a.ts", script)])?;
    let path = folder.path();
    let whole = with_tools(path, &["record", "a.ts"])?;
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    let bytes = fs::read(path.join("a.wxr"))?;
    // The recorder was killed when it had written so much: fewer and fewer calls are known.
    for parts in [9, 5, 1, 0] {
        let (kept, _) = bytes.split_at(bytes.len() * parts / 10 + 4);
        fs::write(path.join("cut.wxr"), kept)?;
        let shown = wx(path, &["recording", "show", "--calls", "cut.wxr"])?.stdout;
        let known = shown
            .lines()
            .filter(|line| line.contains("fixture.add") && line.contains(" ok "));
        let known = known.count();
        let events = wx(path, &["recording", "show", "cut.wxr"])?.stdout;
        if events.is_empty() {
            let refused = with_tools(path, &["replay", "cut.wxr", "--live"])?;
            assert_eq!(refused.code, Some(2), "{}", refused.stderr);
            assert!(
                refused.stderr.contains("the recording is empty"),
                "{}",
                refused.stderr
            );
            continue;
        }
        let live = with_tools(path, &["replay", "cut.wxr", "--live", "--record", "on.wxr"])?;
        assert_eq!(
            (live.code, &live.stdout),
            (Some(0), &whole.stdout),
            "{}",
            live.stderr
        );
        assert!(
            live.stderr.ends_with(&answered(known, 40 - known)),
            "{}",
            live.stderr
        );
        let alone = wx(path, &["replay", "on.wxr"])?;
        assert_eq!(
            (alone.code, &alone.stdout),
            (Some(0), &whole.stdout),
            "{}",
            alone.stderr
        );
    }
    Ok(())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one thing after the other")]
fn a_live_call_may_do_what_a_run_may_and_a_recorded_one_asks_nobody() -> TestResult {
    let port = server::start()?;
    let host = format!("127.0.0.1:{port}");
    let folder = tree(&[
        ("a.py", "from tools import fixture\nfixture.add(a=1, b=2)\n"),
        (
            "b.py",
            "from tools import fixture\nfixture.add(a=1, b=2), fixture.echo(n=1)\n",
        ),
        (
            "c.py",
            &format!(
                "import urllib.request\nurllib.request.urlopen('http://{host}/hello').read().decode()\n"
            ),
        ),
    ])?;
    let path = folder.path();
    let recorded = with_tools(path, &["record", "a.py"])?;
    assert_eq!(recorded.code, Some(0), "{}", recorded.stderr);
    let live = |script: &str, flags: &[&str]| {
        with_tools(
            path,
            &[&["replay", "a.wxr", "--live", "--script", script], flags].concat(),
        )
    };
    for denied in [
        &["--deny-tool", "fixture.echo"][..],
        &["--allow-tool", "fixture.add"],
    ] {
        let refused = live("b.py", denied)?;
        assert_eq!(refused.code, Some(1), "{}", refused.stderr);
        assert!(
            refused
                .stderr
                .contains("ToolError: there is no tool `fixture.echo`"),
            "{}",
            refused.stderr
        );
    }
    // A recorded answer needs no permission: the tool is not asked.
    let allowed = live("b.py", &["--deny-tool", "fixture.add"])?;
    assert_eq!(
        (allowed.code, allowed.stdout.as_str()),
        (Some(0), "[3,{\"n\":1}]\n"),
        "{}",
        allowed.stderr
    );
    let refused = live("c.py", &[])?;
    assert!(
        refused
            .stderr
            .contains(&format!("`http://{host}` is not granted")),
        "{}",
        refused.stderr
    );
    let granted = live("c.py", &["--allow-host", &host, "-o", "c.wxr"])?;
    assert_eq!(granted.stdout, "hello\n", "{}", granted.stderr);
    let alone = wx(path, &["replay", "c.wxr"])?;
    assert_eq!(
        (alone.code, alone.stdout.as_str()),
        (Some(0), "hello\n"),
        "{}",
        alone.stderr
    );
    // These say what a live call may do, and mean nothing without one.
    let alone = wx(path, &["replay", "a.wxr", "--allow-host", &host])?;
    assert_eq!(alone.code, Some(2), "{}", alone.stderr);
    Ok(())
}

#[test]
fn rules_leave_values_out_of_what_is_recorded_live() -> TestResult {
    let folder = tree(&[
        (
            "wxmcp.toml",
            "[recording]\nredact = [{ fields = ['password'] }]\n",
        ),
        ("a.py", "1\n"),
        (
            "b.py",
            "from tools import fixture\nprint(fixture.echo(password='hunter' + '2-live'))\n",
        ),
    ])?;
    let path = folder.path();
    assert_eq!(with_tools(path, &["record", "a.py"])?.code, Some(0));
    let flags = [
        "replay", "a.wxr", "--live", "--script", "b.py", "-o", "b.wxr",
    ];
    let refused = with_tools(path, &flags)?;
    // The script makes the value itself: without it, the recording is of another script.
    assert_eq!(
        (refused.code, refused.stdout.as_str()),
        (Some(65), "{'password': 'hunter2-live'}\n")
    );
    assert!(
        refused
            .stderr
            .contains("`recording.redact[0]` of wxmcp.toml changes"),
        "{}",
        refused.stderr
    );
    assert!(!path.join("b.wxr").exists());
    Ok(())
}

/// A call in front does not move the answers of others: what was asked several times is answered in the order of the recording.
#[test]
fn answers_of_another_script_come_in_their_order() -> TestResult {
    let tool = "def up(n: int) -> str:\n    \"\"\"Counts.\"\"\"\n    import uuid\n    return str(uuid.uuid4())\n";
    let script = "from tools import count\nfor _ in range(4):\n    print(count.up(n=1))\n";
    let other =
        "from tools import count\ncount.up(n=9)\nfor _ in range(4):\n    print(count.up(n=1))\n";
    let folder = tree(&[
        ("tools/count/up.py", tool),
        ("a.py", script),
        ("b.py", other),
    ])?;
    let recorded = wx(folder.path(), &["record", "a.py"])?;
    let live = wx(
        folder.path(),
        &["replay", "--live", "--script", "b.py", "a.wxr"],
    )?;
    assert_eq!(live.stdout, recorded.stdout, "{}", live.stderr);
    assert!(
        live.stderr
            .contains("4 calls were answered from the recording, 1 call was by tools")
            || live.stderr.contains("by tools"),
        "{}",
        live.stderr
    );
    Ok(())
}
