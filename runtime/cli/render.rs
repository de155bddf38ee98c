//! The one place that prints.
#![expect(clippy::print_stderr, reason = "printing is what this module is for")]

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use wxmcp_sandbox::{Event, Observer, Outcome, Report, Stream};

/// How often the progress line may change.
const REDRAW: Duration = Duration::from_millis(80);

/// Streams a run to this process's standard streams and keeps a progress line on
/// a terminal. Nothing but the script's own output ever reaches a pipe.
pub(crate) struct Terminal {
    /// Whether the script's output is printed as it comes.
    streams: bool,
    state: Mutex<State>,
    closed: Notify,
}

struct State {
    progress: bool,
    started: Instant,
    drawn: Option<Instant>,
    done: u64,
    in_flight: u64,
    message: Option<String>,
}

impl Terminal {
    pub(crate) fn new(streams: bool, progress: bool) -> Self {
        Self {
            streams,
            state: Mutex::new(State {
                progress: progress && std::io::stderr().is_terminal(),
                started: Instant::now(),
                drawn: None,
                done: 0,
                in_flight: 0,
                message: None,
            }),
            closed: Notify::new(),
        }
    }

    /// Ends when the reader of our standard output has gone.
    pub(crate) async fn closed(&self) {
        self.closed.notified().await;
    }

    /// Takes the progress line away.
    pub(crate) fn finish(&self) {
        self.lock().clear();
    }

    fn print(&self, stream: Stream, bytes: &[u8]) {
        self.lock().clear();
        let written = match stream {
            Stream::Stdout => write(std::io::stdout().lock(), bytes),
            Stream::Stderr => write(std::io::stderr().lock(), bytes),
        };
        if written.is_err() {
            self.closed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Terminal {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Output { stream, bytes } => {
                if self.streams {
                    self.print(stream, bytes);
                }
            }
            Event::Progress {
                message,
                done,
                total,
            } => {
                let mut state = self.lock();
                let steps = match (done, total) {
                    (Some(done), Some(total)) => format!("{done}/{total} "),
                    (Some(done), None) => format!("{done} "),
                    _ => String::new(),
                };
                state.message = Some(format!("{steps}{}", message.unwrap_or_default()));
                state.draw();
            }
            Event::CallStarted { .. } => {
                let mut state = self.lock();
                state.in_flight = state.in_flight.saturating_add(1);
                state.draw();
            }
            Event::CallEnded { .. } => {
                let mut state = self.lock();
                state.in_flight = state.in_flight.saturating_sub(1);
                state.done = state.done.saturating_add(1);
                state.draw();
            }
        }
    }
}

impl State {
    fn draw(&mut self) {
        if !self.progress || self.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW) {
            return;
        }
        let message = match &self.message {
            Some(message) => format!(" · {}", visible(message)),
            None => String::new(),
        };
        eprint!(
            "\r\x1b[2K{} calls done, {} in flight, {:.1} s{message}",
            self.done,
            self.in_flight,
            self.started.elapsed().as_secs_f64()
        );
        self.drawn = Some(Instant::now());
    }

    fn clear(&mut self) {
        if self.drawn.take().is_some() {
            eprint!("\r\x1b[2K");
        }
    }
}

/// Prints what tool files print, to standard error.
pub(crate) struct ToolOutput;

impl Observer for ToolOutput {
    fn event(&self, event: Event<'_>) {
        if let Event::Output { bytes, .. } = event {
            // Nobody is left to be told that it could not be written.
            let _ = std::io::stderr().lock().write_all(bytes);
        }
    }
}

/// Prints what is worth knowing beside the answer.
pub(crate) fn note(text: &str) {
    let _reader_gone = write(
        std::io::stderr().lock(),
        format!("note: {text}\n").as_bytes(),
    );
}

/// Writes output of a script; a terminal gets no control sequences from it.
fn write(mut stream: impl Write + IsTerminal, bytes: &[u8]) -> std::io::Result<()> {
    if stream.is_terminal() {
        stream.write_all(visible(&String::from_utf8_lossy(bytes)).as_bytes())?;
    } else {
        stream.write_all(bytes)?;
    }
    stream.flush()
}

/// A text whose control characters, line ends and tabs excepted, can be seen
/// instead of being obeyed.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\t' => c,
            '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
            '\u{7f}' => '\u{2421}',
            '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            _ => c,
        })
        .collect()
}

