//! Feeds hostile input to what reads it: `fuzz TARGET [options of libFuzzer] [folders of inputs]`.
//!
//! Each target is a function of bytes. It measures the work that it is about ([`cost::within`]), whose bound is a line: so much
//! in any case, and so much for each byte of the input. Then it holds against each other what must agree. Whatever is wrong panics.

mod cost;
mod targets;

use std::ffi::CString;
use std::os::raw::{c_char, c_int};
use std::sync::OnceLock;

use targets::{TARGETS, Target};

// The library has the functions that are called below.
use libfuzzer_sys as _;

#[global_allocator]
static ALLOCATOR: cost::Counting = cost::Counting;

static TARGET: OnceLock<&Target> = OnceLock::new();

#[expect(unsafe_code, reason = "libFuzzer is C++")]
// The C library before libFuzzer, whose own `memcmp` and the like find the others only in a program that is not static: see `build.rs`.
#[cfg_attr(
    target_feature = "crt-static",
    link(name = "c", kind = "static", modifiers = "-bundle")
)]
unsafe extern "C" {
    fn LLVMFuzzerRunDriver(
        count: *mut c_int,
        arguments: *mut *mut *mut c_char,
        one: extern "C" fn(*const u8, usize) -> c_int,
    ) -> c_int;
}

/// A panic ends the process here: libFuzzer then keeps the input.
extern "C" fn one(data: *const u8, size: usize) -> c_int {
    let mut input: &[u8] = &[];
    if size > 0 {
        #[expect(unsafe_code, reason = "libFuzzer is C++")]
        // SAFETY: libFuzzer keeps these bytes until the function returns.
        let given = unsafe { std::slice::from_raw_parts(data, size) };
        input = given;
    }
    if let Some(target) = TARGET.get() {
        (target.run)(input);
    }
    0
}

/// `LLVMFuzzerTestOneInput` of the library calls it, which nothing calls.
#[expect(unsafe_code, reason = "the name is that which the library wants")]
#[unsafe(no_mangle)]
extern "C" fn rust_fuzzer_test_input(_data: *const u8, _size: usize) -> i32 {
    0
}

#[expect(clippy::print_stderr, reason = "a program for the terminal")]
fn main() -> std::process::ExitCode {
    let mut arguments: Vec<String> = std::env::args().collect();
    let name = if arguments.len() > 1 {
        arguments.remove(1)
    } else {
        String::new()
    };
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        for target in TARGETS {
            eprintln!("{}", target.name);
        }
        return std::process::ExitCode::from(2);
    };
    let _first = TARGET.set(target);
    libfuzzer_sys::initialize(std::ptr::null(), std::ptr::null());
    // Options that are given count, since the last one does.
    arguments.insert(1, format!("-max_len={}", target.longest));
    let arguments = arguments.into_iter().map(CString::new);
    let Ok(arguments) = arguments.collect::<Result<Vec<_>, _>>() else {
        return std::process::ExitCode::from(2);
    };
    let mut pointers: Vec<*mut c_char> = arguments.into_iter().map(CString::into_raw).collect();
    let mut count = c_int::try_from(pointers.len()).unwrap_or_default();
    pointers.push(std::ptr::null_mut());
    let mut pointers = pointers.as_mut_ptr();
    #[expect(unsafe_code, reason = "libFuzzer is C++")]
    // SAFETY: so many texts that end with NUL, which are never freed.
    let code = unsafe { LLVMFuzzerRunDriver(&raw mut count, &raw mut pointers, one) };
    std::process::ExitCode::from(u8::try_from(code).unwrap_or(1))
}
