//! How far a replay has come.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use parking_lot::Mutex;
use serde_json::Value;
use wxmcp_run::{CallId, Clocks, Outcome, Randomness, Report, Sources, ToolError, ToolErrorKind};

use super::answers::Answers;
use super::clocks::ReplayedClocks;
use super::divergence::{Divergence, pretty};
use super::order::ReplayedOrder;
use super::recorded::{Batch, Instance, Numbered, Recorded};
use super::{HowToReplay, Replayed};
use crate::canonical;
use crate::capture::NotCaptured;
use crate::event::{Answer, Body, Event, Question};

/// Operations that a script may still begin after it diverged, while it comes to its end.
const AFTERWARDS: u32 = 100;

pub(super) struct State {
    pub(super) recorded: Arc<Recorded>,
    pub(super) how: HowToReplay,
    inner: Mutex<Inner>,
    /// The answers that another script is given.
    answers: Option<Answers>,
}

#[derive(Default)]
struct Inner {
    /// How much of each instance's batches and readings was given.
    given: HashMap<u32, Given>,
    divergence: Option<Divergence>,
    afterwards: u32,
    /// Whether the script has heard that it is to stop.
    is_stopped: bool,
    /// Whether the run is to end here, as nothing more is known of it.
    is_over: bool,
    waker: Option<Waker>,
}

#[derive(Default)]
struct Given {
    batches: usize,
    wall: usize,
    monotonic: usize,
}

/// The clocks that a guest reads.
#[derive(Clone, Copy, Debug)]
pub(super) enum Clock {
    Wall,
    Monotonic,
}

impl State {
    pub(super) fn new(recorded: Arc<Recorded>, how: HowToReplay) -> Self {
        Self {
            answers: how.script.as_ref().map(|_| Answers::of(&recorded)),
            recorded,
            how,
            inner: Mutex::default(),
        }
    }

    fn instance(&self, number: u32) -> Option<&Instance> {
        self.recorded.instances.get(usize::try_from(number).ok()?)
    }

    /// The number of the instance that these operations led to.
    fn number(&self, path: &[u64]) -> Option<u32> {
        let child = |at: u32, id: &u64| self.instance(at)?.children.get(id).copied();
        path.iter().try_fold(0, child)
    }

    /// Notes the first difference. The script hears of it where it asks next, and the run ends.
    pub(super) fn diverges(&self, divergence: Divergence) {
        let mut inner = self.inner.lock();
        if !inner.is_over {
            inner.divergence.get_or_insert(divergence);
        }
    }

    pub(super) fn has_diverged(&self) -> bool {
        self.inner.lock().divergence.is_some()
    }

    /// Whether the script has heard that it differs, or that it is to stop: it only comes to its end.
    pub(super) fn has_stopped(&self) -> bool {
        let inner = self.inner.lock();
        inner.divergence.is_some() || inner.is_stopped
    }

    /// Nothing is known of what follows: the run ends here.
    pub(super) fn ends(&self) {
        let mut inner = self.inner.lock();
        inner.is_over = true;
        if let Some(waker) = inner.waker.take() {
            waker.wake();
        }
    }

    /// Whether the replay is to stop before an event.
    fn stops_at(&self, event: usize) -> bool {
        let stops = self.how.until.is_some_and(|until| event >= until);
        // One that goes on as a session is told at its next question, and stays.
        if stops && !self.how.in_session {
            self.ends();
        }
        stops
    }

    /// What a clock says next; none where it says what it said last.
    pub(super) fn reading(&self, instance: u32, clock: Clock) -> Option<u64> {
        let known = self.instance(instance)?;
        let readings = match clock {
            Clock::Wall => &known.wall,
            Clock::Monotonic => &known.monotonic,
        };
        let next = {
            let mut inner = self.inner.lock();
            let given = inner.given.entry(instance).or_default();
            let at = match clock {
                Clock::Wall => &mut given.wall,
                Clock::Monotonic => &mut given.monotonic,
            };
            let next = readings.get(*at);
            *at = at.saturating_add(1);
            next
        };
        match next {
            Some(next) => {
                self.stops_at(next.event);
                Some(next.it)
            }
            None => {
                self.beyond("reads the clock", readings.last().map_or(0, |it| it.event));
                None
            }
        }
    }

