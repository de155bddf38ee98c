//! `wxmcp serve` and its workers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use serde_json::{Value, json};

use crate::kill;
use crate::support::{self, TestResult};

/// A server, and our end of its pipes.
pub(crate) struct Server {
    pub(crate) child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    last: u64,
}

impl Server {
    pub(crate) fn start(folder: &std::path::Path) -> Result<Self, Box<dyn std::error::Error>> {
        let mut child = support::wxmcp(folder)
            .args(["serve", "--yield-after", "600s"])
            .env("SECRET_OF_THE_PARENT", "secret")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let stdin = child.stdin.take().ok_or("no input")?;
        let stdout = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut server = Self {
            child,
            stdin: Some(stdin),
            stdout,
            last: 0,
        };
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"}});
        let id = server.send("initialize", &hello)?;
        server.answer(id)?;
        server.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}))?;
        Ok(server)
    }

    fn send(&mut self, method: &str, params: &Value) -> std::io::Result<u64> {
        self.last += 1;
        let id = self.last;
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.write(&request)?;
        Ok(id)
    }

    fn write(&mut self, message: &Value) -> std::io::Result<()> {
        let stdin = self.stdin.as_mut();
        writeln!(stdin.ok_or(std::io::ErrorKind::BrokenPipe)?, "{message}")
    }

    pub(crate) fn begin(&mut self, code: &str) -> std::io::Result<u64> {
        let call = json!({"name": "run_code", "arguments": {"code": code}});
        self.send("tools/call", &call)
    }

    fn answer(&mut self, id: u64) -> Result<Value, Box<dyn std::error::Error>> {
        loop {
            let (of, answer) = self.next_answer()?;
            if of == id {
                return Ok(answer);
            }
        }
    }

    /// The next answer, whatever it answers: the request, and the result.
    pub(crate) fn next_answer(&mut self) -> Result<(u64, Value), Box<dyn std::error::Error>> {
        loop {
            let mut line = String::new();
            if self.stdout.read_line(&mut line)? == 0 {
                return Err("the server has ended".into());
            }
            let message: Value = serde_json::from_str(&line)?;
            if let Some(id) = message["id"].as_u64() {
                return Ok((id, message["result"].clone()));
            }
        }
    }

    /// Ends its input, and waits for its end.
    pub(crate) fn end(mut self) -> std::io::Result<std::process::ExitStatus> {
        drop(self.stdin.take());
        self.child.wait()
    }

    /// The text of an answer, and whether it is an error.
    pub(crate) fn text(&mut self, id: u64) -> Result<(String, bool), Box<dyn std::error::Error>> {
        let answer = self.answer(id)?;
        let text = answer["content"][0]["text"].as_str().unwrap_or_default();
        Ok((text.to_owned(), answer["isError"] == true))
    }

    /// The workers, once there are some.
    pub(crate) fn workers(&self) -> Result<Vec<u32>, Box<dyn std::error::Error>> {
        let began = Instant::now();
        loop {
            let workers = children(self.child.id())?;
            if !workers.is_empty() || began.elapsed() > Duration::from_secs(60) {
                return Ok(workers);
            }
            std::thread::yield_now();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// Processor time of a process in its own code, in hundredths of a second.
fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let user = after_name.split(' ').nth(11).and_then(|it| it.parse().ok());
    user.unwrap_or_default()
}

/// Living children of a process that are workers.
pub(crate) fn children(parent: u32) -> std::io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|it| it.parse().ok()) else {
            continue;
        };
        let file = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}"));
        let stat = file("stat").unwrap_or_default();
        let fields: Vec<&str> = stat
            .rsplit(") ")
            .next()
            .unwrap_or_default()
            .split(' ')
            .collect();
        let is_child = fields.get(1).and_then(|it| it.parse().ok()) == Some(parent);
        let is_worker = file("cmdline").is_ok_and(|it| it.contains("__worker"));
        if is_child && is_worker && fields.first() != Some(&"Z") {
            found.push(pid);
        }
    }
    Ok(found)
}

#[test]
fn a_killed_worker_fails_its_run_by_name_and_the_next_one_runs() -> TestResult {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(folder.path())?;
    let id = server.begin("1 + 1")?;
    assert_eq!(server.text(id)?, ("2".to_owned(), false));
    let id = server.begin("while True: pass")?;
    // A second one answers while the first computes: so that one has begun.
    let second = server.begin("2 + 2")?;
    assert_eq!(server.text(second)?, ("4".to_owned(), false));
    // One that has computed for a second has begun it: to load an interpreter takes far less.
    let began = Instant::now();
    while !server.workers()?.into_iter().any(|pid| ticks(pid) >= 100) {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "no worker computes"
        );
        std::thread::yield_now();
    }
    for pid in server.workers()? {
        kill(pid)?;
    }
    let (text, is_error) = server.text(id)?;
    assert!(
        is_error && text.contains("its worker process was ended by signal 9 (SIGKILL"),
        "{text}"
    );
    let id = server.begin("3 + 3")?;
    assert_eq!(server.text(id)?, ("6".to_owned(), false));
    Ok(())
}

