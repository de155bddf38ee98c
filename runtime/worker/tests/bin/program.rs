//! What tests start as workers: one whose runs do what their words say, and hostile ones. Also a parent that holds a
//! pool until it is killed.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Value, json};
use wxmcp_run::{
    BoxFuture, CallContext, ClockHandle, CompiledComponent, Event, Held, Ledger, Limit, Observer,
    Outcome, Raised, Report, Run, RunError, RunId, Runner, RunnerSession, Seen, Stream, ToolCall,
    ToolHost, Usage,
};
use wxmcp_worker::{Pool, PoolConfig, Wanted, WorkerCommand, worker_main};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    match (args.next().as_deref(), args.next()) {
        (Some("worker"), None) => worker_main(|wanted| {
            Ok(Arc::new(match wanted {
                Wanted::Interpreter(..) => Words(None),
                Wanted::Component(component) => Words(Some(Arc::new(component))),
            }))
        }),
        (Some("hostile"), Some(how)) => match hostile(&how) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        (Some("hold"), None) => match hold() {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        _ => ExitCode::from(2),
    }
}

/// Runs scripts whose lines are words of commands; perhaps it was asked to run a component.
struct Words(Option<Arc<CompiledComponent>>);

impl Runner for Words {
    fn run(&self, run: Run) -> BoxFuture<'_, Result<Report, RunError>> {
        Box::pin(async move { self.session().run(run).await })
    }

    fn session(&self) -> Box<dyn RunnerSession> {
        Box::new(Interpreter {
            component: self.0.clone(),
            ..Interpreter::default()
        })
    }
}

/// What is needed of a run.
struct Parts {
    id: RunId,
    source: String,
    wall: Duration,
    ledger: Ledger,
    tools: Arc<dyn ToolHost>,
    observer: Arc<dyn Observer>,
}

#[derive(Default)]
struct Interpreter {
    component: Option<Arc<CompiledComponent>>,
    runs: u64,
    held: Held,
    /// Memory that was taken without a word.
    grown: Vec<u8>,
    is_over: bool,
}

impl RunnerSession for Interpreter {
    fn run(&mut self, run: Run) -> BoxFuture<'_, Result<Report, RunError>> {
        Box::pin(self.carry_out(run))
    }

    fn is_over(&self) -> bool {
        self.is_over
    }

    fn memory(&self) -> u64 {
        3_000_000
    }
}

impl Interpreter {
    /// All that it was told of its component, as JSON.
    fn shown_component(&self) -> Result<String, RunError> {
        let Some(component) = &self.component else {
            return Ok("null".to_owned());
        };
        let mut native = String::new();
        if let Some(file) = &component.native {
            let file = file.try_clone().map_err(|it| RunError::Engine(it.into()))?;
            std::fs::File::from(file)
                .read_to_string(&mut native)
                .map_err(|it| RunError::Engine(it.into()))?;
        }
        let shown = json!({
            "digest": component.digest,
            "native": native,
            "entry": format!("{:?}", component.entry),
            "imports": *component.imports,
        });
        Ok(shown.to_string())
    }

