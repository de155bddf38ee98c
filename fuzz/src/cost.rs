//! What an input costs: bytes from the allocator, and steps of the code.
//!
//! Neither depends on the machine or on what else it does, so a bound that holds here holds everywhere.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Bytes that may be allocated at a time before the process ends: what the machine has is not the bound.
const MOST: u64 = 2 << 30;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static ALLOCATED: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicU64 = AtomicU64::new(0);
static PEAK: AtomicU64 = AtomicU64::new(0);
static STEPS: AtomicU64 = AtomicU64::new(0);
/// Steps at which the process ends.
static LAST_STEP: AtomicU64 = AtomicU64::new(u64::MAX);

/// Counts what the system's allocator hands out.
pub(crate) struct Counting;

#[expect(unsafe_code, reason = "it is how an allocator is replaced")]
// SAFETY: the system's allocator does the work, with the very same arguments.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match took(layout.size()) {
            true => unsafe { System.alloc(layout) },
            false => std::ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        gave(layout.size());
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !took(size) {
            return std::ptr::null_mut();
        }
        gave(layout.size());
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn took(bytes: usize) -> bool {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    ALLOCATIONS.fetch_add(1, Relaxed);
    ALLOCATED.fetch_add(bytes, Relaxed);
    let live = LIVE.fetch_add(bytes, Relaxed).wrapping_add(bytes);
    PEAK.fetch_max(live, Relaxed);
    live < MOST
}

fn gave(bytes: usize) {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    LIVE.fetch_sub(bytes, Relaxed);
}

/// Called at each edge of code that was compiled by `instrument.sh`; LLVM leaves functions of such names alone.
#[cfg(feature = "steps")]
#[expect(unsafe_code, reason = "the name is that which LLVM calls")]
#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_trace_pc_guard(_edge: *mut u32) {
    // Not exact where threads count at once, but a third of the time of what is.
    let steps = STEPS.load(Relaxed).wrapping_add(1);
    STEPS.store(steps, Relaxed);
    if steps >= LAST_STEP.load(Relaxed) {
        // libFuzzer keeps the input of a process that aborts.
        std::process::abort();
    }
}

/// Called by each crate at the start, to number its edges. They need no numbers.
#[cfg(feature = "steps")]
#[expect(unsafe_code, reason = "the name is that which LLVM calls")]
#[unsafe(no_mangle)]
extern "C" fn __sanitizer_cov_trace_pc_guard_init(_first: *mut u32, _last: *mut u32) {}

/// What an input may cost: so much in any case, and so much for each of its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line(pub(crate) u64, pub(crate) u64);

impl Line {
    fn at(self, size: usize) -> u64 {
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        self.0.saturating_add(self.1.saturating_mul(size))
    }
}

/// All that an input may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    /// Edges of the code that are taken; counted by `make fuzz` alone.
    pub(crate) steps: Line,
    /// Calls of the allocator.
    pub(crate) allocations: Line,
    /// Bytes at the worst moment.
    pub(crate) peak: Line,
}

/// Does work, and panics if it costs more than an input of `size` bytes may.
pub(crate) fn within<T>(bound: Bound, what: &str, size: usize, work: impl FnOnce() -> T) -> T {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let (allocations, allocated) = (ALLOCATIONS.load(Relaxed), ALLOCATED.load(Relaxed));
    let steps = STEPS.load(Relaxed);
    // Where there is no end, there is no time to compare afterwards.
    let most = bound.steps.at(size).saturating_mul(4);
    LAST_STEP.store(steps.saturating_add(most), Relaxed);
    let result = work();
    LAST_STEP.store(u64::MAX, Relaxed);
    let cost = Cost {
        steps: STEPS.load(Relaxed).wrapping_sub(steps),
        allocations: ALLOCATIONS.load(Relaxed).wrapping_sub(allocations),
        allocated: ALLOCATED.load(Relaxed).wrapping_sub(allocated),
        peak: PEAK.load(Relaxed).saturating_sub(before),
    };
    cost.show(what, size);
    for (name, found, line) in [
        ("steps", cost.steps, bound.steps),
        ("allocations", cost.allocations, bound.allocations),
        ("bytes at a time", cost.peak, bound.peak),
    ] {
        let most = line.at(size);
        assert!(
            found <= most,
            "{what}: {found} {name} for an input of {size} bytes, which may cost {most}"
        );
    }
    result
}

#[derive(Clone, Copy)]
struct Cost {
    steps: u64,
    allocations: u64,
    allocated: u64,
    peak: u64,
}

/// Counters that libFuzzer looks at after each input: one that costs more for each of its bytes than others is worth keeping, even if
/// it reaches no code that they do not.
#[expect(unsafe_code, reason = "the section is that which libFuzzer reads")]
#[unsafe(link_section = "__libfuzzer_extra_counters")]
static COUNTERS: [std::sync::atomic::AtomicU8; 4 * BUCKETS] =
    [const { std::sync::atomic::AtomicU8::new(0) }; 4 * BUCKETS];

const BUCKETS: usize = 128;

/// Highest cost of each kind for a byte, in thousandths, since the process began.
static HIGHEST: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];
static TOLD: AtomicUsize = AtomicUsize::new(usize::MAX);

impl Cost {
    /// Tells libFuzzer what it cost, and the terminal where that was wished for (`WXMCP_FUZZ_COSTS`).
    #[expect(clippy::print_stderr, reason = "a program for the terminal")]
    fn show(self, what: &str, size: usize) {
        let size_or_so = u64::try_from(size).unwrap_or(u64::MAX).saturating_add(64);
        let all = [self.steps, self.allocations, self.allocated, self.peak];
        for (kind, found) in all.into_iter().enumerate() {
            let each = found.saturating_mul(1000) / size_or_so;
            // Two buckets for each doubling.
            let doublings = each.checked_ilog2().unwrap_or(0);
            let half = u32::from(each.saturating_mul(2) >= 3_u64 << doublings);
            let bucket = usize::try_from(doublings * 2 + half).unwrap_or_default() % BUCKETS;
            if let Some(counter) = COUNTERS.get(kind * BUCKETS + bucket) {
                counter.store(1, Relaxed);
            }
            if let Some(highest) = HIGHEST.get(kind)
                && highest.fetch_max(each, Relaxed) < each
                && is_told()
            {
                let name = ["steps", "allocations", "allocated", "peak"].get(kind);
                let name = name.unwrap_or(&"");
                eprintln!("cost: {what}: {found} {name} of {size} bytes");
            }
        }
    }
}

fn is_told() -> bool {
    match TOLD.load(Relaxed) {
        usize::MAX => {
            let is_told = std::env::var_os("WXMCP_FUZZ_COSTS").is_some();
            TOLD.store(usize::from(is_told), Relaxed);
            is_told
        }
        told => told == 1,
    }
}

/// Does work; what it took at the worst moment, and what its result takes, in bytes.
pub(crate) fn taken<T>(work: impl FnOnce() -> T) -> (T, u64, u64) {
    let before = LIVE.load(Relaxed);
    PEAK.store(before, Relaxed);
    let result = work();
    let peak = PEAK.load(Relaxed).saturating_sub(before);
    let live = LIVE.load(Relaxed).saturating_sub(before);
    (result, peak, live)
}
