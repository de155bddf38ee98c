//! `wxmcp serve`, asked as its clients ask it, beside FastMCP's CodeMode.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::timing::{alternate, median, ms, ratio, row};

/// A server that answers `echo`, for calls from within a run.
const UPSTREAM: &str = "fixtures/mcp/fixture_server.py";

/// A server that follows a plan.
const SCRIPTED: &str = "fixtures/mcp/scripted.py";

/// How many runs are cancelled.
const CANCELLED: usize = 50;

/// Calls that come before those that are measured: the first unpack, load and connect.
const WARM: usize = 20;
const COUNT: usize = 300;

/// A server at the other end of two pipes.
struct Server {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    next: u64,
}

impl Server {
    fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut server = Self {
            stdin: child.stdin.take().context("no standard input")?,
            stdout: BufReader::new(child.stdout.take().context("no standard output")?),
            child,
            next: 0,
        };
        server.request(
            "initialize",
            json!({"protocolVersion": "2025-11-25", "capabilities": {},
                   "clientInfo": {"name": "bench", "version": "1"}}),
        )?;
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        writeln!(server.stdin, "{initialized}")?;
        Ok(server)
    }

    fn request(&mut self, method: &str, params: Value) -> anyhow::Result<Value> {
        let id = self.begin(method, params)?;
        loop {
            let answer = self.message()?;
            if answer["id"] == id {
                return Ok(answer);
            }
        }
    }

    /// Sends a request; answers its id.
    fn begin(&mut self, method: &str, params: Value) -> anyhow::Result<u64> {
        self.next += 1;
        let id = self.next;
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        writeln!(self.stdin, "{message}")?;
        Ok(id)
    }

    fn notify(&mut self, method: &str, params: Value) -> anyhow::Result<()> {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": params});
        Ok(writeln!(self.stdin, "{message}")?)
    }

    fn message(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        ensure!(
            self.stdout.read_line(&mut line)? > 0,
            "the server has ended"
        );
        Ok(serde_json::from_str(&line)?)
    }

    /// The report of the run that ended last.
    fn last_report(&mut self) -> anyhow::Result<Option<String>> {
        let listed = self.request("resources/list", json!({}))?;
        let all = listed["result"]["resources"].as_array();
        let mut uris = all
            .into_iter()
            .flatten()
            .filter_map(|it| it["uri"].as_str());
        let report = uris.find(|uri| uri.ends_with("/report"));
        Ok(report.map(str::to_owned))
    }

    /// How long a call of a tool takes whose text begins with `expected`.
    fn time(&mut self, tool: &str, arguments: Value, expected: &str) -> anyhow::Result<Duration> {
        let params = json!({"name": tool, "arguments": arguments});
        let began = Instant::now();
        let answer = self.request("tools/call", params)?;
        let took = began.elapsed();
        let text = answer["result"]["content"][0]["text"].as_str();
        ensure!(
            text.is_some_and(|text| text.starts_with(expected)),
            "another answer: {answer}"
        );
        Ok(took)
    }

    /// The resident memory, in KiB.
    fn resident_kib(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kib.context("no VmRSS")?.trim().parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _has_ended = self.child.kill();
        let _status = self.child.wait();
    }
}

fn ours(wxmcp: &Path, folder: &Path) -> anyhow::Result<Server> {
    let mut command = Command::new(wxmcp);
    command.arg("serve").current_dir(folder);
    Server::start(command)
}

pub(crate) fn figures(wxmcp: &Path) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = ours(wxmcp, folder.path())?;
    let fresh = json!({"code": "1+1"});
    let begun = server.request(
        "tools/call",
        json!({"name": "run_code", "arguments": {"code": "1", "session": "new"}}),
    )?;
    let session = begun["result"]["structuredContent"]["session"].clone();
    let kept = json!({"code": "1+1", "session": session});
    for _ in 0..WARM {
        server.time("run_code", fresh.clone(), "2")?;
        server.time("run_code", kept.clone(), "2")?;
    }
    let theirs = Path::new("target/clients/venv/bin/python");
    if theirs.exists() {
        let mut command = Command::new(theirs);
        command.arg("benches/figures/code_mode.py");
        let mut peer = Server::start(command)?;
        let code = json!({"code": "return 1+1"});
        for _ in 0..WARM {
            peer.time("execute", code.clone(), "2")?;
        }
        let (a, b) = alternate(
            COUNT,
            || server.time("run_code", fresh.clone(), "2"),
            || peer.time("execute", code.clone(), "2"),
        )?;
        row(
            "`run_code` `1+1` over stdio, fresh sandbox, p50, against FastMCP CodeMode",
            &format!("{:.2}x ({} / {})", ratio(a, b), ms(a), ms(b)),
            "<= 0.25x",
        );
    }
    let mut time = |arguments: &Value| -> anyhow::Result<Duration> {
        let times: anyhow::Result<Vec<_>> = (0..COUNT)
            .map(|_| server.time("run_code", arguments.clone(), "2"))
            .collect();
        Ok(median(times?))
    };
    let (fresh, kept) = (time(&fresh)?, time(&kept)?);
    row(
        "`run_code` `1+1` over stdio, fresh sandbox, p50",
        &ms(fresh),
        "<= 1.5 ms",
    );
    row("the same in a session, p50", &ms(kept), "<= 0.6 ms");
    calls(wxmcp)?;
    cancelled(wxmcp)?;
    idle(wxmcp)
}