/// Prints what is left when a run has ended.
pub(crate) fn report(report: &Report, json: bool, usage: bool, quiet: bool) {
    if json {
        let text = serde_json::to_string(report).unwrap_or_default();
        let _reader_gone = write(std::io::stdout().lock(), format!("{text}\n").as_bytes());
        return;
    }
    match &report.outcome {
        Outcome::Returned(value) if !quiet => value_line(value.get()),
        Outcome::Raised(raised) => {
            if raised.traceback.is_empty() {
                eprintln!("error: {}", visible(&raised.message));
            } else {
                end_line(&raised.traceback);
            }
        }
        Outcome::Stopped(limit, raised) => {
            if let Some(raised) = raised {
                end_line(&raised.traceback);
            }
            eprintln!("error: the script was stopped by {limit}");
            if let Some(hint) = hint(limit) {
                eprintln!("hint: {hint}");
            }
            open_calls(report);
        }
        Outcome::Cancelled => {
            eprintln!("error: interrupted");
            open_calls(report);
        }
        Outcome::Returned(_) | Outcome::Exited(_) => {}
    }
    if usage {
        usage_line(report);
    }
}

/// Strings are printed as they are, everything else as JSON, `null` not at all.
fn value_line(json: &str) {
    if json == "null" {
        return;
    }
    let text = match serde_json::from_str::<String>(json) {
        Ok(text) => text,
        Err(_) => json.to_owned(),
    };
    let _reader_gone = write(std::io::stdout().lock(), format!("{text}\n").as_bytes());
}

fn end_line(text: &str) {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let _reader_gone = write(std::io::stderr().lock(), format!("{text}{end}").as_bytes());
}

fn hint(limit: &wxmcp_sandbox::Limit) -> Option<&'static str> {
    use wxmcp_sandbox::Limit;
    match limit {
        Limit::Fuel(_) => Some("raise --fuel, or do less"),
        Limit::WallTime(_) => {
            Some("raise --timeout, or overlap calls (asyncio.gather, Promise.all)")
        }
        Limit::Memory(_) => Some("raise --memory, or keep less at once"),
        Limit::Output(_) => Some("raise --max-output, or print a summary"),
        Limit::ToolCalls(_) => Some("raise --max-tool-calls"),
        Limit::Value(_) => Some("return a summary; write large results to a mounted folder"),
        Limit::Stack | Limit::Pending(_) | Limit::Message(_) | Limit::Artifacts(_) => None,
    }
}

/// A stopped script may have changed things: says what it already did.
fn open_calls(report: &Report) {
    if report.calls.is_empty() {
        return;
    }
    let done = report.calls.iter().filter(|call| call.ended.is_some());
    eprintln!(
        "note: {} tool calls had been made, {} of them answered",
        report.calls.len(),
        done.count()
    );
}

fn usage_line(report: &Report) {
    use bytesize::ByteSize;
    let usage = &report.usage;
    eprintln!(
        "usage: {} calls, {} never left the sandbox, peak memory {}, {:.2} s, {} units of fuel",
        usage.tool_calls,
        ByteSize::b(usage.bytes_kept_out),
        ByteSize::b(usage.peak_memory),
        usage.wall_ms / 1e3,
        usage.fuel
    );
}

/// Prints a failure of wxmcp's own: what it was doing, why, what helps.
pub(crate) fn failure(error: &anyhow::Error, hint: Option<&str>) {
    // What went wrong may be told in a stranger's words.
    eprintln!("error: {}", visible(&error.to_string()));
    for cause in error.chain().skip(1) {
        eprintln!("  caused by: {}", visible(&cause.to_string()));
    }
    if let Some(hint) = hint {
        eprintln!("hint: {hint}");
    }
}

/// Prints a line to standard output.
pub(crate) fn line(text: &str) {
    let _reader_gone = write(std::io::stdout().lock(), format!("{text}\n").as_bytes());
}

/// Prints bytes to standard output as they are.
pub(crate) fn bytes(bytes: &[u8]) {
    let _reader_gone = std::io::stdout().lock().write_all(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_not_obeyed() {
        assert_eq!(
            visible("a\x1b]8;;x\x07\tb\n"),
            "a\u{241b}]8;;x\u{2407}\tb\n"
        );
        assert_eq!(visible("\u{202e}abc"), "\u{fffd}abc");
    }
}