/// What came before the end is in the recording, with all runs of its session that had ended.
#[test]
fn the_recording_of_a_killed_worker_reads_as_far_as_it_came() -> TestResult {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(folder.path())?;
    let begin = |server: &mut Server, arguments: Value| {
        let call = json!({"name": "run_code", "arguments": arguments});
        server.send("tools/call", &call)
    };
    let id = begin(
        &mut server,
        json!({"code": "print('first')", "session": "new", "record": true}),
    )?;
    let first = server.answer(id)?;
    let session = first["structuredContent"]["session"].clone();
    let id = begin(
        &mut server,
        json!({"code": "print('second')\nwhile True: pass", "session": session}),
    )?;
    let began = Instant::now();
    while !server.workers()?.into_iter().any(|pid| ticks(pid) >= 100) {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "no worker computes"
        );
        std::thread::yield_now();
    }
    for pid in server.workers()? {
        kill(pid)?;
    }
    let (text, is_error) = server.text(id)?;
    assert!(is_error && text.contains("SIGKILL"), "{text}");
    let (_, address) = text.split_once("\n[recording] ").ok_or("no recording")?;
    for (address, runs, is_cut) in [
        (
            first["structuredContent"]["recording"].as_str(),
            "first\n",
            false,
        ),
        (Some(address), "first\nsecond\n", true),
    ] {
        let id = server.send("resources/read", &json!({"uri": address}))?;
        let blob = server.answer(id)?["contents"][0]["blob"].clone();
        let file = BASE64.decode(blob.as_str().ok_or("no recording")?.as_bytes())?;
        let elsewhere = support::tree(&[("r.wxr", &file)])?;
        let replayed = support::wx(elsewhere.path(), &["replay", "r.wxr"])?;
        assert_eq!(replayed.stdout, runs);
        let is_told = replayed.stderr.contains("the recording was cut short");
        assert_eq!(is_told, is_cut, "{}", replayed.stderr);
    }
    Ok(())
}

#[test]
fn a_killed_worker_fails_the_component_inside_by_name_and_the_server_lives() -> TestResult {
    let folder = support::tree::<&[u8]>(&[(
        "tools/calc/calc.wasm",
        &wat::parse_str(crate::components::CALC)?,
    )])?;
    let mut server = Server::start(folder.path())?;
    let twin = "from tools import calc\ncalc.calc_divide(84, 2)";
    let id = server.begin(twin)?;
    assert_eq!(server.text(id)?, ("42".to_owned(), false));
    let spins = "from tools import calc\ntry:\n    calc.calc_spin()\nexcept ToolError as error:\n    said = str(error)\nsaid";
    let id = server.begin(spins)?;
    let began = Instant::now();
    // Only the component computes so long: its script waits.
    let spinning = loop {
        let busy = server.workers()?.into_iter().find(|pid| ticks(*pid) >= 100);
        if let Some(pid) = busy {
            break pid;
        }
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "no worker computes"
        );
        std::thread::yield_now();
    };
    kill(spinning)?;
    let (text, _) = server.text(id)?;
    // Where one worker has both, its script is lost with it.
    assert!(
        text.contains("the run was lost: its worker process was ended by signal 9 (SIGKILL"),
        "{text}"
    );
    let id = server.begin(twin)?;
    assert_eq!(server.text(id)?, ("42".to_owned(), false));
    Ok(())
}

#[test]
fn workers_end_with_the_server_however_it_ends() -> TestResult {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(folder.path())?;
    let id = server.begin("1 + 1")?;
    server.text(id)?;
    let workers = server.workers()?;
    // An interrupt at a terminal reaches the server's group of processes, and not them.
    for pid in &workers {
        let group = rustix::process::getpgid(rustix::process::Pid::from_raw(i32::try_from(*pid)?))?;
        assert_eq!(u32::try_from(group.as_raw_nonzero().get())?, *pid);
    }
    server.child.kill()?;
    server.child.wait()?;
    let began = Instant::now();
    let is_there = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    };
    while workers.iter().any(is_there) {
        assert!(began.elapsed() < Duration::from_secs(30), "{workers:?}");
        std::thread::yield_now();
    }
    Ok(())
}

#[test]
fn a_worker_has_nothing_of_its_parent() -> TestResult {
    let folder = tempfile::tempdir()?;
    let mut server = Server::start(folder.path())?;
    let id = server.begin("1 + 1")?;
    server.text(id)?;
    let workers = server.workers()?;
    assert!(!workers.is_empty());
    for pid in workers {
        // Only root may look, since a worker is not dumpable.
        let Ok(environment) = std::fs::read(format!("/proc/{pid}/environ")) else {
            continue;
        };
        assert_eq!(environment, b"");
        let parent = std::fs::read(format!("/proc/{}/environ", server.child.id()))?;
        assert!(parent.windows(6).any(|it| it == b"secret"));
        for entry in std::fs::read_dir(format!("/proc/{pid}/fd"))? {
            let target = std::fs::read_link(entry?.path())?.display().to_string();
            // The last three it has opened itself: the engine reads them.
            let page_map = format!("/proc/{pid}/pagemap");
            let is_own = [
                "/dev/null",
                "socket:",
                "pipe:",
                "anon_inode:",
                "/dev/urandom",
                &page_map,
            ]
            .iter()
            .any(|start| target.starts_with(start));
            assert!(is_own || target.ends_with(".native"), "{target}");
        }
    }
    Ok(())
}
