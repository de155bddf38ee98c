//! One after the other: what the tool files of a deterministic run do.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use wxmcp_run::{BoxFuture, Turn};

/// The calls that have begun and not ended: a tool file waits for all that began before its own, so that what the
/// tools of one run do to files and databases happens in one order.
#[derive(Default)]
pub(crate) struct Turns {
    open: Mutex<BTreeSet<u64>>,
    ended: Notify,
}

pub(crate) struct InTurn {
    turns: Arc<Turns>,
    id: u64,
}

impl InTurn {
    pub(crate) fn take(turns: &Arc<Turns>, id: u64) -> Self {
        turns.open.lock().insert(id);
        let turns = Arc::clone(turns);
        Self { turns, id }
    }

    fn is_first(&self) -> bool {
        self.turns.open.lock().first() == Some(&self.id)
    }
}

impl Turn for InTurn {
    fn comes(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let mut ended = std::pin::pin!(self.turns.ended.notified());
            loop {
                // Before it looks, so that no end is missed between.
                ended.as_mut().enable();
                if self.is_first() {
                    return;
                }
                ended.as_mut().await;
                ended.set(self.turns.ended.notified());
            }
        })
    }
}

impl Drop for InTurn {
    fn drop(&mut self) {
        self.turns.open.lock().remove(&self.id);
        self.turns.ended.notify_waiters();
    }
}
