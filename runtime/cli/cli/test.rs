//! What may stand behind `wxmcp test`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::ConfigArgs;

pub(super) const HELP: &str = "\
A test runs a script in a sandbox of its own, answers its calls of tools, and asserts on its report:

  from wxmcp_test import run                          # report_test.py

  def test_counts_what_is_open():
      report = run(\"report.py\", tools={\"github.list_issues\": [{\"state\": \"open\"}]})
      assert report.value == {\"open\": 1}

In TypeScript and JavaScript: `import { test, run, assertEqual } from 'wxmcp/test'`. A test sees its own
folder, read-only, and nothing else. docs/testing.md has the rest.

Exit codes:
  0 all passed   1 one failed, or a file of tests could not be read   2 usage, or there is no test";

/// `wxmcp test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Files of tests, and folders of such (`*_test.py`, `*.test.ts`, `*.test.js`)
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,

    /// Run only tests that have TEXT in `FILE: NAME`
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,

    /// What tests see as /project, in which the scripts are [default: the folder of each test's file]
    #[arg(long, value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,

    /// Wall-clock time for each test, the scripts that it runs included
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Duration,

    /// Print a JSON object for each test, a line each
    #[arg(long)]
    pub(crate) json: bool,

    /// Write a report in JUnit's format, which CI systems read
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// Print only what fails, and the summary
    #[arg(short, long)]
    pub(crate) quiet: bool,

    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}