    /// The script does something for which the recording has nothing more.
    fn beyond(&self, does: &str, last: usize) {
        if self.recorded.end.is_none() {
            return self.ends();
        }
        if !self.recorded.was_ended() {
            let expected = "the script does so no more";
            self.diverges(Divergence::new(
                last,
                expected,
                format!("the script {does}"),
            ));
        }
    }

    /// An operation begins.
    pub(super) fn began(&self, instance: u32, id: u64, what: (u8, Option<u64>)) {
        let known = self.instance(instance);
        match known.and_then(|it| it.began.get(&id)) {
            Some(began) if began.it == what => {
                self.stops_at(began.event);
            }
            Some(began) => {
                let words = |(operation, timer): (u8, Option<u64>)| match timer {
                    Some(time) => format!("the script waits {} ms", time / 1_000_000),
                    None => format!("the script begins {}", operation_name(operation)),
                };
                let divergence = Divergence::new(began.event, words(began.it), words(what));
                self.diverges(divergence);
            }
            None => {
                let last = known.and_then(|it| it.began.values().map(|began| began.event).max());
                let does = format!("begins {}", operation_name(what.0));
                self.beyond(&does, last.unwrap_or(0));
            }
        }
    }

    /// A question of an operation: its answer, none where there was none before the run ended.
    pub(super) fn asks(
        &self,
        id: &CallId,
        question: &Question,
    ) -> Result<Option<Answer>, ToolError> {
        if let Some(answers) = &self.answers {
            return self.given_to_another(answers, question);
        }
        let known = self.number(&id.instance).and_then(|at| self.instance(at));
        let Some(known) = known.filter(|_| !self.has_stopped()) else {
            return Err(differs());
        };
        match known.asked.get(&id.operation) {
            // It was never asked: it waited for its turn when the run ended, or was given up.
            None if known.began.contains_key(&id.operation) => Ok(None),
            None => {
                let last = known.asked.values().map(|asked| asked.event).max();
                self.beyond(
                    &format!("makes a {}", question.in_words()),
                    last.unwrap_or(0),
                );
                match self.has_diverged() {
                    true => Err(differs()),
                    false => Ok(None),
                }
            }
            Some(asked) if self.stops_at(asked.event) => match self.how.in_session {
                true => {
                    self.inner.lock().is_stopped = true;
                    Err(stopped(asked.event))
                }
                false => Ok(None),
            },
            Some(asked) if asked.it == *question => Ok(known.answered.get(&id.operation).cloned()),
            Some(asked) => {
                self.diverges(between(asked, question));
                Err(differs())
            }
        }
    }

    /// What another script is answered.
    fn given_to_another(
        &self,
        answers: &Answers,
        question: &Question,
    ) -> Result<Option<Answer>, ToolError> {
        if self.has_diverged() {
            return Err(differs());
        }
        match answers.take(question) {
            Ok(answer) => Ok(answer),
            Err(Some(recorded)) => {
                self.diverges(between(&recorded, question));
                Err(differs())
            }
            Err(None) => {
                let words = format!("the script makes a {}", question.in_words());
                let last = self.recorded.events.saturating_sub(1);
                let expected = "the recorded script made no more calls";
                let divergence = Divergence::new(last, expected, words);
                self.diverges(divergence.with("", &detail(question)));
                Err(differs())
            }
        }
    }

    /// What is handed over next to an instance.
    pub(super) fn front(&self, instance: u32) -> Option<Batch> {
        let goes_on = |next: &&Numbered<Batch>| self.how.in_session || !self.stops_at(next.event);
        let next = self.next_batch(instance).filter(goes_on);
        if next.is_none() {
            let last = self.instance(instance).and_then(|it| it.batches.last());
            self.beyond("waits", last.map_or(0, |it| it.event));
            if instance == 0 && !self.has_diverged() {
                self.ends();
            }
        }
        next.map(|next| next.it.clone())
    }

