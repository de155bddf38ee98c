//! How the program is linked.

/// Functions that libFuzzer has versions of, which look for the C library's at run time.
const COMPARING: [&str; 9] = [
    "bcmp",
    "memcmp",
    "memmem",
    "strcasecmp",
    "strcasestr",
    "strcmp",
    "strncasecmp",
    "strncmp",
    "strstr",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_STEPS").is_some() {
        // libFuzzer has a function of this name, too, which refuses to count steps; ours comes first.
        println!("cargo::rustc-link-arg-bins=-Wl,-z,muldefs");
    }
    let features = std::env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    if features.split(',').any(|feature| feature == "crt-static") {
        // Of a static program nothing can be found at run time. What is wanted from the beginning is taken from the C library,
        // which the linker sees first (`main.rs`).
        for name in COMPARING {
            println!("cargo::rustc-link-arg-bins=-Wl,-u,{name}");
        }
    }
}
