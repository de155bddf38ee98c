//! Completions in the batches that were recorded.

use std::sync::Arc;
use std::time::Duration;

use wxmcp_run::{ForTool, Next, Schedule, Sources};

use super::divergence::Divergence;
use super::recorded::Batch;
use super::state::{self, State};

pub(super) struct ReplayedOrder {
    pub(super) state: Arc<State>,
    pub(super) instance: u32,
    pub(super) key: [u8; 32],
}

impl Schedule for ReplayedOrder {
    fn began(&self, id: u64, operation: u8, timer: Option<Duration>, _fuel: u64) {
        let timer = timer.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        self.state.began(self.instance, id, (operation, timer));
    }

    fn call_number(&self, id: u64) -> Option<u64> {
        Some(self.state.call_number(self.instance, id))
    }

    fn gave_up(&self, id: u64) {
        let recorded = &self.state.recorded;
        let instance = usize::try_from(self.instance).unwrap_or(usize::MAX);
        let known = recorded.instances.get(instance);
        if known.is_some_and(|it| it.began.contains_key(&id) && !it.gave_up.contains(&id)) {
            let actual = format!("the script gave up on operation {id}");
            let expected = "the script waited for it";
            let event = known
                .and_then(|it| it.began.get(&id))
                .map_or(0, |it| it.event);
            self.state
                .diverges(Divergence::new(event, expected, actual));
        }
    }

    fn next(&self, _timeout: Option<Duration>, _fuel: u64) -> Next {
        if self.state.has_stopped() {
            return Next::HasEnded;
        }
        match self.state.front(self.instance) {
            Some(Batch { ids, changed }) => Next::These(ids, changed),
            // It comes to its end, which the first difference is told at.
            None if self.state.has_stopped() => Next::HasEnded,
            None => Next::Never,
        }
    }

    fn joins(&self, id: u64) -> bool {
        if self.state.has_stopped() {
            return true;
        }
        let front = self.state.front(self.instance);
        if front.is_none() && self.state.has_stopped() {
            // Nothing ends what it waits for.
            self.state.ends();
        }
        front.is_some_and(|batch| {
            if batch.ids != [id] {
                let event = self.state.front_event(self.instance);
                let expected = "the script waits for others";
                let actual = format!("the script waits for operation {id} alone");
                self.state
                    .diverges(Divergence::new(event, expected, actual));
            }
            true
        })
    }

    fn timers_take_time(&self) -> bool {
        false
    }

    fn children_end_first(&self) -> bool {
        false
    }

    fn handed_over(&self, ids: &[u64], _changed: &[String]) {
        self.state.handed_over(self.instance, ids);
    }

    fn remaining(&self) -> Option<Vec<u64>> {
        let known = self
            .state
            .recorded
            .instances
            .get(usize::try_from(self.instance).ok()?)?;
        let answered = |id: &&u64| known.answered.contains_key(*id);
        (!self.state.has_stopped()).then(|| known.left.iter().filter(answered).copied().collect())
    }

    fn left(&self, _ids: &[u64]) {}

    fn child(&self, id: u64) -> Sources {
        let randomness = wxmcp_run::Randomness::Seeded(self.key).derived(id);
        let key = match randomness {
            wxmcp_run::Randomness::Seeded(key) => key,
            wxmcp_run::Randomness::Live => self.key,
        };
        state::sources(&self.state, self.state.child(self.instance, id), key)
    }

    /// No tool file runs: what they answered is known.
    fn tool(&self, _id: u64) -> ForTool {
        ForTool::default()
    }
}
