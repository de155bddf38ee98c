//! The order of completions, kept.

use std::sync::Arc;
use std::time::Duration;

use wxmcp_run::{ForTool, Next, Schedule, Sources};

use super::tape::{self, Tape, nanoseconds};
use crate::event::Event;

pub(super) struct RecordedOrder {
    pub(super) tape: Arc<Tape>,
    pub(super) instance: u32,
    pub(super) path: Arc<[u64]>,
    /// What the instance would be given if nobody recorded it.
    pub(super) given: Sources,
    pub(super) key: [u8; 32],
}

impl Schedule for RecordedOrder {
    fn began(&self, id: u64, operation: u8, timer: Option<Duration>, fuel: u64) {
        self.tape.push(Event::Began {
            instance: self.instance,
            id,
            operation,
            timer: timer.map(nanoseconds),
        });
        if let Some(given) = &self.given.schedule {
            given.began(id, operation, timer, fuel);
        }
    }

    fn call_number(&self, id: u64) -> Option<u64> {
        self.given.schedule.as_ref()?.call_number(id)
    }

    fn gave_up(&self, id: u64) {
        self.tape.push(Event::GaveUp {
            instance: self.instance,
            id,
        });
        if let Some(given) = &self.given.schedule {
            given.gave_up(id);
        }
    }

    fn next(&self, timeout: Option<Duration>, fuel: u64) -> Next {
        match &self.given.schedule {
            Some(given) => given.next(timeout, fuel),
            None => Next::AsItEnds,
        }
    }

    fn joins(&self, id: u64) -> bool {
        let given = self.given.schedule.as_ref();
        given.is_none_or(|given| given.joins(id))
    }

    fn timers_take_time(&self) -> bool {
        let given = self.given.schedule.as_ref();
        given.is_none_or(|given| given.timers_take_time())
    }

    fn children_end_first(&self) -> bool {
        let given = self.given.schedule.as_ref();
        given.is_some_and(|given| given.children_end_first())
    }

    fn handed_over(&self, ids: &[u64], changed: &[String]) {
        self.tape.push(Event::HandedOver {
            instance: self.instance,
            ids: ids.to_vec(),
            changed: changed.to_vec(),
            at: nanoseconds(self.tape.elapsed()),
        });
        if let Some(given) = &self.given.schedule {
            given.handed_over(ids, changed);
        }
    }

    fn remaining(&self) -> Option<Vec<u64>> {
        self.given.schedule.as_ref()?.remaining()
    }

    fn left(&self, ids: &[u64]) {
        if !ids.is_empty() {
            self.tape.push(Event::Left {
                instance: self.instance,
                ids: ids.to_vec(),
            });
        }
        if let Some(given) = &self.given.schedule {
            given.left(ids);
        }
    }

    fn child(&self, id: u64) -> Sources {
        let path: Arc<[u64]> = self.path.iter().copied().chain([id]).collect();
        let instance = self.tape.child(self.instance, Arc::clone(&path), id);
        let given = self.given.of_child(id);
        let randomness = wxmcp_run::Randomness::Seeded(self.key).derived(id);
        tape::sources(&self.tape, instance, &path, given, tape::key(randomness))
    }

    /// What it answers is kept, not what it was given.
    fn tool(&self, id: u64) -> ForTool {
        let given = self.given.schedule.as_ref();
        given.map(|given| given.tool(id)).unwrap_or_default()
    }
}
