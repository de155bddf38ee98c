//! A client that speaks lines of JSON, of either era, and sees every message.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support;

/// How long a message may take that has to come: longer than any machine is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// The revision whose requests say all of themselves.
const MODERN: &str = "2026-07-28";

/// Which handshake the client makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    /// `initialize`.
    Legacy,
    /// Requests that say all of themselves.
    Modern,
}

/// `wxmcp serve`, and our end of its pipes.
pub(crate) struct Client {
    pub(crate) child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Messages that came while another was waited for.
    early: VecDeque<Value>,
    era: Era,
    next: u64,
    capabilities: Value,
}

impl Client {
    pub(crate) fn start(folder: &Path, era: Era, flags: &[&str]) -> Self {
        let mut command = support::wxmcp(folder);
        command.arg("serve").args(flags);
        Self::of(command, era, json!({}))
    }

    pub(crate) fn of(command: Command, era: Era, capabilities: Value) -> Self {
        let mut client = Self::spawned(command, era, capabilities);
        client.open();
        client
    }

    /// One that has said nothing yet.
    pub(crate) fn unopened(folder: &Path, era: Era) -> Self {
        let mut command = support::wxmcp(folder);
        command.arg("serve");
        Self::spawned(command, era, json!({}))
    }

    fn spawned(mut command: Command, era: Era, capabilities: Value) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            stdin: child.stdin.take(),
            child,
            lines,
            early: VecDeque::new(),
            era,
            next: 0,
            capabilities,
        }
    }

    /// Makes the handshake, if there is one.
    pub(crate) fn open(&mut self) {
        if self.era == Era::Legacy {
            let hello = self.request(
                "initialize",
                json!({
                    "protocolVersion": "2025-06-18",
                    "capabilities": self.capabilities,
                    "clientInfo": {"name": "test", "version": "1"},
                }),
            );
            assert_eq!(hello["result"]["serverInfo"]["name"], "wxmcp", "{hello}");
            self.notify("notifications/initialized", json!({}));
        }
    }

    pub(crate) fn send(&mut self, message: &Value) {
        self.send_line(&message.to_string());
    }

    /// Sends a line, whatever it is.
    pub(crate) fn send_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
        stdin.flush().unwrap();
    }

    pub(crate) fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Sends a request; answers its id.
    pub(crate) fn begin(&mut self, method: &str, mut params: Value) -> u64 {
        self.next += 1;
        if self.era == Era::Modern {
            let meta = json!({
                "io.modelcontextprotocol/protocolVersion": MODERN,
                "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": self.capabilities,
            });
            let own = params["_meta"].take();
            params["_meta"] = meta;
            if let Value::Object(own) = own {
                for (key, value) in own {
                    params["_meta"][key] = value;
                }
            }
        }
        let message =
            json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params});
        self.send(&message);
        self.next
    }

    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.begin(method, params);
        self.answer(id)
    }

    /// The answer to a request; what else comes is kept.
    pub(crate) fn answer(&mut self, id: u64) -> Value {
        self.find(|message| message["id"] == id)
    }

    /// The next answer that is an error of the protocol.
    pub(crate) fn next_error(&mut self) -> Value {
        self.find(|message| message.get("error").is_some())
    }

    /// The next notification of a method.
    pub(crate) fn notification(&mut self, method: &str) -> Value {
        self.find(|message| message["method"] == method)
    }

    /// The first message that fits.
    fn find(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.early.iter().position(&fits) {
            return self.early.remove(at).unwrap();
        }
        loop {
            let message = self.next_message(PATIENCE).expect("a message");
            if fits(&message) {
                return message;
            }
            self.early.push_back(message);
        }
    }

    fn next_message(&mut self, patience: Duration) -> Result<Value, RecvTimeoutError> {
        let line = self.lines.recv_timeout(patience)?;
        Ok(serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("no JSON on standard output: {line}")))
    }

    /// Calls a tool of ours; answers the result.
    pub(crate) fn call(&mut self, tool: &str, arguments: Value) -> Value {
        let answer = self.request("tools/call", json!({"name": tool, "arguments": arguments}));
        assert!(answer.get("result").is_some(), "{answer}");
        answer["result"].clone()
    }

    pub(crate) fn run(&mut self, code: &str) -> Value {
        self.call("run_code", json!({"code": code}))
    }

    pub(crate) fn run_typescript(&mut self, code: &str) -> Value {
        self.call("run_code", json!({"code": code, "language": "typescript"}))
    }

    /// Ends our side, and waits for the end of the server.
    pub(crate) fn end(mut self) -> ExitStatus {
        drop(self.stdin.take());
        self.child.wait().unwrap()
    }

    /// Ends our side, and reads on.
    pub(crate) fn close_input(&mut self) {
        drop(self.stdin.take());
    }

    /// Stops reading and writing, as a client that was killed.
    pub(crate) fn vanish(&mut self) {
        drop(self.stdin.take());
        let (_sender, nothing) = channel();
        self.lines = nothing;
    }
}

/// The text of a result.
pub(crate) fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap_or_default()
}
