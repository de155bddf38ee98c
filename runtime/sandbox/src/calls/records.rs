//! What is noted of each call, and the runs that a script starts.

use std::sync::Arc;

use super::{Calls, NAME, length};
use crate::calls::ended::Done;
use crate::family::{Starts, Wanted};
use wxmcp_run::{CallEnd, CallProgress, CallRecord, Event, Held, ToolError, ToolErrorKind};

impl Calls {
    /// Records a tool call and notifies the observer; returns the call's sequence number.
    pub(super) fn record(&mut self, id: u64, name: &str, argument_bytes: usize) -> u64 {
        let turn = self.family.next_call();
        let schedule = self.schedule.as_ref();
        let given = schedule.and_then(|it| it.call_number(id));
        let sequence = given.unwrap_or(turn);
        let end = name.floor_char_boundary(NAME);
        let name = name.get(..end).unwrap_or_default();
        self.indices.insert(id, self.records.len());
        self.records.push(CallRecord {
            sequence,
            name: name.to_owned(),
            ended: None,
            argument_bytes: length(argument_bytes),
        });
        self.observer.event(Event::CallStarted { sequence, name });
        sequence
    }

    /// Who hears how far a call is.
    pub(super) fn progress(&self, sequence: u64, name: &str) -> CallProgress {
        CallProgress::of(Arc::clone(&self.observer), sequence, name)
    }

    /// Completes the record of a call, if the operation was one.
    pub(super) fn note_end(&mut self, id: u64, end: CallEnd) {
        let Some(index) = self.indices.remove(&id) else {
            return;
        };
        let Some(record) = self.records.get_mut(index) else {
            return;
        };
        self.answer_bytes = self.answer_bytes.saturating_add(end.answer_bytes);
        self.observer.event(Event::CallEnded {
            sequence: record.sequence,
            error: end.error,
        });
        record.ended = Some(end);
    }

    /// Whether another run started this one.
    fn is_started(&self) -> bool {
        self.depth > 0
    }

    /// Lets the script start others.
    pub(crate) fn starts_by(&mut self, starter: Arc<dyn Starts>, depth: usize) {
        (self.starter, self.depth) = (Some(starter), depth);
    }

    /// The run is over: nothing of it is kept to start others with.
    pub(crate) fn starts_no_more(&mut self) {
        self.starter = None;
    }

    /// Starts a run that the script asked for.
    pub(super) async fn start(&mut self, id: u64, wanted: Wanted, held: Held) {
        let Some(starter) = self.starter.clone() else {
            let message = "this interpreter cannot be started by its own scripts";
            return self.fail(id, &ToolError::new(ToolErrorKind::NotGranted, message));
        };
        // Where a schedule says what happens when, no text says how much real time is left. Its parent's limit ends it, too.
        let left = match self.schedule.is_some() {
            true => starter.wall(),
            false => starter.wall().saturating_sub(self.clock.elapsed()),
        };
        let (tools, observer) = (Arc::clone(&self.tools), Arc::clone(&self.observer));
        let run = starter.start(id, wanted, left, tools, observer);
        let work = async move {
            let _held = held;
            run.await.map(|payload| Done::new(payload, 0))
        };
        let schedule = self.schedule.as_ref();
        if schedule.is_some_and(|it| it.children_end_first()) {
            let ended = self.timed(id, work).await;
            self.ready.push_back(ended);
        } else {
            self.go_on(id, work);
        }
    }

    /// The run is over: takes in the calls that count as ended though they were not handed over.
    pub(crate) async fn end_remaining(&mut self) {
        let Some(schedule) = self.schedule.clone() else {
            return self.collect();
        };
        match schedule.remaining() {
            None => self.collect(),
            Some(ids) => self.ready = self.taken(&ids).await.into(),
        }
        let ids = self.ready.iter().map(|ended| ended.id);
        let calls: Vec<u64> = ids.filter(|id| self.indices.contains_key(id)).collect();
        schedule.left(&calls);
    }

    /// The run is over: what ended is noted, what is under way is cancelled.
    /// Answers the records and the bytes of all answers.
    pub(crate) fn finish(&mut self) -> (Vec<CallRecord>, u64) {
        for ended in std::mem::take(&mut self.ready) {
            self.close(&ended);
        }
        self.running.abort_all();
        if self.is_started() {
            return (Vec::new(), self.answer_bytes);
        }
        let mut records = std::mem::take(&mut self.records);
        records.extend(self.family.kept());
        records.sort_by_key(|record| record.sequence);
        (records, self.answer_bytes)
    }
}

impl Drop for Calls {
    fn drop(&mut self) {
        if self.is_started() {
            self.family.keep(std::mem::take(&mut self.records));
        }
    }
}
