//! The host's side of how our guests count their instructions (`guest-build meter`).
//!
//! A guest has a counter of its own, and gets units for it in slices. It says what is left of
//! them when it asks for more, before it calls the host, and when it returns: what was used is
//! known then, and the run ends in none but these places, save by a trap.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use wasmtime::component::Linker;
use wasmtime::{Store, StoreContextMut};

use crate::guest::State;
use crate::limits::Stop;
use wxmcp_run::Limit;

/// Units after which a computing guest lets the host look at its clock: about 4 ms at the
/// 5 units a nanosecond that CPython was measured at.
pub(crate) const SLICE: u64 = 20_000_000;

/// Who counts what a guest uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metering {
    /// It does, being one of ours.
    Guest,
    /// The engine does.
    Engine,
}

impl Metering {
    /// Begins a run.
    pub(crate) fn begin(
        self,
        store: &mut Store<State>,
        limit: Option<u64>,
    ) -> wasmtime::Result<()> {
        match self {
            Self::Guest => store.data_mut().meter.begin(limit),
            Self::Engine => {
                store.set_fuel(limit.unwrap_or(u64::MAX))?;
                store.fuel_async_yield_interval(Some(SLICE))?;
            }
        }
        Ok(())
    }

    /// What the run has used.
    pub(crate) fn used(self, store: &Store<State>, limit: Option<u64>) -> u64 {
        match self {
            Self::Guest => store.data().meter.used(),
            Self::Engine => limit
                .unwrap_or(u64::MAX)
                .saturating_sub(store.get_fuel().unwrap_or(0)),
        }
    }
}

/// What one run may use, and has used.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    limit: Option<u64>,
    /// What it used, and the runs that it started.
    used: Arc<AtomicU64>,
    /// Whether another run started this one.
    is_started: bool,
    /// What the guest's counter held when it was last known.
    held: i64,
    /// Units until the host has its turn.
    slice: u64,
}

impl Meter {
    /// The meter of a run whose units count for others, too, perhaps of one that they started.
    pub(crate) fn among(used: Arc<AtomicU64>, is_started: bool) -> Self {
        Self {
            used,
            is_started,
            ..Self::default()
        }
    }

    /// Begins a run: nothing is used, and what the guest still holds will be taken from it.
    pub(crate) fn begin(&mut self, limit: Option<u64>) {
        (self.limit, self.slice) = (limit, SLICE);
        if !self.is_started {
            self.used.store(0, Ordering::Relaxed);
        }
    }

    /// Units used up to the guest's last report, at most the limit.
    pub(crate) fn used(&self) -> u64 {
        self.all().min(self.limit.unwrap_or(u64::MAX))
    }

    fn all(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Hears what is left of what the guest held. A guest's counter only falls.
    fn note(&mut self, left: i64) {
        let spent = u64::try_from(i128::from(self.held) - i128::from(left)).unwrap_or(0);
        self.held = left;
        // A guest may say anything: what is counted stays at the most that there is.
        let add = |used: u64| Some(used.saturating_add(spent));
        let _all = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        self.slice = self.slice.saturating_sub(spent);
    }

    /// What the guest may hold until it must ask again.
    fn take(&mut self) -> i64 {
        let allowed = self
            .limit
            .map_or(u64::MAX, |limit| limit.saturating_sub(self.all()));
        self.held = i64::try_from(self.slice.min(allowed)).unwrap_or(i64::MAX);
        self.held
    }

    /// The limit, if more was used.
    fn exceeded(&self) -> Option<Limit> {
        let limit = self.limit?;
        (self.all() > limit).then_some(Limit::Fuel(limit))
    }
}

/// Offers the interface to guests that count.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut meter = linker.instance("wxmcp:guest/meter@0.1.0")?;
    meter.func_wrap_async(
        "grant",
        |mut store: StoreContextMut<'_, State>, (left,): (i64,)| {
            Box::new(async move {
                let meter = &mut store.data_mut().meter;
                meter.note(left);
                if let Some(limit) = meter.exceeded() {
                    return Err(Stop(limit).into());
                }
                meter.slice = SLICE;
                tokio::task::yield_now().await;
                Ok((store.data_mut().meter.take(),))
            })
        },
    )?;
    meter.func_wrap(
        "take",
        |mut store: StoreContextMut<'_, State>, (left,): (i64,)| {
            let meter = &mut store.data_mut().meter;
            meter.note(left);
            Ok((meter.take(),))
        },
    )?;
    meter.func_wrap(
        "note",
        |mut store: StoreContextMut<'_, State>, (left,): (i64,)| {
            store.data_mut().meter.note(left);
            Ok(())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(number: u64) -> i64 {
        i64::try_from(number).unwrap()
    }

    #[test]
    fn a_guest_gets_slices_until_its_limit_is_used() {
        let mut meter = Meter::default();
        meter.begin(Some(SLICE + 10));
        assert_eq!(meter.take(), units(SLICE));
        meter.note(-5);
        assert_eq!(meter.used(), SLICE + 5);
        assert_eq!(meter.exceeded(), None);
        meter.slice = SLICE;
        assert_eq!(meter.take(), 5);
        meter.note(0);
        assert_eq!(meter.exceeded(), None);
        assert_eq!(meter.take(), 0);
        meter.note(-1);
        assert_eq!(meter.exceeded(), Some(Limit::Fuel(SLICE + 10)));
        assert_eq!(meter.used(), SLICE + 10);
    }

    #[test]
    fn many_short_entries_use_up_a_slice_as_one_long_does() {
        let mut meter = Meter::default();
        meter.begin(None);
        for spent in 1..=4 {
            assert_eq!(meter.take(), units(SLICE - (spent - 1) * SLICE / 4));
            meter.note(units(SLICE - spent * SLICE / 4));
        }
        assert_eq!(meter.take(), 0);
    }

    #[test]
    fn a_run_begins_at_zero_whatever_the_guest_still_holds() {
        let mut meter = Meter::default();
        meter.begin(None);
        meter.take();
        meter.note(units(SLICE / 2));
        meter.begin(Some(100));
        // What allocated for the host took 30 of the units that were held.
        meter.note(units(SLICE / 2) - 30);
        assert_eq!(meter.take(), 70);
        assert_eq!(meter.used(), 30);
    }

    #[test]
    fn a_counter_that_rises_gives_nothing_back() {
        let mut meter = Meter::default();
        meter.begin(Some(100));
        meter.take();
        meter.note(40);
        meter.note(i64::MAX);
        assert_eq!(meter.used(), 60);
        meter.note(i64::MIN);
        assert_eq!(meter.exceeded(), Some(Limit::Fuel(100)));
    }
}