    async fn carry_out(&mut self, mut run: Run) -> Result<Report, RunError> {
        self.runs += 1;
        let mut said = Said::default();
        let mut cancel = std::mem::replace(&mut run.cancel, Box::pin(std::future::pending()));
        let run = Parts {
            id: run.id,
            source: run.script.source,
            wall: run.limits.wall,
            ledger: run.ledger,
            tools: run.tools,
            observer: run.observer,
        };
        let outcome = tokio::select! {
            biased;
            outcome = self.lines(&run, &mut said) => outcome?,
            () = &mut cancel => {
                self.is_over = true;
                Outcome::Cancelled
            }
            () = tokio::time::sleep(run.wall) => {
                self.is_over = true;
                Outcome::Stopped(Limit::WallTime(1), None)
            }
        };
        Ok(Report {
            run: run.id,
            outcome,
            stdout: said.stdout,
            stderr: Vec::new(),
            calls: Vec::new(),
            usage: Usage {
                host_peak: run.ledger.peak(),
                ..Usage::default()
            },
            artifacts: Vec::new(),
        })
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each command")]
    async fn lines(&mut self, run: &Parts, said: &mut Said) -> Result<Outcome, RunError> {
        for line in run.source.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "return" => return Ok(returned(rest)),
                "raise" => {
                    return Ok(Outcome::Raised(Raised {
                        kind: "ValueError".to_owned(),
                        message: rest.to_owned(),
                        traceback: "Traceback".to_owned(),
                        line: Some(3),
                        file: None,
                    }));
                }
                "runs" => return Ok(returned(&self.runs.to_string())),
                "print" => {
                    said.print(&run.observer, format!("{rest}\n").as_bytes())
                        .await
                }
                "printmany" => {
                    for _ in 0..rest.parse().unwrap_or(0) {
                        said.print(&run.observer, &[b'x'; 1024]).await;
                    }
                }
                "call" => {
                    let (name, arguments) = rest.split_once(' ').unwrap_or((rest, "{}"));
                    let answer = run.tools.call(call(run, name, arguments)).await;
                    let text = match answer {
                        Ok(answer) => json!({"value": answer.value, "notes": answer.notes.len(),
                            "content": answer.content, "changed": run.tools.changed()}),
                        Err(error) => json!({"kind": error.kind, "message": error.message,
                            "data": error.data}),
                    };
                    return Ok(returned(&text.to_string()));
                }
                "drop" => {
                    // A call that is begun, and given up.
                    let call = run.tools.call(call(run, rest, "{}"));
                    let _late = tokio::time::timeout(Duration::from_millis(20), call).await;
                }
                "component" => return Ok(returned(&self.shown_component()?)),
                "namespaces" => return Ok(returned(&json!(run.tools.namespaces()).to_string())),
                "hold" => {
                    let bytes = rest.parse().unwrap_or(0);
                    match run.ledger.charge(bytes) {
                        Ok(charge) => self.held.add(charge),
                        Err(error) => return Ok(returned(&json!(error.to_string()).to_string())),
                    }
                    tokio::task::yield_now().await;
                }
                "grow" => {
                    let bytes = rest.parse().unwrap_or(0);
                    self.grown = vec![1; bytes];
                    tokio::task::yield_now().await;
                }
                "sleep" => {
                    let time = Duration::from_millis(rest.parse().unwrap_or(0));
                    tokio::time::sleep(time).await;
                }
                "wait" => std::future::pending().await,
                "spin" => loop {
                    std::thread::sleep(Duration::from_secs(3_600));
                },
                "signal" => {
                    let signal = match rest {
                        "segv" => rustix::process::Signal::SEGV,
                        _ => rustix::process::Signal::KILL,
                    };
                    // The first SIGSEGV ends at a handler of the standard library, which then gives way.
                    for _ in 0..2 {
                        let own = rustix::process::getpid();
                        let _ = rustix::process::kill_process(own, signal);
                    }
                    std::future::pending().await
                }
                "panic" => panic!("as was asked"),
                "confined" => return Ok(returned(&confined()?.to_string())),
                "stderr" => {
                    let _ = writeln!(std::io::stderr(), "{rest}");
                }
                other => return Err(RunError::Guest(format!("no word: {other}"), None)),
            }
        }
        Ok(returned("null"))
    }
}

/// What was printed.
#[derive(Default)]
struct Said {
    stdout: Vec<u8>,
}

impl Said {
    async fn print(&mut self, observer: &Arc<dyn Observer>, bytes: &[u8]) {
        self.stdout.extend_from_slice(bytes);
        observer.event(Event::Output {
            stream: Stream::Stdout,
            bytes,
        });
        if let Some(full) = observer.full() {
            full.await;
        }
    }
}

fn returned(json: &str) -> Outcome {
    let value = RawValue::from_string(json.to_owned());
    Outcome::Returned(value.unwrap_or_default())
}

fn call(run: &Parts, name: &str, arguments: &str) -> ToolCall {
    ToolCall {
        sequence: 1,
        name: name.to_owned(),
        arguments: serde_json::from_str(arguments).unwrap_or_default(),
        context: CallContext {
            run: run.id,
            clock: ClockHandle::none(),
            ledger: run.ledger.clone(),
            seen: Seen::now(),
            held: Held::default(),
            id: wxmcp_run::CallId::default(),
            for_tool: wxmcp_run::ForTool::default(),
            progress: wxmcp_run::CallProgress::default(),
        },
    }
}

/// What this process has: descriptors, environment, arguments, and what it gave up.
fn confined() -> Result<Value, RunError> {
    let error = |error: std::io::Error| RunError::Engine(error.into());
    let mut descriptors = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd").map_err(error)? {
        let path = entry.map_err(error)?.path();
        if let Ok(target) = std::fs::read_link(path) {
            descriptors.push(target.display().to_string());
        }
    }
    let status = std::fs::read_to_string("/proc/self/status").map_err(error)?;
    let limits = std::fs::read_to_string("/proc/self/limits").map_err(error)?;
    let line = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key));
        let words = line.unwrap_or_default().split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    };
    Ok(json!({
        "descriptors": descriptors,
        "environment": std::env::vars_os().count(),
        "privileges": line(&status, "NoNewPrivs"),
        "cores": line(&limits, "Max core file size"),
        "dumpable": format!("{:?}", rustix::process::dumpable_behavior()),
        "ends_with_parent": format!("{:?}", rustix::process::parent_process_death_signal()),
        "folder": std::env::current_dir().map_err(error)?,
    }))
}

