//! A run that goes on: what it has printed, who hears of it, and its end.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use rmcp::task_manager::current_timestamp;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use wxmcp_policy::Principal;
use wxmcp_run::{Event, Observer, Stream, ToolErrorKind};

use crate::loss::Loss;
use crate::results::{Ended, Times};

/// Events that wait to be sent; later ones are counted, and their number is sent.
const MAX_WAITING: usize = 256;

/// Longest line that is sent as a log message, in bytes; the rest of it is in the answer.
const MAX_LINE: usize = 4 << 10;

/// A run between its start and its end.
pub(crate) struct Running {
    /// Its name, and the handle to wait for it with.
    pub(crate) run: String,
    pub(crate) principal: Arc<Principal>,
    pub(crate) session: Option<String>,
    pub(crate) began: Instant,
    /// The same, as the protocol writes it.
    pub(crate) begun: String,
    /// Ends it as cancelled.
    pub(crate) cancel: CancellationToken,
    printed: Mutex<Printed>,
    listener: Mutex<Option<Listener>>,
    end: watch::Sender<Option<End>>,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// With a report.
    Reported(Ended),
    /// It could not begin, or its worker was lost.
    Lost(Loss),
}

#[derive(Default)]
struct Printed {
    bytes: Vec<u8>,
    /// How many of them were part of an answer.
    answered: usize,
}

struct Listener {
    sender: mpsc::Sender<Heard>,
    missed: u64,
}

/// What a client may hear of while a run goes on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Heard {
    /// A piece of what was printed.
    Printed(Stream, String),
    /// The script reported progress.
    Progress {
        message: Option<String>,
        done: Option<f64>,
        total: Option<f64>,
    },
    /// A tool call began.
    CallBegun(String),
    /// A tool that was called says how far it is.
    CallProgress(String),
    /// A tool call ended.
    CallEnded(u64, Option<ToolErrorKind>),
    /// So many others were not sent, since the client did not take them.
    Missed(u64),
}

impl Running {
    pub(crate) fn new(run: String, principal: Arc<Principal>, session: Option<String>) -> Self {
        Self {
            run,
            principal,
            session,
            began: Instant::now(),
            begun: current_timestamp(),
            cancel: CancellationToken::new(),
            printed: Mutex::default(),
            listener: Mutex::default(),
            end: watch::Sender::new(None),
        }
    }

    /// When it began and, if it ends now, ended.
    pub(crate) fn times(&self) -> Times {
        Times {
            begun: self.begun.clone(),
            ended: current_timestamp(),
        }
    }

    /// What is heard from now on; whoever listened before hears no more.
    pub(crate) fn listen(&self) -> mpsc::Receiver<Heard> {
        let (sender, heard) = mpsc::channel(MAX_WAITING);
        *self.listener.lock() = Some(Listener { sender, missed: 0 });
        heard
    }

    /// What it has printed since this was last asked.
    pub(crate) fn newly_printed(&self) -> Vec<u8> {
        let mut printed = self.printed.lock();
        let fresh = printed.bytes.get(printed.answered..).unwrap_or_default();
        let fresh = fresh.to_vec();
        printed.answered = printed.bytes.len();
        fresh
    }

    /// Its end, when that has come.
    pub(crate) async fn end(&self) -> End {
        let mut end = self.end.subscribe();
        match end.wait_for(Option::is_some).await {
            Ok(end) => end
                .clone()
                .unwrap_or_else(|| End::Lost(Loss::lost("the run was lost"))),
            Err(_) => End::Lost(Loss::lost("the run was lost")),
        }
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.end.borrow().is_some()
    }

    pub(crate) fn finish(&self, end: End) {
        self.end.send_replace(Some(end));
        *self.listener.lock() = None;
    }

    /// The same for what matters less: the run's own events keep half of the room.
    fn tell_if_idle(&self, heard: impl FnOnce() -> Heard) {
        let mut listener = self.listener.lock();
        if let Some(to) = listener.as_mut()
            && to.missed == 0
            && to.sender.capacity() > MAX_WAITING / 2
        {
            let _no_room = to.sender.try_send(heard());
        }
    }

