//! Engine settings, the same when natives are compiled and when they are loaded.

use std::num::NonZeroUsize;
use std::time::Duration;

use wasmtime::component::Component;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
};

use crate::limits::{CORE_INSTANCES, MEMORIES, TABLE_ELEMENTS};
use wxmcp_run::RunError;

/// Stack of guest code, in bytes. CPython turns `json.loads('[' * 100_000)` into a
/// RecursionError at 64 MiB and traps at 4 MiB; untouched pages cost nothing.
const GUEST_STACK: usize = 64 << 20;

/// The same of a supplied component: each of its tasks that stands still may hold
/// one, and what stacks hold is not counted as memory.
const SUPPLIED_STACK: usize = 16 << 20;

/// Host frames that run on the guest's fiber, below its own stack, in bytes.
const HOST_STACK: usize = 1 << 20;

/// A guest that traps with this many frames has overflowed a stack; so many are noted.
pub(crate) const DEEP: NonZeroUsize = NonZeroUsize::new(500).unwrap();

/// A memory image up to this size is mapped copy-on-write even where it is sparse.
const MEMORY_IMAGE: u64 = 512 << 20;

/// Largest memory image of a supplied component that is made whatever is in it.
const SUPPLIED_IMAGE: u64 = 32 << 20;

/// How often a supplied component lets the host look at its clock.
const TICK: Duration = Duration::from_millis(10);

/// How instances get their memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocation {
    /// Each instance maps its own. Right for a process that runs one script.
    OnDemand,
    /// Slots for this many live instances are kept and reused. Right for servers.
    Pooled {
        /// How many instances may live at once.
        instances: u32,
        /// Largest linear memory of one instance, in bytes.
        memory: usize,
    },
}

/// An error of the engine.
pub(crate) fn engine_error(error: wasmtime::Error) -> RunError {
    RunError::Engine(error.into())
}

/// An engine that can run natives made by [`compile`].
///
/// # Errors
/// When the machine lacks what the settings need.
pub fn engine(allocation: Allocation) -> Result<Engine, RunError> {
    let mut config = settings();
    config.enable_compiler(false);
    if let Allocation::Pooled { instances, memory } = allocation {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(instances, memory)));
    }
    Engine::new(&config).map_err(engine_error)
}

/// Compiles a component of ours to native code for a baseline CPU of this
/// machine's architecture: the output runs on every CPU of that architecture.
///
/// # Errors
/// When the component does not validate or cannot be compiled.
pub fn compile(component: &[u8]) -> wasmtime::Result<Vec<u8>> {
    compile_at(OptLevel::Speed, component)
}

/// The same in less time: native code that is slower, to try a guest.
///
/// # Errors
/// When the component does not validate or cannot be compiled.
pub fn compile_quickly(component: &[u8]) -> wasmtime::Result<Vec<u8>> {
    compile_at(OptLevel::None, component)
}

fn compile_at(level: OptLevel, component: &[u8]) -> wasmtime::Result<Vec<u8>> {
    let mut config = settings();
    config.cranelift_opt_level(level);
    // Naming a target keeps the build machine's own CPU features out.
    config.target(TARGET)?;
    Engine::new(&config)?.precompile_component(component)
}

/// An engine that can run what [`compile_supplied`] made.
///
/// # Errors
/// When the machine lacks what the settings need.
pub(crate) fn supplied_engine() -> wasmtime::Result<Engine> {
    let mut config = supplied_settings();
    config.enable_compiler(false);
    let engine = Engine::new(&config)?;
    let ticking = engine.weak();
    // Ends with the engine.
    std::thread::spawn(move || {
        while let Some(engine) = ticking.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    });
    Ok(engine)
}

/// Compiles a supplied component. The caller must bound its time and memory.
///
/// # Errors
/// When the component does not validate or cannot be compiled.
pub(crate) fn compile_supplied(engine: &Engine, component: &[u8]) -> wasmtime::Result<Vec<u8>> {
    Component::new(engine, component)?.serialize()
}

/// The engine that does.
///
/// # Errors
/// When the machine lacks what the settings need.
pub(crate) fn compiling_engine() -> wasmtime::Result<Engine> {
    let mut config = supplied_settings();
    config.cranelift_opt_level(OptLevel::Speed);
    config.target(TARGET)?;
    // Instances that a few bytes can make millions of are counted by this allocator alone.
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(supplied_pool()));
    Engine::new(&config)
}

/// What one supplied component may have, all of it together.
fn supplied_pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(1)
        // 16 bytes of it are an instance.
        .max_component_instance_size(4 << 20)
        .total_core_instances(CORE_INSTANCES)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_core_instance_size(16 << 20)
        .total_memories(MEMORIES)
        .max_memories_per_component(MEMORIES)
        .max_memories_per_module(MEMORIES)
        .max_memory_size(1 << 32)
        .total_tables(CORE_INSTANCES)
        .max_tables_per_component(CORE_INSTANCES)
        .max_tables_per_module(CORE_INSTANCES)
        .table_elements(TABLE_ELEMENTS / 4)
        .total_stacks(1);
    pool
}

/// The target that is compiled for.
pub const TARGET: &str = if cfg!(all(target_arch = "x86_64", target_os = "linux")) {
    "x86_64-unknown-linux-gnu"
} else if cfg!(all(target_arch = "aarch64", target_os = "linux")) {
    "aarch64-unknown-linux-gnu"
} else if cfg!(all(target_arch = "x86_64", target_os = "macos")) {
    "x86_64-apple-darwin"
} else {
    "aarch64-apple-darwin"
};

/// The settings for guests, and what components of today's toolchains need besides: functions
/// that go on while others do. What none of them needs is off.
fn supplied_settings() -> Config {
    let mut config = settings();
    config
        .concurrency_support(true)
        .wasm_component_model_async(true)
        .wasm_threads(false)
        .wasm_gc(false)
        .shared_memory(false)
        .consume_fuel(true)
        // A component may do what takes the host long and takes no fuel: it must yield by time.
        .epoch_interruption(true)
        .memory_guaranteed_dense_image_size(SUPPLIED_IMAGE)
        .max_wasm_stack(SUPPLIED_STACK)
        .async_stack_size(SUPPLIED_STACK + HOST_STACK);
    config
}

fn settings() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        // Our guests count by themselves, and mark the branch to the host as unlikely.
        .wasm_branch_hinting(true)
        // The same answer on every machine.
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        // Neither is needed to run, and both make loading slower.
        .native_unwind_info(false)
        .generate_address_map(false)
        .wasm_backtrace_max_frames(Some(DEEP))
        .memory_init_cow(true)
        .memory_guaranteed_dense_image_size(MEMORY_IMAGE)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(GUEST_STACK + HOST_STACK);
    config
}

fn pool(instances: u32, memory: usize) -> PoolingAllocationConfig {
    // A flat guest has three core instances (shim, merged, fix-up), one memory
    // and two tables; the largest table of the Python guest has 13,000 entries.
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(4))
        .total_memories(instances)
        .total_tables(instances.saturating_mul(4))
        .total_stacks(instances)
        .max_core_instances_per_component(4)
        .max_memories_per_component(1)
        .max_tables_per_component(4)
        .max_component_instance_size(4 << 20)
        .max_core_instance_size(4 << 20)
        .table_elements(40_000)
        .max_memory_size(memory)
        .linear_memory_keep_resident(8 << 20)
        // What an instance wrote of its tables is cleared: pages that are given back cost a fault in the next one.
        .table_keep_resident(1 << 20)
        .pagemap_scan(Enabled::Auto);
    pool
}
