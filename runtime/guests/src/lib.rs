//! The interpreters that `make guests` built, inside the executable that uses this crate.

use wxmcp_host::Natives;
use wxmcp_sandbox::NativeGuest;

/// CPython, whole standard library included.
static PYTHON: NativeGuest = NativeGuest {
    name: "python",
    component: env!("WXMCP_PYTHON_COMPONENT"),
    sha256: env!("WXMCP_PYTHON_SHA256"),
    size: size(env!("WXMCP_PYTHON_SIZE")),
    compressed: include_bytes!(env!("WXMCP_PYTHON_NATIVE")),
};

/// StarlingMonkey.
static JAVASCRIPT: NativeGuest = NativeGuest {
    name: "javascript",
    component: env!("WXMCP_JAVASCRIPT_COMPONENT"),
    sha256: env!("WXMCP_JAVASCRIPT_SHA256"),
    size: size(env!("WXMCP_JAVASCRIPT_SIZE")),
    compressed: include_bytes!(env!("WXMCP_JAVASCRIPT_NATIVE")),
};

/// Every interpreter.
pub const NATIVES: Natives = Natives {
    python: &PYTHON,
    javascript: &JAVASCRIPT,
};

const fn size(digits: &str) -> u64 {
    match u64::from_str_radix(digits, 10) {
        Ok(size) => size,
        Err(_) => panic!("the build script wrote a size that is no number"),
    }
}
