//! What packages cost: those of Python and JavaScript in a fresh process.
//!
//! The packages are those that `pip` and `npm` find on the day of the measurement.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::timing::{median, ms, row, text};

const PROJECT: &str = "\
[packages]
python = [\"requests\", \"pyyaml\", \"jinja2\"]
javascript = [\"date-fns\", \"lodash-es\"]
";

const PYTHON: &str = "\
import requests, yaml, jinja2
request = requests.Request('GET', 'http://host/', params={'a': 'b c'}).prepare()
document = yaml.safe_load('a: [1, 2.5, null]')
print(request.url, document, jinja2.Template('{{ name | upper }}').render(name='x'))
";

const PYTHON_ANSWER: &str = "http://host/?a=b+c {'a': [1, 2.5, None]} X\n";

const JAVASCRIPT: &str = "\
import { addDays, format } from 'date-fns';
import { chunk } from 'lodash-es';
console.log(format(addDays(new Date(2026, 0, 31), 1), 'yyyy-MM-dd'), JSON.stringify(chunk([1, 2, 3], 2)));
";

const JAVASCRIPT_ANSWER: &str = "2026-02-01 [[1,2],[3]]\n";

/// All figures of packages.
pub(crate) fn figures(wxmcp: &Path) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let project = folder.path();
    std::fs::write(project.join("wxmcp.toml"), PROJECT)?;
    text(
        Command::new(wxmcp)
            .arg("lock")
            .current_dir(project)
            .output()?,
    )
    .context("pip and npm find the packages")?;
    for (name, source, answer, bar) in [
        ("imports.py", PYTHON, PYTHON_ANSWER, "<= 250 ms"),
        ("imports.mjs", JAVASCRIPT, JAVASCRIPT_ANSWER, "<= 15 ms"),
    ] {
        std::fs::write(project.join(name), source)?;
        let run = || run(wxmcp, project, &[name], answer);
        run()?;
        let times: anyhow::Result<Vec<_>> = (0..11).map(|_| run()).collect();
        let what = match name {
            "imports.py" => "requests, pyyaml and jinja2",
            _ => "date-fns and lodash-es",
        };
        row(
            &format!("  process that uses {what}, p50"),
            &ms(median(times?)),
            bar,
        );
    }
    Ok(())
}

fn run(wxmcp: &Path, project: &Path, args: &[&str], expected: &str) -> anyhow::Result<Duration> {
    let mut command = Command::new(wxmcp);
    command.arg("run").args(args).current_dir(project);
    let started = Instant::now();
    let output = command.output()?;
    let time = started.elapsed();
    let printed = text(output)?;
    ensure!(printed == expected, "{printed}");
    Ok(time)
}
