//! The clocks and random numbers that guests see.

use std::time::Duration;

use chacha20::ChaCha20Rng;
use chacha20::rand_core::SeedableRng as _;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder};
use wxmcp_run::{Clocks, GivenClocks, Randomness};

/// Tells which of two streams of one seed a generator draws from: what a script draws for one purpose must not
/// repeat what it draws for another.
const INSECURE_STREAM: u64 = 1;

/// Sets the sources of one run.
pub(crate) fn set(builder: &mut WasiCtxBuilder, clocks: Clocks, randomness: Randomness) {
    if let Clocks::Given(given) = clocks {
        builder
            .wall_clock(Wall(given.clone()))
            .monotonic_clock(Monotonic(given));
    }
    if let Randomness::Seeded(seed) = randomness {
        let mut insecure = ChaCha20Rng::seed_from_u64(seed);
        insecure.set_stream(INSECURE_STREAM);
        builder
            .secure_random(ChaCha20Rng::seed_from_u64(seed))
            .insecure_random(insecure)
            .insecure_random_seed(seed.into());
    }
}

struct Wall(std::sync::Arc<dyn GivenClocks>);

impl HostWallClock for Wall {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        self.0.wall()
    }
}

struct Monotonic(std::sync::Arc<dyn GivenClocks>);

impl HostMonotonicClock for Monotonic {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        u64::try_from(self.0.monotonic().as_nanos()).unwrap_or(u64::MAX)
    }
}