    /// The number of the event that is handed over next.
    pub(super) fn front_event(&self, instance: u32) -> usize {
        self.next_batch(instance).map_or(0, |next| next.event)
    }

    fn next_batch(&self, instance: u32) -> Option<&Numbered<Batch>> {
        let given = self
            .inner
            .lock()
            .given
            .get(&instance)
            .map_or(0, |given| given.batches);
        self.instance(instance)?.batches.get(given)
    }

    /// A batch was handed over.
    pub(super) fn handed_over(&self, instance: u32, ids: &[u64]) {
        let expected = self
            .next_batch(instance)
            .map(|next| (next.event, &next.it.ids));
        if let Some((event, expected)) = expected
            && !self.has_stopped()
            && expected != ids
        {
            let expected = format!("operations {expected:?} have ended");
            let actual = format!("operations {ids:?} have ended");
            self.diverges(Divergence::new(event, expected, actual));
        }
        let mut inner = self.inner.lock();
        let given = inner.given.entry(instance).or_default();
        given.batches = given.batches.saturating_add(1);
        if inner.divergence.is_some() || inner.is_stopped {
            inner.afterwards = inner.afterwards.saturating_add(1);
            if inner.afterwards > AFTERWARDS {
                inner.is_over = true;
                if let Some(waker) = inner.waker.take() {
                    waker.wake();
                }
            }
        }
    }

    /// The number of an instance that another one starts; one that nothing is known of where it did not.
    pub(super) fn child(&self, instance: u32, id: u64) -> u32 {
        let known = self.instance(instance).and_then(|it| it.children.get(&id));
        known.copied().unwrap_or(u32::MAX)
    }

    /// Compares the end of the run with that of the recorded one.
    pub(super) fn finish(&self, report: &mut Report) -> Replayed {
        let recorded = self.recorded.report();
        let is_whole = self.how.until.is_none() && self.how.script.is_none();
        let is_last = is_whole && !self.has_diverged();
        if let Some(outcome) = self.recorded.ended_as().filter(|_| is_last)
            && matches!(report.outcome, Outcome::Cancelled | Outcome::Stopped(..))
        {
            // A replay has no time that could be over, and nobody who interrupts it: it came as far.
            report.outcome = outcome;
        }
        let actual = canonical::report(report);
        let mut divergence = {
            let mut inner = self.inner.lock();
            inner.divergence.take()
        };
        if let Some(divergence) = &mut divergence {
            locate(divergence, report);
        } else if let Some(answers) = &self.answers {
            divergence = answers.left().map(|left| {
                let expected = format!("the script makes a {}", left.it.in_words());
                let divergence = Divergence::new(left.event, expected, "the script ends");
                divergence.with(&detail(&left.it), "")
            });
        } else if let Some(mut recorded) = recorded.filter(|_| self.how.until.is_none()) {
            let mut compared = actual.clone();
            let is_other = self.how.other_guest || self.how.edited.is_some();
            if is_other || self.recorded.gave_up_a_script() {
                [&mut compared, &mut recorded]
                    .into_iter()
                    .for_each(without_use);
            }
            if compared != recorded {
                let last = self.recorded.events.saturating_sub(1);
                let words = ("the report of the recorded run", "the report of the replay");
                let text = |report: &Value| pretty(&report.to_string());
                let differs = Divergence::new(last, words.0, words.1);
                divergence = Some(differs.with(&text(&recorded), &text(&compared)));
            }
        }
        Replayed {
            report: actual,
            divergence,
        }
    }
}

impl State {
    /// What the run left in its mounts cannot be looked at.
    pub(super) fn cannot_compare(&self, error: &NotCaptured) -> Divergence {
        let last = self.recorded.events.saturating_sub(1);
        Divergence::new(
            last,
            "what the recorded run left in its mounts",
            format!("{error}: {}", error.why),
        )
    }

