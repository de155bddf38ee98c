//! What it takes to begin and end a run.

use std::error::Error;

use crate::support::{TestResult, wx};

/// What each run pays before and after the script's own code: a tenth above what it is.
#[test]
fn a_run_of_nothing_takes_little_fuel() -> TestResult {
    let folder = tempfile::tempdir()?;
    let used = |language: &str, code: &str| -> Result<_, Box<dyn Error>> {
        let printed = wx(
            folder.path(),
            &["run", "--json", "--lang", language, "-c", code],
        )?;
        let report: serde_json::Value = serde_json::from_str(&printed.stdout)?;
        assert_eq!(printed.code, Some(0), "{}", printed.stdout);
        report["usage"]["fuel"].as_u64().ok_or("no fuel".into())
    };
    for (language, code, most) in [
        ("py", "1", 500_000),
        ("py", "print('hello')", 620_000),
        ("js", "1", 325_000),
        ("js", "console.log('hello')", 358_000),
        ("js", "process.exit(0)", 262_000),
        ("ts", "const one: number = 1; one", 337_000),
    ] {
        let fuel = used(language, code)?;
        assert!(
            fuel <= most,
            "{language} {code}: {fuel} units, at most {most}"
        );
    }
    // Nothing is done for each object that is there at the end.
    let dicts = |count| used("py", &format!("rows = [{{}} for _ in range({count})]"));
    let each = (dicts(20_000)? - dicts(10_000)?) / 10_000;
    assert!(each < 2_000, "{each} units for a dictionary");
    Ok(())
}
