//! The one place that prints.

use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use wxmcp_run::{BoxFuture, Event, Observer, Outcome, Report, Stream};

use crate::queue::QUEUE;
use crate::streams::{Loss, Output, STDERR, STDOUT};

/// How often the progress line may change.
const REDRAW: Duration = Duration::from_millis(80);

/// Takes away the line that the cursor is on.
const CLEAR: &str = "\r\x1b[2K";

/// Streams a run to this process's standard streams and keeps a progress line on
/// a terminal. Nothing but the script's own output ever reaches a pipe.
pub(crate) struct Terminal {
    /// Whether the script's output is printed as it comes.
    streams: bool,
    state: Mutex<State>,
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
                progress: progress && STDERR.is_terminal(),
                started: Instant::now(),
                drawn: None,
                done: 0,
                in_flight: 0,
                message: None,
            }),
        }
    }

    /// Takes the progress line away.
    pub(crate) fn finish(&self) {
        self.lock().clear();
    }

    fn print(&self, stream: Stream, bytes: &[u8]) {
        self.lock().clear();
        let stream = match stream {
            Stream::Stdout => &STDOUT,
            Stream::Stderr => &STDERR,
        };
        let shown = shown(stream, bytes);
        stream.stream(shown.as_deref().map_or(bytes, str::as_bytes));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
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
            // What the script says of itself is worth more.
            Event::CallProgress { .. } => {}
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

    fn full(&self) -> Option<BoxFuture<'static, ()>> {
        self.streams.then(full).flatten()
    }
}

/// What has to be waited for before a script prints more.
fn full() -> Option<BoxFuture<'static, ()>> {
    QUEUE
        .is_full()
        .then(|| -> BoxFuture<'static, ()> { Box::pin(QUEUE.room()) })
}

impl State {
    fn draw(&mut self) {
        if !self.progress || self.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW) {
            return;
        }
        // A terminal that is stopped would be shown each of them later.
        if QUEUE.is_busy() {
            return;
        }
        let message = match &self.message {
            Some(message) => format!(" · {}", visible(message).replace(['\n', '\t'], " ")),
            None => String::new(),
        };
        let line = format!(
            "{CLEAR}{} calls done, {} in flight, {:.1} s{message}",
            self.done,
            self.in_flight,
            self.started.elapsed().as_secs_f64()
        );
        STDERR.draw(&line);
        self.drawn = Some(Instant::now());
    }

    fn clear(&mut self) {
        if self.drawn.take().is_some() {
            STDERR.draw(CLEAR);
        }
    }
}

/// Prints what tool files print, to standard error.
pub(crate) struct ToolOutput;

impl Observer for ToolOutput {
    fn event(&self, event: Event<'_>) {
        if let Event::Output { bytes, .. } = event {
            let shown = shown(&STDERR, bytes);
            STDERR.write(shown.as_deref().map_or(bytes, str::as_bytes));
        }
    }

    fn full(&self) -> Option<BoxFuture<'static, ()>> {
        full()
    }
}

/// Prints what is worth knowing beside the answer.
pub(crate) fn note(text: &str) {
    // It may repeat what a server says.
    aside(&format!("note: {}", visible(text)));
}

/// A line on standard error that may get lost: it is not what was asked for.
fn aside(text: &str) {
    let begin = STDERR.line_end();
    let shown = shown(&STDERR, text.as_bytes());
    let text = shown.as_deref().unwrap_or(text);
    STDERR.try_write(format!("{begin}{text}\n").as_bytes());
}

/// What is written of a script's output in its place: a terminal gets no control sequences.
fn shown(stream: &Output, bytes: &[u8]) -> Option<String> {
    stream
        .is_terminal()
        .then(|| visible(&String::from_utf8_lossy(bytes)))
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
        line(&text);
        return;
    }
    match &report.outcome {
        Outcome::Returned(value) if !quiet => value_line(value.get()),
        Outcome::Raised(raised) => {
            if raised.traceback.is_empty() {
                aside(&format!("error: {}", visible(&raised.message)));
            } else {
                text(&raised.traceback);
            }
        }
        Outcome::Stopped(limit, raised) => {
            if let Some(raised) = raised {
                text(&raised.traceback);
            }
            aside(&format!("error: the script was stopped by {limit}"));
            if let Some(hint) = hint(limit, report) {
                aside(&format!("hint: {hint}"));
            }
            open_calls(report);
        }
        // The script was cancelled because its output could no longer be read.
        Outcome::Cancelled if crate::streams::lost().is_some() => {}
        Outcome::Cancelled => {
            aside("error: interrupted");
            open_calls(report);
        }
        Outcome::Returned(_) | Outcome::Exited(_) => {}
    }
    if usage {
        usage_line(report);
    }
}

/// Strings are printed as they are, everything else as JSON, `null` not at all; on a line of
/// its own, whatever the script has printed before.
fn value_line(json: &str) {
    if json == "null" {
        return;
    }
    let text = match serde_json::from_str::<String>(json) {
        Ok(text) => text,
        Err(_) => json.to_owned(),
    };
    let text = shown(&STDOUT, text.as_bytes()).unwrap_or(text);
    STDOUT.write(format!("{}{text}\n", STDOUT.line_end()).as_bytes());
}

/// A traceback, on lines of its own.
fn text(text: &str) {
    let text = shown(&STDERR, text.as_bytes()).unwrap_or_else(|| text.to_owned());
    aside(text.strip_suffix('\n').unwrap_or(&text));
}

