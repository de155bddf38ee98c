//! What packages cost: those of Python and JavaScript in a fresh process, and a request of `requests` once it is imported.
//!
//! The packages are those that `pip` and `npm` find on the day of the measurement.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
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

/// The median of 100 requests, in milliseconds, in one run.
const REQUESTS: &str = "\
import statistics, sys, time
import requests
def one():
    begun = time.perf_counter()
    answer = requests.get(sys.argv[1])
    ended = time.perf_counter()
    assert answer.status_code == 200 and answer.text == 'x' * 1024
    return (ended - begun) * 1e3
one()
print(statistics.median([one() for _ in range(100)]))
";

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
    request(wxmcp, project)
}

/// What a request to a server on this machine takes, once `requests` is imported.
fn request(wxmcp: &Path, project: &Path) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let place = listener.local_addr()?;
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            // A client that has gone needs no answer.
            let _gone = connection.and_then(answer);
        }
    });
    std::fs::write(project.join("ask.py"), REQUESTS)?;
    let url = format!("http://{place}/");
    let output = Command::new(wxmcp)
        .args(["run", "--allow-host", &place.to_string(), "ask.py", &url])
        .current_dir(project)
        .output()?;
    let milliseconds: f64 = text(output)?.trim().parse()?;
    let time = Duration::from_secs_f64(milliseconds / 1e3);
    row(
        "  requests.get of 1 KB from loopback, p50",
        &ms(time),
        "<= 2 ms",
    );
    Ok(())
}

fn answer(mut connection: std::net::TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection.try_clone()?).lines();
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 1024\r\nconnection: close\r\n\r\n";
    connection.write_all(head.as_bytes())?;
    connection.write_all(&[b'x'; 1024])
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
