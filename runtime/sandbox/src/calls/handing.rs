//! What is handed over to the guest, and when: as it ends, or as a schedule says.

use std::sync::Arc;
use std::time::Duration;

use super::ended::{Ended, Form};
use super::packed::{pack, packed_alone};
use super::{Calls, DELIVERY, NEWS};
use wxmcp_run::Next;

impl Calls {
    /// Answers what has ended, waiting for the first up to `timeout` (`None`:
    /// without a bound of its own). Nothing under way and no bound: nothing.
    ///
    /// So it is without a schedule, which may say otherwise.
    pub(crate) async fn wait(&mut self, timeout: Option<Duration>) -> Vec<u8> {
        self.delivered.clear();
        self.collect();
        let next = match &self.schedule {
            Some(schedule) => schedule.next(timeout, self.fuel),
            None => Next::AsItEnds,
        };
        match next {
            Next::AsItEnds => self.some(timeout).await,
            Next::These(ids, changed) => {
                let clock = Arc::clone(&self.clock);
                let _waiting = clock.guest_waits();
                return self.these(&ids, changed).await;
            }
            Next::HasEnded => {
                let timers = std::mem::take(&mut self.timers).into_values();
                self.ready.extend(timers.map(|(_, ended)| ended));
                self.some(Some(Duration::ZERO)).await;
            }
            Next::Never => std::future::pending().await,
        }
        self.deliver()
    }

    /// Waits until something has ended, up to a time.
    async fn some(&mut self, timeout: Option<Duration>) {
        if self.ready.is_empty() {
            let clock = Arc::clone(&self.clock);
            let _waiting = clock.guest_waits();
            match timeout {
                Some(Duration::ZERO) => {
                    tokio::task::yield_now().await;
                    self.collect();
                }
                Some(timeout) => {
                    let first = async {
                        self.first().await;
                        if self.ready.is_empty() {
                            std::future::pending::<()>().await;
                        }
                    };
                    let _timed_out = tokio::time::timeout(timeout, first).await;
                }
                None => self.first().await,
            }
        }
    }

    /// Hands over these operations when all of them have ended, and nothing else.
    async fn these(&mut self, ids: &[u64], changed: Vec<String>) -> Vec<u8> {
        for id in ids {
            if let Some((_, ended)) = self.timers.remove(id) {
                self.ready.push_back(ended);
            }
        }
        let ended = self.taken(ids).await;
        let mut packed = Vec::new();
        pack_changed(&mut packed, changed);
        for ended in ended {
            let id = ended.id;
            let (form, payload) = self.hand_over(ended);
            pack(&mut packed, id, form.byte(), &payload);
        }
        if let Some(schedule) = &self.schedule {
            schedule.handed_over(ids, &[]);
        }
        packed
    }

    /// Waits until these operations have ended, and takes them.
    pub(super) async fn taken(&mut self, ids: &[u64]) -> Vec<Ended> {
        let mut taken = Vec::new();
        for id in ids {
            loop {
                if let Some(position) = self.ready.iter().position(|ended| ended.id == *id) {
                    taken.extend(self.ready.remove(position));
                    break;
                }
                // What is not under way never ends: a schedule may be a hostile recording's.
                if !self.aborts.contains_key(id) {
                    break;
                }
                match self.running.join_next().await {
                    Some(Ok(ended)) => self.end(ended),
                    Some(Err(_cancelled)) => {}
                    None => break,
                }
            }
        }
        taken
    }

    /// Waits until one operation has ended, or until none is under way.
    async fn first(&mut self) {
        while self.ready.is_empty() {
            match self.running.join_next().await {
                Some(Ok(ended)) => self.end(ended),
                Some(Err(_cancelled)) => {}
                None => return,
            }
        }
    }

    /// Takes in everything that ended meanwhile.
    pub(super) fn collect(&mut self) {
        while let Some(joined) = self.running.try_join_next() {
            if let Ok(ended) = joined {
                self.end(ended);
            }
        }
    }

    pub(super) fn end(&mut self, ended: Ended) {
        // A cancelled operation may have ended before its task heard of it.
        if self.aborts.remove(&ended.id).is_some() {
            self.ready.push_back(ended);
        }
    }

    fn deliver(&mut self) -> Vec<u8> {
        let mut packed = Vec::new();
        let changed = match self.ready.is_empty() {
            true => Vec::new(),
            false => self.tools.changed(),
        };
        let told = self
            .schedule
            .clone()
            .map(|schedule| (schedule, changed.clone()));
        let mut ids = Vec::new();
        pack_changed(&mut packed, changed);
        while packed.len() < DELIVERY
            && let Some(ended) = self.ready.pop_front()
        {
            let id = ended.id;
            let (form, payload) = self.hand_over(ended);
            match packed.is_empty() {
                // The first may be as large as an answer can be: it is not copied.
                true => packed = packed_alone(id, form.byte(), payload),
                false => pack(&mut packed, id, form.byte(), &payload),
            }
            if told.is_some() {
                ids.push(id);
            }
        }
        if let Some((schedule, changed)) = told {
            schedule.handed_over(&ids, &changed);
        }
        packed
    }

    /// What is charged for it is held until the guest comes again: by then it has a copy of its own.
    pub(super) fn hand_over(&mut self, ended: Ended) -> (Form, Vec<u8>) {
        self.close(&ended);
        self.delivered.push(ended.charge);
        (ended.form, ended.payload)
    }
}

/// Tells the names of namespaces whose tools changed, if there are any.
fn pack_changed(packed: &mut Vec<u8>, changed: Vec<String>) {
    if !changed.is_empty() {
        let names = serde_json::Value::from(changed).to_string();
        pack(packed, NEWS, 1, names.as_bytes());
    }
}