/// A worker that waits for its first run and then sends what it must not.
#[expect(clippy::too_many_lines, reason = "one arm for each way")]
fn hostile(how: &str) -> Result<(), Box<dyn Error>> {
    let socket = rustix::io::fcntl_dupfd_cloexec(std::io::stdin().as_fd(), 3)?;
    let mut socket = UnixStream::from(socket);
    let mut head = [0; 20];
    socket.read_exact(&mut head)?;
    let (_, run) = head.split_at(4);
    let mut message = |run: &[u8], message: &[u8]| {
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        let frame = [&length.to_le_bytes(), run, message].concat();
        socket.write_all(&frame)
    };
    let none = [0; 16];
    match how {
        "garbage" => message(run, &[0xff; 64])?,
        "text" => socket.write_all(b"HTTP/1.1 200 OK\r\n\r\nContent-Type: text/html")?,
        "long" => {
            let head = [&u32::MAX.to_le_bytes()[..], run].concat();
            socket.write_all(&head)?;
        }
        // `Held(5)`, of a run that it was not given.
        "stranger" => message(&[7; 16], &[4, 5])?,
        // `Ready`, about a run.
        "ready" => message(run, &[0])?,
        // `Held(5)`, about none.
        "nobody" => message(&none, &[4, 5])?,
        // `Held(5)`, and a byte more.
        "behind" => message(run, &[4, 5, 0])?,
        // `Forget` of what was never asked does nothing; the same question twice does.
        "same" => {
            for _ in 0..2 {
                // Ask 1: the tool `a.wait` with `{}`.
                message(
                    run,
                    &[
                        2, 1, 0, 1, 6, b'a', b'.', b'w', b'a', b'i', b't', 2, b'{', b'}',
                    ],
                )?;
            }
        }
        // More questions at once than the run may have open.
        "many" => {
            for ask in 1..120 {
                message(
                    run,
                    &[
                        2, ask, 0, 1, 6, b'a', b'.', b'w', b'a', b'i', b't', 2, b'{', b'}',
                    ],
                )?;
            }
        }
        // It asks for much, and reads nothing of it.
        "deaf" => {
            for ask in 1..16 {
                let call = [&[2, ask, 0, 1, 7][..], b"a.large", &[2], b"{}"].concat();
                message(run, &call)?;
            }
        }
        // It prints more than it may: two mebibytes.
        "prints" => {
            let mut bytes = vec![1, 0, 0, 0x80, 0x80, 0x80, 0x01];
            bytes.resize(7 + (2 << 20), b'x');
            message(run, &bytes)?;
        }
        // `Recorded`: one byte of a recording, which nobody asked for.
        "records" => message(run, &[7, 0, 1, b'x'])?,
        // More of it at once than there may be: half a mebibyte.
        "records-much" => {
            let mut bytes = vec![7, 0, 0x80, 0x80, 0x20];
            bytes.resize(5 + (512 << 10), b'x');
            message(run, &bytes)?;
        }
        // `Ended`, with a value that is no JSON.
        "outcome" => {
            let mut bytes = vec![5, 0, 0, 1, b'x'];
            // No output, no calls, usage, no artifacts; it is not over, and neither holds nor takes anything.
            bytes.resize(5 + 3 + 16 + 5 + 4, 0);
            message(run, &bytes)?;
        }
        // Half of a message, and the end.
        "half" => socket.write_all(&head)?,
        // It closes its connection, and stays.
        "closes" => {
            socket.shutdown(std::net::Shutdown::Both)?;
            drop(socket);
            let null = std::fs::File::open("/dev/null")?;
            rustix::stdio::dup2_stdin(&null)?;
        }
        "exits" => return Ok(()),
        // It neither reads nor says anything.
        _ => {}
    }
    loop {
        std::thread::sleep(Duration::from_secs(3_600));
    }
}

/// Starts two workers, says their numbers, and waits until it is killed.
fn hold() -> Result<(), Box<dyn Error>> {
    let event_loop = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    event_loop.block_on(async {
        let command = WorkerCommand {
            program: std::env::current_exe()?,
            args: vec!["worker".into()],
        };
        let pool = Pool::new(PoolConfig {
            ahead: 2,
            ..PoolConfig::new(command)
        });
        pool.start_ahead();
        while pool.ready() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut out = std::io::stdout();
        writeln!(out, "{}", json!(pool.processes()))?;
        out.flush()?;
        std::future::pending().await
    })
}
