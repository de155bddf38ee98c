//! The commands beside `run`.

use crate::support::{TestResult, fixture_config, wx_alone};

#[test]
fn help_and_completions_are_there() -> TestResult {
    let printed = wx_alone(&["run", "--help"])?;
    for part in ["--timeout", "--volume", "Examples:", "Exit codes:"] {
        assert!(printed.stdout.contains(part), "{part}");
    }
    assert!(
        wx_alone(&["completions", "bash"])?
            .stdout
            .contains("_wxmcp")
    );
    assert!(wx_alone(&["--version"])?.stdout.starts_with("wxmcp "));
    Ok(())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn tools_are_listed_searched_shown_and_called() -> TestResult {
    let config = fixture_config();
    let tools = |words: &[&str]| wx_alone(&[&["tools", "--mcp-config", &config], words].concat());
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
        wx_alone(&[
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
    assert_eq!(same.streams(), ("{\n  \"a\": 1\n}\n", ""));
    Ok(())
}
