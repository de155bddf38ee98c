//! A recording, sorted by who is to be given what.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;
use wxmcp_run::{Limit, Outcome, Source};

use crate::capture;
use crate::event::{Answer, Bytes, End, Event, Head, Question};

/// The operation of `wit/guest.wit` that starts another script.
const SCRIPT: u8 = 10;

/// A recorded run.
#[derive(Debug, Default)]
pub struct Recorded {
    /// What was run.
    pub head: Head,
    /// What the mounts held, in their order.
    mounts: Vec<Source>,
    /// How it ended; none if the recording was cut short.
    pub end: Option<End>,
    /// What differs at the end in mounts that could be written to.
    pub written: Vec<Event>,
    pub(super) instances: Vec<Instance>,
    pub(super) printed: [Vec<Numbered<Bytes>>; 2],
    /// The number of its first event: of a session, another run may come before.
    pub first: usize,
    /// The number of the event behind its last one.
    pub events: usize,
    /// How many of them a script is given, or makes again.
    pub(super) to_pass: usize,
}

/// What one instance was given and did.
#[derive(Debug, Default)]
pub(super) struct Instance {
    pub(super) began: HashMap<u64, Numbered<(u8, Option<u64>)>>,
    pub(super) asked: HashMap<u64, Numbered<Question>>,
    pub(super) answered: HashMap<u64, Answer>,
    pub(super) gave_up: HashSet<u64>,
    /// Calls that had ended and were not handed over when it ended.
    pub(super) left: Vec<u64>,
    /// Operations that were handed over.
    pub(super) handed_over: HashSet<u64>,
    /// Whether it is known to have ended: whoever started it was told so.
    pub(super) has_ended: bool,
    pub(super) batches: Vec<Numbered<Batch>>,
    pub(super) wall: Vec<Numbered<u64>>,
    pub(super) monotonic: Vec<Numbered<u64>>,
    pub(super) children: HashMap<u64, u32>,
}

/// Completions that were handed over together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) ids: Vec<u64>,
    pub(super) changed: Vec<String>,
}

/// Something with the number of its event.
#[derive(Clone, Debug)]
pub(super) struct Numbered<T> {
    pub(super) event: usize,
    pub(super) it: T,
}

/// Why events are no recording that can be replayed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordedError {
    /// It does not say what was run.
    #[error("the recording is empty: it was cut short before the run began")]
    Empty,
    /// The head is not the first event, or there are two.
    #[error("event {0} of the recording is out of place")]
    OutOfPlace(usize),
    /// An event names an instance that nobody started.
    #[error("event {0} of the recording is of an instance that was not started")]
    NoInstance(usize),
    /// The language of the script is none.
    #[error("the recording is of a script in `{0}`, which this wxmcp does not know")]
    Language(String),
    /// The head has other mounts than were captured.
    #[error("the recording does not have the folders that its run could see")]
    Mounts,
}

impl Recorded {
    /// Sorts the events of a recording of one run.
    ///
    /// # Errors
    ///
    /// When they are none, or of more runs.
    pub fn of(events: impl IntoIterator<Item = Event>) -> Result<Self, RecordedError> {
        let mut runs = Self::runs(events)?.into_iter();
        match (runs.next(), runs.next()) {
            (Some(run), None) => Ok(run),
            (_, Some(next)) => Err(RecordedError::OutOfPlace(next.first)),
            (None, None) => Err(RecordedError::Empty),
        }
    }

    /// Sorts the events of a recording: the run that it has, or those of a session. All but the last have ended.
    ///
    /// # Errors
    ///
    /// When they are none.
    pub fn runs(events: impl IntoIterator<Item = Event>) -> Result<Vec<Self>, RecordedError> {
        let mut runs: Vec<Self> = Vec::new();
        let mut captured = Vec::new();
        for (number, event) in events.into_iter().enumerate() {
            let begins = runs.last().is_none_or(|run| run.end.is_some());
            if begins != matches!(event, Event::Head(_)) {
                return Err(RecordedError::OutOfPlace(number));
            }
            if begins {
                runs.push(Self {
                    instances: vec![Instance::default()],
                    first: number,
                    ..Self::default()
                });
                captured.push(Vec::new());
            }
            if let (Some(run), Some(captured)) = (runs.last_mut(), captured.last_mut()) {
                run.events = number.saturating_add(1);
                match event {
                    Event::Captured { mount, entry } => captured.push((mount, entry)),
                    event => run.take(number, event)?,
                }
            }
        }
        for (run, captured) in runs.iter_mut().zip(captured) {
            run.mounts = capture::sources(&run.head.mounts, captured);
        }
        match runs.is_empty() {
            true => Err(RecordedError::Empty),
            false => Ok(runs),
        }
    }