fn hint(limit: &wxmcp_run::Limit, report: &Report) -> Option<&'static str> {
    use wxmcp_run::Limit;
    let made_calls = report.usage.tool_calls > 0;
    match limit {
        Limit::Fuel(_) if !made_calls => Some(
            "it made no call and computed all the time: look for a loop that never ends, or raise --fuel",
        ),
        Limit::Fuel(_) => Some("raise --fuel, or do less"),
        Limit::WallTime(_) if !made_calls && is_busy(report) => Some(
            "it made no call and computed all the time: look for a loop that never ends, or raise --timeout",
        ),
        Limit::WallTime(_) if !made_calls => Some(
            "it made no call: look at what it waits for (a sleep, standard input), or raise --timeout",
        ),
        Limit::WallTime(_) => {
            Some("raise --timeout, or overlap calls (asyncio.gather, Promise.all)")
        }
        Limit::Memory(_) => Some("raise --memory, or keep less at once"),
        Limit::HostMemory(_) => Some("raise --host-memory, or make fewer large calls at once"),
        Limit::Output(_) => Some("raise --max-output, or print a summary"),
        Limit::ToolCalls(_) => Some("raise --max-tool-calls"),
        Limit::Value(_) => Some("return a summary; write large results to a mounted folder"),
        Limit::Stack | Limit::Pending(_) | Limit::Message(_) | Limit::Artifacts(_) => None,
    }
}

/// Fuel that starting takes, and what a guest burns in a millisecond while it computes, both
/// on the safe side: a hundredth of what slow machines reach.
const START: u64 = 3_000_000;
const BUSY: u64 = 5_000;

/// Whether a script computed, and did not wait.
fn is_busy(report: &Report) -> bool {
    let wall = Duration::try_from_secs_f64(report.usage.wall_ms / 1e3).unwrap_or_default();
    let milliseconds = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
    report.usage.fuel > milliseconds.saturating_mul(BUSY).saturating_add(START)
}

/// A stopped script may have changed things: says what it already did.
fn open_calls(report: &Report) {
    if report.calls.is_empty() {
        return;
    }
    let done = report.calls.iter().filter(|call| call.ended.is_some());
    note(&format!(
        "{} tool calls had been made, {} of them answered",
        report.calls.len(),
        done.count()
    ));
}

fn usage_line(report: &Report) {
    use bytesize::ByteSize;
    let usage = &report.usage;
    let line = format!(
        "{}usage: {} calls, {} never left the sandbox, peak memory {}, {:.2} s, {:.2} s more for starts, {} units of fuel\n",
        STDERR.line_end(),
        usage.tool_calls,
        ByteSize::b(usage.bytes_kept_out),
        ByteSize::b(usage.peak_memory),
        usage.wall_ms / 1e3,
        usage.start_ms / 1e3,
        usage.fuel
    );
    STDERR.write(line.as_bytes());
}

/// Prints a failure of wxmcp's own: what it was doing, why, what helps.
pub(crate) fn failure(error: &anyhow::Error, hint: Option<&str>) {
    // The text of an error may come from a server or a script.
    aside(&format!("error: {}", visible(&error.to_string())));
    for cause in error.chain().skip(1) {
        aside(&format!("  caused by: {}", visible(&cause.to_string())));
    }
    if let Some(hint) = hint {
        aside(&format!("hint: {hint}"));
    }
}

/// Says that what was asked for went otherwise than it should, in words that are whole.
pub(crate) fn failed(words: &str) {
    text(&format!("error: {}", visible(words)));
}

/// Says that output was lost; a reader that went away knows it.
pub(crate) fn loss(loss: &Loss) {
    match loss {
        Loss::ReaderGone => {}
        Loss::Failed(stream, error) => {
            aside(&format!("error: cannot write to {stream}"));
            aside(&format!("  caused by: {error}"));
        }
        Loss::Unread(stream) => {
            aside(&format!(
                "error: {stream} was not read before the run's time was over"
            ));
            aside("hint: read it, or raise --timeout");
        }
    }
}

/// Prints a line to standard output.
pub(crate) fn line(text: &str) {
    bytes(
        format!(
            "{}\n",
            shown(&STDOUT, text.as_bytes()).as_deref().unwrap_or(text)
        )
        .as_bytes(),
    );
}

/// Prints a line that repeats what a script printed, also where no terminal reads it: the log of a build may be shown by one.
pub(crate) fn quoting_line(text: &str) {
    bytes(format!("{}\n", visible(text)).as_bytes());
}

/// Asks for a line on a terminal.
pub(crate) fn prompt(text: &str) {
    STDOUT.write(STDOUT.line_end().as_bytes());
    STDOUT.draw(text);
}

/// Prints bytes to standard output as they are.
pub(crate) fn bytes(bytes: &[u8]) {
    STDOUT.write(bytes);
}

/// Prints what the command line says of itself, or what is wrong with it.
pub(crate) fn usage(text: &str, is_error: bool) {
    let stream = if is_error { &STDERR } else { &STDOUT };
    let shown = shown(stream, text.as_bytes());
    let text = shown.as_deref().unwrap_or(text);
    match is_error {
        true => STDERR.try_write(text.as_bytes()),
        false => STDOUT.write(text.as_bytes()),
    }
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
        assert_eq!(
            visible("\u{202e}abc\u{9b}2J\u{2066}"),
            "\u{fffd}abc\u{fffd}2J\u{fffd}"
        );
        assert_eq!(visible("Grüße, 日本 \u{200d}"), "Grüße, 日本 \u{200d}");
    }
}