/// A run that waits for a server: from the moment that its call is cancelled until it has ended, and the server was told.
fn cancelled(wxmcp: &Path) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let scripted: PathBuf = std::env::current_dir()?.join(SCRIPTED);
    let heard = folder.path().join("heard");
    let hangs = json!({"name": "hangs", "inputSchema": {"type": "object"}, "hang": true,
        "progress": [[1, null, "under way"]]});
    let plan = json!({"tools": [hangs], "heard": heard}).to_string();
    let servers = json!({"mcpServers": {"ups": {"command": "python3", "args": [scripted, plan]}}});
    std::fs::write(folder.path().join(".mcp.json"), servers.to_string())?;
    let mut server = ours(wxmcp, folder.path())?;
    let mut times = Vec::new();
    for _ in 0..CANCELLED {
        std::fs::write(&heard, "")?;
        let before = server.last_report()?;
        let code = "from tools import ups\nups.hangs()";
        let call =
            json!({"name": "run_code", "arguments": {"code": code}, "_meta": {"progressToken": 1}});
        let id = server.begin("tools/call", call)?;
        while server.message()?["params"]["message"] != "ups.hangs: 1 under way" {}
        let began = Instant::now();
        server.notify("notifications/cancelled", json!({"requestId": id}))?;
        while server.last_report()? == before {}
        while std::fs::read_to_string(&heard)?.is_empty() {}
        times.push(began.elapsed());
    }
    row(
        "a run that waits for a server, cancelled -> ended and the server told, p50",
        &ms(median(times)),
        "<= 100 ms",
    );
    Ok(())
}

/// Calls of one upstream from within a run.
fn calls(wxmcp: &Path) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let upstream: PathBuf = std::env::current_dir()?.join(UPSTREAM);
    let servers = json!({"mcpServers": {"fixture": {"command": "python3", "args": [upstream]}}});
    std::fs::write(folder.path().join(".mcp.json"), servers.to_string())?;
    let mut server = ours(wxmcp, folder.path())?;
    let code = "import asyncio\nfrom tools import fixture\n\
                got = await asyncio.gather(*(fixture.echo(message=str(n)) for n in range(50)))\nlen(got)";
    let arguments = json!({"code": code});
    for _ in 0..5 {
        server.time("run_code", arguments.clone(), "50")?;
    }
    let times: anyhow::Result<Vec<_>> = (0..50)
        .map(|_| server.time("run_code", arguments.clone(), "50"))
        .collect();
    row(
        "50 tool calls to one upstream inside one run, p50",
        &ms(median(times?)),
        "<= 20 ms",
    );
    Ok(())
}

/// A server that nobody has asked for anything yet.
fn idle(wxmcp: &Path) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let one = |n: usize| {
        (
            format!("server{n}"),
            json!({"command": "python3", "args": ["server.py"]}),
        )
    };
    let servers: serde_json::Map<String, Value> = (0..10).map(one).collect();
    let servers = json!({"mcpServers": servers});
    std::fs::write(folder.path().join(".mcp.json"), servers.to_string())?;
    let mut server = ours(wxmcp, folder.path())?;
    let listed = server.request("tools/list", json!({}))?;
    ensure!(
        listed["result"]["tools"]
            .as_array()
            .is_some_and(|tools| tools.len() == 3)
    );
    let kib = server.resident_kib()?;
    row(
        "resident memory, idle, 10 upstreams configured and not started",
        &format!("{} MiB", kib / 1024),
        "<= 40 MiB",
    );
    Ok(())
}
