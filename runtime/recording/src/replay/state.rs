//! How far a replay has come.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::Value;
use wxmcp_run::{CallId, Clocks, Outcome, Randomness, Report, Sources, ToolError};

use super::answers::Answers;
use super::clocks::{Last, ReplayedClocks};
use super::cut::Cut;
use super::divergence::{Divergence, operation_name, pretty};
use super::order::ReplayedOrder;
use super::recorded::{Batch, Instance, Numbered, Recorded};
use super::words::{between, detail, differs, stopped};
use super::{HowToReplay, Replayed};
use crate::canonical;
use crate::event::{Answer, Question};

/// Operations that a script may still begin after it diverged, while it comes to its end.
const AFTERWARDS: u32 = 100;

pub(super) struct State {
    pub(super) recorded: Arc<Recorded>,
    pub(super) how: HowToReplay,
    inner: Mutex<Inner>,
    /// The answers that another script is given.
    answers: Option<Answers>,
    /// What the script's own clocks said last.
    pub(super) last: Arc<Mutex<Last>>,
    /// What is left of a recording that was cut short.
    pub(super) cut: Cut,
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
    /// Bytes of standard output and of standard error that were printed until then.
    printed: [usize; 2],
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
    /// `last`: what the clocks said last in the run of the session before.
    pub(super) fn new(
        recorded: Arc<Recorded>,
        how: HowToReplay,
        last: Option<Arc<Mutex<Last>>>,
    ) -> Self {
        let last = last.unwrap_or_default();
        last.lock().wall = Duration::from_nanos(recorded.head.began);
        Self {
            last,
            cut: Cut::of(&recorded, &how),
            answers: how
                .script
                .as_ref()
                .map(|it| Answers::of(&recorded, &it.stubbed)),
            recorded,
            how,
            inner: Mutex::default(),
        }
    }

    fn instance(&self, number: u32) -> Option<&Instance> {
        self.recorded.instance(number)
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

    pub(super) fn is_over(&self) -> bool {
        self.inner.lock().is_over
    }

    /// So many bytes were printed, 0: to standard output, 1: to standard error.
    pub(super) fn printed(&self, stream: usize, bytes: usize) {
        if let Some(printed) = self.inner.lock().printed.get_mut(stream) {
            *printed = printed.saturating_add(bytes);
        }
    }

    /// The script goes on though it differs or was to stop: it may a little, to come to its end.
    pub(super) fn goes_on(&self) {
        let mut inner = self.inner.lock();
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

    /// An event was given, or was made again. Behind the last one that is known the run ends, also one that computes for ever.
    pub(super) fn passes(&self) {
        if self.cut.passes() {
            self.ends();
        }
    }

    /// Whether the replay is to stop before an event.
    pub(super) fn stops_at(&self, event: usize) -> bool {
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
                self.passes();
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
                self.passes();
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

    /// A number of a call that grows with them as they were recorded: scripts that run beside each other replay in another turn.
    pub(super) fn call_number(&self, instance: u32, id: u64) -> u64 {
        let known = self.instance(instance).and_then(|it| it.began.get(&id));
        let event = known.map_or(self.recorded.events, |began| began.event);
        u64::try_from(event).unwrap_or(u64::MAX)
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
        let known = self
            .recorded
            .number(&id.instance)
            .and_then(|at| self.instance(at));
        let Some(known) = known.filter(|_| !self.has_stopped()) else {
            return Err(differs());
        };
        match known.asked.get(&id.operation) {
            // It was never asked: it waited for its turn when the run ended, or was given up.
            None if known.began.contains_key(&id.operation) => self.unanswered(known, id.operation),
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
            Some(asked) if asked.it == *question => {
                self.passes();
                match known.answered.get(&id.operation) {
                    Some(answer) => Ok(Some(answer.clone())),
                    None => self.unanswered(known, id.operation),
                }
            }
            Some(asked) => {
                self.diverges(between(asked, question));
                Err(differs())
            }
        }
    }

    /// What is answered where the recording has no answer: it never ended. Whoever waits for it would wait for ever if the
    /// recording says that it did.
    fn unanswered(&self, known: &Instance, id: u64) -> Result<Option<Answer>, ToolError> {
        if !known.handed_over.contains(&id) {
            return Ok(None);
        }
        let event = known.began.get(&id).map_or(0, |began| began.event);
        let expected = format!("operation {id} has ended");
        self.diverges(Divergence::new(
            event,
            expected,
            "the recording has no answer to it",
        ));
        Err(differs())
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
            let known = self.instance(instance);
            let last = known.and_then(|it| it.batches.last());
            let last = last.map_or(0, |it| it.event);
            self.beyond("waits", last);
            // Nothing else ends one that another script waits for.
            if instance > 0 && known.is_none_or(|it| it.has_ended) {
                let expected = "the script that was started has ended";
                self.diverges(Divergence::new(last, expected, "it waits"));
            }
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
        if let Some((event, expected)) = &expected
            && !self.has_stopped()
            && *expected != ids
        {
            let expected = format!("operations {expected:?} have ended");
            let actual = format!("operations {ids:?} have ended");
            self.diverges(Divergence::new(*event, expected, actual));
        }
        if expected.is_some() {
            self.passes();
        }
        {
            let mut inner = self.inner.lock();
            let given = inner.given.entry(instance).or_default();
            given.batches = given.batches.saturating_add(1);
        }
        self.goes_on();
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
        let ended_early = self.ended_early();
        if ended_early {
            // What it did beyond that is not known of the recorded run.
            let printed = self.inner.lock().printed;
            report.stdout.truncate(printed[0]);
            report.stderr.truncate(printed[1]);
        }
        let is_last = is_whole && !self.has_diverged();
        if let Some(outcome) = self.recorded.ended_as().filter(|_| is_last)
            && matches!(report.outcome, Outcome::Cancelled | Outcome::Stopped(..))
        {
            // A replay has no time that could be over, and nobody who interrupts it: it came as far.
            report.outcome = outcome;
        }
        for (call, number) in report.calls.iter_mut().zip(1..) {
            call.sequence = number;
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
            let both = [&mut compared, &mut recorded];
            let is_other = self.how.other_guest || self.how.edited.is_some();
            if self.how.redacted {
                both.into_iter().for_each(canonical::without_sizes);
            } else if is_other || self.recorded.gave_up_a_script() {
                both.into_iter().for_each(canonical::without_use);
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
            ended_early: ended_early && divergence.is_none(),
            divergence,
        }
    }

    /// Whether it came as far as is known of the recorded run, or as it was to, and no further.
    fn ended_early(&self) -> bool {
        self.cut.is_short() || (self.how.until.is_some() && self.is_over())
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

/// Says at which line of the script it differed, if the script ended by hearing of it.
fn locate(divergence: &mut Divergence, report: &Report) {
    if let Outcome::Raised(raised) = &report.outcome {
        divergence.line = raised.line;
        divergence.file.clone_from(&raised.file);
    }
}