    fn tell(&self, heard: Heard) {
        let mut listener = self.listener.lock();
        let Some(to) = listener.as_mut() else {
            return;
        };
        if to.missed > 0 && to.sender.try_send(Heard::Missed(to.missed)).is_ok() {
            to.missed = 0;
        }
        if to.missed > 0 || to.sender.try_send(heard).is_err() {
            to.missed = to.missed.saturating_add(1);
        }
    }
}

/// How far a tool is, in its own count.
fn steps(done: Option<f64>, total: Option<f64>) -> String {
    match (done, total) {
        (Some(done), Some(total)) => format!("{done}/{total} "),
        (Some(done), None) => format!("{done} "),
        (None, _) => String::new(),
    }
}

impl Observer for Running {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Output { stream, bytes } => {
                self.printed.lock().bytes.extend_from_slice(bytes);
                let shown = bytes.get(..MAX_LINE).unwrap_or(bytes);
                let text = String::from_utf8_lossy(shown).into_owned();
                self.tell(Heard::Printed(stream, text));
            }
            Event::Progress {
                message,
                done,
                total,
            } => self.tell(Heard::Progress {
                message: message.map(str::to_owned),
                done,
                total,
            }),
            Event::CallStarted { name, .. } => self.tell(Heard::CallBegun(name.to_owned())),
            Event::CallEnded { sequence, error } => self.tell(Heard::CallEnded(sequence, error)),
            Event::CallProgress {
                name,
                message,
                done,
                total,
                ..
            } => self.tell_if_idle(|| {
                let message = message.unwrap_or_default();
                let words = format!("{name}: {}{message}", steps(done, total));
                Heard::CallProgress(words.trim_end().to_owned())
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Running {
        Running::new("r".to_owned(), Arc::new(Principal::local()), None)
    }

    fn print(running: &Running, text: &str) {
        running.event(Event::Output {
            stream: Stream::Stdout,
            bytes: text.as_bytes(),
        });
    }

    #[test]
    fn each_answer_has_what_was_printed_since_the_last() {
        let running = running();
        print(&running, "a");
        print(&running, "b");
        assert_eq!(running.newly_printed(), b"ab");
        assert_eq!(running.newly_printed(), b"");
        print(&running, "c");
        assert_eq!(running.newly_printed(), b"c");
    }

    #[tokio::test]
    async fn a_client_that_does_not_listen_is_told_how_much_it_missed() {
        let running = running();
        let mut heard = running.listen();
        for _ in 0..MAX_WAITING + 10 {
            print(&running, "x");
        }
        for _ in 0..MAX_WAITING {
            assert!(matches!(heard.recv().await, Some(Heard::Printed(..))));
        }
        print(&running, "y");
        assert_eq!(heard.recv().await, Some(Heard::Missed(10)));
        assert!(matches!(heard.recv().await, Some(Heard::Printed(_, text)) if text == "y"));
    }

    #[tokio::test]
    async fn progress_of_tools_leaves_room_for_what_the_run_says_itself() {
        let running = running();
        let mut heard = running.listen();
        let tool = |done| Event::CallProgress {
            sequence: 1,
            name: "a.b",
            message: Some("step"),
            done: Some(done),
            total: Some(3.0),
        };
        for _ in 0..MAX_WAITING {
            running.event(tool(1.0));
        }
        for _ in 0..MAX_WAITING / 2 {
            print(&running, "x");
        }
        let words = Heard::CallProgress("a.b: 1/3 step".to_owned());
        for _ in 0..MAX_WAITING / 2 {
            assert_eq!(heard.recv().await.as_ref(), Some(&words));
        }
        for _ in 0..MAX_WAITING / 2 {
            assert!(matches!(heard.recv().await, Some(Heard::Printed(..))));
        }
        running.event(tool(1.5));
        let words = Heard::CallProgress("a.b: 1.5/3 step".to_owned());
        assert_eq!(heard.recv().await, Some(words));
    }

    #[tokio::test]
    async fn whoever_waits_for_the_end_gets_it_also_afterwards() {
        let running = running();
        assert!(!running.has_ended());
        running.finish(End::Lost(Loss::lost("x")));
        assert!(matches!(running.end().await, End::Lost(loss) if loss.words == "x"));
        assert!(running.has_ended());
    }
}
