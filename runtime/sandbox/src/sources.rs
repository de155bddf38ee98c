//! The clocks and random numbers that guests see.

use std::time::Duration;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng as _;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::clocks::WasiClocksView as _;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};
use wxmcp_run::{Clocks, Randomness};

use crate::guest::State;

/// Tells which of two streams of one seed a generator draws from: what a script draws for one purpose must not
/// repeat what it draws for another.
const INSECURE_STREAM: u64 = 1;

/// Sets the random numbers of one run.
pub(crate) fn set(builder: &mut WasiCtxBuilder, randomness: Randomness) {
    if let Randomness::Seeded(key) = randomness {
        let mut insecure = ChaCha20Rng::from_seed(key);
        insecure.set_stream(INSECURE_STREAM);
        let (low, _) = key.split_at(16);
        let low = low.try_into().map_or(0, u128::from_le_bytes);
        builder
            .secure_random(ChaCha20Rng::from_seed(key))
            .insecure_random(insecure)
            .insecure_random_seed(low);
    }
}

/// Offers the clocks of WASI to guests: those of a run may be given, and may go by the fuel that it has used. The
/// linker must let them replace the engine's own.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut wall = linker.instance("wasi:clocks/wall-clock@0.2.12")?;
    wall.func_wrap("now", |mut store: StoreContextMut<'_, State>, (): ()| {
        let state = store.data_mut();
        let now = match &state.clocks {
            Clocks::Live => wall_clock::Host::now(&mut state.clocks())?,
            Clocks::Given(clocks) => {
                let now = clocks.wall(state.meter.used());
                wall_clock::Datetime {
                    seconds: now.as_secs(),
                    nanoseconds: now.subsec_nanos(),
                }
            }
        };
        Ok((now,))
    })?;
    let mut monotonic = linker.instance("wasi:clocks/monotonic-clock@0.2.12")?;
    monotonic.func_wrap("now", |mut store: StoreContextMut<'_, State>, (): ()| {
        Ok((monotonic_now(store.data_mut())?,))
    })?;
    monotonic.func_wrap(
        "subscribe-instant",
        |mut store: StoreContextMut<'_, State>, (when,): (u64,)| {
            let state = store.data_mut();
            let now = match &state.clocks {
                // A second reading of a recording's clock would be one too many.
                Clocks::Live => monotonic_now(state)?,
                Clocks::Given(clocks) => nanoseconds(clocks.monotonic(state.meter.used())),
            };
            subscribe(state, when.saturating_sub(now))
        },
    )?;
    monotonic.func_wrap(
        "subscribe-duration",
        |mut store: StoreContextMut<'_, State>, (nanoseconds,): (u64,)| {
            subscribe(store.data_mut(), nanoseconds)
        },
    )
}

fn monotonic_now(state: &mut State) -> wasmtime::Result<u64> {
    match &state.clocks {
        Clocks::Live => monotonic_clock::Host::now(&mut state.clocks()),
        Clocks::Given(clocks) => Ok(nanoseconds(clocks.monotonic(state.meter.used()))),
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// What is ready after so many nanoseconds. A guest that makes it waits for nothing else: operations of ours are no
/// pollables.
fn subscribe(state: &mut State, nanoseconds: u64) -> wasmtime::Result<(Resource<DynPollable>,)> {
    let takes_time = match &state.clocks {
        Clocks::Live => true,
        Clocks::Given(clocks) => clocks.slept(Duration::from_nanos(nanoseconds)),
    };
    let nanoseconds = if takes_time { nanoseconds } else { 0 };
    let pollable = monotonic_clock::Host::subscribe_duration(&mut state.clocks(), nanoseconds)?;
    Ok((pollable,))
}
