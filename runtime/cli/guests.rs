//! The guests that are inside this executable.

use std::path::PathBuf;

use wxmcp_sandbox::{Language, NativeCache, NativeGuest};

/// CPython, whole standard library included.
static PYTHON: NativeGuest = NativeGuest {
    name: "python",
    sha256: env!("WXMCP_PYTHON_SHA256"),
    size: size(env!("WXMCP_PYTHON_SIZE")),
    compressed: include_bytes!(env!("WXMCP_PYTHON_NATIVE")),
};

/// StarlingMonkey.
static JAVASCRIPT: NativeGuest = NativeGuest {
    name: "javascript",
    sha256: env!("WXMCP_JAVASCRIPT_SHA256"),
    size: size(env!("WXMCP_JAVASCRIPT_SIZE")),
    compressed: include_bytes!(env!("WXMCP_JAVASCRIPT_NATIVE")),
};

/// Every guest.
pub(crate) const ALL: [&NativeGuest; 2] = [&PYTHON, &JAVASCRIPT];

/// The guest that runs a language.
pub(crate) fn of(language: Language) -> &'static NativeGuest {
    match language {
        Language::Python => &PYTHON,
        Language::JavaScript | Language::TypeScript => &JAVASCRIPT,
    }
}

/// Where guests are unpacked: `WXMCP_CACHE_DIR`, else the user's cache directory;
/// none where there is no home.
pub(crate) fn cache() -> NativeCache {
    let directory = absolute("WXMCP_CACHE_DIR").or_else(|| {
        absolute("XDG_CACHE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
            .map(|caches| caches.join("wxmcp"))
    });
    NativeCache::new(directory)
}

fn absolute(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

const fn size(digits: &str) -> u64 {
    match u64::from_str_radix(digits, 10) {
        Ok(size) => size,
        Err(_) => panic!("the build script wrote a size that is no number"),
    }
}
