//! `run --json`.

use std::fs;

use crate::support::{TestResult, fixture_config, repository, wx_alone};

#[test]
fn a_report_fits_its_schema() -> TestResult {
    let schema = fs::read_to_string(repository().join("schemas/report.schema.json"))?;
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
        let printed = wx_alone(&args)?;
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
fn calls_are_in_the_report_also_when_the_run_fails() -> TestResult {
    let source = "call_tool('fixture.add', {'a': 1, 'b': 2})\n1/0";
    let config = fixture_config();
    let printed = wx_alone(&["run", "--json", "--mcp-config", &config, "-c", source])?;
    let report: serde_json::Value = serde_json::from_str(&printed.stdout)?;
    assert_eq!(report["outcome"], "raised");
    assert_eq!(report["error"]["type"], "ZeroDivisionError");
    assert_eq!(report["error"]["line"], 2);
    assert_eq!(report["calls"][0]["name"], "fixture.add");
    assert_eq!(report["usage"]["tool_calls"], 1);
    assert_eq!(printed.code, Some(1));
    Ok(())
}