    #[expect(
        clippy::too_many_lines,
        reason = "a few lines for each kind of event, which say where it is kept"
    )]
    fn take(&mut self, event: usize, it: Event) -> Result<(), RecordedError> {
        let passes = matches!(
            it,
            Event::Printed { .. }
                | Event::Began { .. }
                | Event::Asked { .. }
                | Event::HandedOver { .. }
                | Event::Wall { .. }
                | Event::Monotonic { .. }
        );
        self.to_pass = self.to_pass.saturating_add(usize::from(passes));
        match it {
            Event::Head(head) => self.head = *head,
            Event::Captured { .. } => {}
            Event::Printed { stream, bytes } => {
                let [out, error] = &mut self.printed;
                let printed = if stream == 2 { error } else { out };
                printed.push(Numbered { event, it: bytes });
            }
            Event::Written { .. } | Event::Removed { .. } => self.written.push(it),
            Event::End(end) => self.end = Some(*end),
            Event::Child {
                parent,
                id,
                instance,
            } => {
                let next = u32::try_from(self.instances.len());
                if next != Ok(instance) {
                    return Err(RecordedError::OutOfPlace(event));
                }
                self.at(parent, event)?.children.insert(id, instance);
                self.instances.push(Instance::default());
            }
            Event::Began {
                instance,
                id,
                operation,
                timer,
            } => {
                let instance = self.at(instance, event)?;
                let it = (operation, timer);
                instance.began.insert(id, Numbered { event, it });
            }
            Event::GaveUp { instance, id } => {
                self.at(instance, event)?.gave_up.insert(id);
            }
            Event::Asked {
                instance,
                id,
                question,
            } => {
                let it = question;
                let asked = &mut self.at(instance, event)?.asked;
                asked.insert(id, Numbered { event, it });
            }
            Event::Answered {
                instance,
                id,
                answer,
            } => {
                self.at(instance, event)?.answered.insert(id, answer);
            }
            Event::HandedOver {
                instance,
                ids,
                changed,
                at: _,
            } => {
                let at = self.at(instance, event)?;
                at.handed_over.extend(&ids);
                let children = ids.iter().filter_map(|id| at.children.get(id).copied());
                let children: Vec<u32> = children.collect();
                let it = Batch { ids, changed };
                at.batches.push(Numbered { event, it });
                for child in children {
                    self.at(child, event)?.has_ended = true;
                }
            }
            Event::Left { instance, ids } => self.at(instance, event)?.left.extend(ids),
            Event::Wall {
                instance,
                nanoseconds: it,
            } => {
                self.at(instance, event)?.wall.push(Numbered { event, it });
            }
            Event::Monotonic {
                instance,
                nanoseconds: it,
            } => {
                let monotonic = &mut self.at(instance, event)?.monotonic;
                monotonic.push(Numbered { event, it });
            }
        }
        Ok(())
    }

    fn at(&mut self, instance: u32, event: usize) -> Result<&mut Instance, RecordedError> {
        let index = usize::try_from(instance).unwrap_or(usize::MAX);
        let found = self.instances.get_mut(index);
        found.ok_or(RecordedError::NoInstance(event))
    }

    pub(super) fn instance(&self, number: u32) -> Option<&Instance> {
        self.instances.get(usize::try_from(number).ok()?)
    }

    /// The number of the instance that these operations led to.
    pub(super) fn number(&self, path: &[u64]) -> Option<u32> {
        let child = |at: u32, id: &u64| self.instance(at)?.children.get(id).copied();
        path.iter().try_fold(0, child)
    }

    /// The mounts as they were captured, for one run.
    pub(super) fn mounts(&self) -> Vec<Source> {
        let mounts = self.mounts.iter().map(|source| match source {
            Source::Captured(captured) => Source::Captured(Arc::new(captured.of_another_run())),
            other => other.clone(),
        });
        mounts.collect()
    }

    /// The report of the recorded run, if it ended.
    pub fn report(&self) -> Option<Value> {
        serde_json::from_str(&self.end.as_ref()?.report).ok()
    }

    /// Whether something outside of the run ended it: a limit of time, or its caller. What is cut short was ended by
    /// whatever cut it.
    pub(super) fn was_ended(&self) -> bool {
        self.end.is_none() || self.ended_as().is_some()
    }

    /// The outcome, if something outside of the run ended it.
    pub(super) fn ended_as(&self) -> Option<Outcome> {
        let report = self.report()?;
        if report.get("outcome").is_some_and(|it| it == "cancelled") {
            return Some(Outcome::Cancelled);
        }
        let milliseconds = self.head.limits.wall / 1_000_000;
        let stopped = Outcome::Stopped(Limit::WallTime(milliseconds), None);
        is_stopped_by_time(&report).then_some(stopped)
    }

    /// Whether some script that it started was given up: how far that had come when it ended is not known.
    pub(super) fn gave_up_a_script(&self) -> bool {
        let is_script = |instance: &Instance, id: &u64| {
            let began = instance.began.get(id);
            began.is_some_and(|began| began.it.0 == SCRIPT)
        };
        let mut instances = self.instances.iter();
        instances.any(|it| it.gave_up.iter().any(|id| is_script(it, id)))
    }

    /// The units of fuel that the run had used when its time was over.
    pub(super) fn stopped_by_time_at(&self) -> Option<u64> {
        let report = self.report()?;
        let fuel = report.get("usage")?.get("fuel")?.as_u64()?;
        self.was_ended().then_some(fuel)
    }
}

fn is_stopped_by_time(report: &Value) -> bool {
    let limit = report.get("error").and_then(|error| error.get("limit"));
    limit.is_some_and(|limit| limit == "wall-time")
}