    /// Compares what the run left in its mounts.
    pub(super) fn compare_written(&self, written: &[Event]) -> Option<Divergence> {
        if self.recorded.written == written {
            return None;
        }
        let lines = |events: &[Event]| events.iter().map(in_a_line).collect::<String>();
        let last = self.recorded.events.saturating_sub(1);
        let words = (
            "what the recorded run left in its mounts",
            "what the replay left there",
        );
        let differs = Divergence::new(last, words.0, words.1);
        Some(differs.with(&lines(&self.recorded.written), &lines(written)))
    }
}

/// What is at a path of a mount at the end, in a line.
fn in_a_line(event: &Event) -> String {
    match event {
        Event::Written { mount, entry } => {
            let body = match &entry.body {
                Body::File(bytes) => {
                    let text = String::from_utf8_lossy(&bytes.0);
                    return format!("mount {mount}: {} {:o}\n{text}\n", entry.path, entry.mode);
                }
                body => format!("{body:?}"),
            };
            format!("mount {mount}: {} {:o} {body}\n", entry.path, entry.mode)
        }
        Event::Removed { mount, path } => format!("mount {mount}: {path} is not there\n"),
        _ => String::new(),
    }
}

/// Ends when nothing more is known of the run.
pub(super) async fn ended(state: Arc<State>) {
    poll_fn(|context| {
        let mut inner = state.inner.lock();
        if inner.is_over {
            return Poll::Ready(());
        }
        inner.waker = Some(context.waker().clone());
        Poll::Pending
    })
    .await;
}

/// What an instance is given by chance.
pub(super) fn sources(state: &Arc<State>, instance: u32, key: [u8; 32]) -> Sources {
    Sources {
        clocks: Clocks::Given(Arc::new(ReplayedClocks::new(Arc::clone(state), instance))),
        randomness: Randomness::Seeded(key),
        schedule: Some(Arc::new(ReplayedOrder {
            state: Arc::clone(state),
            instance,
            key,
        })),
    }
}

/// What a script hears where it differs from its recording.
fn differs() -> ToolError {
    let message = "here the script differs from its recording: the replay ends";
    ToolError::new(ToolErrorKind::Diverged, message)
}

/// What a script hears where its replay is to stop.
fn stopped(event: usize) -> ToolError {
    let message = format!("here the replay stops, before event {event}");
    ToolError::new(ToolErrorKind::Diverged, message)
}

fn between(recorded: &Numbered<Question>, actual: &Question) -> Divergence {
    let words = |question: &Question| format!("the script makes a {}", question.in_words());
    let divergence = Divergence::new(recorded.event, words(&recorded.it), words(actual));
    divergence.with(&detail(&recorded.it), &detail(actual))
}

/// A question with all that is in it, a member a line.
fn detail(question: &Question) -> String {
    let (head, json) = match question {
        Question::Call { name, arguments } => (name.clone(), pretty(arguments)),
        Question::Capability {
            capability,
            request,
        } => (capability.clone(), pretty(request)),
        Question::Namespace(name) | Question::Known(name) => (name.clone(), String::new()),
        Question::Search {
            query,
            limit,
            detail,
        } => (query.clone(), format!("limit {limit}, detail {detail}")),
        Question::Describe(names) => (names.join("\n"), String::new()),
    };
    format!("{head}\n{json}\n")
}

fn operation_name(operation: u8) -> &'static str {
    match operation {
        1 => "a call of a tool",
        2 => "a search for tools",
        3 => "a description of tools",
        4 => "a listing of namespaces",
        5 => "a listing of tools",
        6 => "a timer",
        7 => "a statement",
        8 => "a request to a host",
        9 => "a request for a file",
        10 => "another script",
        _ => "an unknown operation",
    }
}

/// Says at which line of the script it differed, if the script ended by hearing of it.
fn locate(divergence: &mut Divergence, report: &Report) {
    if let Outcome::Raised(raised) = &report.outcome {
        divergence.line = raised.line;
        divergence.file.clone_from(&raised.file);
    }
}

/// Without what another guest uses otherwise.
fn without_use(report: &mut Value) {
    if let Some(usage) = report.get_mut("usage").and_then(Value::as_object_mut) {
        usage.remove("fuel");
        usage.remove("peak_memory");
    }
}
